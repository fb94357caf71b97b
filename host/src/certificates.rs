//! The certificates of a home: made, imported, kept on disk, checked, assigned to ports, and handed
//! to TLS.
//!
//! Knows files, X.509 and rustls. Deliberately does not know listeners or workflows.
//!
//! # Invariants
//! - A private key is written with mode 0600 and is refused when others may read it.
//! - A certificate that does not belong to its key is refused when it is loaded, not at a handshake.
//! - A certificate on disk is there whole or not at all. What is replaced is kept aside.
//! - One that cannot be used hides no other, and what is served goes on being served.
//! - The default certificate has a key of its own per home and is never a trust anchor.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::TlsMinimum;

pub use assignments::{Assignments, Bound, Unbound};
pub use create::{SelfSigned, VALID_DAYS, self_signed};
pub use error::{CertificateError, CertificateWarning};
pub use import::{Imported, write_private_file};
pub use inspect::{Described, describe_file};
pub use name::{ACME, TRUSTED, check_name};
pub use password::Password;
pub use serving::{AlpnChallenges, Reloaded, Serving, Wanted};
pub use store::{CertificateStore, DefaultCertificate, Existing, NewCertificate, Scan};
pub use thumbprint::{Named, Thumbprint, ThumbprintError};

mod assignments;
mod chain;
mod create;
mod der;
mod error;
mod files;
mod import;
mod inspect;
mod key;
mod load;
mod material;
mod name;
mod password;
mod pfx;
mod serving;
mod store;
#[cfg(test)]
mod tests;
mod thumbprint;

pub const DEFAULT_NAME: &str = "default";
pub const CERTIFICATE_FILE: &str = "certificate.pem";
const KEY_FILE: &str = "key.pem";
const REQUEST_FILE: &str = "request.pem";
const FORMERLY_FILE: &str = "formerly.txt";

/// Operators are warned this long before the end.
pub const EXPIRY_WARNING_DAYS: i64 = 30;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The protocol of the challenge of RFC 8737.
const ACME_TLS: &[u8] = b"acme-tls/1";

/// One certificate with its chain and key, checked.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// What it is called: the name of its folder, or of its file without the ending.
    pub name: String,
    /// The file with the certificate.
    pub path: PathBuf,
    /// Subject in the form of RFC 4514.
    pub subject: String,
    /// Issuer in the same form.
    pub issuer: String,
    /// DNS names and addresses that it is for.
    pub names: Vec<String>,
    pub not_before: jiff::Timestamp,
    pub not_after: jiff::Timestamp,
    /// As Windows shows it.
    pub sha1: Thumbprint,
    pub sha256: Thumbprint,
    /// Thumbprints of those that it replaced, the latest first.
    pub formerly: Vec<Thumbprint>,
    /// What clients will hold against it, apart from the time.
    pub warnings: Vec<CertificateWarning>,
    root: Option<CertificateDer<'static>>,
    /// When the first of the issuers that are sent ends.
    issuers_not_after: Option<jiff::Timestamp>,
    key: Arc<PrivatePkcs8KeyDer<'static>>,
    certified_key: Arc<CertifiedKey>,
    /// Of the files' bytes, to tell whether they changed.
    digest: [u8; 32],
}

impl Certificate {
    /// The chain as it is sent: the server's own certificate first, without the root.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified_key.cert
    }

    /// The chain with the root, as far as it is known.
    pub fn chain_and_root(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.chain().iter().chain(&self.root)
    }

    /// The server's own certificate in DER.
    pub fn own(&self) -> &[u8] {
        self.chain().first().map(AsRef::as_ref).unwrap_or_default()
    }

    /// Chain and key, for a handshake.
    pub fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.certified_key
    }

    /// Whole days until it ends, rounded down; negative when it has ended.
    pub fn days_left(&self, now: jiff::Timestamp) -> i64 {
        (self.not_after.as_second() - now.as_second()).div_euclid(DAY_SECONDS)
    }

    /// What is wrong with the validity at this time.
    pub fn warning(&self, now: jiff::Timestamp) -> Option<CertificateWarning> {
        let name = self.name.clone();
        let days = self.days_left(now);
        if now < self.not_before {
            Some(CertificateWarning::NotYetValid { name, at: self.not_before })
        } else if now > self.not_after {
            Some(CertificateWarning::Expired { name, at: self.not_after })
        } else if let Some(at) = self.issuers_not_after.filter(|at| now > *at) {
            Some(CertificateWarning::IssuerExpired { name, at })
        } else if days < EXPIRY_WARNING_DAYS {
            Some(CertificateWarning::ExpiresSoon { name, days, at: self.not_after })
        } else {
            None
        }
    }
}

/// One certificate for all who connect. Replaced, it is used by the next handshake; open
/// connections stay.
#[derive(Debug)]
pub struct ServedCertificate {
    current: ArcSwap<CertifiedKey>,
}

impl ServedCertificate {
    pub fn new(certificate: &Certificate) -> Arc<Self> {
        Arc::new(Self { current: ArcSwap::new(certificate.certified_key.clone()) })
    }

    pub fn replace(&self, certificate: &Certificate) {
        self.current.store(certificate.certified_key.clone());
    }
}

impl ResolvesServerCert for ServedCertificate {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// TLS 1.2 and 1.3 with ephemeral keys and authenticated encryption only, for HTTP/2 and HTTP/1.1.
///
/// With a verifier every connection shows its client certificate: nothing is resumed, since a
/// resumed session would skip the check (reliability 2.3).
///
/// # Errors
/// Only when the cryptography that is built in has no cipher suite for these versions.
pub fn https_config(
    certificate: Arc<dyn ResolvesServerCert>,
    client_verifier: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<Arc<rustls::ServerConfig>, rustls::Error> {
    https_config_from(TlsMinimum::Tls12, certificate, client_verifier)
}

/// [`https_config`] with TLS 1.2 or without.
///
/// # Errors
/// As [`https_config`].
pub fn https_config_from(
    minimum: TlsMinimum,
    certificate: Arc<dyn ResolvesServerCert>,
    client_verifier: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<Arc<rustls::ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions: &[&rustls::SupportedProtocolVersion] = match minimum {
        TlsMinimum::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        TlsMinimum::Tls13 => &[&rustls::version::TLS13],
    };
    let builder =
        rustls::ServerConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
    let checks_clients = client_verifier.is_some();
    let builder = match client_verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(certificate);
    if checks_clients {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    // Every suite is an AEAD with forward secrecy; the strongest that both have is taken.
    config.ignore_client_order = true;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), ACME_TLS.to_vec()];
    Ok(Arc::new(config))
}

/// The names by which this machine may be called, for [`CertificateStore::ensure_default`].
pub fn machine_host_names() -> Vec<String> {
    let from_kernel = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok());
    let name = from_kernel.or_else(|| std::env::var("COMPUTERNAME").ok());
    let name = name.map(|name| name.trim().to_lowercase());
    name.into_iter().filter(|name| !name.is_empty()).collect()
}
