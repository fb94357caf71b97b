//! New segments and repetitions.
//!
//! Deliberately does not know: where lines stand in memory.

use super::Hl7;
use super::edit::{
    Change, at, fill, holds_framing, not_in_use, pattern, read_only, refuse_verbatim,
};
use super::escape::unwritable;
use super::path::{Element, Hl7Path};
use super::read::field_range;
use super::segments::{Name, name_of_line, too_many_segments};
use super::split::part;
use super::writing::Writing;
use crate::Problem;

/// Where a new line comes to stand.
#[derive(Clone, Copy)]
enum Beside {
    /// In front of the line with this number, which is not the first.
    Before(usize),
    After(usize),
}

impl Hl7 {
    /// Appends one or more segments, separated by CR, LF or CRLF, behind the
    /// last line. They are written with the message's own terminator.
    ///
    /// # Errors
    /// `edit.structure` for a line that is no segment, or that is a header;
    /// `edit.charset`, `limit.segments`, `limit.message-bytes`.
    pub fn append(&mut self, text: &str) -> Result<(), Problem> {
        let delimiters = *self.store.table.last_delimiters();
        let writing = self.writing(text);
        let mut lines = Vec::new();
        for (number, line) in text.split(['\r', '\n']).filter(|line| !line.is_empty()).enumerate() {
            refuse_line(line, delimiters.field).map_err(|problem| {
                problem.at(format!("line {} of the appended text", number + 1))
            })?;
            let raw = writing.charset.encode(line).map_err(|n| unwritable(line, n))?;
            lines.push(raw.into_owned());
        }
        if lines.is_empty() {
            return Ok(());
        }
        self.add_lines(Beside::After(self.last_line()), &lines, writing)
    }

    /// Inserts wire text in front of a place, which moves up by one.
    ///
    /// In front of `OBX[2]` the text is one segment line, of that name or of
    /// another. In front of `PID-3[2]` it is a repetition. One place behind the
    /// last appends: a segment behind the last one of that name, else at the end.
    ///
    /// # Errors
    /// `edit.insert` for components, and where a gap would arise; `edit.structure`
    /// for text that holds a terminator or framing byte, or that is no segment
    /// line; `edit.read-only` for header segments, MSH-1 and MSH-2,
    /// `path.pattern`, `edit.delimiter`, `edit.charset`, `limit.index`,
    /// `limit.segments`, `limit.message-bytes`. The message is then unchanged.
    pub fn insert(&mut self, path: &Hl7Path, text: &str) -> Result<(), Problem> {
        if path.is_pattern() {
            return Err(pattern(path));
        }
        match &path.element {
            None => self.insert_segment(path, text.trim_end_matches(['\r', '\n'])),
            Some(element) => self.insert_repetition(path, element, text),
        }
    }

    fn insert_segment(&mut self, path: &Hl7Path, text: &str) -> Result<(), Problem> {
        if path.segment.is_header() {
            return Err(read_only(path, "nothing can be put in front of a header"));
        }
        refuse_line(text, self.delimiters_at(path).field).map_err(|problem| at(path, problem))?;
        let occurrence = path.occurrence.number();
        let table = &self.store.table;
        let beside = match table.position(path.segment, occurrence) {
            Some(position) => Beside::Before(position),
            None if occurrence == table.count(path.segment) + 1 => {
                Beside::After(table.last(path.segment).unwrap_or_else(|| self.last_line()))
            }
            None => return Err(gap(path, table.count(path.segment))),
        };
        let writing = self.writing(text);
        let raw = writing.charset.encode(text).map_err(|n| at(path, unwritable(text, n)))?;
        self.add_lines(beside, &[raw], writing).map_err(|problem| at(path, problem))
    }

    fn insert_repetition(
        &mut self,
        path: &Hl7Path,
        element: &Element,
        text: &str,
    ) -> Result<(), Problem> {
        refuse_verbatim(path, element)?;
        if !element.is_repetition() {
            return Err(at(
                path,
                Problem::new(
                    "edit.insert",
                    "components have fixed places; only segments and \
                     repetitions can be inserted",
                ),
            ));
        }
        if text.contains(['\r', '\n']) || holds_framing(text) {
            return Err(at(
                path,
                Problem::new("edit.structure", "a repetition must not hold CR, LF, VT or FS"),
            ));
        }
        self.refuse_index(path)?;
        let number = element.repetition.number();
        let table = &self.store.table;
        let existing = self.count(path);
        if number > existing + 1 {
            return Err(gap(path, existing));
        }
        let position = table.position(path.segment, path.occurrence.number());
        if position.is_none() && path.occurrence.number() > table.count(path.segment) + 1 {
            return Err(gap(path, table.count(path.segment)));
        }
        let writing = self.writing(text);
        let raw = writing.charset.encode(text).map_err(|n| at(path, unwritable(text, n)))?;
        match position {
            Some(position) if existing > 0 => {
                let change = self
                    .repetition_before(position, element, number, &raw)
                    .ok_or_else(|| at(path, not_in_use("repetition")))?;
                self.change_line(position, change.range, &change.bytes, writing)
                    .map_err(|problem| at(path, problem))
            }
            _ => self.write(path, &raw, writing),
        }
    }

