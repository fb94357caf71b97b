//! What the sandbox asks of whoever owns sockets, so that a plugin can talk to
//! the servers that it is granted.
//!
//! Knows requests, answers, and what they may cost a plugin. Deliberately does not
//! know sockets, TLS or names: these are behind the trait [`Outbound`], and so are
//! the checks of names and addresses.
//!
//! # Invariants
//! - Without an [`Outbound`], and without a grant, everything is refused.
//! - A future of [`Outbound`] that is dropped leaves nothing behind: that is how
//!   the end of a call ends its requests.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::grants::{AddressRange, CertificateGrant, Destination, Grants};
use crate::limits::Limits;

/// How long one exchange may take when the plugin does not say.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// What a plugin waits for.
pub type Waiting<'a, T> = Pin<Box<dyn Future<Output = Result<T, OutboundProblem>> + Send + 'a>>;

/// Talks to servers for plugins, within what each is granted.
pub trait Outbound: Send + Sync {
    /// One request and its whole response.
    fn http<'a>(&'a self, caller: &'a Caller, request: HttpRequest) -> Waiting<'a, HttpResponse>;

    /// A connection, encrypted where it is asked for.
    fn connect<'a>(
        &'a self,
        caller: &'a Caller,
        target: ConnectTarget,
    ) -> Waiting<'a, Box<dyn OutboundConnection>>;
}

/// A connection that a plugin holds. Dropping it closes it.
pub trait OutboundConnection: Send {
    /// At most `max` bytes as soon as there are some; none when the peer closed.
    fn read(&mut self, max: usize, within: Duration) -> Waiting<'_, Vec<u8>>;

    /// All bytes.
    fn write<'a>(&'a mut self, data: &'a [u8], within: Duration) -> Waiting<'a, ()>;
}

/// Who asks, and what it is granted.
#[derive(Clone)]
pub struct Caller {
    pub plugin: Arc<str>,
    pub grants: Arc<NetworkGrants>,
    pub limits: NetworkLimits,
}

/// The part of [`Grants`] that is about the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkGrants {
    pub http: Vec<Destination>,
    pub tcp: Vec<Destination>,
    pub tls: Vec<Destination>,
    pub private_addresses: Vec<AddressRange>,
    pub client_certificates: CertificateGrant,
}

impl From<&Grants> for NetworkGrants {
    fn from(grants: &Grants) -> Self {
        Self {
            http: grants.http.clone(),
            tcp: grants.tcp.clone(),
            tls: grants.tls.clone(),
            private_addresses: grants.private_addresses.clone(),
            client_certificates: grants.client_certificates.clone(),
        }
    }
}

/// How much of the network one plugin may use. Over a limit of a call the call
/// ends with the fault *plugin*; a response that is too long is an ordinary
/// problem for the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NetworkLimits {
    /// HTTP requests of one call. Default 100.
    pub requests: u32,
    /// Connections that one call may open, and one instance may hold. Default 16.
    pub connections: u32,
    /// Bytes that one call may send and receive, all requests and connections
    /// together; also what the requests and responses that an instance holds may
    /// have. Default 64 MiB.
    pub bytes: usize,
    /// Bytes of the body of one response. Default 16 MiB.
    pub response_bytes: usize,
    /// Bytes of the header fields of a request, and of a response. Default 64 KiB.
    pub header_bytes: usize,
    /// Requests under way and connections open at the same time, all instances of
    /// the plugin together; more wait for their turn. Default 256.
    pub concurrent: usize,
}

impl Default for NetworkLimits {
    fn default() -> Self {
        Self {
            requests: 100,
            connections: 16,
            bytes: 64 << 20,
            response_bytes: 16 << 20,
            header_bytes: 64 << 10,
            concurrent: 256,
        }
    }
}

/// One HTTP request as the plugin built it; nothing of it is checked yet.
#[derive(Clone, Debug, Default)]
pub struct HttpRequest {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// For everything, from resolving the name to the last byte.
    pub within: Duration,
    /// A thumbprint in any spelling.
    pub client_certificate: Option<String>,
    pub proxy: Option<HttpProxy>,
}

/// The proxy that a request goes through.
#[derive(Clone, Default)]
pub struct HttpProxy {
    pub url: String,
    pub user_name: Option<String>,
    pub password: Option<String>,
}

/// Shows no password.
impl fmt::Debug for HttpProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HttpProxy").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A whole response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

