//! Changing a message in place.
//!
//! An edit is one splice into a line. Deliberately does not know: where lines
//! stand in memory, what the fields mean.
//!
//! # Invariants
//! - Bytes outside the edited place never change.
//! - After every edit the segment table is the one that indexing the bytes
//!   again would give; a refused edit changes nothing.
//! - No edit lets a bare terminator or framing byte reach the wire in a value.

use std::ops::Range;

use super::Hl7;
use super::delimiters::Delimiters;
use super::escape::{escape, unwritable};
use super::path::{Element, Hl7Path, Index};
use super::read::{field_part, is_verbatim};
use super::segments::{Name, Segment, SegmentTable, name_of_line};
use super::split::part;
use super::store::Store;
use super::writing::Writing;
use crate::Problem;

impl Hl7 {
    /// Writes a value: escapes it, creates missing segments, fields,
    /// repetitions, components and sub-components, and replaces everything
    /// below the place. Writing the value that is already there changes nothing.
    ///
    /// # Errors
    /// `edit.read-only` for MSH-1, MSH-2 and whole segments, `path.pattern` for
    /// `[*]`, `edit.delimiter` for a level whose delimiter MSH-2 does not
    /// declare, `edit.escape`, `edit.charset`, `limit.index`,
    /// `limit.segments`, `limit.message-bytes`. The message is then unchanged.
    ///
    /// A new name of a character set in MSH-18 is made true: the message is written in it.
    pub fn set(&mut self, path: &Hl7Path, value: &str) -> Result<(), Problem> {
        match self.may_redeclare(path) {
            true => self.redeclare(path, |message| message.set_value(path, value)),
            false => self.set_value(path, value),
        }
    }

    fn set_value(&mut self, path: &Hl7Path, value: &str) -> Result<(), Problem> {
        refuse_unless_one_value(path)?;
        let writing = self.writing(value);
        let Some((position, place)) = self.found(path) else {
            let delimiters = self.delimiters_at(path);
            let raw = escape(value, &delimiters, writing.charset).map_err(|p| at(path, p))?;
            return self.write(path, &raw, writing);
        };
        if self.place_text(&place) == value {
            return Ok(());
        }
        self.refuse_index(path)?;
        let raw = escape(value, place.delimiters, writing.charset).map_err(|p| at(path, p))?;
        let range = self.range_in_line(position, place.raw);
        self.change_line(position, range, &raw, writing)
    }

    /// Writes the explicit null: two quote characters, which ask the reader to
    /// delete what it holds.
    ///
    /// # Errors
    /// As for [`Hl7::set`].
    pub fn set_null(&mut self, path: &Hl7Path) -> Result<(), Problem> {
        refuse_unless_one_value(path)?;
        if self.structure(path).as_deref() == Some("\"\"") {
            return Ok(());
        }
        self.write(path, b"\"\"", self.writing(""))
    }

    /// Writes wire text, which may bring separators and escapes of its own.
    /// `PID-3[*]` is the whole field, `OBX[2]` a whole segment line.
    ///
    /// # Errors
    /// As for [`Hl7::set`], and `edit.structure` for text that holds a
    /// terminator or framing byte, or that is no line of that segment.
    pub fn set_structure(&mut self, path: &Hl7Path, text: &str) -> Result<(), Problem> {
        match self.may_redeclare(path) {
            true => self.redeclare(path, |message| message.set_raw(path, text)),
            false => self.set_raw(path, text),
        }
    }

    fn set_raw(&mut self, path: &Hl7Path, text: &str) -> Result<(), Problem> {
        let whole = text;
        let text = match path.element {
            None => whole.trim_end_matches(['\r', '\n']),
            Some(_) => whole,
        };
        self.refuse_structure(path, text)?;
        // A line feed at the end of a segment may be data of it, and stays when it is
        // written back.
        if self.structure(path).is_some_and(|now| now == text || now == whole) {
            return Ok(());
        }
        let writing = self.writing(text);
        let raw = writing.charset.encode(text).map_err(|n| at(path, unwritable(text, n)))?;
        self.write(path, &raw, writing)
    }

