//! How much may be in flight: requests, and bytes of bodies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Two counters with limits, shared by all listeners.
#[derive(Debug)]
pub(super) struct Flight {
    requests: AtomicUsize,
    requests_max: usize,
    bytes: AtomicUsize,
    bytes_max: usize,
}

/// One request's part: itself and the bytes of its body. Given back when dropped.
#[derive(Debug)]
pub(super) struct InFlight {
    flight: Arc<Flight>,
    bytes: usize,
}

impl Flight {
    pub(super) fn new(requests_max: usize, bytes_max: usize) -> Arc<Self> {
        let (requests, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { requests, requests_max, bytes, bytes_max })
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// `None` when the limit is reached.
    pub(super) fn enter(self: &Arc<Self>) -> Option<InFlight> {
        add_within(&self.requests, 1, self.requests_max)
            .then(|| InFlight { flight: self.clone(), bytes: 0 })
    }
}

impl InFlight {
    /// Counts bytes that have really arrived; false when there is no room for them.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        let room = add_within(&self.flight.bytes, bytes, self.flight.bytes_max);
        if room {
            self.bytes += bytes;
        }
        room
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.flight.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.flight.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

fn add_within(counter: &AtomicUsize, more: usize, max: usize) -> bool {
    counter
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            count.checked_add(more).filter(|sum| *sum <= max)
        })
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_reached_exactly_and_everything_is_given_back() {
        let flight = Flight::new(2, 100);
        let mut first = flight.enter().unwrap();
        let mut second = flight.enter().unwrap();
        assert!(flight.enter().is_none());
        assert!(first.hold(60) && second.hold(40));
        assert!(!second.hold(1) && !second.hold(usize::MAX));
        drop(first);
        assert!(second.hold(60));
        drop(second);
        assert_eq!((flight.requests(), flight.bytes.load(Ordering::Relaxed)), (0, 0));
    }
}
