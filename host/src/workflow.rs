//! Workflow files: from bytes to a validated graph of steps.
//!
//! Stage: file → **document → definition** → registry → run. Deliberately does
//! not know: sockets, plugins, messages.

pub mod conflicts;
pub mod definition;
pub mod document;
pub mod file;
mod load;
mod nearest;
