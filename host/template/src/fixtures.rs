//! What several tests need: a fixed clock, one step's messages, one table.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::{Zoned, civil, tz};
use tureen_message::Problem;

use crate::{Direction, Globals, Messages, RunFacts, SettingId, Tables, Variables};

pub(crate) const STEP: &str = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";

/// 5 March 2024, 14:07:09.123456789, five hours west of UTC.
pub(crate) fn clock() -> Zoned {
    let local = civil::date(2024, 3, 5).at(14, 7, 9, 123_456_789);
    local.to_zoned(tz::offset(-5).to_time_zone()).unwrap()
}

pub(crate) fn facts() -> RunFacts {
    let received = civil::date(2024, 3, 5).at(14, 7, 8, 0);
    let received = received.to_zoned(tz::offset(-5).to_time_zone()).unwrap();
    RunFacts { received, instance: 42, clock }
}

pub(crate) fn variables(entries: &[(&str, &str)]) -> Variables {
    let mut variables = Variables::new(facts(), Arc::new(Globals::new()));
    for (name, value) in entries {
        variables.set(name, *value).unwrap();
    }
    variables
}

/// The inbound message of `STEP`; no other message exists.
pub(crate) struct Inbound(pub(crate) &'static str);

impl Messages for Inbound {
    fn message_text(&self, setting: SettingId, direction: Direction) -> Option<Cow<'_, str>> {
        let exists = setting.to_string() == STEP && direction == Direction::Inbound;
        exists.then_some(Cow::Borrowed(self.0))
    }
}

/// A table `Sex` that knows `M`.
pub(crate) struct Sexes;

impl Tables for Sexes {
    fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, Problem> {
        match table {
            "Sex" => Ok((key == "M").then(|| "male".to_owned())),
            _ => Err(Problem::new("table.unknown", "no such table")),
        }
    }
}
