//! A home with everything that runs workflows, but no socket: what `tureen check`, `run` and
//! `serve` have in common.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tempfile::TempDir;
use tureen_message::ParseOptions;
use tureen_sandbox::{CodeCounts, Engine, EngineOptions};

use crate::config::ServerConfig;
use crate::diagnostics::Diagnostic;
use crate::outbound::HostOutbound;
use crate::pipeline::Settings;
use crate::plugins::PluginSet;
use crate::proxies::TrustedProxies;
use crate::secrets;
use crate::tables::{HomeTables, Stamp, stamp_of};
use crate::workflow::vocabulary::Vocabulary;

use super::access::Ground;
use super::compiling;

/// A home with everything that runs workflows, but no socket.
pub struct Home {
    pub path: PathBuf,
    pub config: Arc<ServerConfig>,
    pub engine: Engine,
    pub plugins: PluginSet,
    /// How plugins reach other servers.
    outbound: Arc<HostOutbound>,
    /// As they were read last: a file that is wrong now leaves its table.
    tables: Arc<HomeTables>,
    /// In the place of no home: an empty folder of its own, so that nothing of the machine is
    /// found. Removed last.
    nowhere: Option<TempDir>,
}

impl Home {
    /// Reads configuration and plugins.
    ///
    /// # Errors
    /// The home does not exist, its configuration is wrong, or this machine
    /// cannot run WebAssembly.
    pub async fn open(path: &Path) -> anyhow::Result<(Self, Vec<Diagnostic>)> {
        let found = std::fs::metadata(path);
        if !found.is_ok_and(|found| found.is_dir()) {
            anyhow::bail!(
                "there is no home at {}\n  help: make one with `tureen init {}`, or name another with --home",
                path.display(),
                path.display()
            );
        }
        let path = std::fs::canonicalize(path).context("the home cannot be opened")?;
        Self::read(path, None).await
    }

    /// Like [`Home::open`]; where `path` is no home and `bare` allows it, a home
    /// of defaults and standard plugins, for commands that name their own files.
    ///
    /// # Errors
    /// As [`Home::open`]; a path that is no directory at all is an error, too.
    pub async fn open_or_bare(path: &Path, bare: bool) -> anyhow::Result<(Self, Vec<Diagnostic>)> {
        let is_home = path.join("tureen.toml").exists() || path.join("workflows").is_dir();
        // A folder that is not there was named, and not meant as no home.
        if is_home || !bare || !path.is_dir() {
            return Self::open(path).await;
        }
        Self::bare().await
    }

    /// No home at all, but defaults and standard plugins.
    ///
    /// # Errors
    /// This machine cannot run WebAssembly, or has no room for temporary files.
    pub async fn bare() -> anyhow::Result<(Self, Vec<Diagnostic>)> {
        let nowhere = tempfile::tempdir().context("no temporary folder could be made")?;
        Self::read(nowhere.path().to_path_buf(), Some(nowhere)).await
    }

    async fn read(
        path: PathBuf,
        nowhere: Option<TempDir>,
    ) -> anyhow::Result<(Self, Vec<Diagnostic>)> {
        let (config, warnings) = ServerConfig::load(&path)?;
        for warning in warnings {
            tracing::warn!(key = warning.key, "{}", warning.text);
        }
        let options = EngineOptions {
            calls: config.limits.messages_in_flight.max(1),
            memory_bytes: config.limits.plugin_memory_bytes,
            long_calls: config.limits.long_calls,
            long_call_niceness: config.limits.long_call_niceness,
            stack_bytes: config.limits.plugin_stack_bytes,
            ..EngineOptions::default()
        };
        let home = nowhere.is_none().then_some(path.as_path());
        let code = compiling::code_options(home, &config.plugins_cache);
        let engine = Engine::with_code(&options, code)?;
        let (outbound, mut diagnostics) = HostOutbound::new(&path, &config.outbound);
        let engine = engine.with_outbound(outbound.clone());
        let engine = match compiling::worker_program() {
            Some(program) => engine.with_workers(program),
            None => engine,
        };
        if !engine.is_pooling() {
            tracing::warn!(
                "too little address space for the pool of plugin instances: each is mapped when it is needed, which is slower (ulimit -v?)"
            );
        }
        tracing::debug!(
            "the page-map scan of the pool of plugin instances: {}",
            engine.page_map_scan()
        );
        tracing::info!("loads the plugins; new ones are compiled first, which takes seconds each");
        let plugins = PluginSet::load(&engine, &path, &config, None).await;
        diagnostics.extend(plugins.diagnostics.iter().cloned());
        diagnostics.extend(engine.cache_unusable().map(compiling::unusable));
        let CodeCounts { compiled, read, refused, .. } = engine.code_counts();
        tracing::info!(compiled, read, refused, "the plugins are loaded");
        let tables = Arc::default();
        Ok((
            Self { path, config: Arc::new(config), engine, plugins, outbound, tables, nowhere },
            diagnostics,
        ))
    }

