//! What the host answers when a guest calls an import of `wit/`.
//!
//! A bad path or a message that may not be changed is an ordinary problem for
//! the guest. A handle that does not exist, or a call over the budget, ends it.

mod hl7;
pub(crate) mod network;
mod notifications;
mod reading;
mod secrets;

use std::sync::Arc;
use std::time::Instant;

use tureen_message::{Format, Message, Path, Problem};
use tureen_template::{
    DataTable, Direction, Movement, SettingId, Tables, VariableBounds, data_table,
};
use wasmtime::component::Resource;

use crate::bindings::transformer::tureen::plugin::{
    call, configuring, custom_transformers, log, messages, parameters, tables, templates, types,
    variables,
};
use crate::exchange::{LogLevel, Target};
use crate::failure::{Failure, Fault};
use crate::granted::GrantedTables;
use crate::guest::{self, Call, Guest, MessageHandle};
use crate::limits::Exceeded;
use crate::path_memory::PathMemory;

pub(crate) use notifications::fits as notification_fits;
pub(crate) use reading::link as link_reading;

type Handle = Resource<MessageHandle>;
type Answer<T> = wasmtime::Result<Result<T, types::Problem>>;

impl From<Problem> for types::Problem {
    fn from(problem: Problem) -> Self {
        Self {
            code: problem.code.to_owned(),
            text: problem.text,
            place: problem.place,
            detail: Vec::new(),
        }
    }
}

/// A failure of a nested step, told to the guest that called it.
fn step_error(failure: Failure) -> types::StepError {
    let problem = types::Problem {
        code: failure.code,
        text: format!("{}: {}", failure.plugin, failure.text),
        place: failure.place,
        detail: vec![("plugin".to_owned(), failure.plugin)],
    };
    match (failure.fault, failure.retry_after_ms) {
        (_, Some(after)) => types::StepError::Retryable((problem, Some(after))),
        (Fault::Sender, None) => types::StepError::Rejected(problem),
        _ => types::StepError::Failed(problem),
    }
}

impl Guest {
    /// Reads a message with a path: one lookup of each.
    fn read<T>(
        &mut self,
        handle: &Handle,
        path: String,
        absent: T,
        read: impl FnOnce(&Message, &Path) -> T,
    ) -> Answer<T> {
        self.enter()?;
        let Self { table, call, paths, .. } = self;
        let handle = table.get(handle)?;
        let call = call.as_ref().ok_or_else(guest::outside_a_call)?;
        let Some(message) = message_of(call, handle) else { return Ok(Ok(absent)) };
        let read = paths.path(message.format(), &path).and_then(|path| {
            message.prepare(path)?;
            Ok(read(message, path))
        });
        Ok(read.map_err(Into::into))
    }

    /// Changes a message at a path, and keeps its size in bounds.
    fn write<T>(
        &mut self,
        handle: &Handle,
        path: String,
        write: impl FnOnce(&mut Message, &Path) -> Result<T, Problem>,
    ) -> Answer<T> {
        self.change(handle, |message, paths| {
            let path = paths.path(message.format(), &path)?;
            write(message, path)
        })
    }

    fn change<T>(
        &mut self,
        handle: &Handle,
        change: impl FnOnce(&mut Message, &mut PathMemory) -> Result<T, Problem>,
    ) -> Answer<T> {
        self.enter()?;
        let allowed = self.limits.output_bytes;
        let Self { table, call, paths, own_bytes, .. } = self;
        let call = call.as_mut().ok_or_else(guest::outside_a_call)?;
        let drafted = call.draft.as_ref().map_or(0, Message::size);
        let message = match table.get_mut(handle)? {
            MessageHandle::Own(message) => {
                let before = message.size();
                let answer = change(message, paths);
                *own_bytes = own_bytes.saturating_sub(before).saturating_add(message.size());
                if own_bytes.saturating_add(drafted) > allowed {
                    return Err(Exceeded::Output { allowed }.into());
                }
                return Ok(answer.map_err(Into::into));
            }
            MessageHandle::Target => match call.draft() {
                Ok(draft) => draft,
                Err(problem) => return Ok(Err(problem.into())),
            },
            MessageHandle::Of(setting, direction) => {
                if (*setting, *direction) != (call.target.setting, call.target.direction) {
                    let text = "the message of another setting may be read, not changed";
                    return Ok(Err(Problem::new("edit.read-only", text).into()));
                }
                match call.draft() {
                    Ok(draft) => draft,
                    Err(problem) => return Ok(Err(problem.into())),
                }
            }
        };
        let answer = change(message, paths);
        if message.size().saturating_add(*own_bytes) > allowed {
            return Err(Exceeded::Output { allowed }.into());
        }
        Ok(answer.map_err(Into::into))
    }

