//! Finding the n-th part between separators in raw bytes.
//!
//! Deliberately does not know: HL7. Works eight bytes at a time, because a
//! separator falls every four or five bytes of a real message and a search call
//! per separator would cost more than the bytes it skips.

use std::ops::Range;

use memchr::memchr;

/// How many words are looked at before a search call pays.
const SHORT_WORDS: usize = 6;

/// The range of part `number` (from 1), or how many parts there are.
///
/// A separator that is not in use (`None`) never splits: there is one part.
#[inline]
pub(super) fn part(
    bytes: &[u8],
    separator: Option<u8>,
    number: usize,
) -> Result<Range<usize>, usize> {
    let Some(separator) = separator else {
        return if number == 1 { Ok(0..bytes.len()) } else { Err(1) };
    };
    let start = match after_separator(bytes, separator, number.saturating_sub(1)) {
        Ok(start) => start,
        Err(separators) => return Err(separators + 1),
    };
    Ok(start..part_end(bytes, separator, start))
}

#[inline]
fn part_end(bytes: &[u8], separator: u8, start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    find_byte(rest, separator).map_or(bytes.len(), |length| start + length)
}

/// The offset of the first wanted byte. Values are short: the first words are
/// looked at in place, a search call takes over after them.
#[inline]
pub(super) fn find_byte(bytes: &[u8], wanted: u8) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().take(SHORT_WORDS).enumerate() {
        let matches = matching_bytes(u64::from_le_bytes(*word), wanted);
        if matches != 0 {
            return Some(at * 8 + matches.trailing_zeros() as usize / 8);
        }
    }
    if words.len() > SHORT_WORDS {
        let behind = SHORT_WORDS * 8;
        return memchr(wanted, bytes.get(behind..)?).map(|offset| behind + offset);
    }
    let offset = tail.iter().position(|byte| *byte == wanted)?;
    Some(words.len() * 8 + offset)
}

/// The offset behind the `number`-th separator (0 for none), or how many
/// separators there are.
#[inline]
pub(super) fn after_separator(bytes: &[u8], separator: u8, number: usize) -> Result<usize, usize> {
    if number == 0 {
        return Ok(0);
    }
    let mut remaining = number;
    let (words, tail) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let mut matches = matching_bytes(u64::from_le_bytes(*word), separator);
        let count = count_marks(matches);
        if count < remaining {
            remaining -= count;
            continue;
        }
        for _ in 1..remaining {
            matches &= matches - 1;
        }
        return Ok(at * 8 + matches.trailing_zeros() as usize / 8 + 1);
    }
    for (at, byte) in tail.iter().enumerate() {
        if *byte == separator {
            remaining -= 1;
            if remaining == 0 {
                return Ok(words.len() * 8 + at + 1);
            }
        }
    }
    Err(number - remaining)
}

/// How many bytes are marked by their highest bit. Without a `popcnt`
/// instruction, which the baseline processor lacks, this is the shorter way.
#[inline]
fn count_marks(matches: u64) -> usize {
    ((matches >> 7).wrapping_mul(0x0101_0101_0101_0101) >> 56) as usize
}

/// The highest bit of each byte that equals the wanted one, exactly.
#[inline]
fn matching_bytes(word: u64, wanted: u8) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const LOW_SEVEN: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let difference = word ^ (u64::from(wanted) * LOW);
    !(((difference & LOW_SEVEN) + LOW_SEVEN) | difference | LOW_SEVEN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slow(bytes: &[u8], separator: u8, number: usize) -> Result<&[u8], usize> {
        let parts: Vec<&[u8]> = bytes.split(|byte| *byte == separator).collect();
        parts.get(number - 1).copied().ok_or(parts.len())
    }

    #[test]
    fn a_separator_not_in_use_leaves_one_part() {
        assert_eq!(part(b"a^b", None, 1), Ok(0..3));
        assert_eq!(part(b"a^b", None, 2), Err(1));
        assert_eq!(part(b"", Some(b'^'), 1), Ok(0..0));
        assert_eq!(part(b"", Some(b'^'), 2), Err(1));
    }

    proptest! {
        #[test]
        fn bytes_are_found_wherever_they_stand(
            bytes in proptest::collection::vec(
                prop_oneof![1 => Just(b'|'), 1 => Just(b'}'), 1 => Just(0xFC_u8), 4 => Just(b'a')],
                0..90,
            ),
        ) {
            prop_assert_eq!(find_byte(&bytes, b'|'), bytes.iter().position(|byte| *byte == b'|'));
        }

        #[test]
        fn parts_are_those_of_a_plain_split(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'|'), Just(b'}'), Just(0xFC_u8), Just(0), any::<u8>()], 0..60),
            number in 1_usize..40,
        ) {
            let found = part(&bytes, Some(b'|'), number)
                .map(|range| bytes.get(range).unwrap_or_default());
            prop_assert_eq!(found, slow(&bytes, b'|', number));
        }
    }
}