    /// Writes raw bytes at a place and creates what is missing.
    pub(super) fn write(
        &mut self,
        path: &Hl7Path,
        raw: &[u8],
        writing: Writing,
    ) -> Result<(), Problem> {
        self.refuse_index(path)?;
        match self.store.table.position(path.segment, path.occurrence.number()) {
            Some(position) => self.write_in_line(path, position, raw, writing),
            None => self.write_new_segment(path, raw, writing),
        }
    }

    fn write_in_line(
        &mut self,
        path: &Hl7Path,
        position: usize,
        raw: &[u8],
        writing: Writing,
    ) -> Result<(), Problem> {
        let Some(segment) = self.store.table.get(position).copied() else { return Ok(()) };
        let Some(element) = &path.element else {
            return self.write_line(position, segment, raw, writing);
        };
        let delimiters = *self.store.table.delimiters(position);
        let change = fill(self.line(&segment), segment.name, element, &delimiters, raw)
            .map_err(|problem| at(path, problem))?;
        self.change_line(position, change.range, &change.bytes, writing)
    }

    /// Where bytes that were found in a line stand in it.
    fn range_in_line(&self, position: usize, found: &[u8]) -> Range<usize> {
        let line = self.store.table.get(position).map(|segment| self.line(segment));
        let line = line.unwrap_or_default().as_ptr().addr();
        let start = found.as_ptr().addr().saturating_sub(line);
        start..start + found.len()
    }

    /// Replaces a part of a line.
    pub(super) fn change_line(
        &mut self,
        position: usize,
        range: Range<usize>,
        bytes: &[u8],
        writing: Writing,
    ) -> Result<(), Problem> {
        self.store.refuse_length(range.len(), bytes.len(), &self.limits)?;
        self.prepare(&writing, bytes)?;
        self.store.replace(position, range, bytes);
        self.settle(writing);
        Ok(())
    }

    fn write_line(
        &mut self,
        position: usize,
        segment: Segment,
        raw: &[u8],
        writing: Writing,
    ) -> Result<(), Problem> {
        let declares = segment.name.is_header() || segment.name.is_trailer();
        if !declares && self.store.has_plain_lines() {
            let range = 0..segment.range().len();
            return self.change_line(position, range, raw, writing);
        }
        self.store.arrange();
        let old = self.store.table.get(position).map_or(0..0, Segment::range);
        self.rebuild(std::iter::once(old), raw, writing)
    }

    /// Replaces ranges of the arranged message (in order, not overlapping) by
    /// the bytes, put in the place of the first, and indexes again. Nothing
    /// changes when that fails.
    pub(super) fn rebuild(
        &mut self,
        ranges: impl IntoIterator<Item = Range<usize>>,
        bytes: &[u8],
        writing: Writing,
    ) -> Result<(), Problem> {
        let old = &self.store.bytes;
        let mut text = Vec::with_capacity(old.len() + bytes.len());
        let mut kept_from = 0;
        for (number, range) in ranges.into_iter().enumerate() {
            text.extend_from_slice(old.get(kept_from..range.start).unwrap_or_default());
            if number == 0 {
                text.extend_from_slice(bytes);
            }
            kept_from = range.end;
        }
        text.extend_from_slice(old.get(kept_from..).unwrap_or_default());
        let table = SegmentTable::index(&text, &self.limits)?;
        self.prepare(&writing, bytes)?;
        self.store = Store::new(text, table);
        self.settle(writing);
        Ok(())
    }

    /// The delimiters of the segment that a path names, or would create.
    pub(super) fn delimiters_at(&self, path: &Hl7Path) -> Delimiters {
        self.store
            .table
            .position(path.segment, path.occurrence.number())
            .or_else(|| self.store.table.last(path.segment))
            .map_or(*self.store.table.last_delimiters(), |position| {
                *self.store.table.delimiters(position)
            })
    }

    pub(super) fn refuse_index(&self, path: &Hl7Path) -> Result<(), Problem> {
        let Some(element) = path.element else { return Ok(()) };
        let highest = usize::from(element.field.max(element.component).max(element.subcomponent))
            .max(element.repetition.number());
        if highest <= self.limits.index {
            return Ok(());
        }
        Err(at(
            path,
            Problem::new(
                "limit.index",
                format!("a write may name numbers up to {}; found {highest}", self.limits.index),
            ),
        ))
    }

