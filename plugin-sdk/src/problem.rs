//! Why something did not work: problems, the errors of a step, and findings in
//! its settings. None of them may hold message content: they are logged, and
//! may be sent back to whoever sent the message.

use std::fmt;
use std::time::Duration;

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable, lower-case, dotted, at most 64 characters: `path.syntax`. It
    /// becomes the label of a metric.
    pub code: String,
    /// For a person: what was expected, what was found (as a shape, never as
    /// content) and what to do.
    pub text: String,
    /// A path in the message (`PID-3[2].1`), or a JSON pointer into the
    /// settings (`/Transformers/3/FromPath`).
    pub place: Option<String>,
    /// More of it, as names and values.
    pub detail: Vec<(String, String)>,
}

impl Problem {
    /// A problem without a place.
    pub fn new(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code: code.into(), text: text.into(), place: None, detail: Vec::new() }
    }

    /// The same problem at a place.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// The same problem with one more detail.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.detail.push((name.into(), value.into()));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)?;
        match &self.place {
            Some(place) => write!(formatter, " (at {place})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// What a step answers instead of success.
///
/// A `Problem` becomes [`StepError::Failed`] by `?`: a path that cannot be read
/// is the fault of whoever wrote the step, not of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// The message is at fault: it is not tried again, and its sender is told
    /// no (`AR`).
    Rejected(Problem),
    /// The step is at fault, or gave up: it is not tried again, and the sender
    /// gets an error (`AE`).
    Failed(Problem),
    /// Something outside is at fault and may recover. `after` is a hint; the
    /// step's own retry policy has the last word.
    Retryable {
        /// What is wrong outside.
        problem: Problem,
        /// When trying again may be worth it.
        after: Option<Duration>,
    },
}

impl StepError {
    /// The message is at fault.
    pub fn rejected(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Rejected(Problem::new(code, text))
    }

    /// The step is at fault.
    pub fn failed(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Failed(Problem::new(code, text))
    }

    /// Something outside is at fault.
    pub fn retryable(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Retryable { problem: Problem::new(code, text), after: None }
    }

    /// What is wrong, whoever is at fault.
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Rejected(problem) | Self::Failed(problem) | Self::Retryable { problem, .. } => {
                problem
            }
        }
    }
}

impl From<Problem> for StepError {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self {
            Self::Rejected(_) => "rejected",
            Self::Failed(_) => "failed",
            Self::Retryable { .. } => "failed, may be tried again",
        };
        write!(formatter, "{fault}: {}", self.problem())
    }
}

impl std::error::Error for StepError {}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The workflow may not start.
    Error,
    /// It may, but its author should look.
    Warning,
}

/// One thing that is wrong with the settings of a step. The place of its
/// problem is a JSON pointer into them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether the workflow may start.
    pub severity: Severity,
    /// What is wrong, and where.
    pub problem: Problem,
}

impl Finding {
    /// A finding that keeps the workflow from starting.
    pub fn error(problem: Problem) -> Self {
        Self { severity: Severity::Error, problem }
    }

    /// A finding that its author should look at.
    pub fn warning(problem: Problem) -> Self {
        Self { severity: Severity::Warning, problem }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(formatter, "{severity}[{}]: {}", self.problem.code, self.problem)
    }
}

/// Everything that is wrong with the settings of a step, in the order of
/// finding: an author wants to mend all of it in one go.
///
/// ```
/// use tureen_plugin_sdk::{Findings, Settings};
///
/// fn ports(settings: &Settings) -> Result<(i64, i64), Findings> {
///     let mut findings = Findings::default();
///     let from = findings.keep(settings.number("From")).flatten().unwrap_or(1);
///     let to = findings.keep(settings.number("To")).flatten().unwrap_or(9);
///     findings.or((from, to))
/// }
///
/// let settings = Settings::parse(r#"{"From": "seven", "To": true}"#).unwrap();
/// let findings = ports(&settings).unwrap_err();
/// assert_eq!(findings.iter().count(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds all of another.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The value; or nothing, after noting what is wrong.
    pub fn keep<T, E: Into<Self>>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.append(error.into());
                None
            }
        }
    }

    /// The value when nothing is wrong; otherwise all that is.
    ///
    /// # Errors
    /// The findings, when there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The findings, in the order of finding.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }
}

impl From<Finding> for Findings {
    fn from(finding: Finding) -> Self {
        Self(vec![finding])
    }
}

impl From<Problem> for Findings {
    fn from(problem: Problem) -> Self {
        Finding::error(problem).into()
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, finding) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{finding}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Findings {}
