//! How often something may happen: a burst, then so many a second (a token bucket, kept as the
//! time at which it is full again).
//!
//! Knows addresses and time. Deliberately does not know HTTP; time is an argument.
//!
//! # Invariants
//! - Memory is bounded: at most [`CLIENTS_MAX`] clients are remembered. When there are more within
//!   the time that a bucket takes to fill, all are forgotten and start with a full one: a limit that
//!   is too mild for a moment is better than one that shuts out who has done nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::listener::client_network;

/// Clients whose rate is remembered; some 4 MiB.
const CLIENTS_MAX: usize = 65_536;

/// A burst, then so many a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Time that one takes.
    interval: Duration,
    /// Time that an empty bucket takes to fill.
    fill: Duration,
}

/// One bucket: when it is full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    full_at: Instant,
}

impl Rate {
    /// `per_second` and `burst` of zero count as one.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, fill: interval * burst.max(1) }
    }

    /// Takes one.
    ///
    /// # Errors
    /// Nothing is left; how long it takes until one is.
    pub(super) fn take(self, bucket: &mut Bucket, now: Instant) -> Result<(), Duration> {
        let full_at = bucket.full_at.max(now) + self.interval;
        let missing = full_at.saturating_duration_since(now);
        if missing > self.fill {
            return Err(missing.saturating_sub(self.fill));
        }
        bucket.full_at = full_at;
        Ok(())
    }
}

impl Bucket {
    pub(super) fn full(now: Instant) -> Self {
        Self { full_at: now }
    }
}

/// The requests of each client. An IPv6 network of 64 bits is one client.
#[derive(Debug)]
pub(super) struct ClientRates {
    rate: Rate,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl ClientRates {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// The client has to wait this long.
    pub(super) fn take(&self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let client = client_network(client);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CLIENTS_MAX && !buckets.contains_key(&client) {
            forget(&mut buckets, now);
        }
        let bucket = buckets.entry(client).or_insert_with(|| Bucket::full(now));
        self.rate.take(bucket, now)
    }
}

/// Full buckets need no memory. Unless that makes much room, none is kept, so that this is seldom.
fn forget(buckets: &mut HashMap<IpAddr, Bucket>, now: Instant) {
    buckets.retain(|_, bucket| bucket.full_at > now);
    if buckets.len() > CLIENTS_MAX / 2 {
        tracing::debug!("more clients than can be remembered: all rates start again");
        buckets.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn client(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn after_the_burst_the_rate_counts() {
        let rate = Rate::new(4, 3);
        let start = Instant::now();
        let mut bucket = Bucket::full(start);
        let milliseconds = Duration::from_millis;
        // When, and how long to wait.
        let cases = [
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 250),
            (100, 150),
            (250, 0),
            (250, 250),
            (750, 0),
            (750, 0),
            (750, 250),
            (60_000, 0),
            (60_000, 0),
            (60_000, 0),
            (60_000, 250),
        ];
        for (now, wait) in cases {
            let found = rate.take(&mut bucket, start + milliseconds(now));
            let expected = if wait == 0 { Ok(()) } else { Err(milliseconds(wait)) };
            assert_eq!(found, expected, "at {now} ms");
        }
    }

    #[test]
    fn clients_do_not_share_and_addresses_of_one_network_do() {
        let rates = ClientRates::new(Rate::new(1, 1));
        let now = Instant::now();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(rates.take(address("10.0.0.1"), now), Ok(()));
        assert!(rates.take(address("::ffff:10.0.0.1"), now).is_err());
        assert_eq!(rates.take(address("10.0.0.2"), now), Ok(()));
        assert_eq!(rates.take(address("2001:db8::1"), now), Ok(()));
        assert!(rates.take(address("2001:db8::ffff:2"), now).is_err());
        assert_eq!(rates.take(address("2001:db8:0:1::1"), now), Ok(()));
    }

    #[test]
    fn memory_is_bounded_whoever_comes() {
        let rates = ClientRates::new(Rate::new(1, 2));
        let now = Instant::now();
        for number in 0..2 * CLIENTS_MAX as u32 + 10 {
            assert_eq!(rates.take(client(number), now), Ok(()));
            assert!(rates.buckets.lock().unwrap().len() <= CLIENTS_MAX);
        }
        let networks = (0..100_000u128).map(|network| Ipv6Addr::from_bits(network << 64));
        for network in networks {
            assert_eq!(rates.take(network.into(), now), Ok(()));
            assert!(rates.buckets.lock().unwrap().len() <= CLIENTS_MAX);
        }
    }

    #[test]
    fn a_client_that_is_at_its_limit_is_remembered_while_others_come_and_go() {
        let rates = ClientRates::new(Rate::new(1, 100));
        let start = Instant::now();
        let busy = client(u32::MAX);
        while rates.take(busy, start).is_ok() {}
        for number in 0..CLIENTS_MAX as u32 {
            let later = start + Duration::from_micros(u64::from(number) * 500);
            assert_eq!(rates.take(client(number), later), Ok(()));
        }
        let after = start + Duration::from_millis(32_800);
        assert_eq!(rates.take(client(7_000_000), after), Ok(()), "the table was full");
        assert!(rates.buckets.lock().unwrap().contains_key(&busy));
    }
}
