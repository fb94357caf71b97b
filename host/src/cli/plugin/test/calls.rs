//! The calls themselves, each from the same message, and what they left behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Zoned;
use tureen_message::Message;
use tureen_sandbox::{
    Activity, CallFacts, Exchange, Failure, Kind, LogLine, Notification, Notifications, Run, Step,
    Target, Verdict,
};
use tureen_template::{Direction, RunFacts, RunTables, Variables};

use super::candidate::Candidate;
use super::given::Given;
use super::step::{ACTIVITY, RECEIVER, Ready};
use super::used::Used;

/// What the imagined workflow is called.
const WORKFLOW: &str = "Trial";

/// Runs that are kept apart in the report when they differ from the first.
const DIFFERING_MAX: usize = 1_000;

/// How a plugin is tried.
pub(super) struct Trials<'a> {
    pub(super) given: &'a Given,
    pub(super) candidate: &'a Candidate,
    pub(super) repeat: u64,
}

/// What all runs were like.
pub(super) struct Ran {
    /// What the first one gave.
    pub(super) first: Outcome,
    /// The wall time of each run's deed: deciding, transforming, processing.
    pub(super) times: Vec<Duration>,
    /// Numbers of runs that gave something else than the first, from 2 on.
    pub(super) differing: Vec<u64>,
    /// The most that any call used.
    pub(super) used: Used,
    /// Of an activity: its other calls.
    pub(super) life: Vec<Lived>,
}

/// One call in the life of an activity, besides its deed.
pub(super) struct Lived {
    pub(super) call: &'static str,
    pub(super) took: Duration,
    pub(super) failure: Option<Failure>,
    pub(super) log: Vec<LogLine>,
}

/// What one run left behind.
pub(super) struct Outcome {
    pub(super) answer: Result<Answered, Failure>,
    /// The message that it worked on.
    pub(super) message: Vec<u8>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) log: Vec<LogLine>,
    pub(super) notifications: Vec<Notification>,
}

/// What a step answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Verdict(Verdict),
    Transformed,
    Performed { response: Option<Vec<u8>> },
}

impl Outcome {
    /// Is it the same but for what may differ, such as times in the log?
    fn is_like(&self, other: &Self) -> bool {
        let code = |outcome: &Self| outcome.answer.as_ref().err().map(|it| it.code.clone());
        self.answer.as_ref().ok() == other.answer.as_ref().ok()
            && code(self) == code(other)
            && self.message == other.message
            && self.variables == other.variables
    }
}

