//! Changing a message in place.
//!
//! An edit is one splice into the bytes. Deliberately does not know: what the
//! fields mean.
//!
//! # Invariants
//! - Bytes outside the edited place never change.
//! - After every edit the segment table is the one that indexing the bytes
//!   again would give; a refused edit changes nothing.
//! - No edit lets a bare terminator or framing byte reach the wire in a value.

use std::ops::Range;

use memchr::{memchr, memrchr2};

use super::charset::{CharacterSet, Declared, Transcoding};
use super::delimiters::Delimiters;
use super::escape::{escape, unwritable};
use super::path::{Element, Hl7Path, Index};
use super::read::{field_part, is_verbatim};
use super::segments::{Name, SegmentTable, name_of_line, too_many_bytes};
use super::split::part;
use super::{Hl7, Transcoded, header};
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
    pub fn set(&mut self, path: &Hl7Path, value: &str) -> Result<(), Problem> {
        refuse_unless_one_value(path)?;
        if self.place(path).is_some() && self.text(path) == value {
            return Ok(());
        }
        let writing = self.writing(value);
        let delimiters = self.delimiters_at(path);
        let raw = escape(value, &delimiters, writing.charset).map_err(|p| at(path, p))?;
        self.write(path, &raw, writing)
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
        let text = match path.element {
            None => text.trim_end_matches(['\r', '\n']),
            Some(_) => text,
        };
        self.refuse_structure(path, text)?;
        if self.structure(path).as_deref() == Some(text) {
            return Ok(());
        }
        let writing = self.writing(text);
        let raw = writing.charset.encode(text).map_err(|n| at(path, unwritable(text, n)))?;
        self.write(path, &raw, writing)
    }

    /// Appends one or more segments, separated by CR, LF or CRLF, behind the
    /// last line. They are written with the message's own terminator.
    ///
    /// # Errors
    /// `edit.structure` for a line that is no segment, or that is a header;
    /// `edit.charset`, `limit.segments`, `limit.message-bytes`.
    pub fn append(&mut self, text: &str) -> Result<(), Problem> {
        let delimiters = *self.table.last_delimiters();
        let mut lines = Vec::new();
        for (number, line) in text.split(['\r', '\n']).filter(|line| !line.is_empty()).enumerate() {
            let name = name_of_line(line.as_bytes(), delimiters.field);
            if name == Name::NONE || name.is_header() || holds_framing(line) {
                return Err(Problem::new(
                    "edit.structure",
                    "an appended line must be a segment other than a header: a name of three \
                     capital letters or digits, then the message's field separator",
                )
                .at(format!("line {} of the appended text", number + 1)));
            }
            lines.push(line);
        }
        if lines.is_empty() {
            return Ok(());
        }
        let writing = self.writing(text);
        let end = self.table.segments().last().map_or(self.text.len(), |last| last.range().end);
        let terminator = self.terminator_at(end);
        let mut inserted = Vec::with_capacity(text.len() + lines.len() * 2);
        for line in lines {
            inserted.extend_from_slice(terminator);
            inserted
                .extend_from_slice(&writing.charset.encode(line).map_err(|n| unwritable(line, n))?);
        }
        self.rebuild(std::iter::once(end..end), &inserted, writing)
    }

    /// Inserts wire text before a place.
    ///
    /// # Errors
    /// `edit.insert`.
    pub fn insert(&mut self, _: &Hl7Path, _: &str) -> Result<(), Problem> {
        Err(Problem::new("edit.insert", "insertion is not available for this format"))
    }

    /// Writes raw bytes at a place and creates what is missing.
    fn write(&mut self, path: &Hl7Path, raw: &[u8], writing: Writing) -> Result<(), Problem> {
        self.refuse_index(path)?;
        match self.table.position(path.segment, path.occurrence.number()) {
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
        let Some(segment) = self.table.get(position).copied() else { return Ok(()) };
        let delimiters = *self.table.delimiters(position);
        let old = segment.range();
        let Some(element) = &path.element else {
            return self.rebuild(std::iter::once(old), raw, writing);
        };
        let change = fill(self.line(&segment), segment.name, element, &delimiters, raw)
            .map_err(|problem| at(path, problem))?;
        let range = old.start + change.range.start..old.start + change.range.end;
        let bytes = self.text.len() - range.len() + change.bytes.len();
        if bytes > self.limits.message_bytes.min(u32::MAX as usize) {
            return Err(too_many_bytes(bytes, &self.limits));
        }
        self.prepare(&writing, &change.bytes)?;
        self.table.resize(position, range.len(), change.bytes.len());
        self.text.splice(range, change.bytes);
        self.settle(writing);
        Ok(())
    }

    /// Adds the occurrences up to the wanted one behind the last segment of
    /// that name, else behind the last line.
    fn write_new_segment(
        &mut self,
        path: &Hl7Path,
        raw: &[u8],
        writing: Writing,
    ) -> Result<(), Problem> {
        if path.segment.is_header() {
            return Err(read_only(path, "a header segment cannot be created by a write"));
        }
        let existing = self.table.segments().iter().filter(|s| s.name == path.segment).count();
        let added = path.occurrence.number() - existing;
        if self.table.segments().len() + added > self.limits.segments {
            return Err(at(path, super::segments::too_many_segments(&self.limits)));
        }
        let last = match existing {
            0 => self.table.segments().last(),
            _ => self.table.segments().iter().rfind(|segment| segment.name == path.segment),
        };
        let end = last.map_or(self.text.len(), |last| last.range().end);
        let delimiters = self.delimiters_at(path);
        let name = path.segment.characters();
        let terminator = self.terminator_at(end);
        let mut inserted = Vec::with_capacity(added * 5 + raw.len());
        for _ in 0..added {
            inserted.extend_from_slice(terminator);
            inserted.extend_from_slice(&name);
        }
        match &path.element {
            None => {
                inserted.truncate(inserted.len() - name.len());
                inserted.extend_from_slice(raw);
            }
            Some(element) => {
                let change = fill(&name, path.segment, element, &delimiters, raw)
                    .map_err(|problem| at(path, problem))?;
                inserted.extend_from_slice(&change.bytes);
            }
        }
        self.rebuild(std::iter::once(end..end), &inserted, writing)
    }

    /// Replaces ranges (in order, not overlapping) by the bytes, put in the
    /// place of the first, and indexes again. Nothing changes when that fails.
    pub(super) fn rebuild(
        &mut self,
        ranges: impl IntoIterator<Item = Range<usize>>,
        bytes: &[u8],
        writing: Writing,
    ) -> Result<(), Problem> {
        let mut text = Vec::with_capacity(self.text.len() + bytes.len());
        let mut kept_from = 0;
        for (number, range) in ranges.into_iter().enumerate() {
            text.extend_from_slice(self.text.get(kept_from..range.start).unwrap_or_default());
            if number == 0 {
                text.extend_from_slice(bytes);
            }
            kept_from = range.end;
        }
        text.extend_from_slice(self.text.get(kept_from..).unwrap_or_default());
        let table = SegmentTable::index(&text, &self.limits)?;
        self.prepare(&writing, bytes)?;
        self.text = text;
        self.table = table;
        self.settle(writing);
        Ok(())
    }

    /// How text is to be written into this message.
    pub(super) fn writing(&self, text: &str) -> Writing {
        if let Some(charset) = self.charset {
            return Writing { charset, settles: false, transcoding: None };
        }
        if text.is_ascii() {
            return Writing { charset: CharacterSet::Utf8, settles: false, transcoding: None };
        }
        let (charset, transcoding) = match header::declared_charset(&self.text) {
            Declared::Set(charset) => (charset, None),
            Declared::Transcoded(table @ Transcoding::Table(_)) => {
                (CharacterSet::Utf8, Some(table))
            }
            Declared::Nothing | Declared::Unknown | Declared::Transcoded(_) => {
                (CharacterSet::Utf8, None)
            }
        };
        Writing { charset, settles: true, transcoding }
    }

    /// Refuses an edit that the message's own character set could not hold.
    fn prepare(&self, writing: &Writing, bytes: &[u8]) -> Result<(), Problem> {
        let transcoding = match &self.transcoded {
            Some(transcoded) => {
                let same = |written: Vec<u8>| written == transcoded.written;
                let text = String::from_utf8_lossy(&self.text);
                if !transcoded.transcoding.encode(&text).is_ok_and(same) {
                    return Err(Problem::new(
                        "edit.charset",
                        "the message holds bytes that its character set does not define; it \
                         cannot be changed without losing them",
                    ));
                }
                transcoded.transcoding
            }
            None => match writing.transcoding {
                Some(transcoding) => transcoding,
                None => return Ok(()),
            },
        };
        let text = String::from_utf8_lossy(bytes);
        transcoding.encode(&text).map_err(|written| unwritable(&text, written)).map(|_| ())
    }

    /// Records the character set that an edit decided, and writes a transcoded
    /// message in its own set again.
    fn settle(&mut self, writing: Writing) {
        if writing.settles {
            self.charset = Some(writing.charset);
        }
        if let Some(transcoding) = writing.transcoding {
            self.transcoded = Some(Box::new(Transcoded { transcoding, written: Vec::new() }));
        }
        if let Some(transcoded) = &mut self.transcoded {
            let text = String::from_utf8_lossy(&self.text);
            // `prepare` proved that old text and new bytes can be written.
            transcoded.written = transcoded.transcoding.encode(&text).unwrap_or_default();
        }
    }

    /// The delimiters of the segment that a path names, or would create.
    fn delimiters_at(&self, path: &Hl7Path) -> Delimiters {
        self.table
            .position(path.segment, path.occurrence.number())
            .or_else(|| self.table.segments().iter().rposition(|s| s.name == path.segment))
            .map_or(*self.table.last_delimiters(), |position| *self.table.delimiters(position))
    }

    /// The terminator of the line that ends here, or of the one before; CR where
    /// there is none. Another one than the neighbours' could change how they are
    /// read: a bare LF is data only where CR ends lines.
    fn terminator_at(&self, end: usize) -> &'static [u8] {
        let before = self.text.get(..end).unwrap_or_default();
        let from = match self.text.get(end) {
            Some(b'\r' | b'\n') => end,
            _ => match memrchr2(b'\r', b'\n', before) {
                Some(last) if before.get(..last).is_some_and(|it| it.ends_with(b"\r")) => last - 1,
                Some(last) => last,
                None => return b"\r",
            },
        };
        match self.text.get(from..).unwrap_or_default() {
            [b'\r', b'\n', ..] => b"\r\n",
            [b'\n', ..] if !self.is_mixed() => b"\n",
            _ => b"\r",
        }
    }

    /// Does a CR follow the first bare LF? Then a bare LF ends a line only in
    /// front of a segment, and CR is the safe one to write.
    fn is_mixed(&self) -> bool {
        let mut before = 0;
        let bare = self.text.iter().position(|byte| {
            let is_bare = *byte == b'\n' && before != b'\r';
            before = *byte;
            is_bare
        });
        let rest = bare.and_then(|first| self.text.get(first..)).unwrap_or_default();
        memchr(b'\r', rest).is_some()
    }

    fn refuse_index(&self, path: &Hl7Path) -> Result<(), Problem> {
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

/// How an edit is encoded, and what it decides about the message.
#[derive(Clone, Copy)]
pub(super) struct Writing {
    charset: CharacterSet,
    /// Whether this edit decides the character set: the first text outside
    /// ASCII does.
    settles: bool,
    transcoding: Option<Transcoding>,
}

/// One splice into a line.
struct Change {
    range: Range<usize>,
    bytes: Vec<u8>,
}

/// The splice that puts raw bytes at an element of a line: the separators that
/// are missing, then the bytes.
fn fill(
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

fn not_in_use(level: &str) -> Problem {
    Problem::new(
        "edit.delimiter",
        format!("MSH-2 declares no {level} separator, so only {level} 1 can be written"),
    )
}

fn holds_framing(text: &str) -> bool {
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

fn refuse_verbatim(path: &Hl7Path, element: &Element) -> Result<(), Problem> {
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

fn pattern(path: &Hl7Path) -> Problem {
    at(path, Problem::new("path.pattern", "a write needs one place; find lists those of [*]"))
}

fn at(path: &Hl7Path, problem: Problem) -> Problem {
    problem.at(path.to_string())
}
