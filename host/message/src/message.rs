//! One message of any format.
//!
//! Stage: bytes and their declared format → **message**. Knows: which format
//! answers which call. Deliberately does not know: how any of them works.
//!
//! A path of another format than the message's reads as absent and is refused
//! for writing.

use std::borrow::Cow;
use std::fmt;

use crate::binary::Binary;
use crate::csv::{Csv, CsvOptions};
use crate::dicom::{Dicom, DicomOptions};
use crate::hl7::Hl7;
use crate::json::Json;
use crate::text::Text;
use crate::xml::Xml;
use crate::{Format, Limits, Path, Problem, Value};

/// A message: bytes that can be read and changed by path.
#[derive(Clone)]
pub enum Message {
    Hl7(Hl7),
    Json(Json),
    Csv(Csv),
    Xml(Xml),
    Text(Text),
    Binary(Binary),
    Dicom(Dicom),
}

/// What parsing needs besides the bytes.
#[derive(Clone, Debug, Default)]
pub struct ParseOptions {
    pub limits: Limits,
    pub csv: CsvOptions,
    pub dicom: DicomOptions,
}

/// Calls one method on whichever format the message has.
macro_rules! of_each {
    ($message:expr, $inner:ident => $call:expr) => {
        match $message {
            Message::Hl7($inner) => $call,
            Message::Json($inner) => $call,
            Message::Csv($inner) => $call,
            Message::Xml($inner) => $call,
            Message::Text($inner) => $call,
            Message::Binary($inner) => $call,
            Message::Dicom($inner) => $call,
        }
    };
}

/// Calls one method with the path of the message's own format.
macro_rules! at_path {
    ($message:expr, $path:expr, $inner:ident, $place:ident => $call:expr, else $other:expr) => {
        match ($message, $path) {
            (Message::Hl7($inner), Path::Hl7($place)) => $call,
            (Message::Json($inner), Path::Json($place)) => $call,
            (Message::Dicom($inner), Path::Json($place)) => $call,
            (Message::Csv($inner), Path::Csv($place)) => $call,
            (Message::Xml($inner), Path::Xml($place)) => $call,
            (Message::Text($inner), Path::Whole) => {
                let $place = &crate::text::Whole;
                $call
            }
            (Message::Binary($inner), Path::Whole) => {
                let $place = &crate::text::Whole;
                $call
            }
            _ => $other,
        }
    };
}

impl Message {
    /// Parses bytes as a message of the given format.
    ///
    /// # Errors
    /// What is wrong with the bytes for that format, or the limit that they
    /// exceed. The sender is at fault.
    pub fn parse(format: Format, bytes: Vec<u8>, options: &ParseOptions) -> Result<Self, Problem> {
        let limits = &options.limits;
        match format {
            Format::Hl7 => Hl7::parse(bytes, limits).map(Self::Hl7),
            Format::Json => Json::parse(bytes, limits).map(Self::Json),
            Format::Csv => Csv::parse(bytes, &options.csv, limits).map(Self::Csv),
            Format::Xml => Xml::parse(bytes, limits).map(Self::Xml),
            Format::Text => Text::parse(bytes, limits).map(Self::Text),
            Format::Binary => Binary::parse(bytes, limits).map(Self::Binary),
            Format::Dicom => Dicom::parse(bytes, options.dicom, limits).map(Self::Dicom),
        }
    }

    /// As [`Message::parse`], from text that was put together here. HL7 is written in the
    /// character set that its MSH-18 names, the others in UTF-8.
    ///
    /// # Errors
    /// As [`Message::parse`] and [`Hl7::parse_text`]. Whoever wrote the text is at fault.
    pub fn parse_text(
        format: Format,
        text: String,
        options: &ParseOptions,
    ) -> Result<Self, Problem> {
        match format {
            Format::Hl7 => Hl7::parse_text(text, &options.limits).map(Self::Hl7),
            _ => Self::parse(format, text.into_bytes(), options),
        }
    }

    /// What it was parsed with: enough to parse its bytes again, elsewhere.
    pub fn parse_options(&self) -> ParseOptions {
        let limits = of_each!(self, message => message.limits()).clone();
        let mut options = ParseOptions { limits, ..ParseOptions::default() };
        match self {
            Self::Csv(message) => options.csv = message.options().clone(),
            Self::Dicom(message) => options.dicom = message.options(),
            Self::Hl7(_) | Self::Json(_) | Self::Xml(_) | Self::Text(_) | Self::Binary(_) => {}
        }
        options
    }

    /// The format of the message.
    pub fn format(&self) -> Format {
        match self {
            Self::Hl7(_) => Format::Hl7,
            Self::Json(_) => Format::Json,
            Self::Csv(_) => Format::Csv,
            Self::Xml(_) => Format::Xml,
            Self::Text(_) => Format::Text,
            Self::Binary(_) => Format::Binary,
            Self::Dicom(_) => Format::Dicom,
        }
    }

    /// The message exactly as it would be written.
    pub fn bytes(&self) -> &[u8] {
        of_each!(self, message => message.bytes())
    }

