//! One worker process, as the server sees it.
//!
//! # Invariants
//! - A worker that is dropped is ended and waited for: none is left behind, also not
//!   as a zombie. One whose server dies ends itself.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::net::UnixStream;
use tureen_template::{Globals, Tables};

use super::answers::answer;
use super::wire::{Begin, FromWorker, ToWorker};
use super::{WorkerProgram, frames};

/// Time from the start of a worker until it is confined and has its code. A machine
/// that is that busy has other troubles.
const START_TIME: Duration = Duration::from_secs(30);

/// Time in which a worker that closed its end is expected to have ended.
const ENDING: Duration = Duration::from_millis(200);

/// Bytes of a frame that answers no call.
const PLAIN_ANSWER_BYTES_MAX: u32 = 32 << 20;

/// Why no worker could be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotStarted {
    /// The system does not confine it.
    Unconfined(String),
    Failed(String),
}

/// Why a worker gave no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// It was not there in time.
    Late,
    /// It ended, or said what no worker says. How, for a log.
    Gone(String),
}

/// A confined process that serves one plugin.
pub(super) struct Worker {
    child: Option<Child>,
    socket: UnixStream,
    /// Open as long as the server is: the worker ends when it is closed.
    _life: io::PipeWriter,
    /// The steps that it has taken up, each with the globals of its last call.
    pub(super) steps: HashMap<u64, Option<Arc<Globals>>>,
}

impl Worker {
    /// Starts a worker and waits until it is confined.
    pub(super) async fn start(
        program: &WorkerProgram,
        begin: Box<Begin>,
    ) -> Result<Self, NotStarted> {
        let failed =
            |error: io::Error| NotStarted::Failed(format!("it cannot be started: {error}"));
        // Not on this thread: it may be one that gives way, and a child inherits that.
        let program = program.clone();
        let spawned = tokio::task::spawn_blocking(move || Self::spawn(&program)).await;
        let spawned = spawned.map_err(io::Error::other).and_then(|spawned| spawned);
        let mut worker = spawned.map_err(failed)?;
        let begin = ToWorker::Begin(begin);
        match worker.ask(&begin, START_TIME).await {
            Ok(FromWorker::Ready) => Ok(worker),
            Ok(FromWorker::Unconfined(why)) => Err(NotStarted::Unconfined(why)),
            Ok(FromWorker::Failed(why)) => Err(NotStarted::Failed(why)),
            Ok(_) => Err(NotStarted::Failed("it said something else than expected".to_owned())),
            Err(NoAnswer::Late) => {
                Err(NotStarted::Failed(format!("it was not ready within {START_TIME:?}")))
            }
            Err(NoAnswer::Gone(how)) => Err(NotStarted::Failed(how)),
        }
    }

    /// With nothing of ours: no environment, no folder; a socket, and a pipe that
    /// tells that we are here.
    fn spawn(program: &WorkerProgram) -> io::Result<Self> {
        let (ours, theirs) = Pair::pair()?;
        let (lives, life) = io::pipe()?;
        ours.set_nonblocking(true)?;
        let socket = UnixStream::from_std(ours)?;
        let child = Command::new(&program.program)
            .arg0("tureen")
            .args(&program.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(OwnedFd::from(lives))
            // What it has to say it answers; a panic's text may hold a message.
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child: Some(child), socket, _life: life, steps: HashMap::new() })
    }

    /// Has it ended by itself?
    pub(super) fn is_gone(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Says something that has no answer.
    pub(super) async fn tell(&mut self, said: &ToWorker) -> Result<(), NoAnswer> {
        match frames::send(&mut self.socket, said).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.gone(&error).await),
        }
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(
        &mut self,
        said: &ToWorker,
        within: Duration,
    ) -> Result<FromWorker, NoAnswer> {
        let asked = async {
            frames::send(&mut self.socket, said).await?;
            frames::receive(&mut self.socket, PLAIN_ANSWER_BYTES_MAX).await
        };
        match tokio::time::timeout(within, asked).await {
            Err(_) => Err(NoAnswer::Late),
            Ok(Err(error)) => Err(self.gone(&error).await),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    /// Asks, answers what it wants to know of tables meanwhile, and waits for the
    /// answer until then.
    pub(super) async fn converse(
        &mut self,
        said: &impl Serialize,
        tables: &(dyn Tables + Send + Sync),
        until: Instant,
        answer_bytes_max: u32,
    ) -> Result<FromWorker, NoAnswer> {
        let talk = async {
            frames::send(&mut self.socket, said).await?;
            loop {
                match frames::receive(&mut self.socket, answer_bytes_max).await? {
                    FromWorker::Ask(question) => {
                        let answer = ToWorker::Answer(answer(question, tables));
                        frames::send(&mut self.socket, &answer).await?;
                    }
                    answer => return Ok(answer),
                }
            }
        };
        match tokio::time::timeout_at(until.into(), talk).await {
            Err(_) => Err(NoAnswer::Late),
            Ok(Err(error)) => Err(self.gone(&error).await),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    /// In words: how it ended, or what is wrong with what it said.
    async fn gone(&mut self, error: &io::Error) -> NoAnswer {
        if error.kind() == io::ErrorKind::InvalidData {
            return NoAnswer::Gone(format!("it said what no worker says: {error}"));
        }
        let until = Instant::now() + ENDING;
        while Instant::now() < until {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                return NoAnswer::Gone(in_words(status));
            }
            // Its end of the socket goes a moment before it does.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        NoAnswer::Gone(format!("its connection ended: {error}"))
    }
}

fn in_words(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("it was ended by signal {signal}"),
        (None, Some(code)) => format!("it ended with code {code}"),
        (None, None) => "it ended".to_owned(),
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let _ = child.kill();
        let mut wait = move || drop(child.wait());
        // Taking down its memory may last; not on a thread that serves messages.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(wait)),
            Err(_) => wait(),
        }
    }
}
