//! A load of senders that mean well: each on one kept connection, one request after the
//! other, so that an answer that is lost, doubled or somebody else's shows in the next.
//!
//! Knows: that each answer is a 200 that accepts the very message. Deliberately does not
//! know: what more a test wants of an answer; it judges that itself.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::http2::{KeptAlive, RUNTIME};
use super::messages::adt;
use super::wait::wait_for;
use super::{Answer, Server};

/// Who sends, and where to.
pub(crate) struct Senders {
    pub(crate) count: usize,
    pub(crate) path: &'static str,
    /// Between two requests of a sender.
    pub(crate) pause: Duration,
}

impl Senders {
    /// As fast as they are answered.
    pub(crate) fn without_pause(count: usize, path: &'static str) -> Self {
        Self { count, path, pause: Duration::ZERO }
    }
}

/// The load; it goes on until [`Load::end`], or something is wrong.
pub(crate) struct Load {
    senders: Vec<JoinHandle<()>>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    answered: AtomicUsize,
    enough: AtomicBool,
    wrong: Mutex<Vec<String>>,
}

impl Load {
    /// Each sender judges its answers, and how long they took, by a judge of its own: is
    /// this what it should have got?
    pub(crate) fn start<Judge>(
        server: &Server,
        senders: &Senders,
        mut judge: impl FnMut() -> Judge,
    ) -> Self
    where
        Judge: FnMut(&Answer, Duration) -> bool + Send + 'static,
    {
        let seen = Arc::new(Seen::default());
        let senders = (0..senders.count).map(|number| {
            let (socket, certificate) = (server.socket(), server.certificate());
            let (path, pause) = (senders.path, senders.pause);
            let (seen, mut judge) = (Arc::clone(&seen), judge());
            RUNTIME.spawn(async move {
                let sent = match KeptAlive::connect(socket, certificate).await {
                    Ok(mut http) => seen.send(&mut http, number, path, pause, &mut judge).await,
                    Err(error) => Err(error),
                };
                if let Err(wrong) = sent {
                    seen.wrong.lock().unwrap().push(wrong);
                }
            })
        });
        Self { senders: senders.collect(), seen }
    }

    /// How many requests were answered, and rightly.
    pub(crate) fn answered(&self) -> usize {
        self.seen.answered.load(Ordering::Acquire)
    }

    /// Waits until it is so, or until something is wrong, which [`Load::end`] tells.
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        wait_for(what, || {
            let is_over = || self.senders.iter().any(JoinHandle::is_finished);
            (is_so() || is_over()).then_some(())
        });
    }

    /// Waits for so many further answers.
    pub(crate) fn answers(&self, further: usize) {
        let due = self.answered() + further;
        self.wait_until("the load to go on", || self.answered() >= due);
    }

    /// Ends it, and gives the number of answers; nothing may have been wrong.
    pub(crate) fn end(self) -> usize {
        self.seen.enough.store(true, Ordering::Release);
        for sender in self.senders {
            RUNTIME.block_on(sender).unwrap();
        }
        let wrong = self.seen.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{} wrong, such as {:?}", wrong.len(), wrong.first());
        self.seen.answered.load(Ordering::Acquire)
    }
}

impl Seen {
    /// One request after the other, until it is enough, or one has not its own answer.
    async fn send(
        &self,
        http: &mut KeptAlive,
        sender: usize,
        path: &str,
        pause: Duration,
        judge: &mut impl FnMut(&Answer, Duration) -> bool,
    ) -> Result<(), String> {
        for number in 0.. {
            if self.enough.load(Ordering::Acquire) {
                break;
            }
            let control_id = format!("{sender}-{number}");
            let begun = Instant::now();
            let answer = http.post(path, Bytes::from(adt(&control_id, "1"))).await;
            let answer = answer.map_err(|error| format!("{control_id}: {error}"))?;
            let took = begun.elapsed();
            let is_its_own =
                answer.status == 200 && answer.msa(1) == "AA" && answer.msa(2) == control_id;
            if !is_its_own || !judge(&answer, took) {
                return Err(format!("{control_id}: {answer:?}"));
            }
            self.answered.fetch_add(1, Ordering::AcqRel);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }
}
