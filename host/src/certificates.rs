//! The certificates of a home: made, kept on disk, checked, and handed to TLS.
//!
//! Knows files, X.509 and rustls. Deliberately does not know listeners or workflows.
//!
//! # Invariants
//! - A private key is written with mode 0600 and is refused when others may read it.
//! - A certificate that does not belong to its key is refused when it is loaded, not at a handshake.
//! - A certificate on disk is never overwritten: the default one is made once per home, with a key
//!   of its own, and appears whole or not at all.
//! - The default certificate is never a trust anchor.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

pub use load::EXPIRY_WARNING_DAYS;
pub use thumbprint::{Thumbprint, ThumbprintError};

mod create;
mod load;
#[cfg(test)]
mod tests;
mod thumbprint;

pub const DEFAULT_NAME: &str = "default";
const CERTIFICATE_FILE: &str = "certificate.pem";
const KEY_FILE: &str = "key.pem";

/// The directory of certificates: one folder each, with the chain and the key in PEM.
#[derive(Clone, Debug)]
pub struct CertificateStore {
    directory: PathBuf,
}

/// One certificate with its chain and key, checked.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The name of its folder.
    pub name: String,
    /// Subject in the form of RFC 4514.
    pub subject: String,
    /// DNS names and addresses that it is for.
    pub names: Vec<String>,
    pub not_before: jiff::Timestamp,
    pub not_after: jiff::Timestamp,
    /// As Windows shows it.
    pub sha1: Thumbprint,
    pub sha256: Thumbprint,
    certified_key: Arc<CertifiedKey>,
}

/// Why a certificate cannot be used, and what to do. The fault is the operator's unless it is `Create`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    #[error("cannot {action} {path}")]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is longer than {bytes_max} bytes, which no certificate or key is")]
    TooLong { path: PathBuf, bytes_max: u64 },
    #[error("{path} is missing. Put it back, or move {directory} away to start anew")]
    Incomplete { path: PathBuf, directory: PathBuf },
    #[error(
        "others than its owner may use the private key {path} (mode {mode:03o}). Take it from them: \
         chmod 600 {path}"
    )]
    KeyMode { path: PathBuf, mode: u32 },
    #[error("{path} holds no {expected} in PEM")]
    NoPem { path: PathBuf, expected: &'static str },
    #[error("{path} is not a certificate in X.509: {text}")]
    NotX509 { path: PathBuf, text: String },
    #[error("the private key {path} cannot be used")]
    Key {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error("the private key {key} belongs to another certificate than {certificate}")]
    KeyMismatch { key: PathBuf, certificate: PathBuf },
    #[error("cannot make a certificate")]
    Create {
        #[source]
        source: rcgen::Error,
    },
    #[error("the system gives no random numbers")]
    Random,
}

/// Something about a certificate that an operator should act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateWarning {
    #[error("the certificate \"{name}\" expires in {days} days, at {at}")]
    ExpiresSoon { name: String, days: i64, at: jiff::Timestamp },
    #[error("the certificate \"{name}\" has expired at {at}; clients refuse it")]
    Expired { name: String, at: jiff::Timestamp },
    #[error("the certificate \"{name}\" is not valid before {at}; clients refuse it until then")]
    NotYetValid { name: String, at: jiff::Timestamp },
}

/// The default certificate, and whether it is new.
#[derive(Clone, Debug)]
pub struct DefaultCertificate {
    pub certificate: Certificate,
    pub created: bool,
}

impl CertificateStore {
    /// Makes the directory (mode 0700) when it is missing.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(directory: &Path) -> Result<Self, CertificateError> {
        create::private_directory(directory)?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// Loads the default certificate; makes one when there is none, for `localhost`, the loopback
    /// addresses and `host_names` (names or addresses; what cannot be in a certificate is left out).
    ///
    /// # Errors
    /// As [`CertificateStore::load`], and when a new one cannot be made or written.
    pub fn ensure_default(
        &self,
        host_names: &[String],
    ) -> Result<DefaultCertificate, CertificateError> {
        let directory = self.directory.join(DEFAULT_NAME);
        let created = !directory.exists() && create::create(&directory, host_names)?;
        Ok(DefaultCertificate { certificate: self.load(DEFAULT_NAME)?, created })
    }

    /// Loads `NAME/certificate.pem` and `NAME/key.pem`.
    ///
    /// # Errors
    /// A file is missing, too long or not PEM, the key may be read by others, or does not belong to
    /// the certificate.
    pub fn load(&self, name: &str) -> Result<Certificate, CertificateError> {
        load::load(&self.directory.join(name), name)
    }
}

impl Certificate {
    /// The chain, the server's own certificate first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified_key.cert
    }

    /// What is wrong with the validity at this time.
    pub fn warning(&self, now: jiff::Timestamp) -> Option<CertificateWarning> {
        let name = self.name.clone();
        let day_seconds = 24 * 60 * 60;
        let days = (self.not_after.as_second() - now.as_second()).div_euclid(day_seconds);
        if now < self.not_before {
            Some(CertificateWarning::NotYetValid { name, at: self.not_before })
        } else if now > self.not_after {
            Some(CertificateWarning::Expired { name, at: self.not_after })
        } else if days < EXPIRY_WARNING_DAYS {
            Some(CertificateWarning::ExpiresSoon { name, days, at: self.not_after })
        } else {
            None
        }
    }
}

/// The certificate of a listener. Replaced, it is used by the next handshake; open connections stay.
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

/// TLS 1.2 and 1.3 with this certificate, for HTTP/2 and HTTP/1.1, without client certificates.
///
/// # Errors
/// Only when the cryptography that is built in has no cipher suite for these versions.
pub fn https_config(
    certificate: Arc<ServedCertificate>,
) -> Result<Arc<rustls::ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
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
