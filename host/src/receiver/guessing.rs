//! How often credentials may be wrong: for each client address, and for each user name.
//!
//! Knows addresses, user names and time. Deliberately does not know passwords; time is an argument.
//!
//! # Invariants
//! - Only wrong credentials count. An address over its limit is refused whatever it sends then.
//! - Nobody can lock out somebody else by guessing at a user name: while too many guesses are made
//!   at one, an address that had the right credentials for it lately goes on, and one that has had
//!   no wrong ones for a minute has one try. All others have to wait.
//! - Memory is bounded by [`REMEMBERED_MAX`] entries of each kind, the oldest forgotten first. User
//!   names are kept as hashes only.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::listener::client_network;

/// Addresses, user names, and pairs of them with success, that are remembered.
const REMEMBERED_MAX: usize = 10_000;
/// The time in which an address may have as many wrong credentials as its limit says.
const WINDOW: Duration = Duration::from_secs(60);
/// How long an address counts as one that knows the credentials of a user: senders that come every
/// night do.
const SUCCESS_KEPT: Duration = Duration::from_secs(36 * 60 * 60);

/// All attempts of all clients.
#[derive(Debug)]
pub(super) struct Guessing {
    /// What one wrong attempt costs of the window.
    cost: Duration,
    user_names: RandomState,
    remembered: Mutex<Remembered>,
}

#[derive(Debug)]
struct Remembered {
    addresses: Recent<IpAddr, Bucket>,
    user_names: Recent<u64, Bucket>,
    successes: Recent<(IpAddr, u64), Instant>,
}

impl Guessing {
    /// A limit of zero counts as one.
    pub(super) fn new(failed_per_minute: u32) -> Self {
        let remembered = Remembered {
            addresses: Recent::default(),
            user_names: Recent::default(),
            successes: Recent::default(),
        };
        Self {
            cost: WINDOW / failed_per_minute.max(1),
            user_names: RandomState::new(),
            remembered: Mutex::new(remembered),
        }
    }

    /// Judges one attempt; `are_right` is asked only when the attempt is allowed. An IPv6 network
    /// of 64 bits is one address.
    ///
    /// # Errors
    /// Too many were wrong; how long it takes until one is allowed.
    pub(super) fn attempt(
        &self,
        address: IpAddr,
        user_name: &[u8],
        now: Instant,
        are_right: impl FnOnce() -> bool,
    ) -> Result<bool, Duration> {
        let address = client_network(address);
        let user_name = self.user_names.hash_one(user_name);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.allow(address, user_name, now, self.cost)?;
        let right = are_right();
        if right {
            *remembered.successes.entry((address, user_name), now) = now;
        } else {
            remembered.addresses.entry(address, Bucket::new(now)).take(now, self.cost);
            remembered.user_names.entry(user_name, Bucket::new(now)).take(now, self.cost);
        }
        Ok(right)
    }
}

impl Remembered {
    fn allow(
        &mut self,
        address: IpAddr,
        user_name: u64,
        now: Instant,
        cost: Duration,
    ) -> Result<(), Duration> {
        let of_address = self.addresses.get(&address).copied();
        if let Some(bucket) = of_address {
            bucket.allow(now, cost)?;
        }
        let Some(of_user_name) = self.user_names.get(&user_name).copied() else { return Ok(()) };
        let blameless = of_address.is_none_or(|bucket| bucket.is_unused_since_long(now));
        if blameless || self.had_success(address, user_name, now) {
            return Ok(());
        }
        of_user_name.allow(now, cost)
    }

    fn had_success(&mut self, address: IpAddr, user_name: u64, now: Instant) -> bool {
        let last = self.successes.get(&(address, user_name));
        last.is_some_and(|last| now.saturating_duration_since(*last) < SUCCESS_KEPT)
    }
}

/// What is left of the window, kept as the time at which nothing of it is used.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full_at: Instant,
    last: Option<Instant>,
}

impl Bucket {
    fn new(now: Instant) -> Self {
        Self { full_at: now, last: None }
    }

    fn is_unused_since_long(self, now: Instant) -> bool {
        self.last.is_none_or(|last| now.saturating_duration_since(last) >= WINDOW)
    }

    /// # Errors
    /// How long it takes until one more fits into the window.
    fn allow(self, now: Instant, cost: Duration) -> Result<(), Duration> {
        let used = self.full_at.saturating_duration_since(now) + cost;
        match used.checked_sub(WINDOW) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(()),
        }
    }

    /// At most the whole window: who has stopped guessing is done waiting after a minute.
    fn take(&mut self, now: Instant, cost: Duration) {
        self.full_at = (self.full_at.max(now) + cost).min(now + WINDOW);
        self.last = Some(now);
    }
}

/// A map that forgets what was not used for long: two halves, of which the older is thrown away
/// when the younger is full.
#[derive(Debug)]
struct Recent<K, V> {
    younger: HashMap<K, V>,
    older: HashMap<K, V>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { younger: HashMap::new(), older: HashMap::new() }
    }
}

impl<K: Eq + Hash + Copy, V> Recent<K, V> {
    fn get(&mut self, key: &K) -> Option<&V> {
        if !self.younger.contains_key(key) {
            let value = self.older.remove(key)?;
            self.insert(*key, value);
        }
        self.younger.get(key)
    }

    fn entry(&mut self, key: K, otherwise: V) -> &mut V {
        if !self.younger.contains_key(&key) {
            let value = self.older.remove(&key).unwrap_or(otherwise);
            return self.insert(key, value);
        }
        self.younger.entry(key).or_insert(otherwise)
    }

    fn insert(&mut self, key: K, value: V) -> &mut V {
        if self.younger.len() >= REMEMBERED_MAX / 2 {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.entry(key).or_insert(value)
    }
}

#[cfg(test)]
mod tests;
