//! A plugin with the settings of one place in a workflow: what a message runs
//! through.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;
use tureen_template::SettingId;

use crate::bindings::filter::exports::tureen::plugin::filter_step;
use crate::bindings::transformer::tureen::plugin::configuring;
use crate::exchange::{Run, Target};
use crate::failure::{Failure, Fault};
use crate::gate::Inside;
use crate::granted::Granted;
use crate::grants::Grants;
use crate::guest::CustomTransformers;
use crate::instance::{Answer, Called, Instance, Origin, Request};
use crate::isolated::{Asked, Isolated, Isolation};
use crate::limits::Limits;
use crate::linkers::{Capabilities, LinkedWith};
use crate::outbound::NetworkAccess;
use crate::oversight::{Overseen, Overseer};
use crate::path_memory::KeptPaths;
use crate::plugin::{Kind, Linked, Plugin};
use crate::snapshot::{Configured, SnapshotSettings};
use crate::start::{self, Snapshot, Start, StartSlot};
use crate::texts::Texts;
use crate::told;

/// Idle instances that one step keeps for reuse.
const IDLE_PER_STEP: usize = 8;

/// Messages that one instance serves before it is replaced: linear memory never
/// shrinks, so an instance is not kept for ever.
const REUSED_MAX: u32 = 100_000;

/// How a step is set up.
#[derive(Clone, Debug)]
pub struct StepOptions {
    /// The settings object as JSON: duplicates resolved, no nulls.
    pub settings: String,
    /// The receiver or activity that the step belongs to.
    pub owner: SettingId,
    /// One of the roles that `wit/worlds.wit` lists.
    pub role: &'static str,
    pub limits: Limits,
    pub grants: Grants,
    pub ungranted: Ungranted,
    /// May one instance serve several messages, one after the other?
    pub reuse: bool,
    /// Where its instances live.
    pub isolation: Isolation,
}

/// What happens to a plugin that imports what it is not granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ungranted {
    /// No step is made of it.
    #[default]
    Refused,
    /// It may read its settings, so that they can be checked where nothing could
    /// have been granted yet. It reaches nothing, and a call of what it is not
    /// granted ends it.
    Inert,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Severity {
    Error,
    Warning,
}

/// One thing that the plugin says is wrong with its settings.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    pub severity: Severity,
    pub code: String,
    pub text: String,
    /// JSON pointer into the settings; empty means the whole object.
    pub pointer: String,
    /// Name and value of what else the plugin knows: `expected`, `found`, `help`.
    pub detail: Vec<(String, String)>,
}

/// What the settings need besides their plugin.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Requirement {
    pub needs: Needs,
    /// JSON pointer into the settings.
    pub pointer: String,
}

/// Kinds of things that settings may need.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Needs {
    /// A transformer of another plugin: a class name without its assembly.
    Transformer(String),
    /// `Table` or `Table.Field`.
    DataTable(String),
    LookupTable(String),
}

/// Something outside the sandbox that the settings name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reaching {
    pub to: Reach,
    /// JSON pointer into the settings.
    pub pointer: String,
}

/// What of the outside settings may name: whether it is granted can be told
/// before any message is there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Reach {
    /// `scheme://host[:port]`, the scheme one of http, https, tcp and tls.
    Server(String),
    /// By its name in `[secrets]`.
    Secret(String),
    /// A certificate of the home, by its thumbprint.
    Certificate(String),
}

/// A step that was configured once, with what it found.
pub struct Prepared {
    pub step: Step,
    pub findings: Vec<Finding>,
    pub requires: Vec<Requirement>,
    pub reaches: Vec<Reaching>,
}

/// A filter's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// The message is not wanted; which condition decided.
    Stop(String),
}