    /// Hands a message that the guest made to it, as far as it may hold that much.
    fn push_own(&mut self, message: Message) -> wasmtime::Result<Handle> {
        let allowed = self.limits.output_bytes;
        let drafted = self.call.as_ref().and_then(|call| call.draft.as_ref());
        let drafted = drafted.map_or(0, Message::size);
        let held = self.own_bytes.saturating_add(message.size());
        if held.saturating_add(drafted) > allowed {
            return Err(Exceeded::Output { allowed }.into());
        }
        let handle = self.push(MessageHandle::Own(Box::new(message)))?;
        self.own_bytes = held;
        Ok(handle)
    }

    fn push(&mut self, handle: MessageHandle) -> wasmtime::Result<Handle> {
        let allowed = self.limits.handles;
        self.table.push(handle).map_err(|_| Exceeded::Handles { allowed }.into())
    }
}

/// The message of a handle; none when the setting has none by now.
fn message_of<'a>(call: &'a Call, handle: &'a MessageHandle) -> Option<&'a Message> {
    match handle {
        MessageHandle::Own(message) => Some(message),
        other => call.message(other),
    }
}

impl types::Host for Guest {}

impl types::HostMessage for Guest {
    fn parse(&mut self, format: String, data: Vec<u8>) -> Answer<Handle> {
        let options = Arc::clone(&self.enter()?.run.parse);
        let Some(format) = Format::from_name(&format) else {
            let text = format!("there is no message format called {format:?}");
            return Ok(Err(Problem::new("format.unknown", text).into()));
        };
        match Message::parse(format, data, &options) {
            Ok(message) => Ok(Ok(self.push_own(message)?)),
            Err(problem) => Ok(Err(problem.into())),
        }
    }

    fn format(&mut self, this: Handle) -> wasmtime::Result<String> {
        self.enter()?;
        let handle = self.table.get(&this)?;
        let call = self.call.as_ref().ok_or_else(guest::outside_a_call)?;
        let format = message_of(call, handle).map_or(Format::Text, Message::format);
        Ok(format.name().to_owned())
    }

    fn get(&mut self, this: Handle, path: String) -> Answer<types::Value> {
        self.read(&this, path, types::Value::Absent, reading::value)
    }

    fn text(&mut self, this: Handle, path: String) -> Answer<String> {
        self.read(&this, path, String::new(), |message, path| message.text(path).into_owned())
    }

    fn structure(&mut self, this: Handle, path: String) -> Answer<Option<String>> {
        self.read(&this, path, None, |message, path| {
            message.structure(path).map(std::borrow::Cow::into_owned)
        })
    }

    fn count(&mut self, this: Handle, path: String) -> Answer<u32> {
        self.read(&this, path, 0, |message, path| {
            u32::try_from(message.count(path)).unwrap_or(u32::MAX)
        })
    }

    fn find(&mut self, this: Handle, pattern: String) -> Answer<Vec<String>> {
        self.read(&this, pattern, Vec::new(), Message::find)
    }

    fn set(&mut self, this: Handle, path: String, value: String) -> Answer<()> {
        self.write(&this, path, |message, path| message.set(path, &value))
    }

    fn set_null(&mut self, this: Handle, path: String) -> Answer<()> {
        self.write(&this, path, Message::set_null)
    }

    fn set_structure(&mut self, this: Handle, path: String, text: String) -> Answer<()> {
        self.write(&this, path, |message, path| message.set_structure(path, &text))
    }

