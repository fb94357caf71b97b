//! A step whose plugin lives in workers: its run becomes a request, the answer the
//! run again.
//!
//! # Invariants
//! - The run stays here; the worker has a copy. Whatever becomes of that, the run is
//!   given back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tureen_template::Direction;

use super::WorkerLimits;
use super::answers::{self, answer_bytes_max};
use super::pool::{NoWorker, Workers};
use super::process::{NoAnswer, Worker};
use super::travelling::TravellingRun;
use super::travelling_globals::globals_for;
use super::wire::{Answered, Call, Called as Answer, FromWorker, StepToTakeUp, ToWorker};
use crate::bindings::filter::exports::tureen::plugin::filter_step;
use crate::exchange::{Run, Target};
use crate::failure::{Breakdown, Failure, Fault};
use crate::granted::{Granted, LentTables};
use crate::grants::{Need, TableGrant, imports_in_a_sentence, need_of};
use crate::instance::{self, Called, Identity, Request, out_of_time, time_out};
use crate::plugin::{Kind, Plugin};
use crate::snapshot::Configured;
use crate::step::{StepOptions, Ungranted};
use crate::usage::{CallOutcome, Usage};

/// How long after its time a worker may be to tell that the time is over.
const GRACE: Duration = Duration::from_millis(500);

/// How long before the end of the call around it a nested call ends in its worker:
/// its answer has to be here before that call is over and takes the run along.
const MARGIN: Duration = Duration::from_millis(25);

/// One step's place among the workers of its plugin.
pub(crate) struct Isolated {
    plugin: Arc<Plugin>,
    workers: Arc<Workers>,
    granted: Arc<Granted>,
    options: StepOptions,
    step: u64,
    is_inert: bool,
}

/// What a call of a step is about.
pub(crate) struct Asked {
    pub(crate) target: Target,
    pub(crate) parameters: Vec<(String, String)>,
    /// Of the call around this one.
    pub(crate) deadline: Option<Instant>,
    pub(crate) request: Request,
}

impl Drop for Isolated {
    fn drop(&mut self) {
        self.workers.leave(self.step);
    }
}

impl Isolated {
    /// # Errors
    /// The plugin is, or imports, what a worker does not serve; or this program
    /// cannot start workers.
    pub(crate) fn new(
        plugin: &Arc<Plugin>,
        options: &StepOptions,
        limits: WorkerLimits,
        granted: Arc<Granted>,
    ) -> Result<Self, Failure> {
        refuse_what_leads_out(plugin)?;
        let workers = plugin.workers(limits).ok_or_else(|| not_here(plugin))?;
        let step = workers.enter();
        let is_inert = options.ungranted == Ungranted::Inert && plugin.asks_beyond(&options.grants);
        let (plugin, options) = (Arc::clone(plugin), options.clone());
        Ok(Self { plugin, workers, granted, options, step, is_inert })
    }

    /// Calls at once.
    pub(crate) fn allowed(&self) -> usize {
        self.workers.limits().workers
    }

    /// Hands the settings over, in a worker.
    pub(crate) async fn configure(&self) -> Result<Configured, Failure> {
        let _inside = tokio::time::timeout(
            self.options.limits.call_time,
            self.plugin.gate.enter(self.allowed()),
        )
        .await
        .map_err(|_| self.failure("all its workers were busy for the time of a call"))?;
        let mut worker = self.worker().await?;
        match self.taken_up(&mut worker).await {
            Ok(Ok(configured)) => {
                self.workers.give_back(worker);
                Ok(configured)
            }
            Ok(Err(failure)) => {
                self.workers.give_back(worker);
                Err(failure)
            }
            Err(no_answer) => Err(self.without_answer(&no_answer, self.options.limits.call_time)),
        }
    }

    /// One call. The run comes back as the call left it; as it was, where the worker
    /// did not answer.
    pub(crate) async fn call(&self, mut run: Box<Run>, asked: Asked) -> Called {
        let outcome = self.called(&mut run, asked).await;
        let (usage, outcome) = match outcome {
            Ok((usage, outcome)) => (usage, outcome),
            Err(failure) => (Usage::without_instance(failure.outcome()), Err(failure)),
        };
        Called { usable: true, usage, run, outcome }
    }

