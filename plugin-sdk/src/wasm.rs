//! The wrappers' other half inside the sandbox: calls of the host's imports,
//! and the conversions between the contract's types and the SDK's.

mod network;

pub(crate) use network::{Connection, send};

use crate::bindings::base::tureen::plugin as host;
use crate::bindings::base::tureen::plugin::types;
use crate::hl7::{Continuation, ContinuationKind, Delimiters, SegmentText};
use crate::{Acknowledgement, Direction, Format, Level, Problem, SettingId, StepError, Value};
use std::time::Duration;

/// A handle to a message that the host owns.
pub(crate) struct Message(types::Message);

impl Message {
    pub(crate) fn parse(format: Format, bytes: &[u8]) -> Result<Self, Problem> {
        types::Message::parse(format.name(), bytes).map(Self).map_err(Problem::from)
    }

    pub(crate) fn format(&self) -> Format {
        Format::from_name(&self.0.format())
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, Problem> {
        Ok(match self.0.get(path)? {
            types::Value::Absent => Value::Absent,
            types::Value::Empty => Value::Empty,
            types::Value::Null => Value::Null,
            types::Value::Text(text) => Value::Text(text),
        })
    }

    pub(crate) fn text(&self, path: &str) -> Result<String, Problem> {
        Ok(self.0.text(path)?)
    }

    pub(crate) fn structure(&self, path: &str) -> Result<Option<String>, Problem> {
        Ok(self.0.structure(path)?)
    }

    pub(crate) fn count(&self, path: &str) -> Result<u32, Problem> {
        Ok(self.0.count(path)?)
    }

    pub(crate) fn find(&self, pattern: &str) -> Result<Vec<String>, Problem> {
        Ok(self.0.find(pattern)?)
    }

    pub(crate) fn set(&mut self, path: &str, value: &str) -> Result<(), Problem> {
        Ok(self.0.set(path, value)?)
    }

    pub(crate) fn set_null(&mut self, path: &str) -> Result<(), Problem> {
        Ok(self.0.set_null(path)?)
    }

    pub(crate) fn set_structure(&mut self, path: &str, text: &str) -> Result<(), Problem> {
        Ok(self.0.set_structure(path, text)?)
    }

    pub(crate) fn append(&mut self, text: &str) -> Result<(), Problem> {
        Ok(self.0.append(text)?)
    }

    pub(crate) fn insert(&mut self, path: &str, text: &str) -> Result<(), Problem> {
        Ok(self.0.insert(path, text)?)
    }

    pub(crate) fn remove(&mut self, pattern: &str) -> Result<u32, Problem> {
        Ok(self.0.remove(pattern)?)
    }

    pub(crate) fn check(&self) -> Vec<Problem> {
        self.0.check().into_iter().map(Problem::from).collect()
    }

    pub(crate) fn segments(&self, path: Option<&str>) -> Result<Vec<SegmentText>, Problem> {
        let found = host::hl7::segments(&self.0, path)?.into_iter();
        Ok(found.map(SegmentText::from).collect())
    }

    pub(crate) fn acknowledge(&self, asked: &Acknowledgement) -> Result<Self, Problem> {
        let [text, condition, place] = asked.details();
        Ok(Self(host::hl7::acknowledge(&self.0, asked.code(), text, condition, place)?))
    }

    pub(crate) fn continuation(&self) -> Result<Option<Continuation>, Problem> {
        Ok(host::hl7::continuation_of(&self.0)?.map(Continuation::from))
    }

    pub(crate) fn join_continuations(&mut self) -> Result<u32, Problem> {
        Ok(host::hl7::join_continuations(&self.0)?)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.bytes()
    }

    pub(crate) fn replace(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        Ok(self.0.replace(bytes)?)
    }
}

/// What the generated exports need of a type that stands for the contract's
/// `message`.
impl crate::Message {
    /// # Safety
    /// `handle` must be an owned handle to a `message` in this instance's table.
    #[doc(hidden)]
    #[expect(unsafe_code, reason = "the generated exports make a message from its handle")]
    pub unsafe fn from_handle(handle: u32) -> Self {
        // SAFETY: the caller's promise is handed on as it stands.
        Self(Message(unsafe { types::Message::from_handle(handle) }))
    }

    #[doc(hidden)]
    pub fn take_handle(&self) -> u32 {
        self.0.0.take_handle()
    }

    /// Moves the handle out of a message that the generated exports lend, so
    /// that it can be changed. What is left behind is never used again: the
    /// exports drop it when the call returns, which an empty handle allows.
    #[expect(unsafe_code, reason = "makes a message from the handle that it just took")]
    pub(crate) fn take(lent: &Self) -> Self {
        // SAFETY: the handle is this instance's, and nobody else holds it now.
        unsafe { Self::from_handle(lent.take_handle()) }
    }
}

/// The run: all of it is the host's.
pub(crate) struct Context;

impl Context {
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        host::variables::get(name)
    }

    pub(crate) fn set_variable(&self, name: &str, value: &str) -> Result<(), String> {
        host::variables::set(name, value)
    }

    pub(crate) fn unset_variable(&self, name: &str) {
        host::variables::unset(name);
    }

    pub(crate) fn expand(&self, text: &str) -> Result<String, Problem> {
        Ok(host::templates::expand(text)?)
    }

    pub(crate) fn format(
        &self,
        value: &str,
        properties: &[(String, String)],
    ) -> Result<String, Problem> {
        Ok(host::templates::format(value, properties)?)
    }

