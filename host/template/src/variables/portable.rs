//! What a run's variables and the global ones are made of, so that they can be made
//! again in another process.
//!
//! Knows: every part. Deliberately does not know: how the parts travel, and what of
//! them the other side may have.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Zoned;

use super::globals::Global;
use super::{Clock, Globals, Purpose, Repeatable, RunFacts, VariableLimits, VariableProblem};
use super::{Variables, builtin};

/// The parts of [`Variables`], but for the global ones and the clock.
#[derive(Clone)]
pub struct VariableParts {
    pub received: Zoned,
    pub instance: u64,
    pub limits: VariableLimits,
    /// Name and value, in the order of first setting.
    pub workflow: Vec<(String, String)>,
    /// Built-in values that only the host knows: folded name and value.
    pub host: Vec<(String, String)>,
    /// A clock that stands still, and how many ids were given.
    pub repeatable: Option<(Zoned, u64)>,
    pub reads_clock_coarsely: bool,
}

/// One global variable as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortableGlobal {
    Text(String),
    /// Its value stayed where it was: that it is there, and what for, is all there is.
    Withheld(Purpose),
    /// A value that the other side may have.
    Guarded(Purpose, String),
    Unavailable(Purpose, String),
}

impl Globals {
    /// All of them; the values of guarded ones only where `may_have` says so. It is
    /// asked with the folded name.
    pub fn portable(&self, may_have: impl Fn(&str) -> bool) -> Vec<(String, PortableGlobal)> {
        let portable = |name: &str, global: &Global| match global {
            Global::Text(value) => PortableGlobal::Text(value.clone()),
            Global::Guarded(purpose, value) if may_have(name) => {
                PortableGlobal::Guarded(*purpose, value.clone())
            }
            Global::Guarded(purpose, _) => PortableGlobal::Withheld(*purpose),
            Global::Unavailable(purpose, why) => PortableGlobal::Unavailable(*purpose, why.clone()),
        };
        let all = self.values.iter();
        all.map(|(name, global)| (name.to_string(), portable(name, global))).collect()
    }

    /// The global variables as they arrived; one that was withheld is guarded, and empty.
    pub fn from_portable(all: impl IntoIterator<Item = (String, PortableGlobal)>) -> Self {
        let mut globals = Self::new();
        for (name, global) in all {
            match global {
                PortableGlobal::Text(value) => globals.insert(&name, value),
                PortableGlobal::Withheld(purpose) => globals.insert_guarded(purpose, &name, ""),
                PortableGlobal::Guarded(purpose, value) => {
                    globals.insert_guarded(purpose, &name, value);
                }
                PortableGlobal::Unavailable(purpose, why) => {
                    globals.insert_unavailable(purpose, &name, why);
                }
            }
        }
        globals
    }
}

impl Variables {
    /// What they are made of.
    pub fn parts(&self) -> VariableParts {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let repeatable = self.repeatable.as_ref();
        VariableParts {
            received: self.facts.received.clone(),
            instance: self.facts.instance,
            limits: self.limits.clone(),
            workflow: self.iter().map(owned).collect(),
            host: self.host.iter().map(|(name, value)| owned((name, value))).collect(),
            repeatable: repeatable.map(|it| (it.now.clone(), it.ids.load(Ordering::Relaxed))),
            reads_clock_coarsely: self.coarse_clock,
        }
    }

    /// Variables of these parts.
    ///
    /// # Errors
    /// A workflow variable breaks the limits that the parts have themselves.
    pub fn from_parts(
        parts: VariableParts,
        clock: Clock,
        globals: Arc<Globals>,
    ) -> Result<Self, VariableProblem> {
        let VariableParts { received, instance, limits, workflow, host, repeatable, .. } = parts;
        let facts = RunFacts { received, instance, clock };
        let mut variables = Self::with_limits(facts, globals, limits);
        variables.replace_workflow(workflow)?;
        variables.host = host.into_iter().map(|(name, value)| (name.into(), value)).collect();
        variables.coarse_clock = parts.reads_clock_coarsely;
        variables.repeatable = repeatable.map(|(now, ids)| Repeatable::resumed(now, ids));
        Ok(variables)
    }

    /// The globals that the run started with.
    pub fn globals(&self) -> &Arc<Globals> {
        &self.globals
    }

    /// What `WorkflowError` was set to; `None` where nobody has set it.
    pub fn workflow_error_text(&self) -> Option<&str> {
        self.host.get(builtin::WORKFLOW_ERROR).map(String::as_str)
    }

    /// Puts these workflow variables in the place of all.
    ///
    /// # Errors
    /// As [`Variables::set`] for any of them. All then are as they were.
    pub fn replace_workflow(
        &mut self,
        workflow: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), VariableProblem> {
        let before = (
            std::mem::take(&mut self.workflow),
            std::mem::take(&mut self.places),
            std::mem::take(&mut self.bytes),
        );
        for (name, value) in workflow {
            if let Err(problem) = self.set(&name, value) {
                (self.workflow, self.places, self.bytes) = before;
                return Err(problem);
            }
        }
        Ok(())
    }

    /// At least so many repeatable ids were given.
    pub fn ids_given(&self, ids: u64) {
        if let Some(repeatable) = &self.repeatable {
            repeatable.ids.fetch_max(ids, Ordering::Relaxed);
        }
    }
}
