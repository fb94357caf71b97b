//! The names of columns and rows.
//!
//! - `[0]`, or bare `0`: a column of the first data row, from 0, unlike everything
//!   else in the workflow language; `[*]` every one.
//! - `Row[2]`: a data row, from 1; `Row` the first, or in a loop and a count all;
//!   `Row[*]` every one. `Header` and `Footer` are the rows that are no data.
//! - `Row[2]/[0]`, `Row/[0]`, `Header/[*]`: a column of those.
//! - `Row[2]/MRN`: a column by its name in the header. A name that could be
//!   something else (a number, or with `/`, `[` or `]` in it) is written
//!   `Row[2]/['2024']`; a backslash takes a quote or backslash as it is.
//!
//! Column names need a row before them, so that they can never be taken for
//! `Row`, `Header` or the number of a column. Deliberately does not know: messages.

use std::fmt;

use crate::Problem;

/// Bytes of one path.
pub const PATH_BYTES_MAX: usize = 4_096;

/// A parsed path: a column or row of a CSV message, or with `[*]` several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvPath {
    pub(super) rows: Rows,
    /// `None` is the whole row.
    pub(super) column: Option<Column>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// The first data row, since none is named.
    Unnamed,
    /// `Row` without a number.
    First,
    /// A data row, from 0.
    Number(usize),
    /// `Row[*]`.
    Every,
    Header,
    Footer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// From 0.
    Number(usize),
    Name(String),
    Every,
}

impl CsvPath {
    /// Parses a path; blanks around it do no harm.
    ///
    /// # Errors
    /// `path.syntax`, `limit.path-bytes`: the fault of whoever wrote the path.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > PATH_BYTES_MAX {
            return Err(Problem::new(
                "limit.path-bytes",
                format!("the path has {} bytes, at most {PATH_BYTES_MAX} are read", text.len()),
            ));
        }
        let text = text.trim();
        let (first, column) = match text.split_once('/') {
            // A name with a slash stands in brackets, and not in a first step.
            Some((first, column)) => (first, Some(column)),
            None => (text, None),
        };
        let rows = match first {
            "Row" => Rows::First,
            "Header" => Rows::Header,
            "Footer" => Rows::Footer,
            _ => match first.strip_prefix("Row").map(bracketed) {
                Some(Some("*")) => Rows::Every,
                Some(Some(number)) => Rows::Number(row_number(number)?),
                _ if column.is_none() => {
                    return Ok(Self { rows: Rows::Unnamed, column: Some(unnamed(first)?) });
                }
                _ => {
                    return Err(syntax("expected Row, Row[1], Header or Footer before the slash"));
                }
            },
        };
        Ok(Self { rows, column: column.map(column_of).transpose()? })
    }

    /// Whether `[*]` stands in it.
    pub fn is_pattern(&self) -> bool {
        self.rows == Rows::Every || self.column == Some(Column::Every)
    }
}

fn syntax(text: &str) -> Problem {
    Problem::new("path.syntax", format!("CSV path: {text}"))
}

fn bracketed(text: &str) -> Option<&str> {
    text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
}

fn digits(text: &str) -> Option<Result<usize, Problem>> {
    let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| text.parse().map_err(|_| syntax("the number is too large")))
}

fn row_number(text: &str) -> Result<usize, Problem> {
    let number = digits(text).unwrap_or_else(|| {
        Err(syntax("expected the number of a row in brackets, from 1, or [*]"))
    })?;
    number.checked_sub(1).ok_or_else(|| syntax("rows are counted from 1, found 0"))
}

/// A column of a row that is not named: by number alone.
fn unnamed(text: &str) -> Result<Column, Problem> {
    match bracketed(text) {
        Some("*") => Ok(Column::Every),
        inner => digits(inner.unwrap_or(text)).map_or_else(
            || {
                Err(syntax(
                    "expected the number of a column in brackets, from 0, such as [2], or [*]; a \
                     column has a name after a row alone: Row/Name, Row[2]/Name",
                ))
            },
            |number| number.map(Column::Number),
        ),
    }
}

/// A column after the slash.
fn column_of(text: &str) -> Result<Column, Problem> {
    if let Some(quoted) = text.strip_prefix("['") {
        return quoted_name(quoted).map(Column::Name);
    }
    if let Some(inner) = bracketed(text) {
        return match inner {
            "*" => Ok(Column::Every),
            _ => digits(inner).map_or_else(
                || Err(syntax("expected a number, `*` or a quoted name between `[` and `]`")),
                |number| number.map(Column::Number),
            ),
        };
    }
    if is_plain(text) {
        return Ok(Column::Name(text.to_owned()));
    }
    Err(syntax(
        "expected a column after the slash: [2] by number; by name Name, or ['Name'] where it is \
         a number or holds a slash or bracket",
    ))
}

/// What follows `['`, up to `']` at the end.
fn quoted_name(text: &str) -> Result<String, Problem> {
    let mut name = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next() {
            Some('\'') if characters.as_str() == "]" => return Ok(name),
            Some('\\') => match characters.next() {
                Some(escaped @ ('\'' | '\\')) => name.push(escaped),
                _ => return Err(syntax("a backslash stands before a quote or another backslash")),
            },
            Some('\'') | None => {
                return Err(syntax("a quoted column name ends in a quote and `]`"));
            }
            Some(other) => name.push(other),
        }
    }
}

/// Whether a name can be nothing else.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && !name.contains(['/', '[', ']'])
        && !name.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for CsvPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rows {
            Rows::Unnamed => {}
            Rows::First => formatter.write_str("Row")?,
            Rows::Number(row) => write!(formatter, "Row[{}]", row.saturating_add(1))?,
            Rows::Every => formatter.write_str("Row[*]")?,
            Rows::Header => formatter.write_str("Header")?,
            Rows::Footer => formatter.write_str("Footer")?,
        }
        let Some(column) = &self.column else { return Ok(()) };
        if self.rows != Rows::Unnamed {
            formatter.write_str("/")?;
        }
        match column {
            Column::Number(column) => write!(formatter, "[{column}]"),
            Column::Every => formatter.write_str("[*]"),
            Column::Name(name) if is_plain(name) => formatter.write_str(name),
            Column::Name(name) => {
                let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
                write!(formatter, "['{escaped}']")
            }
        }
    }
}
