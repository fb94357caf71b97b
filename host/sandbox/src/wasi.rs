//! The part of WASI that every plugin may have: clocks and random numbers as far
//! as they are granted, the granted environment, no arguments, no input, output
//! that goes nowhere.
//!
//! Deliberately does not know: which interfaces are linked.
//!
//! # Invariants
//! - Without the grant `clock`, no time that a guest reads has more than
//!   millisecond steps.
//! - Without the grant `random`, all numbers that a guest draws in a call follow
//!   from the message's id and the step: the same message run again draws the
//!   same.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng, TryRng};
use sha2::{Digest, Sha256};
use tureen_template::SettingId;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};

use crate::exchange::CallFacts;
use crate::grants::{ClockPrecision, Grants, RandomSource};

/// The steps of a clock that is not granted exactly.
pub(crate) const COARSE: Duration = Duration::from_millis(1);

/// Bytes of random numbers that a guest may ask for at once.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// What a guest has of WASI besides directories.
pub(crate) fn context(grants: &Grants, randomness: &Randomness) -> WasiCtx {
    let mut builder = WasiCtx::builder();
    builder.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    builder.max_random_size(RANDOM_BYTES_MAX);
    builder.envs(&grants.environment);
    if grants.clock == ClockPrecision::Coarse {
        builder.wall_clock(CoarseWallClock);
        builder.monotonic_clock(CoarseMonotonicClock { start: Instant::now() });
    }
    if grants.random == RandomSource::PerMessage {
        builder.secure_random(randomness.stream("secure"));
        builder.insecure_random(randomness.stream("insecure"));
        let mut seed = randomness.stream("seed");
        builder
            .insecure_random_seed(u128::from(seed.next_u64()) << 64 | u128::from(seed.next_u64()));
    }
    builder.build()
}

struct CoarseWallClock;

impl HostWallClock for CoarseWallClock {
    fn resolution(&self) -> Duration {
        COARSE
    }

    fn now(&self) -> Duration {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        whole_milliseconds(since.unwrap_or_default())
    }
}

struct CoarseMonotonicClock {
    start: Instant,
}

impl HostMonotonicClock for CoarseMonotonicClock {
    fn resolution(&self) -> u64 {
        nanoseconds(COARSE)
    }

    fn now(&self) -> u64 {
        nanoseconds(whole_milliseconds(self.start.elapsed()))
    }
}

fn whole_milliseconds(time: Duration) -> Duration {
    Duration::new(time.as_secs(), time.subsec_millis() * 1_000_000)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What the random numbers of an instance follow from at the moment. Cheap to
/// clone; clones stay the same one.
#[derive(Clone)]
pub(crate) struct Randomness {
    origin: Arc<Mutex<Origin>>,
}

struct Origin {
    plugin: Arc<str>,
    role: &'static str,
    /// `None` before the first call: while the plugin reads its settings.
    call: Option<(Arc<CallFacts>, SettingId)>,
    /// Counts the calls, so that streams see that a new one began.
    number: u64,
}

impl Randomness {
    pub(crate) fn new(plugin: Arc<str>, role: &'static str) -> Self {
        let origin = Origin { plugin, role, call: None, number: 0 };
        Self { origin: Arc::new(Mutex::new(origin)) }
    }

    /// A call begins: from now on the numbers follow from its message.
    pub(crate) fn begin(&self, facts: &Arc<CallFacts>, setting: SettingId) {
        let mut origin = self.origin.lock().unwrap_or_else(PoisonError::into_inner);
        origin.call = Some((Arc::clone(facts), setting));
        origin.number += 1;
    }

    fn stream(&self, name: &'static str) -> Stream {
        Stream { randomness: self.clone(), name, made: None }
    }

    /// The number of the call, and its generator when it is not `known` yet.
    fn generator(&self, name: &str, known: Option<u64>) -> (u64, Option<StdRng>) {
        let origin = self.origin.lock().unwrap_or_else(PoisonError::into_inner);
        if known == Some(origin.number) {
            return (origin.number, None);
        }
        let mut hash = Sha256::new();
        let (message, setting) = match &origin.call {
            Some((facts, setting)) => (facts.message_id.as_str(), setting.to_string()),
            None => ("", String::new()),
        };
        for part in ["tureen random 1", name, &origin.plugin, origin.role, message, &setting] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        (origin.number, Some(StdRng::from_seed(hash.finalize().into())))
    }
}

/// Numbers that start anew with every call.
struct Stream {
    randomness: Randomness,
    name: &'static str,
    made: Option<(u64, StdRng)>,
}

impl Stream {
    fn numbers(&mut self) -> &mut StdRng {
        let known = self.made.as_ref().map(|(number, _)| *number);
        let (number, new) = self.randomness.generator(self.name, known);
        let kept = self.made.take().map(|(_, kept)| kept);
        let numbers = new.or(kept).unwrap_or_else(|| StdRng::from_seed([0; 32]));
        &mut self.made.insert((number, numbers)).1
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.numbers().try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.numbers().try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.numbers().try_fill_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(id: &str) -> Arc<CallFacts> {
        Arc::new(CallFacts { workflow: "W".to_owned(), message_id: id.to_owned(), attempt: 1 })
    }

    #[test]
    fn a_message_that_is_run_again_draws_the_same_numbers_and_another_one_others() {
        let draw = |role: &'static str, ids: &[&str]| {
            let randomness = Randomness::new("p".into(), role);
            let mut stream = randomness.stream("secure");
            let mut drawn = vec![stream.next_u64()];
            for id in ids {
                randomness.begin(&facts(id), SettingId::NONE);
                drawn.push(stream.next_u64());
                drawn.push(stream.next_u64());
            }
            drawn
        };
        let drawn = draw("activity", &["m1", "m2", "m1"]);
        assert_eq!(drawn[1..3], drawn[5..7]);
        assert_ne!(drawn[1], drawn[3]);
        assert_ne!(drawn[1], drawn[2]);
        assert_ne!(drawn[0], drawn[1]);
        assert_eq!(drawn, draw("activity", &["m1", "m2", "m1"]));
        assert_ne!(drawn[1], draw("filter", &["m1"])[1]);
    }

    #[test]
    fn coarse_clocks_move_in_milliseconds() {
        let clock = CoarseMonotonicClock { start: Instant::now() };
        let mut seen = vec![clock.now()];
        while seen.len() < 4 {
            let now = clock.now();
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
        assert!(seen.iter().all(|time| time % 1_000_000 == 0), "{seen:?}");
        assert_eq!(CoarseWallClock.now().subsec_nanos() % 1_000_000, 0);
    }
}
