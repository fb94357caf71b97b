//! Runs a step natively, on the message and template code of the host: no
//! sandbox, no server, an ordinary `cargo test`.
//!
//! ```
//! use tureen_plugin_sdk::prelude::*;
//! use tureen_plugin_sdk::testkit::{Failure, TestRun};
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
//! # fn main() -> Result<(), Failure> {
//! let outcome = TestRun::new()
//!     .message(Format::Hl7, b"MSH|^~\\&|A|B\rPID|1||77||Ekholm^Sara\r")
//!     .transform::<Shout>()?;
//! assert_eq!(outcome.text(), "MSH|^~\\&|A|B\rPID|1||77||EKHOLM^Sara\r");
//! # Ok(())
//! # }
//! ```
//!
//! What a test cannot see is what only the sandbox has: grants, limits of time
//! and memory, and that a change of a message is thrown away after an error.

pub(crate) mod native;
mod network;
mod outcome;
mod run;

pub use network::ScriptedNetwork;
pub use outcome::{ActivityOutcome, Decision, Failure, LogLine, Notification, Outcome};
pub use run::{OpenActivity, TestRun};

#[cfg(test)]
mod tests;
