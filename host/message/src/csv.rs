//! CSV messages that keep their bytes.
//!
//! Stage: received bytes → **CSV message** → reads and edits by row and column →
//! bytes. Knows: RFC 4180, the options of contract 8.2, which rows are header,
//! data and footer. Deliberately does not know: files, and how a file becomes
//! messages; [`Csv::rows`] helps whoever does that.
//!
//! A path without a row means the first data row.
//!
//! # Invariants
//! - A message has at least one row and a row at least one field: an empty text
//!   and an empty line are one empty field.
//! - `rows`, `first` and `parts` are what parsing the bytes would give.
//! - An edit is a splice: other fields keep their quotes, rows their ends.
//! - A failed edit changes nothing.

mod edit;
mod options;
mod path;
mod rows;
mod scan;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::fmt;

pub use options::CsvOptions;
pub use path::{CsvPath, PATH_BYTES_MAX};

use self::path::Column;
use self::rows::{Known, Rows};
use self::scan::{Field, Follows};
use self::text::Charset;
use crate::cursor::Cursor;
use crate::{Limits, Problem, Value};

/// What [`Csv::check`] answers at most.
pub const PROBLEMS_MAX: usize = 100;

/// The most places that one pattern may mean in [`Csv::find`].
pub const MATCHES_MAX: usize = 65_535;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One CSV message.
///
/// Where the last read ended is remembered: a loop over rows, or over the columns
/// of one, passes over each once.
#[derive(Clone)]
pub struct Csv {
    bytes: Vec<u8>,
    rows: Rows,
    parts: Parts,
    /// The fields of the first data row; none when there is no such row.
    first: Vec<Field>,
    charset: Charset,
    options: CsvOptions,
    limits: Limits,
    cursor: Cursor<Mark>,
}

/// Which rows are no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    header: bool,
    footer: bool,
}

/// A row and one of its fields.
#[derive(Clone, Copy)]
struct Mark {
    row: Known,
    column: usize,
    /// Where that field begins.
    field: usize,
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
        let mut rows = Rows::new();
        let mut at = text_start(&bytes);
        loop {
            rows.add(at);
            match scan_row(&bytes, at, options, limits, |_| ())? {
                Some(next) if next < bytes.len() => at = next,
                _ => break,
            }
        }
        let charset = Charset::of(&bytes);
        let mut message = Self {
            bytes,
            rows,
            parts: Parts { header: false, footer: false },
            first: Vec::new(),
            charset,
            options: options.clone(),
            limits: limits.clone(),
            cursor: Cursor::default(),
        };
        message.find_parts();
        Ok(message)
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

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn options(&self) -> &CsvOptions {
        &self.options
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

    /// The content of a column, quotes removed; of a row, its text without row
    /// end. Of a pattern, the first place.
    pub fn get(&self, path: &CsvPath) -> Value<'_> {
        let Some(written) = self.structure(path) else { return Value::Absent };
        let content = if path.column.is_some() { text::unquote(written) } else { written };
        if content.is_empty() { Value::Empty } else { Value::Text(content) }
    }

