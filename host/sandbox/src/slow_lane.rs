//! Calls that run long share few processors, so that short ones find one free.
//!
//! Knows: how many long calls may run at the same moment. Deliberately does not
//! know: what a call is worth, and when it has run too long.
//!
//! A call is short until it has run for a tick of the engine's clock: by the processor's
//! time, since on a busy machine ticks pass while others run. From then on it goes on only
//! while it has a place in the lane, and gives the place up at every tick: long calls take
//! turns, in the order in which they ask.
//! A plugin whose last call was long begins its next one in the line, so that even the
//! first tick of an endless loop keeps nobody waiting; if that one is short, it is over
//! with its first turn, and the one after begins at once again.
//! Each plugin asks for as many places as there are and no more, so that one with
//! thirty long calls keeps another one's long call waiting for a turn, not for thirty.
//! Without the lane, thirty endless loops that yield at every tick would keep
//! every other task of the server waiting for thirty slices each time. A run with such a
//! call goes on aside ([`crate::giving_way`]), on as many threads as the lane has places.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::UpdateDeadline;

use crate::giving_way::{Aside, look, wait_for_turn};
use crate::limits::TICK;
use crate::running_clock::ran_by_this_thread;

/// The lane of an engine.
pub(crate) struct SlowLane {
    places: Arc<Semaphore>,
    count: usize,
    aside: Arc<Aside>,
}

/// The calls of one plugin that ask for a place, or have one.
pub(crate) struct Askers {
    places: Arc<Semaphore>,
    /// Was its last call a long one?
    is_slow: Arc<AtomicBool>,
}

impl SlowLane {
    /// With so many places; 0 for half of the processors, at least one. Their threads
    /// give way to others by so much (0 to 19).
    pub(crate) fn new(places: usize, niceness: u8) -> Self {
        let processors = || available_parallelism().map_or(1, usize::from);
        let count = if places == 0 { (processors() / 2).max(1) } else { places };
        let aside = Arc::new(Aside::new(count, niceness));
        Self { places: Arc::new(Semaphore::new(count)), count, aside }
    }

    #[cfg(test)]
    fn with_places(count: usize) -> Self {
        Self::new(count, 0)
    }

    /// Where runs go on while a call in them takes turns.
    pub(crate) fn aside(&self) -> &Arc<Aside> {
        &self.aside
    }

    /// For one plugin.
    pub(crate) fn askers(&self) -> Askers {
        Askers { places: Arc::new(Semaphore::new(self.count)), is_slow: Arc::default() }
    }

    /// The way into the lane of one instance.
    pub(crate) fn way(&self, askers: &Askers) -> Way {
        Way(Arc::new(Shared {
            askers: Arc::clone(&askers.places),
            is_slow: Arc::clone(&askers.is_slow),
            lane: Arc::clone(&self.places),
            has_place: AtomicBool::new(false),
            place: Mutex::default(),
            effort: Effort::default(),
        }))
    }
}

/// One instance's way into the lane, and its place while it has one.
#[derive(Clone)]
pub(crate) struct Way(Arc<Shared>);

struct Shared {
    askers: Arc<Semaphore>,
    is_slow: Arc<AtomicBool>,
    lane: Arc<Semaphore>,
    /// Whether there may be one in `place`: most calls end without ever having had one,
    /// and need not lock anything to know that.
    has_place: AtomicBool,
    place: Mutex<Option<Place>>,
    effort: Effort,
}

/// How much a call has run.
#[derive(Default)]
struct Effort {
    /// It takes turns, until it waits for something else.
    is_long: AtomicBool,
    /// It was long at some tick.
    was_long: AtomicBool,
    /// What its thread had run at the first tick of the present poll, in nanoseconds;
    /// 0 before that.
    seen_at: AtomicU64,
}

impl Effort {
    /// Asked at a tick, in the middle of a poll.
    fn has_run_long(&self) -> bool {
        if self.is_long.load(Ordering::Relaxed) {
            self.was_long.store(true, Ordering::Relaxed);
            return true;
        }
        let ran = u64::try_from(ran_by_this_thread().as_nanos()).unwrap_or(u64::MAX);
        let seen_at = self.seen_at.load(Ordering::Relaxed);
        if seen_at == 0 {
            self.seen_at.store(ran.max(1), Ordering::Relaxed);
            return false;
        }
        // The tick itself may be early or late by some part of it.
        let is_long = Duration::from_nanos(ran.saturating_sub(seen_at)) >= TICK / 2;
        self.is_long.store(is_long, Ordering::Relaxed);
        self.was_long.fetch_or(is_long, Ordering::Relaxed);
        is_long
    }

    /// A poll has ended.
    fn pause(&self, waits_for_turn: bool) {
        // Most polls are over before any tick: a look is cheaper than a write.
        if self.seen_at.load(Ordering::Relaxed) != 0 {
            self.seen_at.store(0, Ordering::Relaxed);
        }
        if self.is_long.load(Ordering::Relaxed) && !waits_for_turn {
            self.is_long.store(false, Ordering::Relaxed);
        }
    }
}

type Turn = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Given back together.
struct Place {
    _asking: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

impl Way {
    /// What a call does whose tick has come: goes on where it has run little, and else
    /// waits for its turn.
    pub(crate) fn next_turn(&self) -> UpdateDeadline {
        if !self.0.effort.has_run_long() {
            return UpdateDeadline::Continue(1);
        }
        UpdateDeadline::YieldCustom(1, self.turn())
    }

