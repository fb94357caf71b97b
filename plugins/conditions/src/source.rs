//! Where a value comes from: an authored text, or a place in a message.

use crate::loops::Indexed;
use crate::telling::about_path;
use crate::{DIRECTIONS, FromDirection, Namespaces, Sight, namespaces};
use std::borrow::Cow;
use std::rc::Rc;
use tureen_plugin_sdk::{
    Choice, Context, Direction, Findings, Message, Problem, SettingId, Settings, StepError, Value,
};

/// The one `FromType` that matters, and only where nothing else decides: the
/// others are hints of the designer.
const TEXT_WITH_VARIABLES: [Choice<()>; 1] = [(7, "TextWithVariables", ())];

/// An authored text, which may hold `${…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    authored: String,
    expands: bool,
}

impl Text {
    /// A text as its author wrote it.
    pub fn new(authored: String) -> Self {
        let expands = authored.contains("${");
        Self { authored, expands }
    }

    /// As it is written.
    pub fn authored(&self) -> &str {
        &self.authored
    }

    /// The text without placeholders, when it has none.
    pub fn literal(&self) -> Option<&str> {
        (!self.expands).then_some(self.authored.as_str())
    }

    /// The text for one message.
    ///
    /// # Errors
    /// When a placeholder cannot be expanded.
    pub fn expand(&self, context: &Context) -> Result<Cow<'_, str>, Problem> {
        match self.literal() {
            Some(literal) => Ok(Cow::Borrowed(literal)),
            None => context.expand(&self.authored).map(Cow::Owned),
        }
    }
}

/// A place in a message of the workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose message; nobody's means the receiver's.
    pub setting: SettingId,
    /// Which of its messages.
    pub direction: Direction,
    /// Where in it.
    pub path: Text,
    /// What its prefixes mean, where the message is XML.
    pub namespaces: Namespaces,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An authored text.
    Text(Text),
    /// A place in a message.
    Place(Place),
}

/// What the properties of a source are called: actions and conditions differ.
#[derive(Clone, Copy, Debug)]
pub struct PlaceFields {
    pub path: &'static str,
    pub setting: &'static str,
    pub direction: &'static str,
    pub kind: &'static str,
    pub namespaces: &'static str,
}

impl PlaceFields {
    /// Of an action.
    pub const ACTION: Self = Self {
        path: "FromPath",
        setting: "FromSetting",
        direction: "FromDirection",
        kind: "FromType",
        namespaces: "FromNamespaces",
    };
    /// The first operand of a condition.
    pub const CONDITION: Self = Self { path: "Path", ..Self::ACTION };
    /// The second operand of a condition, by reference.
    pub const OPERAND: Self = Self {
        path: "ToPath",
        setting: "ToSetting",
        direction: "ToDirection",
        kind: "ToType",
        namespaces: "ToNamespaces",
    };
}

impl Source {
    /// Reads a source (contract 7.3). An omitted direction means inbound.
    ///
    /// # Errors
    /// Properties of the wrong type, a number that is no direction, an id that
    /// is no GUID, brackets in a path that do not match, and namespaces that
    /// cannot be declared.
    pub fn read(settings: &Settings, fields: PlaceFields) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        let path = findings.keep(settings.text(fields.path)).flatten().unwrap_or_default();
        let setting = findings.keep(settings.id(fields.setting)).unwrap_or_default();
        let direction = findings.keep(settings.choice(fields.direction, &DIRECTIONS)).flatten();
        let is_text = direction == Some(FromDirection::Variable)
            || (setting.is_none() && is_text_with_variables(settings, fields.kind));
        if is_text {
            return findings.or(Self::Text(Text::new(path)));
        }
        let direction = match direction {
            Some(FromDirection::Outbound) => Direction::Outbound,
            _ => Direction::Inbound,
        };
        if let Some(slip) = path_slip(&path) {
            findings.push(settings.error(fields.path, "path.syntax", slip));
        }
        let namespaces = findings.keep(Namespaces::read(settings, fields.namespaces));
        let namespaces = namespaces.unwrap_or_default();
        findings.or(Self::Place(Place { setting, direction, path: Text::new(path), namespaces }))
    }

    /// The value for one message: "" where the place, or the message itself,
    /// does not exist.
    ///
    /// # Errors
    /// When a placeholder cannot be expanded, the workflow has no such setting,
    /// or the path cannot mean anything in the message's format.
    pub fn value<'s>(&'s self, sight: &Sight<'_>) -> Result<Cow<'s, str>, StepError> {
        match self {
            Self::Text(text) => Ok(text.expand(sight.context)?),
            Self::Place(place) => place
                .with(sight, |message, path| message.text(path))
                .map(|value| value.map_or(Cow::Borrowed(""), Cow::Owned)),
        }
    }

    /// What the author wrote, for a reason or a log line.
    pub fn authored(&self) -> &str {
        match self {
            Self::Text(text) => text.authored(),
            Self::Place(place) => place.path.authored(),
        }
    }
}

