//! What surrounds a message in a test.

use super::Message;
use crate::testkit::Notification;
use crate::{Direction, Level, Problem, SettingId, StepError};
use jiff::Zoned;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tureen_template::{
    DataTable, Formatting, Globals, Movement, RunFacts, RunTables, Tables, Template, Variables,
    data_table,
};

/// The host's limits on notifications.
const NOTIFICATIONS_MAX: usize = 100;
const NOTIFICATION_BYTES_MAX: usize = 4_096;
const KEY_BYTES_MAX: usize = 256;

/// A transformer of another plugin, played by a function.
#[derive(Clone)]
pub(crate) struct CustomTransformer(
    #[expect(clippy::type_complexity, reason = "named once, by this very type")]
    pub(crate)  Rc<dyn Fn(&[(String, String)], &mut crate::Message) -> Result<(), StepError>>,
);

impl fmt::Debug for CustomTransformer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CustomTransformer")
    }
}

/// Name, keys and values.
pub(crate) type LookupTable = (String, Vec<(String, String)>);

/// Name, fields and rows.
pub(crate) type DataTableText = (String, Vec<String>, Vec<Vec<String>>);

/// Everything that a run is made of besides its message.
pub(crate) struct Surroundings<'a> {
    pub(crate) variables: &'a [(String, String)],
    pub(crate) globals: &'a [(String, String)],
    pub(crate) secrets: &'a [(String, String)],
    pub(crate) messages: Vec<(SettingId, Direction, Option<Message>)>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) tables: Vec<LookupTable>,
    pub(crate) data_tables: &'a [DataTableText],
    pub(crate) custom_transformers: Vec<(String, CustomTransformer)>,
    pub(crate) setting: SettingId,
    pub(crate) attempt: u32,
}

/// One run of a test.
pub(crate) struct Run {
    variables: RefCell<Variables>,
    messages: Vec<(SettingId, Direction, Option<Message>)>,
    parameters: Vec<(String, String)>,
    tables: RunTables,
    custom_transformers: Vec<(String, CustomTransformer)>,
    setting: SettingId,
    attempt: u32,
    log: RefCell<Vec<(Level, String)>>,
    notifications: RefCell<Vec<Notification>>,
}

impl fmt::Debug for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Run").finish_non_exhaustive()
    }
}

/// The direction in which the message of the step's own setting stands.
pub(crate) fn own_direction(role: &str) -> Direction {
    match role {
        "activity" | "activity-transformers" | "response-transformers" => Direction::Outbound,
        _ => Direction::Inbound,
    }
}

/// The time of every test: 2026-01-02 03:04:05 UTC.
pub(super) fn fixed_time() -> Zoned {
    jiff::Timestamp::from_second(1_767_323_045)
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::UTC)
}

impl Run {
    pub(crate) fn new(surroundings: Surroundings<'_>) -> Result<Self, Problem> {
        let mut globals = Globals::new();
        for (name, value) in surroundings.globals {
            globals.insert(name, value);
        }
        for (name, value) in surroundings.secrets {
            globals.insert_secret(name, value);
        }
        let facts = RunFacts { received: fixed_time(), instance: 1, clock: fixed_time };
        let mut variables = Variables::new(facts, Arc::new(globals));
        for (name, value) in surroundings.variables {
            // A name that only the host fills is what a test then plays.
            if variables.set(name, value).is_err() {
                variables.set_builtin(name, value);
            }
        }
        let tables = HomeTables::new(surroundings.tables, surroundings.data_tables)?;
        Ok(Self {
            variables: RefCell::new(variables),
            messages: surroundings.messages,
            parameters: surroundings.parameters,
            tables: RunTables::new(Arc::new(tables)),
            custom_transformers: surroundings.custom_transformers,
            setting: surroundings.setting,
            attempt: surroundings.attempt,
            log: RefCell::default(),
            notifications: RefCell::default(),
        })
    }

