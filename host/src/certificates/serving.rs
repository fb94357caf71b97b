//! Which certificate each HTTPS port shows.
//!
//! A port's own assignment comes before what its receivers ask for. What is shown is replaced as a
//! whole and seen by the next handshake; open connections stay.
//!
//! # Invariants
//! - A state that cannot be used changes nothing: what is served goes on being served.
//! - Renewing a certificate takes no port down: who asked for the old thumbprint is served its
//!   successor, with a warning.
//! - A handshake reads no file and takes no lock.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

pub use alpn::AlpnChallenges;

use super::{
    Assignments, Certificate, CertificateError, CertificateStore, CertificateWarning, DEFAULT_NAME,
    Named, Thumbprint, machine_host_names,
};

mod alpn;
#[cfg(test)]
mod tests;

/// An expiry is told when so many days are left, and once more when none are.
const TOLD_AT_DAYS: [i64; 4] = [1, 7, 14, 30];

/// What the receivers of a port ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    Default,
    Thumbprint(Thumbprint),
}

/// What a reload brought.
#[derive(Debug, Default)]
pub struct Reloaded {
    /// Names of the certificates that ports show now and did not show before.
    pub changed: Vec<String>,
    pub problems: Vec<CertificateError>,
}

/// The certificates of a server. Cheap to open: nothing is read before a port needs one.
#[derive(Debug)]
pub struct Serving {
    store: CertificateStore,
    state: Mutex<State>,
    shown: ArcSwap<Shown>,
    challenges: Arc<AlpnChallenges>,
}

type Use = (u16, Wanted);
type Shown = BTreeMap<Use, Arc<Certificate>>;
type Certificates = BTreeMap<String, Arc<Certificate>>;

#[derive(Debug, Default)]
struct State {
    is_loaded: bool,
    certificates: Certificates,
    assignments: Assignments,
    /// Under which name a thumbprint that is asked for was seen.
    seen: BTreeMap<Thumbprint, String>,
    /// Warnings that were told.
    told: HashSet<String>,
}

impl Serving {
    /// # Errors
    /// The directory cannot be made.
    pub fn open(directory: &Path) -> Result<Arc<Self>, CertificateError> {
        Ok(Arc::new(Self {
            store: CertificateStore::open(directory)?,
            state: Mutex::default(),
            shown: ArcSwap::default(),
            challenges: Arc::default(),
        }))
    }

    /// What a port shows, now and after every reload. The default certificate is made when it is
    /// needed for the first time.
    ///
    /// # Errors
    /// The certificate is not there or cannot be used.
    pub fn resolver(
        self: &Arc<Self>,
        port: u16,
        wanted: Wanted,
    ) -> Result<Arc<dyn ResolvesServerCert>, CertificateError> {
        let mut state = self.state();
        if !state.is_loaded {
            state.load(&self.store)?;
        }
        let asked = (port, wanted);
        self.make_default_for(&mut state, &asked)?;
        let certificate = state.choose(&asked).ok_or_else(|| self.refusal(&state, &asked))?;
        state.remember(&asked, &certificate);
        let mut shown = Shown::clone(&self.shown.load());
        shown.insert(asked.clone(), certificate);
        self.shown.store(Arc::new(shown));
        Ok(Arc::new(PortResolver { serving: Arc::clone(self), asked }))
    }

    /// The name of the certificate that is assigned to the port, whatever its receivers ask for.
    pub fn bound(&self, port: u16) -> Option<String> {
        let mut state = self.state();
        if !state.is_loaded {
            state.load(&self.store).ok()?;
        }
        let assigned = state.assignments.port(port)?;
        let known = state.named(assigned).map(|certificate| certificate.name.clone());
        Some(known.unwrap_or_else(|| assigned.to_owned()))
    }

