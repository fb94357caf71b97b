//! Who watches the steps of a workflow that is going to serve.

use std::sync::Arc;

use tureen_sandbox::Step;

use super::Preparation;
use crate::faults::{StepPlace, Unlike};
use crate::metrics::WorkflowSeries;
use crate::plugins::Installed;
use crate::workflow::definition::{self, Role};

/// The most characters of a plugin's version in a report.
const VERSION_CHARACTERS_MAX: usize = 32;

/// What makes a step another one than before, besides what its definition says.
pub(super) struct Watched {
    /// Its own role, or `custom`.
    pub(super) role: &'static str,
    pub(super) settings: String,
}

impl Preparation<'_> {
    /// What is counted of the workflow.
    pub(super) fn series(&self) -> Arc<WorkflowSeries> {
        let name = &self.definition.name;
        self.faults.map_or_else(Arc::default, |faults| faults.metrics().workflow(name))
    }

    /// The same step, with somebody who watches it where it is going to serve.
    pub(super) fn overseen(
        &self,
        ready: Step,
        step: &definition::Step,
        installed: &Installed,
        watched: &Watched,
    ) -> Step {
        let Some(faults) = self.faults else { return ready };
        let unlike = Unlike {
            role: watched.role,
            pointer: &step.pointer,
            settings: &watched.settings,
            file_digest: &self.definition.digest,
            allowed: &format!("{:?}{:?}", installed.limits, installed.grants),
        };
        let budget = self.plugins.fault_budget(&installed.plugin.name);
        ready.overseen(faults.oversee(self.place(step, installed), budget, unlike))
    }

    fn place(&self, step: &definition::Step, installed: &Installed) -> StepPlace {
        let plugin = &installed.plugin;
        let (_, position) = self.definition.locate(step, "");
        StepPlace {
            workflow: self.definition.name.clone(),
            step: self.step_name(step),
            setting: step.owner,
            plugin: plugin.name.clone(),
            version: plain(&plugin.version),
            digest: plugin.digest_text(),
            file: self.definition.file.clone(),
            position,
        }
    }

    /// As the log names the step: by what it belongs to, and its role there.
    fn step_name(&self, step: &definition::Step) -> String {
        let receiver = &self.definition.receiver;
        let owner = match self.definition.activity(step.owner) {
            Some(activity) => activity.name.as_str(),
            None => receiver.name.as_str(),
        };
        match step.role {
            Role::Activity => owner.to_owned(),
            role => format!("{owner}, {}", role.name()),
        }
    }
}

/// A version as its author wrote it, fit for a log.
fn plain(version: &str) -> String {
    let shown = version.chars().filter(|it| !it.is_control());
    shown.take(VERSION_CHARACTERS_MAX).collect()
}
