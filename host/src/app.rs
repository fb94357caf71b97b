//! Builds the server's parts by name, in the order in which they start, and
//! takes them down in the opposite order. The only place that knows all of them.

pub mod access;
mod admin_address;
mod auditing;
pub mod authority;
mod compiling;
mod figures;
mod home;
mod publish;
mod receiving;
mod settled;
mod sole_server;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tureen_template::SettingId;

use crate::diagnostics::{Diagnostic, codes};
use crate::faults::{FaultRegister, Timing};
use crate::listener::{ConnectionBudget, ListenerTimes, Listeners, make_room};
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::plugins::PluginSet;
use crate::plugins::audit::{Audit, Occasion};
use crate::plugins::grants::{KnownWorkflow, unknown_steps};
use crate::receiver::{HostRules, HttpLimits, HttpReceiver};
use crate::refusals::Refusals;
use crate::tables::Stamp;
use crate::workflow::definition::WorkflowDefinition;
use crate::workflow::registry::{Registry, ScanChanges};
use crate::workflow::version::Surroundings;
use crate::workflow::vocabulary::Vocabulary;
use crate::workflow::watch::HomeWatch;

use access::unknown_receivers;
use admin_address::AdminAddress;
use auditing::Auditing;
pub use compiling::compile_in_children;
pub use home::Home;
pub use publish::Address;
use publish::Publisher;
use receiving::{Receiving, Target};
use settled::settled_config;
use sole_server::SoleServer;
use tls::ServerTls;

/// A server that runs.
pub struct Server {
    home: Home,
    registry: Registry,
    publisher: Publisher,
    pipeline: Arc<Pipeline>,
    receiver: Arc<HttpReceiver<Target, Receiving>>,
    tls: Arc<ServerTls>,
    watch: HomeWatch,
    /// Of tables and secrets.
    files: Stamp,
    /// What workflows were judged with.
    vocabulary: Vocabulary,
    refusals: Arc<Refusals>,
    faults: Arc<FaultRegister>,
    admin: Option<AdminAddress>,
    /// What was decided about plugins.
    audit: Audit,
    /// What plugins do outside, on its way to the audit log.
    auditing: Auditing,
    /// What was last found wrong with `tureen.toml`: told once, not at every look. The log
    /// itself may be a file in the home, whose growth is a reason to look.
    refused_config: Option<String>,
    /// Ends what runs beside the workflows.
    ending: CancellationToken,
    /// Given back last.
    _sole: SoleServer,
}

impl Server {
    /// Starts everything that the home asks for and is ready to receive when it
    /// returns.
    ///
    /// # Errors
    /// The home cannot be opened, or another server serves it. A workflow that does
    /// not load is no error: it is reported, and the others run.
    pub async fn start(home: &Path) -> anyhow::Result<Self> {
        let sole = SoleServer::of(home)?;
        let (mut home, diagnostics) = Home::open(home).await?;
        show(&diagnostics);
        if home.config.plugins_cache.snapshots {
            home.engine.make_snapshots();
        }
        // Before the first look: what is saved from here on is heard of.
        let mut watch = HomeWatch::new(&home.path, &home.config.reload);
        watch.watch_files(home.named_files());
        let files = home.stamp();
        let (settings, diagnostics) = home.settings();
        show(&diagnostics);
        let ground = home.ground(&settings);
        let vocabulary = home.vocabulary(&settings);
        let pipeline = Pipeline::new(&home.config, settings);
        let pipeline = Arc::new(pipeline.with_long_runs(home.engine.long_runs()));
        let limits = &home.config.limits;
        let tls = ServerTls::new(home.path.join("certificates"), &home.config)?;
        let tls = Arc::new(tls);
        let refusals = Arc::new(Refusals::default());
        let receiving = Receiving { pipeline: Arc::clone(&pipeline) };
        let receiver =
            Arc::new(HttpReceiver::new(receiving, HttpLimits::from(limits), refusals.clone()));
        receiver.trust(home.trusted_proxies());
        receiver.set_host_rules(HostRules::from(&home.config.http));
        let budget = ConnectionBudget::with_handshakes(
            make_room(limits.connections, limits.reserved_descriptors),
            limits.connections_per_peer,
            limits.handshakes_in_flight,
        );
        let times =
            ListenerTimes { handshake: limits.handshake_timeout(), drain: limits.drain_timeout() };
        let listeners =
            Listeners::new(Arc::clone(&receiver), Arc::clone(&budget), times, refusals.clone());
        let publisher = Publisher::new(listeners, Arc::clone(&tls), ground);
        let metrics = Arc::new(Metrics::new(home.config.metrics.steps));
        let faults = Arc::new(FaultRegister::new(Arc::clone(&metrics), Timing::of_the_machine()));
        figures::wire(&metrics, &home, &pipeline, &budget, &refusals);
        let admin = AdminAddress::new(&home.config.admin, &refusals, &faults);
        let audit = Audit::open(&home.path);
        let auditing = Auditing::start(&audit, home.outbound().sightings());
        let ending = CancellationToken::new();
        let mut server = Self {
            registry: Registry::default(),
            home,
            publisher,
            pipeline,
            receiver,
            tls,
            watch,
            files,
            vocabulary,
            refusals,
            faults,
            admin,
            audit,
            auditing,
            refused_config: None,
            ending,
            _sole: sole,
        };
        server.record(Occasion::Start);
        server.faults.metrics().reloads().configuration(true);
        let is_taken = !refuses_more(&server.home.plugins, &PluginSet::default());
        server.faults.metrics().reloads().plugins(is_taken);
        server.scan(false).await;
        server.tell_of_unknown_names();
        server.keep_certificates();
        // Messages may come now. Until here the start itself waited for the compiler.
        server.home.engine.give_way();
        Ok(server)
    }

