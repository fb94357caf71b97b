//! How a diagnostic looks in a terminal and in a log.
//!
//! One headline, then one labelled line per thing that is known. Knows the
//! layout only.

use std::fmt;

use super::{Diagnostic, Report, Severity, one_line};

/// The column at which the text of a labelled line starts.
const LABEL_WIDTH: usize = 10;

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for Diagnostic {
    /// Several lines, without a line end after the last.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}[{}]: {}", self.severity, self.code, one_line(&self.message))?;
        if let Some(place) = self.place() {
            labelled(out, "at", &place)?;
        }
        let lines = [
            ("field", &self.pointer),
            ("expected", &self.expected),
            ("found", &self.found),
            ("help", &self.help),
            ("state", &self.state),
        ];
        for (label, text) in lines {
            if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
                labelled(out, label, text)?;
            }
        }
        Ok(())
    }
}

impl Diagnostic {
    /// `workflows/in.hl7Workflow:14:13`, or as much of it as is known.
    fn place(&self) -> Option<String> {
        if self.file.as_os_str().is_empty() {
            return None;
        }
        let file = self.file.display();
        Some(match self.position {
            Some(position) => format!("{file}:{}:{}", position.line, position.column),
            None => file.to_string(),
        })
    }
}

/// One labelled line; further lines of its text are indented below it.
fn labelled(out: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    let mut shown = label;
    for line in text.split('\n') {
        write!(out, "\n  {shown:LABEL_WIDTH$}{}", one_line(line))?;
        shown = "";
    }
    Ok(())
}

impl fmt::Display for Report {
    /// Every diagnostic, an empty line after each, and the counts; nothing at
    /// all when there is nothing to say.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.diagnostics.is_empty() {
            return Ok(());
        }
        for diagnostic in &self.diagnostics {
            write!(out, "{diagnostic}\n\n")?;
        }
        writeln!(out, "{}, {}", counted(self.errors, "error"), counted(self.warnings, "warning"))
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
