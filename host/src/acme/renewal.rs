//! When a certificate is due, and the task that keeps all of them from expiring.
//!
//! Deliberately does not know what an order consists of.
//!
//! # Invariants
//! - One order at a time, and never two for one certificate.
//! - A failure changes nothing that is served; it is told in one line and tried again later.
//! - A certificate is renewed when its time comes or the authority says so, whichever is earlier.
//! - An order that failed is not placed again before the `Retry-After` of the authority.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::authority::Authority;
use super::settings::Host;
use super::store::{Present, Store};
use super::{AcmeError, Order, Outcome, Settings, TlsAlpnChallenges, obtain};

/// How often each certificate is looked at, give or take a tenth.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(12 * 60 * 60);
/// The pause after the first failure, and the longest; give or take a tenth.
const BACK_OFF_FIRST: Duration = Duration::from_secs(60);
const BACK_OFF_MAX: Duration = Duration::from_secs(60 * 60);
/// A certificate with a short life is renewed when one of this many parts of its life is left.
const LIFE_PARTS: i32 = 3;

/// Keeps the certificates of the settings: obtains what is missing at once, and renews in time.
/// Calls `installed` with the name of each certificate that it replaced. Ends when `stop` is
/// cancelled, also in the middle of an order.
///
/// # Errors
/// The settings cannot be used, or the folder `acme` cannot be made. Nothing was sent then.
pub async fn run(
    settings: Settings,
    store_directory: PathBuf,
    tls_alpn: Option<Arc<dyn TlsAlpnChallenges>>,
    stop: CancellationToken,
    installed: impl Fn(&str) + Send + Sync,
) -> Result<(), AcmeError> {
    settings.check()?;
    let store = Store::open(&store_directory)?;
    let keeper = Keeper { settings: &settings, store, store_directory, tls_alpn };
    let watched = settings.certificates.iter().map(Watched::new);
    let mut watched = watched.collect::<Result<Vec<_>, _>>()?;
    while let Some(next) = watched.iter_mut().min_by_key(|watched| watched.look_at) {
        let looked = async {
            tokio::time::sleep_until(next.look_at).await;
            keeper.look(next, &installed).await
        };
        let pause = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            pause = looked => pause,
        };
        next.look_at = Instant::now() + pause;
    }
    // Without certificates there is nothing to do but to wait for the end.
    stop.cancelled().await;
    Ok(())
}

/// A certificate, and when to look at it next.
struct Watched<'a> {
    order: &'a Order,
    hosts: Vec<Host>,
    look_at: Instant,
    failures: u32,
}

impl<'a> Watched<'a> {
    fn new(order: &'a Order) -> Result<Self, AcmeError> {
        Ok(Self { order, hosts: order.hosts()?, look_at: Instant::now(), failures: 0 })
    }
}

struct Keeper<'a> {
    settings: &'a Settings,
    store: Store,
    store_directory: PathBuf,
    tls_alpn: Option<Arc<dyn TlsAlpnChallenges>>,
}