    fn append(&mut self, this: Handle, text: String) -> Answer<()> {
        self.change(&this, |message, _| message.append(&text))
    }

    fn insert(&mut self, this: Handle, path: String, text: String) -> Answer<()> {
        self.write(&this, path, |message, path| message.insert(path, &text))
    }

    fn remove(&mut self, this: Handle, pattern: String) -> Answer<u32> {
        let removed = self.write(&this, pattern, Message::remove)?;
        Ok(removed.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
    }

    fn check(&mut self, this: Handle) -> wasmtime::Result<Vec<types::Problem>> {
        self.enter()?;
        let handle = self.table.get(&this)?;
        let call = self.call.as_ref().ok_or_else(guest::outside_a_call)?;
        let problems = message_of(call, handle).map(Message::check).unwrap_or_default();
        Ok(problems.into_iter().map(Into::into).collect())
    }

    fn bytes(&mut self, this: Handle) -> wasmtime::Result<Vec<u8>> {
        self.enter()?;
        let handle = self.table.get(&this)?;
        let call = self.call.as_ref().ok_or_else(guest::outside_a_call)?;
        Ok(message_of(call, handle).map(|message| message.bytes().to_vec()).unwrap_or_default())
    }

    fn replace(&mut self, this: Handle, data: Vec<u8>) -> Answer<()> {
        let call = self.call.as_ref().ok_or_else(guest::outside_a_call)?;
        let options = Arc::clone(&call.run.parse);
        self.change(&this, |message, _| message.replace(data, &options))
    }

    fn drop(&mut self, this: Handle) -> wasmtime::Result<()> {
        if let MessageHandle::Own(message) = self.table.delete(this)? {
            self.own_bytes = self.own_bytes.saturating_sub(message.size());
        }
        Ok(())
    }
}

impl From<types::Direction> for Direction {
    fn from(direction: types::Direction) -> Self {
        match direction {
            types::Direction::Inbound => Self::Inbound,
            types::Direction::Outbound => Self::Outbound,
        }
    }
}

impl messages::Host for Guest {
    fn of_setting(
        &mut self,
        setting: String,
        direction: types::Direction,
    ) -> Answer<Option<Handle>> {
        let call = self.enter()?;
        let Ok(id) = SettingId::parse(&setting) else {
            let text = format!("a setting's id is a GUID, found {} characters", setting.len());
            return Ok(Err(Problem::new("setting.id", text).into()));
        };
        let id = if id == SettingId::NONE { call.run.exchange.receiver() } else { id };
        let handle = MessageHandle::Of(id, direction.into());
        if let Err(unknown) = call.run.exchange.message(id, direction.into()) {
            return Ok(Err(Problem::new("setting.unknown", unknown.to_string()).into()));
        }
        if call.message(&handle).is_none() {
            return Ok(Ok(None));
        }
        Ok(Ok(Some(self.push(handle)?)))
    }
}

impl variables::Host for Guest {
    fn get(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        Ok(self.enter()?.run.variables.get(&name).map(std::borrow::Cow::into_owned))
    }

    fn set(&mut self, name: String, value: String) -> wasmtime::Result<Result<(), String>> {
        let (count, bytes) = (self.limits.variables, self.limits.variable_bytes);
        let variables = &mut self.enter()?.run.variables;
        let set = variables.set_within(&name, value, VariableBounds { count, bytes });
        Ok(set.map_err(|problem| problem.to_string()))
    }

    fn unset(&mut self, name: String) -> wasmtime::Result<()> {
        self.enter()?.run.variables.unset(&name);
        Ok(())
    }
}

impl templates::Host for Guest {
    fn expand(&mut self, text: String) -> Answer<String> {
        self.enter()?;
        let Self { call, texts, granted, .. } = self;
        let call = call.as_deref().ok_or_else(guest::outside_a_call)?;
        let template = texts.template(text);
        let sight = Sight(call);
        let rendered = template.render(&call.run.variables, &sight, &call.tables(granted));
        Ok(rendered.map_err(Into::into))
    }

