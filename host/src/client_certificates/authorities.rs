//! Authorities whose certificates a receiver accepts, with their revocation lists.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, DistinguishedName, RootCertStore};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Version;

use super::certificate::{ClientCertificate, timestamp, timestamp_of};
use super::distinguished_name;
use super::problems::{AuthorityError, AuthorityWarning};
use super::refusal::{ClientRefusal, reason};
use super::revocation::{self, RevocationList};

/// The longest file of certificates or revocation lists, in bytes.
pub const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Trust anchors and revocation lists. Immutable: changed files make new ones.
#[derive(Clone)]
pub struct Authorities {
    verifier: Arc<dyn ClientCertVerifier>,
    subjects: Vec<DistinguishedName>,
    anchors: Vec<Anchor>,
    left_out: Vec<AuthorityWarning>,
    lists: Vec<RevocationList>,
    /// The seconds at which revocation lists end.
    moments: Vec<i64>,
}

#[derive(Clone)]
struct Anchor {
    path: PathBuf,
    subject: String,
    not_after: Timestamp,
}

impl fmt::Debug for Authorities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Authorities")
            .field("authorities", &self.anchors.len())
            .field("revocation_lists", &self.lists.len())
            .finish()
    }
}

impl Authorities {
    /// Reads certificates of authorities and revocation lists, in PEM (several in a file) or DER
    /// (one in a file). What is no authority's is left out with a warning. An authority that has
    /// expired stays trusted (RFC 5280, 6.1.1: an anchor is a name and a key), with a warning.
    ///
    /// # Errors
    /// A file that cannot be read or used, or no authority among them.
    pub fn load(
        bundles: &[PathBuf],
        lists: &[PathBuf],
        now: Timestamp,
    ) -> Result<(Self, Vec<AuthorityWarning>), AuthorityError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut loading =
            Loading { roots: RootCertStore::empty(), anchors: Vec::new(), left_out: Vec::new() };
        for path in bundles {
            loading.add(path)?;
        }
        let Loading { roots, anchors, left_out } = loading;
        if anchors.is_empty() {
            return Err(AuthorityError::NoAuthority);
        }
        let roots = Arc::new(roots);
        let (mut ders, mut descriptions) = (Vec::new(), Vec::new());
        for path in lists {
            for (der, description) in revocation::load(path, &roots, &provider)? {
                ders.push(der);
                descriptions.push(description);
            }
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider)
            .with_crls(ders)
            .enforce_revocation_expiration()
            .build()
            .map_err(|source| AuthorityError::Verifier { source })?;
        let moments = descriptions.iter().map(|list| list.next_update.as_second()).collect();
        let subjects = roots.subjects();
        let authorities =
            Self { verifier, subjects, anchors, left_out, lists: descriptions, moments };
        let warnings = authorities.warnings(now);
        Ok((authorities, warnings))
    }

    /// What an operator should know at this time. To be asked again every day: lists grow old.
    pub fn warnings(&self, now: Timestamp) -> Vec<AuthorityWarning> {
        let expired = self.anchors.iter().filter(|anchor| anchor.not_after < now).map(|anchor| {
            AuthorityWarning::AuthorityExpired {
                path: anchor.path.clone(),
                subject: anchor.subject.clone(),
                at: anchor.not_after,
            }
        });
        let lists = self.lists.iter().flat_map(|list| list.warnings(now));
        self.left_out.iter().cloned().chain(expired).chain(lists).collect()
    }

    pub(super) fn subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    pub(super) fn moments(&self) -> &[i64] {
        &self.moments
    }

    /// Builds a path from the certificate to an authority and looks at all that is on it.
    ///
    /// # Errors
    /// The reason for which there is no such path.
    pub(super) fn judge(
        &self,
        presented: &ClientCertificate,
        now: Timestamp,
    ) -> Result<(), ClientRefusal> {
        if presented.usage.is_authority {
            let presented = presented.presented();
            return Err(ClientRefusal::AuthorityCertificate { presented });
        }
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let Some((leaf, issuers)) = presented.chain().split_first() else {
            return Err(ClientRefusal::Missing);
        };
        match self.verifier.verify_client_cert(leaf, issuers, at) {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(presented, error)),
        }
    }
}

