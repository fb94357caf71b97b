//! Log lines: how they look, and what must not be in them.
//!
//! Message content never reaches the log at its default level: errors carry
//! places and shapes, third-party plugins' lines are shown only with `debug`,
//! and a panic is reported by its place, not by its words.

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

/// Lines that could not be written since the last that could.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Standard error, which may be a full disk or a reader that has gone: a line that cannot
/// be written is lost and counted, and the server goes on.
struct Lossy;

impl Write for Lossy {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().write_all(line).is_err() {
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
