//! Builds the server's parts by name, in the order in which they start, and
//! takes them down in the opposite order. The only place that knows all of them.

mod publish;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tureen_message::media_type::MediaType;
use tureen_message::{Limits, ParseOptions};
use tureen_sandbox::{Engine, EngineOptions};
use tureen_template::Globals;

use crate::config::ServerConfig;
use crate::diagnostics::Diagnostic;
use crate::listener::{ConnectionBudget, ListenerTimes, Listeners};
use crate::pipeline::{Inbound, Pipeline, Settings};
use crate::plugins::PluginSet;
use crate::receiver::{Exchange, HttpLimits, HttpReceiver, Received, Reply};
use crate::refusals::Refusals;
use crate::tables::{LookupTables, Stamp};
use crate::workflow::registry::{Registry, ScanChanges};
use crate::workflow::running::Workflow;
use crate::workflow::watch::{HomeWatch, directories};

pub use publish::Address;
use publish::Publisher;
use tls::ServerTls;

/// The path of a home that does not exist: nothing is found below it.
const NOWHERE: &str = "/nonexistent";

/// A home with everything that runs workflows, but no socket.
pub struct Home {
    pub path: PathBuf,
    pub config: Arc<ServerConfig>,
    pub engine: Engine,
    pub plugins: PluginSet,
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
        Self::read(&std::fs::canonicalize(path).context("the home cannot be opened")?).await
    }

    /// Like [`Home::open`]; where `path` is no home and `bare` allows it, a home
    /// of defaults and standard plugins, for commands that name their own files.
    ///
    /// # Errors
    /// As [`Home::open`].
    pub async fn open_or_bare(path: &Path, bare: bool) -> anyhow::Result<(Self, Vec<Diagnostic>)> {
        let is_home = path.join("tureen.toml").exists() || path.join("workflows").is_dir();
        if is_home || !bare {
            return Self::open(path).await;
        }
        Self::read(Path::new(NOWHERE)).await
    }

    async fn read(path: &Path) -> anyhow::Result<(Self, Vec<Diagnostic>)> {
        let path = path.to_path_buf();
        let (config, warnings) = ServerConfig::load(&path)?;
        for warning in warnings {
            tracing::warn!(key = warning.key, "{}", warning.text);
        }
        let engine = Engine::new(&EngineOptions {
            calls: config.limits.messages_in_flight.max(1),
            ..EngineOptions::default()
        })?;
        if !engine.is_pooling() {
            tracing::warn!(
                "too little address space for the pool of plugin instances: each is mapped when it is needed, which is slower (ulimit -v?)"
            );
        }
        let plugins = PluginSet::load(&engine, &path, &config, None).await;
        let diagnostics = plugins.diagnostics.clone();
        Ok((Self { path, config: Arc::new(config), engine, plugins }, diagnostics))
    }

    /// What every run needs besides its workflow.
    pub fn settings(&self) -> (Settings, Vec<Diagnostic>) {
        let (tables, diagnostics) = LookupTables::load(&self.path, &self.config);
        let globals = self.config.globals.iter();
        let globals = globals.map(|(name, value)| (name.as_str(), value.as_str()));
        let settings = Settings {
            config: Arc::clone(&self.config),
            parse: ParseOptions {
                limits: Limits {
                    message_bytes: self.config.limits.body_bytes,
                    ..Limits::default()
                },
                ..ParseOptions::default()
            },
            globals: Arc::new(Globals::from_iter(globals)),
            tables,
        };
        (settings, diagnostics)
    }

    /// Is this no home at all, but defaults and standard plugins?
    pub fn is_bare(&self) -> bool {
        self.path == Path::new(NOWHERE)
    }

    pub fn workflow_folder(&self) -> PathBuf {
        self.path.join("workflows")
    }
}

/// A server that runs.
pub struct Server {
    home: Home,
    registry: Registry,
    publisher: Publisher,
    pipeline: Arc<Pipeline>,
    tls: Arc<ServerTls>,
    watch: HomeWatch,
    tables: Stamp,
    refusals: Arc<Refusals>,
}

/// Connects the receiver with the pipeline.
pub struct Receiving {
    pipeline: Arc<Pipeline>,
}

impl Exchange<Arc<Workflow>> for Receiving {
    async fn receive(&self, workflow: Arc<Workflow>, received: Received) -> Reply {
        let inbound = Inbound {
            body: Vec::from(received.body),
            method: received.method,
            client_ip: received.client_ip.to_string(),
            media_type: received
                .content_type
                .and_then(|text| MediaType::parse(text.as_bytes()).ok()),
            variables: received.variables,
            received_at: received.received_at,
        };
        let response = self.pipeline.receive(workflow, inbound).await;
        Reply {
            status: response.status,
            content_type: response.content_type,
            body: Bytes::from(response.body),
            headers: Vec::new(),
        }
    }

    fn health(&self, _workflow: &Arc<Workflow>) -> u16 {
        // A workflow without a live version has no route.
        200
    }
}

