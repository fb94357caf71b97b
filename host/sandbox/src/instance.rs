//! One live instance: a store, its exports, and the way in and out of a call.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_demangle::demangle;
use tureen_template::SettingId;
use wasmtime::component::{Resource, ResourceTableError};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, WasmBacktrace};

use crate::bindings::transformer::tureen::plugin::{configuring, types};
use crate::bindings::{activity, filter, transformer};
use crate::caught::{Caught, HostPanicked};
use crate::deadline::{Late, until};
use crate::exchange::{Run, Target};
use crate::failure::{Breakdown, Failure, Fault};
use crate::granted::Granted;
use crate::guest::{CustomTransformers, Guest, MessageHandle};
use crate::imports::network::Network;
use crate::limits::{Exceeded, Limits, MemoryBudget};
use crate::outbound::NetworkAccess;
use crate::oversight::{LiveInstance, Overseer};
use crate::path_memory::PathMemory;
use crate::plugin::Linked;
use crate::running_clock::RunningClock;
use crate::slow_lane::Way;
use crate::texts::Texts;
use crate::told;
use crate::usage::{CallOutcome, Usage};

/// Ticks of the engine's clock before a call is looked at for the first time; how long it
/// has really run then decides whether it takes turns with others.
const FIRST_TURN_TICKS: u64 = 1;

/// What an instance can be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    Decide,
    Transform,
    Open,
    Process,
    AllSucceeded,
    RollBack,
    Cancel,
    Close,
}

impl Request {
    /// When the run that a call belongs to has to be over. What follows a run, or
    /// belongs to none, has its own time only: an activity must hear that it is to
    /// roll back also where the time is used up.
    fn latest(self, run: &Run) -> Option<Instant> {
        match self {
            Self::Decide | Self::Transform | Self::Process => run.latest,
            Self::Open | Self::AllSucceeded | Self::RollBack | Self::Cancel | Self::Close => None,
        }
    }
}

/// What it answered.
pub(crate) enum Answer {
    Done,
    Verdict(filter::exports::tureen::plugin::filter_step::Verdict),
    Response(Option<Box<tureen_message::Message>>),
}

pub(crate) enum Exports {
    Filter(filter::Filter),
    Transformer(transformer::Transformer),
    Activity(activity::Activity),
}

/// A store with its instance. Dropping it ends the guest.
pub(crate) struct Instance {
    store: Store<Guest>,
    exports: Exports,
    plugin: Arc<str>,
    call_time: Duration,
    clock: RunningClock,
    /// What the guest ran before its first call, until that is told with it.
    prepared_in: Duration,
    has_served: bool,
    live: Option<LiveInstance>,
    way: Way,
}

/// Where an instance comes from.
pub(crate) struct Origin<'a> {
    pub(crate) engine: &'a wasmtime::Engine,
    pub(crate) linked: &'a Linked,
    pub(crate) plugin: &'a Arc<str>,
    pub(crate) limits: &'a Arc<Limits>,
    pub(crate) granted: &'a Arc<Granted>,
    pub(crate) custom: &'a Arc<CustomTransformers>,
    pub(crate) texts: &'a Arc<Texts>,
    pub(crate) network: &'a Arc<NetworkAccess>,
    /// Of all instances of the plugin together.
    pub(crate) memory: &'a Arc<MemoryBudget>,
    /// Its way among the calls that run long.
    pub(crate) way: Way,
}

