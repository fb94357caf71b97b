//! What the server counts about itself, for `GET /metrics` of the admin address.
//!
//! Stage: runs, calls of plugins, reloads → **metrics** → admin. Knows: series, their labels, and
//! the text format. Deliberately does not know: pipelines, plugins, listeners; whoever has a number
//! counts it here, or hands in a [`Source`] that is asked when somebody looks.
//!
//! # Invariants
//! - Labels are names of workflows, steps and plugins, and words of our own; never anything of a
//!   message. Their values are cut at [`LABEL_CHARACTERS_MAX`].
//! - There are at most `metrics.steps` steps and as many workflows with series of their own; what
//!   is beyond shares one that is named [`OTHER`].
//! - Series live as long as somebody counts in them: those of a workflow that is gone go with it,
//!   and a new version of a workflow goes on with those of the one before.

mod exposition;
mod histogram;
mod outbound;
mod shards;
mod source;
mod step;
mod workflow;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

pub use exposition::CONTENT_TYPE;
pub use outbound::{ExchangeKind, ExchangeOutcome, OutboundTraffic, PluginTraffic};
pub use source::{Source, SourceKind};
pub use step::{StepLabels, StepSeries};
pub use workflow::{MessageOutcome, WorkflowSeries};

/// The name that everything beyond the limit on series shares.
pub const OTHER: &str = "(other)";

/// The most characters of a label's value.
pub const LABEL_CHARACTERS_MAX: usize = 128;

/// Everything that is counted.
pub struct Metrics {
    /// Steps, and workflows, with series of their own.
    series_max: usize,
    steps: Mutex<BTreeMap<StepLabels, Weak<StepSeries>>>,
    workflows: Mutex<BTreeMap<String, Weak<WorkflowSeries>>>,
    other_step: Arc<StepSeries>,
    other_workflow: Arc<WorkflowSeries>,
    /// How often something got no series of its own.
    over_limit: AtomicU64,
    reloads: Reloads,
    sources: Mutex<Vec<Source>>,
    outbound: OnceLock<Arc<OutboundTraffic>>,
}

/// How often files were taken over, and how often not.
#[derive(Debug, Default)]
pub struct Reloads {
    workflows_taken: AtomicU64,
    workflows_refused: AtomicU64,
    configuration_taken: AtomicU64,
    configuration_refused: AtomicU64,
    plugins_taken: AtomicU64,
    plugins_refused: AtomicU64,
}

impl Reloads {
    pub fn workflows(&self, taken: usize, refused: usize) {
        add(&self.workflows_taken, taken);
        add(&self.workflows_refused, refused);
    }

    pub fn configuration(&self, is_taken: bool) {
        let count = if is_taken { &self.configuration_taken } else { &self.configuration_refused };
        add(count, 1);
    }

    /// One look at the plugins. It is taken when it refused nothing that was not refused
    /// before.
    pub fn plugins(&self, is_taken: bool) {
        add(if is_taken { &self.plugins_taken } else { &self.plugins_refused }, 1);
    }

    /// What, result, count.
    fn snapshot(&self) -> [(&'static str, &'static str, u64); 6] {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("configuration", "refused", read(&self.configuration_refused)),
            ("configuration", "taken", read(&self.configuration_taken)),
            ("plugins", "refused", read(&self.plugins_refused)),
            ("plugins", "taken", read(&self.plugins_taken)),
            ("workflow", "refused", read(&self.workflows_refused)),
            ("workflow", "taken", read(&self.workflows_taken)),
        ]
    }
}

fn add(count: &AtomicU64, more: usize) {
    count.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
}

impl Metrics {
    /// At most `series_max` steps, and as many workflows, have series of their own.
    pub fn new(series_max: usize) -> Self {
        Self {
            series_max,
            steps: Mutex::default(),
            workflows: Mutex::default(),
            other_step: Arc::default(),
            other_workflow: Arc::default(),
            over_limit: AtomicU64::new(0),
            reloads: Reloads::default(),
            sources: Mutex::default(),
            outbound: OnceLock::new(),
        }
    }

    /// The series of a step; it stays while what is given back does.
    pub fn step(&self, labels: StepLabels) -> Arc<StepSeries> {
        self.series(&self.steps, labels.cut(), &self.other_step)
    }

    /// The series of a workflow; it stays while what is given back does.
    pub fn workflow(&self, name: &str) -> Arc<WorkflowSeries> {
        self.series(&self.workflows, cut(name), &self.other_workflow)
    }

    pub fn reloads(&self) -> &Reloads {
        &self.reloads
    }

    /// Something that others count: it is asked when somebody looks.
    pub fn ask(&self, source: Source) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).push(source);
    }

    /// What plugins' traffic is counted in; once.
    pub fn show_outbound(&self, traffic: Arc<OutboundTraffic>) {
        let _ = self.outbound.set(traffic);
    }

    fn series<K: Ord, S: Default>(
        &self,
        known: &Mutex<BTreeMap<K, Weak<S>>>,
        key: K,
        other: &Arc<S>,
    ) -> Arc<S> {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(&key).and_then(Weak::upgrade) {
            return series;
        }
        if known.len() >= self.series_max {
            known.retain(|_, series| series.strong_count() > 0);
        }
        if known.len() >= self.series_max {
            add(&self.over_limit, 1);
            return Arc::clone(other);
        }
        let series = Arc::new(S::default());
        known.insert(key, Arc::downgrade(&series));
        series
    }
}

/// What is still counted in, in the order of the keys; what is gone is forgotten.
fn living<K: Ord + Clone, S>(known: &Mutex<BTreeMap<K, Weak<S>>>) -> Vec<(K, Arc<S>)> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|_, series| series.strong_count() > 0);
    known.iter().filter_map(|(key, series)| Some((key.clone(), series.upgrade()?))).collect()
}

/// As much of a name as a label holds.
fn cut(name: &str) -> String {
    name.chars().take(LABEL_CHARACTERS_MAX).collect()
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Metrics").field("series_max", &self.series_max).finish()
    }
}

#[cfg(test)]
mod tests;
