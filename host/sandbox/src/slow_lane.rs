//! Calls that run long share few processors, so that short ones find one free.
//!
//! Knows: how many long calls may run at the same moment. Deliberately does not
//! know: what a call is worth, and when it has run too long.
//!
//! A call is short until it has run for a whole tick of the engine's clock. From
//! then on it goes on only while it has a place in the lane, and gives the place up
//! at every tick: long calls take turns, in the order in which they ask.
//! Each plugin asks for as many places as there are and no more, so that one with
//! thirty long calls keeps another one's long call waiting for a turn, not for thirty.
//! Without the lane, thirty endless loops that yield at every tick would keep
//! every other task of the server waiting for thirty slices each time.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::available_parallelism;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::UpdateDeadline;

/// The lane of an engine.
pub(crate) struct SlowLane {
    places: Arc<Semaphore>,
    count: usize,
}

/// The calls of one plugin that ask for a place, or have one.
pub(crate) struct Askers(Arc<Semaphore>);

impl SlowLane {
    /// With so many places; 0 for half of the processors, at least one.
    pub(crate) fn new(places: usize) -> Self {
        let processors = || available_parallelism().map_or(1, usize::from);
        Self::with_places(if places == 0 { (processors() / 2).max(1) } else { places })
    }

    fn with_places(count: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(count)), count }
    }

    /// For one plugin.
    pub(crate) fn askers(&self) -> Askers {
        Askers(Arc::new(Semaphore::new(self.count)))
    }

    /// The way into the lane of one instance.
    pub(crate) fn way(&self, askers: &Askers) -> Way {
        let (askers, lane) = (Arc::clone(&askers.0), Arc::clone(&self.places));
        Way { askers, lane, place: Arc::default() }
    }
}

/// One instance's way into the lane, and its place while it has one.
#[derive(Clone)]
pub(crate) struct Way {
    askers: Arc<Semaphore>,
    lane: Arc<Semaphore>,
    place: Arc<Mutex<Option<Place>>>,
}

/// Given back together.
struct Place {
    _asking: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

impl Way {
    /// What a call does whose tick has come: waits for its turn.
    pub(crate) fn next_turn(&self) -> UpdateDeadline {
        self.leave();
        let way = self.clone();
        let turn = async move {
            // Also where the lane is free: everything else that is ready goes first.
            tokio::task::yield_now().await;
            let place = way.wait().await;
            *way.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
        };
        UpdateDeadline::YieldCustom(1, Box::pin(turn))
    }

    async fn wait(&self) -> Option<Place> {
        let _asking = Arc::clone(&self.askers).acquire_owned().await.ok()?;
        let _running = Arc::clone(&self.lane).acquire_owned().await.ok()?;
        Some(Place { _asking, _running })
    }

    /// The same call; it gives its place up whenever it waits for something, and when
    /// it is over. After waiting it is a short call again, until the next tick.
    pub(crate) fn guard<F>(&self, call: F) -> Guarded<F> {
        Guarded { call, way: self.clone() }
    }

    fn leave(&self) {
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// A call that keeps no place while it waits.
pub(crate) struct Guarded<F> {
    call: F,
    way: Way,
}

impl<F: Future + Unpin> Future for Guarded<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let polled = Pin::new(&mut self.call).poll(context);
        self.way.leave();
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_ends_at_the_next_tick_and_with_the_call() {
        let lane = SlowLane::with_places(1);
        let (one, other) = (lane.way(&lane.askers()), lane.way(&lane.askers()));
        let turn = |way: &Way| match way.next_turn() {
            UpdateDeadline::YieldCustom(1, turn) => turn,
            _ => panic!("it has to wait for its turn"),
        };
        turn(&one).await;
        let mut waiting = turn(&other);
        tokio::select! {
            biased;
            () = &mut waiting => panic!("there is one place"),
            () = tokio::task::yield_now() => {}
        }
        // The first call's next tick: the other one asked before.
        let again = turn(&one);
        waiting.await;
        other.leave();
        again.await;
        one.leave();
        assert_eq!(lane.places.available_permits(), 1);
        let call = std::pin::pin!(async {
            turn(&one).await;
            assert_eq!(lane.places.available_permits(), 0);
            tokio::task::yield_now().await;
            lane.places.available_permits()
        });
        assert_eq!(one.guard(call).await, 1, "it waits without a place");
        let dropped = turn(&one);
        drop(dropped);
        assert_eq!(lane.places.available_permits(), 1, "a call that ended while it waited");
    }

    #[tokio::test]
    async fn a_plugin_with_many_long_calls_is_one_of_those_that_wait() {
        let lane = SlowLane::with_places(1);
        let (many, single) = (lane.askers(), lane.askers());
        let order = Arc::new(Mutex::new(Vec::new()));
        let take = |name: &'static str, way: Way| {
            let order = Arc::clone(&order);
            tokio::spawn(async move {
                let _place = way.wait().await;
                order.lock().unwrap().push(name);
                tokio::task::yield_now().await;
            })
        };
        let mut tasks: Vec<_> = (0..30).map(|_| take("many", lane.way(&many))).collect();
        tasks.push(take("single", lane.way(&single)));
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap();
        let place = order.iter().position(|name| *name == "single").unwrap();
        assert!(place <= 2, "{order:?}");
    }
}
