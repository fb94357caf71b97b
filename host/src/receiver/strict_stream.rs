//! The bytes of one HTTP/1 connection: strict framing, and time limits for heads and silence.
//!
//! hyper has one timer for a slow head and for silence between requests, and closes without a
//! word. Here silence has a limit of its own, and a head that does not end in time is answered
//! with 408.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::framing::Framing;
use super::write_deadline::WriteDeadline;
use crate::refusals::{RefusalKind, Refusals};

const HEAD_TIMEOUT_ANSWER: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What a closed connection still reads, so that a client in the middle of sending sees the answer
/// instead of a reset: nginx calls it lingering close.
const LINGER_BYTES_MAX: usize = 32 * 1024 * 1024;
const LINGER_TIME_MAX: Duration = Duration::from_secs(5);

/// Time limits of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamTimes {
    pub(super) header: Duration,
    pub(super) idle: Duration,
}

pub(super) struct StrictStream<S> {
    stream: WriteDeadline<S>,
    framing: Framing,
    times: StreamTimes,
    timer: Pin<Box<Sleep>>,
    wait: Wait,
    /// Whether hyper has been given the end of a head that was spoiled.
    spoiled_ended: bool,
    /// Whether the end of the time has been counted.
    timed_out: bool,
    refusals: Arc<Refusals>,
}

/// What the timer runs for; the number tells one request from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Silence(u64),
    Head(u64),
    /// In a body, which is timed by who reads it.
    Untimed,
}

impl<S: AsyncRead + AsyncWrite + Unpin> StrictStream<S> {
    pub(super) fn new(
        stream: WriteDeadline<S>,
        times: StreamTimes,
        refusals: Arc<Refusals>,
    ) -> Self {
        let timer = Box::pin(tokio::time::sleep(times.idle));
        let (framing, wait) = (Framing::default(), Wait::Untimed);
        Self {
            stream,
            framing,
            times,
            timer,
            wait,
            spoiled_ended: false,
            timed_out: false,
            refusals,
        }
    }

    /// Ends the connection so that the client can read the last answer.
    pub(super) async fn close(mut self) {
        // A client that is gone cannot be told anything.
        if self.stream.shutdown().await.is_err() || self.framing.is_at_start() {
            return;
        }
        let mut discarded = vec![0; 16 * 1024];
        let linger = async {
            let mut left = LINGER_BYTES_MAX;
            while left > 0 {
                match self.stream.read(&mut discarded).await {
                    Ok(count) if count > 0 => left = left.saturating_sub(count),
                    _ => break,
                }
            }
        };
        // Either way the connection ends here.
        let _elapsed = tokio::time::timeout(LINGER_TIME_MAX, linger).await;
    }

    /// Nothing came: starts the timer that this place has, or ends the wait when it has run out.
    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let heads = self.framing.heads();
        let wait = if self.framing.is_at_start() {
            Wait::Silence(heads)
        } else if self.framing.is_in_head() {
            Wait::Head(heads)
        } else {
            Wait::Untimed
        };
        if wait != self.wait {
            self.wait = wait;
            let limit = match wait {
                Wait::Silence(heads) if heads > 0 => self.times.idle,
                Wait::Silence(_) | Wait::Head(_) => self.times.header,
                Wait::Untimed => return Poll::Pending,
            };
            self.timer.as_mut().reset(Instant::now() + limit);
        }
        if wait == Wait::Untimed {
            return Poll::Pending;
        }
        ready!(self.timer.as_mut().poll(context));
        let silent = matches!(wait, Wait::Silence(_));
        if !std::mem::replace(&mut self.timed_out, true) {
            self.refusals.count(if silent { RefusalKind::Idle } else { RefusalKind::SlowHead });
        }
        if silent {
            // Reads as the end of the stream, so hyper ends the connection in order.
            return Poll::Ready(Ok(()));
        }
        self.answer_slow_head(context);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head is not complete")))
    }

    /// hyper reads a head only when every earlier answer has been handed over, so nothing is torn
    /// apart unless an answer is stuck; then there is no point in another.
    fn answer_slow_head(&mut self, context: &mut Context<'_>) {
        if self.stream.is_waiting() {
            return;
        }
        let written = Pin::new(&mut self.stream).poll_write(context, HEAD_TIMEOUT_ANSWER);
        if let Poll::Ready(Ok(_)) = written {
            let _flushed_if_possible = Pin::new(&mut self.stream).poll_flush(context);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for StrictStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.framing.is_spoiled() && !self.spoiled_ended {
            // hyper waits for the end of a head before it looks into it; this one need not wait.
            self.spoiled_ended = true;
            let end = b"\r\n\r\n";
            buffer.put_slice(end.get(..buffer.remaining()).unwrap_or(end));
            return Poll::Ready(Ok(()));
        }
        let filled = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => self.poll_wait(context),
            answer => {
                let fresh = buffer.filled_mut().get_mut(filled..).unwrap_or_default();
                self.framing.follow(fresh);
                answer
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for StrictStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
