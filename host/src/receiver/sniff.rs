//! Which HTTP version a connection speaks.
//!
//! With TLS the handshake has decided (ALPN). Without, a client that knows HTTP/2 starts with its
//! preface (RFC 9113, 3.3), which no HTTP/1 request can start with.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use super::replay::Replay;
use crate::listener::Stream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// How the look at a connection ended.
pub(super) enum Sniffed {
    /// The stream is as if nothing had been read.
    Version(Version, Replay<Stream>),
    /// The client did not say enough in time.
    Silent,
    /// The client left, or the connection has to stop.
    Over,
}

/// Finds the version.
pub(super) async fn sniff(
    mut stream: Stream,
    limit: Duration,
    stop: &CancellationToken,
) -> Sniffed {
    if stream.is_tls() {
        let version = match stream.application_protocol() {
            Some(b"h2") => Version::Http2,
            _ => Version::Http1,
        };
        return Sniffed::Version(version, Replay::new(stream, Bytes::new()));
    }
    let first_bytes = tokio::time::timeout(limit, read_first_bytes(&mut stream));
    let found = tokio::select! {
        found = first_bytes => found,
        () = stop.cancelled() => return Sniffed::Over,
    };
    match found {
        Ok(Some((version, read))) => Sniffed::Version(version, Replay::new(stream, read)),
        Ok(None) => Sniffed::Over,
        Err(_) => Sniffed::Silent,
    }
}

async fn read_first_bytes(stream: &mut Stream) -> Option<(Version, Bytes)> {
    let mut read = Vec::with_capacity(PREFACE.len());
    loop {
        let missing = PREFACE.len() - read.len();
        let mut rest = (&mut *stream).take(missing as u64);
        if rest.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
        if let Some(version) = version_of(&read) {
            return Some((version, read.into()));
        }
    }
}

/// `None` while both are possible.
fn version_of(read: &[u8]) -> Option<Version> {
    if !PREFACE.starts_with(read) {
        return Some(Version::Http1);
    }
    (read.len() == PREFACE.len()).then_some(Version::Http2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_preface_is_http2() {
        assert_eq!(version_of(b"P"), None);
        assert_eq!(version_of(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"), None);
        assert_eq!(version_of(PREFACE), Some(Version::Http2));
        assert_eq!(version_of(b"PO"), Some(Version::Http1));
        assert_eq!(version_of(b"PRI * HTTP/1"), Some(Version::Http1));
    }
}
