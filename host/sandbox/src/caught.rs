//! A panic inside a call ends that call and nothing else.
//!
//! Knows: that host functions run below a call's future, so that a panic in one of
//! them comes out of its poll. Deliberately does not know: what was called.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The host panicked while it served a guest: a fault of Tureen. Holds nothing of
/// the panic's own text, which may quote a message.
#[derive(Debug, thiserror::Error)]
#[error("the host panicked")]
pub(crate) struct HostPanicked;

/// A call whose panics become errors.
pub(crate) struct Caught<F>(F);

impl<F> Caught<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(future)
    }
}

impl<F, T> Future for Caught<F>
where
    F: Future<Output = wasmtime::Result<T>> + Unpin,
{
    type Output = wasmtime::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // What a panic may have left half done is the instance and its store, and
        // both are dropped after an error.
        let polled = AssertUnwindSafe(|| Pin::new(&mut self.0).poll(context));
        catch_unwind(polled).unwrap_or_else(|panic| {
            forget(panic);
            Poll::Ready(Err(HostPanicked.into()))
        })
    }
}

/// The panic's value goes without its text being looked at. Its own drop may panic
/// too, so that it is not run.
fn forget(panic: Box<dyn Any + Send>) {
    std::mem::forget(panic);
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    #[test]
    fn a_panic_in_the_middle_of_a_call_is_its_error() {
        let mut polls = 0;
        let call = std::future::poll_fn(|_| -> Poll<wasmtime::Result<()>> {
            polls += 1;
            assert!(polls < 2, "patient Ekholm");
            Poll::Pending
        });
        let call = pin!(call);
        let mut call = Caught::new(call);
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut call).poll(&mut context).is_pending());
        let Poll::Ready(Err(error)) = Pin::new(&mut call).poll(&mut context) else {
            panic!("an error is expected");
        };
        assert!(error.is::<HostPanicked>(), "{error:?}");
        assert!(!format!("{error:?}").contains("Ekholm"));
    }
}
