//! The vocabulary that all formats share.

use std::borrow::Cow;

/// What stands at one place of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The place does not exist.
    Absent,
    /// It exists and holds nothing.
    Empty,
    /// HL7: exactly `""`, which asks the reader to delete. JSON: `null`.
    Null,
    /// Decoded text: escapes resolved, quotes removed.
    Text(Cow<'a, str>),
}

/// The format of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    Hl7,
    Json,
    Csv,
    Xml,
    Text,
    Binary,
    Dicom,
}

impl Format {
    /// The name that plugins and configuration use: `hl7`, `json`, `csv`,
    /// `xml`, `text`, `binary`, `dicom`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hl7 => "hl7",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Xml => "xml",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Dicom => "dicom",
        }
    }

    /// The format of that name; `None` when there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Hl7, Self::Json, Self::Csv, Self::Xml, Self::Text, Self::Binary, Self::Dicom]
            .into_iter()
            .find(|format| format.name() == name)
    }
}

/// How large and how deep a message may be. All are refused with a `Problem`
/// whose code starts with `limit.` before memory is spent on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message. Default 16 MiB: embedded PDFs fit. HL7 has at most
    /// 1 GiB, whatever is set here, and is counted in UTF-8 where it is in UTF-16,
    /// UTF-32 or another set that cannot be read in place: what an edit leaves
    /// within the limit can be parsed again, however it is written. Whoever takes
    /// bytes in (a receiver, `tureen run`) has a limit on these besides.
    pub message_bytes: usize,
    /// HL7 segments. Default 65,535.
    pub segments: usize,
    /// Messages of an HL7 batch, and batches of a file. Default 10,000.
    pub messages: usize,
    /// The highest HL7 field, repetition or component number that a write may
    /// create, and that a path may name. Default 65,535.
    pub index: usize,
    /// Nesting of JSON, XML and DICOM sequences. Default 128.
    pub depth: usize,
    /// Steps of one JSON selector that may mean several places, such as
    /// `newtonsoft:$..code`: one for each byte that it passes over, as often as it
    /// does, 16 more for each value, 16 for each byte that a regular expression
    /// reads. Default 536,870,912, about a second of work. A read that needs more
    /// finds what it found until then; an edit is refused.
    pub path_steps: usize,
    /// Attributes of an XML element. Default 256.
    pub attributes: usize,
    /// XML namespace declarations in scope at one place. Default 64.
    pub namespaces: usize,
    /// Nodes (elements, attributes, texts, comments, instructions) of an XML
    /// message that `xpath:` expressions and declared prefixes are used on; the
    /// table of them takes 32 bytes each. Default 1,000,000.
    pub expression_nodes: usize,
    /// What evaluating one `xpath:` expression may cost: one for each node that
    /// is looked at and for every 8 bytes of text. Default 10,000,000, which is
    /// a fraction of a second.
    pub expression_steps: u64,
    /// CSV columns of a row. Default 10,000.
    pub columns: usize,
    /// Bytes of one CSV field. Default 1 MiB.
    pub field_bytes: usize,
    /// Elements and items of a DICOM data set. Default 100,000: an image of
    /// thousands of frames fits.
    pub elements: usize,
    /// Bytes of all values of a DICOM message that its JSON shows, which are
    /// those that are no bulk data. They bound the JSON, which can be some 25
    /// times as large at worst. Default 4 MiB.
    pub shown_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 16 << 20,
            segments: 65_535,
            messages: 10_000,
            index: 65_535,
            depth: 128,
            path_steps: 512 << 20,
            attributes: 256,
            namespaces: 64,
            expression_nodes: 1_000_000,
            expression_steps: 10_000_000,
            columns: 10_000,
            field_bytes: 1 << 20,
            elements: 100_000,
            shown_bytes: 4 << 20,
        }
    }
}
