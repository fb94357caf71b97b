//! What expressions have given last: a whole one, which several questions are
//! asked about, and those in parentheses.
//!
//! The rounds of a loop ask for `(…)[1]`, `(…)[2]` and so on; what stands in the
//! parentheses is the same each time. Deliberately does not know: expressions.
//!
//! As a [`crate::cursor::Cursor`] it is a hint: skipped when another thread
//! holds it, and no answer depends on it, since what it was worth is paid again.

use std::sync::{Arc, Mutex};

use super::tree::Id;
use super::xpath::{Expression, Outcome};
use crate::Problem;

/// As many as there are loops in loops.
const SLOTS: usize = 4;

#[derive(Default)]
pub(super) struct Memory {
    selections: Mutex<Vec<Selection>>,
    outcome: Mutex<Option<Known>>,
}

/// An expression and what it has given.
type Known = (Arc<Expression>, Result<Outcome, Problem>);

struct Selection {
    source: String,
    nodes: Arc<[Id]>,
    cost: u64,
}

impl Memory {
    /// The nodes, and what it cost to find them.
    pub(super) fn recall(&self, source: &str) -> Option<(Arc<[Id]>, u64)> {
        let mut known = self.selections.try_lock().ok()?;
        let at = known.iter().position(|selection| selection.source == source)?;
        // The last one used is the last one to go.
        known.get_mut(at..)?.rotate_left(1);
        known.last().map(|selection| (Arc::clone(&selection.nodes), selection.cost))
    }

    pub(super) fn remember(&self, source: &str, nodes: Arc<[Id]>, cost: u64) {
        let Ok(mut known) = self.selections.try_lock() else { return };
        if known.len() >= SLOTS {
            known.remove(0);
        }
        known.push(Selection { source: source.to_owned(), nodes, cost });
    }

    /// What an expression has given, if it was the last one.
    pub(super) fn outcome(&self, expression: &Arc<Expression>) -> Option<Result<Outcome, Problem>> {
        let known = self.outcome.try_lock().ok()?;
        let (last, outcome) = known.as_ref()?;
        (Arc::ptr_eq(last, expression) || last == expression).then(|| outcome.clone())
    }

    pub(super) fn remember_outcome(
        &self,
        expression: &Arc<Expression>,
        outcome: Result<Outcome, Problem>,
    ) {
        if let Ok(mut known) = self.outcome.try_lock() {
            *known = Some((Arc::clone(expression), outcome));
        }
    }
}
