//! A transformer that asks for everything that can be granted without a network,
//! and says in variables what it got.

use std::fmt::Write;
use std::time::{Duration, Instant, SystemTime};

use tureen_plugin_sdk::prelude::*;

unsafe extern "C" {
    /// Of the C library: random bytes.
    fn getentropy(buffer: *mut u8, length: usize) -> i32;
}

#[derive(Default)]
struct Asks;

impl Transformer for Asks {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        context.set_variable("Environment", &environment())?;
        let secret = context.secret(&message.text("MSH-3")?);
        context.set_variable("Secret", &told(secret))?;
        let table = message.text("MSH-4")?;
        let found = context.lookup(&table, "A").map(|found| found.unwrap_or_default());
        context.set_variable("Lookup", &told(found))?;
        let formatted = context.format("A", &[("Lookup".to_owned(), table.clone())]);
        context.set_variable("Formatted", &told(formatted))?;
        let rows = context.row_count(&table).map(|rows| rows.to_string());
        context.set_variable("Rows", &told(rows))?;
        context.set_variable("Time", &steps())?;
        let written = context.expand("${CurrentDateTime:fffffff}")?;
        let coarse = written.ends_with("0000");
        context.set_variable("Written", if coarse { "coarse" } else { "exact" })?;
        context.set_variable("Random", &random())?;
        Ok(())
    }
}

fn environment() -> String {
    let named = std::env::vars().map(|(name, value)| format!("{name}:{value}"));
    named.collect::<Vec<_>>().join(",")
}

fn told(answer: Result<String, Problem>) -> String {
    answer.unwrap_or_else(|problem| problem.code)
}

/// Are there times that are no whole millisecond, by either clock?
fn steps() -> String {
    let start = Instant::now();
    let mut exact = false;
    let mut seen = 0;
    let mut last = Duration::ZERO;
    while seen < 5 {
        let now = start.elapsed();
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        exact |= now.subsec_nanos() % 1_000_000 != 0 || wall.subsec_nanos() % 1_000_000 != 0;
        if now != last {
            (last, seen) = (now, seen + 1);
        }
    }
    if exact { "exact".to_owned() } else { "coarse".to_owned() }
}

fn random() -> String {
    let mut bytes = [0_u8; 16];
    // SAFETY: the buffer has the length that is named.
    unsafe { getentropy(bytes.as_mut_ptr(), bytes.len()) };
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}

tureen_plugin_sdk::transformer!(Asks, handles = ["Test.Asks"]);
