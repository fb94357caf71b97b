//! How many calls of one plugin run at the same time.
//!
//! Knows: a number that may change with the configuration. Deliberately does not
//! know: what a call is, how long it takes, and how long another one may wait.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts the calls of one plugin, all its steps together.
#[derive(Default)]
pub(crate) struct Gate {
    inside: AtomicUsize,
    left: Notify,
}

/// A call that is inside; it leaves when this is dropped.
pub(crate) struct Inside<'a>(&'a Gate);

impl Gate {
    /// Goes in as soon as fewer than `allowed` calls are inside.
    pub(crate) async fn enter(&self, allowed: usize) -> Inside<'_> {
        loop {
            // Registered before the look, so that no leaving is missed.
            let mut left = pin!(self.left.notified());
            left.as_mut().enable();
            if self.try_enter(allowed) {
                return Inside(self);
            }
            left.await;
        }
    }

    fn try_enter(&self, allowed: usize) -> bool {
        // At least one: a limit of nothing would keep everybody waiting.
        let within = |inside: usize| (inside < allowed.max(1)).then_some(inside + 1);
        self.inside.fetch_update(Ordering::AcqRel, Ordering::Acquire, within).is_ok()
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::AcqRel);
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn only_so_many_are_inside_and_each_that_waits_comes_in() {
        let gate = Arc::new(Gate::default());
        let (most, calls) = (Arc::new(AtomicUsize::new(0)), 50);
        let tasks: Vec<_> = (0..calls)
            .map(|_| {
                let (gate, most) = (Arc::clone(&gate), Arc::clone(&most));
                tokio::spawn(async move {
                    let _inside = gate.enter(3).await;
                    most.fetch_max(gate.inside.load(Ordering::Acquire), Ordering::AcqRel);
                    tokio::task::yield_now().await;
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(most.load(Ordering::Acquire), 3);
        assert_eq!(gate.inside.load(Ordering::Acquire), 0);
    }

    #[tokio::test]
    async fn a_call_that_gave_up_waiting_lets_the_next_one_in() {
        let gate = Gate::default();
        let first = gate.enter(1).await;
        let mut gone = Box::pin(gate.enter(1));
        assert!(poll_once(&mut gone).is_pending());
        drop(first);
        // It was the one that was told; it goes without having come in.
        drop(gone);
        let _next = gate.enter(1).await;
    }

    fn poll_once<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::Pin::new(future).poll(&mut context)
    }
}
