//! A run whose plugin runs long goes on aside: on threads that give way to those that
//! serve short calls.
//!
//! Knows: that a call inside a run waits for its turn in the slow lane, and when none does
//! any more. Deliberately does not know: calls, plugins, what a run is.
//!
//! A task cannot change its threads, but a future can be handed over: a run is polled
//! where it began until a call inside it asks for a turn among the long ones, and comes
//! back as soon as it waits for something else. The system then sees to it that a long
//! call has all the time that nobody else wants, and little more: with as many loops as
//! processors and threads of one priority each short call would wait for a slice of theirs.
//!
//! # Invariants
//! - A future is in one place at a time. Dropping the run drops it, wherever it is: at
//!   once where it began, at the end of a tick of the clock where it is aside.
//! - What a run starts while it is aside (tasks, timers, connections) belongs to the
//!   runtime where it began.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

thread_local! {
    /// Did a call ask for its turn in the poll of this moment?
    static WAITS_FOR_TURN: Cell<bool> = const { Cell::new(false) };
    /// Is this one of the threads that give way?
    static IS_ASIDE: Cell<bool> = const { Cell::new(false) };
}

/// A call that is being polled waits for its turn.
pub(crate) fn wait_for_turn() {
    WAITS_FOR_TURN.set(true);
}

/// Polls something, and tells whether a call inside waits for its turn.
pub(crate) fn look<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    let around = WAITS_FOR_TURN.replace(false);
    let polled = poll();
    let waits = WAITS_FOR_TURN.replace(around);
    if waits {
        wait_for_turn();
    }
    (polled, waits)
}

/// Does this thread give way to others?
pub(crate) fn is_aside() -> bool {
    IS_ASIDE.get()
}

/// Where long calls run. Made when it is needed for the first time.
pub(crate) struct Aside {
    threads: usize,
    niceness: u8,
    runtime: OnceLock<Option<Runtime>>,
}

impl Aside {
    /// With so many threads, which give way so much (0 to 19).
    pub(crate) fn new(threads: usize, niceness: u8) -> Self {
        Self { threads, niceness, runtime: OnceLock::new() }
    }

    /// `None` where the system gives no threads: everything goes on where it began.
    fn runtime(&self) -> Option<&Runtime> {
        let make = || {
            let niceness = self.niceness;
            let mut builder = Builder::new_multi_thread();
            let builder = builder.worker_threads(self.threads).thread_name("tureen-long");
            let started = move || {
                IS_ASIDE.set(true);
                give_way(niceness);
            };
            builder.on_thread_start(started).build().ok()
        };
        self.runtime.get_or_init(make).as_ref()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(Some(runtime)) = self.runtime.take() {
            // It may be a task that drops the engine, and tasks must not wait for threads.
            runtime.shutdown_background();
        }
    }
}

/// For whoever has runs: lets them go aside.
#[derive(Clone)]
pub struct LongRuns(Arc<Aside>);

impl LongRuns {
    pub(crate) fn new(aside: &Arc<Aside>) -> Self {
        Self(Arc::clone(aside))
    }

    /// The same run, which goes on aside while a call of a plugin in it runs long.
    pub fn carry<T: Send + 'static>(&self, run: Run<T>) -> GivingWay<T> {
        GivingWay::new(run, &self.0)
    }
}

/// Lowers the priority of this thread, for good.
#[cfg(target_os = "linux")]
fn give_way(niceness: u8) {
    // Where it may not, long calls compete as they would have done anyway.
    let _ = rustix::process::nice(i32::from(niceness));
}

/// Elsewhere the priority is the whole process's.
#[cfg(not(target_os = "linux"))]
fn give_way(_niceness: u8) {}

type Run<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A run that may go aside.
pub struct GivingWay<T> {
    place: Place<T>,
    aside: Arc<Aside>,
}

enum Place<T> {
    /// Where it began.
    Here(Run<T>),
    Aside(JoinHandle<Back<T>>),
    Nowhere,
}

/// What comes back.
enum Back<T> {
    Done(T),
    /// It waits for something, and may go on where it began.
    Waits(Run<T>),
}

impl<T: Send + 'static> GivingWay<T> {
    pub(crate) fn new(run: Run<T>, aside: &Arc<Aside>) -> Self {
        Self { place: Place::Here(run), aside: Arc::clone(aside) }
    }

    /// Hands the run over to the threads that give way.
    fn hand_over(&self, run: Run<T>) -> Place<T> {
        match (self.aside.runtime(), Handle::try_current()) {
            (Some(runtime), Ok(home)) => {
                Place::Aside(runtime.spawn(WhileLong { run: Some(run), home }))
            }
            _ => Place::Here(run),
        }
    }
}

