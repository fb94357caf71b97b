//! CSV messages that keep their bytes.
//!
//! Stage: received bytes → **CSV message** → reads and edits by column → bytes.
//! Knows: RFC 4180, the delimiter option. Deliberately does not know: headers
//! (a workflow that has one names columns by number), files, and how a file
//! becomes messages; [`Csv::rows`] helps whoever does that.
//!
//! One message is one record: paths, `count` and edits mean the **first row**.
//! Further rows of a body are checked, counted against the limits and kept;
//! only [`Csv::rows`] reads them.
//!
//! # Invariants
//! - A message has at least one row and a row at least one field: an empty text
//!   and an empty line are one empty field.
//! - `columns` are the fields of the first row, in order, within the bytes.
//! - An edit is a splice: other fields keep their quotes, rows their ends.
//! - A failed edit changes nothing.

mod path;
mod scan;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::fmt;

pub use path::CsvPath;

use self::scan::{Field, Follows};
use self::text::Charset;
use crate::{Limits, Problem, Value};

/// What [`Csv::check`] answers at most.
pub const PROBLEMS_MAX: usize = 100;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How the text of a CSV message is divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// Between fields: one ASCII byte that is no quote, CR or LF. Default `,`.
    pub delimiter: u8,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { delimiter: b',' }
    }
}

impl CsvOptions {
    /// The options of a workflow's `Delimiter`: one ASCII character, `\t`
    /// written out for the tabulator, or nothing for the comma.
    ///
    /// # Errors
    /// `options.delimiter`: the fault of the workflow's author.
    pub fn from_delimiter(text: &str) -> Result<Self, Problem> {
        let delimiter = match text.as_bytes() {
            [] => b',',
            b"\\t" => b'\t',
            [delimiter] => *delimiter,
            _ => return Err(delimiter_problem()),
        };
        let options = Self { delimiter };
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<(), Problem> {
        if self.delimiter.is_ascii() && !matches!(self.delimiter, b'"' | b'\r' | b'\n') {
            return Ok(());
        }
        Err(delimiter_problem())
    }
}

fn delimiter_problem() -> Problem {
    Problem::new(
        "options.delimiter",
        "the CSV delimiter must be one ASCII character and no double quote, CR or LF",
    )
}

/// One CSV message.
#[derive(Clone)]
pub struct Csv {
    bytes: Vec<u8>,
    columns: Vec<Field>,
    charset: Charset,
    options: CsvOptions,
    limits: Limits,
}

impl fmt::Debug for Csv {
    /// Format and length alone: content may be patient data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Csv({} bytes)", self.bytes.len())
    }
}

impl Csv {
    /// Takes the bytes over as they are. A byte order mark is accepted and kept;
    /// bytes that are not UTF-8 are read as windows-1252.
    ///
    /// # Errors
    /// `csv.quote` for a quote that is never closed, `limit.message-bytes`,
    /// `limit.columns`, `limit.field-bytes`: the fault of whoever made the
    /// message, with its place. `options.delimiter`.
    pub fn parse(bytes: Vec<u8>, options: &CsvOptions, limits: &Limits) -> Result<Self, Problem> {
        options.check()?;
        check_length(bytes.len(), limits)?;
        let mut columns = Vec::new();
        let mut at = text_start(&bytes);
        let mut row = 0usize;
        loop {
            let next = scan_row(&bytes, at, options, limits, |field| {
                if row == 0 {
                    columns.push(field);
                }
            })?;
            row += 1;
            match next {
                Some(next) if next < bytes.len() => at = next,
                _ => break,
            }
        }
        let charset = Charset::of(&bytes);
        Ok(Self { bytes, columns, charset, options: options.clone(), limits: limits.clone() })
    }

    /// Replaces the whole content.
    ///
    /// # Errors
    /// As [`Csv::parse`]; the old content then stays.
    pub fn replace(
        &mut self,
        bytes: Vec<u8>,
        options: &CsvOptions,
        limits: &Limits,
    ) -> Result<(), Problem> {
        *self = Self::parse(bytes, options, limits)?;
        Ok(())
    }

