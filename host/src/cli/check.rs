//! `tureen check`: everything that can be said before a port is opened.

mod addresses;

use std::fs;
use std::path::PathBuf;

use clap::Args;
use tokio_util::task::TaskTracker;

use super::{Ended, HomeArgument, output};
use crate::app::Home;
use crate::diagnostics::{Diagnostic, Report};
use crate::workflow::conflicts::conflicts;
use crate::workflow::file::read_bounded;
use crate::workflow::prepare::Strictness;
use crate::workflow::registry::{Surroundings, build_version, is_workflow_file};
use crate::workflow::running::Workflow;
use crate::workflow::vocabulary::Vocabulary;

/// Loads and checks workflow files, their plugins and the configuration.
///
/// Each finding names the file, line, column and JSON pointer, what was expected
/// and found, and what to do. Nothing is opened, sent or written; ports are tried
/// and given back at once. Ends with 1
/// when there is an error.
#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    home: HomeArgument,
    /// Workflow files; without any, those of the home
    files: Vec<PathBuf>,
    /// Print one JSON object: errors, warnings, diagnostics
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) async fn run(self) -> anyhow::Result<Ended> {
        let (mut home, mut diagnostics) =
            Home::open_or_bare(&self.home.home, !self.files.is_empty()).await?;
        let (settings, found) = home.settings();
        diagnostics.extend(found);
        let vocabulary = home.vocabulary(&settings);
        let files = if self.files.is_empty() { workflow_files(&home) } else { self.files };
        let checked = files.len();
        let mut workflows = Vec::new();
        for file in files {
            let (workflow, found) = check_file(&home, &vocabulary, file).await;
            workflows.extend(workflow);
            diagnostics.extend(found);
        }
        let definitions: Vec<_> = workflows.iter().map(Workflow::definition).collect();
        diagnostics.extend(conflicts(&definitions, &home.config.service_address));
        diagnostics.extend(addresses::check(&home, &home.ground(&settings), &definitions));
        let report = Report::new(diagnostics);
        if self.json {
            output::line(&report.to_json().to_string());
        } else {
            for diagnostic in report.diagnostics() {
                output::line(&format!("{diagnostic}\n"));
            }
            output::line(&format!(
                "{checked} workflow file(s) checked: {} error(s), {} warning(s)",
                report.errors(),
                report.warnings()
            ));
        }
        Ok(if report.errors() == 0 { Ended::Well } else { Ended::Badly })
    }
}

async fn check_file(
    home: &Home,
    vocabulary: &Vocabulary,
    file: PathBuf,
) -> (Option<Workflow>, Vec<Diagnostic>) {
    let limit = home.config.limits.workflow_bytes as u64;
    match read_bounded(&file, limit) {
        Err(diagnostic) => (None, vec![*diagnostic]),
        Ok(bytes) => {
            let closings = TaskTracker::new();
            // Without a home nobody could have granted anything: a warning then.
            let strictness = if home.is_bare() { Strictness::Shown } else { Strictness::Granted };
            let surroundings = Surroundings { plugins: &home.plugins, vocabulary };
            let built = build_version(&file, bytes, surroundings, &closings, strictness).await;
            (built.workflow, built.diagnostics)
        }
    }
}

fn workflow_files(home: &Home) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home.workflow_folder()) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| is_workflow_file(path))
        .collect();
    files.sort();
    files
}
