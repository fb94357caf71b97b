//! The small vocabulary of messages: values, formats, directions, and the ids
//! of a workflow's settings.

use crate::Problem;
use std::fmt;

/// What stands at one place of a message. The first three are different
/// things: HL7's explicit null asks the reader to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The place does not exist.
    Absent,
    /// It exists and holds nothing.
    Empty,
    /// HL7: exactly `""`. JSON: `null`.
    Null,
    /// Decoded text: escapes resolved, quotes removed.
    Text(String),
}

impl Value {
    /// The text; `None` for absent, empty and null.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Empty | Self::Null => None,
        }
    }

    /// Whether the place exists, whatever it holds.
    pub fn exists(&self) -> bool {
        *self != Self::Absent
    }
}

/// The format of a message, which is also the language of its paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// HL7 version 2: `PID-3[2].1`.
    Hl7,
    /// `Patient/Medications[1]/Code`.
    Json,
    /// One row; `[0]` is its first column.
    Csv,
    /// `Root/Child[2]/@attribute`.
    Xml,
    /// One text; a path is ignored.
    Text,
    /// Bytes, read as base64; a path is ignored.
    Binary,
    /// A DICOM file, read by JSON paths and never edited:
    /// `CommonFields/PatientID`.
    Dicom,
    /// One that this version of the SDK does not know.
    Other,
}

/// The formats and the names that the contract gives them.
const FORMAT_NAMES: [(Format, &str); 7] = [
    (Format::Hl7, "hl7"),
    (Format::Json, "json"),
    (Format::Csv, "csv"),
    (Format::Xml, "xml"),
    (Format::Text, "text"),
    (Format::Binary, "binary"),
    (Format::Dicom, "dicom"),
];

impl Format {
    /// The contract's name of it, `hl7`; of one that is not known, "".
    pub fn name(self) -> &'static str {
        FORMAT_NAMES.iter().find(|(format, _)| *format == self).map_or("", |(_, name)| name)
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Self {
        FORMAT_NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map_or(Self::Other, |(format, _)| *format)
    }
}

/// Which of a setting's two messages is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// Of the receiver: the message that was received. Of an activity: the
    /// response that it got.
    Inbound,
    /// Of the receiver: the response being built. Of an activity: the message
    /// that it sends.
    Outbound,
}

/// The id of a setting of the workflow: a GUID.
///
/// Read from every form that .NET writes (`N`, `D`, `B`, `P`), in any case; an
/// empty text is [`SettingId::NONE`]. Written in lower case with dashes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SettingId(u128);

impl SettingId {
    /// The id of nothing: 32 zeros. Where a message is asked for, the receiver.
    pub const NONE: Self = Self(0);

    /// Reads an id.
    ///
    /// # Errors
    /// `setting.id` when the text is not a GUID.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let bare = text.trim();
        let bare = unwrapped(bare, '{', '}').or_else(|| unwrapped(bare, '(', ')')).unwrap_or(bare);
        if bare.is_empty() {
            return Ok(Self::NONE);
        }
        let dashes: Vec<usize> = bare.match_indices('-').map(|(at, _)| at).collect();
        let well_placed = dashes.is_empty() || dashes == [8, 13, 18, 23];
        let digits: String = bare.chars().filter(|character| *character != '-').collect();
        let hexadecimal = digits.len() == 32 && digits.chars().all(|c| c.is_ascii_hexdigit());
        match u128::from_str_radix(&digits, 16) {
            Ok(number) if well_placed && hexadecimal => Ok(Self(number)),
            _ => Err(Problem::new(
                "setting.id",
                format!(
                    "expected a GUID such as 01234567-89ab-cdef-0123-456789abcdef, found {} \
                     characters that are not one",
                    text.chars().count()
                ),
            )),
        }
    }

    /// Whether it is the id of nothing.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

fn unwrapped(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

impl fmt::Display for SettingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0;
        write!(
            formatter,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            number >> 96,
            (number >> 80) & 0xffff,
            (number >> 64) & 0xffff,
            (number >> 48) & 0xffff,
            number & 0xffff_ffff_ffff
        )
    }
}

impl fmt::Debug for SettingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_from_every_form_of_a_guid() {
        let expected = "d0000000-0000-4000-8000-00000000000a";
        for text in [
            "d0000000-0000-4000-8000-00000000000a",
            "D0000000-0000-4000-8000-00000000000A",
            "d000000000004000800000000000000a",
            "{d0000000-0000-4000-8000-00000000000a}",
            "(d0000000-0000-4000-8000-00000000000a)",
            "  d0000000-0000-4000-8000-00000000000a ",
        ] {
            assert_eq!(SettingId::parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn an_empty_id_and_zeros_are_the_id_of_nothing() {
        for text in ["", " ", "{}", "00000000-0000-0000-0000-000000000000"] {
            assert!(SettingId::parse(text).unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_guid_is_refused_without_being_quoted() {
        for text in [
            "d0000000",
            "+0000000000040008000000000000000",
            "d0000000-00004000-8000-0000-00000000000a",
            "d0000000-0000-4000-8000-00000000000g",
            "{d0000000-0000-4000-8000-00000000000a",
        ] {
            let problem = SettingId::parse(text).unwrap_err();
            assert_eq!(problem.code, "setting.id", "{text}");
            assert!(!problem.text.contains(text), "{text}");
        }
    }

    #[test]
    fn a_format_that_is_not_known_is_other() {
        assert_eq!(Format::from_name("hl7"), Format::Hl7);
        assert_eq!(Format::from_name("dicom"), Format::Dicom);
        assert_eq!(Format::from_name("fhir"), Format::Other);
        assert_eq!(Format::Other.name(), "");
    }
}
