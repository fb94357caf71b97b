//! A transformer that does what harm PID-3.1 tells it to.
//!
//! Each arm is one behaviour that the host has to contain. `fine` does nothing
//! wrong; an unknown name is a typed error, so that a test cannot pass by a slip.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use tureen_plugin_sdk::prelude::*;
use tureen_plugin_sdk::{Direction, SettingId};

const MIB: usize = 1 << 20;

thread_local! {
    /// What earlier calls of the same instance have seen, and kept.
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static KEPT: RefCell<Vec<Message>> = const { RefCell::new(Vec::new()) };
}

#[derive(Default)]
struct Hostile;

impl Transformer for Hostile {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let evil = message.text("PID-3.1")?;
        match evil.as_str() {
            "fine" => Ok(()),
            "loop" => spin(),
            "recursion" => {
                recurse(0);
                Ok(())
            }
            "memory" => grow(),
            "fill" => fill(),
            "panic" => panic!("content of {evil}"),
            "handles" => hold_messages(b"MSH|^~\\&|A\r"),
            "own-messages" => hold_messages(&text_message(8 * MIB)),
            "log-lines" => log(context, 10_000, "one of many lines"),
            "log-bytes" => log(context, 200, &"x".repeat(64 << 10)),
            "log-long-line" => log(context, 1, &"x".repeat(15 * MIB)),
            "log-giant-line" => log(context, 1, &"x".repeat(40 * MIB)),
            "stderr" => shout(),
            "host-calls" => call_the_host(context),
            "costly-calls" => {
                let large = Message::parse(Format::Hl7, &text_message(4 * MIB))?;
                loop {
                    black_box(large.check());
                    black_box(large.bytes());
                }
            }
            "variable-count" => set_variables(context, 5_000, 1),
            "variable-bytes" => set_variables(context, 900, MIB),
            "variable-giant" => set_variables(context, 1, 15 * MIB),
            "output" => loop {
                message.append(&format!("NTE|1||{}\r", "x".repeat(MIB)))?;
            },
            "output-field" => Ok(message.set("PID-5", &"x".repeat(15 * MIB))?),
            "giant-in" => Ok(message.set("PID-5", &"x".repeat(30 * MIB))?),
            "giant-path" => Ok(message.set(&"PID-5".repeat(MIB), "x")?),
            "giant-index" => Ok(message.set("PID-4000000000", "x")?),
            "expand" => expand(context),
            "format" => format_value(context),
            "lookups" => loop {
                black_box(context.lookup("no-such-table", "key").is_err());
            },
            "notifications" => notify(context),
            "sleep" => {
                std::thread::sleep(Duration::from_secs(3_600));
                Ok(())
            }
            "poll-clock" => {
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_secs(3_600) {}
                Ok(())
            }
            "rejected" => Err(StepError::rejected("test.no", "this message is not wanted")),
            "failed" => Err(StepError::failed("test.failed", "it cannot be done")),
            "retryable" => Err(StepError::retryable("test.later", "the peer is away")),
            "retryable-soon" => Err(StepError::Retryable {
                problem: Problem::new("test.soon", "the peer is away"),
                after: Some(Duration::from_millis(250)),
            }),
            "long-code" => Err(StepError::failed("c".repeat(MIB), "a text")),
            "long-text" => Err(StepError::rejected("test.long", "t".repeat(4 * MIB))),
            "line-feeds" => Err(StepError::rejected("test.lines", "one\r\nMSA|AA|forged\rtwo")),
            "strange-code" => Err(StepError::failed("Test\nERROR forged\u{1b}[31m", "a text")),
            "detail" => {
                let problem = Problem::new("test.detail", "a text");
                let value = "d".repeat(MIB);
                Err(StepError::Failed((0..10).fold(problem, |it, _| it.with("detail", &value))))
            }
            "other-messages" => other_messages(context),
            "unknown-custom" => run_custom(context, message),
            "remember" => remember(context, message),
            "keep" => keep(context, message),
            _ => Err(StepError::failed("test.unknown", "no such behaviour")),
        }
    }
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Without frames in linear memory: it is the native stack that ends.
fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX { depth } else { black_box(recurse(black_box(depth + 1))).wrapping_add(1) }
}

