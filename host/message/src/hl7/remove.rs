//! Removing what a pattern matches.

use std::ops::Range;

use super::Hl7;
use super::edit::read_only;
use super::find::Match;
use super::path::{Element, Hl7Path, Index};
use super::read::{field_range, is_verbatim};
use super::split::part;
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
        let matches: Vec<Match> = self.matches(pattern).collect();
        let mut ranges: Vec<Range<usize>> = Vec::with_capacity(matches.len());
        let mut removed = 0;
        let whole_fields = pattern
            .element
            .is_some_and(|element| element.is_repetition() && element.repetition == Index::Every);
        let mut fields = Fields::default();
        for found in &matches {
            removed += 1;
            if whole_fields && found.repetition > 1 {
                continue;
            }
            let range = match &pattern.element {
                None => self.line_with_terminator(found.position),
                Some(element) => fields.range(self, found, element),
            };
            match range {
                Some(range) if !range.is_empty() => ranges.push(range),
                // An emptied place was empty already; a single empty repetition too.
                _ => removed -= 1,
            }
        }
        if !ranges.is_empty() {
            self.rebuild(ranges, b"", self.writing(""))?;
        }
        Ok(removed)
    }

    fn line_with_terminator(&self, position: usize) -> Option<Range<usize>> {
        let line = self.table.get(position)?.range();
        let terminator = match self.text.get(line.end..)? {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => 0,
        };
        Some(line.start..line.end + terminator)
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
    /// The bytes to remove for one match, as offsets in the message.
    fn range(&mut self, message: &Hl7, found: &Match, element: &Element) -> Option<Range<usize>> {
        let segment = *message.table.get(found.position)?;
        let delimiters = message.table.delimiters(found.position);
        let base = segment.range().start;
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
            return Some(base + self.start..base + self.end);
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
        Some(base + range.start..base + range.end)
    }
}
