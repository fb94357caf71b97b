//! How a received body becomes runs: a place in flight, one message or several, and who
//! waits for the answer.
//!
//! Deliberately does not know: what a run does.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use jiff::Zoned;
use tokio::sync::oneshot;
use tracing::Instrument;

use super::batch::{Several, Signature};
use super::places::Place;
use super::replies::timestamp;
use super::{Answer, Inbound, Performance, Pipeline};
use crate::response::Response;
use crate::workflow::definition::ResponsePriority;
use crate::workflow::running::Workflow;

impl Pipeline {
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
        let span = workflow.span().clone();
        let (send, answered) = oneshot::channel();
        let priority = workflow.definition().receiver.response.priority;
        let run = async move {
            let running = running;
            running.0.run(&workflow, inbound, Performance::Live, Answer::new(send)).await;
        };
        let run = self.carried(Box::pin(run.instrument(span)));
        if priority == ResponsePriority::AfterAllProcessing {
            run.await;
        } else {
            self.tasks.spawn(run);
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
                let pipeline = Arc::clone(&running.0);
                let span = workflow.span().clone();
                let run = async move {
                    running.0.run(&workflow, part, Performance::Live, Answer::new(send)).await;
                };
                // A task of its own: one that panics takes no other message with it.
                let run = pipeline.carried(Box::pin(run.instrument(span)));
                let _ended = tasks.spawn(run).await;
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

    /// The run of a message, wherever it goes on. Boxed where it is made: it is large, and
    /// goes from hand to hand.
    fn carried(&self, run: BoxedRun) -> BoxedRun {
        match &self.long_runs {
            Some(long_runs) => Box::pin(long_runs.carry(run)),
            None => run,
        }
    }

    /// A place among the runs in flight, or nothing when none is free in time.
    async fn enter(self: &Arc<Self>, workflow: &Workflow) -> Option<Running> {
        let place = self.places.enter(workflow.name()).await?;
        Some(Running(Arc::clone(self), place))
    }
}

type BoxedRun = Pin<Box<dyn Future<Output = ()> + Send>>;

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
