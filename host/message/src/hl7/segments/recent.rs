//! What was found last: the first line of a name, and a field of a line.
//!
//! Deliberately does not know: bytes, delimiters. Several fields of one segment
//! are read one after the other, most often in their order: a remembered line
//! saves most searches for a name, a remembered field most of the way along a line.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Name, Segment, narrow};

/// How many bits of a remembered field tell which it is, and where it begins.
const SEPARATOR_BITS: u32 = 10;
const OFFSET_BITS: u32 = 30;

/// What was found last. Each is one number, so that threads that share a message
/// never see one half without the other.
#[derive(Debug)]
pub(super) struct Recent {
    /// A name and the number of its first line.
    line: AtomicU64,
    /// The number of a line, how many separators of it were passed, and the offset
    /// in the line behind them. 0 for none.
    field: AtomicU64,
}

impl Default for Recent {
    fn default() -> Self {
        Self { line: AtomicU64::new(u64::from(Name::NONE.0) << 32), field: AtomicU64::new(0) }
    }
}

impl Recent {
    #[inline]
    pub(super) fn line_of(&self, name: Name) -> Option<usize> {
        let known = self.line.load(Ordering::Relaxed);
        let is_known = known >> 32 == u64::from(name.0) && name != Name::NONE;
        is_known.then_some((known & u64::from(u32::MAX)) as usize)
    }

    #[inline]
    pub(super) fn remember_line(&self, name: Name, line: usize) {
        self.line.store(u64::from(name.0) << 32 | u64::from(narrow(line)), Ordering::Relaxed);
    }

    /// The last separator of a line that is known and not behind the wanted one: its
    /// number, 0 for the start of the line, and the offset in the line behind it.
    #[inline]
    pub(super) fn separator_of(&self, line: usize, wanted: usize) -> (usize, usize) {
        let known = self.field.load(Ordering::Relaxed);
        let separators = (known >> OFFSET_BITS) as usize % (1 << SEPARATOR_BITS);
        let is_of_line = known >> (SEPARATOR_BITS + OFFSET_BITS) == line as u64;
        if !is_of_line || separators > wanted {
            return (0, 0);
        }
        (separators, known as usize % (1 << OFFSET_BITS))
    }

    /// Remembers a separator, where its numbers are not too large for that.
    #[inline]
    pub(super) fn remember_separator(&self, line: usize, number: usize, behind: usize) {
        let line_bits = u64::BITS - SEPARATOR_BITS - OFFSET_BITS;
        if line >> line_bits == 0 && number >> SEPARATOR_BITS == 0 && behind >> OFFSET_BITS == 0 {
            let known = (line << SEPARATOR_BITS | number) << OFFSET_BITS | behind;
            self.field.store(known as u64, Ordering::Relaxed);
        }
    }
}

/// The first line of a name. Eight lines are compared without a branch between
/// them: where it stands is different in each message and cannot be foretold.
#[inline]
pub(super) fn first_of(lines: &[Segment], name: Name) -> Option<usize> {
    let (groups, rest) = lines.as_chunks::<8>();
    for (number, group) in groups.iter().enumerate() {
        let marks = marks_of(group, name);
        if marks != 0 {
            return Some(number * 8 + marks.trailing_zeros() as usize);
        }
    }
    let marks = marks_of(rest, name);
    (marks != 0).then(|| groups.len() * 8 + marks.trailing_zeros() as usize)
}

/// A bit for each of up to eight lines that has the name.
#[inline]
fn marks_of(lines: &[Segment], name: Name) -> u32 {
    lines.iter().rev().fold(0, |marks, line| marks << 1 | u32::from(line.name == name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_line_of_a_name_is_found(
            letters in proptest::collection::vec(b'A'..=b'Z', 0..70),
            wanted in b'A'..=b'Z',
        ) {
            let name = |letter| Name::of([letter, b'A', b'A']);
            let line = |letter: &u8| Segment { name: name(*letter), start: 0, end: 0, next: 0 };
            let lines: Vec<Segment> = letters.iter().map(line).collect();
            let expected = letters.iter().position(|letter| *letter == wanted);
            prop_assert_eq!(first_of(&lines, name(wanted)), expected);
        }
    }

    #[test]
    fn only_what_was_remembered_is_known() {
        let recent = Recent::default();
        let [first, second] = [Name::of(*b"PID"), Name::of(*b"PV1")];
        assert_eq!((recent.line_of(first), recent.line_of(Name::NONE)), (None, None));
        recent.remember_line(first, 7);
        assert_eq!((recent.line_of(first), recent.line_of(second)), (Some(7), None));
        recent.remember_line(second, 9);
        assert_eq!((recent.line_of(first), recent.line_of(second)), (None, Some(9)));
    }

    #[test]
    fn a_separator_is_known_up_to_the_one_that_is_wanted() {
        let recent = Recent::default();
        assert_eq!(recent.separator_of(0, 5), (0, 0));
        recent.remember_separator(3, 5, 77);
        assert_eq!(
            [4, 5, 6].map(|wanted| recent.separator_of(3, wanted)),
            [(0, 0), (5, 77), (5, 77)]
        );
        assert_eq!(recent.separator_of(2, 6), (0, 0));
        for (line, number, behind) in [(1 << 24, 6, 7), (3, 1 << 10, 7), (3, 6, 1 << 30)] {
            recent.remember_separator(line, number, behind);
            assert_eq!(recent.separator_of(3, 2000), (5, 77), "too large a number is not kept");
        }
        let largest = ((1 << 24) - 1, (1 << 10) - 1, (1 << 30) - 1);
        recent.remember_separator(largest.0, largest.1, largest.2);
        assert_eq!(recent.separator_of(largest.0, 2000), (largest.1, largest.2));
    }
}
