//! Which plugins have processes of their own, and how strangers are asked who they are
//! where some have.
//!
//! Deliberately does not know: what such a process can do.

use std::sync::Arc;

use tureen_sandbox::{Engine, Isolation, LoadError, Plugin, WorkerLimits};

use crate::config::{self, ServerConfig};

/// What `tureen.toml` says of one plugin.
pub(super) fn isolation_of(written: Option<&config::Plugin>) -> Isolation {
    let Some(written) = written.filter(|it| is_apart(it)) else { return Isolation::Instance };
    let usual = WorkerLimits::default();
    Isolation::Process(WorkerLimits {
        workers: written.workers.unwrap_or(usual.workers),
        memory_bytes: written.worker_memory_bytes.unwrap_or(usual.memory_bytes),
    })
}

fn is_apart(written: &config::Plugin) -> bool {
    written.isolation == Some(config::Isolation::Process)
}

/// Which plugin a file is, it says itself when it is asked. Where any plugin is to run
/// in processes of its own, it might be this one: no stranger is asked in this process.
pub(super) async fn loaded(
    engine: &Engine,
    config: &ServerConfig,
    is_standard: bool,
    bytes: Arc<[u8]>,
) -> Result<Plugin, LoadError> {
    match !is_standard && config.plugins.values().any(is_apart) {
        true => Plugin::load_apart(engine, bytes).await,
        false => Plugin::load(engine, bytes).await,
    }
}