impl Keeper<'_> {
    /// Looks at one certificate and does what is due; how long to wait until the next look.
    async fn look(&self, watched: &mut Watched<'_>, installed: &impl Fn(&str)) -> Duration {
        let order = watched.order;
        let present = self.store.present(&order.name);
        let due = match due(present.as_ref(), &watched.hosts, self.settings, Timestamp::now()) {
            None => self.suggested(present.as_ref()).await,
            due => due,
        };
        let Some(due) = due else {
            watched.failures = 0;
            return jittered(LOOKED_AT_EVERY, random());
        };
        tracing::info!(certificate = order.name, "the certificate is obtained by ACME: {due}");
        let placed =
            Box::pin(obtain(self.settings, order, &self.store_directory, self.tls_alpn.clone()));
        match placed.await {
            Ok(outcome) => {
                tell_obtained(&outcome);
                watched.failures = 0;
                installed(&order.name);
                jittered(LOOKED_AT_EVERY, random())
            }
            Err(error) => {
                watched.failures = watched.failures.saturating_add(1);
                let pause = pause_after(&error, watched.failures, random());
                self.tell_failed(order, &error, present.as_ref(), pause);
                pause
            }
        }
    }

    /// Whether the authority wants the certificate to be renewed already, because it is going to be
    /// revoked, say (RFC 9773). Not all authorities say so; that they do not is no failure.
    async fn suggested(&self, present: Option<&Present>) -> Option<Due> {
        let leaf = &present?.leaf;
        let asked = async {
            let authority = Authority::new(self.settings)?;
            window::suggested_by(&authority, &self.store, &leaf.certificate).await
        };
        match Box::pin(asked).await {
            Ok(window) => window
                .filter(|window| window.moment_for(&leaf.certificate) <= Timestamp::now())
                .map(|_| Due::Suggested),
            Err(error) => {
                tracing::debug!("when to renew is not known: {}", with_causes(&error));
                None
            }
        }
    }

    fn tell_failed(
        &self,
        order: &Order,
        error: &AcmeError,
        present: Option<&Present>,
        pause: Duration,
    ) {
        tracing::warn!(
            certificate = order.name,
            "no certificate was obtained for {} by {}: {}. {}; the next attempt is in {} s",
            order.hosts.join(", "),
            self.settings.challenge,
            with_causes(error),
            served(present),
            pause.as_secs(),
        );
    }
}

/// Why a certificate is obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Missing,
    OtherHosts,
    OtherAuthority,
    Expires { at: Timestamp },
    Suggested,
}

impl std::fmt::Display for Due {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => formatter.write_str("there is none that can be used"),
            Self::OtherHosts => formatter.write_str("it is for other hosts than the settings name"),
            Self::OtherAuthority => {
                formatter.write_str("it was not issued by the authority that the settings name")
            }
            Self::Expires { at } => write!(formatter, "it expires at {at}"),
            Self::Suggested => formatter.write_str("the authority wants it to be renewed already"),
        }
    }
}

fn due(
    present: Option<&Present>,
    hosts: &[Host],
    settings: &Settings,
    now: Timestamp,
) -> Option<Due> {
    let Some(Present { leaf, directory_url }) = present else { return Some(Due::Missing) };
    let wanted: BTreeSet<Host> = hosts.iter().cloned().collect();
    let renew_before = SignedDuration::from_hours(24 * i64::from(settings.renew_before_days));
    let life = leaf.not_after.duration_since(leaf.not_before);
    if leaf.hosts != wanted {
        Some(Due::OtherHosts)
    } else if directory_url.as_ref() != Some(&settings.directory_url) {
        Some(Due::OtherAuthority)
    } else if leaf.not_after.duration_since(now) < renew_before.min(life / LIFE_PARTS) {
        Some(Due::Expires { at: leaf.not_after })
    } else {
        None
    }
}

fn tell_obtained(outcome: &Outcome) {
    tracing::info!(
        certificate = outcome.name,
        "the certificate for {} was obtained and is valid until {}",
        outcome.hosts.join(", "),
        outcome.not_after
    );
}

fn served(present: Option<&Present>) -> String {
    match present {
        Some(present) => {
            format!("The present certificate goes on being served until {}", present.leaf.not_after)
        }
        None => "There is no certificate of that name to serve yet".to_owned(),
    }
}

fn with_causes(error: &AcmeError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// `failures` counts from 1.
fn pause_after(error: &AcmeError, failures: u32, random: u8) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let back_off = BACK_OFF_FIRST.saturating_mul(1 << doublings).min(BACK_OFF_MAX);
    let retry_after = error.retry_after().unwrap_or_default();
    jittered(back_off, random).max(retry_after)
}

/// Between nine and eleven tenths, so that many servers do not ask at the same moment.
fn jittered(duration: Duration, random: u8) -> Duration {
    duration.mul_f64(0.9 + 0.2 * f64::from(random) / f64::from(u8::MAX))
}

/// The middle when the system gives no random numbers.
fn random() -> u8 {
    let mut byte = [128];
    let _filled = aws_lc_rs::rand::fill(&mut byte);
    let [byte] = byte;
    byte
}

#[cfg(test)]
mod tests;
mod window;