    fn refuse_structure(&self, path: &Hl7Path, text: &str) -> Result<(), Problem> {
        if path.occurrence == Index::Every {
            return Err(pattern(path));
        }
        if text.contains(['\r', '\n']) || holds_framing(text) {
            return Err(at(
                path,
                Problem::new(
                    "edit.structure",
                    "structure text must not hold CR, LF, VT or FS; use append for new segments",
                ),
            ));
        }
        let Some(element) = &path.element else {
            return self.refuse_segment_text(path, text);
        };
        if element.repetition == Index::Every && !element.is_repetition() {
            return Err(pattern(path));
        }
        refuse_verbatim(path, element)
    }

    fn refuse_segment_text(&self, path: &Hl7Path, text: &str) -> Result<(), Problem> {
        let delimiters = self.delimiters_at(path);
        let name = name_of_line(text.as_bytes(), delimiters.field);
        let same = !name.is_header() || Delimiters::read(text.as_bytes()) == Ok(delimiters);
        if name == path.segment && same {
            return Ok(());
        }
        Err(at(
            path,
            Problem::new(
                "edit.structure",
                "the text must be one line of that segment with the message's own delimiters",
            ),
        ))
    }
}

/// One splice into a line.
pub(super) struct Change {
    pub(super) range: Range<usize>,
    pub(super) bytes: Vec<u8>,
}

/// The splice that puts raw bytes at an element of a line: the separators that
/// are missing, then the bytes.
pub(super) fn fill(
    line: &[u8],
    name: Name,
    element: &Element,
    delimiters: &Delimiters,
    raw: &[u8],
) -> Result<Change, Problem> {
    let mut bytes = Vec::with_capacity(raw.len() + 16);
    let mut range = match field_part(line, name, element.field, delimiters) {
        Ok(range) => range,
        Err(parts) => {
            let wanted = usize::from(element.field) + usize::from(!name.is_header());
            bytes.resize(wanted - parts, delimiters.field);
            line.len()..line.len()
        }
    };
    let repetition = match element.repetition {
        Index::Every => None,
        Index::Number(number) => Some((delimiters.repetition, number, "repetition")),
    };
    let below = [
        (delimiters.component, element.component, "component"),
        (delimiters.subcomponent, element.subcomponent, "sub-component"),
    ];
    for (separator, number, level) in repetition.into_iter().chain(below) {
        if number == 0 {
            break;
        }
        let within = line.get(range.clone()).unwrap_or_default();
        match (part(within, separator, usize::from(number)), separator) {
            (Ok(found), _) => range = range.start + found.start..range.start + found.end,
            (Err(parts), Some(separator)) => {
                bytes.resize(bytes.len() + usize::from(number) - parts, separator);
                range = range.end..range.end;
            }
            (Err(_), None) => return Err(not_in_use(level)),
        }
    }
    bytes.extend_from_slice(raw);
    Ok(Change { range, bytes })
}

pub(super) fn not_in_use(level: &str) -> Problem {
    Problem::new(
        "edit.delimiter",
        format!("MSH-2 declares no {level} separator, so only {level} 1 can be written"),
    )
}

pub(super) fn holds_framing(text: &str) -> bool {
    text.contains(['\u{0B}', '\u{1C}'])
}

fn refuse_unless_one_value(path: &Hl7Path) -> Result<(), Problem> {
    if path.is_pattern() {
        return Err(pattern(path));
    }
    match &path.element {
        None => Err(read_only(path, "a whole segment is written as structure, not as a value")),
        Some(element) => refuse_verbatim(path, element),
    }
}

pub(super) fn refuse_verbatim(path: &Hl7Path, element: &Element) -> Result<(), Problem> {
    if is_verbatim(path.segment, element.field) {
        return Err(read_only(path, "the delimiters of a message are changed by re-encoding it"));
    }
    if element.component_index > 1 {
        return Err(read_only(path, "a component does not repeat"));
    }
    Ok(())
}

pub(super) fn read_only(path: &Hl7Path, why: &str) -> Problem {
    at(path, Problem::new("edit.read-only", why))
}

pub(super) fn pattern(path: &Hl7Path) -> Problem {
    at(path, Problem::new("path.pattern", "a write needs one place; find lists those of [*]"))
}

pub(super) fn at(path: &Hl7Path, problem: Problem) -> Problem {
    problem.at(path.to_string())
}
