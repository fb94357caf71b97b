//! Runs a case, and gathers everything that came of it.
//!
//! Stage: case → **run** → comparison. The workflow is built anew with plugins
//! that may touch one temporary folder; the folder is read after the activities
//! are closed, because some finish their files then.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio_util::task::TaskTracker;

use super::case::{Case, FILE_BYTES_MAX, read};
use super::homes::OpenHome;
use crate::cli::trial::Given;
use crate::diagnostics::Diagnostic;
use crate::pipeline::{Answer, Performance, Pipeline, Rehearsal, RunRecord};
use crate::response::Response;
use crate::workflow::file::read_bounded;
use crate::workflow::purpose::Purpose;
use crate::workflow::running::Workflow;
use crate::workflow::version::{Surroundings, build_version};

/// Files that a case may write.
const FILES_MAX: usize = 10_000;

/// Folders inside each other that a case may write.
const DEPTH_MAX: usize = 32;

/// What came of a case.
pub(super) struct Actual {
    pub(super) outcome: &'static str,
    /// The code of what went wrong.
    pub(super) error: Option<String>,
    /// Why it went so, for a person.
    pub(super) reason: Option<String>,
    /// `None` where the receiver answers nobody.
    pub(super) response: Option<Response>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) activities: Vec<Done>,
    /// By their path in the granted folder, with `/`.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// What became of one activity.
pub(super) struct Done {
    /// From 1, in the order of execution; disabled ones are not counted.
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) state: State,
    pub(super) message: Option<Vec<u8>>,
    /// The file name extension that its messages should have.
    pub(super) extension: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Performed,
    Shown,
    Filtered,
    /// An error came before it.
    NotReached,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Performed => "performed",
            Self::Shown => "shown",
            Self::Filtered => "filtered",
            Self::NotReached => "not reached",
        }
    }
}

/// Runs a case.
///
/// # Errors
/// A workflow that does not load, a file that cannot be read, an activity that
/// cannot start.
pub(super) async fn run(case: &Case, open: &OpenHome) -> anyhow::Result<Actual> {
    let granted = tempfile::tempdir().context("no temporary folder could be made")?;
    let folder = fs::canonicalize(granted.path()).context("the temporary folder is gone")?;
    let closings = TaskTracker::new();
    let workflow = build(case, open, &folder, &closings).await?;
    workflow
        .open()
        .await
        .map_err(|(_, failure)| anyhow::anyhow!("an activity cannot start: {failure}"))?;
    let workflow = Arc::new(workflow);
    let inbound = given(case)?.inbound(&workflow);
    let rehearsal = Rehearsal { now: case.now.clone(), replies: replies(case, &workflow)? };
    let pipeline = Pipeline::rehearsing(&open.home.config, open.settings.clone(), rehearsal);
    let record = pipeline.run(&workflow, inbound, Performance::LiveRecorded, Answer::kept()).await;
    let mut actual = gathered(record, &workflow);
    drop(workflow);
    closings.close();
    closings.wait().await;
    collect(&folder, &folder, 0, &mut actual.files)?;
    Ok(actual)
}

