use std::net::Ipv4Addr;

use super::*;

const LIMIT: u32 = 10;

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(number).into()
}

/// Attempts with a clock that stands where the test puts it.
struct Clock {
    guessing: Guessing,
    start: Instant,
    now: Duration,
    /// Attempts whose credentials were looked at.
    evaluated: usize,
}

impl Clock {
    fn new() -> Self {
        let start = Instant::now();
        Self { guessing: Guessing::new(LIMIT), start, now: Duration::ZERO, evaluated: 0 }
    }

    fn attempt(&mut self, address: IpAddr, user: &str, right: bool) -> Result<bool, Duration> {
        let now = self.start + self.now;
        let evaluated = &mut self.evaluated;
        self.guessing.attempt(address, user.as_bytes(), now, || {
            *evaluated += 1;
            right
        })
    }

    fn exhaust(&mut self, address: IpAddr, user: &str) {
        for _ in 0..LIMIT {
            assert_eq!(self.attempt(address, user, false), Ok(false));
        }
    }
}

#[test]
fn a_hundred_thousand_guesses_of_one_address_are_not_evaluated() {
    let mut clock = Clock::new();
    for guess in 0..100_000 {
        // Ten minutes long, whatever user name is tried.
        clock.now = Duration::from_millis(guess * 6);
        let user = format!("user {}", guess % 50);
        let _ = clock.attempt(address(1), &user, false);
    }
    assert!(clock.evaluated <= 110, "{} of 100000", clock.evaluated);
}

#[test]
fn guesses_of_many_addresses_at_one_user_name_are_one_for_each() {
    let mut clock = Clock::new();
    for guess in 0..100_000_u32 {
        clock.now = Duration::from_micros(u64::from(guess) * 100);
        let _ = clock.attempt(address(guess % 100), "admin", false);
    }
    // Ten seconds: one for each address, and what flows back to the user name.
    assert!(clock.evaluated <= 105, "{} of 100000", clock.evaluated);
}

#[test]
fn over_the_limit_right_credentials_are_refused_too_until_time_has_passed() {
    let mut clock = Clock::new();
    clock.exhaust(address(1), "a");
    let wait = clock.attempt(address(1), "b", true).unwrap_err();
    assert_eq!(wait, Duration::from_secs(6), "one of ten a minute");
    clock.now = Duration::from_millis(5_999);
    assert!(clock.attempt(address(1), "a", true).is_err());
    clock.now = Duration::from_secs(6);
    assert_eq!(clock.attempt(address(1), "a", true), Ok(true));
    assert_eq!(clock.attempt(address(1), "a", false), Ok(false));
    assert!(clock.attempt(address(1), "a", true).is_err());
}

#[test]
fn right_credentials_are_never_counted() {
    let mut clock = Clock::new();
    for _ in 0..1_000 {
        assert_eq!(clock.attempt(address(1), "a", true), Ok(true));
    }
    clock.exhaust(address(1), "a");
}

#[test]
fn nobody_locks_out_somebody_else() {
    let mut clock = Clock::new();
    assert_eq!(clock.attempt(address(1), "a", true), Ok(true));
    assert_eq!(clock.attempt(address(1), "a", false), Ok(false));
    for guesser in 100..110 {
        let _ = clock.attempt(address(guesser), "a", false);
        let _ = clock.attempt(address(guesser), "a", false);
    }
    assert!(clock.attempt(address(100), "a", false).is_err(), "the user name is guessed at");
    assert_eq!(clock.attempt(address(1), "a", true), Ok(true), "knew them lately");
    assert_eq!(clock.attempt(address(2), "a", true), Ok(true), "has done nothing");
    assert_eq!(clock.attempt(address(3), "a", false), Ok(false), "has one try");
    assert!(clock.attempt(address(3), "a", true).is_err());
    assert_eq!(clock.attempt(address(3), "b", true), Ok(true), "another user name");
    // Guessed at without end, so that the user name stays at its limit.
    for second in 0..59 {
        clock.now = Duration::from_secs(second);
        for guesser in 0..5 {
            let new = 200 + u32::try_from(second).unwrap() * 5 + guesser;
            let _ = clock.attempt(address(new), "a", false);
        }
        assert!(clock.attempt(address(3), "a", true).is_err(), "second {second}");
    }
    clock.now = Duration::from_secs(60);
    assert_eq!(clock.attempt(address(3), "a", true), Ok(true), "a minute later");
}

#[test]
fn an_ipv6_network_is_one_address() {
    let mut clock = Clock::new();
    clock.exhaust("2001:db8::1".parse().unwrap(), "a");
    assert!(clock.attempt("2001:db8::2".parse().unwrap(), "b", true).is_err());
    assert_eq!(clock.attempt("2001:db8:0:1::1".parse().unwrap(), "b", true), Ok(true));
}

#[test]
fn what_is_remembered_is_bounded_and_the_newest() {
    let mut clock = Clock::new();
    for number in 0..100_000 {
        let user = number.to_string();
        assert_eq!(clock.attempt(address(number), &user, false), Ok(false));
        assert_eq!(clock.attempt(address(number), &user, true), Ok(true));
    }
    let remembered = clock.guessing.remembered.lock().unwrap();
    let sizes = [
        remembered.addresses.younger.len() + remembered.addresses.older.len(),
        remembered.user_names.younger.len() + remembered.user_names.older.len(),
        remembered.successes.younger.len() + remembered.successes.older.len(),
    ];
    assert!(sizes.iter().all(|size| (5_000..=REMEMBERED_MAX).contains(size)), "{sizes:?}");
    assert!(remembered.addresses.younger.contains_key(&address(99_999)));
}
