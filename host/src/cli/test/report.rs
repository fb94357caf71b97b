//! What became of all cases: for a person, as JSON, and for build servers.

use anyhow::Context;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

use super::compare::Difference;
use crate::cli::{Ended, output};

/// What became of one case.
pub(super) enum Standing {
    Passed,
    /// What came out is expected from now on.
    Updated,
    Differs(Vec<Difference>),
    CannotRun(String),
}

impl Standing {
    fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Updated => "updated",
            Self::Differs(_) => "failed",
            Self::CannotRun(_) => "error",
        }
    }

    fn differences(&self) -> &[Difference] {
        match self {
            Self::Differs(differences) => differences,
            _ => &[],
        }
    }
}

pub(super) struct Result {
    pub(super) name: String,
    pub(super) standing: Standing,
}

impl Result {
    /// A line, and indented below it what is wrong.
    pub(super) fn print(&self) {
        let word = match &self.standing {
            Standing::Passed => "ok     ",
            Standing::Updated => "written",
            Standing::Differs(_) => "FAILED ",
            Standing::CannotRun(_) => "ERROR  ",
        };
        output::line(&format!("{word} {}", self.name));
        for difference in self.standing.differences() {
            output::line(&indented(&difference.to_string()));
        }
        if let Standing::CannotRun(reason) = &self.standing {
            output::line(&indented(reason));
        }
    }

    fn to_json(&self) -> Value {
        let difference = |it: &Difference| {
            json!({
                "what": it.what, "place": it.place, "expected": it.expected, "found": it.found,
            })
        };
        let reason = match &self.standing {
            Standing::CannotRun(reason) => Some(reason),
            _ => None,
        };
        json!({
            "name": self.name, "state": self.standing.name(), "error": reason,
            "differences": self.standing.differences().iter().map(difference).collect::<Vec<_>>(),
        })
    }

    fn to_junit(&self) -> TestCase {
        let told = |kind: NonSuccessKind, message: String, text: String| {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(message).set_description(text);
            status
        };
        let status = match &self.standing {
            Standing::Passed | Standing::Updated => TestCaseStatus::success(),
            Standing::Differs(differences) => {
                let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
                let message = format!("{} difference(s)", differences.len());
                told(NonSuccessKind::Failure, message, lines.join("\n"))
            }
            Standing::CannotRun(reason) => {
                told(NonSuccessKind::Error, "the case cannot be run".to_owned(), reason.clone())
            }
        };
        TestCase::new(self.name.clone(), status)
    }
}

#[derive(Default)]
pub(super) struct Results {
    pub(super) all: Vec<Result>,
}

impl Results {
    fn count(&self, name: &str) -> usize {
        self.all.iter().filter(|result| result.standing.name() == name).count()
    }

    pub(super) fn summary(&self) -> String {
        let counted = [
            ("passed", "passed"),
            ("updated", "written"),
            ("failed", "failed"),
            ("error", "could not be run"),
        ];
        let parts: Vec<String> = counted
            .into_iter()
            .map(|(name, words)| (self.count(name), words))
            .filter(|(count, words)| *count > 0 || *words == "passed")
            .map(|(count, words)| format!("{count} {words}"))
            .collect();
        format!("{} case(s): {}", self.all.len(), parts.join(", "))
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "passed": self.count("passed"), "updated": self.count("updated"),
            "failed": self.count("failed"), "errors": self.count("error"),
            "cases": self.all.iter().map(Result::to_json).collect::<Vec<_>>(),
        })
    }

    /// Without times, so that the same results give the same file.
    pub(super) fn to_junit(&self) -> anyhow::Result<String> {
        let mut suite = TestSuite::new("workflows");
        suite.add_test_cases(self.all.iter().map(Result::to_junit));
        let mut report = quick_junit::Report::new("tureen test");
        report.add_test_suite(suite);
        report.to_string().context("the JUnit report cannot be made")
    }

    /// A case that cannot be run weighs more than one that differs.
    pub(super) fn ended(&self) -> anyhow::Result<Ended> {
        match (self.count("error"), self.count("failed")) {
            (0, 0) => Ok(Ended::Well),
            (0, _) => Ok(Ended::Badly),
            (errors, _) => anyhow::bail!("{errors} case(s) could not be run"),
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = self.place.as_ref().map_or(String::new(), |place| format!(", {place}"));
        let value = |it: &Option<String>| {
            it.as_ref().map_or_else(|| "nothing".to_owned(), |text| format!("{text:?}"))
        };
        let several = |it: &Option<String>| it.as_ref().is_some_and(|text| text.contains('\n'));
        write!(out, "{}{place}:", self.what)?;
        if !several(&self.expected) && !several(&self.found) {
            return write!(
                out,
                " expected {}, found {}",
                value(&self.expected),
                value(&self.found)
            );
        }
        for (mark, text) in [('-', &self.expected), ('+', &self.found)] {
            for line in text.iter().flat_map(|text| text.lines()) {
                write!(out, "\n{mark} {line}")?;
            }
        }
        Ok(())
    }
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("        {line}")).collect();
    lines.join("\n")
}
