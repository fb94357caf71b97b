//! `tureen check`: everything that can be said before a port is opened.

mod addresses;
mod code;

use std::path::{Path, PathBuf};

use clap::Args;
use tokio_util::task::TaskTracker;

use self::code::CodeList;
use super::{Ended, HomeArgument, output};
use crate::app::{Home, settings_of};
use crate::diagnostics::{Diagnostic, Report};
use crate::plugins::grants::{KnownWorkflow, unknown_steps};
use crate::workflow::conflicts::conflicts;
use crate::workflow::file::read_bounded;
use crate::workflow::purpose::Purpose;
use crate::workflow::registry::{folder_unreadable, workflow_files};
use crate::workflow::running::Workflow;
use crate::workflow::version::{Built, Surroundings, build_version};
use crate::workflow::vocabulary::Vocabulary;

/// Loads and checks workflow files, their plugins and the configuration.
///
/// Each finding names the file, line, column and JSON pointer, what was expected
/// and found, and what to do. C# code in workflows is listed with the plugin that
/// stands in for it. Nothing is opened, sent or written; ports are tried
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
        let (mut home, mut diagnostics) = self.home.open_or_bare(!self.files.is_empty()).await?;
        let (settings, found) = home.settings();
        diagnostics.extend(found);
        let vocabulary = home.vocabulary(&settings);
        let (files, all) = match self.files_of(&home) {
            Ok(files) => (files, self.files.is_empty()),
            Err(found) => {
                diagnostics.push(*found);
                (Vec::new(), false)
            }
        };
        let checked = files.len();
        let mut workflows = Vec::new();
        let mut code = CodeList::default();
        for file in files {
            let built = check_file(&home, &vocabulary, &file).await;
            workflows.extend(built.workflow);
            diagnostics.extend(built.diagnostics);
            code.add(file, built.code);
        }
        if all {
            // Of single files, the others' bindings are no news.
            diagnostics.extend(code.unused(&home));
        }
        let definitions: Vec<_> = workflows.iter().map(Workflow::definition).collect();
        if all && definitions.len() == checked {
            let known = definitions.iter().map(|definition| KnownWorkflow {
                name: &definition.name,
                settings: Some(settings_of(definition)),
            });
            let known: Vec<_> = known.collect();
            diagnostics.extend(unknown_steps(&home.path, &home.config, &known));
        }
        diagnostics.extend(conflicts(&definitions, &home.config.service_address));
        diagnostics.extend(addresses::check(&home, &home.ground(&settings), &definitions));
        let report = Report::new(diagnostics);
        if self.json {
            let mut object = report.to_json();
            if let Some(object) = object.as_object_mut() {
                object.insert("code".to_owned(), code.to_json());
            }
            output::line(&object.to_string());
        } else {
            for diagnostic in report.diagnostics() {
                output::line(&format!("{diagnostic}\n"));
            }
            code.print();
            output::line(&format!(
                "{checked} workflow file(s) checked: {} error(s), {} warning(s)",
                report.errors(),
                report.warnings()
            ));
        }
        Ok(if report.errors() == 0 { Ended::Well } else { Ended::Badly })
    }

    /// The files that are named, else those of the home.
    ///
    /// # Errors
    /// The home's folder of workflows cannot be read: told as `serve` tells it.
    fn files_of(&self, home: &Home) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
        if !self.files.is_empty() {
            return Ok(self.files.clone());
        }
        let folder = home.workflow_folder();
        let files = workflow_files(&folder);
        let files = files.map_err(|error| Box::new(folder_unreadable(&folder, &error)))?;
        Ok(files.into_iter().collect())
    }
}

async fn check_file(home: &Home, vocabulary: &Vocabulary, file: &Path) -> Built {
    let limit = home.config.limits.workflow_bytes as u64;
    match read_bounded(file, limit) {
        Err(diagnostic) => Built::refused(*diagnostic),
        Ok(bytes) => {
            let closings = TaskTracker::new();
            // Without a home nobody could have granted anything: a warning then.
            let purpose = if home.is_bare() { Purpose::Check } else { Purpose::Serve };
            let surroundings = Surroundings { plugins: &home.plugins, vocabulary, faults: None };
            build_version(file, bytes, surroundings, &closings, purpose).await
        }
    }
}
