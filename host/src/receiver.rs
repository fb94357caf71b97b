//! The HTTP receiver: a request in, checked and complete, a reply out.
//!
//! Stage: listener → **receiver** → pipeline. Knows HTTP/1.1, HTTP/2, limits, routes and the
//! variables that a request sets. Deliberately does not know messages, workflows, the sandbox or
//! the journal: those are behind [`Exchange`].
//!
//! # Invariants
//! - Only a complete, cleanly ended body reaches [`Exchange::receive`]. A cut or broken one is 400
//!   and the connection closes.
//! - The target (thus the workflow version) is chosen when the head of the request has arrived and
//!   stays for the whole request, whatever is reloaded meanwhile.
//! - Once called, `receive` runs to its end, even when the client goes away.
//! - Every accepted request gets exactly one response.
//! - Checks that need only the head come before the first byte of the body is asked for, so
//!   `100 Continue` is never sent to a request that is refused.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::client_certificates::{ClientCertificate, ClientPolicy};
use crate::config;
use crate::listener::{Connection, Protocol, Stream};
use crate::proxies::TrustedProxies;
use crate::refusals::{RefusalKind, Refusals};
use answer::Answers;
use client::Peer;
use flight::Flight;
use guessing::Guessing;
use rate::{ClientRates, Rate};
use replay::Replay;
use seldom::Seldom;
use sniff::{Sniffed, Version};
use wear::Wear;

pub use credentials::BasicCredentials;
pub use hosts::{HostRules, Hosts};
pub use route::{DuplicateRoute, RouteTable, service_segments};
pub use variables::{
    CLIENT_CERTIFICATE_ISSUER, CLIENT_CERTIFICATE_SERIAL_NUMBER, CLIENT_CERTIFICATE_SHA1,
    CLIENT_CERTIFICATE_SHA256, CLIENT_CERTIFICATE_SUBJECT, HTTP_HEADER_PREFIX,
};

mod answer;
mod body;
mod client;
mod compression;
mod credentials;
mod flight;
mod framing;
mod guessing;
mod head;
mod hosts;
mod http1;
mod http2;
mod kept;
mod rate;
mod refusal;
mod replay;
mod route;
mod seldom;
mod sniff;
mod strict_stream;
#[cfg(test)]
mod tests;
mod variables;
mod wear;
mod write_deadline;

/// A receiver's place on a listener (contract 4.2).
#[derive(Clone, Debug)]
pub struct Route<T> {
    /// Decoded path segments; empty for a receiver of everything. See [`service_segments`].
    pub service_name: Vec<String>,
    pub query: Vec<DeclaredParameter>,
    pub sections: Vec<DeclaredSection>,
    pub extract_parameters: bool,
    pub extract_sections: bool,
    /// Below the server's own limit; `None` for the server's limit.
    pub body_bytes_max: Option<usize>,
    /// Hosts that requests may ask for; `None` for the server's own list.
    pub hosts: Option<Hosts>,
    /// HTTP Basic credentials that every request must carry. `None` for no check.
    pub credentials: Option<BasicCredentials>,
    /// Health (HEAD) is answered without the credentials. Client certificates are still required.
    pub health_without_credentials: bool,
    /// What client certificates every request needs, health included. `None` for no check.
    pub client_policy: Option<Arc<ClientPolicy>>,
    /// Names of header fields that [`Received::headers`] should have.
    pub request_headers: Vec<String>,
    pub target: T,
    /// For the log lines about clients that are refused.
    refusals_told: Arc<Seldom>,
}

impl<T> Route<T> {
    /// A route that extracts nothing.
    pub fn new(service_name: Vec<String>, target: T) -> Self {
        Self {
            service_name,
            query: Vec::new(),
            sections: Vec::new(),
            extract_parameters: false,
            extract_sections: false,
            body_bytes_max: None,
            hosts: None,
            credentials: None,
            health_without_credentials: false,
            client_policy: None,
            request_headers: Vec::new(),
            target,
            refusals_told: Arc::default(),
        }
    }
}