    async fn called(
        &self,
        run: &mut Run,
        asked: Asked,
    ) -> Result<(Usage, Result<instance::Answer, Failure>), Failure> {
        let mut worker = self.worker().await?;
        self.let_go(&mut worker).await?;
        if !worker.steps.contains_key(&self.step) {
            let taken_up = self.taken_up(&mut worker).await;
            let time = self.options.limits.call_time;
            match taken_up.map_err(|no_answer| self.without_answer(&no_answer, time))? {
                Ok(_) => {}
                Err(failure) => {
                    self.workers.give_back(worker);
                    return Err(failure);
                }
            }
        }
        let (target, until) = (asked.target, self.until(run, asked.deadline));
        let call = self.request(&mut worker, run, asked);
        let tables = self.tables(run);
        let most = answer_bytes_max(&self.options.limits, run);
        let said = ToWorker::Call(Box::new(call));
        let answer = worker.converse(&said, tables.as_ref(), until, most).await;
        match answer {
            Ok(FromWorker::Called(called)) => {
                let ended = self.ended(*called, run, target)?;
                self.workers.give_back(worker);
                Ok(ended)
            }
            Ok(_) => {
                let why = NoAnswer::Gone("it said what no worker says".to_owned());
                Err(self.without_answer(&why, self.options.limits.call_time))
            }
            Err(NoAnswer::Late) if run.latest.is_some_and(|latest| latest <= until) => {
                self.workers.failed();
                Err(out_of_time(&self.plugin.name))
            }
            Err(no_answer) => Err(self.without_answer(&no_answer, self.options.limits.call_time)),
        }
    }

    /// When the worker has to have answered: making an instance and calling it may
    /// each take the time of a call, as in this process.
    fn until(&self, run: &Run, deadline: Option<Instant>) -> Instant {
        let own = Instant::now() + 2 * self.options.limits.call_time;
        let latest = run.latest.map_or(own, |latest| latest.min(own)) + GRACE;
        deadline.map_or(latest, |deadline| deadline.min(latest))
    }

    fn request(&self, worker: &mut Worker, run: &Run, asked: Asked) -> Call {
        let Asked { target, parameters, deadline, request } = asked;
        let globals = run.variables.globals();
        let known = worker.steps.get(&self.step).and_then(Option::as_ref);
        let is_known = known.is_some_and(|known| Arc::ptr_eq(known, globals));
        let sent = (!is_known).then(|| globals_for(globals, &self.options.grants));
        worker.steps.insert(self.step, Some(Arc::clone(globals)));
        // One moment for both: which of the two is over first decides whose fault it is.
        let now = Instant::now();
        let early = if deadline.is_some() { MARGIN } else { Duration::ZERO };
        let left = |moment: Instant| moment.saturating_duration_since(now).saturating_sub(early);
        Call {
            step: self.step,
            decides: matches!(request, Request::Decide),
            setting: target.setting.as_u128(),
            is_inbound: target.direction == Direction::Inbound,
            writable: target.writable,
            parameters,
            call_left: deadline.map(left),
            message_left: run.latest.map(left),
            globals: sent,
            run: TravellingRun::of(run),
        }
    }

    /// What a guest of the step may ask, here as in its worker.
    fn tables(&self, run: &Run) -> Arc<dyn tureen_template::Tables + Send + Sync> {
        match self.granted.grants.tables {
            TableGrant::All => Arc::clone(&run.tables),
            _ => {
                let (all, granted) = (Arc::clone(&run.tables), Arc::clone(&self.granted));
                Arc::new(LentTables { all, granted })
            }
        }
    }

    fn ended(
        &self,
        mut called: Answer,
        run: &mut Run,
        target: Target,
    ) -> Result<(Usage, Result<instance::Answer, Failure>), Failure> {
        let plugin = self.plugin.name.as_str();
        answers::take_over(&mut called, run, target, plugin, &self.options.limits).map_err(
            |why| {
                self.workers.failed();
                self.failure(&format!("its worker process answered what no plugin can: {why}"))
            },
        )?;
        let outcome = match called.outcome {
            Ok(Answered::Passed) => Ok(instance::Answer::Verdict(filter_step::Verdict::Pass)),
            Ok(Answered::Stopped(reason)) => {
                Ok(instance::Answer::Verdict(filter_step::Verdict::Stop(reason)))
            }
            Ok(Answered::Done) => Ok(instance::Answer::Done),
            Err(told) => Err(answers::failure_of(told, plugin)),
        };
        Ok((called.usage.into(), outcome))
    }

    /// The worker knows the step from now on, unless its settings cannot be read.
    async fn taken_up(&self, worker: &mut Worker) -> Result<Result<Configured, Failure>, NoAnswer> {
        let options = &self.options;
        let mut limits = options.limits.clone();
        // Calls wait in line here.
        limits.calls_at_once = None;
        let step = StepToTakeUp {
            step: self.step,
            settings: options.settings.clone(),
            owner: options.owner.as_u128(),
            role: options.role.to_owned(),
            limits,
            grants: (&options.grants).into(),
            inert: self.is_inert,
            reuse: options.reuse,
        };
        // Making an instance, and configuring it.
        let within = 2 * options.limits.call_time + GRACE;
        match worker.ask(&ToWorker::TakeUp(Box::new(step)), within).await? {
            FromWorker::TakenUp(Ok(configured)) => {
                worker.steps.insert(self.step, None);
                Ok(Ok(answers::configured(configured)))
            }
            FromWorker::TakenUp(Err(told)) => Ok(Err(answers::failure_of(told, &self.plugin.name))),
            _ => Err(NoAnswer::Gone("it said what no worker says".to_owned())),
        }
    }

