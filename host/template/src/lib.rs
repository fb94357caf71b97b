//! The text language of workflow files: placeholders, variables and formats.
//!
//! Stage: workflow text, compiled once → **template** → text for one run. Knows:
//! the grammar of `${…}`, variables and their limits, the formatting pipeline,
//! date and number patterns, data tables, and where in a format a value stands.
//! Deliberately does not know: files, sockets, the system clock (time is an
//! argument), how messages are parsed, plugins.
//!
//! # Invariants
//! - A placeholder exists only where the workflow's author wrote one. Inserted
//!   values are never scanned for placeholders, so what a message holds can not
//!   read a variable.
//! - No text makes compiling or rendering panic; both take linear time and end
//!   within named limits.
//! - Problems never quote a value: values hold patient data.
//!
//! Section numbers in the documentation of items refer to the workflow
//! contract that the project follows.

pub mod data_table;
pub mod date;
#[cfg(test)]
mod fixtures;
mod formatting;
pub mod letter_case;
mod name;
pub mod number;
mod pattern;
mod setting_id;
mod template;
mod variables;

pub use data_table::{DataTable, Movement, RunTables, TableReference};
pub use formatting::{
    FORMATTED_BYTES_MAX, FORMATTING_WORK_MAX, Formatting, NoTables, PADDING_MAX, Tables,
};
pub use pattern::Pattern;
pub use setting_id::{Direction, SettingId};
pub use template::{
    ByFormat, Draft, Messages, Missing, Placeholder, PlaceholderKind, RENDERED_BYTES_MAX, Template,
};
pub use variables::{
    Clock, Globals, NameSlip, PortableGlobal, Purpose, Repeatable, RunFacts, VariableBounds,
    VariableLimits, VariableParts, VariableProblem, Variables,
};
