//! An activity: a step whose instance lives as long as its workflow's version.

use tokio::sync::{Mutex, OwnedSemaphorePermit};

use crate::exchange::{Run, Target};
use crate::failure::Failure;
use crate::instance::{Answer, Called, Instance, Request};
use crate::plugin::Kind;
use crate::step::Step;

/// An open activity. Calls come one at a time; a call that has to wait for
/// another waits in line.
pub struct Activity {
    step: Step,
    live: Mutex<Option<Instance>>,
    _place: OwnedSemaphorePermit,
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
        Ok(Self { step, live: Mutex::new(None), _place: place })
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

    /// Performs the step; the response when there is one.
    pub async fn process(
        &self,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<Option<tureen_message::Message>, Failure>) {
        let (run, outcome) = self.call(run, target, Request::Process).await;
        let response = outcome.map(|answer| match answer {
            Answer::Response(response) => response.map(|message| *message),
            _ => None,
        });
        (run, response)
    }

    /// Tells the activity that every activity of this run succeeded.
    pub async fn all_succeeded(
        &self,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<(), Failure>) {
        let (run, outcome) = self.call(run, target, Request::AllSucceeded).await;
        (run, outcome.map(drop))
    }

    /// Tells the activity that a later one of this run failed.
    pub async fn roll_back(
        &self,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<(), Failure>) {
        let (run, outcome) = self.call(run, target, Request::RollBack).await;
        (run, outcome.map(drop))
    }

    /// The workflow's version ends. An activity that is not open has nothing to
    /// close.
    pub async fn close(&self, run: Box<Run>, target: Target) -> (Box<Run>, Result<(), Failure>) {
        let instance = self.live.lock().await.take();
        let Some(mut instance) = instance else { return (run, Ok(())) };
        let called = self.ask(&mut instance, run, target, Request::Close).await;
        (called.run, called.outcome.map(drop))
    }

    async fn call(
        &self,
        run: Box<Run>,
        target: Target,
        request: Request,
    ) -> (Box<Run>, Result<Answer, Failure>) {
        let mut live = self.live.lock().await;
        // After a crash the next message opens a new instance.
        let (run, opened) = self.opened(&mut live, run, target).await;
        if let Err(failure) = opened {
            return (run, Err(failure));
        }
        let Some(instance) = live.as_mut() else {
            return (run, Err(self.step.host_failure("activity.closed", "it is not open")));
        };
        let Called { usable, run, outcome } = self.ask(instance, run, target, request).await;
        if !usable {
            *live = None;
        }
        (run, outcome)
    }

    async fn opened(
        &self,
        live: &mut Option<Instance>,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<(), Failure>) {
        if live.is_some() {
            return (run, Ok(()));
        }
        let mut instance = match self.step.configured().await {
            Ok((instance, _)) => instance,
            Err(failure) => return (run, Err(failure)),
        };
        let called = self.ask(&mut instance, run, target, Request::Open).await;
        if called.outcome.is_ok() {
            *live = Some(instance);
        }
        (called.run, called.outcome.map(drop))
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