    fn format(&mut self, value: String, properties: Vec<(String, String)>) -> Answer<String> {
        self.enter()?;
        let Self { call, texts, granted, .. } = self;
        let call = call.as_deref().ok_or_else(guest::outside_a_call)?;
        let formatted = texts.formatting(properties).and_then(|formatting| {
            Ok(formatting.apply(&value, &call.tables(granted))?.into_owned())
        });
        Ok(formatted.map_err(Into::into))
    }
}

/// The messages of a call as templates see them: what the step has written so
/// far included.
struct Sight<'a>(&'a Call);

impl tureen_template::Messages for Sight<'_> {
    fn message_text(
        &self,
        setting: SettingId,
        direction: Direction,
    ) -> Option<std::borrow::Cow<'_, str>> {
        self.0.message(&MessageHandle::Of(setting, direction)).map(Message::whole_text)
    }
}

impl tables::Host for Guest {
    fn lookup(&mut self, table: String, key: String) -> Answer<Option<String>> {
        Ok(self.tables()?.lookup(&table, &key).map_err(Into::into))
    }

    fn row_count(&mut self, table: String) -> Answer<u32> {
        self.in_table(&table, |table, _| Ok(table.row_count()))
    }

    fn field_names(&mut self, table: String) -> Answer<Vec<String>> {
        self.in_table(&table, |table, _| Ok(table.fields().map(str::to_owned).collect()))
    }

    fn value(&mut self, table: String, row: Option<u32>, field: String) -> Answer<String> {
        let granted = self.granted.table(&table);
        let tables = self.tables()?;
        let value = granted.and_then(|()| data_table::value(&tables, &table, row, &field));
        Ok(value.map_err(Into::into))
    }

    fn contains(
        &mut self,
        table: String,
        field: Option<String>,
        value: String,
        case_sensitive: bool,
    ) -> Answer<bool> {
        self.in_table(&table, |table, _| table.contains(field.as_deref(), &value, case_sensitive))
    }

    fn key_value(
        &mut self,
        table: String,
        key_field: String,
        key: String,
        field: String,
    ) -> Answer<Option<String>> {
        self.in_table(&table, |table, _| {
            Ok(table.key_value(&key_field, &key, &field)?.map(str::to_owned))
        })
    }

    fn move_to_next_row(&mut self, table: String) -> Answer<u32> {
        self.in_table(&table, |table, tables| tables.move_row(table, Movement::Next))
    }

    fn move_to_random_row(&mut self, table: String) -> Answer<u32> {
        self.in_table(&table, |table, tables| tables.move_row(table, Movement::Random))
    }
}

impl Guest {
    /// The tables that the guest may ask in its call; that is a host call.
    fn tables(&mut self) -> wasmtime::Result<GrantedTables<'_>> {
        self.enter()?;
        let call = self.call.as_deref().ok_or_else(guest::outside_a_call)?;
        Ok(call.tables(&self.granted))
    }

    /// Asks a data table of the home.
    fn in_table<T>(
        &mut self,
        name: &str,
        ask: impl FnOnce(&DataTable, &dyn Tables) -> Result<T, Problem>,
    ) -> Answer<T> {
        let granted = self.granted.table(name);
        let tables = self.tables()?;
        let found = granted.and_then(|()| data_table::find(&tables, name));
        Ok(found.and_then(|table| ask(table, &tables)).map_err(Into::into))
    }
}

impl parameters::Host for Guest {
    fn get(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let given = &self.enter()?.parameters;
        let found = given.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
        Ok(found.map(|(_, value)| value.clone()))
    }

    fn names(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.enter()?.parameters.iter().map(|(name, _)| name.clone()).collect())
    }
}

impl configuring::Host for Guest {}

