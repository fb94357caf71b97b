//! Tells what steps want a person to look at: once for each key, and without a
//! word of it at the log's default level.
//!
//! Deliberately does not know: what a notification is about, and who reads it.
//!
//! # Invariants
//! - Text and key may hold message content: neither is kept here, and the log
//!   has them at level debug only.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tureen_sandbox::Notification;

use crate::workflow::running::StepName;

/// How long a key keeps another notification of its workflow back.
const QUIET: Duration = Duration::from_secs(60 * 60);

/// Keys that are remembered, of all workflows together. Over it the oldest is
/// forgotten: telling something twice is better than growing.
const KEYS_MAX: usize = 10_000;

/// The log target of notifications.
const NOTIFICATIONS: &str = "tureen::notification";

/// The keys of the last hour. Outlives versions of workflows, so that a reload
/// repeats nothing.
#[derive(Default)]
pub(super) struct ToldKeys {
    digests: RandomState,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    known: HashMap<u64, Instant>,
    /// Oldest first.
    order: VecDeque<u64>,
}

impl ToldKeys {
    /// Whether the notification is to be told: it has no key, or one that its
    /// workflow did not tell in the last hour.
    pub(super) fn admits(&self, workflow: &str, key: Option<&str>, now: Instant) -> bool {
        let Some(key) = key else { return true };
        let digest = self.digests.hash_one((workflow, key));
        // A panic elsewhere leaves no half-made state that matters here.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.forget(now);
        told.add(digest, now)
    }
}

impl Told {
    fn forget(&mut self, now: Instant) {
        let is_old = |at: &Instant| now.saturating_duration_since(*at) >= QUIET;
        while let Some(oldest) = self.order.front().copied()
            && self.known.get(&oldest).is_none_or(is_old)
        {
            self.order.pop_front();
            self.known.remove(&oldest);
        }
    }

    fn add(&mut self, digest: u64, now: Instant) -> bool {
        if self.known.contains_key(&digest) {
            return false;
        }
        if self.order.len() == KEYS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.known.insert(digest, now);
        self.order.push_back(digest);
        true
    }
}

/// One line for the operator. The standard plugins write one by themselves, with
/// the text as its author wrote it; of others the log says that there was one.
pub(super) fn log(step: &StepName, id: &str, notification: &Notification) {
    let Notification { plugin, text, critical, .. } = notification;
    let name = step.name.as_str();
    if !step.speaks(plugin) {
        let words = "a notification; its text may hold message content and is in the debug log";
        if *critical {
            tracing::error!(target: NOTIFICATIONS, plugin, step = name, id, critical, "{words}");
        } else {
            tracing::warn!(target: NOTIFICATIONS, plugin, step = name, id, critical, "{words}");
        }
    }
    tracing::debug!(target: NOTIFICATIONS, plugin, step = name, id, critical, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_once_an_hour_for_each_workflow() {
        let keys = ToldKeys::default();
        let start = Instant::now();
        let after = |minutes: u64| start + Duration::from_secs(minutes * 60);
        for (workflow, key, minutes, expected) in [
            ("Lab", Some("ward-7"), 0, true),
            ("Lab", Some("ward-7"), 1, false),
            ("Lab", Some("ward-8"), 1, true),
            ("Ward", Some("ward-7"), 1, true),
            ("Lab", None, 1, true),
            ("Lab", None, 1, true),
            ("Lab", Some(""), 1, true),
            ("Lab", Some(""), 1, false),
            ("Lab", Some("ward-7"), 59, false),
            ("Lab", Some("ward-7"), 60, true),
            ("Lab", Some("ward-8"), 60, false),
            ("Lab", Some("ward-7"), 119, false),
        ] {
            let told = keys.admits(workflow, key, after(minutes));
            assert_eq!(told, expected, "{workflow} {key:?} after {minutes} minutes");
        }
    }

    #[test]
    fn over_the_limit_the_oldest_key_is_forgotten() {
        let keys = ToldKeys::default();
        let now = Instant::now();
        for number in 0..KEYS_MAX {
            assert!(keys.admits("Lab", Some(&number.to_string()), now));
        }
        assert!(!keys.admits("Lab", Some("0"), now));
        assert!(keys.admits("Lab", Some("one more"), now));
        assert!(keys.admits("Lab", Some("0"), now), "the oldest made place");
        assert!(!keys.admits("Lab", Some("9999"), now));
        let told = keys.told.lock().unwrap();
        assert_eq!((told.known.len(), told.order.len()), (KEYS_MAX, KEYS_MAX));
    }
}
