//! Counts what was turned away, by the limit or the rule that turned it away.
//!
//! Knows names and numbers. Deliberately does not know who refuses or who reads the counts: the
//! listener and the receiver count, and whoever shows the state of the server takes a
//! [`Refusals::snapshot`].
//!
//! # Invariants
//! - A count never goes down while the server runs.
//! - No count tells anything of a message or a client.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

/// A limit or a rule that turned something away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalKind {
    /// A connection over `limits.connections_per_peer`.
    ConnectionsPerPeer,
    /// The system gave no connection; most often no file descriptor was left.
    AcceptFailed,
    HandshakeFailed,
    /// A handshake over `limits.handshake_timeout_seconds`, waiting for its turn included.
    HandshakeTimeout,
    /// A head over `limits.header_timeout_seconds`: 408, or nothing said at all.
    SlowHead,
    /// A connection over `limits.idle_timeout_seconds`.
    Idle,
    /// A client that took no answer within `limits.write_timeout_seconds`.
    SlowReader,
    /// 431.
    LongHead,
    /// 414.
    LongUrl,
    /// 400, the head.
    Malformed,
    /// 421.
    WrongHost,
    /// 405.
    Method,
    /// 404.
    UnknownPath,
    /// 401.
    Unauthorized,
    /// 403.
    ClientCertificate,
    /// 429 by `limits.failed_logins_per_minute`.
    TooManyLogins,
    /// 411.
    LengthRequired,
    /// 413.
    LongBody,
    /// 408, the body.
    SlowBody,
    /// 400, the body.
    BrokenBody,
    /// 415, a content coding.
    Encoding,
    /// 415, a multipart body.
    Multipart,
    /// 417.
    Expectation,
    /// 429 by `limits.requests_per_second_per_client`.
    TooManyRequests,
    /// 503 by `limits.requests_in_flight` or `limits.body_bytes_in_flight`.
    Overloaded,
    /// 503 by what stands behind the receiver, `limits.messages_in_flight` among others.
    Unavailable,
    /// An HTTP/2 connection on which too many requests were taken back.
    ResetFlood,
    /// Any other offence against HTTP/2 that ended a connection.
    Http2Violation,
}

impl RefusalKind {
    /// All of them, in the order of a request's way through the server.
    pub const ALL: [Self; 28] = [
        Self::ConnectionsPerPeer,
        Self::AcceptFailed,
        Self::HandshakeFailed,
        Self::HandshakeTimeout,
        Self::SlowHead,
        Self::Idle,
        Self::SlowReader,
        Self::LongHead,
        Self::LongUrl,
        Self::Malformed,
        Self::WrongHost,
        Self::Method,
        Self::UnknownPath,
        Self::Unauthorized,
        Self::ClientCertificate,
        Self::TooManyLogins,
        Self::LengthRequired,
        Self::LongBody,
        Self::SlowBody,
        Self::BrokenBody,
        Self::Encoding,
        Self::Multipart,
        Self::Expectation,
        Self::TooManyRequests,
        Self::Overloaded,
        Self::Unavailable,
        Self::ResetFlood,
        Self::Http2Violation,
    ];

    /// A stable name in snake case, for metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConnectionsPerPeer => "connections_per_peer",
            Self::AcceptFailed => "accept_failed",
            Self::HandshakeFailed => "handshake_failed",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::SlowHead => "slow_head",
            Self::Idle => "idle",
            Self::SlowReader => "slow_reader",
            Self::LongHead => "long_head",
            Self::LongUrl => "long_url",
            Self::Malformed => "malformed",
            Self::WrongHost => "wrong_host",
            Self::Method => "method",
            Self::UnknownPath => "unknown_path",
            Self::Unauthorized => "unauthorized",
            Self::ClientCertificate => "client_certificate",
            Self::TooManyLogins => "too_many_logins",
            Self::LengthRequired => "length_required",
            Self::LongBody => "long_body",
            Self::SlowBody => "slow_body",
            Self::BrokenBody => "broken_body",
            Self::Encoding => "encoding",
            Self::Multipart => "multipart",
            Self::Expectation => "expectation",
            Self::TooManyRequests => "too_many_requests",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::ResetFlood => "reset_flood",
            Self::Http2Violation => "http2_violation",
        }
    }
}

/// How often each kind happened since the start.
#[derive(Debug)]
pub struct Refusals {
    counts: [AtomicU64; RefusalKind::ALL.len()],
}

impl Default for Refusals {
    fn default() -> Self {
        Self { counts: array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Refusals {
    pub fn count(&self, kind: RefusalKind) {
        if let Some(count) = self.counts.get(kind as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn of(&self, kind: RefusalKind) -> u64 {
        self.counts.get(kind as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Every kind with its count, in the order of [`RefusalKind::ALL`].
    pub fn snapshot(&self) -> [(RefusalKind, u64); RefusalKind::ALL.len()] {
        RefusalKind::ALL.map(|kind| (kind, self.of(kind)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_count_and_a_name_of_its_own() {
        let refusals = Refusals::default();
        for (times, kind) in RefusalKind::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| refusals.count(kind));
        }
        for (times, (kind, count)) in refusals.snapshot().into_iter().enumerate() {
            assert_eq!((kind, count), (RefusalKind::ALL[times], times as u64));
        }
        let names: HashSet<_> = RefusalKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), RefusalKind::ALL.len());
    }
}