    pub(crate) fn workflow_variables(&self) -> Vec<(String, String)> {
        let variables = self.variables.borrow();
        variables.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    pub(crate) fn log_lines(&self) -> Vec<(Level, String)> {
        self.log.borrow().clone()
    }

    pub(crate) fn notifications(&self) -> Vec<Notification> {
        self.notifications.borrow().clone()
    }

    /// As the host takes them: bounded, and once for each key.
    fn notify(&self, notification: Notification) -> Result<(), Problem> {
        let key = notification.key.as_deref().unwrap_or_default();
        if notification.text.len() > NOTIFICATION_BYTES_MAX || key.len() > KEY_BYTES_MAX {
            let text = format!(
                "a notification has at most {NOTIFICATION_BYTES_MAX} bytes of text and \
                 {KEY_BYTES_MAX} of key"
            );
            return Err(Problem::new("notification.size", text));
        }
        let mut told = self.notifications.borrow_mut();
        if told.len() == NOTIFICATIONS_MAX {
            let text = format!("one call may tell {NOTIFICATIONS_MAX} notifications");
            return Err(Problem::new("notification.count", text));
        }
        if notification.key.is_none() || told.iter().all(|it| it.key != notification.key) {
            told.push(notification);
        }
        Ok(())
    }

    pub(crate) fn forget_log(&self) {
        self.log.borrow_mut().clear();
    }

    fn find(&self, setting: SettingId, direction: Direction) -> Option<&Option<Message>> {
        let found = |(known, side, _): &&(SettingId, Direction, Option<Message>)| {
            *known == setting && *side == direction
        };
        self.messages.iter().find(found).map(|(_, _, message)| message)
    }

    fn knows(&self, setting: SettingId) -> bool {
        setting.is_none() || self.messages.iter().any(|(known, _, _)| *known == setting)
    }
}

impl tureen_template::Messages for Run {
    fn message_text(
        &self,
        setting: tureen_template::SettingId,
        direction: tureen_template::Direction,
    ) -> Option<Cow<'_, str>> {
        let setting = SettingId::parse(&setting.to_string()).ok()?;
        let direction = match direction {
            tureen_template::Direction::Inbound => Direction::Inbound,
            tureen_template::Direction::Outbound => Direction::Outbound,
        };
        self.find(setting, direction)?.as_ref().map(Message::whole_text)
    }
}

/// Tables by name, case-insensitive.
struct HomeTables {
    lookup: Vec<LookupTable>,
    data: Vec<DataTable>,
}

impl HomeTables {
    fn new(lookup: Vec<LookupTable>, data: &[DataTableText]) -> Result<Self, Problem> {
        let data = data.iter().map(|(name, fields, rows)| {
            let rows =
                rows.iter().map(|row| row.iter().map(|value| value.as_str().into()).collect());
            DataTable::new(name.as_str(), fields.clone(), rows.collect())
        });
        Ok(Self { lookup, data: data.collect::<Result<_, _>>()? })
    }
}

impl Tables for HomeTables {
    fn data_table(&self, name: &str) -> Option<&DataTable> {
        self.data.iter().find(|table| table.name().eq_ignore_ascii_case(name))
    }

    fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, tureen_message::Problem> {
        let found = self.lookup.iter().find(|(name, _)| name.eq_ignore_ascii_case(table));
        let Some((_, rows)) = found else {
            let text = "the home has no lookup table of this name";
            return Err(tureen_message::Problem::new("table.unknown", text));
        };
        // As the host keeps them: without regard to case, the last of equal keys.
        let key = key.to_lowercase();
        let found = rows.iter().rev().find(|(known, _)| known.to_lowercase() == key);
        Ok(found.map(|(_, value)| value.clone()))
    }
}

/// The run, as the wrappers call it.
pub(crate) struct Context(pub(crate) Rc<Run>);

