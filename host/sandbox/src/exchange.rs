//! One message's run, as a plugin sees it: handed over by value, taken back by
//! value.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use tureen_message::{Message, ParseOptions, Problem};
use tureen_template::{Direction, Messages, SettingId, Tables, Variables};

/// Everything that a step may read or change besides its own settings. It goes
/// from hand to hand in a box: it is large, and a call has many hands.
pub struct Run {
    pub variables: Variables,
    pub exchange: Exchange,
    pub tables: Arc<dyn Tables + Send + Sync>,
    /// When the run has to be over: no call of a step goes on after it. `None`:
    /// whenever its calls are.
    pub latest: Option<Instant>,
    /// The limits of messages, for those that plugins make.
    pub parse: Arc<ParseOptions>,
    pub facts: Arc<CallFacts>,
    /// What the plugins wrote to the log, within their limits, oldest first.
    /// The host takes the lines out after each step.
    pub log: Vec<LogLine>,
    /// What the steps told a person, within their limits, oldest first. The host
    /// takes it out after each step.
    pub notifications: Notifications,
    /// How many acknowledgements steps have built: keeps their control ids apart.
    pub acknowledgements: u32,
}

/// Facts about the run that do not change.
#[derive(Clone, Debug)]
pub struct CallFacts {
    /// The workflow's name.
    pub workflow: String,
    /// Unique in the home.
    pub message_id: String,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// One line that a plugin wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub plugin: String,
    pub level: LogLevel,
    pub text: String,
}

/// What one run has told a person.
#[derive(Debug, Default)]
pub struct Notifications {
    waiting: Vec<Notification>,
    told: u32,
}

/// Something that a person should look at. Its text may hold message content.
#[derive(Clone, PartialEq, Eq)]
pub struct Notification {
    pub plugin: String,
    pub text: String,
    pub critical: bool,
    /// What tells it from others of its workflow; may hold message content too.
    pub key: Option<String>,
}

impl Notifications {
    /// The most that one run may tell.
    pub const MAX: u32 = 1_000;

    /// Whether there was still room for it.
    pub(crate) fn push(&mut self, notification: Notification) -> bool {
        if self.told == Self::MAX {
            return false;
        }
        self.told += 1;
        self.waiting.push(notification);
        true
    }

    /// As in a run that has told so many.
    pub(crate) fn resumed(told: u32) -> Self {
        Self { waiting: Vec::new(), told }
    }

    /// How many the run has told so far.
    pub(crate) fn told(&self) -> u32 {
        self.told
    }

    /// Those that nobody has taken yet.
    pub fn take(&mut self) -> Vec<Notification> {
        std::mem::take(&mut self.waiting)
    }
}

/// Shows what is no content: a notification must not reach a log by accident.
impl std::fmt::Debug for Notification {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { plugin, critical, .. } = self;
        formatter
            .debug_struct("Notification")
            .field("plugin", plugin)
            .field("critical", critical)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// The message that a step works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub setting: SettingId,
    pub direction: Direction,
    /// May the step change it?
    pub writable: bool,
}

/// A setting id that the workflow does not have.
#[derive(Debug, thiserror::Error)]
#[error("the workflow has no receiver or activity {0}")]
pub struct UnknownSetting(pub SettingId);

/// The messages of a run, by setting and direction. Few: a linear search.
pub struct Exchange {
    receiver: SettingId,
    slots: Vec<Slot>,
}

struct Slot {
    setting: SettingId,
    inbound: Option<Message>,
    outbound: Option<Message>,
}

impl Exchange {
    /// An exchange for these settings, without any message yet.
    pub fn new(receiver: SettingId, activities: impl Iterator<Item = SettingId>) -> Self {
        let slots = std::iter::once(receiver)
            .chain(activities)
            .map(|setting| Slot { setting, inbound: None, outbound: None })
            .collect();
        Self { receiver, slots }
    }

    /// The receiver's id; `SettingId::NONE` is another name for it.
    pub fn receiver(&self) -> SettingId {
        self.receiver
    }

    /// Each setting with its messages, inbound and outbound.
    pub(crate) fn slots(
        &self,
    ) -> impl Iterator<Item = (SettingId, Option<&Message>, Option<&Message>)> {
        self.slots.iter().map(|slot| (slot.setting, slot.inbound.as_ref(), slot.outbound.as_ref()))
    }

    /// The message, if there is one by now.
    ///
    /// # Errors
    /// The workflow has no such setting.
    pub fn message(
        &self,
        setting: SettingId,
        direction: Direction,
    ) -> Result<Option<&Message>, UnknownSetting> {
        let setting = if setting == SettingId::NONE { self.receiver } else { setting };
        let slot = self.slots.iter().find(|slot| slot.setting == setting);
        let slot = slot.ok_or(UnknownSetting(setting))?;
        Ok(match direction {
            Direction::Inbound => slot.inbound.as_ref(),
            Direction::Outbound => slot.outbound.as_ref(),
        })
    }

    /// Puts a message in its place and gives back what was there. Unknown
    /// settings are ignored: the host only names those of the workflow.
    pub fn put(&mut self, setting: SettingId, direction: Direction, message: Message) {
        if let Some(place) = self.place(setting, direction) {
            *place = Some(message);
        }
    }

    /// Takes a message out.
    pub fn take(&mut self, setting: SettingId, direction: Direction) -> Option<Message> {
        self.place(setting, direction).and_then(Option::take)
    }

    fn place(&mut self, setting: SettingId, direction: Direction) -> Option<&mut Option<Message>> {
        let setting = if setting == SettingId::NONE { self.receiver } else { setting };
        let slot = self.slots.iter_mut().find(|slot| slot.setting == setting)?;
        Some(match direction {
            Direction::Inbound => &mut slot.inbound,
            Direction::Outbound => &mut slot.outbound,
        })
    }
}

impl Messages for Exchange {
    fn message_text(&self, setting: SettingId, direction: Direction) -> Option<Cow<'_, str>> {
        self.message(setting, direction).ok().flatten().map(Message::whole_text)
    }
}

/// A home without lookup tables.
pub struct NoTables;

impl Tables for NoTables {
    fn lookup(&self, table: &str, _key: &str) -> Result<Option<String>, Problem> {
        Err(Problem::new("table.unknown", format!("there is no lookup table called {table:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_tells_no_more_than_its_limit_whatever_was_taken_meanwhile() {
        let mut notifications = Notifications::default();
        let one = Notification {
            plugin: "p".to_owned(),
            text: "Ekholm".to_owned(),
            critical: false,
            key: Some("77".to_owned()),
        };
        for told in 0..Notifications::MAX {
            assert!(notifications.push(one.clone()), "{told}");
            if told % 2 == 1 {
                assert_eq!(notifications.take().len(), 2);
            }
        }
        assert!(!notifications.push(one.clone()));
        assert!(notifications.take().is_empty());
        let shown = format!("{one:?}");
        assert!(!shown.contains("Ekholm") && !shown.contains("77"), "{shown}");
    }
}
