//! HTTP/1.1 on one connection.

use std::sync::Arc;

use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::answer::Answers;
use super::strict_stream::{StreamTimes, StrictStream};
use super::write_deadline::WriteDeadline;
use super::{ConnectionEnd, Exchange, HttpLimits, ReplayedStream};
use crate::refusals::RefusalKind;

/// hyper's own limit, which it holds without allocating.
const HEADER_COUNT_DEFAULT: usize = 100;

/// Serves until the client leaves, something is wrong, or the connection has to stop.
pub(super) async fn serve<T, E>(stream: ReplayedStream, end: ConnectionEnd, answers: Answers<T, E>)
where
    T: Clone + Send + Sync + 'static,
    E: Exchange<T>,
{
    let limits = answers.parts.limits;
    let times = StreamTimes { header: limits.header_timeout, idle: limits.idle_timeout };
    let refusals = answers.parts.refusals.clone();
    let stream = WriteDeadline::new(stream, limits.write_timeout, refusals.clone());
    let stream = StrictStream::new(stream, times, refusals.clone());
    let ConnectionEnd { peer, stop, wear } = end;
    let (answers, wear) = (Arc::new(answers), Arc::new(wear));
    let service = service_fn(move |request| {
        let (answers, wear) = (answers.clone(), wear.clone());
        // Boxed because the connection is taken apart at the end, for which hyper wants to move it.
        Box::pin(async move {
            wear.count_request();
            let mut response = answers.answer(request).await;
            if wear.is_worn_out() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, std::convert::Infallible>(response)
        })
    });
    let mut http = builder(&limits).serve_connection(TokioIo::new(stream), service);
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = std::future::poll_fn(|context| http.poll_without_shutdown(context)) => {
                break ended;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut http).graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended early");
        if error.is_parse_too_large() {
            refusals.count(RefusalKind::LongHead);
        } else if error.is_parse() {
            refusals.count(RefusalKind::Malformed);
        }
    }
    http.into_parts().io.into_inner().close().await;
}

fn builder(limits: &HttpLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // StrictStream has the timers. This one also covers silence and would come first.
        .header_read_timeout(None)
        .max_header_size(limits.header_bytes)
        // A client that has sent its request may close its side and still read the answer.
        .half_close(true);
    if limits.header_count != HEADER_COUNT_DEFAULT {
        builder.max_headers(limits.header_count);
    }
    builder
}
