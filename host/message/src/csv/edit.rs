//! Changes of CSV messages.
//!
//! Knows: which bytes go and come for a field, a row, a column of many rows.
//! Deliberately does not know: how places are found; the message tells.
//!
//! An empty row at the end of a message without a last row end, or between a CR
//! and an LF, is written `""`: as nothing at all it would be no row any more.

use super::path::{Column, CsvPath, Rows};
use super::scan::{Field, Follows};
use super::{
    BYTE_ORDER_MARK, Csv, check_columns, check_length, fields_from, scan, scan_row, text,
    text_start,
};
use crate::Problem;

/// An empty field that cannot be overlooked.
const EMPTY_QUOTED: &[u8] = b"\"\"";

impl Csv {
    /// Writes a column that exists, quoted where it must be.
    ///
    /// # Errors
    /// `edit.column` beyond the last column (CSV rows do not grow by a write),
    /// `edit.row` for a row that there is not or a whole row, `path.name` for a
    /// name that no column has, `path.pattern`, `edit.charset`,
    /// `limit.field-bytes`, `limit.message-bytes`. Nothing is changed then.
    pub fn set(&mut self, path: &CsvPath, value: &str) -> Result<(), Problem> {
        if path.column.is_none() && !path.is_pattern() {
            return Err(Problem::new(
                "edit.row",
                "a whole row is written as structure, with its delimiters: name a column",
            )
            .at(path.to_string()));
        }
        let quoted = text::quote(value, self.options.delimiter);
        self.write(path, &quoted).map_err(|problem| problem.at(path.to_string()))
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
    /// delimiter between them, which makes new columns. A path of a row writes the
    /// whole row.
    ///
    /// # Errors
    /// As [`Csv::set`]; `csv.quote` when a quote is not closed, `edit.row` when
    /// the text holds a row end outside quotes.
    pub fn set_structure(&mut self, path: &CsvPath, text: &str) -> Result<(), Problem> {
        self.write(path, text).map_err(|problem| problem.at(path.to_string()))
    }

    /// Appends rows behind the last data row, before a footer. They get the row
    /// end that the message has; a last row without one stays without.
    ///
    /// # Errors
    /// `edit.row` where the option `HasFooter` would make a footer of them,
    /// `csv.quote`, `edit.charset`, `limit.columns`, `limit.field-bytes`,
    /// `limit.message-bytes`. Nothing is changed then.
    pub fn append(&mut self, text: &str) -> Result<(), Problem> {
        let row = self.rows.count() - usize::from(self.parts.footer);
        self.add_rows(row, text)
    }

    /// Inserts rows before the data row that the path names; the number behind the
    /// last data row appends.
    ///
    /// # Errors
    /// `edit.insert` where the path names no row or leaves a gap; else as
    /// [`Csv::append`].
    pub fn insert(&mut self, path: &CsvPath, text: &str) -> Result<(), Problem> {
        let refused =
            |text: &str| Err(Problem::new("edit.insert", text.to_owned()).at(path.to_string()));
        let number = match (path.rows, &path.column) {
            (Rows::First, None) => 0,
            (Rows::Number(number), None) => number,
            _ => return refused("CSV is inserted before a data row: the path must be Row[1]"),
        };
        if number > self.data_rows() {
            let count = self.data_rows();
            return refused(&format!("the message has {count} data rows: a gap would be left"));
        }
        let row = usize::from(self.parts.header) + number;
        self.add_rows(row, text).map_err(|problem| problem.at(path.to_string()))
    }

    /// Removes rows with their row end, or a column with its delimiter, so that
    /// later ones move up; answers how many places that was.
    ///
    /// # Errors
    /// `edit.whole` where no row, or no column of a row, would be left; `edit.row`
    /// for header and footer rows, which only their option makes what they are.
    pub fn remove(&mut self, pattern: &CsvPath) -> Result<usize, Problem> {
        let done = match &pattern.column {
            None => self.remove_rows(pattern),
            Some(_) => self.remove_columns(pattern),
        };
        done.map_err(|problem| problem.at(pattern.to_string()))
    }

    fn write(&mut self, path: &CsvPath, text: &str) -> Result<(), Problem> {
        if path.is_pattern() {
            return Err(Problem::new(
                "path.pattern",
                "a write needs one exact place, found `[*]`: write each that the pattern finds",
            ));
        }
        let Some(row) = self.numbers(path).next() else {
            return Err(self.no_such_row());
        };
        let Some(column) = &path.column else {
            let old = self.row(row).ok_or_else(|| self.no_such_row())?.content;
            return self.splice(row, old, text);
        };
        let number = match column {
            Column::Number(number) => *number,
            Column::Name(name) => self.named(name).ok_or_else(no_such_name)?,
            Column::Every => 0,
        };
        match self.field(row, number) {
            Some(old) => self.splice(row, old, text),
            None => {
                let count = self.fields(row).count();
                Err(Problem::new(
                    "edit.column",
                    format!(
                        "the row has {count} columns, the last is [{}]: a write adds none",
                        count.saturating_sub(1)
                    ),
                ))
            }
        }
    }

    fn no_such_row(&self) -> Problem {
        let part = |there: bool| if there { "a" } else { "no" };
        Problem::new(
            "edit.row",
            format!(
                "the message has {} data rows, {} header and {} footer: append adds a row",
                self.data_rows(),
                part(self.parts.header),
                part(self.parts.footer),
            ),
        )
    }

    /// Puts text instead of a field or of the content of a row.
    fn splice(&mut self, row: usize, old: Field, text: &str) -> Result<(), Problem> {
        let new = self.charset.encode(text)?;
        let fields = self.one_row(&new)?;
        self.check_mark(old.start, &new)?;
        let replaced = fields_from(&self.bytes, old.start, self.options.delimiter)
            .take_while(|(field, _)| field.end <= old.end)
            .count();
        check_columns(self.fields(row).count() - replaced + fields, &self.limits)?;
        let vanishes = new.is_empty() && self.would_vanish(row, old);
        let new: &[u8] = if vanishes { EMPTY_QUOTED } else { &new };
        check_length(self.bytes.len() - (old.end - old.start) + new.len(), &self.limits)?;
        let length = new.len();
        self.bytes.splice(old.start..old.end, new.iter().copied());
        self.rows.splice(row, old, length);
        self.cursor.forget();
        if row <= usize::from(self.parts.header) || self.rows.count() == 1 {
            self.find_parts();
        }
        Ok(())
    }

    /// Whether a row would be no row any more without this content, if that is all
    /// it has: at the end without a row end, or between a CR and an LF.
    fn would_vanish(&self, row: usize, content: Field) -> bool {
        let whole = self.row(row).is_some_and(|row| row.content == content);
        let last = row > 0 && content.end == self.bytes.len();
        whole && (last || self.is_between_cr_lf(content.start, content.end))
    }

    /// Whether these places would make one row end of two if they met.
    fn is_between_cr_lf(&self, start: usize, end: usize) -> bool {
        let before = start.checked_sub(1).and_then(|before| self.bytes.get(before));
        before == Some(&b'\r') && self.bytes.get(end) == Some(&b'\n')
    }

    /// A mark at the beginning of the bytes would not be content any more.
    fn check_mark(&self, at: usize, new: &[u8]) -> Result<(), Problem> {
        if at == 0 && new.starts_with(BYTE_ORDER_MARK) {
            return Err(Problem::new(
                "edit.mark",
                "the text begins with a byte order mark, and the message would: leave it out",
            ));
        }
        Ok(())
    }

    /// The number of fields of a text that is to stand inside a row.
    fn one_row(&self, text: &[u8]) -> Result<usize, Problem> {
        let mut fields = 0;
        let row_end = scan_row(text, 0, &self.options, &self.limits, |_| fields += 1)?;
        match row_end {
            None => Ok(fields),
            Some(_) => Err(Problem::new(
                "edit.row",
                "the text holds a row end outside quotes, and is to be of one row: quote it",
            )),
        }
    }

    /// Puts rows before the row (from 0, header counted), or behind the last one.
    fn add_rows(&mut self, row: usize, text: &str) -> Result<(), Problem> {
        if self.options.has_footer && !self.parts.footer && !self.is_blank() {
            return Err(Problem::new(
                "edit.row",
                "HasFooter would make the new last row a footer: the message has none yet, so \
                 write it whole",
            ));
        }
        let text = self.charset.encode(text)?;
        let (text, ends_empty) = self.without_last_end(&text)?;
        let here = self.rows.start(&self.bytes, self.options.delimiter, row, None);
        let (position, before, after): (usize, &[u8], &[u8]) = match here {
            // Nothing at all is one empty row, which gives way.
            _ if self.is_blank() => (self.bytes.len(), b"", b""),
            Some(start) => (start, b"", self.row_end()),
            None if self.has_last_end() => (self.bytes.len(), b"", self.row_end()),
            None => (self.bytes.len(), self.row_end(), b""),
        };
        self.check_mark(position, text)?;
        let previous = position.checked_sub(1).and_then(|before| self.bytes.get(before));
        let mut new = before.to_vec();
        if text.first().or(after.first()) == Some(&b'\n')
            && before.last().or(previous) == Some(&b'\r')
        {
            new.extend_from_slice(EMPTY_QUOTED);
        }
        new.extend_from_slice(text);
        if ends_empty && after.is_empty() && !self.is_blank() {
            new.extend_from_slice(EMPTY_QUOTED);
        }
        new.extend_from_slice(after);
        if new.ends_with(b"\r") && self.bytes.get(position) == Some(&b'\n') {
            new.push(b'\n');
        }
        check_length(self.bytes.len() + new.len(), &self.limits)?;
        self.bytes.splice(position..position, new);
        self.read_on(row.saturating_sub(1));
        Ok(())
    }

    /// The text of rows without the end of the last one, and whether that one is
    /// empty.
    fn without_last_end<'t>(&self, text: &'t [u8]) -> Result<(&'t [u8], bool), Problem> {
        let mut at = 0;
        loop {
            match scan_row(text, at, &self.options, &self.limits, |_| ())? {
                Some(next) if next < text.len() => at = next,
                _ => break,
            }
        }
        let last = scan::row(text, at, self.options.delimiter);
        let end = last.map_or(text.len(), |row| row.content.end);
        Ok((text.get(..end).unwrap_or_default(), at == end))
    }

