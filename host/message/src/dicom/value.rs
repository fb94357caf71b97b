//! The value of one element as texts and numbers (PS3.5 section 6.2).
//!
//! Deliberately does not know: where the element stands, JSON.
//!
//! # Invariants
//! - Values are handed out one by one and never collected: a value of
//!   backslashes alone costs no more than its bytes.

use std::borrow::Cow;

use dicom_core::{Tag, VR};

use super::characters::Characters;

/// An element that is no sequence.
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    pub(super) vr: VR,
    pub(super) value: &'a [u8],
    big_endian: bool,
    characters: Characters,
}

/// One of an element's values.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Single<'a> {
    Text(&'a str),
    /// A number as JSON writes it.
    Number(&'a str),
}

impl<'a> Element<'a> {
    pub(super) fn new(
        tag: Tag,
        vr: VR,
        value: &'a [u8],
        big_endian: bool,
        characters: Characters,
    ) -> Self {
        Self { tag, vr, value, big_endian, characters }
    }

    /// Whether the value is bytes that have no text: pixels, waveforms, files,
    /// and what is not known.
    pub(super) fn is_bulk(&self) -> bool {
        matches!(self.vr, VR::OB | VR::OD | VR::OF | VR::OL | VR::OV | VR::OW | VR::UN | VR::SQ)
    }

    /// Whether it only tells how long a group is (retired, PS3.5 section 7.2).
    pub(super) fn is_group_length(&self) -> bool {
        self.tag.element() == 0
    }

    /// All values as one text, as the standard writes several: with backslashes.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut first = true;
        self.each(|single| {
            if !std::mem::take(&mut first) {
                text.push('\\');
            }
            let (Single::Text(value) | Single::Number(value)) = single;
            text.push_str(value);
        });
        text
    }

    /// Hands out the values; none for an empty one and for bulk data.
    pub(super) fn each(&self, mut take: impl FnMut(Single<'_>)) {
        match self.vr {
            VR::FL => self.numbers(f32::from_le_bytes, &mut take),
            VR::FD => self.numbers(f64::from_le_bytes, &mut take),
            VR::SS => self.numbers(i16::from_le_bytes, &mut take),
            VR::SL => self.numbers(i32::from_le_bytes, &mut take),
            VR::SV => self.numbers(i64::from_le_bytes, &mut take),
            VR::US => self.numbers(u16::from_le_bytes, &mut take),
            VR::UL => self.numbers(u32::from_le_bytes, &mut take),
            VR::UV => self.numbers(u64::from_le_bytes, &mut take),
            VR::AT => self.tags(&mut take),
            _ if self.is_bulk() => {}
            _ => self.texts(&mut take),
        }
    }

    fn texts(&self, take: &mut impl FnMut(Single<'_>)) {
        let text = self.decoded();
        let text = text.trim_end_matches([' ', '\0']);
        if text.is_empty() {
            return;
        }
        if matches!(self.vr, VR::ST | VR::LT | VR::UT | VR::UR) {
            // One value, in which a backslash is a character and leading blanks count.
            take(Single::Text(text));
            return;
        }
        let is_number = matches!(self.vr, VR::DS | VR::IS);
        for value in text.split('\\') {
            let value = value.trim_matches([' ', '\0']);
            take(if is_number && is_json_number(value) {
                Single::Number(value)
            } else {
                Single::Text(value)
            });
        }
    }

    /// The character set counts for some VRs only (PS3.5 section 6.1.2.3).
    fn decoded(&self) -> Cow<'a, str> {
        match self.vr {
            VR::LO | VR::LT | VR::SH | VR::ST | VR::UC | VR::UT => {
                self.characters.decode(self.value, false)
            }
            VR::PN => self.characters.decode(self.value, true),
            _ => Characters::DEFAULT.decode(self.value, false),
        }
    }

    fn numbers<const N: usize, T: Written>(
        &self,
        read: fn([u8; N]) -> T,
        take: &mut impl FnMut(Single<'_>),
    ) {
        let (values, _) = self.value.as_chunks::<N>();
        for value in values {
            let mut bytes = *value;
            if self.big_endian {
                bytes.reverse();
            }
            read(bytes).written(take);
        }
    }

    fn tags(&self, take: &mut impl FnMut(Single<'_>)) {
        let (values, _) = self.value.as_chunks::<4>();
        for [a, b, c, d] in values.iter().copied() {
            let tag = if self.big_endian { [a, b, c, d] } else { [b, a, d, c] };
            take(Single::Text(&format!("{:08X}", u32::from_be_bytes(tag))));
        }
    }
}

/// A binary number that becomes text.
trait Written {
    fn written(self, take: &mut impl FnMut(Single<'_>));
}

macro_rules! written_integers {
    ($($integer:ty),*) => {$(
        impl Written for $integer {
            fn written(self, take: &mut impl FnMut(Single<'_>)) {
                take(Single::Number(&self.to_string()));
            }
        }
    )*};
}

/// JSON has no number for the three that are none (PS3.18 annex F.2.3).
macro_rules! written_floats {
    ($($float:ty),*) => {$(
        impl Written for $float {
            fn written(self, take: &mut impl FnMut(Single<'_>)) {
                match self {
                    value if value.is_finite() => take(Single::Number(&format!("{value:?}"))),
                    value if value.is_nan() => take(Single::Text("NaN")),
                    value if value > 0.0 => take(Single::Text("inf")),
                    _ => take(Single::Text("-inf")),
                }
            }
        }
    )*};
}

written_integers!(i16, i32, i64, u16, u32, u64);
written_floats!(f32, f64);

/// Whether a decimal string is a number for JSON, too: without plus sign,
/// leading zeros and bare points (RFC 8259 section 6).
fn is_json_number(text: &str) -> bool {
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    all_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(all_digits)
        && exponent.is_none_or(|it| all_digits(it.strip_prefix(['+', '-']).unwrap_or(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(vr: VR, value: &[u8], big_endian: bool) -> Vec<String> {
        let element = Element::new(Tag(0, 0), vr, value, big_endian, Characters::DEFAULT);
        let mut found = Vec::new();
        element.each(|single| {
            found.push(match single {
                Single::Text(text) => format!("t:{text}"),
                Single::Number(text) => format!("n:{text}"),
            });
        });
        found
    }

    #[test]
    fn a_value_is_read_as_its_vr_says() {
        for (vr, value, expected) in [
            (VR::LO, &b""[..], &[][..]),
            (VR::LO, b"  ", &[]),
            (VR::LO, b" a b \\c ", &["t:a b", "t:c"]),
            (VR::CS, b"A\\\\B", &["t:A", "t:", "t:B"]),
            (VR::UI, b"1.2.3\0", &["t:1.2.3"]),
            (VR::LT, b" a\\b ", &["t: a\\b"]),
            (VR::UT, b"a\r\nb", &["t:a\r\nb"]),
            (
                VR::DS,
                b"1.50\\-2\\+3\\.5\\1.\\007\\0\\1e-3\\1E+2\\e1\\x",
                &[
                    "n:1.50", "n:-2", "t:+3", "t:.5", "t:1.", "t:007", "n:0", "n:1e-3", "n:1E+2",
                    "t:e1", "t:x",
                ],
            ),
            (VR::IS, b"12 ", &["n:12"]),
            (VR::US, b"\x01\x02\x03", &["n:513"]),
            (VR::SS, b"\xFF\xFF", &["n:-1"]),
            (VR::UL, b"\xFF\xFF\xFF\xFF", &["n:4294967295"]),
            (VR::SL, b"\xFE\xFF\xFF\xFF", &["n:-2"]),
            (VR::UV, b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", &["n:18446744073709551615"]),
            (VR::SV, b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", &["n:-1"]),
            (VR::AT, b"\x10\x00\x20\x30", &["t:00103020"]),
            (VR::OB, b"abcd", &[]),
            (VR::UN, b"abcd", &[]),
        ] {
            assert_eq!(values(vr, value, false), expected, "{vr} {value:?}");
        }
        assert_eq!(values(VR::FL, &1.5_f32.to_le_bytes(), false), ["n:1.5"]);
        assert_eq!(values(VR::FL, &f32::NAN.to_le_bytes(), false), ["t:NaN"]);
        assert_eq!(values(VR::FD, &1e300_f64.to_le_bytes(), false), ["n:1e300"]);
        assert_eq!(values(VR::FD, &f64::INFINITY.to_le_bytes(), false), ["t:inf"]);
        assert_eq!(values(VR::FD, &f64::NEG_INFINITY.to_le_bytes(), false), ["t:-inf"]);
        assert_eq!(values(VR::FD, &2.5_f64.to_be_bytes(), true), ["n:2.5"]);
        assert_eq!(values(VR::AT, b"\x00\x10\x30\x20", true), ["t:00103020"]);
    }
}