/// Where a connection goes.
#[derive(Clone, Debug, Default)]
pub struct ConnectTarget {
    pub host: String,
    pub port: u16,
    pub tls: bool,
    pub client_certificate: Option<String>,
    /// For everything, from resolving the name to the end of the handshake.
    pub within: Duration,
}

/// May the peer have got it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Surely not: a repeat is safe.
    No,
    Maybe,
}

impl Sent {
    /// As it stands in a problem's detail.
    pub fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Maybe => "maybe",
        }
    }
}

/// What can go wrong; each is a problem code of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboundFault {
    NotGranted,
    Address,
    Name,
    Refused,
    Timeout,
    Tls,
    Closed,
    Protocol,
    Size,
    Certificate,
}

impl OutboundFault {
    /// All of them; the place of each is its number.
    pub const ALL: [Self; 10] = [
        Self::NotGranted,
        Self::Address,
        Self::Name,
        Self::Refused,
        Self::Timeout,
        Self::Tls,
        Self::Closed,
        Self::Protocol,
        Self::Size,
        Self::Certificate,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Self::NotGranted => "network.not-granted",
            Self::Address => "network.address",
            Self::Name => "network.name",
            Self::Refused => "network.refused",
            Self::Timeout => "network.timeout",
            Self::Tls => "network.tls",
            Self::Closed => "network.closed",
            Self::Protocol => "network.protocol",
            Self::Size => "network.size",
            Self::Certificate => "network.certificate",
        }
    }
}

/// Why an exchange did not work. The text names hosts and ports, never a path,
/// a header's value or content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct OutboundProblem {
    pub fault: OutboundFault,
    pub text: String,
    pub sent: Sent,
}

impl OutboundProblem {
    /// Nothing has left this machine for the peer.
    pub fn before(fault: OutboundFault, text: impl Into<String>) -> Self {
        Self { fault, text: text.into(), sent: Sent::No }
    }

    /// The peer may have got it.
    pub fn after(fault: OutboundFault, text: impl Into<String>) -> Self {
        Self { fault, text: text.into(), sent: Sent::Maybe }
    }
}

/// What a step's instances share: whom they ask, as whom.
pub(crate) struct NetworkAccess {
    pub(crate) caller: Caller,
    outbound: Option<Arc<dyn Outbound>>,
}

impl NetworkAccess {
    pub(crate) fn new(
        plugin: &Arc<str>,
        grants: &Grants,
        limits: &Limits,
        outbound: Option<Arc<dyn Outbound>>,
    ) -> Arc<Self> {
        let caller = Caller {
            plugin: Arc::clone(plugin),
            grants: Arc::new(grants.into()),
            limits: limits.network,
        };
        Arc::new(Self { caller, outbound })
    }

    pub(crate) fn outbound(&self) -> Result<&dyn Outbound, OutboundProblem> {
        self.outbound.as_deref().ok_or_else(|| {
            OutboundProblem::before(OutboundFault::NotGranted, "there is no network here")
        })
    }
}

/// A little of a call is left to the plugin, to tell what happened.
const LEFT_FOR_THE_PLUGIN: Duration = Duration::from_millis(250);

/// The time that a plugin asked for, within what is left of its call.
pub(crate) fn within(asked: Option<Duration>, deadline: Instant) -> Duration {
    let left = deadline.saturating_duration_since(Instant::now());
    let left = left.saturating_sub(LEFT_FOR_THE_PLUGIN.min(left / 10));
    asked.unwrap_or(TIMEOUT).min(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_exchange_takes_longer_than_what_is_left_of_its_call() {
        let in_a_minute = Instant::now() + Duration::from_secs(60);
        assert_eq!(within(None, in_a_minute), TIMEOUT);
        assert_eq!(within(Some(Duration::from_secs(3)), in_a_minute), Duration::from_secs(3));
        let in_a_second = Instant::now() + Duration::from_secs(1);
        let asked = within(Some(Duration::from_secs(3)), in_a_second);
        assert!(asked <= Duration::from_millis(900), "{asked:?}");
        assert_eq!(within(None, Instant::now()), Duration::ZERO);
    }

    #[test]
    fn a_proxy_s_password_is_not_shown() {
        let proxy = HttpProxy {
            url: "http://proxy.example".to_owned(),
            user_name: Some("u".to_owned()),
            password: Some("sesame".to_owned()),
        };
        assert!(!format!("{proxy:?}").contains("sesame"));
    }
}
