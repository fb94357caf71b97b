//! Steps whose plugin breaks down: told in a report each time, and set aside when it happens
//! again and again, so that messages fail at once and the rest of the server keeps its time.
//!
//! Stage: sandbox → **faults** → log, metrics, admin. Knows: what a call used and how it ended,
//! the budget that the operator gave, where a step stands. Deliberately does not know: messages,
//! and how a workflow is made.
//!
//! # Invariants
//! - Only breakdowns count: a plugin that answers, with an error too, works.
//! - A step is set aside for itself: the same plugin at another step or in another workflow goes on.
//! - What is remembered of a step goes with its plugin, settings, limits, grants, budget and
//!   workflow file: whatever of these is saved anew begins from nothing. Any other reload changes
//!   nothing.
//! - No report, log line or state here holds anything of a message.

mod breaker;
mod oversight;
mod register;
mod report;
mod timing;

pub use oversight::StepPlace;
pub use register::{FaultRegister, SetAside, Unlike};
pub use timing::Timing;
