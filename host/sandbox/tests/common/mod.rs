//! Messages for tests of steps.

use std::sync::Arc;

use jiff::Zoned;
use tureen_message::{Format, Message, ParseOptions};
use tureen_sandbox::{CallFacts, Exchange, NoTables, Notifications, Run};
use tureen_template::{Direction, Globals, RunFacts, SettingId, Variables};

/// The run of a small HL7 message that has the number in PID-3.
pub(crate) fn run(number: u32) -> Box<Run> {
    let text = format!("MSH|^~\\&|A|B|C|D|20260301||ADT^A01|1|P|2.5\rPID|1||{number}\r");
    let message = Message::parse(Format::Hl7, text.into_bytes(), &ParseOptions::default());
    let facts = RunFacts { received: Zoned::now(), instance: 1, clock: Zoned::now };
    let mut exchange = Exchange::new(SettingId::NONE, std::iter::empty());
    exchange.put(SettingId::NONE, Direction::Inbound, message.unwrap());
    Box::new(Run {
        variables: Variables::new(facts, Arc::new(Globals::default())),
        exchange,
        tables: Arc::new(NoTables),
        parse: Arc::new(ParseOptions::default()),
        facts: Arc::new(CallFacts {
            workflow: "Canaries".to_owned(),
            message_id: number.to_string(),
            attempt: 1,
        }),
        log: Vec::new(),
        notifications: Notifications::default(),
        acknowledgements: 0,
        latest: None,
    })
}
