//! What is counted of one step: one plugin at one place of one workflow.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tureen_sandbox::{CallOutcome, Usage};

use super::histogram::{CALL, Distribution, Histogram};
use super::shards::Shards;

/// What tells a step's series from others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepLabels {
    /// The workflow's name.
    pub workflow: String,
    /// As the log names the step.
    pub step: String,
    /// The plugin's name.
    pub plugin: String,
}

impl StepLabels {
    pub(super) fn cut(&self) -> Self {
        Self {
            workflow: super::cut(&self.workflow),
            step: super::cut(&self.step),
            plugin: super::cut(&self.plugin),
        }
    }
}

/// The counters of one step.
#[derive(Default)]
pub struct StepSeries {
    shards: Shards<Shard>,
    memory_peak_bytes: AtomicUsize,
    refused: AtomicU64,
    /// Versions of the step that are set aside.
    set_aside: AtomicUsize,
}

#[derive(Default)]
struct Shard {
    outcomes: [AtomicU64; CallOutcome::ALL.len()],
    wall: Histogram,
    running: Histogram,
    host_calls: AtomicU64,
    log_lines: AtomicU64,
    log_lines_cut: AtomicU64,
    instances_made: AtomicU64,
    instances_gone: AtomicU64,
}

/// A step's counters, added up.
#[derive(Debug)]
pub(super) struct StepFigures {
    pub(super) outcomes: Vec<(CallOutcome, u64)>,
    pub(super) wall: Distribution,
    pub(super) running: Distribution,
    pub(super) host_calls: u64,
    pub(super) log_lines: u64,
    pub(super) log_lines_cut: u64,
    pub(super) instances: u64,
    pub(super) memory_peak_bytes: u64,
    pub(super) refused: u64,
    pub(super) is_set_aside: bool,
}

impl StepSeries {
    /// A call ended.
    pub fn called(&self, usage: &Usage) {
        let shard = self.shards.mine();
        if let Some(count) = shard.outcomes.get(usage.outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        shard.wall.count(&CALL, usage.wall);
        shard.running.count(&CALL, usage.running);
        // Most calls have none of one or the other: a look is cheaper than a write.
        for (count, more) in [
            (&shard.host_calls, usage.host_calls),
            (&shard.log_lines, usage.log_lines),
            (&shard.log_lines_cut, usage.log_lines_cut),
        ] {
            if more > 0 {
                count.fetch_add(u64::from(more), Ordering::Relaxed);
            }
        }
        if self.memory_peak_bytes.load(Ordering::Relaxed) < usage.memory_bytes {
            self.memory_peak_bytes.fetch_max(usage.memory_bytes, Ordering::Relaxed);
        }
    }

    /// A call was not made, because the step is set aside.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A version of the step was set aside, or is no longer.
    pub fn set_aside(&self, is_aside: bool) {
        if is_aside {
            self.set_aside.fetch_add(1, Ordering::Relaxed);
        } else {
            self.set_aside.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// An instance was made, or is gone.
    pub fn instance(&self, is_made: bool) {
        let shard = self.shards.mine();
        let count = if is_made { &shard.instances_made } else { &shard.instances_gone };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn figures(&self) -> StepFigures {
        let sum = |count: fn(&Shard) -> &AtomicU64| -> u64 {
            self.shards.all().map(|shard| count(shard).load(Ordering::Relaxed)).sum()
        };
        let outcomes = CallOutcome::ALL.map(|outcome| {
            let counts = self.shards.all().filter_map(|it| it.outcomes.get(outcome as usize));
            (outcome, counts.map(|count| count.load(Ordering::Relaxed)).sum())
        });
        // Gone first: one that is made meanwhile is counted in the next look.
        let gone = sum(|shard| &shard.instances_gone);
        StepFigures {
            outcomes: outcomes.into_iter().filter(|(_, count)| *count > 0).collect(),
            wall: Distribution::of(self.shards.all().map(|shard| &shard.wall)),
            running: Distribution::of(self.shards.all().map(|shard| &shard.running)),
            host_calls: sum(|shard| &shard.host_calls),
            log_lines: sum(|shard| &shard.log_lines),
            log_lines_cut: sum(|shard| &shard.log_lines_cut),
            instances: sum(|shard| &shard.instances_made).saturating_sub(gone),
            memory_peak_bytes: u64::try_from(self.memory_peak_bytes.load(Ordering::Relaxed))
                .unwrap_or(u64::MAX),
            refused: self.refused.load(Ordering::Relaxed),
            is_set_aside: self.set_aside.load(Ordering::Relaxed) > 0,
        }
    }
}
