//! What of plugins' traffic is worth telling an operator: the first use of each granted
//! destination, and each kind of refusal once.
//!
//! Knows: what was told since a plugin was loaded. Deliberately does not know: where it is told.
//!
//! # Invariants
//! - A server is named as the operator granted it. What a plugin asked for beyond that may have
//!   been made of a message, and is not here.
//! - No exchange waits for whoever listens. What finds no room is told at its next occurrence.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tureen_sandbox::outbound::{OutboundFault, OutboundProblem};

/// Different things that are told of one plugin until it is loaded anew. A plugin chooses the
/// ports that it is refused.
const TOLD_MAX: usize = 100;

/// Things that wait for whoever listens.
const WAITING_MAX: usize = 256;

/// One thing that a plugin did for the first time since it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub plugin: Arc<str>,
    pub seen: Seen,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// It talks to a granted destination, which is shown as the operator wrote it.
    Used { destination: String },
    /// It was refused a server, an address or a certificate.
    Refused { code: &'static str, text: String },
    /// There is more than is told of one plugin; metrics count on.
    More,
}

impl Seen {
    /// A refusal by the host for want of a grant; other problems are told to the plugin alone.
    pub(super) fn refusal(problem: &OutboundProblem) -> Option<Self> {
        let OutboundProblem { fault, text, .. } = problem;
        matches!(fault, OutboundFault::NotGranted | OutboundFault::Address)
            .then(|| Self::Refused { code: fault.code(), text: text.clone() })
    }
}

/// Remembers what was told.
#[derive(Default)]
pub struct Sightings(Mutex<State>);

#[derive(Default)]
struct State {
    listener: Option<mpsc::Sender<Sighting>>,
    told: HashMap<Arc<str>, HashSet<Seen>>,
}

impl Sightings {
    /// From now on what is seen comes here. Where nobody listens nothing is remembered.
    pub fn listen(&self) -> mpsc::Receiver<Sighting> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        *self.state() = State { listener: Some(sender), told: HashMap::new() };
        receiver
    }

    /// The plugin was loaded anew: what it does from now on is told again.
    pub fn forget(&self, plugin: &str) {
        self.state().told.remove(plugin);
    }

    pub(super) fn note(&self, plugin: &Arc<str>, seen: Seen) {
        let mut state = self.state();
        let State { listener: Some(listener), told } = &mut *state else { return };
        let told = told.entry(Arc::clone(plugin)).or_default();
        let seen = if told.len() < TOLD_MAX { seen } else { Seen::More };
        if told.contains(&seen) {
            return;
        }
        let sighting = Sighting { plugin: Arc::clone(plugin), seen: seen.clone() };
        if listener.try_send(sighting).is_ok() {
            told.insert(seen);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(destination: &str) -> Seen {
        Seen::Used { destination: destination.to_owned() }
    }

    fn told(receiver: &mut mpsc::Receiver<Sighting>) -> Vec<Seen> {
        std::iter::from_fn(|| receiver.try_recv().ok()).map(|it| it.seen).collect()
    }

    #[test]
    fn each_thing_is_told_once_until_its_plugin_is_loaded_anew() {
        let sightings = Sightings::default();
        let (one, other): (Arc<str>, Arc<str>) = (Arc::from("one"), Arc::from("other"));
        sightings.note(&one, used("before anybody listens"));
        let mut receiver = sightings.listen();
        for _ in 0..3 {
            sightings.note(&one, used("a"));
            sightings.note(&one, used("b"));
            sightings.note(&other, used("a"));
        }
        assert_eq!(told(&mut receiver), [used("a"), used("b"), used("a")]);
        sightings.forget("one");
        for plugin in [&one, &other] {
            sightings.note(plugin, used("a"));
        }
        assert_eq!(told(&mut receiver), [used("a")]);
    }

    #[test]
    fn a_plugin_that_tries_everything_is_told_so_often_and_no_more() {
        let sightings = Sightings::default();
        let mut receiver = sightings.listen();
        let plugin: Arc<str> = Arc::from("one");
        for port in 0..10_000 {
            sightings.note(&plugin, used(&port.to_string()));
        }
        let told = told(&mut receiver);
        assert_eq!((told.len(), told.last()), (TOLD_MAX + 1, Some(&Seen::More)));
    }

    #[test]
    fn what_finds_no_room_is_told_the_next_time() {
        let sightings = Sightings::default();
        let mut receiver = sightings.listen();
        for number in 0..WAITING_MAX {
            sightings.note(&Arc::from(format!("p{number}")), used("a"));
        }
        let plugin: Arc<str> = Arc::from("last");
        sightings.note(&plugin, used("a"));
        assert_eq!(told(&mut receiver).len(), WAITING_MAX);
        sightings.note(&plugin, used("a"));
        sightings.note(&plugin, used("a"));
        assert_eq!(told(&mut receiver), [used("a")]);
    }
}
