//! A worker: the process that serves one plugin to the server that started it.
//!
//! It takes the plugin's code, confines itself, and then does one thing at a time
//! until the server closes its end. What a step does here is what it does in the
//! server: the same code of this crate does it.

use std::collections::HashMap;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tureen_template::{Direction, Globals, SettingId};

use super::answers::number_of;
use super::frames::{Blob, receive_waiting, send_waiting};
use super::served_tables::{ServedTables, kept_for_ever};
use super::travelling::TravellingVariables;
use super::travelling_globals::globals_of;
use super::wire::{
    Answered, Begin, Call, Called, FromWorker, StepToTakeUp, ToWorker, TravellingFailure,
    TravellingNotification,
};
use super::{Isolation, confine};
use crate::cache::TrustedCode;
use crate::compile::Fingerprint;
use crate::engine::{Engine, EngineOptions};
use crate::exchange::{Run, Target};
use crate::failure::Failure;
use crate::oversight::{Admission, EndedCall, Overseer};
use crate::page_map::PageMapScan;
use crate::plugin::Plugin;
use crate::snapshot::Configured;
use crate::step::{Prepared, Step, StepOptions, Ungranted, Verdict};
use crate::usage::Usage;

/// Instances that a worker keeps for steps that reuse them.
const IDLE_INSTANCES: usize = 32;

/// Serves one plugin over standard input, a socket, until it is closed. For a
/// process of its own, which it confines; standard output is the end of a pipe
/// that is closed when the server is gone.
pub fn serve_isolated_plugin() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    let Some(ToWorker::Begin(begin)) = receive_waiting(io::stdin())? else {
        return Err(io::Error::other("expected a beginning"));
    };
    if let Err(why) = begin.zone.take_over() {
        return say(&FromWorker::Failed(why));
    }
    let limits = begin.limits;
    let begun = match confine(&limits, move || Worker::begin(*begin)) {
        Err(unconfined) => return say(&FromWorker::Unconfined(unconfined.to_string())),
        Ok(begun) => begun,
    };
    let mut worker = match begun {
        Err(why) => return say(&FromWorker::Failed(why)),
        Ok(worker) => worker,
    };
    say(&FromWorker::Ready)?;
    while let Some(said) = receive_waiting(io::stdin())? {
        worker.hear(said)?;
    }
    Ok(())
}

fn say(said: &FromWorker) -> io::Result<()> {
    send_waiting(io::stdin(), said)
}

struct Worker {
    runtime: tokio::runtime::Runtime,
    plugin: Arc<Plugin>,
    steps: HashMap<u64, KnownStep>,
}

struct KnownStep {
    step: Step,
    globals: Arc<Globals>,
    last: Arc<LastUsage>,
}

/// Takes down what the step's last call used.
#[derive(Default)]
struct LastUsage(Mutex<Option<Usage>>);

impl Overseer for LastUsage {
    fn admit(&self) -> Admission {
        Admission::Admitted
    }

    fn ended(&self, call: &EndedCall<'_>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(*call.usage);
    }

    fn abandoned(&self, _is_trial: bool) {}

    fn instance(&self, _is_made: bool) {}
}

impl Worker {
    /// Everything that needs more than a confined process has: threads, and memory
    /// that becomes executable. Nothing of the plugin runs.
    fn begin(begin: Begin) -> Result<Self, String> {
        end_with_the_server().map_err(|error| format!("no thread: {error}"))?;
        let Begin { limits, engine: expected, stack_bytes, plugin, code, .. } = begin;
        let options = EngineOptions {
            // A nested call is served elsewhere.
            calls: 1,
            idle: IDLE_INSTANCES,
            activities: 0,
            page_map_scan: PageMapScan::Never,
            // One plugin has half of it.
            memory_bytes: usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX),
            long_calls: 1,
            long_call_niceness: 0,
            stack_bytes,
        };
        let engine = Engine::new(&options).map_err(|error| error.to_string())?;
        if Fingerprint::of(&engine.wasmtime) != expected {
            return Err("it has other settings than the server: was the program replaced while it ran? restart it".to_owned());
        }
        let code = TrustedCode::from_parent(code.0);
        let plugin = Plugin::in_worker(&engine, &code, plugin).map_err(|it| it.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
        Ok(Self { runtime, plugin: Arc::new(plugin), steps: HashMap::new() })
    }

    fn hear(&mut self, said: ToWorker) -> io::Result<()> {
        match said {
            ToWorker::Identify => {
                let identity = self.runtime.block_on(self.plugin.told_identity());
                say(&FromWorker::Identified(identity.map_err(Into::into)))
            }
            ToWorker::TakeUp(step) => {
                let taken_up = self.take_up(*step);
                say(&FromWorker::TakenUp(taken_up.map_err(Into::into)))
            }
            ToWorker::LetGo(step) => {
                self.steps.remove(&step);
                Ok(())
            }
            ToWorker::Call(call) => {
                let called = self.call(*call)?;
                say(&FromWorker::Called(Box::new(called)))
            }
            ToWorker::Begin(_) | ToWorker::Answer(_) => Err(io::Error::other("out of order")),
        }
    }

