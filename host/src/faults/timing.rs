//! Time and chance, as back-off needs them; tests move both by hand.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A clock and a source of chance; cheap to clone.
#[derive(Clone)]
pub struct Timing {
    now: Arc<dyn Fn() -> Instant + Send + Sync>,
    random: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Timing {
    /// The machine's own.
    pub fn of_the_machine() -> Self {
        // Each `RandomState` has other keys: enough to keep servers from trying in step.
        Self { now: Arc::new(Instant::now), random: Arc::new(|| RandomState::new().hash_one(0)) }
    }

    #[cfg(test)]
    pub(super) fn of(
        now: impl Fn() -> Instant + Send + Sync + 'static,
        random: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), random: Arc::new(random) }
    }

    pub(super) fn now(&self) -> Instant {
        (self.now)()
    }

    /// Between three quarters of a time and all of it.
    pub(super) fn jittered(&self, whole: Duration) -> Duration {
        let part = u32::try_from((self.random)() % 251).unwrap_or(0);
        whole / 1_000 * 750 + whole / 1_000 * part
    }
}