impl Instance {
    /// Boxed: it is large, and goes from hand to hand.
    pub(crate) async fn new(origin: Origin<'_>) -> Result<Box<Self>, Failure> {
        let Origin { engine, linked, plugin, limits, granted, custom, texts, network, memory, way } =
            origin;
        let (plugin_name, limits_of) = (Arc::clone(plugin), Arc::clone(limits));
        let shared = (Arc::clone(custom), Arc::clone(texts));
        let (network, memory) = (Network::new(Arc::clone(network)), Arc::clone(memory));
        let granted = Arc::clone(granted);
        let guest =
            Guest::new(plugin_name, limits_of, granted, shared.0, shared.1, network, memory)
                .map_err(|text| Failure::plugin(plugin, "plugin.handles", text))?;
        let mut store = Store::new(engine, guest);
        store.limiter(|guest| &mut guest.meter);
        store.set_hostcall_fuel(limits.host_call_bytes);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(FIRST_TURN_TICKS);
        let allowed = limits.running_time;
        let clock = RunningClock::new();
        let asked = clock.clone();
        let turns = way.clone();
        store.epoch_deadline_callback(move |_| match asked.ran() > allowed {
            false => Ok(turns.next_turn()),
            true => Err(Exceeded::Running { allowed }.into()),
        });
        let now = Instant::now();
        clock.reset();
        let deadline = now + limits.call_time;
        let exports = {
            let instantiating = pin!(linked.instantiate(&mut store));
            until(deadline, clock.time(way.guard(Caught::new(instantiating)))).await
        };
        let exports = exports
            .map_err(|Late| time_out(plugin, limits.call_time))?
            .map_err(|error| failure_of(plugin, &error))?;
        Ok(Box::new(Self {
            store,
            exports,
            plugin: Arc::clone(plugin),
            call_time: limits.call_time,
            prepared_in: clock.ran_so_far(),
            clock,
            has_served: false,
            live: None,
            way,
        }))
    }

    /// Counts it among the live instances of its step until it is dropped.
    pub(crate) fn count_as_live(&mut self, overseer: &Arc<dyn Overseer>) {
        self.live = Some(LiveInstance::new(overseer));
    }

    /// Who the plugin is.
    pub(crate) async fn identity(&mut self) -> Result<Identity, Failure> {
        let Self { store, exports, clock, way, call_time, .. } = self;
        let call_time = *call_time;
        let now = Instant::now();
        clock.reset();
        let asked = {
            let ask = pin!(ask_identity(store, exports));
            until(now + call_time, clock.time(way.guard(Caught::new(ask)))).await
        };
        match asked {
            Err(Late) => Err(time_out(&self.plugin, call_time)),
            Ok(Err(error)) => Err(failure_of(&self.plugin, &error)),
            Ok(Ok(identity)) => Ok(identity),
        }
    }

    /// Hands the settings over; before any other call.
    pub(crate) async fn configure(
        &mut self,
        settings: &str,
        owner: &str,
        role: &str,
    ) -> Result<configuring::Configuration, Failure> {
        let Self { store, exports, clock, way, plugin, call_time, .. } = self;
        let call_time = *call_time;
        store.set_epoch_deadline(FIRST_TURN_TICKS);
        let asked = async {
            match exports {
                Exports::Filter(exports) => {
                    exports.call_configure(store, settings, owner, role).await
                }
                Exports::Transformer(exports) => {
                    exports.call_configure(store, settings, owner, role).await
                }
                Exports::Activity(exports) => {
                    exports.call_configure(store, settings, owner, role).await
                }
            }
        };
        let now = Instant::now();
        clock.reset();
        let asked = {
            let asked = pin!(asked);
            until(now + call_time, clock.time(way.guard(Caught::new(asked)))).await
        };
        self.prepared_in += clock.ran_so_far();
        match asked {
            Err(Late) => Err(time_out(plugin, call_time)),
            Ok(Err(error)) => Err(failure_of(plugin, &error)),
            Ok(Ok(configuration)) => Ok(told::configuration(configuration)),
        }
    }

    /// Hands over the paths that its step's instances have parsed so far.
    pub(crate) fn lend_paths(&mut self, paths: PathMemory) {
        self.store.data_mut().paths = paths;
    }

    /// Takes them back.
    pub(crate) fn take_paths(&mut self) -> PathMemory {
        std::mem::take(&mut self.store.data_mut().paths)
    }

