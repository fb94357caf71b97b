//! Watches one step of one version of a workflow: counts, reports, sets it aside.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tureen_sandbox::{self as sandbox, Admission, CallOutcome, EndedCall, Overseer};
use tureen_template::SettingId;

use super::breaker::{Asked, Breaker, Change};
use super::report::{Report, set_aside};
use crate::diagnostics::{Diagnostic, Position};
use crate::metrics::{StepLabels, StepSeries};

/// The log target of reports.
const FAULTS: &str = "tureen::faults";

/// Which step of which workflow, run by which plugin.
#[derive(Clone, Debug)]
pub struct StepPlace {
    pub workflow: String,
    /// As the log names the step.
    pub step: String,
    /// The receiver or activity that the step belongs to.
    pub setting: SettingId,
    pub plugin: String,
    pub version: String,
    /// SHA-256 of the plugin's file, in hexadecimal digits.
    pub digest: String,
    /// Where the workflow's file says so.
    pub file: PathBuf,
    pub position: Option<Position>,
}

impl StepPlace {
    /// `trap 1.0.0 (sha256 1a2b3c4d5e6f)`: enough of the digest to know it by.
    pub(super) fn plugin_text(&self) -> String {
        let (name, version, digest) = (&self.plugin, &self.version, self.short_digest());
        format!("{name} {version} (sha256 {digest})")
    }

    pub(super) fn short_digest(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }

    /// The same diagnostic, with the place in the file.
    pub(super) fn diagnostic(&self, diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.in_file(&self.file).at(self.position)
    }

    pub(super) fn labels(&self) -> StepLabels {
        StepLabels {
            workflow: self.workflow.clone(),
            step: self.step.clone(),
            plugin: self.plugin.clone(),
        }
    }
}

pub(super) struct Oversight {
    pub(super) place: StepPlace,
    breaker: Breaker,
    series: Arc<StepSeries>,
}

impl Oversight {
    pub(super) fn new(place: StepPlace, breaker: Breaker, series: Arc<StepSeries>) -> Self {
        Self { place, breaker, series }
    }

    /// How long until the next trial, while the step is set aside.
    pub(super) fn aside_for(&self) -> Option<Duration> {
        self.breaker.aside_for()
    }

    fn tell(&self, report: &Report<'_>) {
        let StepPlace { workflow, step, setting, plugin, version, .. } = &self.place;
        let EndedCall { usage, facts, .. } = report.call;
        tracing::error!(
            target: FAULTS,
            workflow,
            step,
            step_id = %setting,
            plugin,
            version,
            sha256 = self.place.short_digest(),
            id = facts.message_id,
            attempt = facts.attempt,
            code = report.code(),
            outcome = usage.outcome.name(),
            trap = report.trap(),
            "{report}"
        );
    }

    fn changed(&self, change: Change, code: &str) {
        let StepPlace { workflow, step, plugin, .. } = &self.place;
        match change {
            Change::Nothing => {}
            Change::SetAside { why, retry_in } => {
                self.series.set_aside(true);
                let found = set_aside(&self.place, why, code, retry_in);
                tracing::error!(target: FAULTS, workflow, step, plugin, "{found}");
            }
            Change::StillAside { retry_in } => {
                let retry_ms = retry_in.as_millis();
                tracing::warn!(
                    target: FAULTS, workflow, step, plugin, code, retry_ms,
                    "the step stays set aside: the message that was tried failed, too"
                );
            }
            Change::Back => {
                self.series.set_aside(false);
                tracing::info!(
                    target: FAULTS, workflow, step, plugin,
                    "the step is no longer set aside: a message that was tried got an answer"
                );
            }
        }
    }
}

impl Overseer for Oversight {
    fn admit(&self) -> Admission {
        match self.breaker.ask() {
            Asked::Admitted => Admission::Admitted,
            Asked::Trial => Admission::Trial,
            Asked::Refused(left) => {
                self.series.refused();
                let text = match left.as_millis() {
                    0 => "a message that is tried is on its way".to_owned(),
                    left => format!("a message is tried again in {left} ms"),
                };
                Admission::Refused(format!(
                    "the step is set aside, because its plugin broke down again and again: {text}"
                ))
            }
        }
    }

    fn ended(&self, call: &EndedCall<'_>) {
        self.series.called(call.usage);
        let is_trial = call.asked == sandbox::Asked::Trial;
        let is_hook = call.asked == sandbox::Asked::Not;
        if call.usage.outcome == CallOutcome::HostLimit {
            // It says nothing about the step, neither well nor ill.
            return self.breaker.abandoned(is_trial);
        }
        if !call.usage.outcome.is_breakdown() {
            // An activity that opens well may break down at every message all the same.
            let change = if is_hook { Change::Nothing } else { self.breaker.answered(is_trial) };
            return self.changed(change, "");
        }
        let report = Report { place: &self.place, call: *call };
        self.tell(&report);
        let change = if is_hook { Change::Nothing } else { self.breaker.broke(is_trial) };
        self.changed(change, report.code());
    }

    fn abandoned(&self, is_trial: bool) {
        self.breaker.abandoned(is_trial);
    }

    fn instance(&self, is_made: bool) {
        self.series.instance(is_made);
    }
}

impl Drop for Oversight {
    fn drop(&mut self) {
        if self.aside_for().is_some() {
            self.series.set_aside(false);
        }
    }
}