    /// Reads store and assignments again. To be called when files changed.
    pub fn reload(&self) -> Reloaded {
        let mut state = self.state();
        if !state.is_loaded {
            return Reloaded::default();
        }
        let before = self.shown.load_full();
        let mut problems = state.reload(&self.store, &before);
        let mut shown = Shown::new();
        let mut changed = Vec::new();
        for (asked, old) in before.iter() {
            if let Err(problem) = self.make_default_for(&mut state, asked) {
                problems.push(problem);
            }
            let certificate = state.choose(asked).unwrap_or_else(|| {
                problems.push(self.refusal(&state, asked));
                Arc::clone(old)
            });
            state.remember(asked, &certificate);
            if certificate.digest != old.digest && !changed.contains(&certificate.name) {
                changed.push(certificate.name.clone());
            }
            shown.insert(asked.clone(), certificate);
        }
        self.shown.store(Arc::new(shown));
        Reloaded { changed, problems }
    }

    /// What operators should know about the certificates that are shown. Each thing is told once;
    /// an expiry again at every threshold (30, 14, 7 and 1 days, and when it is past).
    pub fn warnings(&self, now: Timestamp) -> Vec<CertificateWarning> {
        let mut state = self.state();
        let mut warnings = Vec::new();
        for (asked, certificate) in self.shown.load().iter() {
            let dates = certificate.warning(now);
            let renewed = renewed(asked, certificate, &state);
            for warning in certificate.warnings.iter().cloned().chain(dates).chain(renewed) {
                let key = format!("{} {}", certificate.sha256, told_once(&warning));
                if state.told.insert(key) {
                    warnings.push(warning);
                }
            }
        }
        warnings
    }

    /// The answers to challenges of RFC 8737; what is in it is shown instead of a certificate.
    pub fn tls_alpn_challenges(&self) -> Arc<AlpnChallenges> {
        Arc::clone(&self.challenges)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Only a default that never was there is made: one that has gone is the operator's to explain.
    fn make_default_for(&self, state: &mut State, asked: &Use) -> Result<(), CertificateError> {
        let (port, wanted) = asked;
        let is_asked_for = *wanted == Wanted::Default
            && state.assignments.port(*port).is_none()
            && state.assignments.default_name() == DEFAULT_NAME;
        if !is_asked_for || state.certificates.contains_key(DEFAULT_NAME) {
            return Ok(());
        }
        let default = self.store.ensure_default(&machine_host_names())?;
        if default.created {
            tracing::info!(
                "a self-signed certificate was made; clients must be given {}, or replace it by \
                 your own",
                default.certificate.path.display()
            );
        }
        state.certificates.insert(DEFAULT_NAME.to_owned(), Arc::new(default.certificate));
        Ok(())
    }

    /// Why there is nothing for this use. The store is asked, since it knows the reason.
    fn refusal(&self, state: &State, (port, wanted): &Use) -> CertificateError {
        let unusable = |name: &str, to: String| match self.store.named(name) {
            Err(error) => error,
            Ok(_) => CertificateError::Unusable { name: name.to_owned(), to },
        };
        match (state.assignments.port(*port), wanted) {
            (Some(name), _) => unusable(name, format!("port {port}")),
            (None, Wanted::Default) => {
                unusable(state.assignments.default_name(), "every port without its own".to_owned())
            }
            (None, Wanted::Thumbprint(wanted)) => {
                CertificateError::ThumbprintNotFound { wanted: wanted.clone() }
            }
        }
    }
}

impl State {
    fn load(&mut self, store: &CertificateStore) -> Result<(), CertificateError> {
        self.assignments = Assignments::load(store.directory())?;
        let scan = store.scan()?;
        // What nobody asks for is no reason not to start; who asks for it is told why.
        self.certificates = by_name(scan.certificates);
        self.is_loaded = true;
        Ok(())
    }

    /// Keeps of the old state what is shown and has no successor.
    fn reload(&mut self, store: &CertificateStore, shown: &Shown) -> Vec<CertificateError> {
        let mut problems = Vec::new();
        match Assignments::load(store.directory()) {
            Ok(assignments) => self.assignments = assignments,
            Err(problem) => problems.push(problem),
        }
        let scan = match store.scan_beside(&self.certificates) {
            Ok(scan) => scan,
            Err(problem) => {
                problems.push(problem);
                return problems;
            }
        };
        let mut certificates = by_name(scan.certificates);
        problems.extend(scan.problems);
        for old in shown.values().filter(|old| self.certificates.contains_key(&old.name)) {
            if certificates.contains_key(&old.name) {
                continue;
            }
            certificates.insert(old.name.clone(), Arc::clone(old));
            if !store.has(&old.name).unwrap_or(true) {
                problems.push(CertificateError::Gone { name: old.name.clone() });
            }
        }
        self.certificates = certificates;
        problems
    }

