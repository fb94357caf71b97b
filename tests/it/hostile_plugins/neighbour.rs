//! A well-behaved workflow under load: each request has exactly its own answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::GOOD;
use crate::harness::http2::{KeptAlive, RUNTIME};
use crate::harness::messages::adt;
use crate::harness::wait::wait_for;
use crate::harness::{Home, Server};

/// Keep-alive connections, each with one request at a time.
const CLIENTS: usize = 2;

/// A moment between two requests of a client, so that the load is one that two
/// processors carry beside other work.
const PAUSE: Duration = Duration::from_millis(3);

/// The load; it goes on until [`Neighbour::stop`].
pub(super) struct Neighbour {
    clients: Vec<JoinHandle<()>>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    enough: AtomicBool,
    answered: AtomicUsize,
    took: Mutex<Vec<Duration>>,
    wrong: Mutex<Vec<String>>,
}

impl Neighbour {
    /// Starts the load.
    pub(super) fn of(server: &Server) -> Self {
        let seen = Arc::new(Seen::default());
        let clients = (0..CLIENTS).map(|client| {
            let (socket, certificate) = (server.socket(), server.certificate());
            let seen = Arc::clone(&seen);
            RUNTIME.spawn(async move {
                match KeptAlive::connect(socket, certificate).await {
                    Ok(http) => ask(http, client, &seen).await,
                    Err(error) => seen.wrong.lock().unwrap().push(error),
                }
            })
        });
        Self { clients: clients.collect(), seen }
    }

    /// Waits until so many further requests are answered.
    pub(super) fn answers(&self, further: usize) {
        let due = self.seen.answered.load(Ordering::Acquire) + further;
        wait_for("the neighbour to be answered", || {
            let ended = self.clients.iter().any(JoinHandle::is_finished);
            (ended || self.seen.answered.load(Ordering::Acquire) >= due).then_some(())
        });
    }

    /// How long each answer since the last call took.
    pub(super) fn took(&self) -> Vec<Duration> {
        std::mem::take(&mut self.seen.took.lock().unwrap())
    }

    /// Ends the load. Every request must have had its own answer, and every message
    /// must have been kept once.
    pub(super) fn stop(self, home: &Home) -> usize {
        self.seen.enough.store(true, Ordering::Release);
        for client in self.clients {
            RUNTIME.block_on(client).unwrap();
        }
        let wrong = self.seen.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{} wrong, such as {:?}", wrong.len(), wrong.first());
        let answered = self.seen.answered.load(Ordering::Acquire);
        let kept = home.written().into_iter().filter(|name| name.starts_with("out/kept"));
        let kept: usize = kept.map(|name| home.read(&name).unwrap().matches("MSH|").count()).sum();
        assert_eq!(kept, answered, "each message is kept once");
        answered
    }
}

async fn ask(mut http: KeptAlive, client: usize, seen: &Seen) {
    for number in 0.. {
        if seen.enough.load(Ordering::Acquire) {
            return;
        }
        let control_id = format!("G{client}-{number}");
        let begun = Instant::now();
        let answer = http.post(GOOD, Bytes::from(adt(&control_id, "1"))).await;
        let took = begun.elapsed();
        match answer {
            Ok(answer)
                if answer.status == 200
                    && (answer.msa(1), answer.msa(2)) == ("AA".to_owned(), control_id.clone()) => {}
            other => {
                seen.wrong.lock().unwrap().push(format!("{control_id}: {other:?}"));
                return;
            }
        }
        seen.took.lock().unwrap().push(took);
        seen.answered.fetch_add(1, Ordering::AcqRel);
        tokio::time::sleep(PAUSE).await;
    }
}
