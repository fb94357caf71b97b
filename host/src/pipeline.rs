//! The life of one message, top to bottom.
//!
//! Stage: receiver → **pipeline** → response. Knows the order of things
//! (contract 3.2) and nothing else: what a filter, a transformer or an activity
//! does is in plugins, what an answer looks like is in `response`. Deliberately
//! does not know: sockets, HTTP, wasmtime.
//!
//! # Invariants
//! - Every message gets exactly one answer, whatever happens: [`Answer`] gives
//!   it away once, and a run that ends without one sends the host's own.
//! - A run works on the version of the workflow that it started with.
//! - Once a message is accepted its run goes on, whether or not the sender is
//!   still there: the receiver keeps it apart from the connection. Only the
//!   server's end cuts it off ([`Pipeline::cut_off`]).
//! - Every activity that was performed is told exactly once how the run ended.
//!
//! The journal will stand between parsing and the first answer that does not
//! wait for the work, and again before the last one.

mod answer;
mod batch;
mod begin;
mod ends;
mod hooks;
mod inbound;
mod lines;
mod notifications;
mod places;
mod reading;
mod receiving;
mod record;
mod replies;
mod steps;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Zoned;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tureen_message::ParseOptions;
use tureen_message::hl7::Header;
use tureen_message::media_type::MediaType;
use tureen_sandbox::{Fault, LongRuns, Performed, Target};
use tureen_template::{Direction, Globals, SettingId, Tables};

use crate::config::ServerConfig;
use crate::response::{Response, RunError};
use crate::workflow::definition::ResponsePriority;
use crate::workflow::running::Workflow;

pub use answer::Answer;
use ends::{class_of, is_cut_off, was_cut_off};
use hooks::{Hook, Untold};
pub use inbound::{Inbound, Performance};
use lines::PluginLines;
use notifications::ToldKeys;
use places::Places;
pub use record::{ActivityRecord, NotificationRecord, Outcome, RunRecord};
use steps::Steps;

/// What runs of all workflows share.
pub struct Pipeline {
    settings: ArcSwap<Settings>,
    next_run: AtomicU64,
    /// Seconds since 1970 at start, hexadecimal: keeps ids apart over restarts.
    started: String,
    places: Places,
    /// How long a message's steps may take together.
    message_time: Duration,
    lines: PluginLines,
    told: ToldKeys,
    tasks: TaskTracker,
    cut: CancellationToken,
    runs_cut: AtomicUsize,
    rehearsal: Option<Rehearsal>,
    /// Where runs go on whose plugins run long; `None`: where they began.
    long_runs: Option<LongRuns>,
}

/// What makes a run the same each time, for tests of workflows.
pub struct Rehearsal {
    /// The time that stands still.
    pub now: Zoned,
    /// What activities that are only shown are said to have answered.
    pub replies: HashMap<SettingId, Vec<u8>>,
}

/// What a reload of `tureen.toml` may change.
#[derive(Clone)]
pub struct Settings {
    pub config: Arc<ServerConfig>,
    pub parse: Arc<ParseOptions>,
    pub globals: Arc<Globals>,
    pub tables: Arc<dyn Tables + Send + Sync>,
}

impl Pipeline {
    pub fn new(config: &ServerConfig, settings: Settings) -> Self {
        Self {
            settings: ArcSwap::from_pointee(settings),
            next_run: AtomicU64::new(1),
            started: format!("{:x}", Zoned::now().timestamp().as_second()),
            places: Places::new(
                config.limits.messages_in_flight,
                config.limits.messages_of_one_workflow(),
                config.limits.message_wait(),
            ),
            message_time: config.limits.message_time(),
            lines: PluginLines::default(),
            told: ToldKeys::default(),
            tasks: TaskTracker::new(),
            cut: CancellationToken::new(),
            runs_cut: AtomicUsize::new(0),
            rehearsal: None,
            long_runs: None,
        }
    }

