//! Collects what is found in the settings of steps, each at its place in the file.
//!
//! # Invariants
//! - A finding is told once for a place.
//! - At most [`FINDINGS_MAX`] are told; what is beyond is counted.

use std::collections::HashSet;

use crate::diagnostics::{Code, Diagnostic, codes};
use crate::workflow::definition::WorkflowDefinition;

/// Findings of one kind that are told for one file.
pub(super) const FINDINGS_MAX: usize = 300;

pub(super) struct Collected<'a> {
    definition: &'a WorkflowDefinition,
    /// What the findings are about, for the line that counts the rest.
    about: &'static str,
    seen: HashSet<(Code, String, String)>,
    told: Vec<Diagnostic>,
    /// Findings beyond the limit.
    more: usize,
}

impl<'a> Collected<'a> {
    pub(super) fn new(definition: &'a WorkflowDefinition, about: &'static str) -> Self {
        Self { definition, about, seen: HashSet::new(), told: Vec::new(), more: 0 }
    }

    /// Tells a finding at a JSON pointer in the file.
    pub(super) fn tell(&mut self, found: Diagnostic, pointer: &str) {
        let key = (found.code, pointer.to_owned(), found.message.clone());
        if !self.seen.insert(key) {
            return;
        }
        if self.told.len() >= FINDINGS_MAX {
            self.more += 1;
            return;
        }
        let position = self.definition.document.nearest_position(pointer);
        let found = found.in_file(&self.definition.file);
        self.told.push(found.at(position).pointing(pointer));
    }

    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        if self.more > 0 {
            let text = format!("{} more findings about {} are not shown", self.more, self.about);
            // One of those that are shown is of the worst kind already.
            let found = Diagnostic::new(codes::MORE_FINDINGS, text);
            let found = found.in_file(&self.definition.file);
            self.told.push(found.help("mend the first ones and check again"));
        }
        self.told
    }
}
