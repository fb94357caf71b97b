//! Why a client is refused, as a line that an operator can act on.

use std::fmt;

use jiff::Timestamp;
use rustls::CertificateError;

use crate::certificates::Thumbprint;

/// What a line tells of a certificate: it is about a partner's system, not about a patient.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    pub subject: String,
    pub issuer: String,
    pub sha256: Thumbprint,
}

/// The longest name that is told in full, in characters.
const NAME_CHARACTERS_MAX: usize = 200;

impl fmt::Display for Presented {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, issuer) = (shortened(&self.subject), shortened(&self.issuer));
        write!(formatter, "\"{subject}\" issued by \"{issuer}\" (SHA-256 {})", self.sha256)
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_CHARACTERS_MAX {
        return name.to_owned();
    }
    name.chars().take(NAME_CHARACTERS_MAX).chain(['…']).collect()
}

/// Why a client's certificate is not accepted. The fault is the client's or its authority's, except
/// for the two about revocation lists, which are the operator's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientRefusal {
    #[error(
        "the client showed no certificate, and the receiver requires one. The partner must \
         configure its client certificate with its key"
    )]
    Missing,
    #[error(
        "the client showed {presented}, which is not among the thumbprints that the receiver \
         allows. If this is the partner's certificate, add its SHA-256 to ClientCertificateThumbPrint"
    )]
    NotAllowed { presented: Presented },
    #[error(
        "the client showed {presented}, which expired at {at}. The partner must renew it; a pinned \
         thumbprint changes with that"
    )]
    Expired { presented: Presented, at: Timestamp },
    #[error(
        "the client showed {presented}, which is not valid before {at}. Compare the clocks, or \
         wait until then"
    )]
    NotYetValid { presented: Presented, at: Timestamp },
    #[error(
        "the client showed {presented}, whose key usage does not include digitalSignature, which a \
         client certificate needs. The partner must ask its authority for another one"
    )]
    KeyUsage { presented: Presented },
    #[error(
        "the client showed {presented}, whose extended key usage does not include clientAuth. Many \
         public authorities issue certificates for serverAuth only since 2026: the partner must \
         ask for one with both clientAuth and serverAuth, or get one from a private authority"
    )]
    ExtendedKeyUsage { presented: Presented },
    #[error(
        "the client showed {presented}, which is the certificate of an authority. The partner must \
         show the one that was issued to its system"
    )]
    AuthorityCertificate { presented: Presented },
    #[error(
        "the client showed {presented}, which none of the receiver's client_authorities issued, \
         with a chain of {chain} certificates. Either the partner sends its intermediate \
         certificates too, or the authority's certificate is added to client_authorities"
    )]
    UnknownIssuer { presented: Presented, chain: usize },
    #[error(
        "the client showed {presented}, with an intermediate certificate that is not valid now. \
         The partner must send the renewed one"
    )]
    ChainDates { presented: Presented },
    #[error("the client showed {presented}, with a chain that cannot be accepted: {reason}")]
    Chain { presented: Presented, reason: String },
    #[error(
        "the client showed {presented}, which its authority has revoked. The partner must get a \
         new one"
    )]
    Revoked { presented: Presented },
    #[error(
        "the client showed {presented}, and no revocation list covers it ({reason}). Add the list \
         of each authority in its chain to client_revocation_lists"
    )]
    RevocationUnknown { presented: Presented, reason: String },
    #[error(
        "the client showed {presented}, and the revocation list of its authority is out of date \
         since {at}. Fetch the current list: until then no client of this authority is accepted"
    )]
    RevocationListExpired { presented: Presented, at: Timestamp },
    #[error(
        "the client showed a certificate, but a signature does not fit: {reason}. Either it does \
         not have the key, or the certificate was changed"
    )]
    BadSignature { reason: &'static str },
    #[error(
        "the client sent {certificates} certificates of {bytes} bytes together, expected at most \
         {certificates_max} and {bytes_max} bytes. The partner must send its own certificate and \
         its intermediates only, or limits.client_chain_bytes is raised"
    )]
    TooLong { certificates: usize, certificates_max: usize, bytes: usize, bytes_max: usize },
    #[error("the client sent what cannot be read as a certificate of X.509 version 3: {reason}")]
    Malformed { reason: String },
}

impl ClientRefusal {
    /// The refusal that ended a handshake, if it was one. The error itself prints it as code.
    pub fn in_handshake(error: &std::io::Error) -> Option<&Self> {
        match error.get_ref()?.downcast_ref::<rustls::Error>()? {
            rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
                other.0.downcast_ref()
            }
            _ => None,
        }
    }
}

/// What rustls says, without its wrapping.
pub(super) fn reason(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => other.to_string(),
        rustls::Error::InvalidCertificate(error) => error.to_string(),
        other => other.to_string(),
    }
}
