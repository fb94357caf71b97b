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
mod hooks;
mod lines;
mod notifications;
mod places;
mod reading;
mod record;
mod steps;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::Zoned;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use tureen_message::ParseOptions;
use tureen_message::hl7::Header;
use tureen_message::media_type::MediaType;
use tureen_sandbox::{CallFacts, Exchange, Fault, Notifications, Performed, Run, Target};
use tureen_template::{
    Direction, Globals, Repeatable, RunFacts, RunTables, SettingId, Tables, Variables,
};

use crate::config::ServerConfig;
use crate::metrics::MessageOutcome;
use crate::response::{Question, Response, RunError, Told, respond};
use crate::workflow::definition::{ResponseMode, ResponsePriority};
use crate::workflow::running::Workflow;

pub use answer::Answer;
use batch::{Several, Signature};
use hooks::{Hook, Untold};
use lines::PluginLines;
use notifications::ToldKeys;
use places::{Place, Places};
use reading::UNREADABLE;
pub use record::{ActivityRecord, NotificationRecord, Outcome, RunRecord};
use steps::{Steps, Telling};

/// One received message, complete.
pub struct Inbound {
    pub body: Vec<u8>,
    pub method: String,
    pub client_ip: String,
    /// The Content-Type of the request, where it has one that can be read.
    pub media_type: Option<MediaType>,
    /// What the host says about the client and its request. A workflow reads these and cannot set
    /// them.
    pub builtin_variables: Vec<(String, String)>,
    /// Declared query parameters and path sections, defaults applied.
    pub variables: Vec<(String, String)>,
    pub received_at: Zoned,
}

impl Inbound {
    /// The same request with another body.
    fn with_body(&self, body: Vec<u8>) -> Self {
        Self {
            body,
            method: self.method.clone(),
            client_ip: self.client_ip.clone(),
            media_type: self.media_type.clone(),
            builtin_variables: self.builtin_variables.clone(),
            variables: self.variables.clone(),
            received_at: self.received_at.clone(),
        }
    }
}

/// Are activities performed, or only shown?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Performance {
    Live,
    /// `tureen run`: messages are built, nothing leaves, and a record is kept.
    Shown,
    /// `tureen run --live`: performed, with a record.
    LiveRecorded,
}

impl Performance {
    fn is_live(self) -> bool {
        self != Self::Shown
    }

