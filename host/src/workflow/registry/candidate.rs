//! A file's new version on its way: read, built, opened, or taken back.
//!
//! Deliberately does not know: which versions run beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;

use crate::diagnostics::{Diagnostic, codes};
use crate::workflow::file::read_bounded;
use crate::workflow::purpose::Purpose;
use crate::workflow::running::Workflow;
use crate::workflow::version::{Stopped, Surroundings, build_version};

/// A file that does not load is read again after this long before the fault is
/// believed: editors truncate and then write.
const SECOND_LOOK: Duration = Duration::from_millis(250);

/// How many times as long as opening took in vain it is not tried again: at most this
/// part of the time is spent on it. One that fails at once is tried at each look.
const REST_AFTER_OPENING: u32 = 10;

/// Seen of a file whose workflow could not be opened or reached: the next look
/// tries again, because what was missing may come without a save.
pub(super) const TRY_AGAIN: [u8; 32] = [0; 32];

/// A file's new version on its way.
pub(super) struct Candidate {
    pub(super) file: PathBuf,
    pub(super) seen: [u8; 32],
    /// `None`: the file is not taken.
    pub(super) live: Option<Arc<Workflow>>,
    /// Where it would be reached, as far as the file says.
    pub(super) stopped: Option<Stopped>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The receiver is disabled: loads, but is not started.
    pub(super) disabled: bool,
    /// The version that runs was granted what it is not any more: it ends, whether there is
    /// another or not.
    pub(super) withdrawn: bool,
    /// Of one that took long and could not be opened.
    pub(super) postponed: Option<Postponed>,
}

/// A content that is not tried again for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Postponed {
    seen: [u8; 32],
    until: Instant,
}

impl Postponed {
    /// What was seen, as long as it is not to be tried again.
    pub(super) fn seen(&self) -> Option<[u8; 32]> {
        (Instant::now() < self.until).then_some(self.seen)
    }
}

impl Candidate {
    /// A new version of a file, if there is something new to it since `seen_before`.
    pub(super) async fn look(
        file: &Path,
        file_bytes_max: u64,
        seen_before: Option<[u8; 32]>,
        surroundings: Surroundings<'_>,
        closings: &TaskTracker,
    ) -> Option<Self> {
        let read = read(file, file_bytes_max);
        if Some(read.seen()) == seen_before {
            return None;
        }
        let first = build(file, read, surroundings, closings).await;
        if first.live.is_some() || first.disabled {
            return Some(first);
        }
        tokio::time::sleep(SECOND_LOOK).await;
        let again = self::read(file, file_bytes_max);
        if again.seen() == first.seen {
            return Some(first);
        }
        Some(build(file, again, surroundings, closings).await)
    }

    /// Opens its activities; one that cannot be opened takes the version back.
    pub(super) async fn opened(mut self) -> Self {
        let Some(live) = &self.live else { return self };
        let begun = Instant::now();
        let Err((index, failure)) = live.open().await else { return self };
        let definition = live.definition();
        let name = definition.activities.get(index).map_or("", |activity| activity.name.as_str());
        let found = Diagnostic::new(
            codes::ACTIVITY_NOT_OPEN,
            format!("the activity {name:?} cannot start: {failure}"),
        )
        .in_file(&self.file)
        .help("put right what it names, then save the file again");
        self.diagnostics.push(found);
        self.live = None;
        let until = Instant::now() + REST_AFTER_OPENING * begun.elapsed();
        self.postponed = Some(Postponed { seen: self.seen, until });
        self.seen = TRY_AGAIN;
        self
    }
}

/// A file's content, or why there is none.
struct Read(Result<Vec<u8>, Box<Diagnostic>>);

impl Read {
    fn seen(&self) -> [u8; 32] {
        match &self.0 {
            Ok(bytes) => Sha256::digest(bytes).into(),
            Err(diagnostic) => Sha256::digest(diagnostic.message.as_bytes()).into(),
        }
    }
}

fn read(file: &Path, limit: u64) -> Read {
    Read(read_bounded(file, limit))
}

async fn build(
    file: &Path,
    read: Read,
    surroundings: Surroundings<'_>,
    closings: &TaskTracker,
) -> Candidate {
    let mut candidate = Candidate {
        file: file.to_path_buf(),
        seen: read.seen(),
        live: None,
        stopped: None,
        diagnostics: Vec::new(),
        disabled: false,
        withdrawn: false,
        postponed: None,
    };
    let bytes = match read.0 {
        Ok(bytes) => bytes,
        Err(diagnostic) => {
            candidate.diagnostics.push(*diagnostic);
            return candidate;
        }
    };
    let built = build_version(file, bytes, surroundings, closings, Purpose::Serve).await;
    candidate.diagnostics = built.diagnostics;
    candidate.stopped = built.receiver;
    let disabled = |workflow: &Workflow| workflow.definition().receiver.disabled;
    candidate.disabled = built.workflow.as_ref().is_some_and(disabled);
    candidate.live = built.workflow.filter(|workflow| !disabled(workflow)).map(Arc::new);
    candidate
}

/// Takes the candidates back that the diagnostics name; was there any?
pub(super) fn take_back(candidates: &mut [Candidate], diagnostics: Vec<Diagnostic>) -> bool {
    let mut any = false;
    for diagnostic in diagnostics {
        let named = candidates.iter_mut().find(|it| it.file == diagnostic.file);
        if let Some(candidate) = named.filter(|it| it.live.is_some()) {
            candidate.live = None;
            candidate.seen = TRY_AGAIN;
            candidate.diagnostics.push(diagnostic);
            any = true;
        }
    }
    any
}
