//! Time and chance that are the same in every run: for tests of workflows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Zoned;

/// Stands in for the clock and the random numbers of a run.
#[derive(Clone, Debug)]
pub struct Repeatable {
    pub(super) now: Zoned,
    /// How many ids were given; copies of one run count together.
    pub(super) ids: Arc<AtomicU64>,
}

impl Repeatable {
    /// A clock that stands still, and ids that count from 1.
    pub fn at(now: Zoned) -> Self {
        Self { now, ids: Arc::default() }
    }

    /// The same, after so many ids were given.
    pub(super) fn resumed(now: Zoned, ids: u64) -> Self {
        Self { now, ids: Arc::new(AtomicU64::new(ids)) }
    }

    /// The next id: a valid GUID that nobody takes for a random one.
    pub(super) fn next_id(&self) -> String {
        let number = self.ids.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        // Version 8 (RFC 9562): the bits are the maker's own.
        let id = uuid::Uuid::from_u128(0x8000_8000_0000_0000_0000 | u128::from(number));
        id.hyphenated().to_string()
    }
}
