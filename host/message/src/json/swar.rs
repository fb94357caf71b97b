//! Eight bytes at a time: the next byte that means something.
//!
//! Most pieces between such bytes are short; a call of a vector search costs more
//! than it saves. Deliberately does not know: what the bytes mean.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The place of the next `"` or `\` from one on; the end where there is none.
pub(super) fn quote_or_backslash(bytes: &[u8], at: usize) -> usize {
    find(
        bytes,
        at,
        |word| zero(word ^ each(b'"')) | zero(word ^ each(b'\\')),
        |byte| matches!(byte, b'"' | b'\\'),
    )
}

/// The place of the next `"`, `\` or control character.
pub(super) fn end_of_plain(bytes: &[u8], at: usize) -> usize {
    find(
        bytes,
        at,
        |word| {
            zero(word ^ each(b'"'))
                | zero(word ^ each(b'\\'))
                | (word.wrapping_sub(each(0x20)) & !word & HIGH)
        },
        |byte| matches!(byte, b'"' | b'\\' | 0..0x20),
    )
}

/// The place of the next quote or bracket of an object or array.
pub(super) fn quote_or_bracket(bytes: &[u8], at: usize) -> usize {
    find(
        bytes,
        at,
        |word| {
            // With this bit `[` becomes `{` and `]` becomes `}`.
            let folded = word | each(0x20);
            zero(word ^ each(b'"')) | zero(folded ^ each(b'{')) | zero(folded ^ each(b'}'))
        },
        |byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'),
    )
}

/// `in_word` marks with its lowest bit the first byte that is meant; higher bits
/// may be wrong.
fn find(
    bytes: &[u8],
    mut at: usize,
    in_word: impl Fn(u64) -> u64,
    is_meant: impl Fn(u8) -> bool,
) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let found = in_word(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| is_meant(*byte)).map_or(bytes.len(), |length| at + length)
}

fn each(byte: u8) -> u64 {
    LOW * u64::from(byte)
}

/// Marks the bytes that are zero, exactly up to the first one.
fn zero(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte at every place of a word, beside bytes that differ in one bit.
    #[test]
    fn each_search_stops_at_its_bytes_alone() {
        type Search = (fn(&[u8], usize) -> usize, fn(u8) -> bool);
        let searches: [Search; 3] = [
            (quote_or_backslash, |byte| matches!(byte, b'"' | b'\\')),
            (end_of_plain, |byte| matches!(byte, b'"' | b'\\' | 0..0x20)),
            (quote_or_bracket, |byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']')),
        ];
        for (search, is_meant) in searches {
            for byte in 0..=255_u8 {
                for neighbour in [b'a', b'#', b'z', 0x7f, 0x80, 0xff, b' ', b'!', b'|', b'"' ^ 0x80]
                {
                    for length in [1, 7, 8, 9, 20] {
                        for at in 0..length {
                            let mut bytes = vec![neighbour; length];
                            bytes[at] = byte;
                            let expected =
                                bytes.iter().position(|byte| is_meant(*byte)).unwrap_or(length);
                            assert_eq!(search(&bytes, 0), expected, "{byte} {neighbour} {at}");
                        }
                    }
                }
            }
            assert_eq!(search(b"", 0), 0);
            assert_eq!(search(b"\"\"", 1), 1);
            assert_eq!(search(b"ab", 7), 2);
        }
    }
}
