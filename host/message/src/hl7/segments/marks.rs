//! The bytes at which the search for lines stops, found sixteen at a time.
//!
//! Deliberately does not know: segments, headers, what ends a line.
//!
//! Lines are short: a search call for the end of each costs more than the bytes that
//! it skips. Here a block is looked at once, whatever stands in it, and tells at the
//! same time whether all of it is ASCII.

use wide::u8x16;

use super::index::FILE_SEPARATOR;

/// How many bytes are looked at before one of them is answered: as many as a mask
/// of marks has bits.
const BLOCK: usize = u64::BITS as usize;
const LANES: usize = 16;

/// The offsets of all control characters up to FS, CR and LF among them, in order:
/// one comparison finds them all, and others than those two hardly ever occur.
#[derive(Clone)]
pub(super) struct Marks<'a> {
    blocks: std::slice::Iter<'a, [u8; BLOCK]>,
    rest: &'a [u8],
    /// A bit for each byte of the current block that is to be answered.
    marks: u64,
    /// The offset behind the current block.
    behind: usize,
    /// The bits of all bytes that were looked at.
    bits: u8x16,
}

impl<'a> Marks<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let (blocks, rest) = bytes.as_chunks();
        Self { blocks: blocks.iter(), rest, marks: 0, behind: 0, bits: u8x16::ZERO }
    }

    /// Whether all bytes up to the end of the current block are ASCII; of all bytes,
    /// once there is no further mark.
    pub(super) fn is_ascii(&self) -> bool {
        self.bits.to_bitmask() == 0
    }

    #[inline]
    fn look_at(&mut self, block: &[u8; BLOCK]) {
        let last = u8x16::splat(FILE_SEPARATOR);
        let (parts, _) = block.as_chunks::<LANES>();
        let mut marks = 0;
        for part in parts.iter().rev() {
            let lanes = u8x16::new(*part);
            marks = marks << LANES | u64::from(lanes.min(last).simd_eq(lanes).to_bitmask());
            self.bits |= lanes;
        }
        self.marks = marks;
        self.behind += BLOCK;
    }

    /// What is left behind the last whole block, with spaces behind it.
    #[inline(never)]
    fn look_at_rest(&mut self) -> Option<()> {
        let rest = std::mem::take(&mut self.rest);
        let mut block = [b' '; BLOCK];
        block.get_mut(..rest.len()).filter(|place| !place.is_empty())?.copy_from_slice(rest);
        self.look_at(&block);
        Some(())
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.marks == 0 {
            match self.blocks.next() {
                Some(block) => self.look_at(block),
                None => self.look_at_rest()?,
            }
        }
        let offset = self.behind - BLOCK + self.marks.trailing_zeros() as usize;
        self.marks &= self.marks - 1;
        Some(offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn marks_are_where_a_plain_loop_finds_them(
            bytes in proptest::collection::vec(
                prop_oneof![
                    8 => Just(b'a'), 1 => Just(b'\r'), 1 => Just(b'\n'), 1 => Just(FILE_SEPARATOR),
                    1 => 0_u8..0x20, 1 => any::<u8>(),
                ],
                0..300,
            ),
        ) {
            let mut marks = Marks::of(&bytes);
            let found: Vec<usize> = marks.by_ref().collect();
            let expected: Vec<usize> = (0..bytes.len())
                .filter(|at| bytes[*at] <= FILE_SEPARATOR)
                .collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(marks.is_ascii(), bytes.is_ascii());
            prop_assert_eq!(marks.next(), None);
        }
    }
}
