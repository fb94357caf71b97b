//! Revocation lists: read from files, and looked at before they go out of date.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, crypto::CryptoProvider};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::authorities::entries;
use super::certificate::timestamp_of;
use super::distinguished_name;
use super::problems::{AuthorityError, AuthorityWarning};

/// A list that ends soon is told of when less than this part of its life is left, or less than
/// three days if that is shorter: a list that is renewed every day should not warn every day.
const SOON_PART: i64 = 5;
const SOON_SECONDS_MAX: i64 = 3 * 24 * 60 * 60;

/// One list, and what is known about it without a certificate.
#[derive(Clone, Debug)]
pub(super) struct RevocationList {
    path: PathBuf,
    issuer: String,
    issuer_is_known: bool,
    this_update: Timestamp,
    pub(super) next_update: Timestamp,
}

/// Reads the lists of one file.
///
/// # Errors
/// A file that cannot be read, or a list that the verification of certificates cannot use.
pub(super) fn load(
    path: &Path,
    roots: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Vec<(CertificateRevocationListDer<'static>, RevocationList)>, AuthorityError> {
    let lists = entries::<CertificateRevocationListDer<'static>>(path, "revocation list")?;
    let mut loaded = Vec::with_capacity(lists.len());
    for (index, der) in lists.into_iter().enumerate() {
        let refused = |reason: String| AuthorityError::RevocationList {
            path: path.to_owned(),
            number: index + 1,
            reason,
        };
        // Alone, so that the error names the file.
        WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
            .with_crls([der.clone()])
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let list = describe(path, &der, roots).map_err(refused)?;
        loaded.push((der, list));
    }
    Ok(loaded)
}

fn describe(
    path: &Path,
    der: &CertificateRevocationListDer<'_>,
    roots: &RootCertStore,
) -> Result<RevocationList, String> {
    let (_, parsed) =
        CertificateRevocationList::from_der(der).map_err(|error| error.to_string())?;
    let next_update = parsed.next_update().ok_or("it does not say when it ends (nextUpdate)")?;
    let issuer = parsed.issuer().as_raw();
    let known = roots.subjects().iter().any(|subject| subject.as_ref() == issuer);
    Ok(RevocationList {
        path: path.to_owned(),
        issuer: distinguished_name::text(parsed.issuer()),
        issuer_is_known: known,
        this_update: timestamp_of(parsed.last_update()),
        next_update: timestamp_of(next_update),
    })
}

impl RevocationList {
    pub(super) fn warnings(&self, now: Timestamp) -> Vec<AuthorityWarning> {
        let (path, issuer, at) = (self.path.clone(), self.issuer.clone(), self.next_update);
        let left = at.as_second().saturating_sub(now.as_second());
        let life = at.as_second().saturating_sub(self.this_update.as_second());
        let mut warnings = Vec::new();
        if !self.issuer_is_known {
            let (path, issuer) = (path.clone(), issuer.clone());
            warnings.push(AuthorityWarning::ListOfUnknownIssuer { path, issuer });
        }
        if left <= 0 {
            warnings.push(AuthorityWarning::ListExpired { path, issuer, at });
        } else if left < (life / SOON_PART).min(SOON_SECONDS_MAX) {
            warnings.push(AuthorityWarning::ListExpiresSoon { path, issuer, at });
        }
        warnings
    }
}