    /// Exactly as it would be written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The message as text, with its byte order mark if it has one.
    pub fn whole_text(&self) -> Cow<'_, str> {
        self.charset.decode(&self.bytes)
    }

    /// The content of a column, quotes removed. `[*]` reads the first.
    pub fn get(&self, path: &CsvPath) -> Value<'_> {
        let Some(written) = self.structure(path) else { return Value::Absent };
        let content = text::unquote(written);
        if content.is_empty() { Value::Empty } else { Value::Text(content) }
    }

    /// As [`Csv::get`], where absent and empty are both "".
    pub fn text(&self, path: &CsvPath) -> Cow<'_, str> {
        match self.get(path) {
            Value::Text(text) => text,
            Value::Absent | Value::Empty | Value::Null => Cow::Borrowed(""),
        }
    }

    /// The field as it stands, with its quotes.
    pub fn structure(&self, path: &CsvPath) -> Option<Cow<'_, str>> {
        let column = self.columns.get(path.column.unwrap_or(0))?;
        Some(self.charset.decode(column.of(&self.bytes)))
    }

    /// The number of columns of the first row, whatever the path.
    pub fn count(&self, _path: &CsvPath) -> usize {
        self.columns.len()
    }

    /// The exact paths of the columns that a pattern means.
    pub fn find(&self, pattern: &CsvPath) -> Vec<String> {
        let every = 0..self.columns.len();
        match pattern.column {
            Some(column) if every.contains(&column) => vec![pattern.to_string()],
            Some(_) => Vec::new(),
            None => every.map(|column| format!("[{column}]")).collect(),
        }
    }

    /// Writes a column that exists, quoted where it must be.
    ///
    /// # Errors
    /// `edit.column` beyond the last column (CSV rows do not grow by a write),
    /// `path.pattern`, `edit.charset`, `limit.field-bytes`,
    /// `limit.message-bytes`. Nothing is changed then.
    pub fn set(&mut self, path: &CsvPath, value: &str) -> Result<(), Problem> {
        let quoted = text::quote(value, self.options.delimiter);
        self.splice(path, &quoted)
    }

    /// Always refused: CSV has no null.
    ///
    /// # Errors
    /// `edit.null`.
    pub fn set_null(&mut self, path: &CsvPath) -> Result<(), Problem> {
        Err(Problem::new("edit.null", "CSV has no null: write an empty value instead")
            .at(path.to_string()))
    }

    /// Writes wire text: a field with or without quotes, or several with the
    /// delimiter between them, which makes new columns.
    ///
    /// # Errors
    /// As [`Csv::set`]; `csv.quote` when a quote is not closed, `edit.row` when
    /// the text holds a row end outside quotes.
    pub fn set_structure(&mut self, path: &CsvPath, text: &str) -> Result<(), Problem> {
        self.splice(path, text)
    }

    /// Always refused: one message is one record.
    ///
    /// # Errors
    /// `edit.append`.
    pub fn append(&mut self, _text: &str) -> Result<(), Problem> {
        Err(Problem::new(
            "edit.append",
            "nothing can be appended to a CSV message: one message is one row",
        ))
    }

    /// Inserts wire text before a place.
    ///
    /// # Errors
    /// `edit.insert`.
    pub fn insert(&mut self, _: &CsvPath, _: &str) -> Result<(), Problem> {
        Err(Problem::new("edit.insert", "insertion is not available for this format"))
    }

    /// Removes a column with its delimiter, so that later ones move up; answers
    /// 0 when there is no such column.
    ///
    /// # Errors
    /// `edit.whole` for the only column, and for `[*]`: a row has at least one.
    pub fn remove(&mut self, pattern: &CsvPath) -> Result<usize, Problem> {
        let column = match pattern.column {
            Some(column) if column >= self.columns.len() => return Ok(0),
            Some(column) if self.columns.len() > 1 => column,
            _ => {
                return Err(Problem::new(
                    "edit.whole",
                    "a CSV row keeps at least one column: write an empty value instead",
                ));
            }
        };
        let removed = self.columns.remove(column);
        // With the delimiter before it; the first column has only the one after.
        let start = if column == 0 { removed.start } else { removed.start - 1 };
        let length = removed.end - removed.start + 1;
        self.bytes.drain(start..start + length);
        for later in self.columns.iter_mut().skip(column) {
            later.start -= length;
            later.end -= length;
        }
        Ok(1)
    }

    /// Fields of any row that are not written as RFC 4180 has it: a quote inside
    /// an unquoted field, or text after a closing quote. At most
    /// [`PROBLEMS_MAX`].
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (row, record) in self.rows().enumerate() {
            for (column, (field, _)) in record.fields().enumerate() {
                if scan::is_regular(field.of(&self.bytes)) {
                    continue;
                }
                problems.push(
                    Problem::new(
                        "csv.quote",
                        "a field with quotes must begin and end with one, and double those inside",
                    )
                    .at(format!("row {}, column [{column}]", row + 1))
                    .at_offset(field.start),
                );
                if problems.len() >= PROBLEMS_MAX {
                    return problems;
                }
            }
        }
        problems
    }

    /// The rows of the body, in order; always at least one.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let mut next = Some(text_start(&self.bytes));
        std::iter::from_fn(move || {
            let row = Row { message: self, start: next? };
            let (end, ended) = row.end();
            next = (ended && end < self.bytes.len()).then_some(end);
            Some(row)
        })
    }

    fn splice(&mut self, path: &CsvPath, text: &str) -> Result<(), Problem> {
        let at = |problem: Problem| problem.at(path.to_string());
        let Some(column) = path.column else {
            return Err(at(Problem::new(
                "path.pattern",
                "a write needs one exact column, found `[*]`: write each that the pattern finds",
            )));
        };
        let Some(old) = self.columns.get(column).copied() else {
            let count = self.columns.len();
            return Err(at(Problem::new(
                "edit.column",
                format!(
                    "the row has {count} columns, the last is [{}]: a write adds none",
                    count - 1
                ),
            )));
        };
        let new = self.charset.encode(text).map_err(at)?;
        let fields = self.fields_of(&new).map_err(at)?;
        let (before, after) = self.bytes.split_at_checked(old.start).unwrap_or_default();
        let after = after.get(old.end - old.start..).unwrap_or_default();
        check_length(before.len() + new.len() + after.len(), &self.limits).map_err(at)?;
        check_columns(self.columns.len() - 1 + fields.len(), &self.limits).map_err(at)?;
        self.bytes.splice(old.start..old.end, new.iter().copied());
        let shift = |offset: usize| offset - old.end + old.start + new.len();
        for later in self.columns.iter_mut().skip(column + 1) {
            *later = Field { start: shift(later.start), end: shift(later.end) };
        }
        let moved = fields
            .into_iter()
            .map(|field| Field { start: old.start + field.start, end: old.start + field.end });
        self.columns.splice(column..=column, moved);
        Ok(())
    }

    /// The fields that a text would become inside a row.
    fn fields_of(&self, text: &[u8]) -> Result<Vec<Field>, Problem> {
        let mut fields = Vec::new();
        let row_end = scan_row(text, 0, &self.options, &self.limits, |field| fields.push(field))?;
        match row_end {
            None => Ok(fields),
            Some(_) => Err(Problem::new(
                "edit.row",
                "the text holds a row end outside quotes, and one message is one row: quote it",
            )),
        }
    }
}

