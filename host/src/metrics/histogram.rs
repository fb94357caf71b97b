//! How long things took: counts by upper bounds, and the sum.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The number of upper bounds, without "everything".
const BOUNDS: usize = 15;

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;

/// Upper bounds in nanoseconds, ascending.
pub(super) type Bounds = [u64; BOUNDS];

/// For calls of plugins: from a reused step to an activity that waits for its peer.
pub(super) const CALL: Bounds = [
    2 * MICROSECOND,
    5 * MICROSECOND,
    10 * MICROSECOND,
    25 * MICROSECOND,
    50 * MICROSECOND,
    100 * MICROSECOND,
    500 * MICROSECOND,
    MILLISECOND,
    5 * MILLISECOND,
    10 * MILLISECOND,
    50 * MILLISECOND,
    100 * MILLISECOND,
    500 * MILLISECOND,
    2 * SECOND,
    30 * SECOND,
];

/// For requests: from a small message to one that waits for all of its activities.
pub(super) const REQUEST: Bounds = [
    500 * MICROSECOND,
    MILLISECOND,
    2_500 * MICROSECOND,
    5 * MILLISECOND,
    10 * MILLISECOND,
    25 * MILLISECOND,
    50 * MILLISECOND,
    100 * MILLISECOND,
    250 * MILLISECOND,
    500 * MILLISECOND,
    SECOND,
    2_500 * MILLISECOND,
    5 * SECOND,
    10 * SECOND,
    60 * SECOND,
];

/// Counts of one histogram, in one shard.
#[derive(Default)]
pub(super) struct Histogram {
    counts: [AtomicU64; BOUNDS],
    beyond: AtomicU64,
    nanoseconds: AtomicU64,
}

/// Histograms of all shards, added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Distribution {
    counts: [u64; BOUNDS],
    beyond: u64,
    nanoseconds: u64,
}

impl Histogram {
    pub(super) fn count(&self, bounds: &Bounds, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let place = bounds.iter().position(|bound| took <= *bound);
        let count = place.and_then(|place| self.counts.get(place)).unwrap_or(&self.beyond);
        count.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(took, Ordering::Relaxed);
    }
}

impl Distribution {
    pub(super) fn of<'a>(shards: impl Iterator<Item = &'a Histogram>) -> Self {
        let mut sum = Self::default();
        for shard in shards {
            for (total, count) in sum.counts.iter_mut().zip(&shard.counts) {
                *total += count.load(Ordering::Relaxed);
            }
            sum.beyond += shard.beyond.load(Ordering::Relaxed);
            sum.nanoseconds += shard.nanoseconds.load(Ordering::Relaxed);
        }
        sum
    }

    pub(super) fn seconds(&self) -> f64 {
        seconds(self.nanoseconds)
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.beyond
    }

    /// Upper bound in seconds and count of each bucket by itself.
    pub(super) fn buckets(&self, bounds: &Bounds) -> Vec<(f64, u64)> {
        let known = bounds.iter().map(|bound| seconds(*bound)).zip(self.counts);
        known.chain([(f64::INFINITY, self.beyond)]).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sum of times needs no more than 53 bits")]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_at_the_first_bound_that_it_does_not_exceed() {
        for bounds in [CALL, REQUEST] {
            assert!(bounds.is_sorted());
            let histogram = Histogram::default();
            for bound in bounds {
                histogram.count(&bounds, Duration::from_nanos(bound));
            }
            histogram.count(&bounds, Duration::from_nanos(bounds[BOUNDS - 1] + 1));
            let sum = Distribution::of([&histogram, &Histogram::default()].into_iter());
            assert_eq!((sum.counts, sum.beyond, sum.total()), ([1; BOUNDS], 1, 16));
        }
    }
}
