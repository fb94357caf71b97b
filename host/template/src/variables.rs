//! The variables of one run, the global ones, and the built-in ones.
//!
//! Knows: which name wins, which names are read-only, how much a run may store.
//! Deliberately does not know: templates, messages, where globals are kept.
//!
//! # Invariants
//! - Names are case-insensitive; workflow goes before global goes before
//!   built-in (contract 9.1).
//! - A secret or unreadable global is never handed out as ordinary text
//!   (contract T-08, T-61).
//! - What a run stores is limited in number, per value and in total.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use jiff::Zoned;
use tureen_message::Problem;

use crate::name::fold;

mod builtin;
mod globals;
mod naming;
mod portable;
mod repeatable;
#[cfg(test)]
mod tests;

use builtin::BuiltIn;
pub(crate) use builtin::{is_constant, is_control};
pub(crate) use globals::Global;
pub use globals::{Globals, Purpose};
pub use naming::NameSlip;
pub use portable::{PortableGlobal, VariableParts};
pub use repeatable::Repeatable;

/// Where the time comes from; a test passes a fixed one.
pub type Clock = fn() -> Zoned;

/// What is known about a run when it starts.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// When the message arrived, in the zone that dates are written in.
    pub received: Zoned,
    /// The number of the run, `WorkflowInstanceId`.
    pub instance: u64,
    /// The time now, for `CurrentDateTime`.
    pub clock: Clock,
}

/// How much the workflow variables of one run may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableLimits {
    /// Variables at the same time. Default 1,000.
    pub count: usize,
    /// Bytes of a name. Default 256.
    pub name_bytes: usize,
    /// Bytes of one value. Default 1 MiB.
    pub value_bytes: usize,
    /// Bytes of all names and values together. Default 16 MiB.
    pub total_bytes: usize,
}

/// How full a run's variables may be for one that sets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariableBounds {
    /// Variables of the run, the new one included.
    pub count: usize,
    /// Bytes of all names and values, the new one included.
    pub bytes: usize,
}

impl Default for VariableLimits {
    fn default() -> Self {
        Self { count: 1_000, name_bytes: 256, value_bytes: 1 << 20, total_bytes: 16 << 20 }
    }
}

/// Why a variable was not set. Nothing was changed; no value is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VariableProblem {
    /// The name belongs to the server, or to a secret global. The author's fault.
    #[error("the variable {name} is read-only: choose another name")]
    ReadOnly { name: String },
    /// The name is empty or too long. The author's fault.
    #[error("a variable's name has 1 to {limit} bytes, this one has {found}")]
    Name { limit: usize, found: usize },
    /// The run has as many variables as it may.
    #[error("a run may set {limit} variables, this would be one more")]
    TooMany { limit: usize },
    /// The value alone is too large.
    #[error("a variable may hold {limit} bytes, this value has {found}")]
    ValueTooLarge { limit: usize, found: usize },
    /// All values together would be too large.
    #[error("the variables of a run may hold {limit} bytes together, this would make {found}")]
    TotalTooLarge { limit: usize, found: usize },
}

impl VariableProblem {
    /// Stable, lower-case, dotted.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ReadOnly { .. } => "variable.read-only",
            Self::Name { .. } => "variable.name",
            Self::TooMany { .. } => "limit.variable-count",
            Self::ValueTooLarge { .. } => "limit.variable-bytes",
            Self::TotalTooLarge { .. } => "limit.variables-bytes",
        }
    }
}

impl From<VariableProblem> for Problem {
    fn from(problem: VariableProblem) -> Self {
        Self::new(problem.code(), problem.to_string())
    }
}

/// All variables that one run can read. `Debug` shows no value: values hold
/// patient data.
#[derive(Clone)]
pub struct Variables {
    facts: RunFacts,
    globals: Arc<Globals>,
    limits: VariableLimits,
    workflow: Vec<Workflow>,
    /// Folded name to the place in `workflow`.
    places: HashMap<Box<str>, usize>,
    /// Bytes of all names and values in `workflow`.
    bytes: usize,
    /// Built-in values that the host knows, by folded name.
    host: HashMap<Box<str>, String>,
    /// In place of clock and random numbers.
    repeatable: Option<Repeatable>,
    /// Is the time now only told in whole milliseconds?
    coarse_clock: bool,
}

#[derive(Clone)]
struct Workflow {
    name: String,
    value: String,
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Variables: {} of {} bytes", self.workflow.len(), self.bytes)
    }
}