fn refusal(certificate: &ClientCertificate, error: rustls::Error) -> ClientRefusal {
    use CertificateError as E;
    let presented = certificate.presented();
    let error = match error {
        rustls::Error::InvalidCertificate(error) => error,
        rustls::Error::InvalidCertRevocationList(error) => {
            let reason = format!("its list cannot be used: {error:?}");
            return ClientRefusal::RevocationUnknown { presented, reason };
        }
        other => return ClientRefusal::Chain { presented, reason: other.to_string() },
    };
    match error {
        E::UnknownIssuer => {
            ClientRefusal::UnknownIssuer { presented, chain: certificate.chain().len() }
        }
        E::Revoked => ClientRefusal::Revoked { presented },
        E::UnknownRevocationStatus => {
            let reason = "there is none of an authority in its chain".to_owned();
            ClientRefusal::RevocationUnknown { presented, reason }
        }
        E::ExpiredRevocationListContext { next_update, .. } => {
            let seconds = i64::try_from(next_update.as_secs()).unwrap_or(i64::MAX);
            ClientRefusal::RevocationListExpired { presented, at: timestamp(seconds) }
        }
        E::BadSignature => {
            ClientRefusal::BadSignature { reason: "that of an authority on the certificate" }
        }
        // The client's own dates and usage were looked at before: these are of its issuers.
        E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. } => {
            ClientRefusal::ChainDates { presented }
        }
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            ClientRefusal::ExtendedKeyUsage { presented }
        }
        E::BadEncoding => ClientRefusal::Malformed { reason: "it cannot be read".to_owned() },
        other => {
            let reason = reason(&rustls::Error::InvalidCertificate(other));
            ClientRefusal::Chain { presented, reason }
        }
    }
}

struct Loading {
    roots: RootCertStore,
    anchors: Vec<Anchor>,
    left_out: Vec<AuthorityWarning>,
}

impl Loading {
    fn add(&mut self, path: &Path) -> Result<(), AuthorityError> {
        let certificates = entries::<CertificateDer<'static>>(path, "certificate")?;
        for (index, der) in certificates.into_iter().enumerate() {
            let refused = |reason: String| AuthorityError::Certificate {
                path: path.to_owned(),
                number: index + 1,
                reason,
            };
            let (_, parsed) =
                X509Certificate::from_der(&der).map_err(|error| refused(error.to_string()))?;
            let subject = distinguished_name::text(parsed.subject());
            if !is_authority(&parsed) {
                let path = path.to_owned();
                self.left_out.push(AuthorityWarning::NotAnAuthority { path, subject });
                continue;
            }
            let not_after = timestamp_of(parsed.validity().not_after);
            self.roots.add(der.clone()).map_err(|error| refused(error.to_string()))?;
            self.anchors.push(Anchor { path: path.to_owned(), subject, not_after });
        }
        Ok(())
    }
}

/// An anchor's basic constraints are not looked at when paths are built, so a client's own
/// certificate in a bundle could issue others. Roots of version 1 have no such extension.
fn is_authority(parsed: &X509Certificate<'_>) -> bool {
    let old_root = parsed.version() == X509Version::V1
        && parsed.subject().as_raw() == parsed.issuer().as_raw();
    parsed.is_ca() || old_root
}

/// What a file holds: everything of one kind in PEM, or the whole file as DER.
///
/// # Errors
/// A file that cannot be read, is too long, is broken PEM or holds nothing of the kind.
pub(super) fn entries<T>(path: &Path, expected: &'static str) -> Result<Vec<T>, AuthorityError>
where
    T: PemObject + From<Vec<u8>>,
{
    let bytes = read(path)?;
    let looks_like_pem = bytes.windows(PEM_MARK.len()).any(|window| window == PEM_MARK);
    if looks_like_pem {
        let found: Result<Vec<T>, _> = T::pem_slice_iter(&bytes).collect();
        let found = found.map_err(|error| AuthorityError::Pem {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        if !found.is_empty() {
            return Ok(found);
        }
    } else if bytes.first() == Some(&DER_SEQUENCE) {
        return Ok(vec![T::from(bytes)]);
    }
    Err(AuthorityError::Nothing { path: path.to_owned(), expected })
}

const PEM_MARK: &[u8] = b"-----BEGIN ";
/// What every certificate and every list starts with in DER.
const DER_SEQUENCE: u8 = 0x30;

fn read(path: &Path) -> Result<Vec<u8>, AuthorityError> {
    let read_error = |source| AuthorityError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read_error)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(read_error)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(AuthorityError::TooLong { path: path.to_owned() });
    }
    Ok(bytes)
}
