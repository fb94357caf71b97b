//! An activity: a step whose instance lives as long as its workflow's version.
//!
//! # Invariants
//! - Calls come one at a time; a call that has to wait for another waits in line.
//! - An instance is out of its place while it is called, so one whose call was
//!   given up half-way is dropped with the call and never entered again.
//! - How a run ended is told to the instance that performed it, to no other.

use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit};
use tokio::time::error::Elapsed;

use crate::exchange::{Run, Target};
use crate::failure::{Failure, Fault};
use crate::instance::{Answer, Called, Instance, Request};
use crate::oversight::Overseen;
use crate::plugin::Kind;
use crate::step::Step;

/// An activity of a workflow. It has at most one instance at a time.
pub struct Activity {
    step: Step,
    live: Mutex<Live>,
    _place: OwnedSemaphorePermit,
}

/// The instance, and how many there have been.
#[derive(Default)]
struct Live {
    instance: Option<Box<Instance>>,
    opened: u64,
}

/// Which instance of an activity performed a message: after a crash there is
/// another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u64);

/// A message that an activity has performed.
pub struct Performed {
    pub response: Option<tureen_message::Message>,
    /// Whom to tell how the run ended.
    pub by: Generation,
}

impl Activity {
    /// Takes a place among the activities; the instance itself is opened by
    /// [`Activity::open`], or by the first message after a crash.
    ///
    /// # Errors
    /// The plugin is no activity, or there are too many already.
    pub fn new(step: Step) -> Result<Self, Failure> {
        if step.plugin().kind != Kind::Activity {
            return Err(step.host_failure("plugin.kind", "an activity is needed here"));
        }
        let places = std::sync::Arc::clone(&step.plugin().engine.activities);
        let place = places.try_acquire_owned().map_err(|_| {
            step.host_failure("engine.activities", "the limit on open activities is reached")
        })?;
        Ok(Self { step, live: Mutex::default(), _place: place })
    }

    pub fn step(&self) -> &Step {
        &self.step
    }

    /// Opens the activity: before its workflow starts.
    ///
    /// # Errors
    /// The plugin refused, trapped or ran over a limit.
    pub async fn open(&self, run: Box<Run>, target: Target) -> (Box<Run>, Result<(), Failure>) {
        let mut live = self.live.lock().await;
        self.opened(&mut live, run, target).await
    }

    /// Performs the step.
    ///
    /// # Cancellation
    /// The instance is lost with the call; the next message opens another.
    pub async fn process(
        &self,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<Performed, Failure>) {
        let plugin = self.step.plugin().name.as_str();
        // Refused before the line: it may be long while a call hangs.
        let overseen = match Overseen::begin(self.step.overseer(), plugin) {
            Ok(overseen) => overseen,
            Err(failure) => return (run, Err(failure)),
        };
        let Ok(mut live) = self.turn().await else {
            overseen.forget();
            return (run, Err(self.step.busy(1)));
        };
        let _inside = match self.step.inside(None).await {
            Ok(inside) => inside,
            Err(failure) => {
                overseen.forget();
                return (run, Err(failure));
            }
        };
        let overseen = match overseen.after_the_line(plugin) {
            Ok(overseen) => overseen,
            Err(failure) => return (run, Err(failure)),
        };
        // After a crash the next message opens a new instance.
        let (run, opened) = self.opened(&mut live, run, target).await;
        if let Err(failure) = opened {
            overseen.end_without_instance(&run.facts, &failure);
            return (run, Err(failure));
        }
        let by = Generation(live.opened);
        let (run, outcome) = self.enter(&mut live, overseen, run, target, Request::Process).await;
        let performed = outcome.map(|answer| match answer {
            Answer::Response(response) => {
                Performed { response: response.map(|message| *message), by }
            }
            _ => Performed { response: None, by },
        });
        (run, performed)
    }