async fn build(
    case: &Case,
    open: &OpenHome,
    folder: &Path,
    closings: &TaskTracker,
) -> anyhow::Result<Workflow> {
    let told = |diagnostics: &[Diagnostic]| {
        let errors = diagnostics.iter().filter(|found| found.is_error());
        errors.map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let limit = open.home.config.limits.workflow_bytes as u64;
    let bytes = match read_bounded(&case.workflow, limit) {
        Ok(bytes) => bytes,
        Err(diagnostic) => bail!("{diagnostic}"),
    };
    let plugins = open.home.plugins.confined_to(folder);
    let surroundings =
        Surroundings { plugins: &plugins, vocabulary: &open.vocabulary, faults: None };
    let built = build_version(&case.workflow, bytes, surroundings, closings, Purpose::Test).await;
    built
        .workflow
        .with_context(|| format!("the workflow does not load\n{}", told(&built.diagnostics)))
}

fn given(case: &Case) -> anyhow::Result<Given> {
    let file_name = case.message.as_ref().and_then(|path| path.file_name());
    Ok(Given {
        body: case.message.as_deref().map(read).transpose()?.unwrap_or_default(),
        file_name: file_name.map(|name| name.to_string_lossy().into_owned()),
        method: case.method.clone(),
        client_ip: case.client_ip.clone(),
        media_type: case.media_type.clone(),
        variables: case.variables.clone(),
        received_at: case.now.clone(),
    })
}

/// The replies, by the id of the activity that is said to get them.
fn replies(
    case: &Case,
    workflow: &Workflow,
) -> anyhow::Result<HashMap<tureen_template::SettingId, Vec<u8>>> {
    let mut replies = HashMap::new();
    for (number, bytes) in case.replies()? {
        let Some(activity) = workflow.activities().get(number - 1) else {
            bail!("replies: the workflow has no activity {number}");
        };
        let definition = activity.definition(workflow);
        if activity.activity.is_some() {
            bail!(
                "replies: activity {number} {:?} is performed, and has its own reply",
                definition.name
            );
        }
        replies.insert(definition.id, bytes);
    }
    Ok(replies)
}

fn gathered(record: RunRecord, workflow: &Workflow) -> Actual {
    let reason = match &record.outcome {
        crate::pipeline::Outcome::Filtered { reason } => Some(reason.clone()),
        outcome => outcome.error().map(ToString::to_string),
    };
    let mut reached = record.activities.into_iter();
    let activities = workflow.activities().iter().enumerate().map(|(index, activity)| {
        let definition = activity.definition(workflow);
        let record = reached.next();
        let state = match &record {
            None => State::NotReached,
            Some(record) if record.filtered => State::Filtered,
            Some(record) if record.performed => State::Performed,
            Some(_) => State::Shown,
        };
        let extension = match definition.message_type {
            tureen_message::Format::Csv => "csv",
            _ => "txt",
        };
        let message = record.and_then(|record| record.message);
        Done { number: index + 1, name: definition.name.clone(), state, message, extension }
    });
    let activities = activities.collect();
    Actual {
        outcome: record.outcome.name(),
        error: record.outcome.error().map(|error| error.code.clone()),
        reason,
        response: record.response.filter(|_| workflow.definition().receiver.kind.answers()),
        variables: record.variables,
        activities,
        files: BTreeMap::new(),
    }
}

/// The depth is limited, so this may recurse. Links are left out.
pub(super) fn collect(
    root: &Path,
    folder: &Path,
    depth: usize,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> anyhow::Result<()> {
    if depth > DEPTH_MAX {
        bail!("files were written more than {DEPTH_MAX} folders deep");
    }
    for entry in
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?
    {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() {
            collect(root, &path, depth + 1, files)?;
        } else if kind.is_file() {
            if files.len() >= FILES_MAX {
                bail!("more than {FILES_MAX} files were written");
            }
            let below = path.strip_prefix(root).unwrap_or(&path);
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            let bytes = read(&path).with_context(|| {
                format!("a written file is over {FILE_BYTES_MAX} bytes or gone")
            })?;
            files.insert(parts.join("/"), bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(root: &Path) -> anyhow::Result<usize> {
        let mut files = BTreeMap::new();
        collect(root, root, 0, &mut files)?;
        Ok(files.len())
    }

    #[test]
    fn files_and_folders_of_a_case_are_limited() {
        let home = tempfile::tempdir().unwrap();
        let many = home.path().join("many");
        fs::create_dir(&many).unwrap();
        for number in 0..FILES_MAX {
            fs::write(many.join(number.to_string()), "").unwrap();
        }
        assert_eq!(collected(&many).unwrap(), FILES_MAX);
        fs::write(many.join("more"), "").unwrap();
        assert!(collected(&many).unwrap_err().to_string().contains("were written"));
        let deep = home.path().join("deep");
        fs::create_dir_all(deep.join(["d"; DEPTH_MAX].join("/"))).unwrap();
        assert_eq!(collected(&deep).unwrap(), 0);
        fs::create_dir_all(deep.join(["d"; DEPTH_MAX + 1].join("/"))).unwrap();
        assert!(collected(&deep).unwrap_err().to_string().contains("folders deep"));
    }
}
