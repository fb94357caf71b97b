//! Encoders and decoders that a workflow may name (contract 2.3, 11.3).
//!
//! Knows: the escapes of each format. Deliberately does not know: the delimiters
//! of a particular HL7 message; the usual `|^~\&` are meant.
//!
//! # Invariants
//! - Decoding what was encoded gives the value back, where the format can hold
//!   it: XML can not hold most control characters.
//! - A malformed escape stays as it is; only base64 has no such reading.

use std::borrow::Cow;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tureen_message::Problem;

mod decode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Hl7Encode,
    Hl7Decode,
    Hl7QuotesEncode,
    Hl7QuotesDecode,
    JsonEncode,
    JsonDecode,
    XmlEncode,
    XmlDecode,
    CsvEncode,
    CsvDecode,
    Base64Encode,
    Base64Decode,
}

/// How HL7 writes that a field is to be deleted.
const HL7_NULL: &str = "\"\"";

impl Encoding {
    /// The names in workflow files.
    pub(crate) const NAMES: [(&'static str, Self); 12] = [
        ("HL7Encode", Self::Hl7Encode),
        ("HL7Decode", Self::Hl7Decode),
        ("HL7QuotesEncode", Self::Hl7QuotesEncode),
        ("HL7QuotesDecode", Self::Hl7QuotesDecode),
        ("JSONEncode", Self::JsonEncode),
        ("JSONDecode", Self::JsonDecode),
        ("XMLEncode", Self::XmlEncode),
        ("XMLDecode", Self::XmlDecode),
        ("CSVEncode", Self::CsvEncode),
        ("CSVDecode", Self::CsvDecode),
        ("Base64Encode", Self::Base64Encode),
        ("Base64Decode", Self::Base64Decode),
    ];

    pub(crate) fn is_encoder(self) -> bool {
        matches!(
            self,
            Self::Hl7Encode
                | Self::JsonEncode
                | Self::XmlEncode
                | Self::CsvEncode
                | Self::Base64Encode
        )
    }

    pub(crate) fn apply(self, value: &str) -> Result<Cow<'_, str>, Problem> {
        Ok(match self {
            Self::Hl7Encode => escape(value, is_hl7_special, push_hl7),
            Self::JsonEncode => escape(value, is_json_special, push_json),
            Self::XmlEncode => escape(value, is_xml_special, push_xml),
            Self::CsvEncode => csv_encode(value),
            Self::Base64Encode => Cow::Owned(STANDARD.encode(value)),
            Self::Hl7Decode => decode::hl7(value),
            // HL7's explicit null: two quotation marks ask the reader to delete.
            Self::Hl7QuotesEncode if value.is_empty() => Cow::Owned(HL7_NULL.to_owned()),
            Self::Hl7QuotesDecode if value == HL7_NULL => Cow::Owned(String::new()),
            Self::Hl7QuotesEncode | Self::Hl7QuotesDecode => Cow::Borrowed(value),
            Self::JsonDecode => decode::json(value),
            Self::XmlDecode => decode::xml(value),
            Self::CsvDecode => decode::csv(value),
            Self::Base64Decode => Cow::Owned(decode::base64(value)?),
        })
    }
}

/// Copies text, with another writing of the special characters.
fn escape(value: &str, special: fn(char) -> bool, push: fn(&mut String, char)) -> Cow<'_, str> {
    let Some(first) = value.find(special) else { return Cow::Borrowed(value) };
    let (plain, rest) = value.split_at_checked(first).unwrap_or(("", value));
    let mut text = String::with_capacity(value.len() + value.len() / 8 + 16);
    text.push_str(plain);
    for character in rest.chars() {
        if special(character) {
            push(&mut text, character);
        } else {
            text.push(character);
        }
    }
    Cow::Owned(text)
}

fn is_hl7_special(character: char) -> bool {
    matches!(character, '|' | '^' | '~' | '\\' | '&') || (character < ' ' && character != '\t')
}

/// HL7 v2 chapter 2, escape sequences. Control characters would break segments
/// or frames, so they become hexadecimal.
fn push_hl7(text: &mut String, character: char) {
    match character {
        '|' => text.push_str("\\F\\"),
        '^' => text.push_str("\\S\\"),
        '~' => text.push_str("\\R\\"),
        '&' => text.push_str("\\T\\"),
        '\\' => text.push_str("\\E\\"),
        // Writing to a string never fails.
        control => drop(write!(text, "\\X{:02X}\\", u32::from(control))),
    }
}

fn is_json_special(character: char) -> bool {
    matches!(character, '"' | '\\') || character < ' '
}

/// The inside of a JSON string (RFC 8259, section 7).
fn push_json(text: &mut String, character: char) {
    match character {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        control => drop(write!(text, "\\u{:04x}", u32::from(control))),
    }
}

fn is_xml_special(character: char) -> bool {
    matches!(character, '&' | '<' | '>' | '"' | '\'' | '\u{fffe}' | '\u{ffff}')
        || (character < ' ' && !matches!(character, '\t' | '\n'))
}

/// Good for content and for attributes. A carriage return needs a reference to
/// survive; other control characters are no XML and become U+FFFD.
fn push_xml(text: &mut String, character: char) {
    match character {
        '&' => text.push_str("&amp;"),
        '<' => text.push_str("&lt;"),
        '>' => text.push_str("&gt;"),
        '"' => text.push_str("&quot;"),
        '\'' => text.push_str("&apos;"),
        '\r' => text.push_str("&#xD;"),
        _ => text.push('\u{fffd}'),
    }
}

/// One field (RFC 4180): in quotation marks where it must be.
fn csv_encode(value: &str) -> Cow<'_, str> {
    let special = value.contains([',', '"', '\r', '\n']);
    if !special && !value.starts_with([' ', '\t']) && !value.ends_with([' ', '\t']) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("\"{}\"", value.replace('"', "\"\"")))
}
