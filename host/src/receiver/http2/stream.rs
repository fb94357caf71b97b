//! The tasks of single HTTP/2 streams: answers that nobody takes, and requests that are taken back.
//!
//! hyper hands the window of a stream to the body of the answer and waits for ever. So a body goes
//! out in pieces here, and a stream whose client makes no room for the next piece in time is reset.
//! What is left of it then is at most one piece, which h2 has buffered already.
//!
//! # Invariants
//! - A stream waits for its client no longer than the write timeout at one place.
//! - Each request that is taken back before its answer is complete is counted; too many end the
//!   connection (rapid reset, CVE-2023-44487: h2 itself counts only those that nobody has seen yet).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::RequestActive;
use crate::receiver::rate::{Bucket, Rate};
use crate::refusals::{RefusalKind, Refusals};

/// What h2 buffers of an answer whose client makes no room.
const PIECE_BYTES: usize = 16 * 1024;

/// Requests that a client may take back: at once, and then each second.
const RESETS_AT_ONCE: u32 = 200;
const RESETS_PER_SECOND: u32 = 10;

tokio::task_local! {
    /// Of the stream whose task this is.
    static PROGRESS: Arc<Progress>;
}

/// Runs the streams of one connection.
#[derive(Clone)]
pub(super) struct Streams {
    write_timeout: Duration,
    resets: Arc<Resets>,
    refusals: Arc<Refusals>,
}

impl Streams {
    pub(super) fn new(write_timeout: Duration, refusals: Arc<Refusals>) -> Self {
        let resets = Resets {
            rate: Rate::new(RESETS_PER_SECOND, RESETS_AT_ONCE),
            bucket: Mutex::new(Bucket::full(std::time::Instant::now())),
            too_many: CancellationToken::new(),
        };
        Self { write_timeout, resets: Arc::new(resets), refusals }
    }

    /// Returns when the client has taken back too many requests.
    pub(super) async fn flooded(&self) {
        self.resets.too_many.cancelled().await;
    }

    async fn watch(self, stream: impl Future<Output = ()>, progress: Arc<Progress>) {
        tokio::select! {
            biased;
            () = stream => {}
            // The stream is dropped here, and thereby reset.
            () = progress.stalled(self.write_timeout) => {
                tracing::debug!("a client makes no room for its answer");
                self.refusals.count(RefusalKind::SlowReader);
                return;
            }
        }
        if !progress.is_complete() {
            self.resets.count();
        }
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let progress = Arc::new(Progress::default());
        let watched = self.clone().watch(stream, progress.clone());
        tokio::spawn(PROGRESS.scope(progress, watched));
    }
}

/// Requests that the client of one connection took back.
struct Resets {
    rate: Rate,
    bucket: Mutex<Bucket>,
    too_many: CancellationToken,
}

impl Resets {
    fn count(&self) {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        if self.rate.take(&mut bucket, std::time::Instant::now()).is_err() {
            self.too_many.cancel();
        }
    }
}

/// How far the answer of one stream is.
#[derive(Default)]
pub(super) struct Progress {
    state: Mutex<Answering>,
    answered: Notify,
}

#[derive(Clone, Copy, Default)]
struct Answering {
    /// When the last piece was asked for; `None` before the answer.
    since: Option<Instant>,
    complete: bool,
}

impl Progress {
    fn step(&self, complete: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = Answering { since: Some(Instant::now()), complete };
        drop(state);
        self.answered.notify_one();
    }

    fn state(&self) -> Answering {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_complete(&self) -> bool {
        self.state().complete
    }

    /// Returns when an answer has not moved for this long.
    async fn stalled(&self, limit: Duration) {
        loop {
            match self.state().since.map(|since| since + limit) {
                None => self.answered.notified().await,
                Some(end) if end <= Instant::now() => return,
                Some(end) => tokio::time::sleep_until(end).await,
            }
        }
    }
}

/// The body of an answer, in pieces.
pub(super) struct PacedBody {
    rest: Bytes,
    progress: Option<Arc<Progress>>,
    /// Whether the end has been told, for which no window is needed.
    ended: bool,
    /// The request goes on until its answer is on its way.
    _active: RequestActive,
}

impl PacedBody {
    /// To be called in the task of the stream. `taken_back` tells of a request that its client
    /// gave up before the answer.
    pub(super) fn new(whole: Bytes, taken_back: bool, active: RequestActive) -> Self {
        let progress = PROGRESS.try_with(Arc::clone).ok();
        let ended = whole.is_empty();
        if let Some(progress) = &progress {
            progress.step(ended && !taken_back);
        }
        Self { rest: whole, progress, ended, _active: active }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // Asked for only when the piece before has been taken.
        let length = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(length);
        self.ended = piece.is_empty();
        if let Some(progress) = &self.progress {
            progress.step(self.ended);
        }
        Poll::Ready((!self.ended).then(|| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
