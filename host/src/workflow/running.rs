//! One version of a workflow, ready for messages.
//!
//! Knows: the definition and its configured steps. Deliberately does not know:
//! where messages come from.
//!
//! # Invariants
//! - It never changes; a saved file makes a new one. Messages in flight keep
//!   the version they started with alive.
//! - Its activities are closed once, after its last message.

use std::sync::Arc;

use jiff::Zoned;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tracing::Span;
use tureen_sandbox::{
    Activity, CallFacts, Exchange, Failure, NoTables, Notifications, Run, Step, Target,
};
use tureen_template::{Direction, Globals, RunFacts, Variables};

use super::definition::{self, WorkflowDefinition};
use crate::metrics::WorkflowSeries;
use crate::plugins::{PluginSet, Right};

/// What log and errors call a step.
#[derive(Clone, Debug)]
pub struct StepName {
    /// The receiver's or activity's name, and the role.
    pub name: String,
    /// The plugin's name.
    pub plugin: String,
    /// May its log lines be shown at their own level?
    pub trusted: bool,
}

impl StepName {
    /// Are these the words of a standard plugin? A step may call custom
    /// transformers of third parties; what these say is theirs.
    pub fn speaks(&self, plugin: &str) -> bool {
        self.trusted && self.plugin == plugin
    }
}

/// A filter or a transformer.
pub struct RunningStep {
    pub step: Step,
    pub name: StepName,
}

/// A filter's own transformers, then its conditions.
pub struct FilterSteps {
    pub transformers: Option<RunningStep>,
    pub conditions: RunningStep,
}

/// An activity that is not disabled.
pub struct RunningActivity {
    /// Its place in the definition.
    pub(super) index: usize,
    pub filter: Option<FilterSteps>,
    pub transformers: Option<RunningStep>,
    /// `None` where nothing performs it: its message is built and shown. A
    /// server has none of these.
    pub activity: Option<Activity>,
    pub name: StepName,
}

impl RunningActivity {
    pub fn definition<'a>(&self, workflow: &'a Workflow) -> &'a definition::Activity {
        #[expect(clippy::indexing_slicing, reason = "made from this definition's own indexes")]
        &workflow.definition.activities[self.index]
    }
}

/// The parts that a definition was made into.
#[derive(Default)]
pub struct Parts {
    pub filter: Option<FilterSteps>,
    pub variables: Option<RunningStep>,
    pub response: Option<RunningStep>,
    pub post: Option<RunningStep>,
    pub activities: Vec<RunningActivity>,
    /// What is counted of the workflow.
    pub series: Arc<WorkflowSeries>,
    /// What its steps were made with.
    pub rights: Vec<Right>,
}

/// One version of a workflow.
pub struct Workflow {
    definition: WorkflowDefinition,
    parts: Parts,
    /// What log lines about its messages stand in. Made once: making it takes as long as
    /// parsing a message does.
    span: Span,
    /// Closings of old versions; the server waits for them when it stops.
    closings: TaskTracker,
}

impl Workflow {
    pub fn new(definition: WorkflowDefinition, parts: Parts, closings: TaskTracker) -> Self {
        let span = tracing::info_span!(parent: None, "message", workflow = %definition.name);
        Self { definition, parts, span, closings }
    }

    pub fn definition(&self) -> &WorkflowDefinition {
        &self.definition
    }

    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// May it go on with the plugins as they are now?
    pub fn is_allowed(&self, plugins: &PluginSet) -> bool {
        self.parts.rights.iter().all(|right| plugins.allows(self.name(), right))
    }

    pub fn span(&self) -> &Span {
        &self.span
    }

    pub fn filter(&self) -> Option<&FilterSteps> {
        self.parts.filter.as_ref()
    }

    pub fn variables(&self) -> Option<&RunningStep> {
        self.parts.variables.as_ref()
    }

    pub fn response_transformers(&self) -> Option<&RunningStep> {
        self.parts.response.as_ref()
    }

    pub fn post_transformers(&self) -> Option<&RunningStep> {
        self.parts.post.as_ref()
    }

    pub fn activities(&self) -> &[RunningActivity] {
        &self.parts.activities
    }

    /// What is counted of the workflow, this version and others.
    pub fn series(&self) -> &Arc<WorkflowSeries> {
        &self.parts.series
    }

    /// Opens the activities, in order.
    ///
    /// # Errors
    /// The first that refused, with the index of its definition.
    pub async fn open(&self) -> Result<(), (usize, Failure)> {
        for activity in &self.parts.activities {
            let Some(performed) = &activity.activity else { continue };
            let (run, target) = lifecycle_run(&self.definition, activity.index, "");
            let (_, opened) = performed.open(run, target).await;
            opened.map_err(|failure| (activity.index, failure))?;
        }
        Ok(())
    }

    /// Does something for this version apart from any run. The server waits for
    /// it when it stops, as it does for closings.
    pub fn afterwards(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Ok(handle) = Handle::try_current() {
            self.closings.spawn_on(work, &handle);
        }
    }

    /// The state of a run whose own one is lost: no messages, no variables.
    pub fn run_without_message(&self, message_id: &str) -> Box<Run> {
        lifecycle_run(&self.definition, 0, message_id).0
    }
}

impl Drop for Workflow {
    /// The last message of this version is done: its activities finish files
    /// and close sockets, in a task, because a drop cannot wait.
    fn drop(&mut self) {
        let activities = std::mem::take(&mut self.parts.activities);
        if activities.is_empty() {
            return;
        }
        let Ok(handle) = Handle::try_current() else { return };
        let calls: Vec<(Activity, StepName, Box<Run>, Target)> = activities
            .into_iter()
            .filter_map(|activity| {
                let (run, target) = lifecycle_run(&self.definition, activity.index, "");
                Some((activity.activity?, activity.name, run, target))
            })
            .collect();
        let closing = async move {
            for (activity, name, run, target) in calls {
                let (_, closed) = activity.close(run, target).await;
                if let Err(failure) = closed {
                    tracing::warn!(activity = name.name, "could not be closed: {failure}");
                }
            }
        };
        self.closings.spawn_on(closing, &handle);
    }
}

/// A run without a message: for `open` and `close`, and for `cancel` where the
/// run's own state is lost.
fn lifecycle_run(
    definition: &WorkflowDefinition,
    index: usize,
    message_id: &str,
) -> (Box<Run>, Target) {
    let facts = RunFacts { received: Zoned::now(), instance: 0, clock: Zoned::now };
    let ids = definition.activities.iter().map(|activity| activity.id);
    let setting = definition.activities.get(index).map_or(definition.receiver.id, |it| it.id);
    let run = Box::new(Run {
        variables: Variables::new(facts, Arc::new(Globals::default())),
        exchange: Exchange::new(definition.receiver.id, ids),
        tables: Arc::new(NoTables),
        latest: None,
        parse: Arc::default(),
        facts: Arc::new(CallFacts {
            workflow: definition.name.clone(),
            message_id: message_id.to_owned(),
            attempt: 1,
        }),
        log: Vec::new(),
        notifications: Notifications::default(),
        acknowledgements: 0,
    });
    (run, Target { setting, direction: Direction::Outbound, writable: false })
}