    /// One call. Gives the run back whatever happens; `usable` says whether the
    /// instance may be entered again.
    pub(crate) async fn call(
        &mut self,
        run: Box<Run>,
        target: Target,
        setting: SettingId,
        parameters: Vec<(String, String)>,
        deadline: Option<Instant>,
        request: Request,
    ) -> Called {
        // A nested call ends before the one around it, so that this one gets the
        // run back: `until` looks at the inner future first.
        let own = Instant::now() + self.call_time;
        let latest = request.latest(&run);
        let deadline = [deadline, latest].into_iter().flatten().fold(own, Instant::min);
        self.store.data_mut().begin(run, target, setting, parameters, deadline);
        self.store.set_epoch_deadline(FIRST_TURN_TICKS);
        let Self { store, exports, clock, way, call_time, .. } = self;
        let call_time = *call_time;
        clock.reset();
        let asked = {
            let ask = pin!(ask(store, exports, request));
            until(deadline, clock.time(way.guard_call(Caught::new(ask)))).await
        };
        let running = clock.ran_so_far() + std::mem::take(&mut self.prepared_in);
        let nested = self.store.data_mut().call.as_mut().and_then(|it| it.nested.take());
        let failure = match asked {
            Err(Late) if latest == Some(deadline) => out_of_time(&self.plugin),
            Err(Late) => time_out(&self.plugin, call_time),
            Ok(Err(error)) => failure_of(&self.plugin, &error),
            Ok(Ok(outcome)) => {
                let ended = outcome_of(&outcome);
                // Only a transformer changes its message.
                let keep = outcome.is_ok() && matches!(request, Request::Transform);
                let usage = self.usage(ended, running);
                return Called {
                    usable: true,
                    usage,
                    run: end_call(&mut self.store, &self.plugin, keep),
                    outcome: outcome.map_err(|error| failure_of_step(&self.plugin, error, nested)),
                };
            }
        };
        // Time that a custom transformer used up is not this plugin's fault.
        let (ended, failure) = match nested.filter(|nested| took_the_time(nested, &failure)) {
            Some(nested) => (CallOutcome::Failed, nested),
            None => (failure.outcome(), failure),
        };
        let usage = self.usage(ended, running);
        let run = end_call(&mut self.store, &self.plugin, false);
        Called { usable: false, usage, run, outcome: Err(failure) }
    }

    /// What the call that has just ended used.
    fn usage(&mut self, outcome: CallOutcome, running: Duration) -> Usage {
        let is_reused = std::mem::replace(&mut self.has_served, true);
        let guest = self.store.data();
        let memory_bytes = guest.meter.memory_bytes();
        let usage = Usage { running, memory_bytes, is_reused, ..Usage::without_instance(outcome) };
        let Some(call) = &guest.call else { return usage };
        Usage {
            host_calls: guest.limits.host_calls.saturating_sub(call.calls_left),
            log_lines: guest.limits.log_lines.saturating_sub(call.log_lines_left),
            log_lines_cut: call.log_cut,
            ..usage
        }
    }
}

/// Who the plugin says it is.
async fn ask_identity(store: &mut Store<Guest>, exports: &Exports) -> wasmtime::Result<Identity> {
    macro_rules! ask {
        ($exports:expr) => {{
            let identity = $exports.tureen_plugin_identity();
            Ok(Identity {
                name: identity.call_name(&mut *store).await?,
                version: identity.call_version(&mut *store).await?,
                summary: identity.call_summary(&mut *store).await?,
                handles: identity.call_handles(&mut *store).await?,
            })
        }};
    }
    match exports {
        Exports::Filter(exports) => ask!(exports),
        Exports::Transformer(exports) => ask!(exports),
        Exports::Activity(exports) => ask!(exports),
    }
}

/// Enters the guest.
async fn ask(
    store: &mut Store<Guest>,
    exports: &Exports,
    request: Request,
) -> wasmtime::Result<Result<Answer, types::StepError>> {
    let borrowed = Resource::new_borrow(store.data().target.rep());
    Ok(match (exports, request) {
        (Exports::Filter(exports), Request::Decide) => {
            let step = exports.tureen_plugin_filter_step();
            step.call_decide(store, borrowed).await?.map(Answer::Verdict)
        }
        (Exports::Transformer(exports), Request::Transform) => {
            let step = exports.tureen_plugin_transformer_step();
            step.call_transform(store, borrowed).await?.map(|()| Answer::Done)
        }
        // Boxed: its many ways would make every call's future as large as theirs.
        (Exports::Activity(exports), request) => {
            Box::pin(ask_activity(store, exports, request, borrowed)).await?
        }
        _ => return Err(wasmtime::Error::msg("the plugin is of another kind")),
    })
}

