//! What a step sees of its run besides the message: variables, templates, the
//! messages of other settings, tables, parameters, the log, and facts about
//! the call.

mod notify;
mod secrets;
mod values;

pub use values::Encoding;

#[cfg(not(target_family = "wasm"))]
use crate::testkit::native as backend;
#[cfg(target_family = "wasm")]
use crate::wasm as backend;
use crate::{Direction, Message, Problem, SettingId, StepError};
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// The message of a setting, when it has one; read-only and cheap to clone.
pub type OtherMessage = Option<Rc<Message>>;

/// How urgent a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every detail.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// Worth knowing.
    Info,
    /// Something to look at.
    Warn,
    /// Something that went wrong.
    Error,
}

/// The run that a call belongs to.
pub struct Context {
    backend: backend::Context,
    messages: RefCell<Vec<(SettingId, Direction, OtherMessage)>>,
}

impl Context {
    pub(crate) fn new(backend: backend::Context) -> Self {
        Self { backend, messages: RefCell::default() }
    }

    /// A workflow variable, a global one or a built-in one, in this order.
    /// Names are case-insensitive.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.backend.variable(name)
    }

    /// Sets a workflow variable.
    ///
    /// # Errors
    /// `variable.refused` for a built-in name other than `WorkflowError`, and
    /// over the limits on number and size.
    pub fn set_variable(&self, name: &str, value: &str) -> Result<(), Problem> {
        self.backend
            .set_variable(name, value)
            .map_err(|reason| Problem::new("variable.refused", reason))
    }

    /// Removes a workflow variable; nothing happens when it is not set.
    pub fn unset_variable(&self, name: &str) {
        self.backend.unset_variable(name);
    }

    /// Expands `${Name}`, `${Name:format}` and `${<setting id> inbound}` in an
    /// authored text. What is inserted is not scanned again.
    ///
    /// # Errors
    /// When a format cannot be applied or a setting does not exist.
    pub fn expand(&self, text: &str) -> Result<String, Problem> {
        self.backend.expand(text)
    }

    /// Applies the formatting pipeline of the workflow format to a value: the
    /// name and text of each property (`Format`, `TextFormat`, `Truncation`,
    /// `TruncationLength`, `Remove`, `Replace`, `ReplaceWith`, `Lookup`,
    /// `PaddingLength`, `Encoding`), in the format's own fixed order.
    ///
    /// # Errors
    /// When a property cannot be applied.
    pub fn format(&self, value: &str, properties: &[(String, String)]) -> Result<String, Problem> {
        self.backend.format(value, properties)
    }

    /// The message of another setting of the workflow, asked for once in a
    /// call. [`SettingId::NONE`] means the receiver. `None` means that it has
    /// no such message: not run yet, filtered, disabled, or no response.
    ///
    /// # Errors
    /// When the workflow has no such setting.
    pub fn message_of(
        &self,
        setting: SettingId,
        direction: Direction,
    ) -> Result<OtherMessage, Problem> {
        let known = |known: &&(SettingId, Direction, OtherMessage)| {
            known.0 == setting && known.1 == direction
        };
        if let Some((_, _, message)) = self.messages.borrow().iter().find(known) {
            return Ok(message.clone());
        }
        let message = self.backend.message_of(setting, direction)?.map(Message).map(Rc::new);
        self.messages.borrow_mut().push((setting, direction, message.clone()));
        Ok(message)
    }

    /// Looks a key up in a table of the home. `None` means that the table has
    /// no such key.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, Problem> {
        self.backend.lookup(table, key)
    }

    /// How many rows a data table of the home has.
    ///
    /// # Errors
    /// `data-table.unknown`, as for everything about data tables.
    pub fn row_count(&self, table: &str) -> Result<u32, Problem> {
        self.backend.row_count(table)
    }

    /// The names of a data table's fields, in their order.
    ///
    /// # Errors
    /// `data-table.unknown`.
    pub fn field_names(&self, table: &str) -> Result<Vec<String>, Problem> {
        self.backend.field_names(table)
    }

    /// A value of a data table. Rows count from 1; `None` means the row where
    /// the run stands.
    ///
    /// # Errors
    /// `data-table.unknown`, `data-table.field`; `data-table.row` when there is
    /// no such row, or the run stands nowhere yet.
    pub fn table_value(
        &self,
        table: &str,
        row: Option<u32>,
        field: &str,
    ) -> Result<String, Problem> {
        self.backend.table_value(table, row, field)
    }

    /// Whether some row of a data table has the value in the field; `None` means
    /// any field.
    ///
    /// # Errors
    /// `data-table.unknown`, `data-table.field`.
    pub fn table_contains(
        &self,
        table: &str,
        field: Option<&str>,
        value: &str,
        case_sensitive: bool,
    ) -> Result<bool, Problem> {
        self.backend.table_contains(table, field, value, case_sensitive)
    }

    /// A field of the first row whose key field has the key, without regard to
    /// case.
    ///
    /// # Errors
    /// `data-table.unknown`, `data-table.field`.
    pub fn key_value(
        &self,
        table: &str,
        key_field: &str,
        key: &str,
        field: &str,
    ) -> Result<Option<String>, Problem> {
        self.backend.key_value(table, key_field, key, field)
    }

    /// Moves the run to the next row of a data table, after the last one to the
    /// first; gives its number. At first a run stands before the first row.
    ///
    /// # Errors
    /// `data-table.unknown`, `data-table.empty`.
    pub fn move_to_next_row(&self, table: &str) -> Result<u32, Problem> {
        self.backend.move_to_next_row(table)
    }

    /// Moves the run to any row of a data table.
    ///
    /// # Errors
    /// `data-table.unknown`, `data-table.empty`.
    pub fn move_to_random_row(&self, table: &str) -> Result<u32, Problem> {
        self.backend.move_to_random_row(table)
    }

    /// A parameter of a custom transformer's call, already evaluated. `None`
    /// means that it was not given: not the same as empty.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.backend.parameter(name)
    }

    /// The names of the parameters that were given.
    pub fn parameter_names(&self) -> Vec<String> {
        self.backend.parameter_names()
    }

    /// Runs a transformer of another plugin on the message of this call.
    /// `type_name` must be one that [`crate::Placement::require`] asked for.
    ///
    /// # Errors
    /// What that transformer answers.
    pub fn run_custom_transformer(
        &self,
        type_name: &str,
        parameters: &[(String, String)],
        message: &mut Message,
    ) -> Result<(), StepError> {
        self.backend.run_custom_transformer(type_name, parameters, message)
    }

    /// Writes a line for the operator. It must not hold message content.
    pub fn log(&self, level: Level, text: &str) {
        self.backend.log(level, text);
    }

    /// The name of the workflow.
    pub fn workflow(&self) -> String {
        self.backend.workflow()
    }

    /// The setting that this step belongs to.
    pub fn setting(&self) -> String {
        self.backend.setting()
    }

    /// The id of this message's run, unique in the home.
    pub fn message_id(&self) -> String {
        self.backend.message_id()
    }

    /// The same for every attempt at this step for this message: hand it on as
    /// an idempotency key.
    pub fn attempt_key(&self) -> String {
        self.backend.attempt_key()
    }

    /// 1 for the first attempt.
    pub fn attempt(&self) -> u32 {
        self.backend.attempt()
    }

    /// How long until the host ends this call.
    pub fn remaining(&self) -> Duration {
        self.backend.remaining()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Context").finish_non_exhaustive()
    }
}
