//! Searching raw bytes sixteen at a time.
//!
//! Deliberately does not know: HL7. A separator falls every four or five bytes of
//! a real message: a search call for each costs more than the bytes that it
//! skips, and a loop over bytes has branches that nobody can foretell.

use wide::u8x16;

const LANES: usize = 16;

/// Bytes up to an end.
#[derive(Clone, Copy)]
pub(super) struct Lanes<'a> {
    pub(super) bytes: &'a [u8],
    /// Nothing is looked for at this offset and behind.
    pub(super) end: usize,
}

/// A byte that is looked for, in each lane. It is not NUL, as no delimiter is.
#[derive(Clone, Copy)]
pub(super) struct Wanted(u8x16);

impl Wanted {
    #[inline]
    pub(super) const fn new(byte: u8) -> Self {
        Self(u8x16::new([byte; LANES]))
    }
}

/// A bit for each lane that holds one of the wanted bytes.
#[inline(always)]
fn marks<const N: usize>(wanted: [Wanted; N], lanes: u8x16) -> u32 {
    let found = wanted.iter().fold(u8x16::ZERO, |found, wanted| found | lanes.simd_eq(wanted.0));
    found.to_bitmask()
}

impl Lanes<'_> {
    /// The offset behind the `number`-th wanted byte (from 1) from an offset on;
    /// `None` where one of `before` or the end comes first.
    #[inline(always)]
    pub(super) fn behind<const N: usize>(
        &self,
        mut offset: usize,
        wanted: Wanted,
        mut number: usize,
        before: [Wanted; N],
    ) -> Option<usize> {
        while offset < self.end {
            let lanes = self.lanes_at(offset);
            let ends = marks(before, lanes);
            // What stands in front of the first end.
            let mut marks = marks([wanted], lanes) & (ends & ends.wrapping_neg()).wrapping_sub(1);
            while marks != 0 {
                if number == 1 {
                    let at = offset + marks.trailing_zeros() as usize;
                    return (at < self.end).then_some(at + 1);
                }
                number -= 1;
                marks &= marks - 1;
            }
            if ends != 0 {
                return None;
            }
            offset += LANES;
        }
        None
    }

    /// The offset of the first wanted byte from an offset on, or the end.
    #[inline(always)]
    pub(super) fn first<const N: usize>(&self, mut offset: usize, wanted: [Wanted; N]) -> usize {
        while offset < self.end {
            let marks = marks(wanted, self.lanes_at(offset));
            if marks != 0 {
                return self.end.min(offset + marks.trailing_zeros() as usize);
            }
            offset += LANES;
        }
        self.end
    }

    /// The bytes from an offset on, with NUL behind the last.
    #[inline(always)]
    fn lanes_at(&self, offset: usize) -> u8x16 {
        let rest = self.bytes.get(offset..).unwrap_or_default();
        match rest.first_chunk() {
            Some(chunk) => u8x16::new(*chunk),
            None => u8x16::new(last_of(rest).to_ne_bytes()),
        }
    }
}

/// Out of the way of the loops: few values stand at the end of a message. A number
/// is answered in registers, which lanes would not be.
#[cold]
#[inline(never)]
fn last_of(rest: &[u8]) -> u128 {
    let mut chunk = [0; LANES];
    chunk.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    u128::from_ne_bytes(chunk)
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
            let lanes = Lanes { bytes: &bytes, end };
            let [bar, hat] = [b'|', b'^'].map(Wanted::new);
            let places = |wanted: &[u8]| -> Vec<usize> {
                (offset..end).filter(|at| wanted.contains(&bytes[*at])).collect()
            };
            let first = |wanted: &[u8]| places(wanted).first().copied().unwrap_or(end);
            prop_assert_eq!(lanes.first(offset, [bar]), first(b"|"));
            prop_assert_eq!(lanes.first(offset, [bar, bar, hat]), first(b"|^"));
            let nth = places(b"|").get(number - 1).copied();
            prop_assert_eq!(lanes.behind(offset, bar, number, []), nth.map(|at| at + 1));
            let in_time = nth.filter(|at| *at < first(b"^"));
            prop_assert_eq!(lanes.behind(offset, bar, number, [hat]), in_time.map(|at| at + 1));
        }
    }
}