    /// The same pipeline; runs whose plugins run long go on aside.
    #[must_use]
    pub fn with_long_runs(mut self, long_runs: LongRuns) -> Self {
        self.long_runs = Some(long_runs);
        self
    }

    /// A pipeline whose runs do not depend on when they happen: time, ids and
    /// numbers are the same each time.
    pub fn rehearsing(config: &ServerConfig, settings: Settings, rehearsal: Rehearsal) -> Self {
        let started = format!("{:x}", rehearsal.now.timestamp().as_second());
        Self { started, rehearsal: Some(rehearsal), ..Self::new(config, settings) }
    }

    /// The next message runs with these.
    pub fn set(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Waits until no run is left; call it when nothing is received any more.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.lines.tell_of_the_rest();
    }

    /// Messages that have a place in flight.
    pub fn in_flight(&self) -> usize {
        self.places.taken()
    }

    /// Log lines of plugins that were over the limit of a minute, by plugin.
    pub fn lines_cut(&self) -> Vec<(String, u64)> {
        self.lines.cut()
    }

    /// How many runs are going on that answered early, or belong to a body with several messages.
    pub fn runs(&self) -> usize {
        self.tasks.len()
    }

    /// Ends every run where it stands, for good: its sender gets an error, activities that were
    /// performed are told of the cancelled run.
    pub fn cut_off(&self) {
        self.cut.cancel();
    }

    /// How many runs that hit.
    pub fn runs_cut(&self) -> usize {
        self.runs_cut.load(Ordering::Relaxed)
    }

    /// The life of one message.
    pub async fn run(
        &self,
        workflow: &Arc<Workflow>,
        inbound: Inbound,
        performance: Performance,
        mut answer: Answer,
    ) -> RunRecord {
        let settings = self.settings();
        let mut life = self.begin(workflow, &settings, inbound, performance);
        let lived = tokio::select! {
            // What is done is not cut off.
            biased;
            lived = life.live(&mut answer) => lived,
            () = self.cut.cancelled() => {
                self.runs_cut.fetch_add(1, Ordering::Relaxed);
                Err(was_cut_off())
            }
        };
        let (outcome, last) = match lived {
            Ok(Lived { outcome, answer: last }) => {
                life.settle(Hook::AllSucceeded).await;
                (outcome, last)
            }
            Err(error) => (life.fail(error).await, None),
        };
        life.report(&outcome);
        workflow.series().ended(class_of(&outcome));
        if let Some(last) = last {
            answer.give(last);
        }
        let response = life.finish(&outcome, &mut answer).await;
        life.into_record(outcome, response)
    }
}

/// One run and what it needs to answer.
struct Life<'a> {
    workflow: &'a Workflow,
    settings: &'a Settings,
    steps: Steps<'a>,
    /// The received bytes, until they are parsed.
    body: Vec<u8>,
    /// The method is one that sends something: an empty body is a mistake.
    body_expected: bool,
    media_type: Option<MediaType>,
    control_id: String,
    message_id: String,
    header: Option<Header>,
    performance: Performance,
    /// The activities that were performed.
    untold: Untold,
    activities: Vec<ActivityRecord>,
    rehearsal: Option<&'a Rehearsal>,
}

