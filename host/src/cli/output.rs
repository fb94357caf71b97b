//! Where commands print. Everything else in the host uses the log.
//!
//! # Invariants
//! - Results are written here and nowhere else.
//! - A reader that has gone away is no fault; any other result that cannot be written is told
//!   once, and the command ends with 2.

use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

/// Why standard output takes nothing any more. What would come after a gap is not written.
static ENDED: OnceLock<ErrorKind> = OnceLock::new();

/// One line on standard output.
pub(super) fn line(text: &str) {
    attempt(|| writeln!(io::stdout().lock(), "{text}"));
}

/// Standard output for those who print by themselves. Never fails: what cannot be written is
/// told here.
pub(super) struct Results;

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        attempt(|| io::stdout().lock().write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        attempt(|| io::stdout().lock().flush());
        Ok(())
    }
}

/// Has everything reached whoever wanted it? To be asked last.
pub(super) fn is_complete() -> bool {
    attempt(|| io::stdout().lock().flush());
    ENDED.get().is_none_or(|why| *why == ErrorKind::BrokenPipe)
}

/// Writes as long as writing works, and tells the first error.
fn attempt(write: impl FnOnce() -> io::Result<()>) {
    if ENDED.get().is_some() {
        return;
    }
    if let Err(failed) = write() {
        lost(&failed);
    }
}

/// Standard output took something no more: told once, unless its reader has gone away.
pub(super) fn lost(failed: &io::Error) {
    let is_first = ENDED.set(failed.kind()).is_ok();
    if is_first && failed.kind() != ErrorKind::BrokenPipe {
        error(&format!(
            "the result cannot be written to standard output: {failed}\n  help: make room where it goes, or send it elsewhere"
        ));
    }
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