/// A query parameter that becomes a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredParameter {
    /// The key in the query; upper and lower case do not differ.
    pub key: String,
    pub variable: String,
    /// The value when the parameter is missing or empty.
    pub default: Option<String>,
}

/// A path segment after the service name that becomes a variable, by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredSection {
    pub variable: String,
    /// The value when the segment is missing or empty.
    pub default: Option<String>,
}

/// One complete request.
pub struct Received {
    /// Decompressed.
    pub body: Bytes,
    pub method: String,
    /// As a trusted proxy says, if one stands between.
    pub client_ip: IpAddr,
    /// What the client showed to this server or to a trusted proxy. Judged only where the route has
    /// a policy.
    pub client_certificate: Option<Arc<ClientCertificate>>,
    /// The request came over TLS to this server.
    pub tls: bool,
    pub content_type: Option<String>,
    /// Declared query parameters, then declared URL sections, with defaults applied (contract 4.2,
    /// behaviour 5 and 6). Missing ones without default are not here.
    pub variables: Vec<(String, String)>,
    /// The header fields that the route asks for and that are there, by configured name.
    pub headers: Vec<(String, String)>,
    pub received_at: jiff::Zoned,
}

/// Prints no content: a body and its variables are patient data.
impl std::fmt::Debug for Received {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Received")
            .field("method", &self.method)
            .field("client_ip", &self.client_ip)
            .field("content_type", &self.content_type)
            .field("body_bytes", &self.body.len())
            .field("variables", &self.variables.len())
            .field("headers", &self.headers.len())
            .field("tls", &self.tls)
            .finish()
    }
}

/// What is answered. A status outside 200 to 599 is sent as 500.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: Bytes,
    /// Further header fields. One that is not valid in HTTP is left out and logged.
    pub headers: Vec<(String, String)>,
}

/// Prints no content.
impl std::fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Reply")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

impl Reply {
    /// A reply without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, content_type: None, body: Bytes::new(), headers: Vec::new() }
    }
}

/// What stands behind the receiver.
pub trait Exchange<T>: Send + Sync + 'static {
    /// Takes one complete request to its reply. A panic is answered with 500.
    fn receive(&self, target: T, received: Received) -> impl Future<Output = Reply> + Send;

    /// The status that answers a HEAD request: 200 when the target works.
    fn health(&self, target: &T) -> u16;
}

/// Limits of the HTTP side; see `tureen.toml` for their meaning.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Zero for no limit.
    pub connection_age: Duration,
    /// Zero for no limit.
    pub requests_per_connection: u64,
    /// Zero for no limit.
    pub requests_per_second_per_client: u32,
    pub request_burst_per_client: u32,
    /// Wrong credentials from one client address, and for one user name.
    pub failed_logins_per_minute: u32,
    pub requests_in_flight: usize,
    pub header_bytes: usize,
    pub header_count: usize,
    pub url_bytes: usize,
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
    pub body_bytes: usize,
    pub body_timeout: Duration,
    pub body_rate_grace: Duration,
    pub body_rate_bytes_per_second: u64,
    /// How many times longer than its compressed form a body may be.
    pub decompression_ratio: u64,
    pub body_bytes_in_flight: usize,
    pub write_timeout: Duration,
}

impl From<&config::Limits> for HttpLimits {
    fn from(limits: &config::Limits) -> Self {
        Self {
            connection_age: limits.connection_age(),
            requests_per_connection: limits.requests_per_connection,
            requests_per_second_per_client: limits.requests_per_second_per_client,
            request_burst_per_client: limits.request_burst_per_client,
            failed_logins_per_minute: limits.failed_logins_per_minute,
            requests_in_flight: limits.requests_in_flight,
            header_bytes: limits.header_bytes,
            header_count: limits.header_count,
            url_bytes: limits.url_bytes,
            header_timeout: limits.header_timeout(),
            idle_timeout: limits.idle_timeout(),
            body_bytes: limits.body_bytes,
            body_timeout: limits.body_timeout(),
            body_rate_grace: limits.body_rate_grace(),
            body_rate_bytes_per_second: limits.body_rate_bytes_per_second,
            decompression_ratio: limits.decompression_ratio,
            body_bytes_in_flight: limits.body_bytes_in_flight,
            write_timeout: limits.write_timeout(),
        }
    }
}