impl Life<'_> {
    /// The order of things (contract 3.2).
    async fn live(&mut self, answer: &mut Answer) -> Result<Lived, RunError> {
        let workflow = self.workflow;
        let priority = workflow.definition().receiver.response.priority;
        self.parse()?;
        if priority == ResponsePriority::UponArrival {
            answer.give(self.response(&Outcome::Accepted).await?);
        }
        if let Some(filter) = workflow.filter() {
            let target = self.received(true);
            let filtered = self.steps.decide(filter, target).await?;
            self.steps.forced_error()?;
            if let Some(reason) = filtered {
                return Ok(Lived { outcome: Outcome::Filtered { reason }, answer: None });
            }
        }
        if let Some(variables) = workflow.variables() {
            self.steps.transform(variables, self.received(false)).await?;
            self.steps.forced_error()?;
        }
        if priority == ResponsePriority::AfterValidation {
            answer.give(self.response(&Outcome::Accepted).await?);
        }
        for index in 0..workflow.activities().len() {
            self.perform(index).await?;
        }
        if let Some(post) = workflow.post_transformers() {
            self.steps.transform(post, self.received(false)).await?;
            self.steps.forced_error()?;
        }
        // It may fail, and then the run did: activities are told afterwards.
        let last = match priority {
            ResponsePriority::AfterAllProcessing => Some(self.response(&Outcome::Accepted).await?),
            ResponsePriority::UponArrival | ResponsePriority::AfterValidation => None,
        };
        Ok(Lived { outcome: Outcome::Accepted, answer: last })
    }

    /// Tells the activities how the run ended.
    async fn settle(&mut self, hook: Hook) {
        self.steps.settle(&mut self.untold, hook, &self.message_id).await;
    }

    /// One activity: filter, message, transformers, the deed, its response.
    async fn perform(&mut self, index: usize) -> Result<(), RunError> {
        let Some(activity) = self.workflow.activities().get(index) else { return Ok(()) };
        let definition = activity.definition(self.workflow);
        let mut record = ActivityRecord::new(definition.id, &definition.name);
        if let Some(filter) = &activity.filter {
            let filtered = self.steps.decide(filter, self.received(false)).await?;
            self.steps.forced_error()?;
            if let Some(reason) = filtered {
                tracing::debug!(activity = %definition.name, reason, "an activity was filtered");
                record.filtered = true;
                self.activities.push(record);
                return Ok(());
            }
        }
        let sent = self.steps.compose(definition, activity.transformers.as_ref()).await?;
        // Before the deed: an error that a step asks for ends the path.
        self.steps.forced_error()?;
        if self.performance.is_recorded() {
            record.message = Some(sent);
        }
        if let Some(performed) = &activity.activity
            && self.performance.is_live()
        {
            record.performed = true;
            let done = self.steps.perform(performed, activity, definition).await;
            let response = done.as_ref().ok().and_then(|done| done.response.as_ref());
            if let Some(response) = response
                && self.performance.is_recorded()
            {
                record.response = Some(response.bytes().to_vec());
            }
            self.activities.push(record);
            let Performed { response, by } = done?;
            self.untold.push(index, by);
            if let Some(response) = response {
                self.steps.answered(definition, response)?;
            }
        } else {
            let reply = self.rehearsal.and_then(|it| it.replies.get(&definition.id));
            record.response = reply.cloned();
            self.activities.push(record);
            if let Some(reply) = reply {
                self.steps.reply(definition, reply.clone())?;
            }
        }
        self.steps.forced_error()
    }

    /// The message that was received, as a step's target.
    fn received(&self, writable: bool) -> Target {
        let setting = self.workflow.definition().receiver.id;
        Target { setting, direction: Direction::Inbound, writable }
    }

    /// An error ends the path: activities that were performed are told.
    async fn fail(&mut self, error: RunError) -> Outcome {
        self.settle(if is_cut_off(&error) { Hook::Cancel } else { Hook::RollBack }).await;
        self.steps.set_error(&error);
        match error.fault {
            Fault::Sender => Outcome::Rejected { error },
            Fault::Author | Fault::Plugin | Fault::Host => Outcome::Failed { error },
        }
    }

    fn into_record(self, outcome: Outcome, response: Option<Response>) -> RunRecord {
        let recorded = self.performance.is_recorded();
        let variables = if recorded { self.steps.variables() } else { Vec::new() };
        let notifications = self.steps.into_notifications();
        RunRecord { outcome, response, variables, activities: self.activities, notifications }
    }
}

/// A run that came to its end.
struct Lived {
    outcome: Outcome,
    /// The answer that waited for all the work.
    answer: Option<Response>,
}
