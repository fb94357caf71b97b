//! A well-behaved workflow under load: each request has exactly its own answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::GOOD;
use crate::harness::load::{Load, Senders};
use crate::harness::{Home, Server};

/// A moment between two requests of a client, so that the load is one that two
/// processors carry beside other work.
const SENDERS: Senders = Senders { count: 2, path: GOOD, pause: Duration::from_millis(3) };

/// The load; it goes on until [`Neighbour::stop`].
pub(super) struct Neighbour {
    load: Load,
    took: Arc<Mutex<Vec<Duration>>>,
}

impl Neighbour {
    /// Starts the load.
    pub(super) fn of(server: &Server) -> Self {
        let all = Arc::<Mutex<Vec<Duration>>>::default();
        let load = Load::start(server, &SENDERS, || {
            let all = Arc::clone(&all);
            move |_, took| {
                all.lock().unwrap().push(took);
                true
            }
        });
        Self { load, took: all }
    }

    /// Waits until so many further requests are answered.
    pub(super) fn answers(&self, further: usize) {
        self.load.answers(further);
    }

    /// How long each answer since the last call took.
    pub(super) fn took(&self) -> Vec<Duration> {
        std::mem::take(&mut self.took.lock().unwrap())
    }

    /// Ends the load. Every request must have had its own answer, and every message
    /// must have been kept once.
    pub(super) fn stop(self, home: &Home) -> usize {
        let answered = self.load.end();
        let kept = home.written().into_iter().filter(|name| name.starts_with("out/kept"));
        let kept: usize = kept.map(|name| home.read(&name).unwrap().matches("MSH|").count()).sum();
        assert_eq!(kept, answered, "each message is kept once");
        answered
    }
}
