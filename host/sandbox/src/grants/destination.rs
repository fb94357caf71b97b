//! Where a plugin may connect to, as an operator writes it, and the host names
//! and addresses that plugins ask for.
//!
//! # Invariants
//! - Hosts are compared in one spelling: lower case, without the final dot, IPv4
//!   as four decimal numbers. What other software would read as an address
//!   though it is not written as one (`2130706433`, `0x7f.1`, `0177.0.0.1`) is
//!   neither granted nor asked for.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest host name that DNS has, in bytes.
const NAME_BYTES_MAX: usize = 253;

/// How one connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    Http,
    Https,
    Tcp,
    Tls,
}

impl Scheme {
    /// `http`, `https`, `tcp`, `tls`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The port when none is written; plain TCP and TLS have none.
    pub fn default_port(self) -> Option<u16> {
        match self {
            Self::Http => Some(80),
            Self::Https => Some(443),
            Self::Tcp | Self::Tls => None,
        }
    }
}

/// A host that somebody asks for, in the one spelling that is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Name(String),
    Address(IpAddr),
}

/// A text is no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidHost(String);

/// A text is no destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?}: {reason}")]
pub struct InvalidDestination {
    found: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exactly(Host),
    /// Any name with this ending, which begins with a dot.
    Below(String),
}

/// One host, or all below a domain, at one port.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    scheme: Scheme,
    host: Pattern,
    port: u16,
}

impl Host {
    /// Reads a name or an address; IPv6 with or without brackets.
    ///
    /// # Errors
    /// Neither a name nor an address in its usual spelling.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if inner.is_some() || text.contains(':') {
            let address: Result<Ipv6Addr, _> = inner.unwrap_or(text).parse();
            let address = address.map_err(|_| {
                InvalidHost("expected an IPv6 address between the brackets".to_owned())
            })?;
            return Ok(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        name(text).map(Self::Name)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
            Self::Address(address) => write!(formatter, "{address}"),
        }
    }
}

fn name(text: &str) -> Result<String, InvalidHost> {
    let invalid = |reason: &str| Err(InvalidHost(reason.to_owned()));
    let folded = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if folded.is_empty() || folded.len() > NAME_BYTES_MAX {
        return invalid("expected a host name of 1 to 253 bytes");
    }
    if !folded.is_ascii() {
        return invalid("write the name in its ASCII form (xn--…)");
    }
    for label in folded.split('.') {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if label.is_empty() || label.len() > 63 || !label.bytes().all(allowed) {
            return invalid(
                "expected a name of letters, digits, dots and dashes, without user, path or blanks",
            );
        }
    }
    let last = folded.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
        return invalid("write an address as four decimal numbers, such as 10.1.2.3");
    }
    Ok(folded)
}

impl Destination {
    /// `https://host`, `http://host:port`, `https://*.domain`.
    ///
    /// # Errors
    /// Another scheme, a path, a user, or no host.
    pub fn http(text: &str) -> Result<Self, InvalidDestination> {
        let invalid = |reason: &str| invalid(text, reason);
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(invalid(
                "expected https://host or http://host, with :port where it is another",
            ));
        };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(invalid("expected the scheme http or https")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(invalid("a whole server is granted: leave the path away"));
        }
        if rest.contains('@') {
            return Err(invalid(
                "write the server without a user: names and passwords go elsewhere",
            ));
        }
        Self::parse(scheme, text, rest)
    }

    /// `host:port`, without TLS.
    ///
    /// # Errors
    /// No host or no port.
    pub fn tcp(text: &str) -> Result<Self, InvalidDestination> {
        Self::parse(Scheme::Tcp, text, text)
    }

    /// `host:port`, with TLS.
    ///
    /// # Errors
    /// No host or no port.
    pub fn tls(text: &str) -> Result<Self, InvalidDestination> {
        Self::parse(Scheme::Tls, text, text)
    }

    fn parse(scheme: Scheme, text: &str, rest: &str) -> Result<Self, InvalidDestination> {
        let (host, port) = split_port(rest);
        let port = match port {
            Some(port) => {
                let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                let port = port.parse().ok().filter(|port| digits && *port != 0);
                port.ok_or_else(|| invalid(text, "expected a port from 1 to 65535"))?
            }
            None => scheme.default_port().ok_or_else(|| invalid(text, "expected host:port"))?,
        };
        let host = pattern(host).map_err(|InvalidHost(reason)| invalid(text, &reason))?;
        Ok(Self { scheme, host, port })
    }

    /// Does it grant connecting there?
    pub fn covers(&self, scheme: Scheme, host: &Host, port: u16) -> bool {
        self.scheme == scheme
            && self.port == port
            && match (&self.host, host) {
                (Pattern::Exactly(granted), asked) => granted == asked,
                (Pattern::Below(ending), Host::Name(asked)) => {
                    asked.len() > ending.len() && asked.ends_with(ending)
                }
                (Pattern::Below(_), Host::Address(_)) => false,
            }
    }

    /// Is this very address what the operator wrote? Then it may be private.
    pub fn names_address(&self, address: IpAddr) -> bool {
        self.host == Pattern::Exactly(Host::Address(address.to_canonical()))
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

fn invalid(found: &str, reason: &str) -> InvalidDestination {
    InvalidDestination { found: found.to_owned(), reason: reason.to_owned() }
}

/// Host and port; a colon inside of brackets is part of the host.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

fn pattern(text: &str) -> Result<Pattern, InvalidHost> {
    if let Some(domain) = text.strip_prefix("*.") {
        let domain = name(domain)?;
        if !domain.contains('.') {
            let reason = "a whole top-level domain cannot be granted: write *.example.org";
            return Err(InvalidHost(reason.to_owned()));
        }
        return Ok(Pattern::Below(format!(".{domain}")));
    }
    if text.contains('*') {
        let reason = "a star stands for the first part of a name only: *.example.org";
        return Err(InvalidHost(reason.to_owned()));
    }
    if text.contains(':') && !text.starts_with('[') {
        return Err(InvalidHost("write an IPv6 address in brackets".to_owned()));
    }
    Host::parse(text).map(Pattern::Exactly)
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self.scheme, Scheme::Http | Scheme::Https) {
            write!(formatter, "{}://", self.scheme.name())?;
        }
        match &self.host {
            Pattern::Exactly(host) => write!(formatter, "{host}")?,
            Pattern::Below(ending) => write!(formatter, "*{ending}")?,
        }
        match self.scheme.default_port() == Some(self.port) {
            true => Ok(()),
            false => write!(formatter, ":{}", self.port),
        }
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests;