impl<T: Send + 'static> Future for GivingWay<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        loop {
            match std::mem::replace(&mut self.place, Place::Nowhere) {
                Place::Here(mut run) => match look(|| run.as_mut().poll(context)) {
                    (Poll::Ready(done), _) => return Poll::Ready(done),
                    (Poll::Pending, false) => {
                        self.place = Place::Here(run);
                        return Poll::Pending;
                    }
                    (Poll::Pending, true) => {
                        self.place = self.hand_over(run);
                        if matches!(self.place, Place::Here(_)) {
                            return Poll::Pending;
                        }
                    }
                },
                Place::Aside(mut handle) => match Pin::new(&mut handle).poll(context) {
                    Poll::Pending => {
                        self.place = Place::Aside(handle);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(Back::Done(done))) => return Poll::Ready(done),
                    Poll::Ready(Ok(Back::Waits(run))) => self.place = Place::Here(run),
                    Poll::Ready(Err(ended)) => match ended.try_into_panic() {
                        Ok(panic) => resume_unwind(panic),
                        // The runtime of the engine has ended, and everything with it.
                        Err(_) => return Poll::Pending,
                    },
                },
                Place::Nowhere => return Poll::Pending,
            }
        }
    }
}

impl<T> Drop for GivingWay<T> {
    fn drop(&mut self) {
        if let Place::Aside(handle) = &self.place {
            handle.abort();
        }
    }
}

/// A run while a call in it takes turns.
struct WhileLong<T> {
    run: Option<Run<T>>,
    home: Handle,
}

impl<T> Future for WhileLong<T> {
    type Output = Back<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Back<T>> {
        let Self { run: waiting, home } = &mut *self;
        let _at_home = home.enter();
        // It is polled after it has ended by nobody.
        let Some(mut run) = waiting.take() else { return Poll::Pending };
        match look(|| run.as_mut().poll(context)) {
            (Poll::Ready(done), _) => Poll::Ready(Back::Done(done)),
            (Poll::Pending, true) => {
                *waiting = Some(run);
                Poll::Pending
            }
            (Poll::Pending, false) => Poll::Ready(Back::Waits(run)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn aside() -> Arc<Aside> {
        Arc::new(Aside::new(1, 10))
    }

    /// Waits for its turn once, as a long call does.
    async fn turn() {
        let mut is_due = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut is_due, true) {
                return Poll::Ready(());
            }
            wait_for_turn();
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    #[tokio::test]
    async fn a_run_is_aside_from_its_first_turn_until_it_waits_for_something_else() {
        let places = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&places);
        let run = async move {
            let note = |what| noted.lock().unwrap().push((what, is_aside()));
            note("short");
            tokio::task::yield_now().await;
            note("short again");
            turn().await;
            note("long");
            turn().await;
            note("long again");
            // Timers and tasks are those of the runtime where it began.
            tokio::spawn(async {}).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            note("short after a wait");
            7
        };
        assert_eq!(GivingWay::new(Box::pin(run), &aside()).await, 7);
        let expected = [
            ("short", false),
            ("short again", false),
            ("long", true),
            ("long again", true),
            ("short after a wait", false),
        ];
        assert_eq!(*places.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn a_run_that_is_dropped_while_it_is_aside_is_gone() {
        struct Gone(Arc<AtomicBool>);
        impl Drop for Gone {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Release);
            }
        }
        let gone = Arc::new(AtomicBool::new(false));
        let dropped = Gone(Arc::clone(&gone));
        let run = async move {
            let _dropped = dropped;
            loop {
                turn().await;
            }
        };
        let mut run: GivingWay<()> = GivingWay::new(Box::pin(run), &aside());
        while !matches!(run.place, Place::Aside(_)) {
            tokio::select! {
                biased;
                () = &mut run => {}
                () = tokio::task::yield_now() => {}
            }
        }
        assert!(!gone.load(Ordering::Acquire));
        drop(run);
        while !gone.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_panic_aside_is_one_where_it_began() {
        let run = async {
            turn().await;
            assert!(!is_aside(), "a panic of a test");
        };
        let aside = aside();
        let ended = tokio::spawn(GivingWay::new(Box::pin(run), &aside)).await;
        assert!(ended.unwrap_err().is_panic());
        // The threads go on.
        let after = async {
            turn().await;
            is_aside()
        };
        assert!(GivingWay::new(Box::pin(after), &aside).await);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_threads_aside_give_way() {
        let niceness = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let (_, fields) = stat.rsplit_once(')').unwrap();
            fields.split_whitespace().nth(16).unwrap().parse::<i32>().unwrap()
        };
        let before = niceness();
        let run = async move {
            turn().await;
            niceness()
        };
        assert_eq!(GivingWay::new(Box::pin(run), &aside()).await, (before + 10).min(19));
        assert_eq!(niceness(), before);
    }
}
