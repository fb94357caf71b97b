//! The workflows of a home: which versions run, what is wrong with the others.
//!
//! Stage: files → **registry** → routes. Build, then swap: a changed file is
//! read, checked, prepared and opened beside the running version; only then do
//! new messages go to it. Any failure leaves the running version alone and is
//! kept for whoever asks. Deliberately does not know: sockets; who publishes
//! the routes is handed in as [`Publish`].
//!
//! # Invariants
//! - An entry's `live` version is always one that loaded without an error, with rights
//!   that it still has.
//! - What is published is always the set of `live` versions, whole.

mod candidate;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_util::task::TaskTracker;

use self::candidate::{Candidate, Postponed, TRY_AGAIN, take_back};
use super::running::Workflow;
use super::version::{Stopped, Surroundings};
use crate::diagnostics::{Diagnostic, codes};

/// How long new versions wait for one another to be opened.
const OPENING_PATIENCE: Duration = Duration::from_secs(1);

/// Where the live versions go.
pub trait Publish {
    /// Makes exactly these workflows reachable. Senders to those that are
    /// stopped are told so where that is possible.
    ///
    /// # Errors
    /// Nothing has changed; the diagnostics name the file of each workflow that
    /// cannot be reached.
    fn publish(
        &mut self,
        live: &[Arc<Workflow>],
        stopped: &[Stopped],
    ) -> impl Future<Output = Result<(), Vec<Diagnostic>>> + Send;
}

/// All workflow files of a home.
#[derive(Default)]
pub struct Registry {
    entries: BTreeMap<PathBuf, Entry>,
    /// What is wrong with the folder itself.
    folder: Vec<Diagnostic>,
    closings: TaskTracker,
}

#[derive(Default)]
struct Entry {
    /// Of the bytes that were looked at last, or of why they could not be read.
    seen: Option<[u8; 32]>,
    /// The version that runs.
    live: Option<Arc<Workflow>>,
    /// Where it would be reached, when none runs.
    stopped: Option<Stopped>,
    /// The content that is not tried again yet.
    postponed: Option<Postponed>,
    /// What is wrong with the file as it is now.
    diagnostics: Vec<Diagnostic>,
    /// Its author does not want it to run.
    disabled: bool,
}

/// What one scan changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ScanChanges {
    /// Names of workflows whose new version is live.
    pub started: Vec<String>,
    /// Files whose new content is not taken.
    pub refused: Vec<PathBuf>,
    /// Names of workflows that are gone.
    pub removed: Vec<String>,
}

/// One workflow file as the operator sees it.
pub struct Standing<'a> {
    pub file: &'a Path,
    pub live: Option<&'a Arc<Workflow>>,
    /// Its author does not want it to run.
    pub disabled: bool,
    /// Of the file as it is now; errors mean that `live` is an older version.
    pub diagnostics: &'a [Diagnostic],
}