    /// The message exactly as it would be written, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        of_each!(self, message => message.into_bytes())
    }

    /// How many bytes the message has in memory. Asking after every edit costs
    /// nothing, while [`Message::bytes`] may have to put the message together.
    pub fn size(&self) -> usize {
        match self {
            Self::Hl7(message) => message.size(),
            other => other.bytes().len(),
        }
    }

    /// The message as text; a binary one as base64, a DICOM one as its JSON.
    pub fn whole_text(&self) -> Cow<'_, str> {
        of_each!(self, message => message.whole_text())
    }

    /// Parses a path for this message's format.
    ///
    /// # Errors
    /// As [`Path::parse`].
    pub fn path(&self, text: &str) -> Result<Path, Problem> {
        Path::parse(self.format(), text)
    }

    /// Does what reading a path takes as far as that can fail: of XML messages,
    /// evaluating an expression. Where it fails, the path reads as absent, so
    /// who must tell the two apart asks here first; the answer is remembered.
    ///
    /// # Errors
    /// `limit.expression-nodes`, `limit.expression-steps`.
    pub fn prepare(&self, path: &Path) -> Result<(), Problem> {
        match (self, path) {
            (Self::Xml(message), Path::Xml(path)) => message.prepare(path),
            _ => Ok(()),
        }
    }

    /// What stands at a place, told apart as absent, empty, null or text.
    pub fn get(&self, path: &Path) -> Value<'_> {
        at_path!(self, path, message, place => message.get(place), else Value::Absent)
    }

    /// The place as workflow text: absent and empty are `""`, an HL7 null is
    /// its two quotes (so that a copy keeps it), a JSON null is `""`.
    pub fn text(&self, path: &Path) -> Cow<'_, str> {
        at_path!(self, path, message, place => message.text(place), else Cow::Borrowed(""))
    }

    /// The wire text of a place: separators and escapes as they stand.
    pub fn structure(&self, path: &Path) -> Option<Cow<'_, str>> {
        at_path!(self, path, message, place => message.structure(place), else None)
    }

    /// How many siblings the path's last step addresses: segments of one name,
    /// repetitions of a field, items of an array, elements of one name, rows, a
    /// row's columns; 1 for text and binary.
    pub fn count(&self, path: &Path) -> usize {
        at_path!(self, path, message, place => message.count(place), else 0)
    }

    /// The exact paths of everything that a pattern with `[*]` matches, in
    /// document order, at most 65,535. A JSON member whose name is longer than a
    /// path may be has no exact path and is left out; it counts all the same.
    pub fn find(&self, pattern: &Path) -> Vec<String> {
        at_path!(self, pattern, message, place => message.find(place), else Vec::new())
    }

    /// Writes a value, escaped as the format asks; creates what is missing
    /// where the format can.
    ///
    /// # Errors
    /// Why the place cannot take the value. The message is then unchanged.
    pub fn set(&mut self, path: &Path, value: &str) -> Result<(), Problem> {
        at_path!(self, path, message, place => message.set(place, value), else Err(other_format()))
    }

    /// Writes the format's explicit null.
    ///
    /// # Errors
    /// As [`Message::set`]; CSV, XML, text and binary have no null.
    pub fn set_null(&mut self, path: &Path) -> Result<(), Problem> {
        at_path!(self, path, message, place => message.set_null(place), else Err(other_format()))
    }

    /// Writes wire text, which may bring separators of its own.
    ///
    /// # Errors
    /// As [`Message::set`], and when the message would not be one afterwards.
    pub fn set_structure(&mut self, path: &Path, text: &str) -> Result<(), Problem> {
        at_path!(
            self, path, message, place => message.set_structure(place, text),
            else Err(other_format())
        )
    }

    /// Appends raw text: HL7 gets one or more last segments, CSV rows, text a line.
    ///
    /// # Errors
    /// JSON, XML and binary messages cannot be appended to; HL7 takes segments
    /// only.
    pub fn append(&mut self, text: &str) -> Result<(), Problem> {
        of_each!(self, message => message.append(text))
    }

    /// Inserts wire text as a new sibling **before** the place that the path
    /// addresses: a segment or a repetition, an item of an array, an element. One
    /// behind the last sibling appends. Later siblings move up by one.
    ///
    /// # Errors
    /// `edit.insert` where the format has no such siblings or a gap would arise;
    /// else as [`Message::set_structure`]. The message is then unchanged.
    pub fn insert(&mut self, path: &Path, text: &str) -> Result<(), Problem> {
        at_path!(self, path, message, place => message.insert(place, text), else Err(other_format()))
    }

    /// Removes what the pattern matches; answers how many places that was.
    ///
    /// # Errors
    /// When the message would not be one afterwards.
    pub fn remove(&mut self, pattern: &Path) -> Result<usize, Problem> {
        at_path!(self, pattern, message, place => message.remove(place), else Err(other_format()))
    }

    /// What is wrong with the message for its format; empty means valid.
    pub fn check(&self) -> Vec<Problem> {
        of_each!(self, message => message.check())
    }

    /// Replaces the whole content and keeps the format.
    ///
    /// # Errors
    /// As [`Message::parse`]. The message is then unchanged.
    pub fn replace(&mut self, bytes: Vec<u8>, options: &ParseOptions) -> Result<(), Problem> {
        *self = Self::parse(self.format(), bytes, options)?;
        Ok(())
    }
}

impl fmt::Debug for Message {
    /// Format and length, never content: a message may be logged by accident.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Message({}, {} bytes)", self.format().name(), self.size())
    }
}

fn other_format() -> Problem {
    Problem::new("path.format", "the path is of another format than the message")
}

#[cfg(test)]
mod tests;