/// A configured plugin, ready for messages. Shared between them.
pub struct Step {
    plugin: Arc<Plugin>,
    name: Arc<str>,
    options: StepOptions,
    owner: String,
    limits: Arc<Limits>,
    with: LinkedWith,
    linked: Arc<Linked>,
    granted: Arc<Granted>,
    custom: Arc<CustomTransformers>,
    texts: Arc<Texts>,
    paths: KeptPaths,
    network: Arc<NetworkAccess>,
    idle: Mutex<Vec<Idle>>,
    start: StartSlot,
    overseer: Option<Arc<dyn Overseer>>,
    /// `None`: its instances live in this process. Boxed: a step goes from hand to hand
    /// until it is ready, and most have none.
    isolated: Option<Box<Isolated>>,
}

/// An instance that waits for its next message. Boxed: it goes from hand to hand.
struct Idle {
    instance: Box<Instance>,
    served: u32,
    /// Among the engine's idle instances; it keeps it while it is in use.
    place: OwnedSemaphorePermit,
}

/// The class of a type name: what stands before the assembly, trimmed.
pub(crate) fn class_of(type_name: &str) -> &str {
    type_name.split(',').next().unwrap_or(type_name).trim()
}

impl Step {
    /// Instantiates the plugin once in earnest, with its real limits and grants,
    /// and hands it the settings: a workflow that loads has run its plugins.
    ///
    /// # Errors
    /// The plugin trapped or ran over a limit while it was configured, imports
    /// what it is not granted, or a granted directory cannot be opened.
    pub async fn prepare(plugin: Arc<Plugin>, options: StepOptions) -> Result<Prepared, Failure> {
        let (with, linked, granted) = linked(&plugin, &options)?;
        let name: Arc<str> = Arc::from(plugin.name.as_str());
        let outbound = plugin.engine.outbound.clone();
        let network = NetworkAccess::new(&name, &options.grants, &options.limits, outbound);
        let granted = Arc::new(granted);
        let isolated = match options.isolation {
            Isolation::Instance => None,
            Isolation::Process(limits) => {
                let isolated = Isolated::new(&plugin, &options, limits, Arc::clone(&granted))?;
                Some(Box::new(isolated))
            }
        };
        let mut step = Self {
            name,
            network,
            owner: options.owner.to_string(),
            limits: Arc::new(options.limits.clone()),
            with,
            linked,
            granted,
            custom: Arc::default(),
            texts: Arc::default(),
            paths: KeptPaths::default(),
            idle: Mutex::default(),
            start: StartSlot::default(),
            overseer: None,
            isolated,
            plugin,
            options,
        };
        let Configured { findings, requires, reaches } = step.make_ready().await?;
        Ok(Prepared { step, findings, requires, reaches })
    }

    /// Configures the step: from a snapshot of these settings where there is one,
    /// else in earnest; and then sees to a snapshot for the messages.
    async fn make_ready(&mut self) -> Result<Configured, Failure> {
        if let Some(isolated) = &self.isolated {
            self.start = StartSlot::without("a process of its own configures each instance");
            return Box::pin(isolated.configure()).await;
        }
        if let Some(why) = start::why_not(&self.plugin, self.options.reuse) {
            self.start = StartSlot::without(&why);
            return Ok(self.configured().await?.1.into());
        }
        let settings = SnapshotSettings {
            settings: self.options.settings.clone(),
            owner: self.owner.clone(),
            role: self.options.role.to_owned(),
        };
        if let Some(known) = start::known(&self.plugin, self.with, &settings).await {
            // It has to start here and now, with the step's own limits.
            match self.started(&known).await {
                Ok(_) => {
                    let configured = known.configured.clone();
                    tracing::debug!(plugin = %self.name, "it starts from a snapshot that was kept");
                    self.start = StartSlot::with(known);
                    return Ok(configured);
                }
                Err(failure) => start::tell_of_failure(&self.name, &failure),
            }
        }
        let configured: Configured = self.configured().await?.1.into();
        let refused = configured.findings.iter().any(|it| it.severity == Severity::Error);
        self.start = if refused {
            StartSlot::without("its settings are refused")
        } else {
            StartSlot::making(Arc::clone(&self.plugin), self.with, settings, configured.clone())
        };
        Ok(configured)
    }

    /// How fresh instances of this step start.
    pub fn start(&self) -> Start {
        self.start.state()
    }

    /// Waits until a snapshot that is being made is there or has failed; messages
    /// need not wait for it.
    pub async fn settled(&self) {
        self.start.settled().await;
    }