impl custom_transformers::Host for Guest {
    async fn transform(
        &mut self,
        type_name: String,
        parameters: Vec<(String, String)>,
        target: Handle,
    ) -> wasmtime::Result<Result<(), types::StepError>> {
        self.enter()?;
        let name = crate::step::class_of(&type_name);
        let Some(step) = self.custom.get(name).map(Arc::clone) else {
            let text = format!("no plugin was resolved for {name:?} when the workflow was loaded");
            return Ok(Err(types::StepError::Failed(Problem::new("custom.unknown", text).into())));
        };
        let allowed = self.limits.output_bytes;
        let Self { table, call: slot, own_bytes, granted, .. } = self;
        // Nothing may fail between here and the end: the run would be lost.
        let handle = table.get_mut(&target)?;
        let Some(mut call) = slot.take() else { return Err(guest::outside_a_call()) };
        let (own, place) = match handle {
            MessageHandle::Own(message) => (Some(message.as_mut()), call.target),
            MessageHandle::Of(setting, direction) => {
                let same = (*setting, *direction) == (call.target.setting, call.target.direction);
                let writable = call.target.writable && same;
                (None, Target { setting: *setting, direction: *direction, writable })
            }
            MessageHandle::Target => (None, call.target),
        };
        // The nested step works on the run itself: what this step has written so
        // far, or the guest's own message, stands in the target's place meanwhile.
        let lent = match &own {
            Some(message) => Some((*message).clone()),
            None if (place.setting, place.direction)
                == (call.target.setting, call.target.direction) =>
            {
                call.draft.take()
            }
            // Another setting's message, read-only: what is written so far stays.
            None => None,
        };
        let before = lent.map(|lent| {
            let before = call.run.exchange.take(place.setting, place.direction);
            call.run.exchange.put(place.setting, place.direction, lent);
            before
        });
        let writable = own.is_some() || place.writable;
        let original = call.run.exchange.message(place.setting, place.direction).ok().flatten();
        let original = if before.is_none() { original.cloned() } else { None };
        let inside = Target { writable, ..place };
        let all_tables = call.narrow_tables(granted);
        let (run, answer) =
            step.transform_nested(call.run, inside, parameters, call.deadline).await;
        call.run = run;
        if let Some(all) = all_tables {
            call.run.tables = all;
        }
        let changed = call.run.exchange.take(place.setting, place.direction);
        match before {
            Some(before) => put_back(&mut call, place, before),
            None => put_back(&mut call, place, original),
        }
        match (own, changed) {
            (Some(own), Some(changed)) => {
                *own_bytes = own_bytes.saturating_sub(own.size()).saturating_add(changed.size());
                *own = changed;
            }
            (None, Some(changed)) if place.writable => call.draft = Some(changed),
            _ => {}
        }
        call.nested = answer.as_ref().err().cloned();
        let drafted = call.draft.as_ref().map_or(0, Message::size);
        *slot = Some(call);
        if own_bytes.saturating_add(drafted) > allowed {
            return Err(Exceeded::Output { allowed }.into());
        }
        Ok(answer.map_err(step_error))
    }
}

fn put_back(call: &mut Call, place: Target, message: Option<Message>) {
    if let Some(message) = message {
        call.run.exchange.put(place.setting, place.direction, message);
    }
}

impl From<log::Level> for LogLevel {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Trace => Self::Trace,
            log::Level::Debug => Self::Debug,
            log::Level::Info => Self::Info,
            log::Level::Warn => Self::Warn,
            log::Level::Error => Self::Error,
        }
    }
}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, text: String) -> wasmtime::Result<()> {
        let plugin = Arc::clone(&self.plugin);
        self.enter()?.log(&plugin, level.into(), text);
        Ok(())
    }
}

impl call::Host for Guest {
    fn workflow(&mut self) -> wasmtime::Result<String> {
        Ok(self.enter()?.run.facts.workflow.clone())
    }

    fn setting(&mut self) -> wasmtime::Result<String> {
        Ok(self.enter()?.setting.to_string())
    }

    fn message_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.enter()?.run.facts.message_id.clone())
    }

    fn attempt_key(&mut self) -> wasmtime::Result<String> {
        let call = self.enter()?;
        Ok(format!("{}/{}", call.run.facts.message_id, call.setting))
    }

    fn attempt(&mut self) -> wasmtime::Result<u32> {
        Ok(self.enter()?.run.facts.attempt)
    }

    fn remaining_ms(&mut self) -> wasmtime::Result<u32> {
        let left = self.enter()?.deadline.saturating_duration_since(Instant::now());
        Ok(u32::try_from(left.as_millis()).unwrap_or(u32::MAX))
    }
}
