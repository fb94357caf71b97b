//! Log lines whose number the other end decides: at most one a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(1);

/// Lets a line through when the last one was a second ago, and counts those left out.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl Seldom {
    /// How many lines were left out since the last one, when a line may be written now.
    pub(super) fn turn(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.saturating_duration_since(last) < PAUSE) {
            state.left_out = state.left_out.saturating_add(1);
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_tells_how_many_it_stands_for() {
        let seldom = Seldom::default();
        let start = Instant::now();
        let at = |milliseconds| seldom.turn(start + Duration::from_millis(milliseconds));
        let turns = [at(0), at(1), at(999), at(1_000), at(1_500), at(9_000), at(10_000)];
        assert_eq!(turns, [Some(0), None, None, Some(2), None, Some(1), Some(0)]);
    }
}