    /// The same step with the custom transformers that its settings require.
    #[must_use]
    pub fn with_custom(mut self, custom: impl Iterator<Item = (String, Arc<Self>)>) -> Self {
        self.custom = Arc::new(custom.collect());
        self
    }

    /// The same step; from now on this one is asked before each call, and told of it.
    #[must_use]
    pub fn overseen(mut self, overseer: Arc<dyn Overseer>) -> Self {
        self.overseer = Some(overseer);
        self
    }

    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    pub(crate) fn overseer(&self) -> Option<&dyn Overseer> {
        self.overseer.as_deref()
    }

    pub(crate) fn setting(&self) -> SettingId {
        self.options.owner
    }

    /// Asks a filter about the message.
    pub async fn decide(
        &self,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<Verdict, Failure>) {
        if self.plugin.kind != Kind::Filter {
            return (run, Err(self.wrong_kind("a filter")));
        }
        // Pinned where it is made: awaited as it is, the whole future is moved first.
        let called = pin!(self.call(run, target, Vec::new(), Request::Decide));
        let (run, outcome) = called.await;
        let verdict = outcome.map(|answer| match answer {
            Answer::Verdict(filter_step::Verdict::Stop(reason)) => {
                Verdict::Stop(told::line(&reason, told::TEXT_CHARS_MAX))
            }
            _ => Verdict::Pass,
        });
        (run, verdict)
    }

    /// Lets a transformer change the target and the variables. On failure the
    /// target is as it was.
    pub async fn transform(
        &self,
        run: Box<Run>,
        target: Target,
        parameters: Vec<(String, String)>,
    ) -> (Box<Run>, Result<(), Failure>) {
        if self.plugin.kind != Kind::Transformer {
            return (run, Err(self.wrong_kind("a transformer")));
        }
        let called = pin!(self.call(run, target, parameters, Request::Transform));
        let (run, outcome) = called.await;
        (run, outcome.map(drop))
    }

    /// A transformer called by another one, inside its call.
    pub(crate) async fn transform_nested(
        &self,
        run: Box<Run>,
        target: Target,
        parameters: Vec<(String, String)>,
        deadline: Instant,
    ) -> (Box<Run>, Result<(), Failure>) {
        // No permit: the call around it has one, and custom transformers cannot
        // nest further, so the pool has room. Boxed: a step may be in a step.
        let called =
            Box::pin(self.enter(run, target, parameters, Some(deadline), Request::Transform));
        let (run, outcome) = called.await;
        (run, outcome.map(drop))
    }

    async fn call(
        &self,
        run: Box<Run>,
        target: Target,
        parameters: Vec<(String, String)>,
        request: Request,
    ) -> (Box<Run>, Result<Answer, Failure>) {
        let Some(_permit) = self.plugin.engine.call_permit().await else {
            return (run, Err(self.host_failure("engine.closed", "the engine is shut down")));
        };
        pin!(self.enter(run, target, parameters, None, request)).await
    }

