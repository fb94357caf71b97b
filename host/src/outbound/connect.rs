//! From a granted peer to a stream: look up, check, connect, encrypt.
//!
//! # Invariants
//! - A name is looked up once, and only addresses that were checked are connected to: what the name
//!   leads to a moment later does not count.
//! - One address that is not allowed refuses the name: a mix is a trick or a mistake.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tureen_sandbox::outbound::{OutboundFault, OutboundProblem};
use tureen_sandbox::{AddressRange, Host};

use super::address::{self, NotPublic};
use super::resolve::Resolve;
use super::target::Granted;

/// Any stream of bytes.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// How far an exchange is: what a time-out says.
#[derive(Default)]
pub(super) struct Progress(AtomicU8);

/// The stages of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Stage {
    Waiting,
    Resolving,
    Connecting,
    Encrypting,
    Answering,
    Reading,
}

impl Progress {
    pub(super) fn at(&self, stage: Stage) {
        self.0.store(stage as u8, Ordering::Relaxed);
    }

    /// Was somebody connected to, or tried to?
    pub(super) fn has_passed_the_checks(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= Stage::Connecting as u8
    }

    /// The whole exchange was not done in time.
    pub(super) fn timed_out(&self, within: Duration) -> OutboundProblem {
        let stage = self.0.load(Ordering::Relaxed);
        let what = match stage {
            it if it == Stage::Waiting as u8 => "its turn did not come (outbound_concurrency)",
            it if it == Stage::Resolving as u8 => "the server's name was not resolved",
            it if it == Stage::Connecting as u8 => "the server took no connection",
            it if it == Stage::Encrypting as u8 => "the TLS handshake was not done",
            it if it == Stage::Answering as u8 => "the server did not answer",
            _ => "the server's answer did not end",
        };
        let text = format!("{what} within {} ms", within.as_millis());
        if stage < Stage::Answering as u8 {
            OutboundProblem::before(OutboundFault::Timeout, text)
        } else {
            OutboundProblem::after(OutboundFault::Timeout, text)
        }
    }
}

/// The times of one connection.
#[derive(Clone, Copy)]
pub(super) struct ConnectTimes {
    pub(super) resolve: Duration,
    /// For one address.
    pub(super) connect: Duration,
}

fn before(fault: OutboundFault, text: impl Into<String>) -> OutboundProblem {
    OutboundProblem::before(fault, text)
}

/// The addresses that a granted peer may be reached at.
///
/// # Errors
/// The name leads nowhere, or to an address that is not allowed.
pub(super) async fn addresses(
    granted: &Granted,
    networks: &[AddressRange],
    resolver: &dyn Resolve,
    times: ConnectTimes,
) -> Result<Vec<IpAddr>, OutboundProblem> {
    let name = match &granted.peer.host {
        // The operator wrote this very address.
        Host::Address(address) => return Ok(vec![*address]),
        Host::Name(name) => name,
    };
    let shown = &granted.shown;
    let found = timeout(times.resolve, resolver.addresses(name)).await.map_err(|_| {
        let milliseconds = times.resolve.as_millis();
        before(
            OutboundFault::Timeout,
            format!("{shown}: no name server answered within {milliseconds} ms"),
        )
    })?;
    let found = found.map_err(|_| {
        before(OutboundFault::Name, format!("{shown}: the name cannot be resolved"))
    })?;
    if found.is_empty() {
        return Err(before(OutboundFault::Name, format!("{shown}: the name has no address")));
    }
    for address in &found {
        check(*address, networks, granted)?;
    }
    Ok(found)
}

/// # Errors
/// The address is not public, and not granted.
pub(super) fn check(
    address: IpAddr,
    networks: &[AddressRange],
    granted: &Granted,
) -> Result<(), OutboundProblem> {
    if granted.peer.host == Host::Address(address) {
        return Ok(());
    }
    address::check(address, networks).map_err(|NotPublic(kind)| {
        let text = format!(
            "{}: its name leads to {kind}, which is not granted; if it may, add the network to `private_addresses`",
            granted.shown
        );
        before(OutboundFault::Address, text)
    })
}

/// Connects to the first address that takes a connection.
///
/// # Errors
/// None does.
pub(super) async fn tcp(
    granted: &Granted,
    addresses: &[IpAddr],
    times: ConnectTimes,
) -> Result<(TcpStream, SocketAddr), OutboundProblem> {
    let mut last = None;
    for address in addresses {
        let address = SocketAddr::new(*address, granted.peer.port);
        match timeout(times.connect, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small messages must not wait for one another; without it they merely do.
                let _nodelay = stream.set_nodelay(true);
                return Ok((stream, address));
            }
            Ok(Err(error)) => last = Some(error.kind()),
            Err(_) => last = last.or(Some(std::io::ErrorKind::TimedOut)),
        }
    }
    let shown = &granted.shown;
    Err(match last {
        Some(std::io::ErrorKind::TimedOut) => before(
            OutboundFault::Timeout,
            format!("{shown}: no address takes a connection in time"),
        ),
        Some(std::io::ErrorKind::ConnectionRefused) => {
            before(OutboundFault::Refused, format!("{shown}: nobody listens there"))
        }
        _ => before(OutboundFault::Refused, format!("{shown}: it cannot be reached")),
    })
}

/// # Errors
/// The server's certificate is not trusted, or the handshake fails otherwise.
pub(super) async fn encrypt<S: Stream + 'static>(
    granted: &Granted,
    stream: S,
    config: Arc<ClientConfig>,
    within: Duration,
) -> Result<tokio_rustls::client::TlsStream<S>, OutboundProblem> {
    let shown = &granted.shown;
    let name = match &granted.peer.host {
        Host::Address(address) => ServerName::IpAddress((*address).into()),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| {
            before(OutboundFault::Name, format!("{shown}: TLS cannot check this name"))
        })?,
    };
    match timeout(within, TlsConnector::from(config).connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => {
            Err(before(OutboundFault::Tls, format!("{shown}: {}", tls_reason(&error))))
        }
        Err(_) => {
            let milliseconds = within.as_millis();
            let text = format!("{shown}: the TLS handshake was not done within {milliseconds} ms");
            Err(before(OutboundFault::Timeout, text))
        }
    }
}

/// What went wrong with TLS, in words that hold nothing of the certificate.
pub(super) fn tls_reason(error: &std::io::Error) -> String {
    use rustls::{CertificateError as Bad, Error};
    let Some(error) = error.get_ref().and_then(|it| it.downcast_ref::<Error>()) else {
        return "the server ended the TLS handshake".to_owned();
    };
    let reason = match error {
        Error::InvalidCertificate(Bad::UnknownIssuer) => {
            "the server's certificate comes from no trusted authority; add it to [outbound] certificate_authorities"
        }
        Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "the server's certificate is not for this name"
        }
        Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            "the server's certificate has expired"
        }
        Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
            "the server's certificate is not valid yet"
        }
        Error::InvalidCertificate(_) => "the server's certificate cannot be trusted",
        Error::AlertReceived(alert) => {
            return format!(
                "the server refused TLS ({alert:?}); it may want a client certificate, or another one"
            );
        }
        Error::PeerIncompatible(_) => "the server speaks no TLS that is allowed (tls_minimum)",
        Error::InvalidMessage(_) => "the server does not speak TLS at this port",
        _ => "the TLS handshake failed",
    };
    reason.to_owned()
}