/// One row of a CSV message.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    message: &'a Csv,
    start: usize,
}

impl<'a> Row<'a> {
    /// The row as it stands, with its row end if it has one.
    pub fn bytes(&self) -> &'a [u8] {
        self.message.bytes.get(self.start..self.end().0).unwrap_or_default()
    }

    /// The contents of the fields, quotes removed.
    pub fn values(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let message = self.message;
        self.fields()
            .map(move |(field, _)| text::unquote(message.charset.decode(field.of(&message.bytes))))
    }

    fn fields(&self) -> impl Iterator<Item = (Field, Follows)> + use<'a> {
        let message = self.message;
        let mut next = Some(self.start);
        std::iter::from_fn(move || {
            let (field, follows) = scan::field(&message.bytes, next?, message.options.delimiter)?;
            next = (follows == Follows::Delimiter).then_some(field.end + 1);
            Some((field, follows))
        })
    }

    /// Where the next row would begin, and whether a row end stands before.
    fn end(&self) -> (usize, bool) {
        match self.fields().last() {
            Some((field, Follows::RowEnd(length))) => (field.end + length, true),
            _ => (self.message.bytes.len(), false),
        }
    }
}

/// Reads one row within the limits; answers where the next begins, `None` when
/// the text ends without a row end.
fn scan_row(
    bytes: &[u8],
    start: usize,
    options: &CsvOptions,
    limits: &Limits,
    mut visit: impl FnMut(Field),
) -> Result<Option<usize>, Problem> {
    let mut at = start;
    let mut columns = 0usize;
    loop {
        let Some((field, follows)) = scan::field(bytes, at, options.delimiter) else {
            return Err(unclosed(bytes, at));
        };
        columns += 1;
        check_columns(columns, limits).map_err(|problem| place(problem, bytes, start))?;
        let length = field.end - field.start;
        if length > limits.field_bytes {
            let limit = limits.field_bytes;
            let text = format!("a CSV field has {length} bytes, at most {limit} are allowed");
            return Err(place(Problem::new("limit.field-bytes", text), bytes, at));
        }
        visit(field);
        match follows {
            Follows::Delimiter => at = field.end + 1,
            Follows::RowEnd(length) => return Ok(Some(field.end + length)),
            Follows::TextEnd => return Ok(None),
        }
    }
}

fn unclosed(bytes: &[u8], at: usize) -> Problem {
    let text = "a CSV field begins with a double quote that is never closed: close it, or write a \
                quote that is content as two inside quotes";
    place(Problem::new("csv.quote", text), bytes, at)
}

fn place(problem: Problem, bytes: &[u8], at: usize) -> Problem {
    problem.at(crate::json::position(bytes, at)).at_offset(at)
}

fn text_start(bytes: &[u8]) -> usize {
    if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 }
}

fn check_columns(columns: usize, limits: &Limits) -> Result<(), Problem> {
    if columns <= limits.columns {
        return Ok(());
    }
    let text = format!("a CSV row has more than {} columns, which is the limit", limits.columns);
    Err(Problem::new("limit.columns", text))
}

fn check_length(bytes: usize, limits: &Limits) -> Result<(), Problem> {
    if bytes <= limits.message_bytes {
        return Ok(());
    }
    Err(Problem::new(
        "limit.message-bytes",
        format!("the message has {bytes} bytes, at most {} are allowed", limits.message_bytes),
    ))
}
