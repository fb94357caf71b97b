//! Character sets by the names that .NET takes, both ways and strict: what
//! cannot be written or read is told, never replaced.

use std::borrow::Cow;

use encoding_rs::Encoding;
use tureen_plugin_sdk::{Finding, Settings};

use crate::pieces;

/// The longest text or body that is made of another one: what one host call may
/// carry unless the operator sets another limit (`host_call_bytes`), less what
/// else it carries. A plugin that gives the host more than that breaks down.
pub(crate) const CARRIED_BYTES_MAX: usize = (16 << 20) + (63 << 10);

const MARK: &[u8] = "\u{feff}".as_bytes();

/// Why a text or bytes do not go over into the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untranslatable {
    /// The set lacks a character, or does not define a byte.
    NotOfTheSet,
    /// It would be longer than a host call carries.
    TooLong,
}

/// A character set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    Utf8,
    Ascii,
    /// ISO 8859-1 as it is, and not windows-1252, which the web means by it.
    Latin1,
    Utf16LittleEndian,
    Utf16BigEndian,
    Other(&'static Encoding),
}

impl Charset {
    /// The set that the property `Encoding` names; `None` when it is omitted or
    /// empty.
    ///
    /// # Errors
    /// `sender.encoding` for a name that is not known.
    pub fn read(settings: &Settings) -> Result<Option<Self>, Finding> {
        let name = settings.text("Encoding")?.unwrap_or_default();
        if name.trim().is_empty() {
            return Ok(None);
        }
        Self::from_name(&name).map(Some).ok_or_else(|| {
            let text = "expected the name of a character set, such as utf-8, iso-8859-1 or \
                        windows-1252";
            settings.error("Encoding", "sender.encoding", text)
        })
    }