    /// The change that puts a repetition beside those that there are.
    fn repetition_before(
        &self,
        position: usize,
        element: &Element,
        number: usize,
        raw: &[u8],
    ) -> Option<Change> {
        let segment = self.store.table.get(position)?;
        let delimiters = self.store.table.delimiters(position);
        let separator = delimiters.repetition?;
        let line = self.line(segment);
        let field = field_range(line, segment.name, element.field, delimiters)?;
        let mut bytes = Vec::with_capacity(raw.len() + 1);
        let place = match part(line.get(field.clone())?, Some(separator), number) {
            Ok(found) => {
                bytes.extend_from_slice(raw);
                bytes.push(separator);
                field.start + found.start
            }
            Err(_) => {
                bytes.push(separator);
                bytes.extend_from_slice(raw);
                field.end
            }
        };
        Some(Change { range: place..place, bytes })
    }

    /// Adds the occurrences up to the wanted one behind the last segment of
    /// that name, else behind the last line.
    pub(super) fn write_new_segment(
        &mut self,
        path: &Hl7Path,
        raw: &[u8],
        writing: Writing,
    ) -> Result<(), Problem> {
        if path.segment.is_header() {
            return Err(read_only(path, "a header segment cannot be created by a write"));
        }
        let table = &self.store.table;
        let added = path.occurrence.number() - table.count(path.segment);
        if table.segments().len() + added > self.limits.segments {
            return Err(at(path, too_many_segments(&self.limits)));
        }
        let behind = table.last(path.segment).unwrap_or_else(|| self.last_line());
        let name = path.segment.characters();
        let line = match &path.element {
            None => raw.to_vec(),
            Some(element) => {
                let change = fill(&name, path.segment, element, &self.delimiters_at(path), raw)
                    .map_err(|problem| at(path, problem))?;
                [name.as_slice(), &change.bytes].concat()
            }
        };
        let mut lines = vec![name.to_vec(); added - 1];
        lines.push(line);
        self.add_lines(Beside::After(behind), &lines, writing).map_err(|problem| at(path, problem))
    }

    /// Puts lines beside a line. One that stands among lines that end alike is
    /// only put there; else the message is indexed again.
    fn add_lines(
        &mut self,
        beside: Beside,
        lines: &[impl AsRef<[u8]>],
        writing: Writing,
    ) -> Result<(), Problem> {
        if self.store.table.segments().len() + lines.len() > self.limits.segments {
            return Err(too_many_segments(&self.limits));
        }
        let is_plain = self.store.has_plain_lines();
        let (Beside::Before(position) | Beside::After(position)) = beside;
        let at_end = position + 1 == self.store.table.segments().len();
        let declares = |line: &[u8]| Name::start_of(line).is_none_or(Name::is_trailer);
        let are_simple = !lines.iter().any(|line| declares(line.as_ref()));
        if !is_plain || !are_simple || (lines.len() > 1 && !at_end) {
            return self.rebuild_with(beside, lines, writing);
        }
        let terminator = self.store.terminator_at(position).len();
        let length = |line: &dyn AsRef<[u8]>| line.as_ref().len() + terminator;
        let added = lines.iter().map(|line| length(line)).sum();
        self.store.refuse_length(0, added, &self.limits)?;
        for line in lines {
            self.prepare(&writing, line.as_ref())?;
        }
        for (number, line) in lines.iter().enumerate() {
            match beside {
                Beside::Before(position) => self.store.insert_before(position, line.as_ref()),
                Beside::After(position) => {
                    self.store.insert_after(position + number, line.as_ref());
                }
            }
        }
        self.settle(writing);
        Ok(())
    }

    fn rebuild_with(
        &mut self,
        beside: Beside,
        lines: &[impl AsRef<[u8]>],
        writing: Writing,
    ) -> Result<(), Problem> {
        self.store.arrange();
        let mut inserted = Vec::new();
        let range_of = |position| self.store.table.get(position).map_or(0..0, |it| it.range());
        let place = match beside {
            Beside::Before(position) => {
                let terminator = self.store.terminator_at(position.saturating_sub(1));
                for line in lines {
                    inserted.extend_from_slice(line.as_ref());
                    inserted.extend_from_slice(terminator);
                }
                range_of(position).start
            }
            Beside::After(position) => {
                let terminator = self.store.terminator_at(position);
                for line in lines {
                    inserted.extend_from_slice(terminator);
                    inserted.extend_from_slice(line.as_ref());
                }
                range_of(position).end
            }
        };
        self.rebuild(std::iter::once(place..place), &inserted, writing)
    }

    fn last_line(&self) -> usize {
        self.store.table.segments().len().saturating_sub(1)
    }
}

/// Refuses what is not one line of a segment other than a header.
fn refuse_line(line: &str, field: u8) -> Result<(), Problem> {
    let name = name_of_line(line.as_bytes(), field);
    let is_line = !line.contains(['\r', '\n']) && !holds_framing(line);
    if is_line && name != Name::NONE && !name.is_header() {
        return Ok(());
    }
    Err(Problem::new(
        "edit.structure",
        "a new line must be a segment other than a header: a name of three capital letters or \
         digits, then the message's field separator",
    ))
}

fn gap(path: &Hl7Path, existing: usize) -> Problem {
    at(
        path,
        Problem::new(
            "edit.insert",
            format!(
                "there are {existing} places of that kind; up to number {} can be inserted",
                existing + 1
            ),
        ),
    )
}