    /// Reads what every run needs besides its workflow.
    pub fn settings(&mut self) -> (Settings, Vec<Diagnostic>) {
        let (tables, mut diagnostics) = HomeTables::load(&self.path, &self.config, &self.tables);
        self.tables = Arc::new(tables);
        let (globals, found) = secrets::globals(&self.path, &self.config);
        diagnostics.extend(found);
        let settings = Settings {
            config: Arc::clone(&self.config),
            parse: Arc::new(ParseOptions {
                limits: self.config.messages.limits(self.config.limits.body_bytes),
                ..ParseOptions::default()
            }),
            globals: Arc::new(globals),
            tables: self.tables.clone(),
        };
        (settings, diagnostics)
    }

    /// What texts of workflows may name, as [`Home::settings`] has read it.
    pub fn vocabulary(&self, settings: &Settings) -> Vocabulary {
        Vocabulary::new(&self.config, &settings.globals, &self.tables)
    }

    /// What receivers are judged with.
    pub fn ground(&self, settings: &Settings) -> Ground {
        Ground {
            home: self.path.clone(),
            config: Arc::clone(&self.config),
            globals: Arc::clone(&settings.globals),
        }
    }

    /// Takes over what the configuration says of connections to other servers.
    pub(super) fn renew_outbound(&self) -> Vec<Diagnostic> {
        self.outbound.apply(&self.config.outbound)
    }

    pub(super) fn outbound(&self) -> &HostOutbound {
        &self.outbound
    }

    pub(super) fn trusted_proxies(&self) -> TrustedProxies {
        TrustedProxies::new(&self.config.proxies, self.config.limits.client_chain_bytes)
    }

    /// The files that `tureen.toml` names.
    pub(super) fn named_files(&self) -> impl Iterator<Item = PathBuf> {
        let config = &self.config;
        let receivers = config.receivers.values();
        let clients = receivers.flat_map(|receiver| {
            receiver.client_authorities.iter().chain(&receiver.client_revocation_lists)
        });
        let clients = clients.chain(&config.outbound.certificate_authorities);
        let tables = config.tables.values().chain(config.data_tables.values());
        let files = tables.chain(clients).map(PathBuf::as_path).chain(secrets::files(config));
        files.map(|file| self.path.join(file))
    }

    /// Length and time of change of the files that `tureen.toml` names.
    pub(super) fn stamp(&self) -> Stamp {
        let mut stamp = HomeTables::stamp(&self.path, &self.config);
        stamp.extend(secrets::stamp(&self.path, &self.config));
        let authorities = self.config.outbound.certificate_authorities.iter();
        stamp.extend(authorities.map(|file| stamp_of(&self.path.join(file))));
        stamp
    }

    /// Is this no home at all, but defaults and standard plugins?
    pub fn is_bare(&self) -> bool {
        self.nowhere.is_some()
    }

    pub fn workflow_folder(&self) -> PathBuf {
        self.path.join("workflows")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_home_nothing_of_the_machine_is_read() {
        let (home, diagnostics) = Home::bare().await.unwrap();
        assert!(home.is_bare() && diagnostics.is_empty(), "{diagnostics:?}");
        let found: Vec<_> = std::fs::read_dir(&home.path).unwrap().collect();
        assert!(found.is_empty(), "a folder of its own: {found:?}");
        let path = home.path.clone();
        drop(home);
        assert!(!path.exists());
    }
}