    /// The set of a name: those of the web and of .NET, and `uft-8`, which the
    /// original's designer can store (contract 5.2).
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "uft-8" => Self::Utf8,
            // To the web these are windows-1252.
            "us-ascii" | "ascii" | "ansi_x3.4-1968" | "iso646-us" => Self::Ascii,
            "iso-8859-1" | "iso8859-1" | "latin1" | "l1" => Self::Latin1,
            "utf-16" | "utf-16le" | "unicode" => Self::Utf16LittleEndian,
            "utf-16be" | "unicodefffe" => Self::Utf16BigEndian,
            other => Self::of_encoding(Encoding::for_label(other.as_bytes())?)?,
        })
    }

    /// The web encodes nothing as UTF-16, so these are sets of their own here.
    fn of_encoding(encoding: &'static Encoding) -> Option<Self> {
        match encoding {
            it if it == encoding_rs::REPLACEMENT => None,
            it if it == encoding_rs::UTF_8 => Some(Self::Utf8),
            it if it == encoding_rs::UTF_16LE => Some(Self::Utf16LittleEndian),
            it if it == encoding_rs::UTF_16BE => Some(Self::Utf16BigEndian),
            other => Some(Self::Other(other)),
        }
    }

    /// What a byte order mark says. That of UTF-32, which is not read here, begins
    /// as that of UTF-16 does.
    pub(crate) fn by_mark(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xef, 0xbb, 0xbf, ..] => Some(Self::Utf8),
            [0xff, 0xfe, 0, 0, ..] => None,
            [0xff, 0xfe, ..] => Some(Self::Utf16LittleEndian),
            [0xfe, 0xff, ..] => Some(Self::Utf16BigEndian),
            _ => None,
        }
    }

    /// Whether a byte of it may be part of a larger unit and look like a control
    /// character: such a set cannot be framed.
    pub fn is_wide(self) -> bool {
        matches!(self, Self::Utf16LittleEndian | Self::Utf16BigEndian)
    }

    /// Whether ASCII bytes mean the same in it.
    pub(crate) fn holds_ascii(self) -> bool {
        match self {
            Self::Utf8 | Self::Ascii | Self::Latin1 => true,
            Self::Utf16LittleEndian | Self::Utf16BigEndian => false,
            Self::Other(encoding) => encoding.is_ascii_compatible(),
        }
    }

    /// The bytes of a text. It is not copied where it has these bytes already.
    ///
    /// # Errors
    /// The set lacks one of its characters, or there would be too many bytes.
    pub fn encode(self, text: String) -> Result<Vec<u8>, Untranslatable> {
        if self == Self::Utf8 || (self.holds_ascii() && text.is_ascii()) {
            return Ok(text.into_bytes());
        }
        let mut length = 0;
        self.encode_pieces(&text, &mut |piece| length += piece.len())
            .ok_or(Untranslatable::NotOfTheSet)?;
        let mut bytes = room(length)?;
        self.encode_pieces(&text, &mut |piece| bytes.extend_from_slice(piece));
        Ok(bytes)
    }

    fn encode_pieces(self, text: &str, take: &mut dyn FnMut(&[u8])) -> Option<()> {
        let units = text.encode_utf16();
        match self {
            Self::Utf8 => take(text.as_bytes()),
            Self::Ascii => take(text.is_ascii().then_some(text.as_bytes())?),
            Self::Latin1 => {
                let byte = |character| u8::try_from(u32::from(character)).ok().map(|it| [it]);
                pieces::encode_units(text.chars().map(byte), take)?;
            }
            Self::Utf16LittleEndian => {
                pieces::encode_units(units.map(|it| Some(it.to_le_bytes())), take)?;
            }
            Self::Utf16BigEndian => {
                pieces::encode_units(units.map(|it| Some(it.to_be_bytes())), take)?;
            }
            Self::Other(encoding) => pieces::encode(encoding, text, take)?,
        }
        Some(())
    }

    /// The text of bytes, in UTF-8 and without a byte order mark. Bytes that are
    /// so already are not copied; others are given back to the memory.
    ///
    /// # Errors
    /// The bytes are not of the set, or the text would be too long.
    pub fn decode(self, bytes: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, Untranslatable> {
        if self.is_utf8_as_it_stands(&bytes) {
            return Ok(without_mark(bytes));
        }
        let mut length = 0;
        self.decode_pieces(&bytes, &mut |piece| length += piece.len())
            .ok_or(Untranslatable::NotOfTheSet)?;
        let mut text = room(length)?;
        self.decode_pieces(&bytes, &mut |piece| text.extend_from_slice(piece.as_bytes()));
        Ok(without_mark(Cow::Owned(text)))
    }

    /// Whether bytes are of the set.
    pub(crate) fn has(self, bytes: &[u8]) -> bool {
        self.is_utf8_as_it_stands(bytes) || self.decode_pieces(bytes, &mut |_| {}).is_some()
    }

    fn is_utf8_as_it_stands(self, bytes: &[u8]) -> bool {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).is_ok(),
            other => other.holds_ascii() && bytes.is_ascii(),
        }
    }

    fn decode_pieces(self, bytes: &[u8], take: &mut dyn FnMut(&str)) -> Option<()> {
        match self {
            Self::Utf8 => take(std::str::from_utf8(bytes).ok()?),
            Self::Ascii => take(std::str::from_utf8(bytes).ok().filter(|it| it.is_ascii())?),
            Self::Latin1 => pieces::decode_latin1(bytes, take),
            Self::Utf16LittleEndian => pieces::decode(encoding_rs::UTF_16LE, bytes, take)?,
            Self::Utf16BigEndian => pieces::decode(encoding_rs::UTF_16BE, bytes, take)?,
            Self::Other(encoding) => pieces::decode(encoding, bytes, take)?,
        }
        Some(())
    }
}

/// An empty buffer for exactly so many bytes.
fn room(bytes: usize) -> Result<Vec<u8>, Untranslatable> {
    match bytes <= CARRIED_BYTES_MAX {
        true => Ok(Vec::with_capacity(bytes)),
        false => Err(Untranslatable::TooLong),
    }
}

