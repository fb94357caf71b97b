//! What the author of a Tureen plugin imports.
//!
//! A plugin is a WebAssembly component that decides about a message
//! ([`Filter`]), changes it ([`Transformer`]) or does something with it
//! ([`Activity`]). Its author writes a type and a function, and names both in
//! one of the macros [`filter!`], [`transformer!`] and [`activity!`]:
//!
//! ```
//! use tureen_plugin_sdk::prelude::*;
//!
//! #[derive(Default)]
//! struct Shout;
//!
//! impl Transformer for Shout {
//!     fn transform(&self, _context: &Context, message: &mut Message) -> Result<(), StepError> {
//!         let name = message.text("PID-5.1")?;
//!         message.set("PID-5.1", &name.to_uppercase())?;
//!         Ok(())
//!     }
//! }
//!
//! tureen_plugin_sdk::transformer!(Shout, handles = ["Acme.Shout"]);
//! ```
//!
//! A step that has settings implements [`Configure`]; one without derives
//! `Default`. The same source runs natively under the test kit (`testkit`), on
//! the host's own message and template code.

extern crate self as tureen_plugin_sdk;

mod acknowledgement;
#[cfg(target_family = "wasm")]
mod bindings;
pub mod connection;
mod context;
mod date;
#[doc(hidden)]
pub mod export;
pub mod hl7;
pub mod http;
mod message;
mod problem;
mod settings;
mod step;
#[cfg(not(target_family = "wasm"))]
pub mod testkit;
pub mod text;
mod value;
#[cfg(target_family = "wasm")]
mod wasm;

/// Where a plugin finds the first directory that it is granted; every granted
/// directory is also there under its own absolute path. Paths that lie in none
/// of them do not exist for the plugin.
#[cfg(target_family = "wasm")]
pub const FIRST_DIRECTORY: &str = "granted-directory";

/// Natively, in tests, relative paths start where the test runs.
#[cfg(not(target_family = "wasm"))]
pub const FIRST_DIRECTORY: &str = "";

pub use acknowledgement::Acknowledgement;
pub use context::{Context, Encoding, Level, OtherMessage};
pub use date::{DateTime, Precision};
pub use message::{Child, Message};
pub use problem::{Finding, Findings, Problem, Severity, StepError};
pub use settings::{Choice, Settings};
pub use step::{
    Activity, Configuration, Configure, Filter, Placement, Requirement, Role, Transformer, Verdict,
    configure,
};
pub use value::{Direction, Format, SettingId, Value};

/// Everything that a step usually names.
pub mod prelude {
    pub use crate::{
        Acknowledgement, Activity, Configure, Context, DateTime, Direction, Encoding, Filter,
        Finding, Findings, Format, Level, Message, Placement, Problem, Role, SettingId, Settings,
        StepError, Transformer, Value, Verdict,
    };
}