    /// A place among the calls of the plugin, where these are limited. Waiting counts
    /// as part of the call: whoever waits in line keeps its place among all messages.
    ///
    /// # Errors
    /// None was free in the time of a call, or until the call around this one ends.
    pub(crate) async fn inside(
        &self,
        until: Option<Instant>,
    ) -> Result<Option<Inside<'_>>, Failure> {
        match self.calls_at_once() {
            None => Ok(None),
            // Boxed: most plugins have no such line.
            Some(allowed) => Box::pin(self.in_line(allowed, until)).await.map(Some),
        }
    }

    async fn in_line(&self, allowed: usize, until: Option<Instant>) -> Result<Inside<'_>, Failure> {
        let own = Instant::now() + self.limits.call_time;
        let until = until.map_or(own, |until| until.min(own));
        let entered = tokio::time::timeout_at(until.into(), self.plugin.gate.enter(allowed)).await;
        entered.map_err(|_| self.busy(allowed))
    }

    /// A call of a plugin in processes of its own has one to itself.
    fn calls_at_once(&self) -> Option<usize> {
        let workers = self.isolated.as_ref().map(|isolated| isolated.allowed());
        [self.limits.calls_at_once, workers].into_iter().flatten().min()
    }

    /// The plugin has as much to do as it may.
    pub(crate) fn busy(&self, allowed: usize) -> Failure {
        let text = format!(
            "{allowed} calls of it were running for {:?} already ({}); this one was not begun",
            self.limits.call_time,
            if self.isolated.is_some() { "workers, calls_at_once" } else { "calls_at_once" },
        );
        self.not_begun(text)
    }

    /// A call that waited too long for its turn.
    pub(crate) fn not_begun(&self, text: String) -> Failure {
        let failure = Failure::plugin(&self.name, "plugin.busy", text);
        Failure { fault: Fault::Host, retry_after_ms: Some(1_000), ..failure }
    }

    /// The limits that its calls have.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    async fn enter(
        &self,
        run: Box<Run>,
        target: Target,
        parameters: Vec<(String, String)>,
        deadline: Option<Instant>,
        request: Request,
    ) -> (Box<Run>, Result<Answer, Failure>) {
        let overseen = match Overseen::begin(self.overseer.as_deref(), &self.name) {
            Ok(overseen) => overseen,
            Err(failure) => return (run, Err(failure)),
        };
        let _inside = match self.inside(deadline).await {
            Ok(inside) => inside,
            Err(failure) => {
                overseen.forget();
                return (run, Err(failure));
            }
        };
        if let Some(isolated) = &self.isolated {
            let asked = Asked { target, parameters, deadline, request };
            let called = Box::pin(isolated.call(run, asked)).await;
            let Called { usage, run, outcome, .. } = called;
            overseen.end(&run.facts, usage, outcome.as_ref().err());
            return (run, outcome);
        }
        let (mut instance, served, place) = match self.idle_instance() {
            Some(Idle { instance, served, place }) => (instance, served, Some(place)),
            // Boxed: the way to a new instance is long, and most calls do not go it.
            None => match Box::pin(self.fresh_until(deadline)).await {
                Ok(instance) => (instance, 0, None),
                Err(failure) => {
                    overseen.end_without_instance(&run.facts, &failure);
                    return (run, Err(failure));
                }
            },
        };
        if served == 0 {
            instance.lend_paths(self.paths.take());
        }
        let setting = self.options.owner;
        let called = pin!(instance.call(run, target, setting, parameters, deadline, request)).await;
        let Called { usable, usage, run, outcome } = called;
        overseen.end(&run.facts, usage, outcome.as_ref().err());
        if usable && self.options.reuse && served < REUSED_MAX {
            self.keep(instance, served + 1, place);
        } else {
            self.paths.give_back(instance.take_paths());
        }
        (run, outcome)
    }

    fn idle_instance(&self) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps an instance for the next message; where there is no room, it goes.
    fn keep(&self, instance: Box<Instance>, served: u32, place: Option<OwnedSemaphorePermit>) {
        let free = || Arc::clone(&self.plugin.engine.idle).try_acquire_owned().ok();
        let Some(place) = place.or_else(free) else { return };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_PER_STEP {
            idle.push(Idle { instance, served, place });
        }
    }

    /// As [`Step::fresh`]; inside another call, in what is left of its time: a call
    /// that ended while this one has the run would take the run with it.
    async fn fresh_until(&self, deadline: Option<Instant>) -> Result<Box<Instance>, Failure> {
        let Some(deadline) = deadline else { return self.fresh().await };
        let made = tokio::time::timeout_at(deadline.into(), self.fresh()).await;
        made.unwrap_or_else(|_| {
            let text = "it was not set up before the call around it ended (call_time_milliseconds)";
            Err(Failure::plugin(&self.name, "plugin.time", text))
        })
    }

    /// A new instance that has its settings, the shortest way.
    async fn fresh(&self) -> Result<Box<Instance>, Failure> {
        if let Some(snapshot) = self.start.snapshot() {
            match self.started(snapshot).await {
                Ok(instance) => return Ok(instance),
                Err(failure) => start::tell_of_failure(&self.name, &failure),
            }
        }
        self.configured().await.map(|(instance, _)| instance)
    }

    /// A new instance that starts with its settings.
    async fn started(&self, snapshot: &Snapshot) -> Result<Box<Instance>, Failure> {
        self.instance(&snapshot.linked).await
    }

    async fn instance(&self, linked: &Linked) -> Result<Box<Instance>, Failure> {
        let mut instance = Instance::new(self.origin(linked)).await?;
        if let Some(overseer) = &self.overseer {
            instance.count_as_live(overseer);
        }
        Ok(instance)
    }

    fn origin<'a>(&'a self, linked: &'a Linked) -> Origin<'a> {
        Origin {
            engine: &self.plugin.engine.wasmtime,
            linked,
            plugin: &self.name,
            limits: &self.limits,
            granted: &self.granted,
            custom: &self.custom,
            texts: &self.texts,
            network: &self.network,
            memory: &self.plugin.memory,
            way: self.plugin.engine.lane.way(&self.plugin.askers),
        }
    }

    /// A new instance that is configured in earnest.
    pub(crate) async fn configured(
        &self,
    ) -> Result<(Box<Instance>, configuring::Configuration), Failure> {
        let mut instance = self.instance(&self.linked).await?;
        let settings = &self.options.settings;
        let configuration = instance.configure(settings, &self.owner, self.options.role).await?;
        Ok((instance, configuration))
    }

    fn wrong_kind(&self, expected: &str) -> Failure {
        let found = self.plugin.kind.name();
        let text = format!("{expected} is needed here, the plugin is of kind {found}");
        Failure { fault: Fault::Author, ..Failure::plugin(&self.name, "plugin.kind", text) }
    }

    pub(crate) fn host_failure(&self, code: &str, text: &str) -> Failure {
        Failure { fault: Fault::Host, ..Failure::plugin(&self.name, code, text) }
    }
}

