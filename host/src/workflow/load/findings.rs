//! Collects what a loader finds, with file, position and pointer filled in.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::Path;

use crate::diagnostics::{Code, Diagnostic, Severity, codes};
use crate::workflow::document::Document;
use crate::workflow::purpose::Purpose;

/// Findings told for one file. What is beyond is counted.
pub(super) const FINDINGS_MAX: usize = 300;

/// The findings of one file. Each code is told once for each place.
pub(super) struct Findings<'a> {
    file: &'a Path,
    document: &'a Document,
    /// Decides what is a fault at all.
    purpose: Purpose,
    told: RefCell<Vec<Diagnostic>>,
    seen: RefCell<HashSet<(Code, String)>>,
    left_out: Cell<(usize, bool)>,
    lenient: Cell<bool>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(file: &'a Path, document: &'a Document, purpose: Purpose) -> Self {
        Self {
            file,
            document,
            purpose,
            told: RefCell::default(),
            seen: RefCell::default(),
            left_out: Cell::default(),
            lenient: Cell::default(),
        }
    }

    pub(super) fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub(super) fn document(&self) -> &'a Document {
        self.document
    }

    /// Tells one finding at a JSON pointer. The diagnostic is made only when it
    /// will be told, so that a file full of faults costs no more than one limit.
    pub(super) fn tell(
        &self,
        code: Code,
        pointer: &str,
        make: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        if !self.seen.borrow_mut().insert((code, pointer.to_owned())) {
            return;
        }
        if self.told.borrow().len() >= FINDINGS_MAX {
            let (number, errors) = self.left_out.get();
            let is_error = code.severity() == Severity::Error && !self.lenient.get();
            self.left_out.set((number + 1, errors || is_error));
            return;
        }
        let mut diagnostic = make(Diagnostic::new(code, ""))
            .in_file(self.file)
            .at(self.document.nearest_position(pointer))
            .pointing(pointer);
        if self.lenient.get() {
            diagnostic = diagnostic.as_severity(Severity::Warning);
        }
        self.told.borrow_mut().push(diagnostic);
    }

    /// Runs a part of the check in which errors are only warnings: a disabled
    /// setting may be invalid (contract 1.6).
    pub(super) fn leniently<T>(&self, disabled: bool, check: impl FnOnce() -> T) -> T {
        let before = self.lenient.replace(self.lenient.get() || disabled);
        let outcome = check();
        self.lenient.set(before);
        outcome
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.told.into_inner();
        let (left_out, errors) = self.left_out.get();
        if left_out > 0 {
            let severity = if errors { Severity::Error } else { Severity::Warning };
            diagnostics.push(
                Diagnostic::new(
                    codes::MORE_FINDINGS,
                    format!("{left_out} more findings are not shown"),
                )
                .as_severity(severity)
                .in_file(self.file)
                .help("mend the first ones and check again"),
            );
        }
        diagnostics
    }
}

/// Sets a diagnostic's headline.
pub(super) trait Headline {
    fn saying(self, message: impl Into<String>) -> Self;
}

impl Headline for Diagnostic {
    fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }
}
