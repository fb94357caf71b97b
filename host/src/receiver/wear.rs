//! When a connection has done enough: by its age, or by the requests it has carried.
//!
//! A client that stays for ever stays on an old certificate, an old address of a balanced name, and
//! whatever memory its connection has gathered. It is asked to leave where nothing can be lost: with
//! the answer to a request (HTTP/1), or with GOAWAY (HTTP/2). An idle HTTP/1 connection stays, since
//! its client may be sending the next request just now.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::HttpLimits;

/// Ages differ by up to a tenth either way, so that connections made together do not end together.
const SPREAD: u32 = 10;

/// How far one connection is from its end.
#[derive(Debug)]
pub(super) struct Wear {
    /// `None` for never.
    old_at: Option<Instant>,
    /// `None` for any number.
    requests_max: Option<u64>,
    requests: AtomicU64,
    last_request: Notify,
}

impl Wear {
    /// Of a connection that begins now.
    pub(super) fn new(limits: &HttpLimits) -> Self {
        let age = limits.connection_age;
        let random = RandomState::new().hash_one(());
        let old_at = (!age.is_zero()).then(|| Instant::now() + spread(age, random));
        let requests_max =
            (limits.requests_per_connection > 0).then_some(limits.requests_per_connection);
        let (requests, last_request) = (AtomicU64::new(0), Notify::new());
        Self { old_at, requests_max, requests, last_request }
    }

    /// Counts a request that has begun.
    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if self.has_carried_enough() {
            self.last_request.notify_one();
        }
    }

    /// Whether the connection should end with the answer that is given now.
    pub(super) fn is_worn_out(&self) -> bool {
        self.has_carried_enough() || self.old_at.is_some_and(|old_at| old_at <= Instant::now())
    }

    /// Returns when the connection should end.
    ///
    /// # Cancellation
    /// Harmless, unless this has returned.
    pub(super) async fn worn_out(&self) {
        match self.old_at {
            Some(old_at) => tokio::select! {
                () = tokio::time::sleep_until(old_at) => {}
                () = self.last_request.notified() => {}
            },
            None => self.last_request.notified().await,
        }
    }

    fn has_carried_enough(&self) -> bool {
        self.requests_max.is_some_and(|max| self.requests.load(Ordering::Relaxed) >= max)
    }
}

fn spread(age: Duration, random: u64) -> Duration {
    let widest = age / SPREAD;
    let steps = u32::try_from(random % 1_001).unwrap_or_default();
    age - widest + widest * 2 * steps / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_spread_by_a_tenth() {
        let age = Duration::from_secs(1_000);
        for (random, seconds) in [(0, 900), (500, 1_000), (1_000, 1_100), (1_001, 900)] {
            assert_eq!(spread(age, random).as_secs(), seconds, "{random}");
        }
        assert_eq!(spread(Duration::from_secs(604_800), 1_000).as_secs(), 665_280);
    }

    #[test]
    fn each_connection_has_an_age_of_its_own() {
        let mut limits = HttpLimits::from(&crate::config::Limits::default());
        limits.connection_age = Duration::from_secs(100_000);
        let start = Instant::now();
        let ages = (0..20).map(|_| (Wear::new(&limits).old_at.unwrap() - start).as_secs());
        let different: std::collections::HashSet<_> = ages.collect();
        assert!(different.len() > 1, "{different:?}");
    }
}