impl Registry {
    /// Every file, by name.
    pub fn standings(&self) -> impl Iterator<Item = Standing<'_>> {
        self.entries.iter().map(|(file, entry)| Standing {
            file,
            live: entry.live.as_ref(),
            disabled: entry.disabled,
            diagnostics: &entry.diagnostics,
        })
    }

    /// The name of each workflow, whether it runs or not; `None` for a file that does not tell it.
    pub fn names(&self) -> impl Iterator<Item = Option<&str>> {
        self.entries.values().map(|entry| {
            let live = entry.live.as_ref().map(|live| live.name());
            live.or_else(|| entry.stopped.as_ref().map(|stopped| stopped.workflow.as_str()))
        })
    }

    /// What is wrong with the folder itself.
    pub fn folder_diagnostics(&self) -> &[Diagnostic] {
        &self.folder
    }

    /// Ends everything: no workflow is live any more. Messages in flight keep
    /// their version until they are done; wait for the closings afterwards.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Waits until the activities of every version that ended are closed.
    pub async fn closed(&self) {
        self.closings.close();
        self.closings.wait().await;
        self.closings.reopen();
    }

    /// Publishes what is live once more, because what it is published with changed.
    ///
    /// # Errors
    /// As [`Publish::publish`]; what was published before stays.
    pub async fn publish_again(&self, publish: &mut impl Publish) -> Result<(), Vec<Diagnostic>> {
        let (live, stopped) = (self.next_set(&[], &[]), self.next_stopped(&[], &[]));
        publish.publish(&live, &stopped).await
    }

    /// Looks at every file and takes over what changed. `rebuild` makes new
    /// versions of unchanged files too: the plugins, or the names of the home, are other ones.
    pub async fn scan(
        &mut self,
        folder: &Path,
        file_bytes_max: u64,
        surroundings: Surroundings<'_>,
        rebuild: bool,
        publish: &mut impl Publish,
    ) -> ScanChanges {
        let files = self.files(folder);
        let mut candidates = Vec::new();
        for file in &files {
            let entry = self.entries.get(file);
            let postponed = entry.and_then(|entry| entry.postponed?.seen());
            let seen = postponed.or(entry.and_then(|entry| entry.seen)).filter(|_| !rebuild);
            let closings = &self.closings;
            let new = Candidate::look(file, file_bytes_max, seen, surroundings, closings).await;
            let Some(mut new) = new else { continue };
            let live = entry.and_then(|entry| entry.live.as_ref());
            if let Some(live) = live.filter(|live| !live.is_allowed(surroundings.plugins)) {
                new.withdrawn = true;
                new.stopped = new.stopped.or_else(|| Stopped::of(live.definition()));
            }
            candidates.push(new);
        }
        let gone: Vec<PathBuf> =
            self.entries.keys().filter(|file| !files.contains(*file)).cloned().collect();
        if candidates.is_empty() && gone.is_empty() {
            return ScanChanges::default();
        }
        self.take_over(candidates, &gone, publish).await
    }

    /// [`workflow_files`]; those that are known, where the folder cannot be read.
    fn files(&mut self, folder: &Path) -> BTreeSet<PathBuf> {
        self.folder.clear();
        match workflow_files(folder) {
            Ok(files) => files,
            // The folder may be on its way back; what runs goes on meanwhile.
            Err(error) => {
                let found = folder_unreadable(folder, &error);
                self.folder.push(found.state("the workflows that run go on"));
                match error.kind() {
                    io::ErrorKind::NotFound if self.entries.is_empty() => BTreeSet::new(),
                    _ => self.entries.keys().cloned().collect(),
                }
            }
        }
    }

    /// Opens the candidates, all at a time, and takes them over: first those that open
    /// at once, so that one whose peer hangs holds up itself alone.
    async fn take_over(
        &mut self,
        candidates: Vec<Candidate>,
        gone: &[PathBuf],
        publish: &mut impl Publish,
    ) -> ScanChanges {
        let slow: Vec<Slow> = candidates.iter().map(Slow::of).collect();
        let mut opening: FuturesUnordered<_> =
            candidates.into_iter().map(Candidate::opened).collect();
        let mut opened = Vec::new();
        let patience = tokio::time::sleep(OPENING_PATIENCE);
        tokio::pin!(patience);
        while !opening.is_empty() {
            tokio::select! {
                candidate = opening.next() => opened.extend(candidate),
                () = &mut patience => break,
            }
        }
        let mut changes = ScanChanges::default();
        for slow in slow {
            if opened.iter().all(|candidate| candidate.file != slow.file) {
                self.wait_for(slow, &mut changes);
            }
        }
        changes.join(self.replace(opened, gone, publish).await);
        if !opening.is_empty() {
            changes.join(self.replace(opening.collect().await, &[], publish).await);
        }
        changes
    }

    /// What is to be done about a file while its new version is being opened.
    fn wait_for(&mut self, slow: Slow, changes: &mut ScanChanges) {
        tracing::info!(
            file = %slow.file.display(),
            "the workflow's activities take long to start; the others do not wait for it"
        );
        let entry = self.entries.entry(slow.file).or_default();
        if slow.withdrawn
            && let Some(live) = entry.live.take()
        {
            stopped_without_rights(&live, changes);
        }
        if entry.live.is_none() {
            entry.stopped = slow.stopped;
        }
    }

    /// Publishes the new set, and lets the old versions go. What cannot be reached is
    /// taken back, one by one.
    async fn replace(
        &mut self,
        mut candidates: Vec<Candidate>,
        gone: &[PathBuf],
        publish: &mut impl Publish,
    ) -> ScanChanges {
        candidates.sort_by(|one, other| one.file.cmp(&other.file));
        loop {
            let next = self.next_set(&candidates, gone);
            let stopped = self.next_stopped(&candidates, gone);
            let refused = match publish.publish(&next, &stopped).await {
                Ok(()) => break,
                Err(diagnostics) => diagnostics,
            };
            if !take_back(&mut candidates, refused) {
                // Nothing of what is new is at fault: keep what runs.
                for candidate in &mut candidates {
                    candidate.live = None;
                }
                let next = self.next_set(&candidates, gone);
                if publish.publish(&next, &[]).await.is_err() {
                    tracing::error!("the workflows that run could not be published again");
                }
                break;
            }
        }
        self.swap(candidates, gone)
    }

    /// What would be live: the candidates, and everything they do not replace.
    fn next_set(&self, candidates: &[Candidate], gone: &[PathBuf]) -> Vec<Arc<Workflow>> {
        let replaced = |file: &PathBuf| {
            gone.contains(file)
                || candidates.iter().any(|it| {
                    it.file == *file && (it.live.is_some() || it.disabled || it.withdrawn)
                })
        };
        let kept = self.entries.iter().filter(|(file, _)| !replaced(file));
        let kept = kept.filter_map(|(_, entry)| entry.live.as_ref());
        let new = candidates.iter().filter_map(|candidate| candidate.live.as_ref());
        kept.chain(new).map(Arc::clone).collect()
    }

    /// Receivers that would not run.
    fn next_stopped(&self, candidates: &[Candidate], gone: &[PathBuf]) -> Vec<Stopped> {
        let candidate = |file: &PathBuf| candidates.iter().find(|it| it.file == *file);
        let goes_on =
            |file: &PathBuf| self.entries.get(file).is_some_and(|entry| entry.live.is_some());
        let kept = self.entries.iter().filter(|(file, entry)| {
            entry.live.is_none() && candidate(file).is_none() && !gone.contains(file)
        });
        let kept = kept.filter_map(|(_, entry)| entry.stopped.clone());
        let new = candidates
            .iter()
            .filter(|it| it.live.is_none())
            .filter(|it| it.disabled || it.withdrawn || !goes_on(&it.file))
            .filter_map(|it| it.stopped.clone());
        kept.chain(new).collect()
    }

    fn swap(&mut self, candidates: Vec<Candidate>, gone: &[PathBuf]) -> ScanChanges {
        let mut changes = ScanChanges::default();
        for file in gone {
            let removed = self.entries.remove(file).and_then(|entry| entry.live);
            if let Some(live) = removed {
                tracing::info!(
                    workflow = live.name(),
                    "the workflow's file is gone: it is stopped"
                );
                changes.removed.push(live.name().to_owned());
            }
        }
        for mut candidate in candidates {
            let entry = self.entries.entry(candidate.file.clone()).or_default();
            let is_retry = entry.seen == Some(TRY_AGAIN);
            entry.seen = Some(candidate.seen);
            entry.postponed = candidate.postponed;
            entry.disabled = candidate.disabled;
            entry.stopped = candidate.stopped.take();
            match candidate.live.take() {
                Some(live) => {
                    changes.started.push(live.name().to_owned());
                    tracing::info!(workflow = live.name(), file = %candidate.file.display(), "the workflow is live");
                    entry.live = Some(live);
                }
                None if candidate.disabled => {
                    if let Some(live) = entry.live.take() {
                        tracing::info!(
                            workflow = live.name(),
                            "the workflow is disabled: it is stopped"
                        );
                        changes.removed.push(live.name().to_owned());
                    }
                }
                None => {
                    if candidate.withdrawn
                        && let Some(live) = entry.live.take()
                    {
                        stopped_without_rights(&live, &mut changes);
                    }
                    let state = match &entry.live {
                        Some(_) => "the version that was running before goes on",
                        None => "the workflow does not run",
                    };
                    for diagnostic in candidate.diagnostics.iter_mut().filter(|it| it.is_error()) {
                        diagnostic.state.get_or_insert_with(|| state.to_owned());
                    }
                    changes.refused.push(candidate.file.clone());
                }
            }
            // What is tried again at every look is not told at every look.
            let told = |it: &&Diagnostic| is_retry && entry.diagnostics.contains(it);
            for diagnostic in candidate.diagnostics.iter().filter(|it| !told(it)) {
                if diagnostic.is_error() {
                    tracing::error!("{diagnostic}");
                } else {
                    tracing::warn!("{diagnostic}");
                }
            }
            entry.diagnostics = candidate.diagnostics;
        }
        changes
    }
}

