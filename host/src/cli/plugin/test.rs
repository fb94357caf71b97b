//! `tureen plugin test`: one message through one plugin, in the real sandbox with its
//! real limits and grants.
//!
//! Reads top-down: read what is given, install the plugin as a home would, configure
//! it, run it, compare, report. Deliberately does not know: workflows; how the sandbox
//! keeps its limits.
//!
//! # Invariants
//! - What a server would refuse (a file that is not trusted, a grant that is missing,
//!   settings that the plugin does not take, a type name that another plugin has) is
//!   refused here, too.
//! - Nothing outside the plugin's grants is read or written but what the command line
//!   names.

mod advice;
mod calls;
mod candidate;
mod given;
mod report;
mod step;
#[cfg(test)]
mod tests;
mod used;

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use self::calls::Trials;
use self::candidate::Candidate;
use self::given::Given;
use self::report::Report;
use crate::cli::{Ended, HomeArgument, output};

/// The most runs of one trial.
const REPEAT_MAX: u64 = 1_000_000;

/// Runs a message through a plugin, in the sandbox that a server runs it in, and shows
/// what comes of it: verdict or changes, variables, response, log, notifications, time
/// and limits.
///
/// The message is shown with its values: it is your own. The plugin has the limits and
/// grants that tureen.toml of the home gives a plugin of its name, and those that are
/// added here; without a home, only the latter. An activity is opened, performed, told
/// that all succeeded, and closed: what it does to the outside, it does.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    tureen plugin test acme_digits.wasm --message a.hl7 --parameter 'Path=PID-13[*]'\n  \
    tureen plugin test acme_note.wasm --message a.hl7 --settings s.json --grant-directory out:write\n  \
    tureen plugin test acme_digits.wasm --message a.hl7 --settings s.json --expect b.hl7\n\n\
    Ends with 0 when the plugin did its work and nothing differs from what is expected, 1 when\n\
    not, 2 when it could not be tried.")]
pub(in crate::cli) struct Test {
    /// A .wasm file, or the name of an installed plugin
    plugin: String,
    /// The message; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    message: PathBuf,
    /// How the message is read; without it, by the file's ending, else its content
    #[arg(long = "type", value_name = "TYPE", value_parser = PossibleValuesParser::new(given::TYPES))]
    message_type: Option<String>,
    /// The settings object of the step, as a workflow would have it (JSON)
    #[arg(long, value_name = "FILE", conflicts_with = "parameters")]
    settings: Option<PathBuf>,
    /// A parameter of a CustomTransformerAction; such a step has no settings. May be
    /// repeated, with another name each time
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = name_and_value)]
    parameters: Vec<(String, String)>,
    /// A variable that the run has before
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// What a workflow uses a transformer for; without it, `custom` without settings,
    /// else `activity-transformers`
    #[arg(long, value_parser = PossibleValuesParser::new(step::TRANSFORMER_ROLES))]
    role: Option<String>,
    /// What is to come of it: of a transformer the message, of an activity its response
    /// (an empty file: none), of a filter the word pass or stop
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Run it this often, each time from the same message, and show the times
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=REPEAT_MAX))]
    repeat: u64,
    /// A directory that it may read, with :write also change
    #[arg(long, value_name = "DIR[:write]")]
    grant_directory: Vec<String>,
    /// A server that it may send requests to, as in `http` of tureen.toml
    #[arg(long, value_name = "URL")]
    grant_http: Vec<String>,
    /// Any line of the plugin's table in tureen.toml, for this trial: a grant, a limit,
    /// `reuse = true`. May be repeated, with another key each time
    #[arg(long = "set", value_name = "KEY = VALUE")]
    lines: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: HomeArgument,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = name_and_value(text)?;
    match crate::cli::trial::refused_variable(&name, &value) {
        None => Ok((name, value)),
        Some(reason) => Err(reason),
    }
}

impl Test {
    pub(in crate::cli) async fn run(self) -> anyhow::Result<Ended> {
        let candidate = Candidate::find(&self).await?;
        let given = Given::read(&self, &candidate)?;
        let mut report = Report::new(&candidate, &given);
        if !candidate.refusals.is_empty() {
            report.refused.clone_from(&candidate.refusals);
            return Ok(self.tell(&report));
        }
        let prepared = step::prepare(&candidate, &given, self.role.as_deref()).await;
        report.refused = prepared.refused;
        report.warnings = prepared.warnings;
        report.notes.extend(prepared.notes);
        if let Some(ready) = prepared.ready {
            let trials = Trials { given: &given, candidate: &candidate, repeat: self.repeat };
            report.settings_read = Some(prepared.took);
            report.ran = Some(trials.run(ready).await?);
        }
        Ok(self.tell(&report))
    }

    fn tell(&self, report: &Report<'_>) -> Ended {
        if self.json {
            output::line(&report.to_json().to_string());
        } else {
            report.print();
        }
        if report.is_good() { Ended::Well } else { Ended::Badly }
    }
}
