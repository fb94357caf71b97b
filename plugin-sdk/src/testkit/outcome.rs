//! What a test looks at after a run.

use crate::{Findings, Format, Level, Problem, StepError, Verdict};
use std::fmt;

/// A line that a step logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How urgent it is.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// Something that a step told a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// What it says.
    pub text: String,
    /// Whether somebody should look at once.
    pub critical: bool,
    /// What tells it from others of its workflow.
    pub key: Option<String>,
}

/// What a transformer left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The message, exactly as it would be written.
    pub message: Vec<u8>,
    /// The workflow variables, in the order of first setting.
    pub variables: Vec<(String, String)>,
    /// What was logged.
    pub log: Vec<LogLine>,
    /// What a person was told; of those with the same key the first.
    pub notifications: Vec<Notification>,
    /// What is worth a look in the settings.
    pub warnings: Findings,
}

impl Outcome {
    /// The message as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.message).into_owned()
    }

    /// A workflow variable; names are case-insensitive.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What a filter decided, and what it left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the message goes on.
    pub verdict: Verdict,
    /// Everything else.
    pub outcome: Outcome,
}

/// What an activity answered, and what it left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityOutcome {
    /// The response's format and bytes, when there is one.
    pub response: Option<(Format, Vec<u8>)>,
    /// Everything else.
    pub outcome: Outcome,
}

/// Why a run gave no outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The settings of the step keep it from starting.
    Settings(Findings),
    /// The test's own message, setting or variable is not one.
    Test(Problem),
    /// The activity could not be opened.
    Open(Problem),
    /// The step answered an error.
    Step(StepError),
}

impl Failure {
    /// The code of what went wrong first.
    pub fn code(&self) -> &str {
        match self {
            Self::Settings(findings) => {
                findings.iter().next().map_or("", |finding| finding.problem.code.as_str())
            }
            Self::Test(problem) | Self::Open(problem) => &problem.code,
            Self::Step(error) => &error.problem().code,
        }
    }
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(findings) => write!(formatter, "the settings were refused: {findings}"),
            Self::Test(problem) => write!(formatter, "the test is wrong: {problem}"),
            Self::Open(problem) => write!(formatter, "the activity was not opened: {problem}"),
            Self::Step(error) => write!(formatter, "the step {error}"),
        }
    }
}

impl std::error::Error for Failure {}
