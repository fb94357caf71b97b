//! When one step is set aside, and when it is tried again: a circuit breaker.
//!
//! Knows: counts and times. Deliberately does not know: plugins, logs.
//!
//! ```text
//!            consecutive, or ratio              a trial worked
//!   closed ───────────────────────► open ─────► trial ─────────► closed
//!                                    ▲  after    │
//!                                    │ back-off  │ it broke down: twice the back-off
//!                                    └───────────┘
//! ```
//!
//! # Invariants
//! - While nothing ever broke down, asking and telling cost one atomic load each.
//! - While the step is open there is at most one trial at a time; calls that began before it was
//!   set aside decide nothing.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::timing::Timing;
use crate::config::Faults;

/// Nothing broke down yet.
const CALM: u8 = 0;
/// Something did: calls are counted.
const WATCHED: u8 = 1;
/// The step is set aside.
const ASIDE: u8 = 2;

pub(super) struct Breaker {
    budget: Faults,
    timing: Timing,
    phase: AtomicU8,
    /// Breakdowns since the last answer.
    in_a_row: AtomicU32,
    /// Calls since the window began.
    calls: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    window: Option<Window>,
    aside: Option<Aside>,
}

struct Window {
    began: Instant,
    breakdowns: u64,
}

struct Aside {
    until: Instant,
    back_off: Duration,
    is_on_trial: bool,
}

/// May a call be made?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Admitted,
    Trial,
    /// Not before this time has passed; zero while a trial is on its way.
    Refused(Duration),
}

/// What the end of a call changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    SetAside {
        why: Why,
        retry_in: Duration,
    },
    /// A trial broke down.
    StillAside {
        retry_in: Duration,
    },
    Back,
}

/// Which part of the budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    InARow(u32),
    Ratio { breakdowns: u64, calls: u64 },
}

impl Breaker {
    pub(super) fn new(budget: Faults, timing: Timing) -> Self {
        Self {
            budget,
            timing,
            phase: AtomicU8::new(CALM),
            in_a_row: AtomicU32::new(0),
            calls: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    pub(super) fn ask(&self) -> Asked {
        if self.phase.load(Ordering::Acquire) != ASIDE {
            return Asked::Admitted;
        }
        let mut state = self.state();
        let Some(aside) = &mut state.aside else { return Asked::Admitted };
        let left = aside.until.saturating_duration_since(self.timing.now());
        if aside.is_on_trial || !left.is_zero() {
            return Asked::Refused(left);
        }
        aside.is_on_trial = true;
        Asked::Trial
    }

    /// The plugin answered.
    pub(super) fn answered(&self, is_trial: bool) -> Change {
        match self.phase.load(Ordering::Acquire) {
            CALM => Change::Nothing,
            ASIDE if is_trial => {
                *self.state() = State::default();
                self.in_a_row.store(0, Ordering::Relaxed);
                self.phase.store(CALM, Ordering::Release);
                Change::Back
            }
            ASIDE => Change::Nothing,
            _ => {
                self.calls.fetch_add(1, Ordering::Relaxed);
                self.in_a_row.store(0, Ordering::Relaxed);
                Change::Nothing
            }
        }
    }

    /// The plugin broke down.
    pub(super) fn broke(&self, is_trial: bool) -> Change {
        if !self.budget.on {
            return Change::Nothing;
        }
        let mut state = self.state();
        let now = self.timing.now();
        if let Some(aside) = &mut state.aside {
            if !is_trial {
                return Change::Nothing;
            }
            aside.back_off = aside.back_off.saturating_mul(2).min(self.back_off_maximum());
            let retry_in = self.timing.jittered(aside.back_off);
            *aside = Aside { until: now + retry_in, is_on_trial: false, ..*aside };
            return Change::StillAside { retry_in };
        }
        let Some(why) = self.used_up(&mut state.window, now) else {
            self.phase.store(WATCHED, Ordering::Release);
            return Change::Nothing;
        };
        let back_off = Duration::from_millis(self.budget.back_off_minimum_milliseconds);
        let retry_in = self.timing.jittered(back_off);
        *state = State {
            window: None,
            aside: Some(Aside { until: now + retry_in, back_off, is_on_trial: false }),
        };
        self.phase.store(ASIDE, Ordering::Release);
        Change::SetAside { why, retry_in }
    }

    /// A call was dropped in the middle: a trial may be made anew.
    pub(super) fn abandoned(&self, is_trial: bool) {
        if is_trial && let Some(aside) = &mut self.state().aside {
            aside.is_on_trial = false;
        }
    }

    /// How long until the next trial, while the step is set aside.
    pub(super) fn aside_for(&self) -> Option<Duration> {
        if self.phase.load(Ordering::Acquire) != ASIDE {
            return None;
        }
        let until = self.state().aside.as_ref()?.until;
        Some(until.saturating_duration_since(self.timing.now()))
    }

    /// Counts a breakdown; tells when it was one too many.
    fn used_up(&self, window: &mut Option<Window>, now: Instant) -> Option<Why> {
        let length = Duration::from_secs(self.budget.window_seconds);
        let is_over = |it: &Window| now.saturating_duration_since(it.began) > length;
        if window.as_ref().is_none_or(is_over) {
            *window = Some(Window { began: now, breakdowns: 0 });
            self.calls.store(0, Ordering::Relaxed);
        }
        let in_a_row = self.in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let calls = self.calls.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let breakdowns = window.as_mut().map_or(0, |window| {
            window.breakdowns = window.breakdowns.saturating_add(1);
            window.breakdowns
        });
        if in_a_row >= self.budget.consecutive {
            return Some(Why::InARow(in_a_row));
        }
        let allowed = calls.saturating_mul(u64::from(self.budget.ratio_percent));
        let is_most = breakdowns.saturating_mul(100) > allowed;
        (calls >= self.budget.ratio_calls && is_most).then_some(Why::Ratio { breakdowns, calls })
    }

    fn back_off_maximum(&self) -> Duration {
        Duration::from_millis(self.budget.back_off_maximum_milliseconds)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
