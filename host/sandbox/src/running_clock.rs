//! How long a guest itself ran in its current call: waiting does not count.
//!
//! A guest runs only while its call's future is polled. The clock sums the polls
//! up; the epoch's callback, which comes in the middle of one, asks it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Shared by a call's future and the store's epoch callback.
#[derive(Clone)]
pub(crate) struct RunningClock(Arc<Readings>);

struct Readings {
    /// All times are nanoseconds since then.
    base: Instant,
    /// The polls that are over.
    ran: AtomicU64,
    /// When the current poll began.
    began: AtomicU64,
}

impl RunningClock {
    pub(crate) fn new() -> Self {
        let (ran, began) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Readings { base: Instant::now(), ran, began }))
    }

    /// A new call begins.
    pub(crate) fn reset(&self) {
        self.0.ran.store(0, Ordering::Relaxed);
    }

    /// What the guest ran so far; to be asked from inside a poll.
    pub(crate) fn ran(&self) -> Duration {
        let current = self.now().saturating_sub(self.0.began.load(Ordering::Relaxed));
        Duration::from_nanos(self.0.ran.load(Ordering::Relaxed).saturating_add(current))
    }

    /// What the guest ran in the polls that are over; to be asked between them.
    pub(crate) fn ran_so_far(&self) -> Duration {
        Duration::from_nanos(self.0.ran.load(Ordering::Relaxed))
    }

    /// The same future, with its polls timed.
    pub(crate) fn time<F: Future + Unpin>(&self, future: F) -> Timed<F> {
        Timed { future, clock: self.clone() }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.base.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A call whose polls are timed.
pub(crate) struct Timed<F> {
    future: F,
    clock: RunningClock,
}

impl<F: Future + Unpin> Future for Timed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = self.clock.now();
        self.clock.0.began.store(began, Ordering::Relaxed);
        let polled = Pin::new(&mut self.future).poll(context);
        let took = self.clock.now().saturating_sub(began);
        self.clock.0.ran.fetch_add(took, Ordering::Relaxed);
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
}
