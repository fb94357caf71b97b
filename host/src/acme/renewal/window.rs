//! The time in which an authority wants a certificate to be renewed (RFC 9773).
//!
//! Deliberately does not know what else makes a certificate due.

use instant_acme::{CertificateIdentifier, Error, SuggestedWindow};
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use crate::acme::AcmeError;
use crate::acme::account;
use crate::acme::authority::Authority;
use crate::acme::store::Store;

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    start: Timestamp,
    end: Timestamp,
}

/// Asks the authority; none when it does not say.
///
/// # Errors
/// It cannot be reached, or refuses.
pub(super) async fn suggested_by(
    authority: &Authority<'_>,
    store: &Store,
    certificate: &CertificateDer<'static>,
) -> Result<Option<Window>, AcmeError> {
    // Without what the identifier is made of, the authority has nothing to say of it.
    let Ok(identifier) = CertificateIdentifier::try_from(certificate) else { return Ok(None) };
    let Some(account) = account::open_registered(authority, store).await? else { return Ok(None) };
    match account.renewal_info(&identifier).await {
        Ok((info, _ask_again)) => Ok(Window::of(&info.suggested_window)),
        Err(Error::Unsupported(_)) => Ok(None),
        Err(error) => Err(authority.failed("the time of renewal", error)),
    }
}

impl Window {
    fn of(window: &SuggestedWindow) -> Option<Self> {
        let at = |seconds| Timestamp::from_second(seconds).ok();
        let start = at(window.start.unix_timestamp())?;
        let end = at(window.end.unix_timestamp())?;
        (start <= end).then_some(Self { start, end })
    }

    /// A moment in the window, always the same for one certificate, so that the certificates of an
    /// authority are spread over it (RFC 9773, 4.2).
    pub(super) fn moment_for(&self, certificate: &CertificateDer<'_>) -> Timestamp {
        let digest = Sha256::digest(certificate);
        let part = digest.first().copied().unwrap_or_default();
        let length = self.end.duration_since(self.start);
        let seconds = length.as_secs() / i64::from(u8::MAX) * i64::from(part);
        self.start.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_spread_over_the_window_and_do_not_change() {
        let window = Window {
            start: "2026-03-01T00:00:00Z".parse().unwrap(),
            end: "2026-03-03T00:00:00Z".parse().unwrap(),
        };
        let certificates: Vec<CertificateDer<'_>> =
            (0..100_u8).map(|number| CertificateDer::from(vec![number])).collect();
        let moments: Vec<Timestamp> =
            certificates.iter().map(|certificate| window.moment_for(certificate)).collect();
        let middle: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        assert!(moments.iter().all(|moment| (window.start..=window.end).contains(moment)));
        let early = moments.iter().filter(|moment| **moment < middle).count();
        assert!((30..=70).contains(&early), "{early} of 100 in the first half");
        let again = certificates.iter().map(|certificate| window.moment_for(certificate));
        assert!(again.eq(moments));
    }
}
