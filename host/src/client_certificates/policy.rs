//! What one receiver expects of its clients' certificates.

use jiff::Timestamp;

use super::authorities::Authorities;
use super::certificate::ClientCertificate;
use super::refusal::ClientRefusal;
use crate::certificates::Thumbprint;

/// Which certificates a receiver accepts. Immutable: a changed file makes a new policy.
#[derive(Clone, Debug)]
pub struct ClientPolicy {
    expected: Expected,
}

#[derive(Clone, Debug)]
enum Expected {
    /// One of these certificates.
    Pinned(Vec<Thumbprint>),
    /// Any certificate that leads to one of these authorities.
    Issued(Authorities),
    /// One of these certificates, and it must lead to an authority too.
    PinnedAndIssued(Vec<Thumbprint>, Authorities),
}

/// A policy that expects nothing would accept everybody (trap T-03). The fault is the author's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "client certificates are required, but neither thumbprints nor client_authorities say which; \
     name one of them"
)]
pub struct EmptyPolicy;

impl ClientPolicy {
    /// Both given, both must hold.
    ///
    /// # Errors
    /// Neither thumbprints nor authorities.
    pub fn new(
        thumbprints: Vec<Thumbprint>,
        authorities: Option<Authorities>,
    ) -> Result<Self, EmptyPolicy> {
        let expected = match (thumbprints.is_empty(), authorities) {
            (true, None) => return Err(EmptyPolicy),
            (true, Some(authorities)) => Expected::Issued(authorities),
            (false, None) => Expected::Pinned(thumbprints),
            (false, Some(authorities)) => Expected::PinnedAndIssued(thumbprints, authorities),
        };
        Ok(Self { expected })
    }

    pub fn authorities(&self) -> Option<&Authorities> {
        match &self.expected {
            Expected::Pinned(_) => None,
            Expected::Issued(authorities) | Expected::PinnedAndIssued(_, authorities) => {
                Some(authorities)
            }
        }
    }

    fn thumbprints(&self) -> Option<&[Thumbprint]> {
        match &self.expected {
            Expected::Issued(_) => None,
            Expected::Pinned(thumbprints) | Expected::PinnedAndIssued(thumbprints, _) => {
                Some(thumbprints)
            }
        }
    }

    /// Whether a client with this certificate may use the receiver at this time.
    ///
    /// That the client has the key was proved in the handshake, or vouched for by a trusted proxy.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn judge(
        &self,
        presented: Option<&ClientCertificate>,
        now: Timestamp,
    ) -> Result<(), ClientRefusal> {
        let presented = presented.ok_or(ClientRefusal::Missing)?;
        if let Some(thumbprints) = self.thumbprints() {
            refuse_unlisted(thumbprints, presented)?;
        }
        refuse_by_date(presented, now)?;
        refuse_by_usage(presented)?;
        match self.authorities() {
            Some(authorities) => authorities.judge(presented, now),
            None => Ok(()),
        }
    }

    /// Seconds at which the judgement of a certificate may change, besides its own validity.
    pub(super) fn moments(&self) -> &[i64] {
        self.authorities().map(Authorities::moments).unwrap_or_default()
    }
}

/// Compares with every entry, so that the time taken does not tell which of them nearly fits.
fn refuse_unlisted(
    thumbprints: &[Thumbprint],
    presented: &ClientCertificate,
) -> Result<(), ClientRefusal> {
    let der = presented.der();
    let listed = thumbprints.iter().fold(false, |listed, one| listed | one.is_of(der));
    if listed {
        Ok(())
    } else {
        Err(ClientRefusal::NotAllowed { presented: presented.presented() })
    }
}

fn refuse_by_date(presented: &ClientCertificate, now: Timestamp) -> Result<(), ClientRefusal> {
    let seconds = now.as_second();
    if seconds < presented.not_before.as_second() {
        let at = presented.not_before;
        return Err(ClientRefusal::NotYetValid { presented: presented.presented(), at });
    }
    if seconds > presented.not_after.as_second() {
        let at = presented.not_after;
        return Err(ClientRefusal::Expired { presented: presented.presented(), at });
    }
    Ok(())
}

/// Extensions that are not there forbid nothing.
fn refuse_by_usage(presented: &ClientCertificate) -> Result<(), ClientRefusal> {
    if presented.usage.digital_signature == Some(false) {
        return Err(ClientRefusal::KeyUsage { presented: presented.presented() });
    }
    if presented.usage.client == Some(false) {
        return Err(ClientRefusal::ExtendedKeyUsage { presented: presented.presented() });
    }
    Ok(())
}
