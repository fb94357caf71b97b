//! What a plugin asks for, read strictly, and whether it is granted. Pure.
//!
//! Texts for the plugin name what the operator granted, not what the plugin wrote: that may have
//! been made of a message.

use std::fmt;

use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tureen_sandbox::outbound::{
    ConnectTarget, HttpRequest, NetworkGrants, OutboundFault, OutboundProblem,
};
use tureen_sandbox::{Destination, Host, Scheme};
use url::Url;

/// Bytes of an URL.
const URL_BYTES_MAX: usize = 8_192;

/// Fields of one request.
const HEADERS_MAX: usize = 100;

/// What the host says of a connection and of a body's length. HTTP/1.1 messages could otherwise be
/// cut where the plugin wants.
const HEADERS_OF_THE_HOST: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whom to talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}:{}", self.scheme.name(), self.host, self.port)
    }
}

/// A peer that the plugin may talk to.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) peer: Peer,
    /// As the operator wrote it.
    pub(super) shown: String,
}

/// An URL, taken apart.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) peer: Peer,
    /// Path and query.
    pub(super) target: String,
}

fn protocol(text: &str) -> OutboundProblem {
    OutboundProblem::before(OutboundFault::Protocol, text)
}

/// # Errors
/// It is no URL of an HTTP server, or it holds what parsers disagree on.
pub(super) fn address(text: &str) -> Result<Address, OutboundProblem> {
    if text.len() > URL_BYTES_MAX {
        let text = format!("the URL has {} bytes, at most {URL_BYTES_MAX} are sent", text.len());
        return Err(OutboundProblem::before(OutboundFault::Size, text));
    }
    if !has_only_visible_signs(text) {
        return Err(protocol("the URL holds a blank, a control sign or a backslash"));
    }
    let url = Url::parse(text).map_err(|_| protocol("this is no whole URL of an HTTP server"))?;
    let scheme = match url.scheme() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(protocol("the URL's scheme is neither http nor https")),
    };
    let authority = authority_of(text)
        .ok_or_else(|| protocol("the URL has no two slashes before its host, or more of them"))?;
    if !url.username().is_empty() || url.password().is_some() || authority.contains('@') {
        return Err(protocol("the URL holds a user name: send an Authorization field instead"));
    }
    let host = url.host().ok_or_else(|| protocol("the URL has no host"))?;
    let host = host_of(&host)?;
    let port = url.port_or_known_default().filter(|port| *port != 0);
    let port = port.ok_or_else(|| protocol("the URL's port is none"))?;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    Ok(Address { peer: Peer { scheme, host, port }, target })
}

/// Numbers in every base are the address that they mean by now; an IPv4 address in an IPv6 one
/// stays what it is, so that a grant of the former does not mean the latter.
fn host_of(host: &url::Host<&str>) -> Result<Host, OutboundProblem> {
    match host {
        url::Host::Ipv4(address) => Ok(Host::Address((*address).into())),
        url::Host::Ipv6(address) => Ok(Host::Address((*address).into())),
        url::Host::Domain(name) => Host::parse(name).map_err(|error| protocol(&error.to_string())),
    }
}

/// No blank, control sign or backslash: parsers take these for something else, each in its own way.
fn has_only_visible_signs(text: &str) -> bool {
    !text.chars().any(|sign| sign.is_control() || sign.is_whitespace() || sign == '\\')
}

/// What stands between the scheme and the path; parsers that want to please find one elsewhere
/// too.
fn authority_of(url: &str) -> Option<&str> {
    let (_, after) = url.split_once("://")?;
    after.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())
}

/// # Errors
/// No host, or no port.
pub(super) fn peer_of(target: &ConnectTarget) -> Result<Peer, OutboundProblem> {
    if target.host.len() > URL_BYTES_MAX || !has_only_visible_signs(&target.host) {
        return Err(protocol("this is no name of a host and no address"));
    }
    let host = Host::parse(&target.host).map_err(|error| protocol(&error.to_string()))?;
    if target.port == 0 {
        return Err(protocol("there is no port 0"));
    }
    let scheme = if target.tls { Scheme::Tls } else { Scheme::Tcp };
    Ok(Peer { scheme, host, port: target.port })
}

/// # Errors
/// The operator does not grant it.
pub(super) fn granted(
    peer: Peer,
    grants: &NetworkGrants,
    plugin: &str,
) -> Result<Granted, OutboundProblem> {
    let (list, key) = match peer.scheme {
        Scheme::Http | Scheme::Https => (&grants.http, "http"),
        Scheme::Tcp => (&grants.tcp, "tcp"),
        Scheme::Tls => (&grants.tls, "tls"),
    };
    let allows = |it: &&Destination| it.covers(peer.scheme, &peer.host, peer.port);
    if let Some(destination) = list.iter().find(allows) {
        let shown = destination.to_string();
        return Ok(Granted { peer, shown });
    }
    tracing::debug!(plugin, scheme = peer.scheme.name(), host = %peer.host, port = peer.port, "not granted");
    let text = format!(
        "the plugin is not granted the server that it asks for ({}, port {}); add it to `{key}` of [plugins.{plugin}], if it may: the log names it at level debug",
        peer.scheme.name(),
        peer.port
    );
    Err(OutboundProblem::before(OutboundFault::NotGranted, text))
}

/// # Errors
/// The method is none, or is the host's.
pub(super) fn method(request: &HttpRequest) -> Result<Method, OutboundProblem> {
    let method = Method::from_bytes(request.method.as_bytes());
    let method = method.map_err(|_| protocol("the method is not one word of letters"))?;
    match method {
        Method::CONNECT | Method::TRACE => Err(protocol("this method is not sent for plugins")),
        method => Ok(method),
    }
}

/// # Errors
/// A field that cannot be sent, belongs to the host, or is one too many.
pub(super) fn headers(request: &HttpRequest) -> Result<HeaderMap, OutboundProblem> {
    if request.headers.len() > HEADERS_MAX {
        let found = request.headers.len();
        let text = format!("the request has {found} header fields, at most {HEADERS_MAX} are sent");
        return Err(OutboundProblem::before(OutboundFault::Size, text));
    }
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 2);
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| protocol("a name is not that of a header field"))?;
        if HEADERS_OF_THE_HOST.contains(&name.as_str()) {
            return Err(protocol(&format!("the header field {name} belongs to the host")));
        }
        let value = HeaderValue::from_bytes(value)
            .map_err(|_| protocol(&format!("the value of {name} holds a control sign")))?;
        headers.append(name, value);
    }
    Ok(headers)
}