    fn choose(&self, (port, wanted): &Use) -> Option<Arc<Certificate>> {
        match (self.assignments.port(*port), wanted) {
            (Some(name), _) => self.named(name),
            (None, Wanted::Default) => self.named(self.assignments.default_name()),
            (None, Wanted::Thumbprint(thumbprint)) => self.by_thumbprint(thumbprint),
        }
    }

    fn named(&self, text: &str) -> Option<Arc<Certificate>> {
        match Named::of(text) {
            Named::Name(name) => self.certificates.get(&name).cloned(),
            Named::Thumbprint(thumbprint) => self.by_thumbprint(&thumbprint),
        }
    }

    /// The certificate itself, or else its successor: as the store knows it, or as this process
    /// has seen it happen.
    fn by_thumbprint(&self, thumbprint: &Thumbprint) -> Option<Arc<Certificate>> {
        let all = || self.certificates.values();
        let is_it = |one: &&Arc<Certificate>| one.is(thumbprint);
        let was_it = |one: &&Arc<Certificate>| one.formerly.contains(thumbprint);
        let found = all().find(is_it).or_else(|| all().find(was_it));
        let seen = || self.certificates.get(self.seen.get(thumbprint)?);
        found.or_else(seen).cloned()
    }

    fn remember(&mut self, (port, wanted): &Use, certificate: &Certificate) {
        let assigned =
            self.assignments.port(*port).unwrap_or_else(|| self.assignments.default_name());
        let thumbprints = [
            match wanted {
                Wanted::Thumbprint(thumbprint) => Some(thumbprint.clone()),
                Wanted::Default => None,
            },
            assigned.parse().ok(),
        ];
        for thumbprint in thumbprints.into_iter().flatten() {
            if certificate.is(&thumbprint) {
                self.seen.insert(thumbprint, certificate.name.clone());
            }
        }
    }
}

impl Certificate {
    fn is(&self, thumbprint: &Thumbprint) -> bool {
        self.sha256 == *thumbprint || self.sha1 == *thumbprint
    }
}

fn by_name(certificates: Vec<Certificate>) -> Certificates {
    let named = certificates.into_iter().map(|one| (one.name.clone(), Arc::new(one)));
    named.collect()
}

/// Where a successor is shown to who asked for its predecessor.
fn renewed(
    (port, wanted): &Use,
    certificate: &Certificate,
    state: &State,
) -> Option<CertificateWarning> {
    let Wanted::Thumbprint(wanted) = wanted else { return None };
    if state.assignments.port(*port).is_some() || certificate.is(wanted) {
        return None;
    }
    let name = certificate.name.clone();
    let now = certificate.sha256.clone();
    Some(CertificateWarning::Renewed { name, wanted: wanted.clone(), now })
}

/// What makes a warning the same as one that was told.
fn told_once(warning: &CertificateWarning) -> String {
    match warning {
        CertificateWarning::ExpiresSoon { days, .. } => {
            // A certificate with 6.5 days left has 6 whole ones, and is past the threshold of 7.
            let passed = TOLD_AT_DAYS.iter().find(|threshold| *days < **threshold);
            format!("expires within {}", passed.unwrap_or(&super::EXPIRY_WARNING_DAYS))
        }
        CertificateWarning::Expired { .. } => "expired".to_owned(),
        other => other.to_string(),
    }
}

/// Answers the handshakes of one port.
#[derive(Debug)]
struct PortResolver {
    serving: Arc<Serving>,
    asked: Use,
}

impl ResolvesServerCert for PortResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if alpn::asks_for_challenge(&hello) {
            return self.serving.challenges.answer(&hello);
        }
        let shown = self.serving.shown.load();
        shown.get(&self.asked).map(|certificate| Arc::clone(&certificate.certified_key))
    }
}
