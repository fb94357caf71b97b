//! Workflow files: from bytes to a validated graph of steps.
//!
//! Stage: file → **document → definition** → registry → run. Deliberately does
//! not know: sockets, plugins, messages.

pub mod definition;
pub mod document;
mod load;
