//! A transformer that does what the patient's id asks for: it breaks down in each of the ways in
//! which a plugin can, answers with an error, writes to the log, or works.

use std::time::Duration;

use tureen_plugin_sdk::prelude::*;

#[derive(Default)]
struct Fickle;

impl Transformer for Fickle {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let asked = message.text("PID-3.1")?;
        let (what, secret) = asked.split_once('-').unwrap_or((asked.as_str(), ""));
        match what {
            "TRAP" => break_down(secret),
            "LOOP" => run_on(),
            "SLEEP" => std::thread::sleep(Duration::from_secs(3_600)),
            "MEMORY" => take_memory(),
            "CALLS" => ask_on(message),
            "HANDLES" => hold_on(&message.bytes())?,
            "OUTPUT" => grow(message)?,
            "LOG" => {
                for number in 0..10 {
                    context.log(Level::Info, &format!("line {number} of {secret}"));
                }
            }
            "REJECT" => return Err(StepError::rejected("fickle.rejected", secret)),
            "FAIL" => return Err(StepError::failed("fickle.failed", secret)),
            "RETRY" => return Err(StepError::retryable("fickle.retry", secret)),
            _ => {}
        }
        Ok(())
    }
}

#[inline(never)]
fn break_down(secret: &str) {
    panic!("a panic with {secret}");
}

fn run_on() {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

fn take_memory() {
    let mut taken = Vec::new();
    loop {
        taken.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

fn ask_on(message: &Message) {
    loop {
        std::hint::black_box(message.format());
    }
}

fn hold_on(bytes: &[u8]) -> Result<(), StepError> {
    let mut held = Vec::new();
    loop {
        held.push(Message::parse(Format::Text, bytes)?);
    }
}

fn grow(message: &Message) -> Result<(), StepError> {
    let mut own = Message::parse(Format::Hl7, &message.bytes())?;
    let line = format!("NTE|1||{}\r", "x".repeat(60_000));
    loop {
        own.append(&line)?;
    }
}

tureen_plugin_sdk::transformer!(Fickle, handles = ["Test.Fickle"]);