    pub(crate) fn message_of(
        &self,
        setting: SettingId,
        direction: Direction,
    ) -> Result<Option<Message>, Problem> {
        let setting = if setting.is_none() { String::new() } else { setting.to_string() };
        let direction = match direction {
            Direction::Inbound => types::Direction::Inbound,
            Direction::Outbound => types::Direction::Outbound,
        };
        Ok(host::messages::of_setting(&setting, direction)?.map(Message))
    }

    pub(crate) fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, Problem> {
        Ok(host::tables::lookup(table, key)?)
    }

    pub(crate) fn secret(&self, name: &str) -> Result<String, Problem> {
        Ok(crate::bindings::secrets::tureen::plugin::secrets::get(name)?)
    }

    pub(crate) fn row_count(&self, table: &str) -> Result<u32, Problem> {
        Ok(host::tables::row_count(table)?)
    }

    pub(crate) fn field_names(&self, table: &str) -> Result<Vec<String>, Problem> {
        Ok(host::tables::field_names(table)?)
    }

    pub(crate) fn table_value(
        &self,
        table: &str,
        row: Option<u32>,
        field: &str,
    ) -> Result<String, Problem> {
        Ok(host::tables::value(table, row, field)?)
    }

    pub(crate) fn table_contains(
        &self,
        table: &str,
        field: Option<&str>,
        value: &str,
        case_sensitive: bool,
    ) -> Result<bool, Problem> {
        Ok(host::tables::contains(table, field, value, case_sensitive)?)
    }

    pub(crate) fn key_value(
        &self,
        table: &str,
        key_field: &str,
        key: &str,
        field: &str,
    ) -> Result<Option<String>, Problem> {
        Ok(host::tables::key_value(table, key_field, key, field)?)
    }

    pub(crate) fn move_to_next_row(&self, table: &str) -> Result<u32, Problem> {
        Ok(host::tables::move_to_next_row(table)?)
    }

    pub(crate) fn move_to_random_row(&self, table: &str) -> Result<u32, Problem> {
        Ok(host::tables::move_to_random_row(table)?)
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        host::parameters::get(name)
    }

    pub(crate) fn parameter_names(&self) -> Vec<String> {
        host::parameters::names()
    }

    pub(crate) fn run_custom_transformer(
        &self,
        type_name: &str,
        parameters: &[(String, String)],
        message: &mut crate::Message,
    ) -> Result<(), StepError> {
        host::custom_transformers::transform(type_name, parameters, &message.0.0)
            .map_err(StepError::from)
    }

    pub(crate) fn log(&self, level: Level, text: &str) {
        let level = match level {
            Level::Trace => host::log::Level::Trace,
            Level::Debug => host::log::Level::Debug,
            Level::Info => host::log::Level::Info,
            Level::Warn => host::log::Level::Warn,
            Level::Error => host::log::Level::Error,
        };
        host::log::write(level, text);
    }

    pub(crate) fn notify(
        &self,
        text: &str,
        critical: bool,
        key: Option<&str>,
    ) -> Result<(), Problem> {
        Ok(host::notifications::notify(text, critical, key)?)
    }

    pub(crate) fn workflow(&self) -> String {
        host::call::workflow()
    }

    pub(crate) fn setting(&self) -> String {
        host::call::setting()
    }

    pub(crate) fn message_id(&self) -> String {
        host::call::message_id()
    }

    pub(crate) fn attempt_key(&self) -> String {
        host::call::attempt_key()
    }

    pub(crate) fn attempt(&self) -> u32 {
        host::call::attempt()
    }

    pub(crate) fn remaining(&self) -> Duration {
        Duration::from_millis(host::call::remaining_ms().into())
    }
}

impl From<host::hl7::Segment> for SegmentText {
    fn from(segment: host::hl7::Segment) -> Self {
        let host::hl7::Segment { path, text, delimiters } = segment;
        let host::hl7::Delimiters { field, component, repetition, subcomponent, escape } =
            delimiters;
        let delimiters = Delimiters { field, component, repetition, subcomponent, escape };
        Self { path, text, delimiters }
    }
}

impl From<host::hl7::Continuation> for Continuation {
    fn from(continuation: host::hl7::Continuation) -> Self {
        let kind = continuation.kind.map(|kind| match kind {
            host::hl7::ContinuationKind::Fragment => ContinuationKind::Fragment,
            host::hl7::ContinuationKind::Interactive => ContinuationKind::Interactive,
        });
        Self { pointer: continuation.pointer, kind }
    }
}

impl From<types::Problem> for Problem {
    fn from(problem: types::Problem) -> Self {
        let types::Problem { code, text, place, detail } = problem;
        Self { code, text, place, detail }
    }
}

impl From<Problem> for types::Problem {
    fn from(problem: Problem) -> Self {
        let Problem { code, text, place, detail } = problem;
        Self { code, text, place, detail }
    }
}

impl From<types::StepError> for StepError {
    fn from(error: types::StepError) -> Self {
        match error {
            types::StepError::Rejected(problem) => Self::Rejected(problem.into()),
            types::StepError::Failed(problem) => Self::Failed(problem.into()),
            types::StepError::Retryable((problem, after)) => Self::Retryable {
                problem: problem.into(),
                after: after.map(|milliseconds| Duration::from_millis(milliseconds.into())),
            },
        }
    }
}

impl From<StepError> for types::StepError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Rejected(problem) => Self::Rejected(problem.into()),
            StepError::Failed(problem) => Self::Failed(problem.into()),
            StepError::Retryable { problem, after } => {
                let milliseconds =
                    |after: Duration| u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
                Self::Retryable((problem.into(), after.map(milliseconds)))
            }
        }
    }
}
