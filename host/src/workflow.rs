//! Workflow files: from bytes to versions that run.
//!
//! Stage: file → **document → definition → prepared version → registry** → run.
//! Deliberately does not know: sockets, message formats, what a step does.

pub mod conflicts;
pub mod definition;
pub mod document;
pub mod file;
pub mod load;
pub mod prepare;
pub mod purpose;
pub mod registry;
pub mod running;
pub mod version;
pub mod vocabulary;
pub mod watch;
