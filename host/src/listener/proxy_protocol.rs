//! The header with which a proxy introduces a connection: PROXY protocol, versions 1 and 2
//! (HAProxy, `proxy-protocol.txt`, 2.1 and 2.2).
//!
//! # Invariants
//! - Not one byte after the header is read: what follows belongs to TLS or HTTP.
//! - What is read is bounded by [`VERSION_1_BYTES_MAX`] and [`VERSION_2_BYTES_MAX`], and is refused
//!   at the first byte that cannot be part of a header.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest header of version 1, with its line end.
const VERSION_1_BYTES_MAX: usize = 107;
/// The longest header of version 2 that is read, with its further fields (TLV).
const VERSION_2_BYTES_MAX: usize = VERSION_2_START + 4 * 1024;

const VERSION_1_SIGNATURE: &[u8] = b"PROXY ";
const VERSION_2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const VERSION_2_START: usize = 16;

/// Who opened the connection, as the proxy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Introduced {
    Client(SocketAddr),
    /// The proxy speaks for itself (a health check), or does not know for whom.
    ProxyItself,
}

/// Why there is no header. The fault is the peer's, or the operator's who expects one.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyHeaderError {
    #[error("the connection does not start with a PROXY protocol header")]
    NotThere,
    #[error("the PROXY protocol header is broken: {0}")]
    Broken(&'static str),
    #[error("the connection ended within the PROXY protocol header")]
    Cut,
    #[error("cannot read the PROXY protocol header")]
    Read(#[source] io::Error),
}

/// Reads the header, and nothing after it.
///
/// # Errors
/// No whole and valid header.
///
/// # Cancellation
/// What was read is lost: the connection is of no more use.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Introduced, ProxyHeaderError> {
    let mut header = Vec::with_capacity(VERSION_1_BYTES_MAX);
    loop {
        match parse(&header)? {
            Parsed::Done(introduced) => return Ok(introduced),
            Parsed::Needs(more) => {
                let mut rest = (&mut *stream).take(more as u64);
                if rest.read_buf(&mut header).await.map_err(ProxyHeaderError::Read)? == 0 {
                    return Err(ProxyHeaderError::Cut);
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parsed {
    Done(Introduced),
    /// At least so many bytes, not zero, are still part of the header.
    Needs(usize),
}

/// Looks at the bytes read until now.
fn parse(header: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    if header.starts_with(VERSION_1_SIGNATURE) {
        return version_1(header);
    }
    if header.starts_with(VERSION_2_SIGNATURE) {
        return version_2(header);
    }
    for signature in [VERSION_1_SIGNATURE, VERSION_2_SIGNATURE] {
        if signature.starts_with(header) {
            // With nothing read yet, the shorter signature is what both have at least.
            return Ok(Parsed::Needs(signature.len() - header.len()));
        }
    }
    Err(ProxyHeaderError::NotThere)
}

/// One line of text. Its end is not known before it is there, so it is read byte by byte.
fn version_1(header: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let Some(line) = header.strip_suffix(b"\r\n") else {
        return match header.len() {
            VERSION_1_BYTES_MAX.. => Err(ProxyHeaderError::Broken("the line is too long")),
            _ => Ok(Parsed::Needs(1)),
        };
    };
    let line =
        std::str::from_utf8(line).map_err(|_| ProxyHeaderError::Broken("the line is not text"))?;
    let mut words = line.split(' ').skip(1);
    let family = words.next().unwrap_or_default();
    if family == "UNKNOWN" {
        return Ok(Parsed::Done(Introduced::ProxyItself));
    }
    let words: Vec<&str> = words.collect();
    let [source, destination, source_port, destination_port] = words.as_slice() else {
        return Err(ProxyHeaderError::Broken("expected two addresses and two ports"));
    };
    let (source, destination) = match family {
        "TCP4" => (source.parse().map(IpAddr::V4), destination.parse().map(IpAddr::V4)),
        "TCP6" => (source.parse().map(IpAddr::V6), destination.parse().map(IpAddr::V6)),
        _ => return Err(ProxyHeaderError::Broken("the protocol is not TCP4, TCP6 or UNKNOWN")),
    };
    match (source, destination, port(source_port), port(destination_port)) {
        (Ok(source), Ok(_), Some(port), Some(_)) => {
            Ok(Parsed::Done(Introduced::Client(SocketAddr::new(source, port))))
        }
        _ => Err(ProxyHeaderError::Broken("an address or a port cannot be read")),
    }
}

fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn version_2(header: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let Some((start, rest)) = header.split_at_checked(VERSION_2_START) else {
        return Ok(Parsed::Needs(VERSION_2_START - header.len()));
    };
    let [.., command, family, high, low] = start else {
        return Err(ProxyHeaderError::NotThere);
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if VERSION_2_START + length > VERSION_2_BYTES_MAX {
        return Err(ProxyHeaderError::Broken("it is too long"));
    }
    if let Some(missing) = length.checked_sub(rest.len()).filter(|missing| *missing > 0) {
        return Ok(Parsed::Needs(missing));
    }
    match (command, family) {
        // LOCAL: whatever follows is to be ignored.
        (0x20, _) => Ok(Parsed::Done(Introduced::ProxyItself)),
        // Unspecified, or a socket file on the proxy's machine: there is no address.
        (0x21, 0x00 | 0x31) => Ok(Parsed::Done(Introduced::ProxyItself)),
        (0x21, 0x11) => source(rest, |bytes: [u8; 4]| Ipv4Addr::from(bytes).into()),
        (0x21, 0x21) => source(rest, |bytes: [u8; 16]| Ipv6Addr::from(bytes).into()),
        (0x21, _) => Err(ProxyHeaderError::Broken("the protocol is not TCP")),
        _ => Err(ProxyHeaderError::Broken("the version or the command is unknown")),
    }
}

/// Two addresses of `N` bytes, then two ports; what follows are further fields.
fn source<const N: usize>(
    rest: &[u8],
    address: impl Fn([u8; N]) -> IpAddr,
) -> Result<Parsed, ProxyHeaderError> {
    let broken = ProxyHeaderError::Broken("it ends within the addresses");
    let (Some((source, rest)), true) = (rest.split_first_chunk(), rest.len() >= 2 * N + 4) else {
        return Err(broken);
    };
    let Some(port) = rest.get(N..N + 2).and_then(|port| port.first_chunk()) else {
        return Err(broken);
    };
    let client = SocketAddr::new(address(*source), u16::from_be_bytes(*port));
    Ok(Parsed::Done(Introduced::Client(client)))
}

#[cfg(test)]
mod tests;