    /// No byte but a mark, and no header that it would be.
    fn is_blank(&self) -> bool {
        self.bytes.len() == text_start(&self.bytes) && !self.parts.header
    }

    /// The first row end of the message; CRLF where it has none.
    fn row_end(&self) -> &'static [u8] {
        let first = scan::row(&self.bytes, text_start(&self.bytes), self.options.delimiter);
        let end = first.and_then(|row| self.bytes.get(row.content.end..row.next?));
        match end {
            Some(b"\n") => b"\n",
            Some(b"\r") => b"\r",
            _ => b"\r\n",
        }
    }

    fn has_last_end(&self) -> bool {
        scan::row(&self.bytes, self.rows.last_start(), self.options.delimiter)
            .is_some_and(|row| row.next.is_some())
    }

    fn remove_rows(&mut self, pattern: &CsvPath) -> Result<usize, Problem> {
        let rows = self.numbers(pattern);
        if rows.is_empty() {
            return Ok(0);
        }
        if matches!(pattern.rows, Rows::Header | Rows::Footer) {
            return Err(Problem::new(
                "edit.row",
                "the header and footer of a CSV message cannot be removed: the option that makes \
                 them would make the next row one",
            ));
        }
        let left = self.rows.count() - rows.len();
        if left == 0 || (left == 1 && self.parts.footer) {
            return Err(Problem::new(
                "edit.whole",
                "a CSV message keeps at least one row, and one data row before a footer without \
                 header: write an empty value instead",
            ));
        }
        let start_of = |row| self.rows.start(&self.bytes, self.options.delimiter, row, None);
        let start = start_of(rows.start).unwrap_or(self.bytes.len());
        let cut = match start_of(rows.end) {
            Some(end) => start..end,
            None if self.has_last_end() => start..self.bytes.len(),
            // The new last row has no row end either, unless it is one alone.
            None => self.content_end_before(rows.start).unwrap_or(start)..self.bytes.len(),
        };
        let meet = self.is_between_cr_lf(cut.start, cut.end);
        self.bytes.splice(cut, if meet { EMPTY_QUOTED } else { b"" }.iter().copied());
        self.read_on(rows.start.saturating_sub(1));
        Ok(rows.len())
    }

    /// Where the content of the row before ends; `None` when it has none.
    fn content_end_before(&self, row: usize) -> Option<usize> {
        let content = self.row(row.checked_sub(1)?)?.content;
        (content.start < content.end).then_some(content.end)
    }

    fn remove_columns(&mut self, pattern: &CsvPath) -> Result<usize, Problem> {
        let mut cuts = Vec::new();
        for row in self.numbers(pattern) {
            let Some((column, field)) = self.matching(row, pattern).next() else { continue };
            let follows = fields_from(&self.bytes, field.start, self.options.delimiter)
                .next()
                .map(|(_, follows)| follows);
            let only = column == 0 && follows != Some(Follows::Delimiter);
            if only || pattern.column == Some(Column::Every) {
                return Err(Problem::new(
                    "edit.whole",
                    "a CSV row keeps at least one column: write an empty value instead",
                ));
            }
            // With the delimiter before it; the first column has only the one after.
            let start = if column == 0 { field.start } else { field.start - 1 };
            cuts.push((row, start, field.end + usize::from(column == 0)));
        }
        let Some(&(first, ..)) = cuts.first() else { return Ok(0) };
        let mut kept = Vec::with_capacity(self.bytes.len());
        let mut from = 0;
        for &(row, start, end) in &cuts {
            kept.extend_from_slice(self.bytes.get(from..start).unwrap_or_default());
            let content = self.row(row).map(|row| row.content);
            let emptied = content.filter(|content| content.end - content.start == end - start);
            if emptied.is_some_and(|content| self.would_vanish(row, content)) {
                kept.extend_from_slice(EMPTY_QUOTED);
            }
            from = end;
        }
        kept.extend_from_slice(self.bytes.get(from..).unwrap_or_default());
        self.bytes = kept;
        self.read_on(first.saturating_sub(1));
        Ok(cuts.len())
    }

    /// After an edit that left all rows before one as they were.
    fn read_on(&mut self, row: usize) {
        self.rows.read_on(&self.bytes, self.options.delimiter, row);
        self.cursor.forget();
        self.find_parts();
    }
}

fn no_such_name() -> Problem {
    Problem::new(
        "path.name",
        "no column has that name: neither a header row (HasHeader) nor the Header option tells it",
    )
}
