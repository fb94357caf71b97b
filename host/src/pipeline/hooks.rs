//! How activities learn what became of the run that they took part in.
//!
//! # Invariants
//! - Every activity that was performed is told exactly one of: all succeeded,
//!   rolled back, cancelled. What nobody told when a run goes away (it panicked,
//!   or was dropped) is told as cancelled, by a task of its own.
//! - All-succeeded is told in the order of performing, the others in reverse.

use std::collections::VecDeque;
use std::sync::Arc;

use tureen_sandbox::{Activity, Failure, Generation, Run, Target};
use tureen_template::Direction;

use crate::workflow::running::Workflow;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hook {
    AllSucceeded,
    /// A later step failed.
    RollBack,
    /// The run was cut off: what came after is not known.
    Cancel,
}

impl Hook {
    pub(super) async fn tell(
        self,
        activity: &Activity,
        by: Generation,
        run: Box<Run>,
        target: Target,
    ) -> (Box<Run>, Result<(), Failure>) {
        match self {
            Self::AllSucceeded => activity.all_succeeded(by, run, target).await,
            Self::RollBack => activity.roll_back(by, run, target).await,
            Self::Cancel => activity.cancel(by, run, target).await,
        }
    }
}

/// An activity that was performed: its place in the workflow, and by which of its instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) index: usize,
    pub(super) by: Generation,
}

/// What was performed in one run and has not been told yet how that ended.
pub(super) struct Untold {
    workflow: Arc<Workflow>,
    message_id: String,
    done: VecDeque<Done>,
}

impl Untold {
    pub(super) fn new(workflow: Arc<Workflow>, message_id: String) -> Self {
        Self { workflow, message_id, done: VecDeque::new() }
    }

    pub(super) fn push(&mut self, index: usize, by: Generation) {
        self.done.push_back(Done { index, by });
    }

    /// The next one to tell; it counts as told.
    pub(super) fn next(&mut self, hook: Hook) -> Option<Done> {
        match hook {
            Hook::AllSucceeded => self.done.pop_front(),
            Hook::RollBack | Hook::Cancel => self.done.pop_back(),
        }
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        if self.done.is_empty() {
            return;
        }
        let done = std::mem::take(&mut self.done);
        let (workflow, message_id) = (Arc::clone(&self.workflow), self.message_id.clone());
        let told = Arc::clone(&workflow);
        workflow.afterwards(async move {
            for Done { index, by } in done.into_iter().rev() {
                cancel(&told, index, by, &message_id).await;
            }
        });
    }
}

/// Without the run's own state, which went away with it.
async fn cancel(workflow: &Workflow, index: usize, by: Generation, message_id: &str) {
    let Some(activity) = workflow.activities().get(index) else { return };
    let Some(performed) = &activity.activity else { return };
    let setting = activity.definition(workflow).id;
    let target = Target { setting, direction: Direction::Outbound, writable: false };
    let run = workflow.run_without_message(message_id);
    let (_, told) = Hook::Cancel.tell(performed, by, run, target).await;
    if let Err(failure) = told {
        let (code, name) = (failure.code, &activity.name.name);
        tracing::warn!(
            id = message_id,
            activity = name,
            code,
            "could not be told of a cancelled run"
        );
    }
}
