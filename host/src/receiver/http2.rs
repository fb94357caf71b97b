//! HTTP/2 on one connection.

use std::convert::Infallible;
use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Response;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::answer::Answers;
use super::refusal::BodyEndedEarly;
use super::write_deadline::WriteDeadline;
use super::{ConnectionEnd, Exchange, HttpLimits, ReplayedStream};
use crate::refusals::RefusalKind;
use stream::{PacedBody, Streams};

mod stream;

/// Requests at the same time on one connection.
const STREAMS_MAX: u32 = 100;
/// What a client may send before it has to wait, per request and per connection. Together with the
/// number of streams this bounds the memory of one connection.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// A client that does not answer a ping is gone.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Streams that the client opens and resets at once (rapid reset), and that we reset because of
/// the client's mistakes, before the connection ends.
const RESET_STREAMS_MAX: usize = 20;
const LOCAL_RESET_STREAMS_MAX: usize = 1_024;

/// Serves until the client leaves, something is wrong, or the connection has to stop.
pub(super) async fn serve<T, E>(stream: ReplayedStream, end: ConnectionEnd, answers: Answers<T, E>)
where
    T: Clone + Send + Sync + 'static,
    E: Exchange<T>,
{
    let limits = answers.parts.limits;
    let refusals = answers.parts.refusals.clone();
    let io = TokioIo::new(WriteDeadline::new(stream, limits.write_timeout, refusals.clone()));
    let (answers, activity) = (Arc::new(answers), Arc::new(Activity::new()));
    let ConnectionEnd { peer, stop, wear } = end;
    let (busy, wear) = (activity.clone(), Arc::new(wear));
    let carried = wear.clone();
    let service = service_fn(move |request| {
        carried.count_request();
        let (answers, request_active) = (answers.clone(), busy.clone().begin());
        async move {
            let (head, body) = answers.answer(request).await.into_parts();
            let Ok(whole) = body.collect().await;
            let taken_back = head.extensions.get::<BodyEndedEarly>().is_some();
            let body = PacedBody::new(whole.to_bytes(), taken_back, request_active);
            Ok::<_, Infallible>(Response::from_parts(head, body))
        }
    });
    let streams = Streams::new(limits.write_timeout, refusals.clone());
    let mut http = pin!(builder(&limits, streams.clone()).serve_connection(io, service));
    let mut silence_max = limits.idle_timeout;
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = http.as_mut() => break ended,
            () = streams.flooded() => {
                tracing::debug!(%peer, "the client took back too many requests");
                refusals.count(RefusalKind::ResetFlood);
                // GOAWAY, and no word more.
                http.as_mut().graceful_shutdown();
                poll_once(http.as_mut()).await;
                break Ok(());
            }
            () = stop.cancelled(), if !stopping => {}
            () = wear.worn_out(), if !stopping => {}
            () = activity.silence(silence_max) => {
                if stopping {
                    // Told to go, has nothing in flight, and does not go.
                    break Ok(());
                }
                refusals.count(RefusalKind::Idle);
            }
        }
        stopping = true;
        silence_max = limits.header_timeout;
        activity.restart();
        http.as_mut().graceful_shutdown();
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended early");
        if is_violation(&error) {
            refusals.count(RefusalKind::Http2Violation);
        }
    }
}

/// Goes on as far as that is possible without waiting for the client.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) {
    std::future::poll_fn(|context| {
        let _whatever_it_says = future.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}

/// Whether we ended the connection for what the client sent, rather than the network or the client.
fn is_violation(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| cause.is_go_away() && cause.is_library())
}

fn builder(limits: &HttpLimits, streams: Streams) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(streams);
    let header_bytes = u32::try_from(limits.header_bytes).unwrap_or(u32::MAX);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(header_bytes)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(LOCAL_RESET_STREAMS_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_INTERVAL);
    builder
}

/// How many requests a connection has, and since when it has none.
struct Activity {
    state: Mutex<ActivityState>,
    changed: Notify,
}

struct ActivityState {
    requests: usize,
    since: Instant,
}

/// One request; ends when dropped.
struct RequestActive(Arc<Activity>);

impl Activity {
    fn new() -> Self {
        let state = ActivityState { requests: 0, since: Instant::now() };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    fn begin(self: Arc<Self>) -> RequestActive {
        self.change(|state| state.requests += 1);
        RequestActive(self)
    }

    /// Counts silence from now on.
    fn restart(&self) {
        self.change(|_| {});
    }

    fn change(&self, change: impl FnOnce(&mut ActivityState)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        state.since = Instant::now();
        drop(state);
        self.changed.notify_one();
    }

    /// The end of the silence that has begun; `None` while there are requests.
    fn silent_until(&self, limit: Duration) -> Option<Instant> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.requests == 0).then(|| state.since + limit)
    }

    /// Returns when there has been no request for this long.
    async fn silence(&self, limit: Duration) {
        loop {
            let changed = self.changed.notified();
            match self.silent_until(limit) {
                None => changed.await,
                Some(end) if end <= Instant::now() => return,
                Some(end) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(end) => {}
                    }
                }
            }
        }
    }
}

impl Drop for RequestActive {
    fn drop(&mut self) {
        self.0.change(|state| state.requests -= 1);
    }
}
