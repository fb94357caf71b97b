//! One request to one response: the story of a request from its head on.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};
use tokio_util::task::TaskTracker;

use super::body::{discard_rest, read_body, refuse_announced_length};
use super::client::Peer;
use super::compression::Coding;
use super::flight::InFlight;
use super::head::{check_credentials, check_head};
use super::hosts::Hosts;
use super::kept::{Kept, Panicked};
use super::refusal::Refusal;
use super::route::{RouteTable, decode_path};
use super::variables::{header_values, variables};
use super::{Exchange, Received, ReceiverParts, Reply, Route};
use crate::client_certificates::ClientCertificate;
use crate::refusals::RefusalKind;

/// Answers the requests of one connection.
pub(super) struct Answers<T, E> {
    pub(super) parts: Arc<ReceiverParts<E>>,
    pub(super) routes: Arc<ArcSwap<RouteTable<T>>>,
    pub(super) peer: Peer,
    /// The name that the TLS handshake was for (SNI).
    pub(super) tls_name: Option<String>,
    pub(super) tasks: TaskTracker,
}

/// What the head of a request decided.
enum Decision<T> {
    Health(u16),
    Receive { target: T, coding: Coding, bytes_max: usize, told: Told, in_flight: InFlight },
}

/// What a head tells besides what is in [`Parts`].
struct Told {
    client_ip: IpAddr,
    client_certificate: Option<Arc<ClientCertificate>>,
    variables: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl<T, E> Answers<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Exchange<T>,
{
    /// Never fails: whatever goes wrong is a status.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, mut body) = request.into_parts();
        let mut close = head.version == Version::HTTP_10;
        let client_ip = self.parts.proxies.load().client_address(self.peer.address, &head.headers);
        let mut response = match self.decide(&head, &body, client_ip) {
            Ok(Decision::Health(status)) => {
                close |= !body.is_end_stream();
                reply_response(Reply::empty(status))
            }
            Ok(Decision::Receive { target, coding, bytes_max, told, mut in_flight }) => {
                let limits = &self.parts.limits;
                let read = read_body(&mut body, coding, bytes_max, limits, &mut in_flight).await;
                match read
                    .and_then(|body| in_flight.answer().then_some(body).ok_or(Refusal::Overloaded))
                {
                    Ok(body) => {
                        let received = self.received(&head, body, told);
                        self.run(target, received, in_flight).await
                    }
                    Err(refusal) => {
                        close = true;
                        self.refuse(&head, client_ip, refusal)
                    }
                }
            }
            Err(refusal) => {
                close |= !body.is_end_stream() || matches!(refusal, Refusal::Malformed(_));
                self.refuse(&head, client_ip, refusal)
            }
        };
        if head.version == Version::HTTP_2 {
            if !body.is_end_stream() {
                self.tasks.spawn(discard_rest(body));
            }
        } else if close {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Everything that the head alone decides. The routes are read once, here.
    fn decide(
        &self,
        head: &Parts,
        body: &Incoming,
        client_ip: IpAddr,
    ) -> Result<Decision<T>, Refusal> {
        let limits = &self.parts.limits;
        self.check_rate(client_ip)?;
        let host = check_head(head, limits)?;
        let coding = Coding::of(&head.headers)?;
        let segments = decode_path(head.uri.path())?;
        let routes = self.routes.load();
        let found = routes.lookup(&segments);
        self.check_host(host.as_deref(), found.and_then(|(route, _)| route.hosts.as_ref()))?;
        let (route, sections) = found.ok_or(Refusal::UnknownPath)?;
        check_credentials(head, route, client_ip, &self.parts.guessing)?;
        let client_certificate = self.check_certificate(head, route, client_ip)?;
        let health = self.parts.exchange.health(&route.target);
        if head.method == Method::HEAD {
            return Ok(Decision::Health(health));
        }
        if health != StatusCode::OK.as_u16() {
            return Err(Refusal::Stopped);
        }
        let bytes_max =
            route.body_bytes_max.map_or(limits.body_bytes, |own| own.min(limits.body_bytes));
        refuse_announced_length(body, bytes_max)?;
        let variables = variables(route, head.uri.query(), sections)?;
        let headers = header_values(&route.request_headers, &head.headers);
        let told = Told { client_ip, client_certificate, variables, headers };
        let in_flight = self.parts.flight.enter().ok_or(Refusal::Overloaded)?;
        let target = route.target.clone();
        Ok(Decision::Receive { target, coding, bytes_max, told, in_flight })
    }

    /// A receiver's own list takes the place of the server's.
    fn check_host(&self, host: Option<&str>, own: Option<&Hosts>) -> Result<(), Refusal> {
        let rules = self.parts.host_rules.load();
        // A proxy has one handshake for requests to many hosts.
        if !self.parts.proxies.load().trusts(self.peer.address) {
            rules.check_tls_name(host, self.tls_name.as_deref())?;
        }
        own.unwrap_or(&rules.hosts).check(host)
    }

    /// Whatever is asked for counts.
    fn check_rate(&self, client_ip: IpAddr) -> Result<(), Refusal> {
        let Some(rates) = &self.parts.client_rates else { return Ok(()) };
        rates.take(client_ip, Instant::now()).map_err(|wait| Refusal::TooManyRequests {
            wait_seconds: wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX),
        })
    }

    /// The client's certificate, if the route accepts it. Each refusal has its line in the log, but
    /// not more than one a second: the client decides how often it asks.
    fn check_certificate(
        &self,
        head: &Parts,
        route: &Route<T>,
        client: IpAddr,
    ) -> Result<Option<Arc<ClientCertificate>>, Refusal> {
        let certificate = self.peer.certificate(&self.parts.proxies.load(), &head.headers);
        let (refusal, answer) = match (certificate, &route.client_policy) {
            (Ok(certificate), None) => return Ok(certificate),
            (Ok(certificate), Some(policy)) => {
                let now = jiff::Timestamp::now();
                match self.peer.judged.judge(policy, certificate.as_ref(), now) {
                    Ok(()) => return Ok(certificate),
                    Err(refusal) => (refusal.to_string(), Refusal::ClientCertificate),
                }
            }
            (Err(error), _) => {
                (error.to_string(), Refusal::Malformed("the forwarded certificate is unusable"))
            }
        };
        if let Some(left_out) = route.refusals_told.turn(Instant::now()) {
            let receiver = route.service_name.join("/");
            tracing::info!(receiver, %client, left_out, "client certificate refused: {refusal}");
        }
        Err(answer)
    }

    fn received(&self, head: &Parts, body: Bytes, told: Told) -> Received {
        let Told { client_ip, client_certificate, variables, headers } = told;
        let content_type = head.headers.get(CONTENT_TYPE);
        Received {
            body,
            method: head.method.as_str().to_owned(),
            client_ip,
            client_certificate,
            tls: self.peer.tls,
            content_type: content_type.and_then(|value| value.to_str().ok()).map(str::to_owned),
            variables,
            headers,
            received_at: jiff::Zoned::now(),
        }
    }

    /// Runs the exchange so that a client that goes away does not stop it.
    async fn run(&self, target: T, received: Received, held: InFlight) -> Response<Full<Bytes>> {
        let parts = self.parts.clone();
        let exchange = async move {
            let reply = parts.exchange.receive(target, received).await;
            drop(held);
            reply
        };
        match Kept::new(exchange, &self.tasks).await {
            Ok(reply) => {
                let mut response = reply_response(reply);
                if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                    self.parts.refusals.count(RefusalKind::Unavailable);
                    let soon = HeaderValue::from_static("1");
                    response.headers_mut().entry(RETRY_AFTER).or_insert(soon);
                }
                response
            }
            Err(Panicked) => reply_response(Reply::empty(500)),
        }
    }

    fn refuse(&self, head: &Parts, client: IpAddr, refusal: Refusal) -> Response<Full<Bytes>> {
        // Not the path: it may carry a patient's number. At debug: anybody can ask
        // for paths that do not exist, as often as they like.
        tracing::debug!(%client, method = %head.method, %refusal, "request refused");
        self.parts.refusals.count(refusal.kind());
        refusal.response()
    }
}

fn reply_response(reply: Reply) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(reply.status).ok();
    let status = status.filter(|status| (200..600).contains(&status.as_u16()));
    let mut response = match status {
        Some(StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED) => {
            Response::new(Full::default())
        }
        _ => Response::new(Full::new(reply.body)),
    };
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(content_type) = &reply.content_type {
        insert(headers, CONTENT_TYPE.as_str(), content_type);
    }
    for (name, value) in &reply.headers {
        insert(headers, name, value);
    }
    response
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        (Ok(name), Ok(value)) => {
            headers.append(name, value);
        }
        _ => tracing::warn!(name, "a header field of the reply is not valid and was left out"),
    }
}
