//! Work that must not end with the connection that asked for it.
//!
//! The common request is worked on right where it is answered: handing it to
//! another task and back would cost two wake-ups. Only when the connection goes
//! away first does the work move to a task of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// The work panicked; the panic hook has said where.
#[derive(Debug)]
pub(super) struct Panicked;

/// A future that is finished by `tasks` when it is dropped before its end.
pub(super) struct Kept<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    work: Option<Pin<Box<F>>>,
    tasks: TaskTracker,
    runtime: Handle,
}

impl<F> Kept<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    /// Must be called on a tokio runtime.
    pub(super) fn new(work: F, tasks: &TaskTracker) -> Self {
        let runtime = Handle::current();
        Self { work: Some(Box::pin(work)), tasks: tasks.clone(), runtime }
    }
}

impl<F> Future for Kept<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = self.work.as_mut() else { return Poll::Ready(Err(Panicked)) };
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        let output = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(_) => Err(Panicked),
        };
        self.work = None;
        Poll::Ready(output)
    }
}

impl<F> Drop for Kept<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.tasks.spawn_on(work, &self.runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn dropped_work_is_finished_by_the_tasks() {
        let tasks = TaskTracker::new();
        let (go, wait) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel::<()>();
        let work = async move {
            wait.await.unwrap();
            done.send(()).unwrap();
        };
        let mut kept = Box::pin(Kept::new(work, &tasks));
        let polled = std::future::poll_fn(|context| Poll::Ready(kept.as_mut().poll(context))).await;
        assert!(polled.is_pending());
        drop(kept);
        assert_eq!(tasks.len(), 1);
        go.send(()).unwrap();
        finished.await.unwrap();
    }

    #[tokio::test]
    async fn finished_work_is_not_done_again_and_a_panic_is_an_error() {
        let tasks = TaskTracker::new();
        assert_eq!(Kept::new(async { 7 }, &tasks).await.ok(), Some(7));
        let panicking = async {
            if tasks_are_never_negative() {
                panic!("on purpose");
            }
        };
        assert!(Kept::new(panicking, &tasks).await.is_err());
        assert!(tasks.is_empty());
    }

    fn tasks_are_never_negative() -> bool {
        true
    }
}
