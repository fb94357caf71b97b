//! What is counted of one workflow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::histogram::{Distribution, Histogram, REQUEST};
use super::shards::Shards;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageOutcome {
    Accepted,
    Filtered,
    Rejected,
    Failed,
}

impl MessageOutcome {
    /// All of them; the place of each is its number.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Filtered, Self::Rejected, Self::Failed];

    /// A stable name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Filtered => "filtered",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }
}

/// The counters of one workflow.
#[derive(Default)]
pub struct WorkflowSeries {
    shards: Shards<Shard>,
}

#[derive(Default)]
struct Shard {
    outcomes: [AtomicU64; MessageOutcome::ALL.len()],
    answers: Histogram,
}

/// A workflow's counters, added up.
#[derive(Debug)]
pub(super) struct WorkflowFigures {
    pub(super) outcomes: [(MessageOutcome, u64); MessageOutcome::ALL.len()],
    pub(super) answers: Distribution,
}

impl WorkflowSeries {
    /// The run of a message ended.
    pub fn ended(&self, outcome: MessageOutcome) {
        if let Some(count) = self.shards.mine().outcomes.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A body was answered, so long after it was complete.
    pub fn answered(&self, after: Duration) {
        self.shards.mine().answers.count(&REQUEST, after);
    }

    pub(super) fn figures(&self) -> WorkflowFigures {
        let outcomes = MessageOutcome::ALL.map(|outcome| {
            let counts = self.shards.all().filter_map(|it| it.outcomes.get(outcome as usize));
            (outcome, counts.map(|count| count.load(Ordering::Relaxed)).sum())
        });
        let answers = Distribution::of(self.shards.all().map(|shard| &shard.answers));
        WorkflowFigures { outcomes, answers }
    }
}
