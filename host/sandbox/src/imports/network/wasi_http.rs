//! `wasi:http` for plugins that were not written for the contract: the same
//! requests, checks and budgets as `tureen:plugin/http`.
//!
//! A request leaves when the guest has finished its body, and its response comes
//! whole: both are bounded, so nothing is gained by streams of them here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::{Network, header_bytes, take, take_up_to};
use crate::guest::Guest;
use crate::outbound::{HttpRequest, HttpResponse, NetworkAccess, OutboundFault, OutboundProblem};

/// What `send_request` answers: the response, and a task that there is none of.
type Answered = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let (ctx, table, hooks) = self.requests();
        WasiHttpCtxView { ctx, table, hooks }
    }
}

impl WasiHttpHooks for Network {
    /// It is the host's.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answered, Error>> + Send> {
        let allowed = self.take_request();
        let options = options.unwrap_or_default();
        let asked = options.first_byte_timeout.map(|first_byte| {
            let others = [options.connect_timeout, options.between_bytes_timeout];
            others.into_iter().flatten().fold(first_byte, |all, more| all.saturating_add(more))
        });
        let within = self.within(asked);
        let access = Arc::clone(&self.access);
        let bytes_left = Arc::clone(&self.bytes_left);
        Box::new(async move {
            if allowed.is_err() {
                return Err(Error::ConnectionLimitReached);
            }
            let exchange = async {
                let (head, body) = request.into_parts();
                let request = request_of(&head, collected(body, &bytes_left).await?);
                send(&access, HttpRequest { within, ..request }, &bytes_left).await
            };
            // The guest's own body is waited for too: one that never ends.
            let answered = tokio::time::timeout(within, exchange).await;
            answered.unwrap_or(Err(Error::ConnectionReadTimeout))
        })
    }
}

/// The guest's body, counted as it comes: many requests may be written at once.
async fn collected(mut body: WasiBody, bytes_left: &AtomicUsize) -> Result<Vec<u8>, Error> {
    let mut collected = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if !take(bytes_left, data.len()) {
            return Err(Error::HttpRequestBodySize(None));
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected)
}

async fn send(
    access: &NetworkAccess,
    request: HttpRequest,
    bytes_left: &AtomicUsize,
) -> Result<Answered, Error> {
    let mut caller = access.caller.clone();
    let sent = header_bytes(&request.headers);
    if sent > caller.limits.header_bytes {
        return Err(Error::HttpRequestHeaderSectionSize(None));
    }
    if !take(bytes_left, sent) {
        return Err(Error::HttpRequestBodySize(None));
    }
    // Taken before it comes, since many may come at once; what it does not need is given back.
    let reserved = take_up_to(bytes_left, caller.limits.response_bytes);
    caller.limits.response_bytes = reserved;
    let outbound = access.outbound().map_err(|problem| error_of(&problem))?;
    let answer = outbound.http(&caller, request).await;
    let used = answer.as_ref().map_or(0, |response| response.body.len());
    bytes_left.fetch_add(reserved.saturating_sub(used), Ordering::Relaxed);
    let response = answer.map_err(|problem| error_of(&problem))?;
    if !take(bytes_left, header_bytes(&response.headers)) {
        return Err(Error::HttpResponseBodySize(None));
    }
    response_of(response)
}

fn request_of(head: &http::request::Parts, body: Vec<u8>) -> HttpRequest {
    let headers = head.headers.iter().filter(|(name, _)| *name != http::header::CONTENT_LENGTH);
    HttpRequest {
        method: head.method.as_str().to_owned(),
        url: head.uri.to_string(),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body,
        ..HttpRequest::default()
    }
}

fn response_of(response: HttpResponse) -> Result<Answered, Error> {
    let mut built = Response::builder().status(response.status);
    for (name, value) in &response.headers {
        built = built.header(name.as_str(), value.as_slice());
    }
    let body = Full::new(Bytes::from(response.body)).map_err(Into::into).boxed_unsync();
    let built = built.body(body).map_err(|_| Error::HttpProtocolError)?;
    Ok((built, Box::new(async { Ok(()) })))
}

/// The nearest that `wasi:http` has.
fn error_of(problem: &OutboundProblem) -> Error {
    match problem.fault {
        OutboundFault::NotGranted => Error::HttpRequestDenied,
        OutboundFault::Address => Error::DestinationIpProhibited,
        OutboundFault::Name => Error::DnsError { rcode: None, info_code: None },
        OutboundFault::Refused => Error::ConnectionRefused,
        OutboundFault::Timeout => Error::ConnectionTimeout,
        OutboundFault::Tls => Error::TlsProtocolError,
        OutboundFault::Certificate => Error::TlsCertificateError,
        OutboundFault::Closed => Error::ConnectionTerminated,
        OutboundFault::Size => Error::HttpResponseBodySize(None),
        OutboundFault::Protocol => Error::HttpProtocolError,
    }
}