impl Server {
    /// Starts everything that the home asks for and is ready to receive when it
    /// returns.
    ///
    /// # Errors
    /// The home cannot be opened. A workflow that does not load is no error: it
    /// is reported, and the others run.
    pub async fn start(home: &Path) -> anyhow::Result<Self> {
        let (home, diagnostics) = Home::open(home).await?;
        show(&diagnostics);
        // Before the first look: what is saved from here on is heard of.
        let watch = HomeWatch::new(directories(&home.path), &home.config.reload);
        let tables = LookupTables::stamp(&home.path, &home.config);
        let (settings, diagnostics) = home.settings();
        show(&diagnostics);
        let pipeline = Arc::new(Pipeline::new(&home.config, settings));
        let tls = Arc::new(ServerTls::new(home.path.join("certificates"))?);
        let limits = &home.config.limits;
        let refusals = Arc::new(Refusals::default());
        let receiving = Receiving { pipeline: Arc::clone(&pipeline) };
        let receiver =
            Arc::new(HttpReceiver::new(receiving, HttpLimits::from(limits), refusals.clone()));
        let budget = ConnectionBudget::new(limits.connections, limits.connections_per_peer);
        let times =
            ListenerTimes { handshake: limits.handshake_timeout(), drain: limits.drain_timeout() };
        let listeners = Listeners::new(receiver, budget, times, refusals.clone());
        let address = home.config.listen.address;
        let publisher = Publisher::new(listeners, Arc::clone(&tls), address);
        let registry = Registry::default();
        let mut server = Self { home, registry, publisher, pipeline, tls, watch, tables, refusals };
        server.scan(false).await;
        Ok(server)
    }

    /// Where the live workflows are reached.
    pub fn addresses(&self) -> Vec<Address> {
        self.publisher.addresses()
    }

    /// What has been refused since the start.
    pub fn refusals(&self) -> &Arc<Refusals> {
        &self.refusals
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The file that a client needs to trust the default certificate, once one
    /// was needed.
    pub fn certificate_file(&self) -> PathBuf {
        self.tls.certificate_file()
    }

    /// Looks at the home for changes until `stop`, then ends: no new request is
    /// taken, what is in flight finishes within the drain time.
    pub async fn run_until(mut self, stop: CancellationToken) -> Stopped {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.watch.changed() => {}
            }
            self.look().await;
        }
        self.stop().await
    }

    /// One look at everything that a running server can take over.
    pub async fn look(&mut self) -> ScanChanges {
        let config_changed = self.reload_config();
        self.tls.reload();
        let stale = self.home.plugins.is_stale(&self.home.path, &self.home.config);
        if stale {
            let Home { engine, path, config, plugins } = &self.home;
            let plugins = PluginSet::load(engine, path, config, Some(plugins)).await;
            show(&plugins.diagnostics);
            tracing::info!("the plugins changed: workflows are prepared anew");
            self.home.plugins = plugins;
        }
        let tables = LookupTables::stamp(&self.home.path, &self.home.config);
        if config_changed || tables != self.tables {
            self.tables = tables;
            let (settings, diagnostics) = self.home.settings();
            show(&diagnostics);
            self.pipeline.set(settings);
        }
        self.scan(stale).await
    }

    /// Takes over what of `tureen.toml` can be changed while the server runs.
    fn reload_config(&mut self) -> bool {
        let config = match ServerConfig::load(&self.home.path) {
            Ok((config, _)) => config,
            Err(error) => {
                tracing::error!("tureen.toml is not taken, the server goes on as it was: {error}");
                return false;
            }
        };
        if config == *self.home.config {
            return false;
        }
        let running = &self.home.config;
        if config.listen != running.listen
            || config.limits != running.limits
            || config.log != running.log
            || config.reload != running.reload
        {
            tracing::warn!(
                "tureen.toml changed in [listen], [limits], [log] or [reload]: restart the server for these"
            );
        }
        self.home.config = Arc::new(config);
        true
    }

    async fn scan(&mut self, rebuild: bool) -> ScanChanges {
        let folder = self.home.workflow_folder();
        let limit = self.home.config.limits.workflow_bytes as u64;
        let Self { registry, publisher, home, .. } = self;
        let changes = registry.scan(&folder, limit, &home.plugins, rebuild, publisher).await;
        for address in publisher.addresses() {
            if changes.started.contains(&address.workflow) {
                tracing::info!(workflow = address.workflow, url = address.url(), "receives");
            }
        }
        show(registry.folder_diagnostics());
        changes
    }

    async fn stop(mut self) -> Stopped {
        let limit = self.home.config.limits.drain_timeout();
        let started = tokio::time::Instant::now();
        let drained = self.publisher.drain(limit).await;
        // Runs that answered early go on; they had the sender's trust.
        let left = limit.saturating_sub(started.elapsed()).max(Duration::from_secs(1));
        let finished = tokio::time::timeout(left, self.pipeline.drained()).await.is_ok();
        self.registry.clear();
        let left = limit.saturating_sub(started.elapsed()).max(Duration::from_secs(1));
        let closed = tokio::time::timeout(left, self.registry.closed()).await.is_ok();
        Stopped {
            connections_cut: drained.connections_cut,
            runs_left: if finished { 0 } else { self.pipeline.runs() },
            activities_closed: closed,
        }
    }
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that did not end in time.
    pub connections_cut: usize,
    /// Runs that were not done in time.
    pub runs_left: usize,
    /// Were all activities closed in time?
    pub activities_closed: bool,
}

impl Stopped {
    /// Nothing was cut short.
    pub fn is_clean(&self) -> bool {
        self.connections_cut == 0 && self.runs_left == 0 && self.activities_closed
    }
}

fn show(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        if diagnostic.is_error() {
            tracing::error!("{diagnostic}");
        } else {
            tracing::warn!("{diagnostic}");
        }
    }
}

/// A socket's address as a client on this machine would write it.
pub fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() || address.ip().is_loopback() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}