async fn ask_activity(
    store: &mut Store<Guest>,
    exports: &activity::Activity,
    request: Request,
    target: Resource<MessageHandle>,
) -> wasmtime::Result<Result<Answer, types::StepError>> {
    let step = exports.tureen_plugin_activity_step();
    Ok(match request {
        Request::Open => match step.call_open(&mut *store).await? {
            Ok(()) => Ok(Answer::Done),
            Err(problem) => Err(types::StepError::Failed(problem)),
        },
        Request::Process => match step.call_process(&mut *store, target).await? {
            Err(error) => Err(error),
            Ok(None) => Ok(Answer::Response(None)),
            Ok(Some(handle)) => Ok(Answer::Response(Some(Box::new(response_of(store, handle)?)))),
        },
        Request::AllSucceeded => {
            step.call_all_succeeded(&mut *store).await?;
            Ok(Answer::Done)
        }
        Request::RollBack => {
            step.call_roll_back(&mut *store).await?;
            Ok(Answer::Done)
        }
        Request::Cancel => {
            step.call_cancel(&mut *store).await?;
            Ok(Answer::Done)
        }
        Request::Close => {
            step.call_close(&mut *store).await?;
            Ok(Answer::Done)
        }
        Request::Decide | Request::Transform => {
            return Err(wasmtime::Error::msg("the plugin is of another kind"));
        }
    })
}

fn response_of(
    store: &mut Store<Guest>,
    handle: Resource<MessageHandle>,
) -> wasmtime::Result<tureen_message::Message> {
    let guest = store.data_mut();
    match guest.table.delete(handle)? {
        MessageHandle::Own(message) => {
            guest.own_bytes = guest.own_bytes.saturating_sub(message.size());
            Ok(*message)
        }
        // It answers with a message that it was given: a copy.
        other => {
            let call = guest.call.as_ref().ok_or_else(crate::guest::outside_a_call)?;
            let message = call.message(&other).cloned();
            message
                .ok_or_else(|| wasmtime::Error::msg("the response is a message that is not there"))
        }
    }
}

fn end_call(store: &mut Store<Guest>, plugin: &str, keep_draft: bool) -> Box<Run> {
    #[expect(
        clippy::expect_used,
        reason = "call() put it there, and no path in between removes it for good"
    )]
    let call = store.data_mut().call.take().expect("a call that began has a run");
    call.end(plugin, keep_draft)
}

/// The end of one call.
pub(crate) struct Called {
    pub(crate) usable: bool,
    pub(crate) usage: Usage,
    pub(crate) run: Box<Run>,
    pub(crate) outcome: Result<Answer, Failure>,
}

/// Who a plugin says it is.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) handles: Vec<String>,
}

pub(crate) fn time_out(plugin: &str, allowed: Duration) -> Failure {
    let text = format!(
        "it did not answer within {allowed:?} (call_time_milliseconds); the call was ended"
    );
    let outcome = CallOutcome::Timeout;
    let breakdown = Breakdown { outcome, trap: None, stack: Vec::new() };
    Failure::broken_down(plugin, "plugin.time", text, breakdown)
}

/// What a plugin answered, as a class.
fn outcome_of(answer: &Result<Answer, types::StepError>) -> CallOutcome {
    match answer {
        Ok(Answer::Verdict(filter::exports::tureen::plugin::filter_step::Verdict::Stop(_))) => {
            CallOutcome::Stopped
        }
        Ok(_) => CallOutcome::Ok,
        Err(types::StepError::Rejected(_)) => CallOutcome::Rejected,
        Err(types::StepError::Failed(_)) => CallOutcome::Failed,
        Err(types::StepError::Retryable(_)) => CallOutcome::Retryable,
    }
}

/// Did a custom transformer use up the time that the plugin ran out of?
fn took_the_time(nested: &Failure, own: &Failure) -> bool {
    let ran_out = |failure: &Failure| {
        matches!(failure.outcome(), CallOutcome::Timeout | CallOutcome::Running)
    };
    ran_out(nested) && ran_out(own)
}