fn is_text_with_variables(settings: &Settings, name: &str) -> bool {
    matches!(settings.choice(name, &TEXT_WITH_VARIABLES), Ok(Some(())))
}

impl Place {
    /// Reads something at the place; `None` when the message does not exist.
    ///
    /// # Errors
    /// As [`Source::value`].
    pub fn with<T>(
        &self,
        sight: &Sight<'_>,
        read: impl FnOnce(&Message, &str) -> Result<T, Problem>,
    ) -> Result<Option<T>, StepError> {
        let path = self.path_now(sight)?;
        if sight.own.is_target(self.setting, self.direction) {
            return Ok(Some(self.read_in(sight.target, path, read)?));
        }
        match self.other_message(sight)? {
            Some(message) => Ok(Some(self.read_in(&message, path, read)?)),
            None => Ok(None),
        }
    }

    fn read_in<T>(
        &self,
        message: &Message,
        path: Cow<'_, str>,
        read: impl FnOnce(&Message, &str) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let path = self.namespaces.declared(message, path);
        read(message, &path).map_err(|problem| about_path(problem, &self.path))
    }

    /// The path for this message and this round of the loops around it, without
    /// the namespaces of the settings.
    ///
    /// # Errors
    /// When a placeholder cannot be expanded, or the workflow has no such setting.
    pub fn path_now(&self, sight: &Sight<'_>) -> Result<Cow<'_, str>, StepError> {
        Ok(self.indexed(sight)?.path)
    }

    /// As [`Place::path_now`]; also tells whether a loop's item is what the path
    /// ends in.
    pub(crate) fn indexed(&self, sight: &Sight<'_>) -> Result<Indexed<'_>, StepError> {
        let path = self.path.expand(sight.context)?;
        if sight.loops.is_empty() {
            return Ok(Indexed { path, ends_in_item: false });
        }
        Ok(sight.loops.reindexed(self.setting_in(sight)?, self.direction, path))
    }

    /// The setting, with every name of one setting made one: the receiver is
    /// nobody, whether it is named or not.
    ///
    /// # Errors
    /// When the workflow has no such setting.
    pub fn setting_in(&self, sight: &Sight<'_>) -> Result<SettingId, StepError> {
        let is_receiver = sight.is_receiver(self.setting)?;
        Ok(if is_receiver { SettingId::NONE } else { self.setting })
    }

    /// Whether the place exists.
    ///
    /// # Errors
    /// As [`Source::value`].
    pub fn exists(&self, sight: &Sight<'_>) -> Result<bool, StepError> {
        let value = self.with(sight, |message, path| message.get(path))?;
        Ok(value.is_some_and(|value: Value| value.exists()))
    }

    fn other_message(&self, sight: &Sight<'_>) -> Result<Option<Rc<Message>>, StepError> {
        let message = sight.context.message_of(self.setting, self.direction)?;
        if message.is_none() {
            sight.warn_of_missing_message(self.setting);
        }
        Ok(message)
    }
}

/// What is wrong with a path that no format could read: brackets that do not
/// match, or hold nothing. Selectors of other languages are not looked at.
pub fn path_slip(path: &str) -> Option<&'static str> {
    let (_, path) = namespaces::split(path);
    if path.starts_with("newtonsoft:") || path.starts_with("xpath:") {
        return None;
    }
    let mut open = false;
    let mut empty = false;
    for character in path.chars() {
        match (character, open) {
            ('[', false) => (open, empty) = (true, true),
            ('[', true) => return Some("expected ] before the next [ of the path"),
            (']', true) if empty => return Some("expected an index between [ and ] of the path"),
            (']', true) => open = false,
            (']', false) => return Some("expected [ before the ] of the path"),
            _ => empty = false,
        }
    }
    open.then_some("expected ] at the end of the path")
}

#[cfg(test)]
mod tests;
