//! One live instance: a store, its exports, and the way in and out of a call.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_demangle::demangle;
use tureen_template::SettingId;
use wasmtime::component::Resource;
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::bindings::transformer::tureen::plugin::{configuring, types};
use crate::bindings::{activity, filter, transformer};
use crate::deadline::{Late, until};
use crate::exchange::{Run, Target};
use crate::failure::{Breakdown, Failure, Fault};
use crate::granted::Granted;
use crate::guest::{CustomTransformers, Guest, MessageHandle};
use crate::imports::network::Network;
use crate::limits::{Exceeded, Limits};
use crate::outbound::NetworkAccess;
use crate::oversight::{LiveInstance, Overseer};
use crate::path_memory::PathMemory;
use crate::plugin::Linked;
use crate::running_clock::RunningClock;
use crate::texts::Texts;
use crate::usage::{CallOutcome, Usage};

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
}

impl Instance {
    pub(crate) async fn new(origin: Origin<'_>) -> Result<Self, Failure> {
        let Origin { engine, linked, plugin, limits, granted, custom, texts, network } = origin;
        let (plugin_name, limits_of) = (Arc::clone(plugin), Arc::clone(limits));
        let shared = (Arc::clone(custom), Arc::clone(texts));
        let network = Network::new(Arc::clone(network));
        let granted = Arc::clone(granted);
        let guest = Guest::new(plugin_name, limits_of, granted, shared.0, shared.1, network)
            .map_err(|text| Failure::plugin(plugin, "plugin.handles", text))?;
        let mut store = Store::new(engine, guest);
        store.limiter(|guest| &mut guest.meter);
        store.set_hostcall_fuel(limits.host_call_bytes);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        let allowed = limits.running_time;
        let clock = RunningClock::new();
        let asked = clock.clone();
        store.epoch_deadline_callback(move |_| match asked.ran() > allowed {
            false => Ok(UpdateDeadline::Yield(1)),
            true => Err(Exceeded::Running { allowed }.into()),
        });
        let deadline = Instant::now() + limits.call_time;
        let exports = until(deadline, clock.time(pin!(linked.instantiate(&mut store))))
            .await
            .map_err(|Late| time_out(plugin, limits.call_time))?
            .map_err(|error| failure_of(plugin, &error))?;
        Ok(Self {
            store,
            exports,
            plugin: Arc::clone(plugin),
            call_time: limits.call_time,
            prepared_in: clock.ran_so_far(),
            clock,
            has_served: false,
            live: None,
        })
    }

    /// Counts it among the live instances of its step until it is dropped.
    pub(crate) fn count_as_live(&mut self, overseer: &Arc<dyn Overseer>) {
        self.live = Some(LiveInstance::new(overseer));
    }

    /// Who the plugin is.
    pub(crate) async fn identity(&mut self) -> Result<Identity, Failure> {
        let call_time = self.call_time;
        let clock = self.clock.clone();
        clock.reset();
        let deadline = Instant::now() + call_time;
        let asked = until(deadline, clock.time(pin!(self.ask_identity()))).await;
        match asked {
            Err(Late) => Err(time_out(&self.plugin, call_time)),
            Ok(Err(error)) => Err(failure_of(&self.plugin, &error)),
            Ok(Ok(identity)) => Ok(identity),
        }
    }

    async fn ask_identity(&mut self) -> wasmtime::Result<Identity> {
        let store = &mut self.store;
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
        match &self.exports {
            Exports::Filter(exports) => ask!(exports),
            Exports::Transformer(exports) => ask!(exports),
            Exports::Activity(exports) => ask!(exports),
        }
    }

    /// Hands the settings over; before any other call.
    pub(crate) async fn configure(
        &mut self,
        settings: &str,
        owner: &str,
        role: &str,
    ) -> Result<configuring::Configuration, Failure> {
        let (plugin, call_time) = (Arc::clone(&self.plugin), self.call_time);
        let store = &mut self.store;
        store.set_epoch_deadline(1);
        self.clock.reset();
        let asked = async {
            match &self.exports {
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
        let deadline = Instant::now() + call_time;
        let asked = until(deadline, self.clock.time(pin!(asked))).await;
        self.prepared_in += self.clock.ran_so_far();
        match asked {
            Err(Late) => Err(time_out(&plugin, call_time)),
            Ok(Err(error)) => Err(failure_of(&plugin, &error)),
            Ok(Ok(configuration)) => Ok(configuration),
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
        let deadline = deadline.map_or(own, |outer| outer.min(own));
        self.store.data_mut().begin(run, target, setting, deadline);
        if let Some(call) = self.store.data_mut().call.as_mut() {
            call.parameters = parameters;
        }
        self.store.set_epoch_deadline(1);
        let (call_time, clock) = (self.call_time, self.clock.clone());
        clock.reset();
        let asked = {
            let ask = pin!(self.ask(request));
            until(deadline, clock.time(ask)).await
        };
        let running = clock.ran_so_far() + std::mem::take(&mut self.prepared_in);
        let nested = self.store.data_mut().call.as_mut().and_then(|it| it.nested.take());
        let failure = match asked {
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

    async fn ask(
        &mut self,
        request: Request,
    ) -> wasmtime::Result<Result<Answer, types::StepError>> {
        let borrowed = Resource::new_borrow(self.store.data().target.rep());
        let store = &mut self.store;
        Ok(match (&self.exports, request) {
            (Exports::Filter(exports), Request::Decide) => {
                let step = exports.tureen_plugin_filter_step();
                step.call_decide(&mut *store, borrowed).await?.map(Answer::Verdict)
            }
            (Exports::Transformer(exports), Request::Transform) => {
                let step = exports.tureen_plugin_transformer_step();
                step.call_transform(&mut *store, borrowed).await?.map(|()| Answer::Done)
            }
            (Exports::Activity(exports), request) => {
                ask_activity(&mut *store, exports, request, borrowed).await?
            }
            _ => return Err(wasmtime::Error::msg("the plugin is of another kind")),
        })
    }
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
        MessageHandle::Own(message) => Ok(*message),
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

fn time_out(plugin: &str, allowed: Duration) -> Failure {
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
    let code = problem.code.chars().take(64).collect();
    Failure {
        fault,
        code,
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
    if let Some(exceeded) = error.chain().find_map(|cause| cause.downcast_ref::<Exceeded>()) {
        let (code, outcome) = match exceeded {
            Exceeded::Memory { .. } => ("plugin.memory", CallOutcome::Memory),
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
    let trap = error.downcast_ref::<Trap>();
    let what = trap.map_or_else(|| error.root_cause().to_string(), Trap::to_string);
    let mut text = format!("it trapped: {what}");
    if !stack.is_empty() {
        let innermost: Vec<&str> = stack.iter().take(6).map(String::as_str).collect();
        text = format!("{text}; in {}", innermost.join(" < "));
    }
    let (outcome, trap) = (CallOutcome::Trap, trap.map(|trap| format!("{trap:?}")));
    Failure::broken_down(plugin, "plugin.trap", text, Breakdown { outcome, trap, stack })
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
