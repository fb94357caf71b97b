//! Character sets by the names that .NET takes, both ways and strict: what
//! cannot be written or read is told, never replaced.

use encoding_rs::Encoding;
use tureen_plugin_sdk::{Finding, Settings};

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
            "uft-8" | "utf-8" | "utf8" => Self::Utf8,
            "us-ascii" | "ascii" => Self::Ascii,
            "iso-8859-1" | "iso8859-1" | "latin1" | "l1" => Self::Latin1,
            "utf-16" | "utf-16le" | "unicode" => Self::Utf16LittleEndian,
            "utf-16be" | "unicodefffe" => Self::Utf16BigEndian,
            other => {
                let encoding = Encoding::for_label(other.as_bytes())?;
                if encoding == encoding_rs::REPLACEMENT {
                    return None;
                }
                Self::Other(encoding)
            }
        })
    }

    /// Whether a byte of it may be part of a larger unit and look like a control
    /// character: such a set cannot be framed.
    pub fn is_wide(self) -> bool {
        matches!(self, Self::Utf16LittleEndian | Self::Utf16BigEndian)
    }

    /// The bytes of a text; `None` when the set lacks one of its characters.
    pub fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Utf8 => Some(text.as_bytes().to_vec()),
            Self::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
            Self::Latin1 => text.chars().map(|it| u8::try_from(u32::from(it)).ok()).collect(),
            Self::Utf16LittleEndian => {
                Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect())
            }
            Self::Utf16BigEndian => Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            Self::Other(encoding) => {
                let (bytes, _, lacking) = encoding.encode(text);
                (!lacking).then(|| bytes.into_owned())
            }
        }
    }

    /// The text of bytes, without a byte order mark; `None` when they are not of
    /// the set.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        let wide = |unit: fn([u8; 2]) -> u16| {
            let (pairs, rest) = bytes.as_chunks::<2>();
            let text =
                String::from_utf16(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<_>>());
            text.ok().filter(|_| rest.is_empty())
        };
        let text = match self {
            Self::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
            Self::Ascii => bytes.is_ascii().then(|| String::from_utf8_lossy(bytes).into_owned()),
            Self::Latin1 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Self::Utf16LittleEndian => wide(u16::from_le_bytes),
            Self::Utf16BigEndian => wide(u16::from_be_bytes),
            Self::Other(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(std::borrow::Cow::into_owned),
        }?;
        Some(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
    }
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
            assert_eq!(set.encode(text).as_deref(), bytes, "{name} {text}");
            if let Some(bytes) = bytes {
                assert_eq!(set.decode(bytes).as_deref(), Some(text), "{name}");
            }
        }
    }

    #[test]
    fn bytes_that_are_not_of_the_set_are_told_and_a_mark_is_left_out() {
        assert_eq!(Charset::Utf8.decode(b"\xff"), None);
        assert_eq!(Charset::Ascii.decode(b"\xe4"), None);
        assert_eq!(Charset::Utf16LittleEndian.decode(b"A\0B"), None);
        assert_eq!(Charset::Utf8.decode(b"\xef\xbb\xbfA").as_deref(), Some("A"));
    }
}