/// Links the plugin with what it is granted, and opens that.
fn linked(
    plugin: &Plugin,
    options: &StepOptions,
) -> Result<(LinkedWith, Arc<Linked>, Granted), Failure> {
    let grants = &options.grants;
    let capabilities = Capabilities::of(&plugin.imports, grants);
    let inert = options.ungranted == Ungranted::Inert && plugin.asks_beyond(grants);
    let with = if inert { LinkedWith::Nothing } else { LinkedWith::Granted(capabilities) };
    let linked = plugin.linked(with).map_err(|error| {
        let failure = Failure::plugin(&plugin.name, "grant.missing", error.to_string());
        Failure { fault: Fault::Host, ..failure }
    })?;
    let granted = Granted::new(grants, capabilities, options.role).map_err(|text| {
        let failure = Failure::plugin(&plugin.name, "grant.directory", text);
        Failure { fault: Fault::Host, ..failure }
    })?;
    Ok((with, linked, granted))
}

pub(crate) fn finding_of(finding: configuring::Finding) -> Finding {
    Finding {
        severity: match finding.severity {
            configuring::Severity::Error => Severity::Error,
            configuring::Severity::Warning => Severity::Warning,
        },
        code: finding.problem.code,
        text: finding.problem.text,
        pointer: finding.problem.place.unwrap_or_default(),
        detail: finding.problem.detail,
    }
}

pub(crate) fn reach_of(name: &str) -> Option<Reach> {
    let (kind, what) = name.split_once(':')?;
    let what = what.to_owned();
    Some(match kind {
        "outbound" => Reach::Server(what),
        "secret" => Reach::Secret(what),
        "client-certificate" => Reach::Certificate(what),
        _ => return None,
    })
}

pub(crate) fn requirement_of(requirement: configuring::Requirement) -> Requirement {
    let name = requirement.type_name.as_str();
    let needs = match name.split_once(':') {
        Some(("data-table", table)) => Needs::DataTable(table.to_owned()),
        Some(("lookup-table", table)) => Needs::LookupTable(table.to_owned()),
        _ => Needs::Transformer(class_of(name).to_owned()),
    };
    Requirement { needs, pointer: requirement.place }
}
