//! The workers of one plugin.
//!
//! # Invariants
//! - There are at most as many workers as calls may be inside the plugin at once:
//!   each call has one to itself, and takes an idle one before it starts another.
//! - Workers that fail one after the other are started ever more slowly.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::frames::Blob;
use super::process::{NotStarted, Worker};
use super::wire::Begin;
use super::zone::Zone;
use super::{WorkerLimits, WorkerProgram};
use crate::compile::Fingerprint;
use crate::engine::Engine;
use crate::plugin::Plugin;

/// Failures in a row after which the next start waits.
const FAILURES_FREE: u32 = 3;

/// The first wait; it doubles with each further failure.
const WAIT_FIRST: Duration = Duration::from_millis(100);

/// The longest wait.
const WAIT_LONGEST: Duration = Duration::from_secs(30);

/// Why there is no worker for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoWorker {
    Unconfined(String),
    Failed(String),
    /// Too many failed one after the other.
    Waiting {
        failures: u32,
        left: Duration,
    },
}

/// Starts workers, and lends them to calls.
pub(crate) struct Workers {
    program: Arc<WorkerProgram>,
    limits: WorkerLimits,
    idle: Mutex<Vec<Worker>>,
    steps: Mutex<Steps>,
    failures: Mutex<Failures>,
    /// Was it told already that a worker ended?
    pub(super) is_told: AtomicBool,
}

/// The steps that use the workers.
#[derive(Default)]
struct Steps {
    given: u64,
    live: BTreeSet<u64>,
}

#[derive(Default)]
struct Failures {
    in_a_row: u32,
    not_before: Option<Instant>,
}

impl Workers {
    pub(crate) fn new(program: Arc<WorkerProgram>, limits: WorkerLimits) -> Self {
        Self {
            program,
            limits,
            idle: Mutex::default(),
            steps: Mutex::default(),
            failures: Mutex::default(),
            is_told: AtomicBool::new(false),
        }
    }

    pub(crate) fn limits(&self) -> WorkerLimits {
        self.limits
    }

    /// A number for a step that is about to use the workers.
    pub(super) fn enter(&self) -> u64 {
        let mut steps = locked(&self.steps);
        steps.given += 1;
        let step = steps.given;
        steps.live.insert(step);
        step
    }

    /// The step is gone; workers let go of it when they are used next.
    pub(super) fn leave(&self, step: u64) {
        locked(&self.steps).live.remove(&step);
    }

    /// Steps that a worker has and that are gone.
    pub(super) fn left_behind(&self, worker: &Worker) -> Vec<u64> {
        let steps = locked(&self.steps);
        worker.steps.keys().filter(|step| !steps.live.contains(step)).copied().collect()
    }

    /// An idle worker, or a new one.
    pub(super) async fn worker(&self, plugin: &Plugin) -> Result<Worker, NoWorker> {
        while let Some(mut worker) = self.idle_worker() {
            if !worker.is_gone() {
                return Ok(worker);
            }
            tracing::warn!(plugin = plugin.name, "an idle worker process of the plugin has ended");
        }
        self.may_start()?;
        // Reading the code out of the engine copies it: megabytes.
        let begin = Box::new(begin(plugin, self.limits)?);
        let started = Worker::start(&self.program, begin).await;
        started.map_err(|error| {
            self.failed();
            match error {
                NotStarted::Unconfined(why) => NoWorker::Unconfined(why),
                NotStarted::Failed(why) => NoWorker::Failed(why),
            }
        })
    }

    fn idle_worker(&self) -> Option<Worker> {
        locked(&self.idle).pop()
    }

    /// The worker did its work.
    pub(super) fn give_back(&self, worker: Worker) {
        *locked(&self.failures) = Failures::default();
        locked(&self.idle).push(worker);
    }

    /// A worker ended, was ended, or could not be started.
    pub(super) fn failed(&self) {
        let mut failures = locked(&self.failures);
        failures.in_a_row = failures.in_a_row.saturating_add(1);
        let over = failures.in_a_row.saturating_sub(FAILURES_FREE);
        failures.not_before = (over > 0).then(|| Instant::now() + wait_after(over));
    }

    fn may_start(&self) -> Result<(), NoWorker> {
        let failures = locked(&self.failures);
        let left = failures.not_before.map(|it| it.saturating_duration_since(Instant::now()));
        match left.filter(|left| !left.is_zero()) {
            Some(left) => Err(NoWorker::Waiting { failures: failures.in_a_row, left }),
            None => Ok(()),
        }
    }

    /// Is this the first worker that ended? One line in the log is enough.
    pub(super) fn is_first_told(&self) -> bool {
        !self.is_told.swap(true, Ordering::Relaxed)
    }
}

fn wait_after(over: u32) -> Duration {
    WAIT_FIRST.saturating_mul(1 << over.saturating_sub(1).min(16)).min(WAIT_LONGEST)
}

fn begin(plugin: &Plugin, limits: WorkerLimits) -> Result<Begin, NoWorker> {
    let code = plugin
        .code()
        .map_err(|error| NoWorker::Failed(format!("its code cannot be handed over: {error:#}")))?;
    let engine: &Engine = &plugin.engine;
    Ok(Begin {
        limits,
        engine: Fingerprint::of(&engine.wasmtime),
        stack_bytes: engine.stack_bytes,
        zone: Zone::of_this_process(),
        plugin: plugin.name.clone(),
        code: Blob(code),
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers() -> Workers {
        let program =
            Arc::new(WorkerProgram { program: "/nonexistent".into(), arguments: Vec::new() });
        Workers::new(program, WorkerLimits::default())
    }

    #[test]
    fn failures_in_a_row_make_the_next_start_wait_ever_longer() {
        let workers = workers();
        for _ in 0..FAILURES_FREE {
            assert_eq!(workers.may_start(), Ok(()));
            workers.failed();
        }
        assert_eq!(workers.may_start(), Ok(()), "the first ones are free");
        workers.failed();
        let Err(NoWorker::Waiting { failures, left }) = workers.may_start() else {
            panic!("it does not wait");
        };
        assert_eq!(failures, FAILURES_FREE + 1);
        assert!(left <= WAIT_FIRST);
        assert_eq!(wait_after(1), WAIT_FIRST);
        assert_eq!(wait_after(2), WAIT_FIRST * 2);
        assert_eq!(wait_after(u32::MAX), WAIT_LONGEST);
    }

    #[test]
    fn steps_have_numbers_of_their_own() {
        let workers = workers();
        let (one, other) = (workers.enter(), workers.enter());
        assert_ne!(one, other);
        workers.leave(one);
        assert_eq!(locked(&workers.steps).live, BTreeSet::from([other]));
        assert_ne!(workers.enter(), one, "a number is not given twice");
    }
}