    /// Steps of earlier versions go.
    async fn let_go(&self, worker: &mut Worker) -> Result<(), Failure> {
        for step in self.workers.left_behind(worker) {
            worker.steps.remove(&step);
            let told = worker.tell(&ToWorker::LetGo(step)).await;
            let time = self.options.limits.call_time;
            told.map_err(|no_answer| self.without_answer(&no_answer, time))?;
        }
        Ok(())
    }

    async fn worker(&self) -> Result<Worker, Failure> {
        self.workers.worker(&self.plugin).await.map_err(|why| no_worker(&self.plugin, why))
    }

    /// The call that this worker had fails, and the worker is ended.
    fn without_answer(&self, why: &NoAnswer, allowed: Duration) -> Failure {
        self.workers.failed();
        match why {
            NoAnswer::Late => time_out(&self.plugin.name, allowed),
            NoAnswer::Gone(how) => {
                if self.workers.is_first_told() {
                    tracing::warn!(plugin = self.plugin.name, "a worker process failed: {how}");
                }
                self.failure(&format!("its worker process failed, {how}; the call was ended"))
            }
        }
    }

    fn failure(&self, text: &str) -> Failure {
        worker_failure(&self.plugin.name, text)
    }
}

/// The plugin did not answer because its process did not.
fn worker_failure(plugin: &str, text: &str) -> Failure {
    let breakdown = Breakdown { outcome: CallOutcome::Worker, trap: None, stack: Vec::new() };
    Failure::broken_down(plugin, "plugin.worker", text, breakdown)
}

fn no_worker(plugin: &Plugin, why: NoWorker) -> Failure {
    match why {
        NoWorker::Unconfined(why) => unavailable(
            &plugin.name,
            &format!("this system does not confine its worker process: {why}"),
        ),
        NoWorker::Failed(why) => {
            let text = format!("its worker process cannot begin: {why}");
            Failure { fault: Fault::Host, ..worker_failure(&plugin.name, &text) }
        }
        NoWorker::Waiting { failures, left } => worker_failure(
            &plugin.name,
            &format!(
                "{failures} worker processes failed one after the other; the next one is started in {left:.1?}"
            ),
        ),
    }
}

fn not_here(plugin: &Plugin) -> Failure {
    unavailable(&plugin.name, "this program cannot start itself as a worker process")
}

fn unavailable(plugin: &str, text: &str) -> Failure {
    let failure = Failure::plugin(plugin, "isolation.unavailable", text);
    Failure { fault: Fault::Host, ..failure }
}

fn refuse_what_leads_out(plugin: &Plugin) -> Result<(), Failure> {
    let refused = |text: String| {
        let failure = Failure::plugin(&plugin.name, "isolation.unsupported", text);
        Failure { fault: Fault::Author, ..failure }
    };
    if plugin.kind == Kind::Activity {
        return Err(refused("activities do not run in a process of their own yet".to_owned()));
    }
    let outside = |need| matches!(need, Need::Directories | Need::Http | Need::Connections);
    let outside: Vec<&str> =
        plugin.imports.iter().map(String::as_str).filter(|it| outside(need_of(it))).collect();
    if outside.is_empty() {
        return Ok(());
    }
    let imports = imports_in_a_sentence(outside.into_iter());
    Err(refused(format!("it imports {imports}, which a process of its own does not have yet")))
}

/// Asks a plugin in a worker who it is, before anything of it runs here.
pub(crate) async fn identity(plugin: &Plugin) -> Result<Identity, Failure> {
    let workers = plugin.workers(WorkerLimits::default()).ok_or_else(|| not_here(plugin))?;
    let mut worker = workers.worker(plugin).await.map_err(|why| no_worker(plugin, why))?;
    let within = 2 * crate::limits::Limits::default().call_time + GRACE;
    match worker.ask(&ToWorker::Identify, within).await {
        Ok(FromWorker::Identified(Ok(identity))) => Ok(identity),
        Ok(FromWorker::Identified(Err(told))) => Err(answers::failure_of(told, &plugin.name)),
        Ok(_) => Err(worker_failure(&plugin.name, "its worker said what no worker says")),
        Err(NoAnswer::Late) => Err(worker_failure(&plugin.name, "its worker did not answer")),
        Err(NoAnswer::Gone(how)) => Err(worker_failure(&plugin.name, &how)),
    }
}
