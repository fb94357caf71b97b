//! Where the segments of each name stand, for messages of many lines.
//!
//! Deliberately does not know: bytes, fields. Made when far lines are asked for
//! again and again, and kept true by every edit, so that a walk over n segments
//! takes n steps, not n².

use super::{Name, Segment, narrow};

/// Line numbers by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// The lines of the first name in ascending order, then those of the next.
    lines: Vec<u32>,
    /// The names in order, and where in `lines` those of each begin.
    groups: Vec<(Name, u32)>,
}

impl Names {
    /// Indexes a table anew, in the memory that this index has.
    pub(super) fn refill(&mut self, segments: &[Segment]) {
        let name_of = |line: u32| segments.get(line as usize).map_or(Name::NONE, |it| it.name);
        self.lines.clear();
        self.lines.extend(0..narrow(segments.len()));
        self.lines.sort_unstable_by_key(|line| (name_of(*line), *line));
        self.groups.clear();
        for (&line, start) in self.lines.iter().zip(0..) {
            let name = name_of(line);
            if self.groups.last().is_none_or(|(last, _)| *last != name) {
                self.groups.push((name, start));
            }
        }
    }

    /// The lines of a name in document order.
    pub(super) fn lines_of(&self, name: Name) -> &[u32] {
        let Ok(group) = self.groups.binary_search_by_key(&name, |(name, _)| *name) else {
            return &[];
        };
        let end = self.start_of(group + 1);
        self.lines.get(self.start_of(group)..end).unwrap_or_default()
    }

    fn start_of(&self, group: usize) -> usize {
        self.groups.get(group).map_or(self.lines.len(), |(_, start)| *start as usize)
    }

    /// A segment was put in front of the line that had this number.
    pub(super) fn insert(&mut self, name: Name, line: usize) {
        let line = narrow(line);
        if (line as usize) < self.lines.len() {
            self.lines.iter_mut().for_each(|known| *known += u32::from(*known >= line));
        }
        let at = self.start_of(self.groups.partition_point(|(known, _)| *known < name))
            + self.lines_of(name).partition_point(|known| *known < line);
        let group = match self.groups.binary_search_by_key(&name, |(name, _)| *name) {
            Ok(group) => group,
            Err(group) => {
                self.groups.insert(group, (name, narrow(at)));
                group
            }
        };
        self.lines.insert(at, line);
        self.groups.iter_mut().skip(group + 1).for_each(|(_, start)| *start += 1);
    }

    /// The line with this number was taken out.
    pub(super) fn remove(&mut self, name: Name, line: usize) {
        let line = narrow(line);
        let Ok(group) = self.groups.binary_search_by_key(&name, |(name, _)| *name) else { return };
        let start = self.start_of(group);
        let Ok(offset) = self.lines_of(name).binary_search(&line) else { return };
        self.lines.remove(start + offset);
        self.lines.iter_mut().for_each(|known| *known -= u32::from(*known > line));
        self.groups.iter_mut().skip(group + 1).for_each(|(_, start)| *start -= 1);
        if self.start_of(group) == self.start_of(group + 1) {
            self.groups.remove(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(names: &[u8]) -> Vec<Segment> {
        let segment = |letter: &u8| Segment {
            name: Name::of([*letter, b'A', b'A']),
            start: 0,
            end: 0,
            next: 0,
        };
        names.iter().map(segment).collect()
    }

    fn indexed(segments: &[Segment]) -> Names {
        let mut names = Names::default();
        names.refill(segments);
        names
    }

    proptest! {
        #[test]
        fn an_edited_index_is_the_one_of_the_edited_table(
            start in proptest::collection::vec(b'A'..=b'D', 0..12),
            edits in proptest::collection::vec((any::<bool>(), any::<u8>(), b'A'..=b'E'), 0..12),
        ) {
            let mut segments = table(&start);
            let mut names = indexed(&segments);
            for (adds, at, letter) in edits {
                let at = usize::from(at) % (segments.len() + 1);
                if adds {
                    let segment = table(&[letter])[0];
                    segments.insert(at, segment);
                    names.insert(segment.name, at);
                } else if at < segments.len() {
                    let segment = segments.remove(at);
                    names.remove(segment.name, at);
                }
                prop_assert_eq!(&names, &indexed(&segments));
            }
        }
    }

    #[test]
    fn lines_are_grouped_by_name_in_document_order() {
        let names = indexed(&table(b"BABCB"));
        assert_eq!(names.lines_of(Name::of(*b"BAA")), [0, 2, 4]);
        assert_eq!(names.lines_of(Name::of(*b"CAA")), [3]);
        assert_eq!(names.lines_of(Name::of(*b"DAA")), [0_u32; 0]);
    }
}
