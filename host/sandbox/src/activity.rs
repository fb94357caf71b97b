//! An activity: a step whose instance lives as long as its workflow's version.
//!
//! # Invariants
//! - An instance is called by one message at a time. A message waits in line until an
//!   instance is free; further instances are opened while that is so, up to a limit.
//! - How a run ended does not wait in that line: only for the call that its instance
//!   works at.
//! - An instance is out of its place while it is called, so one whose call was
//!   given up half-way is dropped with the call and never entered again.
//! - How a run ended is told to the instance that performed it, to no other.

use std::sync::{Arc, PoisonError};

use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::error::Elapsed;

use crate::exchange::{Run, Target};
use crate::failure::{Failure, Fault};
use crate::instance::{Answer, Called, Instance, Request};
use crate::oversight::Overseen;
use crate::plugin::Kind;
use crate::step::Step;

/// An activity of a workflow. It has at most
/// [`Limits::activity_instances`](crate::Limits::activity_instances) instances at a time,
/// of which the first is opened with its workflow, the others when messages wait.
pub struct Activity {
    step: Step,
    instances: Box<[Mutex<Live>]>,
    /// As many messages as there are instances that may be open.
    line: Semaphore,
    seats: std::sync::Mutex<Seats>,
}

/// One instance, and how many there have been in its place.
#[derive(Default)]
struct Live {
    instance: Option<Box<Instance>>,
    opened: u64,
}

/// Which instances may be open, and which of them no message has.
struct Seats {
    free: Vec<usize>,
    places: Vec<OwnedSemaphorePermit>,
}

/// An instance that one message has. Dropped in this order: who comes next finds the
/// seat free, and the instance unlocked.
struct Turn<'a> {
    live: MutexGuard<'a, Live>,
    seat: Seat<'a>,
    _permit: SemaphorePermit<'a>,
}

/// The number of an instance; it is free again when this is dropped.
struct Seat<'a> {
    activity: &'a Activity,
    number: usize,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.activity.seats().free.push(self.number);
    }
}

/// Which instance of an activity performed a message: after a crash there is
/// another one in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    number: usize,
    opened: u64,
}

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
        let places = Arc::clone(&step.plugin().engine.activities);
        let place = places.try_acquire_owned().map_err(|_| {
            step.host_failure("engine.activities", "the limit on open activities is reached")
        })?;
        let instances = (0..step.limits().activity_instances.max(1)).map(|_| Mutex::default());
        Ok(Self {
            instances: instances.collect(),
            line: Semaphore::new(1),
            seats: std::sync::Mutex::new(Seats { free: vec![0], places: vec![place] }),
            step,
        })
    }

    pub fn step(&self) -> &Step {
        &self.step
    }

    /// Opens the activity: before its workflow starts.
    ///
    /// # Errors
    /// The plugin refused, trapped or ran over a limit.
    pub async fn open(&self, run: Box<Run>, target: Target) -> (Box<Run>, Result<(), Failure>) {
        let Some(mut turn) = self.turn().await else { return (run, Err(self.in_line())) };
        self.opened(&mut turn.live, run, target).await
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
        let Some(mut turn) = self.turn().await else {
            overseen.forget();
            return (run, Err(self.in_line()));
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
        let (run, opened) = self.opened(&mut turn.live, run, target).await;
        if let Err(failure) = opened {
            overseen.end_without_instance(&run.facts, &failure);
            return (run, Err(failure));
        }
        let by = Generation { number: turn.seat.number, opened: turn.live.opened };
        let live = &mut turn.live;
        let (run, outcome) = self.enter(live, overseen, run, target, Request::Process).await;
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
    /// close. All its instances are closed; the first failure is told.
    pub async fn close(
        &self,
        mut run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<(), Failure>) {
        let mut closed = Ok(());
        for place in &self.instances {
            let Some(mut instance) = place.lock().await.instance.take() else { continue };
            let overseen = Overseen::unasked(self.step.overseer());
            let called = self.ask(&mut instance, run, target, Request::Close).await;
            run = called.run;
            overseen.end(&run.facts, called.usage, called.outcome.as_ref().err());
            closed = closed.and(called.outcome.map(drop));
        }
        (run, closed)
    }

    async fn tell(
        &self,
        by: Generation,
        run: Box<Run>,
        target: Target,
        request: Request,
    ) -> (Box<Run>, Result<(), Failure>) {
        let Some(instance) = self.instances.get(by.number) else {
            return (run, Err(self.gone()));
        };
        let Ok(mut live) = self.within_call_time(instance.lock()).await else {
            return (run, Err(self.in_line()));
        };
        if live.instance.is_none() || live.opened != by.opened {
            return (run, Err(self.gone()));
        }
        let overseen = Overseen::unasked(self.step.overseer());
        let (run, outcome) = self.enter(&mut live, overseen, run, target, request).await;
        (run, outcome.map(drop))
    }

    /// Waits in line for an instance; `None` after as long as a call may take.
    async fn turn(&self) -> Option<Turn<'_>> {
        let turn = self.within_call_time(async {
            let permit = match self.line.try_acquire() {
                Ok(permit) => permit,
                Err(_) => {
                    self.allow_another();
                    self.line.acquire().await.ok()?
                }
            };
            // There are as many permits as seats that are free.
            let seat = Seat { activity: self, number: self.seats().free.pop()? };
            let live = self.instances.get(seat.number)?.lock().await;
            Some(Turn { live, seat, _permit: permit })
        });
        turn.await.ok()?
    }

    /// Lets one more instance be open, where that is allowed and half of the places of
    /// all activities are free: the first instances of other workflows need them.
    fn allow_another(&self) {
        let places = &self.step.plugin().engine.activities;
        let mut seats = self.seats();
        let number = seats.places.len();
        if number >= self.instances.len()
            || places.available_permits() <= self.step.plugin().engine.activity_places / 2
        {
            return;
        }
        if let Ok(place) = Arc::clone(places).try_acquire_owned() {
            seats.places.push(place);
            seats.free.push(number);
            self.line.add_permits(1);
        }
    }

    fn seats(&self) -> std::sync::MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn within_call_time<T>(&self, waiting: impl Future<Output = T>) -> Result<T, Elapsed> {
        tokio::time::timeout(self.step.limits().call_time, waiting).await
    }

    fn in_line(&self) -> Failure {
        let allowed = self.seats().places.len();
        let text = format!(
            "the calls in front of it did not end within {:?}: {allowed} at a time may run of one \
             activity (activity_instances); this one was not begun",
            self.step.limits().call_time,
        );
        self.step.not_begun(text)
    }

    fn gone(&self) -> Failure {
        let text = "the instance that performed the message is gone after a crash: it cannot \
                    be told how the run ended";
        let failure = self.step.host_failure("activity.gone", text);
        Failure { fault: Fault::Plugin, ..failure }
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
