//! Remembers what policies said of the client of a connection.
//!
//! # Invariants
//! - A judgement is used again only for the same certificate and the same policy, and only as long
//!   as no date of the certificate, of its chain or of a revocation list lies between.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::certificate::ClientCertificate;
use super::policy::ClientPolicy;
use super::refusal::ClientRefusal;

/// Judgements that one connection remembers: a partner may send to a few receivers in turn.
const REMEMBERED_MAX: usize = 4;

/// The last judgements on one connection.
#[derive(Debug, Default)]
pub struct JudgedClient {
    /// The newest at the end.
    last: Mutex<Vec<Judged>>,
}

#[derive(Debug)]
struct Judged {
    /// Held, so that another policy cannot come to have the same address.
    policy: Arc<ClientPolicy>,
    certificate: Option<Arc<ClientCertificate>>,
    /// The seconds in which the judgement holds, the last one excluded.
    from: i64,
    until: i64,
    judgement: Result<(), Arc<ClientRefusal>>,
}

impl JudgedClient {
    /// As [`ClientPolicy::judge`], without doing again what cannot have another outcome.
    ///
    /// # Errors
    /// The first reason against the certificate.
    pub fn judge(
        &self,
        policy: &Arc<ClientPolicy>,
        presented: Option<&Arc<ClientCertificate>>,
        now: Timestamp,
    ) -> Result<(), Arc<ClientRefusal>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.iter().find(|it| it.is_about(policy, presented) && it.holds(now));
        if let Some(judged) = known {
            return judged.judgement.clone();
        }
        let certificate = presented.map(Arc::as_ref);
        let judgement = policy.judge(certificate, now).map_err(Arc::new);
        let (from, until) = unchanged(policy, certificate, now.as_second());
        last.retain(|it| !it.is_about(policy, presented));
        if last.len() == REMEMBERED_MAX {
            last.remove(0);
        }
        last.push(Judged {
            policy: policy.clone(),
            certificate: presented.cloned(),
            from,
            until,
            judgement: judgement.clone(),
        });
        judgement
    }
}

impl Judged {
    fn is_about(
        &self,
        policy: &Arc<ClientPolicy>,
        presented: Option<&Arc<ClientCertificate>>,
    ) -> bool {
        let same_certificate = match (&self.certificate, presented) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        Arc::ptr_eq(&self.policy, policy) && same_certificate
    }

    fn holds(&self, now: Timestamp) -> bool {
        (self.from..self.until).contains(&now.as_second())
    }
}

/// The seconds around now between which no date lies.
fn unchanged(
    policy: &ClientPolicy,
    certificate: Option<&ClientCertificate>,
    now: i64,
) -> (i64, i64) {
    let validities = certificate.map(|it| it.validities.as_slice()).unwrap_or_default();
    let dates = validities.iter().flat_map(|(first, last)| [*first, last.saturating_add(1)]);
    let (mut from, mut until) = (i64::MIN, i64::MAX);
    for moment in dates.chain(policy.moments().iter().copied()) {
        if moment <= now {
            from = from.max(moment);
        } else {
            until = until.min(moment);
        }
    }
    (from, until)
}
