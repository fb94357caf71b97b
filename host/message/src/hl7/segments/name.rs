//! The names of segments.
//!
//! Deliberately does not know: where lines stand.

use super::super::delimiters::is_field_separator;

/// Of a byte: that a name may begin with it, that it may come second and third, and
/// that a name that begins with it is neither header nor trailer.
const FIRST: u8 = 1;
const FOLLOWS: u8 = 2;
const COMMON_FIRST: u8 = 4;

/// The bits of each byte: one look instead of four comparisons.
#[expect(clippy::indexing_slicing, reason = "done when it is compiled")]
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        let of_letter = if matches!(byte, b'M' | b'F' | b'B') { 0 } else { COMMON_FIRST };
        classes[byte as usize] = match byte {
            b'A'..=b'Z' => FIRST | FOLLOWS | of_letter,
            b'0'..=b'9' => FOLLOWS,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

#[inline]
fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or_default()
}

/// The three characters of a segment name in one number; compares in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::hl7) struct Name(pub(super) u32);

impl Name {
    /// No segment: a line whose start is not a segment name.
    pub(in crate::hl7) const NONE: Self = Self(0);
    pub(in crate::hl7) const MSH: Self = Self::of(*b"MSH");
    pub(in crate::hl7) const FILE_HEADER: Self = Self::of(*b"FHS");
    pub(in crate::hl7) const BATCH_HEADER: Self = Self::of(*b"BHS");
    pub(in crate::hl7) const BATCH_TRAILER: Self = Self::of(*b"BTS");
    pub(in crate::hl7) const FILE_TRAILER: Self = Self::of(*b"FTS");

    #[inline]
    pub(in crate::hl7) const fn of(characters: [u8; 3]) -> Self {
        let [first, second, third] = characters;
        Self(u32::from_be_bytes([0, first, second, third]))
    }

    /// The name that text starts with: a capital letter, then two capital
    /// letters or digits.
    #[inline]
    pub(in crate::hl7) fn start_of(text: &[u8]) -> Option<Self> {
        let &[first, second, third, ..] = text else { return None };
        let is_name = class(first) & FIRST != 0 && class(second) & class(third) & FOLLOWS != 0;
        is_name.then(|| Self::of([first, second, third]))
    }

    /// As [`Name::start_of`], where that is no header or trailer and `next` stands
    /// behind it.
    #[inline]
    pub(super) fn common_start_of(text: &[u8], next: u8) -> Option<Self> {
        let bytes @ &[first, second, third, found] = text.first_chunk()?;
        let follow = class(second) & class(third) & FOLLOWS != 0;
        (class(first) & COMMON_FIRST != 0 && follow && found == next)
            .then(|| Self(u32::from_be_bytes(*bytes) >> 8))
    }

    pub(in crate::hl7) fn characters(self) -> [u8; 3] {
        let [_, first, second, third] = self.0.to_be_bytes();
        [first, second, third]
    }

    /// BTS and FTS close what BHS and FHS opened, with its delimiters.
    pub(in crate::hl7) fn is_trailer(self) -> bool {
        self == Self::BATCH_TRAILER || self == Self::FILE_TRAILER
    }

    /// MSH, FHS and BHS declare delimiters and number their fields from the
    /// separator itself.
    #[inline]
    pub(in crate::hl7) fn is_header(self) -> bool {
        self == Self::MSH || self == Self::FILE_HEADER || self == Self::BATCH_HEADER
    }

    /// Whether one look cannot tell that the name is neither header nor trailer:
    /// it starts with M, F or B.
    #[inline]
    pub(super) fn may_be_header_or_trailer(self) -> bool {
        matches!(self.0 >> 16, 0x4D | 0x46 | 0x42)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.characters().into_iter().try_for_each(|byte| write!(formatter, "{}", char::from(byte)))
    }
}

/// The name of a line that is a segment, else `Name::NONE`.
#[inline]
pub(in crate::hl7) fn name_of_line(line: &[u8], field: u8) -> Name {
    let Some(name) = Name::start_of(line) else { return Name::NONE };
    let own_separator =
        || name.may_be_header_or_trailer() && (name.is_header() || name.is_trailer());
    match line.get(3) {
        None => name,
        Some(&next) if next == field || (own_separator() && is_field_separator(next)) => name,
        Some(_) => Name::NONE,
    }
}
