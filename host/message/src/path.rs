//! A path in the language of its message's format.

use crate::csv::CsvPath;
use crate::hl7::Hl7Path;
use crate::json::JsonPath;
use crate::xml::XmlPath;
use crate::{Format, Problem};

/// A place, or a pattern of places, in a message. Parsed once and reused.
#[derive(Clone, Debug)]
pub enum Path {
    Hl7(Hl7Path),
    Json(JsonPath),
    Csv(CsvPath),
    Xml(XmlPath),
    /// The whole of a text or binary message, which have no places.
    Whole,
}

impl Path {
    /// Parses a path as messages of a format understand it. Those of
    /// DICOM messages are JSON paths. Text and binary messages ignore it.
    ///
    /// # Errors
    /// `path.syntax` and `limit.path`: whoever wrote the path is at fault.
    pub fn parse(format: Format, text: &str) -> Result<Self, Problem> {
        match format {
            Format::Hl7 => Hl7Path::parse(text).map(Self::Hl7),
            Format::Json | Format::Dicom => JsonPath::parse(text).map(Self::Json),
            Format::Csv => CsvPath::parse(text).map(Self::Csv),
            Format::Xml => XmlPath::parse(text).map(Self::Xml),
            Format::Text | Format::Binary => Ok(Self::Whole),
        }
    }
}
