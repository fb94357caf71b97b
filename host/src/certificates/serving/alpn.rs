//! Answers to the challenge by which an ACME authority checks who owns a name (RFC 8737).
//!
//! # Invariants
//! - A certificate of a challenge is shown to who asks for `acme-tls/1` and to nobody else; who asks
//!   for it is shown nothing else.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;

use crate::certificates::ACME_TLS;

/// The certificates that prove ownership of names, while authorities look.
#[derive(Debug, Default)]
pub struct AlpnChallenges {
    by_host: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

impl AlpnChallenges {
    /// Shows this for the host from the next handshake on, until it is removed.
    pub fn insert(&self, host: &str, answer: Arc<CertifiedKey>) {
        let mut by_host = self.by_host.write().unwrap_or_else(PoisonError::into_inner);
        by_host.insert(host.to_ascii_lowercase(), answer);
    }

    pub fn remove(&self, host: &str) {
        let mut by_host = self.by_host.write().unwrap_or_else(PoisonError::into_inner);
        by_host.remove(&host.to_ascii_lowercase());
    }

    /// None where no challenge waits, which ends the handshake. The authority must offer exactly
    /// one protocol (RFC 8737, 3).
    pub(super) fn answer(&self, hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.alpn()?.count() != 1 {
            return None;
        }
        let host = hello.server_name()?.to_ascii_lowercase();
        let by_host = self.by_host.read().unwrap_or_else(PoisonError::into_inner);
        by_host.get(&host).cloned()
    }
}

/// Whether `acme-tls/1` is what will be spoken: it is offered, and nothing that goes before it.
pub(super) fn asks_for_challenge(hello: &ClientHello<'_>) -> bool {
    let offers = |wanted: &[u8]| hello.alpn().is_some_and(|mut all| all.any(|one| one == wanted));
    offers(ACME_TLS) && !offers(b"h2") && !offers(b"http/1.1")
}