    /// Waits for a turn, which lasts until the next tick.
    fn turn(&self) -> Turn {
        self.leave();
        let way = self.clone();
        let turn = async move {
            // Also where the lane is free: everything else that is ready goes first.
            tokio::task::yield_now().await;
            let place = way.wait().await;
            *way.0.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
            way.0.has_place.store(true, Ordering::Release);
        };
        let mut turn = Box::pin(turn);
        Box::pin(std::future::poll_fn(move |context| {
            let polled = turn.as_mut().poll(context);
            if polled.is_pending() {
                wait_for_turn();
            }
            polled
        }))
    }

    async fn wait(&self) -> Option<Place> {
        let _asking = Arc::clone(&self.0.askers).acquire_owned().await.ok()?;
        let _running = Arc::clone(&self.0.lane).acquire_owned().await.ok()?;
        Some(Place { _asking, _running })
    }

    /// The same call; it gives its place up whenever it waits for something, and when
    /// it is over. After waiting it is a short call again, until the next tick.
    pub(crate) fn guard<F>(&self, call: F) -> Guarded<'_, F> {
        Guarded { call, way: self, line: None, tells: false }
    }

    /// The same for a call with a message. It begins in the line where the plugin's last
    /// one was long, and says for the next one whether it was.
    pub(crate) fn guard_call<F>(&self, call: F) -> Guarded<'_, F> {
        self.0.effort.was_long.store(false, Ordering::Relaxed);
        let line = self.0.is_slow.load(Ordering::Relaxed).then(|| self.turn());
        Guarded { call, way: self, line, tells: true }
    }

    fn leave(&self) {
        if self.0.has_place.load(Ordering::Acquire) {
            self.0.has_place.store(false, Ordering::Relaxed);
            drop(self.0.place.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

/// A call that keeps no place while it waits.
pub(crate) struct Guarded<'a, F> {
    call: F,
    way: &'a Way,
    /// What it waits for before it begins.
    line: Option<Turn>,
    /// Does it say how its plugin's calls are?
    tells: bool,
}

impl<F: Unpin> Guarded<'_, F> {
    /// Whether the call may go on.
    fn has_begun(&mut self, context: &mut Context<'_>) -> bool {
        let Some(line) = &mut self.line else { return true };
        if line.as_mut().poll(context).is_pending() {
            return false;
        }
        self.line = None;
        self.way.0.effort.is_long.store(true, Ordering::Relaxed);
        true
    }
}

impl<F: Future + Unpin> Future for Guarded<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let (polled, waits_for_turn) = look(|| match self.has_begun(context) {
            true => Pin::new(&mut self.call).poll(context),
            false => Poll::Pending,
        });
        self.way.leave();
        self.way.0.effort.pause(waits_for_turn);
        let Shared { effort, is_slow, .. } = self.way.0.as_ref();
        let was_long = effort.was_long.load(Ordering::Relaxed);
        // One that was not let finish is known to be long, but never to be short.
        if self.tells
            && (was_long || polled.is_ready())
            && is_slow.load(Ordering::Relaxed) != was_long
        {
            is_slow.store(was_long, Ordering::Relaxed);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a call gets that has run long.
    fn turn(way: &Way) -> Turn {
        way.0.effort.is_long.store(true, Ordering::Relaxed);
        match way.next_turn() {
            UpdateDeadline::YieldCustom(1, turn) => turn,
            _ => panic!("it has to wait for its turn"),
        }
    }

    fn goes_on(way: &Way) -> bool {
        matches!(way.next_turn(), UpdateDeadline::Continue(1))
    }

    #[tokio::test]
    async fn ticks_that_pass_while_others_run_make_no_call_long_and_running_does() {
        let lane = SlowLane::with_places(1);
        let way = lane.way(&lane.askers());
        for _ in 0..5 {
            assert!(goes_on(&way));
            std::thread::sleep(TICK);
        }
        let mut count = 0_u64;
        while goes_on(&way) {
            let began = ran_by_this_thread();
            while ran_by_this_thread() - began < TICK / 4 {
                count = std::hint::black_box(count + 1);
            }
        }
        drop(turn(&way));
        // It waited for something else: it is a short one again.
        let waited = std::pin::pin!(async {});
        way.guard(waited).await;
        assert!(goes_on(&way));
    }

    #[tokio::test]
    async fn a_plugin_whose_last_call_was_long_begins_the_next_one_in_the_line() {
        let lane = SlowLane::with_places(1);
        let askers = lane.askers();
        let call = |is_long: bool| {
            let way = lane.way(&askers);
            async move {
                let asked = way.clone();
                let work = std::pin::pin!(async move {
                    if is_long {
                        turn(&asked).await;
                    }
                });
                let mut polls = 0;
                let mut call = way.guard_call(work);
                std::future::poll_fn(|context| {
                    polls += 1;
                    Pin::new(&mut call).poll(context)
                })
                .await;
                polls
            }
        };
        assert_eq!(call(false).await, 1, "it begins at once");
        assert!(call(true).await > 1, "it waits for a turn");
        assert!(call(false).await > 1, "it waits for one before it begins");
        assert_eq!(call(false).await, 1, "and the one before was short");
        // One that is dropped in the line has not been short.
        assert!(call(true).await > 1);
        drop(call(false));
        let waiting = std::pin::pin!(call(false));
        tokio::select! {
            biased;
            _ = waiting => panic!("it waits"),
            () = std::future::ready(()) => {}
        }
        assert!(call(false).await > 1, "it is still slow");
        assert_eq!(lane.places.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_turn_ends_at_the_next_tick_and_with_the_call() {
        let lane = SlowLane::with_places(1);
        let (one, other) = (lane.way(&lane.askers()), lane.way(&lane.askers()));
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
