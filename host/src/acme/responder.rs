//! The small HTTP server that answers http-01 (RFC 8555, 8.3), up while an order is open.
//!
//! Deliberately does not know orders, accounts or receivers.
//!
//! # Invariants
//! - It answers `GET /.well-known/acme-challenge/TOKEN` for the tokens it was given, and nothing
//!   else: anybody on the internet may ask it.
//! - Connections, the size of a head and the life of a connection are bounded; no body is read.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

const PATH_PREFIX: &str = "/.well-known/acme-challenge/";
const CONNECTIONS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// A connection serves one request and has this long for it.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Token to key authorization.
type Answers = Arc<Mutex<HashMap<String, String>>>;

/// A running server; dropped, it stops.
pub(super) struct HttpResponder {
    answers: Answers,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl HttpResponder {
    /// # Errors
    /// The address cannot be bound.
    pub(super) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let answers = Answers::default();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, Arc::clone(&answers), stop.clone()));
        Ok(Self { answers, stop, serving })
    }

    pub(super) fn set(&self, token: String, key_authorization: String) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(token, key_authorization);
    }

    /// Stops, and returns when the address is free again.
    pub(super) async fn close(&mut self) {
        self.stop.cancel();
        // It ends by itself, unless it panicked: then it has ended too.
        let _ended = (&mut self.serving).await;
    }
}

impl Drop for HttpResponder {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(listener: TcpListener, answers: Answers, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let accepting = async {
        loop {
            // The place is taken before the connection, so that more of them wait in the backlog.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            while connections.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((stream, _peer)) => {
                    let connection = serve_connection(stream, Arc::clone(&answers));
                    connections.spawn(async move {
                        // Who is too slow is cut.
                        let _cut = tokio::time::timeout(CONNECTION_TIME_MAX, connection).await;
                        drop(place);
                    });
                }
                // Out of file descriptors, say: that passes.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = accepting => {}
    }
    drop(listener);
    connections.shutdown().await;
}

async fn serve_connection(stream: TcpStream, answers: Answers) {
    let service = service_fn(|request| {
        let response = answer(&request, &answers);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CONNECTION_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // A client that breaks off is not the operator's concern; the authority tells what it saw.
    drop(served);
}

fn answer(request: &Request<Incoming>, answers: &Answers) -> Response<Full<Bytes>> {
    if !request.body().is_end_stream() {
        return response(StatusCode::BAD_REQUEST, "no body is taken here\n".into());
    }
    let path = Some(request.uri()).filter(|uri| uri.query().is_none()).map(|uri| uri.path());
    let token = path.and_then(|path| path.strip_prefix(PATH_PREFIX));
    let token = token.filter(|_| request.method() == Method::GET);
    let answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    match token.and_then(|token| answers.get(token)) {
        Some(key_authorization) => response(StatusCode::OK, key_authorization.clone().into()),
        None => response(StatusCode::NOT_FOUND, "not found\n".into()),
    }
}

fn response(status: StatusCode, text: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text));
    *response.status_mut() = status;
    // RFC 8555, 8.3 recommends this type.
    let content_type = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests;
