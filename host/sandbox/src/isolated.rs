//! A plugin in processes of its own, which can do nothing but compute.
//!
//! Knows: how a step's run becomes a request to a worker and its answer the run
//! again. Deliberately does not know: what a plugin does; in a worker the same code
//! of this crate runs the same step, so that nothing is different there.
//!
//! ```text
//! server                                  worker (the same program, started again)
//! step ── run, as bytes ── socket pair ──► step ── component
//!      ◄─ questions to tables ───────────
//!      ◄─ answer, changes, usage ────────
//! ```
//!
//! # Invariants
//! - No code of a plugin runs in a worker before it is confined, and none runs in
//!   the server: who the plugin is and how it takes its settings is asked there too.
//! - A worker serves one call at a time. One that dies or is late takes that call
//!   along and nothing else; the run is given back as it was.
//! - What a worker says counts as what a guest says: it is held to the same limits,
//!   and what it asks for to the same grants.
//! - Workers end with the last step that uses them, and with the server.

mod answers;
mod confine;
mod frames;
mod pool;
mod process;
mod remote;
mod serve;
mod served_tables;
#[cfg(test)]
mod tests;
mod travelling;
mod travelling_globals;
mod wire;
mod zone;

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use confine::{Unconfined, confine};
pub(crate) use pool::Workers;
pub(crate) use remote::{Asked, Isolated, identity};
pub use serve::serve_isolated_plugin;

/// Where the instances of a plugin live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// In this process, each behind the walls of its WebAssembly instance.
    #[default]
    Instance,
    /// In worker processes of the plugin's own.
    Process(WorkerLimits),
}

/// A program that calls [`serve_isolated_plugin`] when it is started so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerProgram {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
}

/// How many worker processes a plugin may have, and what each may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerLimits {
    /// Workers of the plugin, all its steps together; each serves one call at a time.
    /// Default: as many as there are processors, at least 2. More would only compete:
    /// what runs in them cannot wait for anything but its clock.
    pub workers: usize,
    /// Private memory of one worker, in bytes: instances, messages and the engine's
    /// own. Over it the worker ends. Default 1 GiB; at most half of it is guests'
    /// linear memory.
    pub memory_bytes: u64,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { workers: processors.max(2), memory_bytes: 1 << 30 }
    }
}
