//! Counters that threads do not fight for: each thread counts in a part of its own, and whoever
//! reads adds the parts up.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most parts; more threads share them.
const SHARDS_MAX: usize = 8;

/// Far enough apart that two processors do not share a cache line (they fetch pairs of them).
#[repr(align(128))]
#[derive(Default)]
struct Apart<T>(T);

pub(super) struct Shards<T> {
    shards: Box<[Apart<T>]>,
    /// Only where there is no shard, which does not happen.
    spare: T,
}

impl<T: Default> Default for Shards<T> {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let count = processors.next_power_of_two().min(SHARDS_MAX);
        Self { shards: (0..count).map(|_| Apart::default()).collect(), spare: T::default() }
    }
}

impl<T> Shards<T> {
    /// The part of this thread.
    pub(super) fn mine(&self) -> &T {
        let mask = self.shards.len().saturating_sub(1);
        self.shards.get(number_of_this_thread() & mask).map_or(&self.spare, |apart| &apart.0)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.shards.iter().map(|apart| &apart.0).chain([&self.spare])
    }
}

fn number_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
    }
    NUMBER.with(|number| {
        number.get().unwrap_or_else(|| {
            let mine = NEXT.fetch_add(1, Ordering::Relaxed);
            number.set(Some(mine));
            mine
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn what_many_threads_count_adds_up() {
        let shards: Shards<AtomicU64> = Shards::default();
        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        shards.mine().fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let sum: u64 = shards.all().map(|it| it.load(Ordering::Relaxed)).sum();
        assert_eq!(sum, 10_000);
    }
}
