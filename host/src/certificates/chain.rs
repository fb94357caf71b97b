//! Brings certificates into the order in which they are sent: the server's own, its issuer, and
//! so on.
//!
//! # Invariants
//! - The result does not depend on the order of what is given.
//! - A root is told apart and never sent: a client has it, or would not trust it anyway.

use std::cmp::Reverse;

use rustls::pki_types::CertificateDer;
use x509_parser::error::X509Error;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Longer chains are refused by many clients.
const LENGTH_MAX: usize = 10;

/// A chain, and what did not belong to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// The server's own certificate first, without the root.
    pub(super) sent: Vec<CertificateDer<'static>>,
    pub(super) root: Option<CertificateDer<'static>>,
    /// Certificates that were given more than once.
    pub(super) duplicates: usize,
    /// Certificates that issued none of the chain.
    pub(super) unrelated: usize,
    /// Who issued the last one that is sent, where that certificate seems to be missing.
    pub(super) missing_issuer: Option<String>,
}

struct Candidate<'a> {
    der: &'a CertificateDer<'static>,
    parsed: X509Certificate<'a>,
}

/// # Errors
/// One of them is no certificate; says why.
pub(super) fn order(
    own: &CertificateDer<'static>,
    others: &[CertificateDer<'static>],
) -> Result<Chain, String> {
    let own = candidate(own)?;
    let mut left: Vec<Candidate<'_>> = Vec::new();
    let mut duplicates = 0;
    for other in others {
        if other == own.der {
            continue;
        }
        if left.iter().any(|known| known.der == other) {
            duplicates += 1;
        } else {
            left.push(candidate(other)?);
        }
    }
    duplicates += others.iter().filter(|other| *other == own.der).count().saturating_sub(1);
    let mut chain = vec![own];
    while let Some(last) = chain.last()
        && chain.len() < LENGTH_MAX
        && !is_self_issued(&last.parsed)
        && let Some(index) = issuer_of(&last.parsed, &left)
    {
        chain.push(left.swap_remove(index));
    }
    Ok(finish(&chain, left.len(), duplicates))
}

fn finish(chain: &[Candidate<'_>], unrelated: usize, duplicates: usize) -> Chain {
    let mut sent: Vec<_> = chain.iter().map(|one| one.der.clone()).collect();
    let last = chain.last().map(|one| &one.parsed);
    let ends_in_root = last.is_some_and(is_self_issued);
    let root = if ends_in_root && sent.len() > 1 { sent.pop() } else { None };
    // A chain without its root is what most authorities hand out. So an issuer counts as missing
    // only where none came along, or where one came that does not connect.
    let is_missing = !ends_in_root && (sent.len() == 1 || unrelated > 0);
    let missing_issuer = last.filter(|_| is_missing).map(|last| last.issuer().to_string());
    Chain { sent, root, duplicates, unrelated, missing_issuer }
}

fn candidate<'a>(der: &'a CertificateDer<'static>) -> Result<Candidate<'a>, String> {
    let (_, parsed) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    Ok(Candidate { der, parsed })
}

fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

/// Where several fit, as with cross-signed authorities, one is taken that does not depend on their
/// order: a verified one before one whose signature cannot be checked here, a root before others,
/// the one that lasts longest.
fn issuer_of(certificate: &X509Certificate<'_>, candidates: &[Candidate<'_>]) -> Option<usize> {
    let rank = |issuer: &Candidate<'_>| {
        if issuer.parsed.subject().as_raw() != certificate.issuer().as_raw() {
            return None;
        }
        let is_unverifiable = match certificate.verify_signature(Some(issuer.parsed.public_key())) {
            Ok(()) => false,
            Err(X509Error::SignatureUnsupportedAlgorithm) => true,
            Err(_) => return None,
        };
        let ends = issuer.parsed.validity().not_after.timestamp();
        Some((is_unverifiable, !is_self_issued(&issuer.parsed), Reverse(ends), issuer.der.to_vec()))
    };
    let ranked = candidates.iter().enumerate().filter_map(|(at, one)| Some((rank(one)?, at)));
    ranked.min().map(|(_, at)| at)
}
