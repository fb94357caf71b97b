//! How long a guest itself ran in its current call: waiting does not count.
//!
//! A guest runs only while its call's future is polled. The clock sums the polls
//! up; the epoch's callback, which comes in the middle of one, asks it.
//!
//! What counts is the processor's time: on a busy machine a call that needs a
//! millisecond may be there for a second, while others run. Asking the processor costs
//! too much for short calls, so that the wall's time stands for it until the first tick,
//! and for no more than a tick.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::giving_way::is_aside;
use crate::limits::TICK;

/// Shared by a call's future and the store's epoch callback.
#[derive(Clone)]
pub(crate) struct RunningClock(Arc<Readings>);

/// All times are nanoseconds.
struct Readings {
    base: Instant,
    /// The polls that are over.
    ran: AtomicU64,
    /// When the present poll began.
    began: AtomicU64,
    /// What the present poll had run at its first tick.
    ran_at_tick: AtomicU64,
    /// What its thread had run then, ever; 0 before that.
    thread_at_tick: AtomicU64,
}

impl RunningClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Readings {
            base: Instant::now(),
            ran: AtomicU64::new(0),
            began: AtomicU64::new(0),
            ran_at_tick: AtomicU64::new(0),
            thread_at_tick: AtomicU64::new(0),
        }))
    }

    /// A new call begins.
    pub(crate) fn reset(&self) {
        self.0.ran.store(0, Ordering::Relaxed);
    }

    /// What the guest ran so far; to be asked at a tick, from inside a poll.
    pub(crate) fn ran(&self) -> Duration {
        let readings = &self.0;
        if readings.thread_at_tick.load(Ordering::Relaxed) == 0 {
            let passed = self.now().saturating_sub(readings.began.load(Ordering::Relaxed));
            readings.ran_at_tick.store(passed.min(nanoseconds(TICK)), Ordering::Relaxed);
            let thread = nanoseconds(ran_by_this_thread()).max(1);
            readings.thread_at_tick.store(thread, Ordering::Relaxed);
        }
        let before = readings.ran.load(Ordering::Relaxed);
        Duration::from_nanos(before.saturating_add(self.present()))
    }

    /// What the guest ran in the polls that are over; to be asked between them.
    pub(crate) fn ran_so_far(&self) -> Duration {
        Duration::from_nanos(self.0.ran.load(Ordering::Relaxed))
    }

    /// The same future, with its polls timed.
    pub(crate) fn time<F: Future + Unpin>(&self, future: F) -> Timed<'_, F> {
        Timed { future, clock: self }
    }

    fn begin(&self) {
        self.0.began.store(self.now(), Ordering::Relaxed);
        // Most polls are over before any tick: a look is cheaper than a write.
        if self.0.thread_at_tick.load(Ordering::Relaxed) != 0 {
            self.0.thread_at_tick.store(0, Ordering::Relaxed);
        }
    }

    fn end(&self) {
        self.0.ran.fetch_add(self.present(), Ordering::Relaxed);
    }

    /// What the present poll ran.
    fn present(&self) -> u64 {
        let readings = &self.0;
        match readings.thread_at_tick.load(Ordering::Relaxed) {
            0 => self.now().saturating_sub(readings.began.load(Ordering::Relaxed)),
            at_tick => {
                let since = nanoseconds(ran_by_this_thread()).saturating_sub(at_tick);
                readings.ran_at_tick.load(Ordering::Relaxed).saturating_add(since)
            }
        }
    }

    /// A poll begins and ends on one thread: the two clocks are never mixed.
    fn now(&self) -> u64 {
        nanoseconds(if is_aside() { ran_by_this_thread() } else { self.0.base.elapsed() })
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What the processor did for this thread, ever.
pub(crate) fn ran_by_this_thread() -> Duration {
    let ran = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(ran.tv_sec), u32::try_from(ran.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanoseconds.unwrap_or(0))
}

/// A call whose polls are timed.
pub(crate) struct Timed<'a, F> {
    future: F,
    clock: &'a RunningClock,
}

impl<F: Future + Unpin> Future for Timed<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.clock.begin();
        let polled = Pin::new(&mut self.future).poll(context);
        self.clock.end();
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    #[test]
    fn waiting_between_polls_does_not_count_and_a_new_call_starts_from_nothing() {
        let clock = RunningClock::new();
        let asked = clock.clone();
        let mut polls = 0;
        let work = std::future::poll_fn(move |_| {
            polls += 1;
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(2) {}
            if polls == 2 { Poll::Ready(asked.ran()) } else { Poll::Pending }
        });
        let work = pin!(work);
        let mut timed = clock.time(work);
        let mut context = Context::from_waker(Waker::noop());
        let began = Instant::now();
        assert!(Pin::new(&mut timed).poll(&mut context).is_pending());
        let waited = Duration::from_millis(30);
        std::thread::sleep(waited);
        let Poll::Ready(ran) = Pin::new(&mut timed).poll(&mut context) else {
            panic!("ready at its second poll");
        };
        assert!(ran >= Duration::from_millis(4), "{ran:?}");
        assert!(ran <= began.elapsed() - waited, "{ran:?}");
        clock.reset();
        assert_eq!(clock.0.ran.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_others_run_in_the_middle_of_a_poll_does_not_count() {
        let clock = RunningClock::new();
        let asked = clock.clone();
        let others = Duration::from_millis(200);
        let work = std::future::poll_fn(move |_| {
            // The first tick comes late, since somebody else had the processor; so does
            // the second.
            std::thread::sleep(others);
            let first = asked.ran();
            std::thread::sleep(others);
            Poll::Ready((first, asked.ran()))
        });
        let work = pin!(work);
        let mut timed = clock.time(work);
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready((first, second)) = Pin::new(&mut timed).poll(&mut context) else {
            panic!("ready at its first poll");
        };
        assert!(first < others && second < others, "{first:?} {second:?}");
        assert!(clock.ran_so_far() >= second && clock.ran_so_far() < others);
    }
}
