//! Where commands print. Everything else in the host uses the log.

use std::io::{self, Write};

/// One line on standard output. A reader that has gone away is no fault.
pub(super) fn line(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// An error on standard error.
pub(super) fn error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "error: {text}");
}

/// Something to know beside the results, on standard error.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A warning on standard error.
pub(super) fn warning(text: &str) {
    let _ = writeln!(io::stderr().lock(), "warning: {text}");
}

/// A message for a person: segments on lines of their own, indented.
pub(super) fn message(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for segment in text.split(['\r', '\n']).filter(|segment| !segment.is_empty()) {
        line(&format!("    {segment}"));
    }
}
