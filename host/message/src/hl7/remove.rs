//! Removing what a pattern matches.

use std::ops::Range;

use super::Hl7;
use super::edit::read_only;
use super::find::Match;
use super::path::{Element, Hl7Path, Index};
use super::read::{field_range, is_verbatim};
use super::segments::SegmentTable;
use super::split::part;
use super::store::{Store, terminator_length};
use crate::Problem;

impl Hl7 {
    /// Removes what a path or pattern matches and answers how many places that
    /// was.
    ///
    /// A segment goes with its terminator. A repetition goes with its separator,
    /// so later ones move up; the last one left leaves an empty field. A
    /// component or sub-component has a fixed position, so its place stays and
    /// is emptied.
    ///
    /// # Errors
    /// `edit.read-only` for header segments, MSH-1 and MSH-2.
    pub fn remove(&mut self, pattern: &Hl7Path) -> Result<usize, Problem> {
        let verbatim = pattern.element.is_some_and(|e| is_verbatim(pattern.segment, e.field));
        if verbatim || (pattern.is_segment() && pattern.segment.is_header()) {
            return Err(read_only(pattern, "headers and their delimiters cannot be removed"));
        }
        let Some(element) = &pattern.element else { return self.remove_segments(pattern) };
        self.remove_elements(pattern, element)
    }

    fn remove_segments(&mut self, pattern: &Hl7Path) -> Result<usize, Problem> {
        let positions: Vec<usize> = self.matches(pattern).map(|found| found.position).collect();
        if positions.is_empty() {
            return Ok(0);
        }
        let writing = self.writing("");
        self.prepare(&writing, b"")?;
        if self.store.has_plain_lines() && !pattern.segment.is_trailer() {
            self.store.remove(&positions);
            self.settle(writing);
            self.index_framing();
        } else {
            self.store.arrange();
            let ranges: Vec<_> = positions
                .iter()
                .filter_map(|position| self.line_with_terminator(*position))
                .collect();
            self.rebuild(ranges, b"", writing)?;
        }
        Ok(positions.len())
    }

    fn remove_elements(&mut self, pattern: &Hl7Path, element: &Element) -> Result<usize, Problem> {
        let matches: Vec<Match> = self.matches(pattern).collect();
        let mut ranges: Vec<(usize, Range<usize>)> = Vec::with_capacity(matches.len());
        let mut removed = 0;
        let whole_fields = element.is_repetition() && element.repetition == Index::Every;
        let mut fields = Fields::default();
        for found in &matches {
            removed += 1;
            if whole_fields && found.repetition > 1 {
                continue;
            }
            match fields.range(self, found, element) {
                Some(range) if !range.is_empty() => ranges.push((found.position, range)),
                // An emptied place was empty already; a single empty repetition too.
                _ => removed -= 1,
            }
        }
        if !ranges.is_empty() {
            self.cut(&ranges)?;
        }
        Ok(removed)
    }

    /// Cuts ranges out of lines, given in order.
    fn cut(&mut self, ranges: &[(usize, Range<usize>)]) -> Result<(), Problem> {
        let writing = self.writing("");
        self.prepare(&writing, b"")?;
        if !self.store.has_plain_lines() {
            self.store.arrange();
            let start_of =
                |position| self.store.table.get(position).map_or(0, |it| it.range().start);
            let absolute: Vec<_> = ranges
                .iter()
                .map(|(position, range)| {
                    start_of(*position) + range.start..start_of(*position) + range.end
                })
                .collect();
            return self.rebuild(absolute, b"", writing);
        }
        for of_line in ranges.chunk_by(|(first, _), (second, _)| first == second) {
            let [(position, first), .., (_, last)] = of_line else {
                if let [(position, range)] = of_line {
                    self.store.replace(*position, range.clone(), b"");
                }
                continue;
            };
            let Some(segment) = self.store.table.get(*position) else { continue };
            let line = self.line(segment);
            let mut kept = Vec::with_capacity(last.end - first.start);
            for ((_, cut), (_, next)) in of_line.iter().zip(of_line.iter().skip(1)) {
                kept.extend_from_slice(line.get(cut.end..next.start).unwrap_or_default());
            }
            self.store.replace(*position, first.start..last.end, &kept);
        }
        self.settle(writing);
        self.index_framing();
        Ok(())
    }

    /// What was inside the last line may frame the message now.
    fn index_framing(&mut self) {
        if self.store.table.ends_like_framing(&self.store.bytes) {
            self.store.arrange();
            if let Ok(table) = SegmentTable::index(&self.store.bytes, &self.limits) {
                self.store = Store::new(std::mem::take(self.store.bytes.edit()), table);
            }
        }
    }

    fn line_with_terminator(&self, position: usize) -> Option<Range<usize>> {
        let segment = self.store.table.get(position)?;
        let line = segment.range();
        Some(line.start..line.end + terminator_length(self.store.gap(segment)))
    }
}

/// Walks the repetitions of one field after another without starting over, so
/// that removing something from each of many repetitions stays linear.
#[derive(Default)]
struct Fields {
    position: Option<usize>,
    /// The number of the repetition that `start` stands at.
    repetition: usize,
    start: usize,
    end: usize,
}

impl Fields {
    /// The bytes to remove for one match, as offsets in its line.
    fn range(&mut self, message: &Hl7, found: &Match, element: &Element) -> Option<Range<usize>> {
        let segment = *message.store.table.get(found.position)?;
        let delimiters = message.store.table.delimiters(found.position);
        let line = message.line(&segment);
        if self.position != Some(found.position) {
            let field = field_range(line, segment.name, element.field, delimiters)?;
            *self = Self {
                position: Some(found.position),
                repetition: 1,
                start: field.start,
                end: field.end,
            };
        }
        if element.is_repetition() && element.repetition == Index::Every {
            return Some(self.start..self.end);
        }
        let rest = line.get(self.start..self.end)?;
        let skipped = found.repetition.checked_sub(self.repetition)?;
        let repetition = part(rest, delimiters.repetition, skipped + 1).ok()?;
        self.start += repetition.start;
        self.repetition = found.repetition;
        let (start, end) = (self.start, self.start + repetition.len());
        let range = match element {
            element if element.is_repetition() && found.repetition > 1 => start - 1..end,
            element if element.is_repetition() => start..self.end.min(end + 1),
            element => {
                let raw = line.get(start..end)?;
                let number = usize::from(element.component);
                let component = part(raw, delimiters.component, number).ok()?;
                let raw = raw.get(component.clone())?;
                let start = start + component.start;
                match usize::from(element.subcomponent) {
                    0 => start..start + component.len(),
                    number => {
                        let sub = part(raw, delimiters.subcomponent, number).ok()?;
                        start + sub.start..start + sub.end
                    }
                }
            }
        };
        Some(range.start..range.end)
    }
}