pub(crate) fn out_of_time(plugin: &str) -> Failure {
    let text = "the message had no time left (limits.message_time_seconds); the call was ended";
    Failure::plugin(plugin, "plugin.message-time", text)
}

/// A typed answer of the plugin. When it hands on the failure of a custom
/// transformer that it called, that failure is what happened.
fn failure_of_step(plugin: &str, error: types::StepError, nested: Option<Failure>) -> Failure {
    let (fault, problem, retry_after_ms) = match error {
        types::StepError::Rejected(problem) => (Fault::Sender, problem, None),
        types::StepError::Failed(problem) => (Fault::Author, problem, None),
        types::StepError::Retryable((problem, after)) => {
            (Fault::Host, problem, Some(after.unwrap_or(0)))
        }
    };
    if let Some(nested) = nested.filter(|nested| nested.code == problem.code) {
        return nested;
    }
    let problem = told::problem(problem);
    Failure {
        fault,
        code: problem.code,
        text: problem.text,
        place: problem.place,
        plugin: plugin.to_owned(),
        retry_after_ms,
        breakdown: None,
    }
}

/// A trap, a limit or a broken contract.
pub(crate) fn failure_of(plugin: &str, error: &wasmtime::Error) -> Failure {
    let stack = error.downcast_ref::<WasmBacktrace>().map(stack_of).unwrap_or_default();
    if let Some(pool) = error.chain().find_map(|it| it.downcast_ref::<PoolConcurrencyLimitError>())
    {
        let text = format!(
            "the pool of plugin instances has no room for another one: {pool}; messages that are done make room"
        );
        return no_room(plugin, "host.pool", text);
    }
    if let Some(exceeded) = error.chain().find_map(|cause| cause.downcast_ref::<Exceeded>()) {
        let (code, outcome) = match exceeded {
            Exceeded::AllMemory { .. } => {
                return no_room(plugin, "host.memory", format!("{exceeded}; the call was ended"));
            }
            Exceeded::Memory { .. } => ("plugin.memory", CallOutcome::Memory),
            Exceeded::Budget { .. } => ("plugin.memory-budget", CallOutcome::Memory),
            Exceeded::Table { .. } => ("plugin.table", CallOutcome::Table),
            Exceeded::HostCalls { .. } => ("plugin.host-calls", CallOutcome::HostCalls),
            Exceeded::Output { .. } => ("plugin.output", CallOutcome::Output),
            Exceeded::Handles { .. } => ("plugin.handles", CallOutcome::Handles),
            Exceeded::Running { .. } => ("plugin.time", CallOutcome::Running),
            Exceeded::Requests { .. }
            | Exceeded::Connections { .. }
            | Exceeded::NetworkBytes { .. } => ("plugin.outbound", CallOutcome::Outbound),
        };
        let text = format!("{exceeded}; the call was ended");
        let breakdown = Breakdown { outcome, trap: None, stack };
        return Failure::broken_down(plugin, code, text, breakdown);
    }
    if error.is::<HostPanicked>() {
        let text =
            "the host failed while it served the plugin, a fault of Tureen; the call was ended";
        let breakdown = Breakdown { outcome: CallOutcome::HostError, trap: None, stack };
        let failure = Failure::broken_down(plugin, "host.panic", text, breakdown);
        return Failure { fault: Fault::Host, ..failure };
    }
    let usual = ("plugin.trap", "", CallOutcome::Trap);
    let (code, limit, outcome) = limit_of_wasmtime(error).unwrap_or(usual);
    let trap = error.downcast_ref::<Trap>();
    let what = trap.map_or_else(|| error.root_cause().to_string(), Trap::to_string);
    let mut text = format!("it trapped: {}{limit}", told::line(&what, told::TEXT_CHARS_MAX));
    if !stack.is_empty() {
        let innermost: Vec<&str> = stack.iter().take(6).map(String::as_str).collect();
        text = format!("{text}; in {}", innermost.join(" < "));
    }
    let trap = trap.map(|trap| format!("{trap:?}"));
    Failure::broken_down(plugin, code, text, Breakdown { outcome, trap, stack })
}