    fn take_up(&mut self, step: StepToTakeUp) -> Result<Configured, Failure> {
        let number = step.step;
        let options = StepOptions {
            settings: step.settings,
            owner: SettingId::from_u128(step.owner),
            role: kept_for_ever(&step.role),
            limits: step.limits,
            grants: step.grants.into(),
            ungranted: if step.inert { Ungranted::Inert } else { Ungranted::Refused },
            reuse: step.reuse,
            isolation: Isolation::Instance,
        };
        let plugin = Arc::clone(&self.plugin);
        let prepared = self.runtime.block_on(Step::prepare(plugin, options))?;
        let Prepared { step, findings, requires, reaches } = prepared;
        let last = Arc::new(LastUsage::default());
        let step = step.overseen(last.clone());
        self.steps.insert(number, KnownStep { step, globals: Arc::default(), last });
        Ok(Configured { findings, requires, reaches })
    }

    fn call(&mut self, call: Call) -> io::Result<Called> {
        let Call { step, decides, parameters, call_left, message_left, globals, run, .. } = call;
        // One moment for both, as where they were measured.
        let now = Instant::now();
        let deadline = call_left.map(|left| now + left);
        let latest = message_left.map(|left| now + left);
        let target = Target {
            setting: SettingId::from_u128(call.setting),
            direction: if call.is_inbound { Direction::Inbound } else { Direction::Outbound },
            writable: call.writable,
        };
        let known = self.steps.get_mut(&step);
        let known = known.ok_or_else(|| io::Error::other("a step that is not known"))?;
        if let Some(globals) = globals {
            known.globals = Arc::new(globals_of(globals));
        }
        let tables = Arc::new(ServedTables::default());
        let run = run.run(Arc::clone(&known.globals), tables, latest);
        let run = run.map_err(io::Error::other)?;
        let before = Before::of(&run, target);
        let (run, outcome) = self.runtime.block_on(async {
            if decides {
                let (run, verdict) = known.step.decide(run, target).await;
                let answered = verdict.map(|verdict| match verdict {
                    Verdict::Pass => Answered::Passed,
                    Verdict::Stop(reason) => Answered::Stopped(reason),
                });
                (run, answered)
            } else {
                let (run, done) = match deadline {
                    Some(deadline) => {
                        known.step.transform_nested(run, target, parameters, deadline).await
                    }
                    None => known.step.transform(run, target, parameters).await,
                };
                (run, done.map(|()| Answered::Done))
            }
        });
        let usage = known.last.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(before.called(*run, target, outcome, usage))
    }
}

/// What a call may change, as it was before.
struct Before {
    variables: TravellingVariables,
    message: Option<Vec<u8>>,
}

impl Before {
    fn of(run: &Run, target: Target) -> Self {
        let message = target.writable.then(|| bytes_of(run, target)).flatten();
        Self {
            variables: TravellingVariables::of(&run.variables),
            message: message.map(<[u8]>::to_vec),
        }
    }

    fn called(
        self,
        mut run: Run,
        target: Target,
        outcome: Result<Answered, Failure>,
        usage: Option<Usage>,
    ) -> Called {
        let message = bytes_of(&run, target);
        let is_changed = target.writable && message != self.message.as_deref();
        let changed = message.filter(|_| is_changed).map(|bytes| Blob(bytes.to_vec()));
        let variables = TravellingVariables::of(&run.variables);
        let told = run.notifications.take().into_iter().map(|it| TravellingNotification {
            text: it.text,
            critical: it.critical,
            key: it.key,
        });
        let ended = outcome.as_ref().err().map(Failure::outcome);
        let usage = usage.unwrap_or_else(|| {
            Usage::without_instance(ended.unwrap_or(crate::usage::CallOutcome::Ok))
        });
        Called {
            outcome: outcome.map_err(TravellingFailure::from),
            usage: usage.into(),
            ids: run.variables.parts().repeatable.map_or(0, |(_, ids)| ids),
            variables: (variables != self.variables).then_some(variables),
            changed,
            log: run.log.drain(..).map(|line| (number_of(line.level), line.text)).collect(),
            notifications: told.collect(),
            acknowledgements: run.acknowledgements,
        }
    }
}

fn bytes_of(run: &Run, target: Target) -> Option<&[u8]> {
    let message = run.exchange.message(target.setting, target.direction).ok().flatten();
    message.map(tureen_message::Message::bytes)
}

/// The server holds the other end of the pipe on standard output for as long as it
/// lives.
fn end_with_the_server() -> io::Result<()> {
    let watch = || {
        let mut nothing = [0; 1];
        let _ = rustix::io::retry_on_intr(|| rustix::io::read(io::stdout(), &mut nothing));
        std::process::exit(1);
    };
    thread::Builder::new().name("server".into()).stack_size(64 << 10).spawn(watch).map(drop)
}