impl Trials<'_> {
    pub(super) async fn run(&self, ready: Ready) -> anyhow::Result<Ran> {
        match self.candidate.installed.plugin.kind {
            Kind::Activity => self.activity(ready).await,
            Kind::Filter | Kind::Transformer => self.step(&ready).await,
        }
    }

    async fn step(&self, ready: &Ready) -> anyhow::Result<Ran> {
        let mut all = Collected::default();
        for number in 1..=self.repeat {
            let run = self.start(number, ready.target);
            let began = Instant::now();
            let (run, answer) = self.ask(&ready.step, run, ready.target).await;
            all.add(began.elapsed(), outcome(run, ready.target, answer), number);
        }
        all.into_ran(Vec::new(), ready.witness.used())
    }

    async fn ask(
        &self,
        step: &Step,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<Answered, Failure>) {
        if self.candidate.installed.plugin.kind == Kind::Filter {
            let (run, verdict) = step.decide(run, target).await;
            return (run, verdict.map(Answered::Verdict));
        }
        let (run, done) = step.transform(run, target, self.given.parameters.clone()).await;
        (run, done.map(|()| Answered::Transformed))
    }

    /// As a server does: opened once, performed for each message, told each time that
    /// all succeeded, closed once.
    async fn activity(&self, ready: Ready) -> anyhow::Result<Ran> {
        let Ready { step, target, witness } = ready;
        let activity = Activity::new(step).map_err(|failure| anyhow::anyhow!("{failure}"))?;
        let mut life = Vec::new();
        let mut all = Collected::default();
        let began = Instant::now();
        let (run, opened) = activity.open(self.start(0, target), target).await;
        let open = lived("open", began, &run, opened.err());
        if let Some(failure) = open.failure.clone() {
            all.add(Duration::ZERO, outcome(run, target, Err(failure)), 1);
            return all.into_ran(vec![open], witness.used());
        }
        life.push(open);
        for number in 1..=self.repeat {
            let run = self.start(number, target);
            let began = Instant::now();
            let (run, answer) = activity.process(run, target).await;
            let took = began.elapsed();
            let by = answer.as_ref().ok().map(|performed| performed.by);
            let answer = answer.map(|performed| Answered::Performed {
                response: performed.response.map(Message::into_bytes),
            });
            all.add(took, outcome(run, target, answer), number);
            if let Some(by) = by {
                let began = Instant::now();
                let run = self.start(number, target);
                let (run, told) = activity.all_succeeded(by, run, target).await;
                let told = lived("all-succeeded", began, &run, told.err());
                // The same every time, unless something is wrong with it.
                if number == 1 || told.failure.is_some() && life.len() < DIFFERING_MAX {
                    life.push(told);
                }
            }
        }
        let began = Instant::now();
        let (run, closed) = activity.close(self.start(0, target), target).await;
        life.push(lived("close", began, &run, closed.err()));
        all.into_ran(life, witness.used())
    }

    /// A run with the message in its place. The receiver has it too.
    fn start(&self, number: u64, target: Target) -> Box<Run> {
        let settings = &self.candidate.settings;
        let facts = RunFacts { received: Zoned::now(), instance: number, clock: Zoned::now };
        let mut variables = Variables::new(facts, Arc::clone(&settings.globals));
        for (name, value) in &self.given.variables {
            // A name that only a receiver fills is what the trial then plays.
            if variables.set(name, value.as_str()).is_err() {
                variables.set_builtin(name, value.as_str());
            }
        }
        let mut exchange = Exchange::new(RECEIVER, std::iter::once(ACTIVITY));
        exchange.put(RECEIVER, Direction::Inbound, self.given.message.clone());
        exchange.put(target.setting, target.direction, self.given.message.clone());
        Box::new(Run {
            variables,
            exchange,
            tables: Arc::new(RunTables::new(Arc::clone(&settings.tables))),
            parse: Arc::clone(&settings.parse),
            facts: Arc::new(CallFacts {
                workflow: WORKFLOW.to_owned(),
                message_id: format!("trial-{number}"),
                attempt: 1,
            }),
            log: Vec::new(),
            notifications: Notifications::default(),
            acknowledgements: 0,
            latest: None,
        })
    }
}

fn lived(call: &'static str, began: Instant, run: &Run, failure: Option<Failure>) -> Lived {
    Lived { call, took: began.elapsed(), failure, log: run.log.clone() }
}

fn outcome(mut run: Box<Run>, target: Target, answer: Result<Answered, Failure>) -> Outcome {
    let message = run.exchange.take(target.setting, target.direction);
    Outcome {
        answer,
        message: message.map(Message::into_bytes).unwrap_or_default(),
        variables: run
            .variables
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        notifications: run.notifications.take(),
        log: run.log,
    }
}

#[derive(Default)]
struct Collected {
    first: Option<Outcome>,
    times: Vec<Duration>,
    differing: Vec<u64>,
}

impl Collected {
    fn add(&mut self, took: Duration, outcome: Outcome, number: u64) {
        self.times.push(took);
        match &self.first {
            None => self.first = Some(outcome),
            Some(first) if first.is_like(&outcome) => {}
            Some(_) if self.differing.len() < DIFFERING_MAX => self.differing.push(number),
            Some(_) => {}
        }
    }

    fn into_ran(self, life: Vec<Lived>, used: Used) -> anyhow::Result<Ran> {
        let Self { first, mut times, differing } = self;
        times.sort_unstable();
        Ok(Ran { first: first.context("nothing was run")?, times, differing, used, life })
    }
}
