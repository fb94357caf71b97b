//! What is wrong with a workflow, a plugin or a home, told to a person.
//!
//! Knows: codes, positions, how a diagnostic looks as text and as JSON.
//! Deliberately does not know: what was checked. Every part of the host that
//! refuses or doubts something an author or an operator wrote says so with a
//! [`Diagnostic`], so that the log, `tureen check` and the admin address agree.
//!
//! # Invariants
//! - A code exists only in [`codes`], and each is explained in
//!   `docs/diagnostics.md` (a test compares the two).
//! - No message content and no secret is ever part of a diagnostic; authored
//!   settings are quoted only through [`quoted`], cut short and without control
//!   characters.

pub mod codes;
pub mod nearest;
mod text;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

pub use codes::Code;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The workflow may not start.
    Error,
    /// It may, but its author should look.
    Warning,
}

/// Who can put it right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// Who wrote the workflow file.
    Author,
    /// Who runs the server: files, permissions, certificates, configuration.
    Operator,
    /// Who wrote the plugin.
    Plugin,
    /// Us.
    Host,
}

/// A place in a text file, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    pub line: usize,
    /// In characters (Unicode scalar values), as editors count; a byte order
    /// mark is not counted.
    pub column: usize,
}

/// One finding.
///
/// `message` tells what failed in the reader's words; `expected` and `found`
/// the shape of things; `help` what to do; `state` what the server did
/// meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    pub fault: Fault,
    /// Empty when no file is concerned.
    #[serde(serialize_with = "path_as_text")]
    pub file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// JSON pointer (RFC 6901) into the file, duplicates resolved and `$values`
    /// wrappers looked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl Diagnostic {
    /// A diagnostic of that code, with the severity and fault usual for it.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            fault: code.fault(),
            file: PathBuf::new(),
            position: None,
            pointer: None,
            message: message.into(),
            expected: None,
            found: None,
            help: None,
            state: None,
        }
    }

    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.file = file.to_path_buf();
        self
    }

    #[must_use]
    pub fn at(mut self, position: Option<Position>) -> Self {
        self.position = position;
        self
    }

    #[must_use]
    pub fn pointing(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// The same finding with another severity: what is an error in a running
    /// workflow may be a warning in a disabled part of it.
    #[must_use]
    pub fn as_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

fn path_as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// What one check found, in the order of files and positions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    errors: usize,
    warnings: usize,
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Sorts and counts. Findings without a position come first in their file.
    pub fn new(mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by(|left, right| {
            (&left.file, left.position, left.severity, left.code).cmp(&(
                &right.file,
                right.position,
                right.severity,
                right.code,
            ))
        });
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
        Self { errors, warnings: diagnostics.len() - errors, diagnostics }
    }

    pub fn errors(&self) -> usize {
        self.errors
    }

    pub fn warnings(&self) -> usize {
        self.warnings
    }

    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// The report as one JSON object: `errors`, `warnings`, `diagnostics`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The most characters of an authored value that a diagnostic repeats.
pub const QUOTED_CHARACTERS_MAX: usize = 60;

/// An authored text between quotes: cut short, control characters escaped.
/// Not for secrets, and not for anything that came in a message.
pub fn quoted(text: &str) -> String {
    let mut characters = text.chars();
    let head: String = characters.by_ref().take(QUOTED_CHARACTERS_MAX).collect();
    let rest = if characters.next().is_some() { "…" } else { "" };
    format!("\"{}{rest}\"", one_line(&head))
}

/// The text on one line, whoever wrote it: control characters, and what turns the direction
/// of writing round, are escaped, so that it cannot move the reader's cursor or look like a
/// line of its own.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match is_plain(character) {
            true => safe.push(character),
            false => safe.extend(character.escape_default()),
        }
    }
    Cow::Owned(safe)
}

fn is_plain(it: char) -> bool {
    let separates = matches!(it, '\u{2028}' | '\u{2029}');
    let turns = matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !(it.is_control() || separates || turns)
}

#[cfg(test)]
mod tests;