/// A limit of the server that all plugins share is reached: whichever plugin comes next
/// is refused, and need not be the one that took the most.
fn no_room(plugin: &str, code: &str, text: String) -> Failure {
    let outcome = CallOutcome::HostLimit;
    let breakdown = Breakdown { outcome, trap: None, stack: Vec::new() };
    let failure = Failure::broken_down(plugin, code, text, breakdown);
    Failure { fault: Fault::Host, ..failure }
}

/// Limits that wasmtime itself holds, with the code of each and its key. It has no
/// types for most of these errors, so that a test looks at each text.
fn limit_of_wasmtime(error: &wasmtime::Error) -> Option<(&'static str, &'static str, CallOutcome)> {
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        return Some(("plugin.stack", " (limits.plugin_stack_bytes)", CallOutcome::Stack));
    }
    let is_full = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(ResourceTableError::Full))
    };
    if error.chain().any(is_full) {
        return Some(("plugin.handles", " (handles)", CallOutcome::Handles));
    }
    let text = error.root_cause().to_string();
    let bytes = CallOutcome::HostCallBytes;
    let known = [
        ("store handle limit exceeded", "plugin.handles", " (handles)", CallOutcome::Handles),
        ("fuel allocated for hostcalls", "plugin.host-call-bytes", " (host_call_bytes)", bytes),
        (
            "instance count too high",
            "plugin.instances",
            " (instance_count)",
            CallOutcome::Instances,
        ),
        ("memory count too high", "plugin.instances", " (memory_count)", CallOutcome::Instances),
        ("table count too high", "plugin.instances", " (table_count)", CallOutcome::Instances),
    ];
    let found = known.into_iter().find(|(words, ..)| text.contains(words));
    found.map(|(_, code, key, outcome)| (code, key, outcome))
}

/// The guest's functions, innermost first; names only.
fn stack_of(backtrace: &WasmBacktrace) -> Vec<String> {
    let names = backtrace.frames().iter().filter_map(|frame| frame.func_name());
    without_the_panic(names.map(function_name).collect())
}

/// A panic of Rust has a dozen frames of its own, which push the plugin's out of sight.
fn without_the_panic(mut stack: Vec<String>) -> Vec<String> {
    const PANIC: [&str; 5] =
        ["abort", "__rustc::", "core::panicking::", "std::panicking::", "std::process::abort"];
    let is_panic = |name: &String| {
        name.starts_with("std::sys::") || PANIC.iter().any(|start| name.starts_with(start))
    };
    let begins = stack.iter().position(|name| !is_panic(name)).unwrap_or(0);
    stack.drain(..begins);
    stack.truncate(Breakdown::STACK_MAX);
    stack
}

/// A name as its author wrote it, fit for a log: the name section may hold anything.
fn function_name(mangled: &str) -> String {
    let name = format!("{:#}", demangle(mangled));
    let mut plain = name.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it });
    let mut head: String = plain.by_ref().take(Breakdown::NAME_CHARACTERS_MAX).collect();
    if plain.next().is_some() {
        head.push('…');
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_s_name_is_demangled_cut_and_without_controls() {
        assert_eq!(function_name("_ZN4trap9transform17h0123456789abcdefE"), "trap::transform");
        assert_eq!(function_name("a\nb\x1b[31m"), "a\u{fffd}b\u{fffd}[31m");
        let long = function_name(&"x".repeat(100_000));
        assert_eq!(long.chars().count(), Breakdown::NAME_CHARACTERS_MAX + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn a_stack_begins_behind_the_panic_and_is_bounded() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let panicked =
            names(&["abort", "std::sys::pal::wasi::abort", "__rustc::rust_panic", "mine", "abort"]);
        assert_eq!(without_the_panic(panicked), ["mine", "abort"]);
        assert_eq!(without_the_panic(names(&["abort"])), ["abort"], "better than nothing");
        let deep = names(&["f"; 32]);
        assert_eq!(without_the_panic(deep).len(), Breakdown::STACK_MAX);
    }
}