/// Takes memory and writes into every page of it.
fn grow() -> Result<(), StepError> {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        taken.push(black_box(vec![0x5a; MIB]));
    }
}

/// One bulk instruction after the other, each over most of the memory.
fn fill() -> Result<(), StepError> {
    let mut block = vec![0_u8; 48 * MIB];
    let mut value = 0_u8;
    loop {
        value = value.wrapping_add(1);
        black_box(&mut block).fill(value);
    }
}

fn text_message(bytes: usize) -> Vec<u8> {
    format!("MSH|^~\\&|A\rNTE|1||{}\r", "x".repeat(bytes)).into_bytes()
}

fn hold_messages(bytes: &[u8]) -> Result<(), StepError> {
    let mut held = Vec::new();
    loop {
        held.push(Message::parse(Format::Hl7, bytes)?);
    }
}

fn log(context: &Context, lines: usize, text: &str) -> Result<(), StepError> {
    for _ in 0..lines {
        context.log(Level::Error, text);
    }
    Ok(())
}

fn shout() -> Result<(), StepError> {
    let line = "shouting ".repeat(1_000);
    loop {
        eprintln!("{line}");
        println!("{line}");
    }
}

fn call_the_host(context: &Context) -> Result<(), StepError> {
    loop {
        black_box(context.attempt());
    }
}

/// Goes on after refusals; the first one is told.
fn set_variables(context: &Context, count: usize, bytes: usize) -> Result<(), StepError> {
    let value = "v".repeat(bytes);
    let mut first = Ok(());
    for number in 0..count {
        let set = context.set_variable(&format!("Flood{number}"), &value);
        if set.is_err() && first.is_ok() {
            first = set;
        }
    }
    Ok(first?)
}

fn expand(context: &Context) -> Result<(), StepError> {
    context.set_variable("Big", &"x".repeat(MIB))?;
    Ok(context.expand(&"${Big}".repeat(10_000)).map(drop)?)
}

fn format_value(context: &Context) -> Result<(), StepError> {
    let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let properties = [property("Replace", "x"), property("ReplaceWith", &"y".repeat(MIB))];
    Ok(context.format(&"x".repeat(MIB), &properties).map(drop)?)
}

fn notify(context: &Context) -> Result<(), StepError> {
    let mut refused = 0;
    for _ in 0..10_000 {
        refused += usize::from(context.notify("look here", true).is_err());
    }
    Ok(context.set_variable("Refused", &refused.to_string())?)
}

fn other_messages(context: &Context) -> Result<(), StepError> {
    let id = SettingId::parse("d0000000-dead-4000-8000-000000000001")?;
    context.message_of(id, Direction::Inbound).map(drop)?;
    Ok(())
}

fn run_custom(context: &Context, message: &mut Message) -> Result<(), StepError> {
    context.run_custom_transformer("Test.NotRequired", &[], message)
}

/// Tells what earlier messages left in the memory of this instance.
fn remember(context: &Context, message: &Message) -> Result<(), StepError> {
    let control_id = message.text("MSH-10")?;
    let before = SEEN.with_borrow_mut(|seen| {
        let before = seen.join(" ");
        seen.push(control_id);
        before
    });
    Ok(context.set_variable("Before", &before)?)
}

/// Keeps a message of its own over calls, and reads the one that it kept.
fn keep(context: &Context, message: &Message) -> Result<(), StepError> {
    let own = Message::parse(Format::Hl7, &message.bytes())?;
    let before = KEPT.with_borrow_mut(|kept| {
        let before = kept.last().map_or(Ok(String::new()), |kept| kept.text("MSH-10"));
        kept.push(own);
        before
    })?;
    Ok(context.set_variable("Before", &before)?)
}

tureen_plugin_sdk::transformer!(Hostile, handles = ["Test.Hostile", "Test.HostileSetting"]);