    /// Tells the instance that every activity of this run succeeded.
    pub async fn all_succeeded(
        &self,
        by: Generation,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<(), Failure>) {
        self.tell(by, run, target, Request::AllSucceeded).await
    }

    /// Tells the instance that this run failed after it.
    pub async fn roll_back(
        &self,
        by: Generation,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<(), Failure>) {
        self.tell(by, run, target, Request::RollBack).await
    }

    /// Tells the instance that this run was cut off after it.
    pub async fn cancel(
        &self,
        by: Generation,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<(), Failure>) {
        self.tell(by, run, target, Request::Cancel).await
    }

    /// The workflow's version ends. An activity that is not open has nothing to
    /// close.
    pub async fn close(&self, run: Box<Run>, target: Target) -> (Box<Run>, Result<(), Failure>) {
        let instance = self.live.lock().await.instance.take();
        let Some(mut instance) = instance else { return (run, Ok(())) };
        let overseen = Overseen::unasked(self.step.overseer());
        let Called { usage, run, outcome, .. } =
            self.ask(&mut instance, run, target, Request::Close).await;
        overseen.end(&run.facts, usage, outcome.as_ref().err());
        (run, outcome.map(drop))
    }

    async fn tell(
        &self,
        by: Generation,
        run: Box<Run>,
        target: Target,
        request: Request,
    ) -> (Box<Run>, Result<(), Failure>) {
        let Ok(mut live) = self.turn().await else { return (run, Err(self.step.busy(1))) };
        if live.instance.is_none() || live.opened != by.0 {
            let text = "the instance that performed the message is gone after a crash: it cannot \
                        be told how the run ended";
            let failure = self.step.host_failure("activity.gone", text);
            return (run, Err(Failure { fault: Fault::Plugin, ..failure }));
        }
        let overseen = Overseen::unasked(self.step.overseer());
        let (run, outcome) = self.enter(&mut live, overseen, run, target, request).await;
        (run, outcome.map(drop))
    }

    /// Waits in line; not for longer than a call may take.
    async fn turn(&self) -> Result<MutexGuard<'_, Live>, Elapsed> {
        tokio::time::timeout(self.step.limits().call_time, self.live.lock()).await
    }

    /// A call of the instance that is open.
    async fn enter(
        &self,
        live: &mut Live,
        overseen: Overseen<'_>,
        run: Box<Run>,
        target: Target,
        request: Request,
    ) -> (Box<Run>, Result<Answer, Failure>) {
        let Some(mut instance) = live.instance.take() else {
            let failure = self.step.host_failure("activity.closed", "it is not open");
            overseen.end_without_instance(&run.facts, &failure);
            return (run, Err(failure));
        };
        let Called { usable, usage, run, outcome } =
            self.ask(&mut instance, run, target, request).await;
        overseen.end(&run.facts, usage, outcome.as_ref().err());
        if usable {
            live.instance = Some(instance);
        }
        (run, outcome)
    }

    async fn opened(
        &self,
        live: &mut Live,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<(), Failure>) {
        if live.instance.is_some() {
            return (run, Ok(()));
        }
        let mut instance = match self.step.configured().await {
            Ok((instance, _)) => instance,
            Err(failure) => return (run, Err(failure)),
        };
        live.opened += 1;
        // A failure is told once, by who needed the activity open.
        let overseen = Overseen::unasked(self.step.overseer());
        let Called { usage, run, outcome, .. } =
            self.ask(&mut instance, run, target, Request::Open).await;
        match &outcome {
            Ok(_) => {
                overseen.end(&run.facts, usage, None);
                live.instance = Some(instance);
            }
            Err(_) => overseen.forget(),
        }
        (run, outcome.map(drop))
    }

    async fn ask(
        &self,
        instance: &mut Instance,
        run: Box<Run>,
        target: Target,
        request: Request,
    ) -> Called {
        // It may write to a copy of its message; the call throws that away.
        let target = Target { writable: true, ..target };
        instance.call(run, target, self.step.setting(), Vec::new(), None, request).await
    }
}
