//! Searching raw bytes eight at a time.
//!
//! Deliberately does not know: HL7. A separator falls every four or five bytes of
//! a real message: a search call for each costs more than the bytes that it
//! skips, and a loop over bytes has branches that nobody can foretell.

use super::split::count_marks;

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = LOW << 7;

/// Bytes up to an end, with what is known about all of them.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) bytes: &'a [u8],
    /// Nothing is looked for at this offset and behind.
    pub(super) end: usize,
    /// Whether all bytes are known to be ASCII, which saves a step for each word.
    pub(super) is_ascii: bool,
}

/// A byte that is looked for: ASCII, and neither NUL nor DEL, as all delimiters are.
#[derive(Clone, Copy)]
pub(super) struct Wanted(u64);

impl Wanted {
    #[inline]
    pub(super) fn new(byte: u8) -> Self {
        Self(u64::from(byte) * LOW)
    }

    /// The highest bit of each byte that is the wanted one; the other bits say
    /// nothing.
    ///
    /// Of 0x80 nothing but zero can be taken away without losing the highest bit,
    /// and no byte borrows of the next.
    #[inline]
    fn marks(self, word: u64) -> u64 {
        HIGH - (word ^ self.0)
    }
}

impl Words<'_> {
    /// The offset behind the `number`-th wanted byte (from 1) from an offset on;
    /// `None` where one of `before` or the end comes first.
    #[inline]
    pub(super) fn behind<const N: usize>(
        &self,
        mut offset: usize,
        wanted: Wanted,
        mut number: usize,
        before: [Wanted; N],
    ) -> Option<usize> {
        let mut words = self.words(offset);
        while offset < self.end {
            let word = self.next_of(&mut words);
            let mut marks = wanted.marks(word) & HIGH;
            let ends = before.iter().fold(0, |ends, end| ends | end.marks(word)) & HIGH;
            // What stands in front of the first end.
            marks &= (ends & ends.wrapping_neg()).wrapping_sub(1);
            let found = count_marks(marks);
            if found >= number {
                for _ in 1..number {
                    marks &= marks.wrapping_sub(1);
                }
                let at = offset + marks.trailing_zeros() as usize / 8;
                return (at < self.end).then_some(at + 1);
            }
            if ends != 0 {
                return None;
            }
            number -= found;
            offset += 8;
        }
        None
    }

    /// The offset of the first wanted byte from an offset on, or the end.
    #[inline]
    pub(super) fn first<const N: usize>(&self, mut offset: usize, wanted: [Wanted; N]) -> usize {
        let mut words = self.words(offset);
        while offset < self.end {
            let word = self.next_of(&mut words);
            let marks = wanted.iter().fold(0, |marks, wanted| marks | wanted.marks(word)) & HIGH;
            if marks != 0 {
                return self.end.min(offset + marks.trailing_zeros() as usize / 8);
            }
            offset += 8;
        }
        self.end
    }

    /// The words from an offset on, and the bytes behind the last whole one.
    #[inline]
    fn words(&self, offset: usize) -> (std::slice::Iter<'_, [u8; 8]>, &[u8]) {
        let (words, rest) = self.bytes.get(offset..).unwrap_or_default().as_chunks();
        (words.iter(), rest)
    }

    /// The next word, with DEL for what is not ASCII and NUL behind the last byte.
    #[inline]
    fn next_of(&self, (words, rest): &mut (std::slice::Iter<'_, [u8; 8]>, &[u8])) -> u64 {
        let word = match words.next() {
            Some(word) => u64::from_le_bytes(*word),
            None => last_word(rest),
        };
        if self.is_ascii { word } else { ascii_or_delete(word) }
    }
}

/// Out of the way of the loops: few values stand at the end of a message.
#[cold]
#[inline(never)]
fn last_word(rest: &[u8]) -> u64 {
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Eight bytes, and DEL in the place of each that is not ASCII.
#[inline]
fn ascii_or_delete(word: u64) -> u64 {
    let others = word & HIGH;
    word & !HIGH | (others - (others >> 7))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = || prop_oneof![Just(b'|'), Just(b'}'), Just(0xFC_u8), Just(b'^'), any::<u8>()];
        let ascii = byte().prop_map(|byte| byte & 0x7F);
        prop_oneof![
            proptest::collection::vec(byte(), 0..50),
            proptest::collection::vec(ascii, 0..50),
        ]
    }

    proptest! {
        #[test]
        fn bytes_are_found_where_a_plain_loop_finds_them(
            bytes in bytes(),
            range in (0_usize..50, 0_usize..50),
            number in 1_usize..12,
        ) {
            let end = range.1.min(bytes.len());
            let offset = range.0.min(end);
            let is_ascii = bytes.is_ascii();
            let words = Words { bytes: &bytes, end, is_ascii };
            let [bar, hat] = [b'|', b'^'].map(Wanted::new);
            let places = |wanted: &[u8]| -> Vec<usize> {
                (offset..end).filter(|at| wanted.contains(&bytes[*at])).collect()
            };
            let first = |wanted: &[u8]| places(wanted).first().copied().unwrap_or(end);
            prop_assert_eq!(words.first(offset, [bar]), first(b"|"));
            prop_assert_eq!(words.first(offset, [bar, bar, hat]), first(b"|^"));
            let nth = places(b"|").get(number - 1).copied();
            prop_assert_eq!(words.behind(offset, bar, number, []), nth.map(|at| at + 1));
            let in_time = nth.filter(|at| *at < first(b"^"));
            prop_assert_eq!(words.behind(offset, bar, number, [hat]), in_time.map(|at| at + 1));
        }
    }
}
