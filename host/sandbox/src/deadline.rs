//! Ends a call at its deadline.
//!
//! As `tokio::time::timeout_at`, but the timer is only made when the call waits
//! for the first time: most calls never do, and a timer costs more than what they
//! ask. A guest that runs on is made to wait by the engine's epoch, so that its
//! deadline is looked at, too.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// The deadline came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Late;

/// A call that ends at its deadline; made by [`until`].
pub(crate) struct Until<F> {
    call: F,
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// The call, or [`Late`]. A call that is ready is never late.
pub(crate) fn until<F: Future + Unpin>(deadline: Instant, call: F) -> Until<F> {
    Until { call, deadline, timer: None }
}

impl<F: Future + Unpin> Future for Until<F> {
    type Output = Result<F::Output, Late>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(answer) = Pin::new(&mut self.call).poll(context) {
            return Poll::Ready(Ok(answer));
        }
        let deadline = self.deadline;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        timer.as_mut().poll(context).map(|()| Err(Late))
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_call_that_waits_too_long_is_late_and_one_that_is_ready_is_not() {
        let past = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        assert_eq!(until(past, ready(7)).await, Ok(7));
        assert_eq!(until(past, pending::<()>()).await, Err(Late));
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(until(soon, pending::<()>()).await, Err(Late));
        assert!(Instant::now() >= soon);
        let later = Instant::now() + Duration::from_secs(60);
        let waited = pin!(tokio::time::sleep(Duration::from_millis(5)));
        assert_eq!(until(later, waited).await, Ok(()));
    }

    /// A guest that is interrupted again and again, and would go on for ever.
    #[tokio::test]
    async fn a_call_that_only_yields_is_late_too() {
        let soon = Instant::now() + Duration::from_millis(20);
        let yielding = std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert_eq!(until(soon, yielding).await, Err(Late));
    }
}