/// What a name stands for; dates keep what their default text leaves out.
pub(crate) enum Found<'a> {
    Text(Cow<'a, str>),
    Date(Zoned),
    /// A global that only settings of its purpose may read.
    Guarded(Purpose, &'a str),
    Unavailable(&'a str),
}

impl Variables {
    /// The variables at the start of a run, with the default limits.
    pub fn new(facts: RunFacts, globals: Arc<Globals>) -> Self {
        Self::with_limits(facts, globals, VariableLimits::default())
    }

    /// The variables at the start of a run, with these limits.
    pub fn with_limits(facts: RunFacts, globals: Arc<Globals>, limits: VariableLimits) -> Self {
        Self {
            facts,
            globals,
            limits,
            workflow: Vec::new(),
            places: HashMap::new(),
            bytes: 0,
            host: HashMap::new(),
            repeatable: None,
            coarse_clock: false,
        }
    }

    /// The value of a workflow, global or built-in variable, in this order.
    ///
    /// `None` for an unknown name, and for a global that is secret or could not
    /// be read: those reach only [`crate::Template::render_sensitive`].
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.find(&fold(name))? {
            Found::Text(text) => Some(text),
            Found::Date(date) => Some(Cow::Owned(builtin::default_text(&date))),
            Found::Guarded(..) | Found::Unavailable(_) => None,
        }
    }

    /// Sets a workflow variable.
    ///
    /// `WorkflowError` is the one system name that may be set (contract 3.2);
    /// it stays a system variable and does not appear in [`Self::iter`].
    ///
    /// # Errors
    /// The name is a read-only system name or that of a secret global, is empty
    /// or too long, or a limit would be passed. The old value then stays.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> Result<(), VariableProblem> {
        let VariableLimits { count, total_bytes: bytes, .. } = self.limits;
        self.set_within(name, value, VariableBounds { count, bytes })
    }

    /// As [`Self::set`], for somebody who may fill the run less than the run's own
    /// limits allow.
    ///
    /// # Errors
    /// As [`Self::set`], and where the bounds would be passed.
    pub fn set_within(
        &mut self,
        name: &str,
        value: impl Into<String>,
        bounds: VariableBounds,
    ) -> Result<(), VariableProblem> {
        let value = value.into();
        let count_max = bounds.count.min(self.limits.count);
        let bytes_max = bounds.bytes.min(self.limits.total_bytes);
        let folded = fold(name);
        self.check_name(name, &folded)?;
        if value.len() > self.limits.value_bytes {
            let limit = self.limits.value_bytes;
            return Err(VariableProblem::ValueTooLarge { limit, found: value.len() });
        }
        if folded == builtin::WORKFLOW_ERROR {
            self.host.insert(folded.into(), value);
            return Ok(());
        }
        let place = self.places.get(folded.as_ref()).copied();
        let old = place.and_then(|place| self.workflow.get_mut(place));
        let freed = old.as_ref().map_or(0, |old| old.value.len());
        let named = if old.is_some() { 0 } else { name.len() };
        let bytes = self.bytes.saturating_sub(freed).saturating_add(named + value.len());
        if bytes > bytes_max {
            let limit = bytes_max;
            return Err(VariableProblem::TotalTooLarge { limit, found: bytes });
        }
        if let Some(old) = old {
            old.value = value;
        } else if self.workflow.len() >= count_max {
            return Err(VariableProblem::TooMany { limit: count_max });
        } else {
            self.places.insert(folded.into(), self.workflow.len());
            self.workflow.push(Workflow { name: name.to_owned(), value });
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Removes a workflow variable, so that a global or built-in one of the name
    /// shows again. Nothing happens when it is not set. `WorkflowError` goes
    /// back to `False`.
    pub fn unset(&mut self, name: &str) {
        let folded = fold(name);
        if folded == builtin::WORKFLOW_ERROR {
            self.host.remove(folded.as_ref());
            return;
        }
        let Some(place) = self.places.remove(folded.as_ref()) else { return };
        if place < self.workflow.len() {
            let removed = self.workflow.remove(place);
            self.bytes = self.bytes.saturating_sub(removed.name.len() + removed.value.len());
        }
        for later in self.places.values_mut().filter(|later| **later > place) {
            *later -= 1;
        }
    }

    /// Name and value of each workflow variable, in the order of first setting
    /// and as the name was spelt then.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.workflow.iter().map(|entry| (entry.name.as_str(), entry.value.as_str()))
    }

    /// Sets a built-in variable that only the host knows: `HttpMethod`,
    /// `ClientIP`, `WorkflowError`, `WorkflowErrorMessage`,
    /// `DirectoryScannerFileName` and the like (contract 9.2).
    ///
    /// From then on the name is read-only for the workflow. A value longer than
    /// [`VariableLimits::value_bytes`] is cut at a character.
    pub fn set_builtin(&mut self, name: &str, value: impl Into<String>) {
        let mut value = value.into();
        let end = value.floor_char_boundary(self.limits.value_bytes);
        value.truncate(end);
        self.host.insert(fold(name).into(), value);
    }

    /// The time now, by the clock of the run.
    pub fn now(&self) -> Zoned {
        match &self.repeatable {
            Some(repeatable) => repeatable.now.clone(),
            None if self.coarse_clock => whole_milliseconds((self.facts.clock)()),
            None => (self.facts.clock)(),
        }
    }

    /// Whether the time now is only told in whole milliseconds.
    pub fn reads_clock_coarsely(&self) -> bool {
        self.coarse_clock
    }

    /// From now on the time now is told in whole milliseconds, or exactly.
    pub fn read_clock_coarsely(&mut self, coarse: bool) {
        self.coarse_clock = coarse;
    }

    /// The value of a secret, or why it could not be read; `None` when there is
    /// no secret of the name. For those who were allowed it by name: no template
    /// comes here.
    pub fn secret(&self, name: &str) -> Option<Result<&str, &str>> {
        match self.globals.find(&fold(name))? {
            Global::Guarded(Purpose::Secret, value) => Some(Ok(value)),
            Global::Unavailable(Purpose::Secret, reason) => Some(Err(reason)),
            Global::Text(_) | Global::Guarded(..) | Global::Unavailable(..) => None,
        }
    }

    /// From now on the clock stands still, and `UUID` counts.
    pub fn repeat(&mut self, repeatable: Repeatable) {
        self.repeatable = Some(repeatable);
    }

    /// Whether `WorkflowError` says that the run has failed: it holds `true`, in
    /// any case.
    pub fn workflow_error(&self) -> bool {
        self.host
            .get(builtin::WORKFLOW_ERROR)
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    /// Whether a template could read the name, secret or not.
    pub fn is_known(&self, name: &str) -> bool {
        self.find(&fold(name)).is_some()
    }

    pub(crate) fn find(&self, folded: &str) -> Option<Found<'_>> {
        if let Some(place) = self.places.get(folded) {
            let entry = self.workflow.get(*place)?;
            return Some(Found::Text(Cow::Borrowed(&entry.value)));
        }
        if let Some(global) = self.globals.find(folded) {
            return Some(match global {
                Global::Text(text) => Found::Text(Cow::Borrowed(text)),
                Global::Guarded(purpose, text) => Found::Guarded(*purpose, text),
                Global::Unavailable(_, reason) => Found::Unavailable(reason),
            });
        }
        if let Some(value) = self.host.get(folded) {
            return Some(Found::Text(Cow::Borrowed(value)));
        }
        Some(match BuiltIn::named(folded)? {
            BuiltIn::Now => Found::Date(self.now()),
            BuiltIn::Received => Found::Date(self.facts.received.clone()),
            BuiltIn::Instance => Found::Text(Cow::Owned(self.facts.instance.to_string())),
            BuiltIn::Uuid => Found::Text(Cow::Owned(match &self.repeatable {
                Some(repeatable) => repeatable.next_id(),
                None => uuid::Uuid::new_v4().to_string(),
            })),
            BuiltIn::Fixed(text) => Found::Text(Cow::Borrowed(text)),
        })
    }

    fn check_name(&self, name: &str, folded: &str) -> Result<(), VariableProblem> {
        if name.is_empty() || name.len() > self.limits.name_bytes {
            let limit = self.limits.name_bytes;
            return Err(VariableProblem::Name { limit, found: name.len() });
        }
        let secret = matches!(
            self.globals.find(folded),
            Some(Global::Guarded(..) | Global::Unavailable(..))
        );
        let host = folded != builtin::WORKFLOW_ERROR
            && (builtin::is_read_only(folded) || self.host.contains_key(folded));
        if secret || host {
            return Err(VariableProblem::ReadOnly { name: name.to_owned() });
        }
        Ok(())
    }
}

/// The same time without what a millisecond is divided into.
fn whole_milliseconds(time: Zoned) -> Zoned {
    time.with().microsecond(0).nanosecond(0).build().unwrap_or(time)
}