/// Speaks HTTP on the connections of a listener.
pub struct HttpReceiver<T, E> {
    parts: Arc<ReceiverParts<E>>,
    target: PhantomData<fn(T)>,
}

/// What every request needs.
struct ReceiverParts<E> {
    exchange: E,
    limits: HttpLimits,
    flight: Arc<Flight>,
    refusals: Arc<Refusals>,
    /// `None` for no limit.
    client_rates: Option<ClientRates>,
    guessing: Guessing,
    proxies: ArcSwap<TrustedProxies>,
    host_rules: ArcSwap<HostRules>,
}

impl<T, E: Exchange<T>> HttpReceiver<T, E> {
    /// What is refused is counted in `refusals`.
    pub fn new(exchange: E, limits: HttpLimits, refusals: Arc<Refusals>) -> Self {
        let flight = Flight::new(limits.requests_in_flight, limits.body_bytes_in_flight);
        let client_rates = (limits.requests_per_second_per_client > 0).then(|| {
            let burst = limits.request_burst_per_client;
            ClientRates::new(Rate::new(limits.requests_per_second_per_client, burst))
        });
        let guessing = Guessing::new(limits.failed_logins_per_minute);
        let parts = ReceiverParts {
            exchange,
            limits,
            flight,
            refusals,
            client_rates,
            guessing,
            proxies: ArcSwap::default(),
            host_rules: ArcSwap::default(),
        };
        Self { parts: Arc::new(parts), target: PhantomData }
    }

    /// From the next request on, these proxies may speak for clients. At first there are none.
    pub fn trust(&self, proxies: TrustedProxies) {
        self.parts.proxies.store(Arc::new(proxies));
    }

    /// From the next request on; any host until this is called.
    pub fn set_host_rules(&self, rules: HostRules) {
        self.parts.host_rules.store(Arc::new(rules));
    }

    /// Requests that are being received or answered now.
    pub fn requests_in_flight(&self) -> usize {
        self.parts.flight.requests()
    }
}

impl<T, E> HttpReceiver<T, E> {
    /// The version of HTTP, or nothing when the connection ends here.
    async fn sniff(
        &self,
        stream: Stream,
        peer: SocketAddr,
        stop: &CancellationToken,
    ) -> Option<(Version, ReplayedStream)> {
        match sniff::sniff(stream, self.parts.limits.header_timeout, stop).await {
            Sniffed::Version(version, stream) => Some((version, stream)),
            Sniffed::Silent => {
                tracing::debug!(%peer, "the client said nothing in time");
                self.parts.refusals.count(RefusalKind::SlowHead);
                None
            }
            Sniffed::Over => None,
        }
    }
}

impl<T, E> Protocol for HttpReceiver<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Exchange<T>,
{
    type Routes = RouteTable<T>;

    async fn serve(&self, connection: Connection, routes: Arc<ArcSwap<RouteTable<T>>>) {
        let Connection { stream, peer, stop, tasks, client_certificate, server_name, .. } =
            connection;
        let client = Peer::new(peer.ip(), stream.is_tls(), client_certificate);
        let Some((version, stream)) = self.sniff(stream, peer, &stop).await else { return };
        let parts = self.parts.clone();
        let answers = Answers { parts, routes, peer: client, tls_name: server_name, tasks };
        let end = ConnectionEnd { peer, stop, wear: Wear::new(&self.parts.limits) };
        match version {
            Version::Http1 => http1::serve(stream, end, answers).await,
            Version::Http2 => http2::serve(stream, end, answers).await,
        }
    }
}

type ReplayedStream = Replay<Stream>;

/// Who is at the other end of a connection, and when it has to end.
struct ConnectionEnd {
    peer: SocketAddr,
    stop: CancellationToken,
    wear: Wear,
}