    /// As [`Csv::get`], where absent and empty are both "".
    pub fn text(&self, path: &CsvPath) -> Cow<'_, str> {
        match self.get(path) {
            Value::Text(text) => text,
            Value::Absent | Value::Empty | Value::Null => Cow::Borrowed(""),
        }
    }

    /// The field as it stands, with its quotes, or the row without its row end.
    pub fn structure(&self, path: &CsvPath) -> Option<Cow<'_, str>> {
        let place = self.place(path)?;
        Some(self.charset.decode(place.of(&self.bytes)))
    }

    /// With a column, how many columns the row has, whatever the column. `Row` and
    /// `Row[*]` count the data rows: how often a loop runs. One row counts 1, a
    /// pattern with rows and columns its places.
    pub fn count(&self, path: &CsvPath) -> usize {
        match (path.rows, &path.column) {
            (path::Rows::First | path::Rows::Every, None) => self.data_rows(),
            (path::Rows::Every, Some(_)) => {
                self.numbers(path).map(|row| self.matching(row, path).count()).sum()
            }
            (_, None) => self.numbers(path).count(),
            (_, Some(_)) => self.numbers(path).map(|row| self.fields(row).count()).sum(),
        }
    }

    /// The exact paths of the rows and columns that a pattern means, at most
    /// [`MATCHES_MAX`], the rest is left out. A column that is asked for by name
    /// is told by name.
    pub fn find(&self, pattern: &CsvPath) -> Vec<String> {
        let exact = |row: usize, column: Option<Column>| {
            let rows = match pattern.rows {
                path::Rows::Every => path::Rows::Number(row - usize::from(self.parts.header)),
                other => other,
            };
            CsvPath { rows, column }.to_string()
        };
        let mut found = Vec::new();
        for row in self.numbers(pattern) {
            match &pattern.column {
                None => found.push(exact(row, None)),
                Some(Column::Every) => {
                    let left = MATCHES_MAX - found.len();
                    let columns = self.matching(row, pattern).take(left);
                    found.extend(
                        columns.map(|(column, _)| exact(row, Some(Column::Number(column)))),
                    );
                }
                Some(one) => {
                    found
                        .extend(self.matching(row, pattern).map(|_| exact(row, Some(one.clone()))));
                }
            }
            if found.len() >= MATCHES_MAX {
                break;
            }
        }
        found
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

    fn data_rows(&self) -> usize {
        self.rows.count() - usize::from(self.parts.header) - usize::from(self.parts.footer)
    }

    /// Which rows of the message (from 0, header and footer counted) a path means.
    fn numbers(&self, path: &CsvPath) -> std::ops::Range<usize> {
        let data = usize::from(self.parts.header);
        let end = data + self.data_rows();
        let one = |row: Option<usize>| row.map_or(0..0, |row| row..row + 1);
        match path.rows {
            path::Rows::Unnamed | path::Rows::First => one((data < end).then_some(data)),
            path::Rows::Number(row) => one(data.checked_add(row).filter(|row| *row < end)),
            path::Rows::Every => data..end,
            path::Rows::Header => one(self.parts.header.then_some(0)),
            path::Rows::Footer => one(self.parts.footer.then_some(end)),
        }
    }

    /// The first place of a path.
    fn place(&self, path: &CsvPath) -> Option<Field> {
        let mut rows = self.numbers(path);
        match &path.column {
            None => self.row(rows.next()?).map(|row| row.content),
            Some(Column::Every) => self.field(rows.next()?, 0),
            Some(Column::Number(column)) => rows.find_map(|row| self.field(row, *column)),
            Some(Column::Name(name)) => {
                let column = self.named(name)?;
                rows.find_map(|row| self.field(row, column))
            }
        }
    }

    /// The columns of a row that a path means.
    fn matching(&self, row: usize, path: &CsvPath) -> impl Iterator<Item = (usize, Field)> {
        let wanted = match &path.column {
            Some(Column::Every) | None => None,
            Some(Column::Number(column)) => Some(*column),
            // No row has so many columns.
            Some(Column::Name(name)) => Some(self.named(name).unwrap_or(usize::MAX)),
        };
        let every = wanted.is_none().then(|| self.fields(row).enumerate());
        let one = wanted.and_then(|column| self.field(row, column).map(|field| (column, field)));
        every.into_iter().flatten().chain(one)
    }

    /// The number of the first column of that name, by the header row, else by the
    /// `Header` option.
    fn named(&self, name: &str) -> Option<usize> {
        if self.parts.header {
            return self.fields(0).position(|field| {
                text::unquote(self.charset.decode(field.of(&self.bytes))) == name
            });
        }
        let header = self.options.header.as_bytes();
        fields_from(header, text_start(header), self.options.delimiter)
            .position(|(field, _)| text::unquote(String::from_utf8_lossy(field.of(header))) == name)
    }

    /// Where a row stands.
    fn row(&self, row: usize) -> Option<scan::Row> {
        let start = self.row_start(row)?;
        scan::row(&self.bytes, start, self.options.delimiter)
    }

    fn row_start(&self, row: usize) -> Option<usize> {
        let known = self.cursor.recall().map(|mark| mark.row);
        let start = self.rows.start(&self.bytes, self.options.delimiter, row, known)?;
        if known.is_none_or(|known| known.row != row) {
            self.cursor.remember(Mark { row: Known { row, start }, column: 0, field: start });
        }
        Some(start)
    }

    /// Where a field stands; looked for from the one that was read last, where
    /// that is before it in the same row.
    fn field(&self, row: usize, column: usize) -> Option<Field> {
        if row == usize::from(self.parts.header) && self.data_rows() > 0 {
            return self.first.get(column).copied();
        }
        let start = self.row_start(row)?;
        let mark = self
            .cursor
            .recall()
            .filter(|mark| mark.row.row == row && mark.column <= column)
            .unwrap_or(Mark { row: Known { row, start }, column: 0, field: start });
        let mut fields = fields_from(&self.bytes, mark.field, self.options.delimiter);
        let (field, _) = fields.nth(column - mark.column)?;
        self.cursor.remember(Mark { column, field: field.start, ..mark });
        Some(field)
    }

    fn fields(&self, row: usize) -> impl Iterator<Item = Field> {
        let start = self.row_start(row);
        let fields = start.map(|start| fields_from(&self.bytes, start, self.options.delimiter));
        fields.into_iter().flatten().map(|(field, _)| field)
    }

    /// Tells header, data and footer apart, and where the first data row has its
    /// fields.
    fn find_parts(&mut self) {
        self.parts = Parts { header: false, footer: false };
        let count = self.rows.count();
        let header = self.options.has_header
            && (self.options.header.is_empty() || self.begins_with_header_option());
        let footer = self.options.has_footer && count > 1;
        self.parts = Parts { header, footer };
        self.first = match self.numbers(&CsvPath { rows: path::Rows::First, column: None }).next() {
            Some(row) => self.fields(row).collect(),
            None => Vec::new(),
        };
    }

    /// Whether the first row has the names of the `Header` option, but for case
    /// and blanks.
    fn begins_with_header_option(&self) -> bool {
        let header = self.options.header.as_bytes();
        let option = fields_from(header, text_start(header), self.options.delimiter)
            .map(|(field, _)| text::unquote(String::from_utf8_lossy(field.of(header))));
        let row =
            self.fields(0).map(|field| text::unquote(self.charset.decode(field.of(&self.bytes))));
        let folded = |name: Cow<'_, str>| name.trim().to_lowercase();
        option.map(folded).eq(row.map(folded))
    }
}

/// The fields of the row from one on.
fn fields_from(
    bytes: &[u8],
    start: usize,
    delimiter: u8,
) -> impl Iterator<Item = (Field, Follows)> {
    let mut next = Some(start);
    std::iter::from_fn(move || {
        let (field, follows) = scan::field(bytes, next?, delimiter)?;
        next = (follows == Follows::Delimiter).then_some(field.end + 1);
        Some((field, follows))
    })
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
        fields_from(&self.message.bytes, self.start, self.message.options.delimiter)
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