fn without_mark(mut text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match &mut text {
        Cow::Borrowed(bytes) => *bytes = bytes.strip_prefix(MARK).unwrap_or(bytes),
        Cow::Owned(bytes) if bytes.starts_with(MARK) => drop(bytes.drain(..MARK.len())),
        Cow::Owned(_) => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_is_known_by_its_names_and_a_slip_of_the_designer() {
        for (name, expected) in [
            ("uft-8", Some(Charset::Utf8)),
            (" UTF-8 ", Some(Charset::Utf8)),
            ("us-ascii", Some(Charset::Ascii)),
            ("ISO-8859-1", Some(Charset::Latin1)),
            ("unicode", Some(Charset::Utf16LittleEndian)),
            ("windows-1252", Some(Charset::Other(encoding_rs::WINDOWS_1252))),
            ("shift_jis", Some(Charset::Other(encoding_rs::SHIFT_JIS))),
            ("ANSI_X3.4-1968", Some(Charset::Ascii)),
            ("utf8", Some(Charset::Utf8)),
            ("ucs-2", Some(Charset::Utf16LittleEndian)),
            ("utf-9", None),
            ("hz-gb-2312", None),
        ] {
            assert_eq!(Charset::from_name(name), expected, "{name}");
        }
        let read = |value| Charset::read(&Settings::new(json!({ "Encoding": value })));
        assert_eq!(read(json!("")), Ok(None));
        assert_eq!(read(json!(null)), Ok(None));
        assert_eq!(read(json!("utf-9")).unwrap_err().problem.code, "sender.encoding");
    }

    #[test]
    fn texts_go_there_and_back_and_nothing_is_replaced() {
        for (name, text, bytes) in [
            ("utf-8", "Grün", Some(&b"Gr\xc3\xbcn"[..])),
            ("iso-8859-1", "Grün", Some(b"Gr\xfcn")),
            ("windows-1252", "5 €", Some(b"5 \x80")),
            ("iso-8859-1", "5 €", None),
            ("us-ascii", "Grün", None),
            ("utf-16", "Aü", Some(b"A\0\xfc\0")),
            ("utf-16be", "A", Some(b"\0A")),
            ("iso-8859-2", "ü漢", None),
        ] {
            let set = Charset::from_name(name).unwrap();
            assert_eq!(set.encode(text.to_owned()).ok().as_deref(), bytes, "{name} {text}");
            if let Some(bytes) = bytes {
                assert_eq!(decoded(name, bytes).as_deref(), Ok(text.as_bytes()), "{name}");
            }
        }
    }

    fn decoded(name: &str, bytes: &[u8]) -> Result<Vec<u8>, Untranslatable> {
        let set = Charset::from_name(name).unwrap();
        set.decode(Cow::Borrowed(bytes)).map(Cow::into_owned)
    }

    #[test]
    fn bytes_that_are_not_of_the_set_are_told_and_a_mark_is_left_out() {
        use Untranslatable::NotOfTheSet;
        for (name, bytes, expected) in [
            ("utf-8", &b"\xff"[..], Err(NotOfTheSet)),
            ("us-ascii", b"\xe4", Err(NotOfTheSet)),
            ("utf-16", b"A\0B", Err(NotOfTheSet)),
            ("utf-16", b"\0\xd8A\0", Err(NotOfTheSet)),
            ("euc-jp", b"A\xff", Err(NotOfTheSet)),
            ("utf-8", b"\xef\xbb\xbfA", Ok("A")),
            ("utf-16", b"\xff\xfeA\0", Ok("A")),
            ("utf-16be", b"\xfe\xff\0A", Ok("A")),
        ] {
            let expected = expected.map(|text| text.as_bytes().to_vec());
            assert_eq!(decoded(name, bytes), expected, "{name}");
        }
    }

    /// Characters of every length stand across the ends of pieces.
    #[test]
    fn long_texts_go_there_and_back_with_no_byte_of_room_too_much() {
        for (name, text) in [
            ("iso-8859-1", "aü".repeat(5_000)),
            ("windows-1252", "aü€".repeat(5_000)),
            ("utf-16", "aü€😀".repeat(5_000)),
            ("utf-16be", "aü€😀".repeat(5_000)),
            ("shift_jis", "a山ｱ".repeat(5_000)),
            ("gb18030", "aü€😀".repeat(5_000)),
            ("iso-2022-jp", "a山".repeat(5_000)),
        ] {
            let set = Charset::from_name(name).unwrap();
            let bytes = set.encode(text.clone()).unwrap();
            assert_eq!(bytes.capacity(), bytes.len(), "{name}");
            let read = set.decode(Cow::Owned(bytes)).unwrap().into_owned();
            assert_eq!(read.capacity(), read.len(), "{name}");
            assert!(read == text.as_bytes(), "{name}");
        }
    }

    #[test]
    fn what_is_utf8_already_is_not_copied() {
        for (name, text) in
            [("utf-8", "Grün"), ("iso-8859-1", "plain"), ("windows-1252", "plain"), ("ascii", "a")]
        {
            let set = Charset::from_name(name).unwrap();
            let bytes = text.as_bytes().to_vec();
            let place = bytes.as_ptr();
            let read = set.decode(Cow::Owned(bytes)).unwrap().into_owned();
            assert_eq!(read.as_ptr(), place, "{name}");
            let written = set.encode(String::from_utf8(read).unwrap()).unwrap();
            assert_eq!(written.as_ptr(), place, "{name}");
        }
    }

    #[test]
    fn what_no_host_call_carries_is_told_before_there_is_room_made_for_it() {
        let half = CARRIED_BYTES_MAX / 2;
        let read = decoded("iso-8859-1", &vec![0xfc; half + 1]);
        assert_eq!(read.err(), Some(Untranslatable::TooLong));
        let sent = Charset::Utf16LittleEndian.encode("x".repeat(half + 1));
        assert_eq!(sent.err(), Some(Untranslatable::TooLong));
        assert!(room(CARRIED_BYTES_MAX).is_ok());
    }
}
