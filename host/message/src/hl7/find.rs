//! Counting siblings and finding what a pattern matches.

use super::Hl7;
use super::delimiters::Delimiters;
use super::path::{Element, Hl7Path, Index};
use super::read::{field_range, is_verbatim, place_in_line};
use super::segments::Segment;

/// The most paths that [`Hl7::find`] answers.
pub const MATCHES_MAX: usize = 65_535;

impl Hl7 {
    /// How many siblings the last step of a path addresses: segments of that
    /// name for `OBX`, repetitions for `PID-3` (none when the field is empty),
    /// and for a component 1 where it exists. The index of the last step itself
    /// makes no difference. Of a pattern: how many places it matches.
    pub fn count(&self, path: &Hl7Path) -> usize {
        match path.element {
            None => self.store.table.count(path.segment),
            Some(_) if path.is_pattern() => self.matches(path).count(),
            Some(element) if element.is_repetition() => {
                let every = Element { repetition: Index::Every, ..element };
                self.matches(&Hl7Path { element: Some(every), ..*path }).count()
            }
            Some(_) => self.matches(path).count(),
        }
    }

    /// The exact paths of everything that a pattern matches and that exists, in
    /// document order, at most [`MATCHES_MAX`]. Where the pattern has `[*]` the
    /// paths carry the number, also when it is 1; elsewhere 1 is left out.
    pub fn find(&self, pattern: &Hl7Path) -> Vec<String> {
        self.matches(pattern).take(MATCHES_MAX).map(|found| found.path(pattern)).collect()
    }

    /// Everything that a pattern matches and that exists, in document order.
    pub(super) fn matches<'a>(&'a self, pattern: &'a Hl7Path) -> impl Iterator<Item = Match> + 'a {
        self.every_position(pattern, pattern.occurrence).flat_map(
            move |(occurrence, position, segment)| {
                let line = self.line(segment);
                let delimiters = self.store.table.delimiters(position);
                let repetitions = match &pattern.element {
                    None => Repetitions::whole_segment(),
                    Some(element) => Repetitions::of(line, segment, element, delimiters),
                };
                repetitions.map(move |repetition| Match { occurrence, position, repetition })
            },
        )
    }

    /// The segments of a name that are wanted: occurrence, line number, segment.
    fn every_position<'a>(
        &'a self,
        path: &'a Hl7Path,
        wanted: Index,
    ) -> impl Iterator<Item = (usize, usize, &'a Segment)> + 'a {
        let table = &self.store.table;
        let (range, before) = match wanted {
            Index::Every => (0..table.segments().len(), 0),
            Index::Number(number) => match table.position(path.segment, usize::from(number)) {
                Some(position) => (position..position + 1, usize::from(number) - 1),
                None => (0..0, 0),
            },
        };
        let start = range.start;
        let lines = table.segments().get(range).unwrap_or_default();
        lines
            .iter()
            .enumerate()
            .filter(|(_, segment)| segment.name == path.segment)
            .enumerate()
            .map(move |(found, (line, segment))| (before + found + 1, start + line, segment))
    }
}

/// One place that a pattern matches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) occurrence: usize,
    /// The line that the segment stands on.
    pub(super) position: usize,
    /// 0 where the pattern means a whole segment.
    pub(super) repetition: usize,
}

impl Match {
    fn path(&self, pattern: &Hl7Path) -> String {
        let mut path = pattern.segment.to_string();
        push_index(&mut path, pattern.occurrence, self.occurrence);
        let Some(element) = pattern.element else { return path };
        path.push_str(&format!("-{}", element.field));
        push_index(&mut path, element.repetition, self.repetition);
        if element.component > 0 {
            path.push_str(&format!(".{}", element.component));
        }
        if element.subcomponent > 0 {
            path.push_str(&format!(".{}", element.subcomponent));
        }
        path
    }
}

fn push_index(path: &mut String, wanted: Index, number: usize) {
    if wanted == Index::Every || number > 1 {
        path.push_str(&format!("[{number}]"));
    }
}

/// The repetitions of one field in which an element exists.
struct Repetitions<'a> {
    /// What of the field is not yet walked; `None` at the end.
    rest: Option<&'a [u8]>,
    number: usize,
    element: Option<Element>,
    delimiters: Option<&'a Delimiters>,
}

impl<'a> Repetitions<'a> {
    fn whole_segment() -> Self {
        Self { rest: Some(&[]), number: 0, element: None, delimiters: None }
    }

    fn of(
        line: &'a [u8],
        segment: &Segment,
        element: &Element,
        delimiters: &'a Delimiters,
    ) -> Self {
        let mut rest = field_range(line, segment.name, element.field, delimiters)
            .and_then(|range| line.get(range));
        let every = element.repetition == Index::Every;
        let mut delimiters = Some(delimiters);
        if is_verbatim(segment.name, element.field) {
            let exists =
                delimiters.and_then(|d| place_in_line(line, segment.name, element, d)).is_some();
            rest = rest.filter(|_| exists);
            delimiters = None;
        } else if (every && rest == Some(b"".as_slice())) || element.component_index > 1 {
            rest = None;
        }
        Self { rest, number: 1, element: Some(*element), delimiters }
    }

    fn holds(&self, repetition: &[u8]) -> bool {
        let (Some(element), Some(delimiters)) = (self.element, self.delimiters) else {
            return true;
        };
        let wanted = match element.repetition {
            Index::Every => true,
            Index::Number(number) => usize::from(number) == self.number,
        };
        wanted && holds_element(repetition, &element, delimiters)
    }
}

fn holds_element(repetition: &[u8], element: &Element, delimiters: &Delimiters) -> bool {
    use super::split::part;
    let component = match element.component {
        0 => return true,
        number => part(repetition, delimiters.component, usize::from(number)),
    };
    let Some(component) = component.ok().and_then(|range| repetition.get(range)) else {
        return false;
    };
    element.subcomponent == 0
        || part(component, delimiters.subcomponent, usize::from(element.subcomponent)).is_ok()
}

impl Iterator for Repetitions<'_> {
    /// The number of the repetition from 1; 0 for a whole segment.
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while let Some(rest) = self.rest {
            let separator = self.delimiters.and_then(|delimiters| delimiters.repetition);
            let end = separator.and_then(|separator| memchr::memchr(separator, rest));
            let repetition = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let number = self.number;
            let holds = self.holds(repetition);
            self.rest = end.and_then(|end| rest.get(end + 1..));
            self.number += 1;
            if holds {
                return Some(number);
            }
        }
        None
    }
}
