//! The name of a column: `[0]`, or bare `0`; `[*]` is every column.
//!
//! Columns start at 0, unlike everything else in the workflow language; there
//! are no names and no rows. Deliberately does not know: rows and their bytes.

use std::fmt;

use crate::Problem;

/// A parsed path: one column of a CSV message, or with `[*]` all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvPath {
    /// From 0; `None` is every column.
    pub(super) column: Option<usize>,
}

impl CsvPath {
    /// Parses `[3]`, `3` and `[*]`; blanks around it do no harm.
    ///
    /// # Errors
    /// `path.syntax`: the fault of whoever wrote the path.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let trimmed = text.trim();
        let inner = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if inner == Some("*") {
            return Ok(Self { column: None });
        }
        let digits = inner.unwrap_or(trimmed);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Problem::new(
                "path.syntax",
                "CSV path: expected the number of a column in brackets, from 0, such as [2], or \
                 [*]; columns have no names",
            ));
        }
        let column = digits.parse().map_err(|_| {
            Problem::new("path.syntax", "CSV path: the column is too large a number")
        })?;
        Ok(Self { column: Some(column) })
    }

    /// Whether it is `[*]`.
    pub fn is_pattern(&self) -> bool {
        self.column.is_none()
    }
}

impl fmt::Display for CsvPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(formatter, "[{column}]"),
            None => write!(formatter, "[*]"),
        }
    }
}