    fn is_recorded(self) -> bool {
        self != Self::Live
    }
}

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
        }
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

    /// Takes a message in and gives its one answer: 503 when there is no place for it within
    /// `limits.message_wait_seconds`, and nothing has been done with it then.
    ///
    /// An answer that waits for all the work is given by this very task. One
    /// that comes earlier leaves the rest of the run to a task of its own.
    ///
    /// # Cancellation
    /// Do not drop this future: the run would end in the middle. The receiver
    /// runs it apart from the sender's connection.
    pub async fn receive(self: &Arc<Self>, workflow: Arc<Workflow>, inbound: Inbound) -> Response {
        let complete_at = Instant::now();
        let Some(running) = self.enter(&workflow).await else {
            tracing::debug!(workflow = %workflow.name(), "no place for a message in time");
            return unavailable();
        };
        let mut inbound = inbound;
        let limits = &self.settings().parse.limits;
        let series = Arc::clone(workflow.series());
        let response = match Several::take(&workflow, &mut inbound, limits) {
            Some(several) => self.receive_several(running, workflow, inbound, several).await,
            None => self.receive_one(running, workflow, inbound).await,
        };
        series.answered(complete_at.elapsed());
        response
    }

    async fn receive_one(
        &self,
        running: Running,
        workflow: Arc<Workflow>,
        inbound: Inbound,
    ) -> Response {
        let span = tracing::info_span!("message", workflow = %workflow.name());
        let (send, answered) = oneshot::channel();
        let priority = workflow.definition().receiver.response.priority;
        let run = async move {
            let running = running;
            running.0.run(&workflow, inbound, Performance::Live, Answer::new(send)).await;
        };
        if priority == ResponsePriority::AfterAllProcessing {
            run.instrument(span).await;
        } else {
            self.tasks.spawn(run.instrument(span));
        }
        // A run that panicked dropped its answer; the sender still gets one.
        answered.await.unwrap_or_else(|_| broken())
    }

    /// Runs the messages of one body in their order, each with an answer of its own, in one place
    /// in flight: a batch takes nobody else's turn.
    async fn receive_several(
        &self,
        running: Running,
        workflow: Arc<Workflow>,
        inbound: Inbound,
        several: Several,
    ) -> Response {
        let count = several.count();
        let (send, mut answered): (Vec<_>, Vec<_>) = (0..count).map(|_| oneshot::channel()).unzip();
        let parts: Vec<Inbound> = several.messages(&inbound).collect();
        let name = workflow.name().to_owned();
        let tasks = self.tasks.clone();
        let runs = async move {
            let running = Arc::new(running);
            for (part, send) in parts.into_iter().zip(send) {
                let (workflow, running) = (Arc::clone(&workflow), Arc::clone(&running));
                let span = tracing::info_span!("message", workflow = %workflow.name());
                let run = async move {
                    running.0.run(&workflow, part, Performance::Live, Answer::new(send)).await;
                };
                // A task of its own: one that panics takes no other message with it.
                let _ended = tasks.spawn(run.instrument(span)).await;
            }
        };
        self.tasks.spawn(runs);
        let mut answers = Vec::with_capacity(count);
        for answer in &mut answered {
            answers.push(answer.await.unwrap_or_else(|_| broken()));
        }
        tracing::debug!(
            workflow = name,
            messages = count,
            "a body with several messages was answered"
        );
        let number = self.next_run.fetch_add(1, Ordering::Relaxed);
        let signature = Signature {
            control_id: &format!("{}{number:06x}", self.started),
            timestamp: &timestamp(&Zoned::now()),
        };
        several.answer(answers, &signature)
    }

    /// A place among the runs in flight, or nothing when none is free in time.
    async fn enter(self: &Arc<Self>, workflow: &Workflow) -> Option<Running> {
        let place = self.places.enter(workflow.name()).await?;
        Some(Running(Arc::clone(self), place))
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

    fn begin<'a>(
        &'a self,
        workflow: &'a Arc<Workflow>,
        settings: &'a Settings,
        inbound: Inbound,
        performance: Performance,
    ) -> Life<'a> {
        let number = self.next_run.fetch_add(1, Ordering::Relaxed);
        let message_id = format!("{}-{number}", self.started);
        let facts = RunFacts { received: inbound.received_at, instance: number, clock: Zoned::now };
        let mut variables = Variables::new(facts, Arc::clone(&settings.globals));
        if let Some(rehearsal) = &self.rehearsal {
            variables.repeat(Repeatable::at(rehearsal.now.clone()));
        }
        let body_expected = matches!(inbound.method.as_str(), "POST" | "PUT" | "PATCH");
        variables.set_builtin("HttpMethod", inbound.method);
        variables.set_builtin("ClientIP", inbound.client_ip);
        for (name, value) in inbound.builtin_variables {
            variables.set_builtin(&name, value);
        }
        for (name, value) in inbound.variables {
            // Over a limit: such a request is over the URL limit long before.
            let _ = variables.set(&name, value);
        }
        let definition = workflow.definition();
        let activities = definition.activities.iter().map(|activity| activity.id);
        let run = Box::new(Run {
            variables,
            exchange: Exchange::new(definition.receiver.id, activities),
            tables: Arc::new(RunTables::new(Arc::clone(&settings.tables))),
            latest: Some(Instant::now() + self.message_time),
            parse: Arc::clone(&settings.parse),
            facts: Arc::new(CallFacts {
                workflow: definition.name.clone(),
                message_id: message_id.clone(),
                attempt: 1,
            }),
            log: Vec::new(),
            notifications: Notifications::default(),
            acknowledgements: 0,
        });
        Life {
            workflow,
            settings,
            steps: Steps::new(
                workflow,
                settings,
                run,
                Telling {
                    lines: &self.lines,
                    told: &self.told,
                    is_recorded: performance.is_recorded(),
                },
            ),
            body: inbound.body,
            body_expected,
            media_type: inbound.media_type,
            control_id: format!("{}{number:06x}", self.started),
            untold: Untold::new(Arc::clone(workflow), message_id.clone()),
            message_id,
            header: None,
            performance,
            activities: Vec::new(),
            rehearsal: self.rehearsal.as_ref(),
        }
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
            if let Some(reason) = self.steps.decide(filter, target).await? {
                return Ok(Lived { outcome: Outcome::Filtered { reason }, answer: None });
            }
        }
        if let Some(variables) = workflow.variables() {
            self.steps.transform(variables, self.received(false)).await?;
        }
        if priority == ResponsePriority::AfterValidation {
            answer.give(self.response(&Outcome::Accepted).await?);
        }
        for index in 0..workflow.activities().len() {
            self.perform(index).await?;
        }
        if let Some(post) = workflow.post_transformers() {
            self.steps.transform(post, self.received(false)).await?;
        }
        self.steps.forced_error()?;
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
        if let Some(filter) = &activity.filter
            && let Some(reason) = self.steps.decide(filter, self.received(false)).await?
        {
            tracing::debug!(activity = %definition.name, reason, "an activity was filtered");
            record.filtered = true;
            self.activities.push(record);
            return Ok(());
        }
        let sent = self.steps.compose(definition, activity.transformers.as_ref()).await?;
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
                self.steps.put(definition.id, Direction::Inbound, response);
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

    /// One line for the operator, without message content.
    fn report(&self, outcome: &Outcome) {
        let id = self.message_id.as_str();
        match outcome {
            Outcome::Accepted => tracing::debug!(id, "a message was processed"),
            Outcome::Filtered { reason } => tracing::debug!(id, reason, "a message was filtered"),
            Outcome::Rejected { error } => {
                let words = loggable(error);
                tracing::warn!(id, code = error.code, fault = %error.fault, "a message was refused: {words}");
            }
            Outcome::Failed { error } => {
                let words = loggable(error);
                tracing::error!(id, code = error.code, fault = %error.fault, "a message failed: {words}");
            }
        }
    }

    /// Answers if nothing has been answered yet.
    async fn finish(&mut self, outcome: &Outcome, answer: &mut Answer) -> Option<Response> {
        if answer.is_open() {
            let response = match self.response(outcome).await {
                Ok(response) => response,
                // The response itself cannot be built: say that instead.
                Err(error) => self.tell(&Told::Failed(&error)),
            };
            answer.give(response);
        }
        answer.given().cloned()
    }

    /// The answer to an outcome, by the receiver's mode (contract 10.1, 10.4).
    async fn response(&mut self, outcome: &Outcome) -> Result<Response, RunError> {
        match outcome {
            Outcome::Rejected { error } if error.code.starts_with(UNREADABLE) => {
                return Ok(self.tell(&Told::Unreadable(error)));
            }
            Outcome::Rejected { error } => return Ok(self.tell(&Told::Rejected(error))),
            Outcome::Failed { error } => return Ok(self.tell(&Told::Failed(error))),
            Outcome::Filtered { .. } => return Ok(self.tell(&Told::Filtered)),
            Outcome::Accepted => {}
        }
        let receiver = &self.workflow.definition().receiver;
        Ok(match &receiver.response.mode {
            ResponseMode::None => self.tell(&Told::Nothing),
            ResponseMode::Accept => self.tell(&Told::Accept),
            ResponseMode::Error { message } => {
                self.tell(&Told::Forced { reject: false, text: message })
            }
            ResponseMode::Reject { message } => {
                self.tell(&Told::Forced { reject: true, text: message })
            }
            ResponseMode::FromActivity { id, name } => {
                match self.steps.message(*id, Direction::Inbound) {
                    Some(message) => self.tell(&Told::Message(message)),
                    None => self.tell(&Told::NoActivityResponse { name }),
                }
            }
            ResponseMode::Custom => {
                let message = self.steps.respond(self.workflow.response_transformers()).await?;
                self.tell(&Told::Message(&message))
            }
        })
    }

    fn tell(&self, told: &Told<'_>) -> Response {
        let now = self.rehearsal.map_or_else(Zoned::now, |it| it.now.clone());
        let timestamp = timestamp(&now);
        let definition = self.workflow.definition();
        let question = Question {
            format: definition.receiver.message_type,
            header: self.header.as_ref(),
            media_type: self.media_type.as_ref(),
            timestamp: &timestamp,
            control_id: &self.control_id,
            message_id: &self.message_id,
        };
        respond(self.settings.config.response_style(&definition.name), &question, told)
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

/// The code of a run that the server's end cut off.
const CUT_OFF: &str = "run.cut-off";

fn was_cut_off() -> RunError {
    let text = "the server stopped before the message was done: whether it was, is not known";
    RunError {
        code: CUT_OFF.to_owned(),
        fault: Fault::Host,
        text: text.to_owned(),
        place: None,
        is_quoted: false,
    }
}

/// Was the run, or the step that failed it, ended from outside? What it did until then is not
/// known.
fn is_cut_off(error: &RunError) -> bool {
    error.code == CUT_OFF || error.fault == Fault::Plugin && error.code == "plugin.time"
}

fn class_of(outcome: &Outcome) -> MessageOutcome {
    match outcome {
        Outcome::Accepted => MessageOutcome::Accepted,
        Outcome::Filtered { .. } => MessageOutcome::Filtered,
        Outcome::Rejected { .. } => MessageOutcome::Rejected,
        Outcome::Failed { .. } => MessageOutcome::Failed,
    }
}

/// A time as MSH-7 and BHS-7 have it.
fn timestamp(time: &Zoned) -> String {
    time.strftime("%Y%m%d%H%M%S%z").to_string()
}

/// What the log may say at its default level.
fn loggable(error: &RunError) -> String {
    if !error.is_quoted {
        return error.to_string();
    }
    tracing::debug!(code = error.code, "a plugin's own words: {error}");
    "the plugin's own words may hold message content and are only in the debug log".to_owned()
}

/// A place among the runs in flight; given back even when the run panics.
struct Running(Arc<Pipeline>, #[expect(dead_code, reason = "held, not looked at")] Place);

fn unavailable() -> Response {
    Response { status: 503, content_type: None, body: Vec::new() }
}

/// A run ended without an answer: a fault of ours, reported by the panic hook.
fn broken() -> Response {
    let body = b"the receiver failed while it processed this message; its log has more\n".to_vec();
    Response { status: 500, content_type: Some("text/plain; charset=utf-8".to_owned()), body }
}