impl Context {
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.0.variables.borrow().get(name).map(Cow::into_owned)
    }

    pub(crate) fn set_variable(&self, name: &str, value: &str) -> Result<(), String> {
        self.0.variables.borrow_mut().set(name, value).map_err(|problem| problem.to_string())
    }

    pub(crate) fn unset_variable(&self, name: &str) {
        self.0.variables.borrow_mut().unset(name);
    }

    pub(crate) fn expand(&self, text: &str) -> Result<String, Problem> {
        let variables = self.0.variables.borrow();
        Ok(Template::compile(text).render(&variables, &*self.0, &self.0.tables)?)
    }

    pub(crate) fn format(
        &self,
        value: &str,
        properties: &[(String, String)],
    ) -> Result<String, Problem> {
        let properties = properties.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let formatting = Formatting::from_properties(properties)?;
        Ok(formatting.apply(value, &self.0.tables)?.into_owned())
    }

    pub(crate) fn message_of(
        &self,
        setting: SettingId,
        direction: Direction,
    ) -> Result<Option<Message>, Problem> {
        if !self.0.knows(setting) {
            let text = "the workflow has no setting of this id";
            return Err(Problem::new("setting.unknown", text));
        }
        Ok(self.0.find(setting, direction).cloned().flatten())
    }

    pub(crate) fn secret(&self, name: &str) -> Result<String, Problem> {
        match self.0.variables.borrow().secret(name) {
            Some(Ok(value)) => Ok(value.to_owned()),
            _ => {
                let text = format!("the plugin is not granted the secret {name:?}");
                Err(Problem::new("secret.not-granted", text))
            }
        }
    }

    pub(crate) fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, Problem> {
        Ok(self.0.tables.lookup(table, key)?)
    }

    fn data_table(&self, table: &str) -> Result<&DataTable, Problem> {
        Ok(data_table::find(&self.0.tables, table)?)
    }

    pub(crate) fn row_count(&self, table: &str) -> Result<u32, Problem> {
        Ok(self.data_table(table)?.row_count())
    }

    pub(crate) fn field_names(&self, table: &str) -> Result<Vec<String>, Problem> {
        Ok(self.data_table(table)?.fields().map(str::to_owned).collect())
    }

    pub(crate) fn table_value(
        &self,
        table: &str,
        row: Option<u32>,
        field: &str,
    ) -> Result<String, Problem> {
        Ok(data_table::value(&self.0.tables, table, row, field)?)
    }

    pub(crate) fn table_contains(
        &self,
        table: &str,
        field: Option<&str>,
        value: &str,
        case_sensitive: bool,
    ) -> Result<bool, Problem> {
        Ok(self.data_table(table)?.contains(field, value, case_sensitive)?)
    }

    pub(crate) fn key_value(
        &self,
        table: &str,
        key_field: &str,
        key: &str,
        field: &str,
    ) -> Result<Option<String>, Problem> {
        let found = self.data_table(table)?.key_value(key_field, key, field)?;
        Ok(found.map(str::to_owned))
    }

    pub(crate) fn move_to_next_row(&self, table: &str) -> Result<u32, Problem> {
        Ok(self.0.tables.move_row(self.data_table(table)?, Movement::Next)?)
    }

    pub(crate) fn move_to_random_row(&self, table: &str) -> Result<u32, Problem> {
        Ok(self.0.tables.move_row(self.data_table(table)?, Movement::Random)?)
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let found = self.0.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    pub(crate) fn parameter_names(&self) -> Vec<String> {
        self.0.parameters.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn run_custom_transformer(
        &self,
        type_name: &str,
        parameters: &[(String, String)],
        message: &mut crate::Message,
    ) -> Result<(), StepError> {
        let bare = type_name.split_once(',').map_or(type_name, |(bare, _)| bare).trim();
        let found = self.0.custom_transformers.iter().find(|(known, _)| known == bare);
        let Some((_, transformer)) = found else {
            let text = "no plugin has a custom transformer of this type";
            return Err(StepError::failed("custom.unknown", text));
        };
        (transformer.0)(parameters, message)
    }

    pub(crate) fn log(&self, level: Level, text: &str) {
        self.0.log.borrow_mut().push((level, text.to_owned()));
    }

    pub(crate) fn notify(
        &self,
        text: &str,
        critical: bool,
        key: Option<&str>,
    ) -> Result<(), Problem> {
        let key = key.map(str::to_owned);
        self.0.notify(Notification { text: text.to_owned(), critical, key })
    }

    pub(crate) fn workflow(&self) -> String {
        "Test".to_owned()
    }

    pub(crate) fn setting(&self) -> String {
        self.0.setting.to_string()
    }

    pub(crate) fn message_id(&self) -> String {
        "test-1".to_owned()
    }

    pub(crate) fn attempt_key(&self) -> String {
        format!("test-1/{}", self.0.setting)
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.0.attempt
    }

    pub(crate) fn remaining(&self) -> Duration {
        Duration::from_secs(1)
    }
}
