//! How much may be in flight: requests that are being answered, and bytes of bodies.
//!
//! A request that is still arriving takes no place among the requests: a client that sends its body
//! slowly would keep it from others. Those are bounded by the connections, and on HTTP/2 by the
//! streams of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Two counters with limits, shared by all listeners, and one to look at.
#[derive(Debug)]
pub(super) struct Flight {
    /// Being received or answered.
    requests: AtomicUsize,
    answering: AtomicUsize,
    answering_max: usize,
    bytes: AtomicUsize,
    bytes_max: usize,
}

/// One request's part: itself and the bytes of its body. Given back when dropped.
#[derive(Debug)]
pub(super) struct InFlight {
    flight: Arc<Flight>,
    is_answering: bool,
    bytes: usize,
}

impl Flight {
    pub(super) fn new(answering_max: usize, bytes_max: usize) -> Arc<Self> {
        let [requests, answering, bytes] = [0; 3].map(AtomicUsize::new);
        Arc::new(Self { requests, answering, answering_max, bytes, bytes_max })
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// `None` when there is no place to answer now: then there is no sense in receiving.
    pub(super) fn enter(self: &Arc<Self>) -> Option<InFlight> {
        if self.answering.load(Ordering::Relaxed) >= self.answering_max {
            return None;
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        Some(InFlight { flight: self.clone(), is_answering: false, bytes: 0 })
    }
}

impl InFlight {
    /// Takes a place among the requests that are being answered; false when there is none.
    pub(super) fn answer(&mut self) -> bool {
        let flight = &self.flight;
        self.is_answering =
            self.is_answering || add_within(&flight.answering, 1, flight.answering_max);
        self.is_answering
    }

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
        self.flight.answering.fetch_sub(usize::from(self.is_answering), Ordering::Relaxed);
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
        let mut third = flight.enter().unwrap();
        assert!(first.answer() && first.answer() && second.answer() && !third.answer());
        assert!(flight.enter().is_none() && flight.requests() == 3);
        drop(third);
        assert!(first.hold(60) && second.hold(40));
        assert!(!second.hold(1) && !second.hold(usize::MAX));
        drop(first);
        assert!(second.hold(60));
        assert!(flight.enter().unwrap().answer());
        drop(second);
        let left = [&flight.requests, &flight.answering, &flight.bytes];
        assert_eq!(left.map(|count| count.load(Ordering::Relaxed)), [0; 3]);
    }
}
