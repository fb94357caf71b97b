//! The conditions and value sources of the workflow format, which filters,
//! conditional blocks and transformer actions share.
//!
//! Stage: settings → **parsed once** → evaluated for every message. Knows: the
//! condition language (contract 6), value sources (7.3) and loop re-indexing
//! (7.5). Deliberately does not know: which plugin uses it, how a message is
//! parsed, what a path of a format means beyond its names and indexes.
//!
//! # Invariants
//! - Everything that settings alone can tell is a finding at load; what is left
//!   for a message is reading and comparing.
//! - A problem, a reason or a log line names authored text (a path, a class, a
//!   position), never a value of a message.

mod comparison;
mod condition;
mod conditions;
mod loops;
mod namespaces;
mod repetitions;
mod sight;
mod source;
mod telling;

pub use condition::Condition;
pub use conditions::{Conditions, Outcome};
pub use loops::{Loop, Loops, loop_path, selects_several};
pub use namespaces::Namespaces;
pub use sight::{Own, Sight};
pub use source::{Place, PlaceFields, Source, Text, path_slip};
pub use telling::{ACTION, about_path, located, with_detail};
pub use tureen_plugin_sdk::DateTime;

/// The names of the format's directions; the numbers are the contract's 2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromDirection {
    Inbound,
    Outbound,
    Variable,
}

/// How `FromDirection` and `ToDirection` are written.
pub const DIRECTIONS: [tureen_plugin_sdk::Choice<FromDirection>; 3] = [
    (0, "Inbound", FromDirection::Inbound),
    (1, "Outbound", FromDirection::Outbound),
    (2, "Variable", FromDirection::Variable),
];
