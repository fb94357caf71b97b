//! Character sets: from the bytes of a value to text and back (MSH-18).
//!
//! Deliberately does not know: segments, paths, escapes.
//!
//! # Invariants
//! - A set used for reading in place keeps every ASCII byte a character of its
//!   own, so delimiters are single bytes. The sets that do not (UTF-16, UTF-32,
//!   Shift_JIS, Big5, GB18030) are in [`Transcoding`] and never read in place.
//! - Encoding never replaces a character: what cannot be written is refused.

use std::borrow::Cow;

use encoding_rs::Encoding;

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

/// The Turkish letters of ISO 8859-9 and the bytes that they replace.
const LATIN5: [(u8, char); 6] =
    [(0xD0, 'Ğ'), (0xDD, 'İ'), (0xDE, 'Ş'), (0xF0, 'ğ'), (0xFD, 'ı'), (0xFE, 'ş')];

impl Declared {
    /// Reads repetition 1 of MSH-18: table 0211, and the spellings that occur.
    pub(super) fn from_name(name: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name).trim().to_ascii_uppercase();
        let table = |encoding| Self::Set(CharacterSet::Table(encoding));
        match name.as_str() {
            "" | "ASCII" | "US-ASCII" => Self::Nothing,
            "UNICODE UTF-8" | "UTF-8" | "UTF8" | "UNICODE" => Self::Set(CharacterSet::Utf8),
            "8859/1" | "8859" | "ISO-8859-1" | "ISO8859-1" => Self::Set(CharacterSet::Latin1),
            "8859/2" => table(encoding_rs::ISO_8859_2),
            "8859/3" => table(encoding_rs::ISO_8859_3),
            "8859/4" => table(encoding_rs::ISO_8859_4),
            "8859/5" => table(encoding_rs::ISO_8859_5),
            "8859/6" => table(encoding_rs::ISO_8859_6),
            "8859/7" => table(encoding_rs::ISO_8859_7),
            "8859/8" => table(encoding_rs::ISO_8859_8),
            "8859/9" => Self::Set(CharacterSet::Latin5),
            "8859/15" | "ISO-8859-15" => table(encoding_rs::ISO_8859_15),
            "WINDOWS-1252" | "CP1252" => table(encoding_rs::WINDOWS_1252),
            "KS X 1001" => table(encoding_rs::EUC_KR),
            "UNICODE UTF-16" | "UTF-16" => {
                Self::Transcoded(Transcoding::Utf16 { big_endian: true })
            }
            "UNICODE UTF-32" | "UTF-32" => {
                Self::Transcoded(Transcoding::Utf32 { big_endian: true })
            }
            "GB 18030-2000" | "GB18030" => {
                Self::Transcoded(Transcoding::Table(encoding_rs::GB18030))
            }
            "BIG-5" | "BIG5" => Self::Transcoded(Transcoding::Table(encoding_rs::BIG5)),
            "SHIFT_JIS" | "SHIFT-JIS" | "SJIS" => {
                Self::Transcoded(Transcoding::Table(encoding_rs::SHIFT_JIS))
            }
            _ => Self::Unknown,
        }
    }

    /// The set that bytes which are not all ASCII are read with. A wide set
    /// declared over bytes that are not wide counts as nothing declared.
    pub(super) fn resolve(self, bytes: &[u8]) -> Resolved {
        match self {
            Self::Set(set) => Resolved::InPlace(set),
            Self::Transcoded(transcoding @ Transcoding::Table(_)) => {
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
    /// The text of bytes. What the set does not define becomes U+FFFD.
    #[inline]
    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match std::str::from_utf8(bytes) {
            Ok(text) if self == Self::Utf8 || text.is_ascii() => return Cow::Borrowed(text),
            _ => {}
        }
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Latin5 => bytes.iter().copied().map(latin5_character).collect(),
            Self::Table(encoding) => encoding.decode_without_bom_handling(bytes).0,
        }
    }

    /// The bytes of text.
    ///
    /// # Errors
    /// How many characters from the start could be written, when one cannot.
    pub(super) fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, usize> {
        if self == Self::Utf8 || text.is_ascii() {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        let of_characters = |byte_of: fn(char) -> Option<u8>| {
            let mut bytes = Vec::with_capacity(text.len());
            for (written, character) in text.chars().enumerate() {
                bytes.push(byte_of(character).ok_or(written)?);
            }
            Ok(Cow::Owned(bytes))
        };
        match self {
            Self::Utf8 => Ok(Cow::Borrowed(text.as_bytes())),
            Self::Latin1 => of_characters(|character| u8::try_from(character).ok()),
            Self::Latin5 => of_characters(latin5_byte),
            Self::Table(encoding) => encode_with_table(encoding, text),
        }
    }
}

fn latin5_character(byte: u8) -> char {
    LATIN5.iter().find(|(code, _)| *code == byte).map_or(char::from(byte), |(_, letter)| *letter)
}

fn latin5_byte(character: char) -> Option<u8> {
    if let Some((code, _)) = LATIN5.iter().find(|(_, letter)| *letter == character) {
        return Some(*code);
    }
    let byte = u8::try_from(character).ok()?;
    LATIN5.iter().all(|(code, _)| *code != byte).then_some(byte)
}

fn encode_with_table<'a>(
    encoding: &'static Encoding,
    text: &'a str,
) -> Result<Cow<'a, [u8]>, usize> {
    let (bytes, _, unwritable) = encoding.encode(text);
    if !unwritable {
        return Ok(bytes);
    }
    let mut buffer = [0; 4];
    Err(text
        .chars()
        .take_while(|character| !encoding.encode(character.encode_utf8(&mut buffer)).2)
        .count())
}

impl Transcoding {
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

    /// The text of a message; a byte order mark stays its first character.
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf16 { big_endian } => decode_utf16(bytes, big_endian),
            Self::Utf32 { big_endian } => decode_utf32(bytes, big_endian),
            Self::Table(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        }
    }

    /// The bytes of text in this set.
    ///
    /// # Errors
    /// How many characters from the start could be written, when one cannot.
    pub(super) fn encode(self, text: &str) -> Result<Vec<u8>, usize> {
        match self {
            Self::Utf16 { big_endian } => Ok(text
                .encode_utf16()
                .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect()),
            Self::Utf32 { big_endian } => Ok(text
                .chars()
                .map(u32::from)
                .flat_map(|code| if big_endian { code.to_be_bytes() } else { code.to_le_bytes() })
                .collect()),
            Self::Table(encoding) => encode_with_table(encoding, text).map(Cow::into_owned),
        }
    }
}

fn decode_utf16(bytes: &[u8], big_endian: bool) -> String {
    let (units, rest) = bytes.as_chunks::<2>();
    let units = units
        .iter()
        .map(|unit| if big_endian { u16::from_be_bytes(*unit) } else { u16::from_le_bytes(*unit) });
    let mut text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

fn decode_utf32(bytes: &[u8], big_endian: bool) -> String {
    let (codes, rest) = bytes.as_chunks::<4>();
    let mut text: String = codes
        .iter()
        .map(|code| if big_endian { u32::from_be_bytes(*code) } else { u32::from_le_bytes(*code) })
        .map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}
