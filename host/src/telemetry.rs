//! Log lines: how they look, and what must not be in them.
//!
//! Message content never reaches the log at its default level: errors carry
//! places and shapes, third-party plugins' lines are shown only with `debug`,
//! and a panic is reported by its place, not by its words.
//!
//! # Invariants
//! - An event is one line. Only a diagnostic goes on in further ones, which begin with two
//!   blanks: nobody's text or name can look like an event of its own.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Log, LogFormat};

/// Starts the log on standard error. `TUREEN_LOG` wins over the configuration.
pub fn start(log: &Log) {
    let level = std::env::var("TUREEN_LOG").unwrap_or_else(|_| log.level.clone());
    let filter = EnvFilter::try_new(&level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(|| Lossy)
        // It would tell on standard error, and panic there.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal());
    // A second start (a test, the demo in a test) keeps the first one's settings.
    let _ = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            place,
            "a fault of the server itself; its words may hold message content and are only in the debug log"
        );
        let words = panic.payload_as_str().unwrap_or("no text");
        tracing::debug!(place, words, "the words of the panic");
    }));
}

/// How a line of a diagnostic that goes on begins.
const FURTHER: &[u8] = b"  ";

/// An event as it was formatted, its line end included, with line ends escaped that would
/// begin something else than a further line of it. Names of workflows and files come here as
/// they are.
fn one_event(event: &[u8]) -> Cow<'_, [u8]> {
    let (text, end) = match event.strip_suffix(b"\n") {
        Some(text) => (text, &b"\n"[..]),
        None => (event, &b""[..]),
    };
    if !text.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return Cow::Borrowed(event);
    }
    let mut safe = Vec::with_capacity(event.len() + 8);
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        match byte {
            b'\n' if !after.starts_with(FURTHER) => safe.extend_from_slice(b"\\n"),
            b'\r' => safe.extend_from_slice(b"\\r"),
            byte => safe.push(*byte),
        }
        rest = after;
    }
    safe.extend_from_slice(end);
    Cow::Owned(safe)
}

/// Lines that could not be written since the last that could.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Standard error, which may be a full disk or a reader that has gone: a line that cannot
/// be written is lost and counted, and the server goes on.
struct Lossy;

impl Write for Lossy {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().write_all(&one_event(line)).is_err() {
            LOST.fetch_add(1, Ordering::Relaxed);
            return Ok(line.len());
        }
        let lost = LOST.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "lines of the log could not be written before this one");
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_goes_on_only_in_lines_that_begin_with_blanks() {
        for (event, expected) in [
            ("one\n", "one\n"),
            ("error[WF081]: x\n  at        a.json\n", "error[WF081]: x\n  at        a.json\n"),
            ("message{workflow=a\n2026 ERROR b}: x\n", "message{workflow=a\\n2026 ERROR b}: x\n"),
            ("a\r2026 ERROR b\n", "a\\r2026 ERROR b\n"),
            ("a\n\n  b\n\n", "a\\n\n  b\\n\n"),
            ("a\nb", "a\\nb"),
        ] {
            let found = one_event(event.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), expected, "{event:?}");
        }
    }
}