fn stopped_without_rights(live: &Workflow, changes: &mut ScanChanges) {
    tracing::warn!(
        workflow = live.name(),
        "the workflow is stopped: it ran with rights, or with a plugin, that tureen.toml does \
         not allow any more"
    );
    changes.removed.push(live.name().to_owned());
}

/// A candidate as it is looked at while it is being opened.
struct Slow {
    file: PathBuf,
    withdrawn: bool,
    stopped: Option<Stopped>,
}

impl Slow {
    fn of(candidate: &Candidate) -> Self {
        let Candidate { file, withdrawn, stopped, .. } = candidate;
        Self { file: file.clone(), withdrawn: *withdrawn, stopped: stopped.clone() }
    }
}

impl ScanChanges {
    fn join(&mut self, later: Self) {
        self.started.extend(later.started);
        self.refused.extend(later.refused);
        self.removed.extend(later.removed);
    }
}

/// The workflow files right in the folder: no subfolder, no other ending.
///
/// # Errors
/// The folder cannot be read.
pub fn workflow_files(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let paths = fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path());
    Ok(paths.filter(|path| is_workflow_file(path)).collect())
}

/// What is told of a folder of workflows that cannot be read.
pub fn folder_unreadable(folder: &Path, error: &io::Error) -> Diagnostic {
    let help = match error.kind() {
        io::ErrorKind::NotADirectory => "move the file away that is in its place, and create it",
        _ => "create it, or check its permissions",
    };
    let text = format!("the workflow folder cannot be read: {error}");
    Diagnostic::new(codes::FILE_UNREADABLE, text).in_file(folder).help(help)
}

/// `.hl7Workflow` and `.soupworkflow`, in any case; hidden files are not.
pub fn is_workflow_file(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let ending = path.extension().map(|it| it.to_string_lossy().to_ascii_lowercase());
    !hidden && matches!(ending.as_deref(), Some("hl7workflow" | "soupworkflow"))
}
