//! `tureen run`: one message through one workflow.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Zoned;
use tokio_util::task::TaskTracker;

use super::trial::{Given, refused_variable};
use super::{Ended, HomeArgument, input, output};
use crate::diagnostics::Report;
use crate::pipeline::{Answer, Outcome, Performance, Pipeline, RunRecord};
use crate::workflow::file::read_bounded;
use crate::workflow::purpose::Purpose;
use crate::workflow::version::{Surroundings, build_version};

/// Runs one message through one workflow and shows what comes of it.
///
/// The receiver only says how the message is read, so a workflow with any of the
/// format's receivers runs here. Prints outcome, answer, variables, notifications
/// and each activity's message. Activities are shown, not performed, unless --live;
/// one that no installed plugin handles can only be shown. Ends with 1 when the
/// message was refused or failed.
#[derive(Args)]
pub(super) struct Run {
    /// The workflow file
    file: PathBuf,
    /// The message; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    message: PathBuf,
    /// A variable as the receiver would set it: from query or path, or one that it
    /// fills, such as DirectoryScannerFileName
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    variables: Vec<(String, String)>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Perform the activities: files are written, messages sent
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    home: HomeArgument,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    match refused_variable(name, value) {
        None => Ok((name.to_owned(), value.to_owned())),
        Some(reason) => Err(reason),
    }
}

impl Run {
    pub(super) async fn run(self) -> anyhow::Result<Ended> {
        let (mut home, _) = self.home.open_or_bare(true).await?;
        let limit = home.config.limits.workflow_bytes as u64;
        let bytes = match read_bounded(&self.file, limit) {
            Ok(bytes) => bytes,
            Err(diagnostic) => return Ok(self.refused(Report::new(vec![*diagnostic]))),
        };
        let closings = TaskTracker::new();
        let purpose = if self.live { Purpose::Perform } else { Purpose::Show };
        let (settings, _) = home.settings();
        let vocabulary = home.vocabulary(&settings);
        let surroundings =
            Surroundings { plugins: &home.plugins, vocabulary: &vocabulary, faults: None };
        let built = build_version(&self.file, bytes, surroundings, &closings, purpose).await;
        let Some(workflow) = built.workflow else {
            return Ok(self.refused(Report::new(built.diagnostics)));
        };
        self.warn(Report::new(built.diagnostics));
        if self.live {
            workflow.open().await.map_err(|(_, failure)| anyhow::anyhow!("{failure}"))?;
        }
        let file_name = self.message.file_name().filter(|name| *name != "-");
        let given = Given {
            body: input::read(&self.message, "the message", home.config.limits.body_bytes)?,
            file_name: file_name.map(|name| name.to_string_lossy().into_owned()),
            method: "POST".to_owned(),
            client_ip: "127.0.0.1".to_owned(),
            media_type: None,
            variables: self.variables.clone(),
            received_at: Zoned::now(),
        };
        let pipeline = Pipeline::new(&home.config, settings);
        let performance = if self.live { Performance::LiveRecorded } else { Performance::Shown };
        let inbound = given.inbound(&workflow);
        let workflow = Arc::new(workflow);
        let mut record = pipeline.run(&workflow, inbound, performance, Answer::kept()).await;
        if !workflow.definition().receiver.kind.answers() {
            record.response = None;
        }
        drop(workflow);
        closings.close();
        closings.wait().await;
        if self.json {
            output::line(&record.to_json().to_string());
        } else {
            show(&record);
        }
        Ok(match record.outcome {
            Outcome::Accepted | Outcome::Filtered { .. } => Ended::Well,
            Outcome::Rejected { .. } | Outcome::Failed { .. } => Ended::Badly,
        })
    }

    /// What is told on standard error and keeps nobody from looking.
    fn warn(&self, report: Report) {
        for diagnostic in report.diagnostics() {
            output::note(&diagnostic.to_string());
        }
    }

    fn refused(&self, report: Report) -> Ended {
        if self.json {
            output::line(&report.to_json().to_string());
        } else {
            for diagnostic in report.diagnostics() {
                output::line(&format!("{diagnostic}\n"));
            }
            output::line("the workflow was not run");
        }
        Ended::Badly
    }
}

fn show(record: &RunRecord) {
    output::line(&format!("outcome: {}", record.outcome.name()));
    if let Outcome::Filtered { reason } = &record.outcome {
        output::line(&format!("  {reason}"));
    }
    if let Some(error) = record.outcome.error() {
        output::line(&format!("  {} (fault: {}): {error}", error.code, error.fault));
    }
    if let Some(response) = &record.response {
        let content_type = response.content_type.as_deref().unwrap_or("no body");
        output::line(&format!("answer: {} ({content_type})", response.status));
        output::message(&response.body);
    }
    if !record.variables.is_empty() {
        output::line("variables:");
        for (name, value) in &record.variables {
            output::line(&format!("    {name} = {value}"));
        }
    }
    if !record.notifications.is_empty() {
        output::line("notifications:");
    }
    for notification in &record.notifications {
        let urgency = if notification.critical { "critical: " } else { "" };
        output::line(&format!("    {urgency}{} ({})", notification.text, notification.step));
    }
    for activity in &record.activities {
        let what = match (activity.filtered, activity.performed) {
            (true, _) => "filtered",
            (false, true) => "performed",
            (false, false) => "shown, not performed",
        };
        output::line(&format!("activity {:?}: {what}", activity.name));
        if let Some(message) = &activity.message {
            output::message(message);
        }
        if let Some(response) = &activity.response {
            output::line("  its response:");
            output::message(response);
        }
    }
}
