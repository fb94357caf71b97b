use std::sync::Arc;
use std::sync::Mutex;

use super::*;

/// A breaker whose time stands still until it is moved.
struct Bench {
    breaker: Breaker,
    now: Arc<Mutex<Instant>>,
}

impl Bench {
    fn new(budget: Faults) -> Self {
        let now = Arc::new(Mutex::new(Instant::now()));
        let clock = Arc::clone(&now);
        // The longest jitter: all of the back-off.
        let timing = Timing::of(move || *clock.lock().unwrap(), || 250);
        Self { breaker: Breaker::new(budget, timing), now }
    }

    fn wait(&self, milliseconds: u64) {
        *self.now.lock().unwrap() += Duration::from_millis(milliseconds);
    }

    fn breaks(&self, times: usize) -> Vec<Change> {
        (0..times).map(|_| self.breaker.broke(false)).collect()
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn so_many_breakdowns_in_a_row_set_it_aside_and_an_answer_between_begins_anew() {
    let bench = Bench::new(Faults::default());
    assert_eq!(bench.breaks(4), [Change::Nothing; 4]);
    assert_eq!(bench.breaker.answered(false), Change::Nothing);
    assert_eq!(bench.breaks(4), [Change::Nothing; 4]);
    assert_eq!(bench.breaker.ask(), Asked::Admitted);
    let change = Change::SetAside { why: Why::InARow(5), retry_in: seconds(1) };
    assert_eq!(bench.breaks(2), [change, Change::Nothing], "a call that began before is late");
    assert_eq!(bench.breaker.ask(), Asked::Refused(seconds(1)));
    assert_eq!(bench.breaker.aside_for(), Some(seconds(1)));
}

#[test]
fn more_than_the_ratio_of_enough_calls_sets_it_aside() {
    let alternating = |budget: Faults, calls: usize| {
        let bench = Bench::new(budget);
        let mut ended = (0..calls).map(|call| match call % 2 {
            0 => bench.breaker.broke(false),
            _ => bench.breaker.answered(false),
        });
        ended.find(|change| *change != Change::Nothing)
    };
    let exactly_half = Faults::default();
    let why = Why::Ratio { breakdowns: 11, calls: 21 };
    let aside = Change::SetAside { why, retry_in: seconds(1) };
    assert_eq!(alternating(exactly_half.clone(), 20), None, "half is not more than half");
    assert_eq!(alternating(exactly_half, 21), Some(aside), "of an odd number it is");
    let more = Faults { ratio_percent: 60, ..Faults::default() };
    assert_eq!(alternating(more, 1_000), None);
    let never = Faults { ratio_percent: 100, consecutive: 1_000, ..Faults::default() };
    assert_eq!(Bench::new(never).breaks(999), [Change::Nothing; 999]);
}

#[test]
fn a_window_that_is_over_counts_no_more() {
    let budget = Faults { consecutive: 1_000, ..Faults::default() };
    let bench = Bench::new(budget);
    assert_eq!(bench.breaks(19), [Change::Nothing; 19]);
    bench.wait(60_001);
    assert_eq!(bench.breaks(19), [Change::Nothing; 19]);
    let why = Why::Ratio { breakdowns: 20, calls: 20 };
    assert_eq!(bench.breaker.broke(false), Change::SetAside { why, retry_in: seconds(1) });
}

#[test]
fn one_call_is_let_through_after_the_back_off_which_doubles_up_to_its_maximum() {
    let bench = Bench::new(Faults { consecutive: 1, ..Faults::default() });
    bench.breaker.broke(false);
    for back_off in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        bench.wait(back_off * 1_000 - 1);
        assert_eq!(bench.breaker.ask(), Asked::Refused(Duration::from_millis(1)), "{back_off}");
        bench.wait(1);
        assert_eq!(bench.breaker.ask(), Asked::Trial, "{back_off}");
        assert_eq!(bench.breaker.ask(), Asked::Refused(Duration::ZERO), "one at a time");
        assert_eq!(bench.breaker.answered(false), Change::Nothing, "it began before");
        let retry_in = seconds((back_off * 2).min(60));
        assert_eq!(bench.breaker.broke(true), Change::StillAside { retry_in });
    }
    bench.wait(60_000);
    assert_eq!(bench.breaker.ask(), Asked::Trial);
    bench.breaker.abandoned(true);
    assert_eq!(bench.breaker.ask(), Asked::Trial, "a trial that was dropped is made anew");
    assert_eq!(bench.breaker.answered(true), Change::Back);
    assert_eq!((bench.breaker.ask(), bench.breaker.aside_for()), (Asked::Admitted, None));
    let change = Change::SetAside { why: Why::InARow(1), retry_in: seconds(1) };
    assert_eq!(bench.breaker.broke(false), change, "the back-off begins anew");
}

#[test]
fn jitter_shortens_a_back_off_by_a_quarter_at_most() {
    for (random, expected) in [(0, 750), (1, 751), (250, 1_000), (251, 750), (u64::MAX, 0)] {
        let timing = Timing::of(Instant::now, move || random);
        let found = timing.jittered(seconds(1));
        let expected = Duration::from_millis(expected);
        assert!(found >= expected.max(Duration::from_millis(750)), "{random}: {found:?}");
        assert!(found <= seconds(1), "{random}: {found:?}");
    }
    assert_eq!(Timing::of(Instant::now, || 0).jittered(seconds(60)), seconds(45));
}

#[test]
fn nothing_is_set_aside_where_the_operator_says_so() {
    let bench = Bench::new(Faults { on: false, ..Faults::default() });
    assert_eq!(bench.breaks(1_000), [Change::Nothing; 1_000]);
    assert_eq!(bench.breaker.ask(), Asked::Admitted);
}

#[test]
fn of_many_threads_one_makes_the_trial() {
    let bench = Bench::new(Faults { consecutive: 1, ..Faults::default() });
    bench.breaker.broke(false);
    bench.wait(1_000);
    let breaker = &bench.breaker;
    let trials = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..100).filter(|_| breaker.ask() == Asked::Trial).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(trials, 1);
}
