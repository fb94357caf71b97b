//! The character sets themselves: bytes to text and back.
//!
//! Deliberately does not know: which set bytes are in, messages, byte order
//! marks (to a set they are a character).
//!
//! # Invariants
//! - Encoding never replaces a character: what cannot be written is refused.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, Encoding};

/// One character set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    Utf8,
    Utf16 {
        big_endian: bool,
    },
    Utf32 {
        big_endian: bool,
    },
    /// ISO 8859-1 with its C1 controls, unlike the `iso-8859-1` of the web.
    Latin1,
    /// ISO 8859-9: Latin-1 with six Turkish letters.
    Latin5,
    /// A table of `encoding_rs`.
    Table(&'static Encoding),
}

/// The Turkish letters of ISO 8859-9 and the bytes that they replace.
const LATIN5: [(u8, char); 6] =
    [(0xD0, 'Ğ'), (0xDD, 'İ'), (0xDE, 'Ş'), (0xF0, 'ğ'), (0xFD, 'ı'), (0xFE, 'ş')];

impl Set {
    /// The name that IANA or, where it has none, the web gives the set.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16 { big_endian: false } => "UTF-16LE",
            Self::Utf16 { big_endian: true } => "UTF-16BE",
            Self::Utf32 { big_endian: false } => "UTF-32LE",
            Self::Utf32 { big_endian: true } => "UTF-32BE",
            Self::Latin1 => "ISO-8859-1",
            Self::Latin5 => "ISO-8859-9",
            Self::Table(encoding) => encoding.name(),
        }
    }

    /// Whether ASCII bytes alone mean the same text as in ASCII.
    pub(crate) fn holds_ascii(self) -> bool {
        match self {
            Self::Utf8 | Self::Latin1 | Self::Latin5 => true,
            Self::Utf16 { .. } | Self::Utf32 { .. } => false,
            Self::Table(encoding) => encoding.is_ascii_compatible(),
        }
    }

    /// Whether every character takes two or four bytes.
    pub(crate) fn is_wide(self) -> bool {
        matches!(self, Self::Utf16 { .. } | Self::Utf32 { .. })
    }

    /// The text of bytes. What the set does not define becomes U+FFFD.
    #[inline]
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match std::str::from_utf8(bytes) {
            Ok(text) if self == Self::Utf8 || (self.holds_ascii() && text.is_ascii()) => {
                return Cow::Borrowed(text);
            }
            _ => {}
        }
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Utf16 { big_endian } => Cow::Owned(decode_utf16(bytes, big_endian)),
            Self::Utf32 { big_endian } => Cow::Owned(decode_utf32(bytes, big_endian)),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Latin5 => bytes.iter().copied().map(latin5_character).collect(),
            Self::Table(encoding) => encoding.decode_without_bom_handling(bytes).0,
        }
    }

    /// The offset of the first byte that the set does not define.
    pub(crate) fn first_undecodable(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).err().map(|error| error.valid_up_to()),
            Self::Latin1 | Self::Latin5 => None,
            Self::Utf16 { big_endian } => {
                let (units, rest) = utf16_units(bytes, big_endian);
                let mut offset = 0;
                for unit in char::decode_utf16(units) {
                    match unit {
                        Ok(character) => offset += 2 * character.len_utf16(),
                        Err(_) => return Some(offset),
                    }
                }
                (!rest.is_empty()).then_some(offset)
            }
            Self::Utf32 { big_endian } => {
                let (mut codes, rest) = utf32_codes(bytes, big_endian);
                match codes.position(|code| char::from_u32(code).is_none()) {
                    Some(number) => Some(4 * number),
                    None => (!rest.is_empty()).then_some(bytes.len() - rest.len()),
                }
            }
            Self::Table(encoding) => first_undecodable_of_table(encoding, bytes),
        }
    }

    /// The bytes of text.
    ///
    /// # Errors
    /// How many characters from the start could be written, when one cannot.
    pub(crate) fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, usize> {
        if self == Self::Utf8 || (self.holds_ascii() && text.is_ascii()) {
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
            Self::Utf16 { big_endian } => Ok(text
                .encode_utf16()
                .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect()),
            Self::Utf32 { big_endian } => Ok(text
                .chars()
                .map(u32::from)
                .flat_map(|code| if big_endian { code.to_be_bytes() } else { code.to_le_bytes() })
                .collect()),
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
    let keeps = |bytes: &[u8], text: &str| {
        // It writes narrow katakana as wide ones, which is another text.
        encoding != encoding_rs::ISO_2022_JP
            || encoding.decode_without_bom_handling(bytes).0 == text
    };
    if !unwritable && keeps(&bytes, text) {
        return Ok(bytes);
    }
    let mut buffer = [0; 4];
    let is_writable = |character: &char| {
        let text = character.encode_utf8(&mut buffer);
        let (bytes, _, unwritable) = encoding.encode(text);
        !unwritable && keeps(&bytes, text)
    };
    Err(text.chars().take_while(is_writable).count())
}

fn first_undecodable_of_table(encoding: &'static Encoding, bytes: &[u8]) -> Option<usize> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(4 << 10);
    let mut offset = 0;
    loop {
        text.clear();
        let rest = bytes.get(offset..).unwrap_or_default();
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, true);
        offset += read;
        match result {
            DecoderResult::InputEmpty => return None,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(length, after) => {
                return Some(offset.saturating_sub(usize::from(length) + usize::from(after)));
            }
        }
    }
}

fn utf16_units(bytes: &[u8], big_endian: bool) -> (impl Iterator<Item = u16>, &[u8]) {
    let (units, rest) = bytes.as_chunks::<2>();
    let units = units.iter().map(move |unit| {
        if big_endian { u16::from_be_bytes(*unit) } else { u16::from_le_bytes(*unit) }
    });
    (units, rest)
}

fn utf32_codes(bytes: &[u8], big_endian: bool) -> (impl Iterator<Item = u32>, &[u8]) {
    let (codes, rest) = bytes.as_chunks::<4>();
    let codes = codes.iter().map(move |code| {
        if big_endian { u32::from_be_bytes(*code) } else { u32::from_le_bytes(*code) }
    });
    (codes, rest)
}

fn decode_utf16(bytes: &[u8], big_endian: bool) -> String {
    let (units, rest) = utf16_units(bytes, big_endian);
    let mut text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

fn decode_utf32(bytes: &[u8], big_endian: bool) -> String {
    let (codes, rest) = utf32_codes(bytes, big_endian);
    let mut text: String =
        codes.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}
