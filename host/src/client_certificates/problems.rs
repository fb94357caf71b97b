//! What is wrong with the files of authorities and revocation lists.

use std::path::PathBuf;

use jiff::Timestamp;

use super::authorities::FILE_BYTES_MAX;

/// Why authorities cannot be used. The fault is the operator's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is longer than {FILE_BYTES_MAX} bytes")]
    TooLong { path: PathBuf },
    #[error("{path} holds no {expected}, in PEM or in DER")]
    Nothing { path: PathBuf, expected: &'static str },
    #[error("{path} is broken PEM: {reason}")]
    Pem { path: PathBuf, reason: String },
    #[error("certificate {number} in {path} is not X.509: {reason}")]
    Certificate { path: PathBuf, number: usize, reason: String },
    #[error("revocation list {number} in {path} cannot be used: {reason}")]
    RevocationList { path: PathBuf, number: usize, reason: String },
    #[error(
        "none of the certificates in client_authorities belongs to an authority: they must say CA \
         in their basic constraints"
    )]
    NoAuthority,
    #[error("client certificates of these authorities cannot be checked")]
    Verifier {
        #[source]
        source: rustls::server::VerifierBuilderError,
    },
}

/// Something about authorities that works, or will cease to, and that an operator should know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityWarning {
    #[error(
        "the authority \"{subject}\" in {path} has expired at {at}. Clients with its certificates \
         are still accepted; replace it, or take it out"
    )]
    AuthorityExpired { path: PathBuf, subject: String, at: Timestamp },
    #[error("\"{subject}\" in {path} is not an authority and was left out")]
    NotAnAuthority { path: PathBuf, subject: String },
    #[error(
        "the revocation list of \"{issuer}\" in {path} is out of date since {at}: its clients are \
         refused until the current list is there"
    )]
    ListExpired { path: PathBuf, issuer: String, at: Timestamp },
    #[error(
        "the revocation list of \"{issuer}\" in {path} ends at {at}: its clients are refused from \
         then on, unless a newer list is there"
    )]
    ListExpiresSoon { path: PathBuf, issuer: String, at: Timestamp },
    #[error(
        "the revocation list of \"{issuer}\" in {path} belongs to none of the client_authorities; \
         it is of use only for certificates below an intermediate of that name"
    )]
    ListOfUnknownIssuer { path: PathBuf, issuer: String },
}

impl AuthorityWarning {
    /// Clients are refused because of it.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::ListExpired { .. })
    }
}
