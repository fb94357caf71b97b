//! `tureen test`: the cases that are kept beside workflows, run and compared.
//!
//! Reads top-down: find the cases, run each, compare, report. Deliberately does
//! not know: sockets; what a step does.
//!
//! # Invariants
//! - Nothing is written but inside a temporary folder, the report that was
//!   asked for, and, with `--update`, the `expected` folder of a case.
//! - A second run gives what the first one gave: time, ids and numbers are those
//!   of the case.

mod actual;
mod case;
mod compare;
mod expected;
mod find;
mod homes;
mod report;
mod request;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use self::case::Case;
use self::compare::compare;
pub(super) use self::compare::{Inside, Kind as Looks, differences};
use self::expected::Expected;
use self::homes::Homes;
use self::report::{Result, Results, Standing};
use super::{Ended, output};

/// Runs the test cases in a folder, and shows what is not as expected.
#[derive(Args)]
#[command(
    after_help = "Example: a case in workflows/tests/admission with message.hl7 and the line\n  \
    workflow = \"../../admissions.hl7Workflow\"\nin case.toml:\n  \
    tureen test workflows/tests --update   # writes what comes out; read it, then keep it\n  \
    tureen test workflows/tests            # from then on"
)]
pub(super) struct Test {
    /// The folder with the cases, at any depth
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Only the cases whose name holds this text, in any case
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write what came out as what is expected, where it differs or nothing is
    /// expected yet
    #[arg(long)]
    update: bool,
    /// Write a report in the JUnit format, for a build server
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// A home whose plugins, globals and tables the cases use, unless they name
    /// another; without one, the standard plugins alone
    #[arg(long, value_name = "DIR", env = "TUREEN_HOME")]
    home: Option<PathBuf>,
}

impl Test {
    pub(super) async fn run(self) -> anyhow::Result<Ended> {
        // The report of an earlier run must not be taken for that of one without cases.
        self.write_junit(&Results::default())?;
        let folders = find::cases(&self.folder)?;
        let wanted = folders.into_iter().filter(|found| self.is_wanted(&found.name));
        let wanted: Vec<find::Found> = wanted.collect();
        if wanted.is_empty() {
            let of = self.filter.as_ref().map_or(String::new(), |text| format!(" with {text:?}"));
            anyhow::bail!(
                "there is no test case{of} in {}\n  help: a case is a folder with a file message.* or case.toml (docs/testing.md)",
                self.folder.display()
            );
        }
        let mut homes = Homes::new(self.home.clone());
        let mut results = Results::default();
        for found in wanted {
            let standing = match Box::pin(self.run_case(&found, &mut homes)).await {
                Ok(standing) => standing,
                Err(error) => Standing::CannotRun(format!("{error:#}")),
            };
            let result = Result { name: found.name, standing };
            if !self.json {
                result.print();
            }
            results.all.push(result);
        }
        self.report(&results)?;
        results.ended()
    }

    fn is_wanted(&self, name: &str) -> bool {
        let holds = |text: &String| name.to_lowercase().contains(&text.to_lowercase());
        self.filter.as_ref().is_none_or(holds)
    }

    async fn run_case(&self, found: &find::Found, homes: &mut Homes) -> anyhow::Result<Standing> {
        let case = Case::read(found)?;
        let expected = Expected::read(&case)?;
        if expected.is_none() && !self.update {
            anyhow::bail!(
                "nothing is expected: write {}, or let --update write what comes out",
                case.expected_folder().display()
            );
        }
        let actual = actual::run(&case, homes.of(&case).await?).await?;
        let differences = match &expected {
            Some(expected) => compare(expected, &actual, &case),
            None => Vec::new(),
        };
        if self.update && (expected.is_none() || !differences.is_empty()) {
            expected::write(expected.as_ref(), &actual, &case)?;
            return Ok(Standing::Updated);
        }
        Ok(match differences.as_slice() {
            [] => Standing::Passed,
            _ => Standing::Differs(differences),
        })
    }

    fn write_junit(&self, results: &Results) -> anyhow::Result<()> {
        let Some(file) = &self.junit else { return Ok(()) };
        std::fs::write(file, results.to_junit()?)
            .with_context(|| format!("the report {} cannot be written", file.display()))
    }

    fn report(&self, results: &Results) -> anyhow::Result<()> {
        self.write_junit(results)?;
        if self.json {
            output::line(&results.to_json().to_string());
        } else {
            output::line(&results.summary());
        }
        Ok(())
    }
}