    /// Where the live workflows are reached.
    pub fn addresses(&self) -> Vec<Address> {
        self.publisher.addresses()
    }

    /// Where health is told, if it is.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(AdminAddress::address)
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
        let config_changed = self.reload_config().await;
        self.tls.reload();
        let stale = self.home.plugins.is_stale(&self.home.path, &self.home.config);
        if stale {
            let Home { engine, path, config, plugins, .. } = &self.home;
            let plugins = PluginSet::load(engine, path, config, Some(plugins)).await;
            show(&plugins.diagnostics);
            tracing::info!("the plugins changed: workflows are prepared anew");
            let is_taken = !refuses_more(&plugins, &self.home.plugins);
            self.home.plugins = plugins;
            self.record(Occasion::Reload);
            self.faults.metrics().reloads().plugins(is_taken);
        }
        let files = self.home.stamp();
        let settings_changed = config_changed || files != self.files;
        let mut renamed = false;
        if settings_changed {
            self.files = files;
            self.watch.watch_files(self.home.named_files());
            let (settings, diagnostics) = self.home.settings();
            show(&diagnostics);
            self.publisher.stand_on(self.home.ground(&settings));
            let vocabulary = self.home.vocabulary(&settings);
            renamed = vocabulary != self.vocabulary;
            self.vocabulary = vocabulary;
            show(&self.home.renew_outbound());
            self.receiver.trust(self.home.trusted_proxies());
            self.pipeline.set(settings);
        }
        if renamed {
            tracing::info!("the names that workflows may use changed: they are prepared anew");
        }
        let changes = self.scan(stale || renamed).await;
        // A scan that changed something has published already, with what is new.
        if (settings_changed || self.publisher.is_stale()) && changes == ScanChanges::default() {
            self.publish_again().await;
        }
        self.publisher.tell_of_dates();
        if settings_changed {
            self.tell_of_unknown_names();
        }
        changes
    }

    /// Names in `[receivers]` that protect nothing, and grants of steps that grant nothing. Nothing
    /// is said while a file does not tell its workflow's name: it may be the one.
    fn tell_of_unknown_names(&mut self) {
        let Some(names) = self.registry.names().collect::<Option<Vec<&str>>>() else { return };
        let Home { path, config, .. } = &self.home;
        let live = |name: &str| {
            let mut live = self.registry.standings().filter_map(|standing| standing.live);
            live.find(|workflow| workflow.name() == name)
        };
        let known = names.iter().map(|name| KnownWorkflow {
            name,
            settings: live(name).map(|workflow| settings_of(workflow.definition())),
        });
        let mut found = unknown_steps(path, config, &known.collect::<Vec<_>>());
        found.extend(unknown_receivers(path, config, names.into_iter()));
        self.publisher.tell(&found);
    }

    /// Tells the audit log what is different about the plugins.
    fn record(&mut self, occasion: Occasion) {
        let Home { config, plugins, .. } = &self.home;
        let recorded = self.audit.record(occasion, &config.trust, plugins);
        for plugin in &recorded.plugins {
            self.home.outbound().sightings().forget(plugin);
        }
        if let Err(error) = recorded.written {
            let help = "the server goes on; make room, or give its user the right to write there";
            show(&[Diagnostic::new(codes::AUDIT, error).help(help)]);
        }
    }

    async fn publish_again(&mut self) {
        let Self { registry, publisher, .. } = self;
        if let Err(diagnostics) = registry.publish_again(publisher).await {
            show(&diagnostics);
            tracing::error!("what is new about addresses and clients is not taken");
        }
    }

    fn keep_certificates(&self) {
        authority::keep_certificates(
            &self.home.config.acme,
            &self.home.path,
            self.tls.challenges(),
            self.ending.clone(),
        );
    }

    /// Takes over what of `tureen.toml` can be changed while the server runs.
    async fn reload_config(&mut self) -> bool {
        let refused = self.refused_config.as_deref();
        let settled = settled_config(&self.home.path, &self.home.config, refused).await;
        let Some(read) = settled else { return false };
        let config = match read {
            Ok(config) => config,
            Err(error) => {
                if self.refused_config.as_ref() != Some(&error) {
                    tracing::error!(
                        "tureen.toml is not taken, the server goes on as it was: {error}"
                    );
                    self.faults.metrics().reloads().configuration(false);
                    self.refused_config = Some(error);
                }
                return false;
            }
        };
        self.refused_config = None;
        if config == *self.home.config {
            return false;
        }
        let running = &self.home.config;
        let fixed = [
            ("[listen] address", config.listen.address != running.listen.address),
            ("[listen] tls_minimum", config.listen.tls_minimum != running.listen.tls_minimum),
            ("[admin]", config.admin != running.admin),
            ("[limits]", config.limits != running.limits),
            ("[log]", config.log != running.log),
            ("[plugins_cache]", config.plugins_cache != running.plugins_cache),
            ("[reload]", config.reload != running.reload),
            ("[metrics]", config.metrics != running.metrics),
        ];
        for (section, _) in fixed.iter().filter(|(_, changed)| *changed) {
            tracing::warn!("tureen.toml changed in {section}: restart the server for that");
        }
        let other_certificates = config.acme != running.acme;
        self.receiver.set_host_rules(HostRules::from(&config.http));
        self.home.config = Arc::new(config);
        self.faults.metrics().reloads().configuration(true);
        if other_certificates {
            self.ending.cancel();
            self.ending = CancellationToken::new();
            self.keep_certificates();
        }
        true
    }

    async fn scan(&mut self, rebuild: bool) -> ScanChanges {
        let folder = self.home.workflow_folder();
        let limit = self.home.config.limits.workflow_bytes as u64;
        let Self { registry, publisher, home, vocabulary, faults, .. } = self;
        let surroundings =
            Surroundings { plugins: &home.plugins, vocabulary, faults: Some(faults.as_ref()) };
        let changes = registry.scan(&folder, limit, surroundings, rebuild, publisher).await;
        let reloads = faults.metrics().reloads();
        reloads.workflows(changes.started.len(), changes.refused.len());
        for address in publisher.addresses() {
            if changes.started.contains(&address.workflow) {
                tracing::info!(workflow = address.workflow, url = address.url(), "receives");
            }
        }
        show(registry.folder_diagnostics());
        if let Some(admin) = &mut self.admin {
            admin.tell(registry).await;
        }
        changes
    }

    async fn stop(mut self) -> Stopped {
        let limit = self.home.config.limits.drain_timeout();
        let started = tokio::time::Instant::now();
        self.ending.cancel();
        if let Some(admin) = self.admin.take() {
            admin.drain().await;
        }
        let cutting = self.cut_runs_after(limit.saturating_sub(CUT_OFF_LEAD.min(limit / 4)));
        let drained = self.publisher.drain(limit).await;
        // Runs that answered early go on; they had the sender's trust.
        let left = limit.saturating_sub(started.elapsed()).max(Duration::from_secs(1));
        let finished = tokio::time::timeout(left, self.pipeline.drained()).await.is_ok();
        cutting.abort();
        self.registry.clear();
        let left = limit.saturating_sub(started.elapsed()).max(Duration::from_secs(1));
        let closed = tokio::time::timeout(left, self.registry.closed()).await.is_ok();
        self.auditing.stop().await;
        Stopped {
            connections_cut: drained.connections_cut,
            runs_left: self.pipeline.runs_cut() + if finished { 0 } else { self.pipeline.runs() },
            activities_closed: closed,
        }
    }

    /// What is still in work then gets its answer before the connections are cut, and its
    /// activities are told.
    fn cut_runs_after(&self, limit: Duration) -> JoinHandle<()> {
        let pipeline = Arc::clone(&self.pipeline);
        tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            tracing::warn!("the drain time is nearly over: messages that are not done are cut off");
            pipeline.cut_off();
        })
    }
}

/// How long before the end of the drain time runs are cut off: time for their answers.
const CUT_OFF_LEAD: Duration = Duration::from_secs(2);

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

/// Is something refused of the plugins that was not refused, for the same reason, before?
fn refuses_more(now: &PluginSet, before: &PluginSet) -> bool {
    let mut refused = now.diagnostics.iter().filter(|found| found.is_error());
    refused.any(|found| !before.diagnostics.contains(found))
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

/// The ids of a workflow's receiver and activities.
pub fn settings_of(definition: &WorkflowDefinition) -> Vec<SettingId> {
    let activities = definition.activities.iter().map(|activity| activity.step.owner);
    std::iter::once(definition.receiver.id).chain(activities).collect()
}

/// A socket's address as a client on this machine would write it.
pub fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() || address.ip().is_loopback() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}
