//! Character sets of HL7 (MSH-18): which can be read in place, which cannot.
//!
//! Deliberately does not know: segments, paths, escapes, the sets themselves.
//!
//! # Invariants
//! - A set used for reading in place keeps every ASCII byte a character of its
//!   own, so delimiters are single bytes. The sets that do not (UTF-16, UTF-32,
//!   Shift_JIS, Big5, GB18030, ISO-2022-JP) are in [`Transcoding`] and never read in place.
//! - Encoding never replaces a character: what cannot be written is refused.

use std::borrow::Cow;

use encoding_rs::Encoding;

use crate::charset::{Named, Set, of_hl7};

/// Begins the sequences of ISO 2022, whose sets are ASCII bytes to the eye.
pub(super) const ESCAPE: u8 = 0x1B;

/// A character set whose text can be read where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CharacterSet {
    Utf8,
    /// ISO 8859-1 with its C1 controls, unlike the `iso-8859-1` of the web.
    Latin1,
    /// ISO 8859-9: Latin-1 with six Turkish letters.
    Latin5,
    /// A table of `encoding_rs`.
    Table(&'static Encoding),
}

/// What MSH-18 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declared {
    /// Empty, or ASCII.
    Nothing,
    Set(CharacterSet),
    Transcoded(Transcoding),
    /// A name that is not known, or of a set that is not read.
    Unknown,
}

/// A character set whose bytes can equal delimiters inside a character: the
/// message is read as UTF-8 and written back in its own set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transcoding {
    Utf16 { big_endian: bool },
    Utf32 { big_endian: bool },
    Table(&'static Encoding),
}

impl Declared {
    /// Reads repetition 1 of MSH-18: table 0211, and the spellings that occur.
    pub(super) fn from_name(name: &[u8]) -> Self {
        match of_hl7(&String::from_utf8_lossy(name)) {
            Named::Ascii => Self::Nothing,
            Named::Utf16 => Self::Transcoded(Transcoding::Utf16 { big_endian: true }),
            Named::Utf32 => Self::Transcoded(Transcoding::Utf32 { big_endian: true }),
            Named::Set(set) => Self::of_set(set),
            Named::Unsupported | Named::Unknown => Self::Unknown,
        }
    }

    fn of_set(set: Set) -> Self {
        match set {
            Set::Utf8 => Self::Set(CharacterSet::Utf8),
            Set::Latin1 => Self::Set(CharacterSet::Latin1),
            Set::Latin5 => Self::Set(CharacterSet::Latin5),
            Set::Utf16 { big_endian } => Self::Transcoded(Transcoding::Utf16 { big_endian }),
            Set::Utf32 { big_endian } => Self::Transcoded(Transcoding::Utf32 { big_endian }),
            // The second bytes of EUC are letters or beyond ASCII.
            Set::Table(table)
                if table.is_single_byte()
                    || table == encoding_rs::EUC_KR
                    || table == encoding_rs::EUC_JP =>
            {
                Self::Set(CharacterSet::Table(table))
            }
            Set::Table(table) => Self::Transcoded(Transcoding::Table(table)),
        }
    }

    /// The set that bytes which are not all ASCII are read with. A wide set
    /// declared over bytes that are not wide counts as nothing declared, and so
    /// does ISO-2022-JP, whose bytes are all ASCII.
    pub(super) fn resolve(self, bytes: &[u8]) -> Resolved {
        match self {
            Self::Set(set) => Resolved::InPlace(set),
            Self::Transcoded(transcoding @ Transcoding::Table(_))
                if transcoding != Transcoding::JAPANESE =>
            {
                Resolved::Transcoded(transcoding)
            }
            Self::Nothing | Self::Unknown | Self::Transcoded(_) => {
                Resolved::InPlace(if std::str::from_utf8(bytes).is_ok() {
                    CharacterSet::Utf8
                } else {
                    CharacterSet::Table(encoding_rs::WINDOWS_1252)
                })
            }
        }
    }
}

/// How the bytes of one message are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    InPlace(CharacterSet),
    Transcoded(Transcoding),
}

impl CharacterSet {
    fn set(self) -> Set {
        match self {
            Self::Utf8 => Set::Utf8,
            Self::Latin1 => Set::Latin1,
            Self::Latin5 => Set::Latin5,
            Self::Table(table) => Set::Table(table),
        }
    }

    /// The text of bytes. What the set does not define becomes U+FFFD.
    #[inline]
    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        self.set().decode(bytes)
    }

    /// The offset of the first byte that the set does not define.
    pub(super) fn first_undecodable(self, bytes: &[u8]) -> Option<usize> {
        self.set().first_undecodable(bytes)
    }

    /// The bytes of text.
    ///
    /// # Errors
    /// How many characters from the start could be written, when one cannot.
    pub(super) fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, usize> {
        self.set().encode(text)
    }
}

impl Resolved {
    pub(super) fn set(self) -> Set {
        match self {
            Self::InPlace(charset) => charset.set(),
            Self::Transcoded(transcoding) => transcoding.set(),
        }
    }
}

impl Transcoding {
    /// ISO IR87 and ISO IR14 of table 0211: JIS X 0208 and JIS X 0201, switched to
    /// by the sequences of ISO 2022.
    pub(super) const JAPANESE: Self = Self::Table(encoding_rs::ISO_2022_JP);

    /// The sets that begin like ASCII and whose characters may hold any byte of it.
    pub(super) const OF_SEVERAL_BYTES: [Self; 5] = [
        Self::Table(encoding_rs::SHIFT_JIS),
        Self::Table(encoding_rs::GB18030),
        Self::Table(encoding_rs::GBK),
        Self::Table(encoding_rs::BIG5),
        Self::JAPANESE,
    ];

    fn set(self) -> Set {
        match self {
            Self::Utf16 { big_endian } => Set::Utf16 { big_endian },
            Self::Utf32 { big_endian } => Set::Utf32 { big_endian },
            Self::Table(table) => Set::Table(table),
        }
    }

    /// The wide set that bytes start as: by byte order mark, or by the zero
    /// bytes beside the `M` of MSH.
    pub(super) fn detect(bytes: &[u8]) -> Option<Self> {
        let wide16 = |big_endian| Some(Self::Utf16 { big_endian });
        let wide32 = |big_endian| Some(Self::Utf32 { big_endian });
        match *bytes {
            [0xFF, 0xFE, 0, 0, ..] | [b'M' | b'F' | b'B', 0, 0, 0, ..] => wide32(false),
            [0, 0, 0xFE, 0xFF, ..] | [0, 0, 0, b'M' | b'F' | b'B', ..] => wide32(true),
            [0xFF, 0xFE, ..] | [b'M' | b'F' | b'B', 0, ..] => wide16(false),
            [0xFE, 0xFF, ..] | [0, b'M' | b'F' | b'B', ..] => wide16(true),
            _ => None,
        }
    }

    /// The offset of the first byte that the set does not define.
    pub(super) fn first_undecodable(self, bytes: &[u8]) -> Option<usize> {
        self.set().first_undecodable(bytes)
    }

    /// The text of a message; a byte order mark stays its first character.
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        self.set().decode(bytes).into_owned()
    }

    /// The bytes of text in this set.
    ///
    /// # Errors
    /// How many characters from the start could be written, when one cannot.
    pub(super) fn encode(self, text: &str) -> Result<Vec<u8>, usize> {
        self.set().encode(text).map(Cow::into_owned)
    }
}
