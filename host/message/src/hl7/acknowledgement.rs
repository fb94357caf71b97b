//! Building acknowledgements (HL7 v2 chapter 2.9): MSH, MSA and ERR.
//!
//! Stage: outcome of a message → **acknowledgement bytes**. Knows: which header
//! fields are echoed and how an error is written per version. Deliberately does
//! not know: the clock, how control ids are made, the wire.
//!
//! # Invariants
//! - The answer is written with the delimiters of the message and in UTF-8
//!   (contract 4.2); every segment ends in CR.
//! - MSH-18 is that of the message while it is true for the answer.
//! - MSA-2 is MSH-10, byte for byte where the message is ASCII or UTF-8.
//! - Building never fails: a character that cannot be escaped becomes `?`.

mod asked;
mod batch;

use std::borrow::Cow;

pub use self::batch::BatchAcknowledgement;

use super::charset::{CharacterSet, Declared, Resolved};
use super::delimiters::Delimiters;
use super::escape::escape;
use super::header::Header;
use super::path::Hl7Path;
use super::received::UNICODE_UTF_8;
use super::split::part;

pub use self::asked::Asked;

/// MSA-1: table 0008.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// Application accept.
    AA,
    /// Application error: the content was refused.
    AE,
    /// Application reject: not processable, or of a wrong type, version or
    /// processing id.
    AR,
    /// Commit accept.
    CA,
    /// Commit error.
    CE,
    /// Commit reject.
    CR,
}

impl Code {
    /// The two letters of MSA-1.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AA => "AA",
            Self::AE => "AE",
            Self::AR => "AR",
            Self::CA => "CA",
            Self::CE => "CE",
            Self::CR => "CR",
        }
    }

    /// Whether the code says that the message was taken.
    pub fn is_accept(self) -> bool {
        matches!(self, Self::AA | Self::CA)
    }
}

/// ERR-3: message error condition, table 0357.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    SegmentSequence,
    RequiredFieldMissing,
    DataType,
    TableValueNotFound,
    UnsupportedMessageType,
    UnsupportedEventCode,
    UnsupportedProcessingId,
    UnsupportedVersionId,
    UnknownKeyIdentifier,
    DuplicateKeyIdentifier,
    ApplicationRecordLocked,
    ApplicationInternalError,
}

impl Condition {
    /// The code and the text of table 0357.
    pub fn code_and_text(self) -> (&'static str, &'static str) {
        match self {
            Self::SegmentSequence => ("100", "Segment sequence error"),
            Self::RequiredFieldMissing => ("101", "Required field missing"),
            Self::DataType => ("102", "Data type error"),
            Self::TableValueNotFound => ("103", "Table value not found"),
            Self::UnsupportedMessageType => ("200", "Unsupported message type"),
            Self::UnsupportedEventCode => ("201", "Unsupported event code"),
            Self::UnsupportedProcessingId => ("202", "Unsupported processing id"),
            Self::UnsupportedVersionId => ("203", "Unsupported version id"),
            Self::UnknownKeyIdentifier => ("204", "Unknown key identifier"),
            Self::DuplicateKeyIdentifier => ("205", "Duplicate key identifier"),
            Self::ApplicationRecordLocked => ("206", "Application record locked"),
            Self::ApplicationInternalError => ("207", "Application internal error"),
        }
    }
}

/// What was wrong, for the ERR segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorDetail {
    pub condition: Condition,
    /// The place at fault, where there is one.
    pub location: Option<Hl7Path>,
}

/// An acknowledgement to be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement<'a> {
    pub code: Code,
    /// For a person: MSA-3 of versions below 2.7 (80 characters) and ERR-8
    /// (250 characters). Must not hold content of the message.
    pub text: Option<&'a str>,
    /// A negative code without a detail is answered with condition 207.
    pub error: Option<ErrorDetail>,
    /// MSH-10: new and unique.
    pub control_id: &'a str,
    /// MSH-7: `YYYYMMDDHHMMSS[.sss]±ZZZZ`.
    pub timestamp: &'a str,
}

const MSA_TEXT_CHARACTERS: usize = 80;
const ERR_TEXT_CHARACTERS: usize = 250;
/// The header of an answer ends here, unless it names its character set.
const LAST_HEADER_FIELD: usize = 12;
/// MSH-12 of an answer to what had no readable header.
const DEFAULT_VERSION: &[u8] = b"2.5";

impl Acknowledgement<'_> {
    /// The bytes of the acknowledgement to the message with that header.
    ///
    /// Without a header it has the delimiters `|^~\&`, no addresses and an
    /// empty MSA-2.
    pub fn build(&self, header: Option<&Header>) -> Vec<u8> {
        let mut writer = Writer::new(header);
        self.write_header(&mut writer, header);
        let header_end = writer.bytes.len();
        writer.end_segment();
        self.write_acknowledgement(&mut writer, header);
        if !self.code.is_accept() || self.error.is_some() {
            self.write_error(&mut writer, header);
        }
        let declared = declared_charset(header, writer.bytes.is_ascii());
        if !declared.is_empty() {
            let mut fields = vec![writer.delimiters.field; 18 - LAST_HEADER_FIELD];
            fields.extend_from_slice(&declared);
            writer.bytes.splice(header_end..header_end, fields);
        }
        writer.bytes
    }

    /// MSH-1 to MSH-12, without an end.
    fn write_header(&self, writer: &mut Writer, header: Option<&Header>) {
        writer.bytes.extend_from_slice(b"MSH");
        match header {
            Some(header) => writer.field(header.encoding_characters()),
            None => writer.field(br"^~\&"),
        }
        for number in [5, 6, 3, 4] {
            writer.field(&raw_field(header, number));
        }
        writer.text_field(self.timestamp);
        writer.field(b"");
        writer.message_type(&trigger_event(header));
        writer.text_field(self.control_id);
        match header {
            Some(_) => {
                writer.field(&raw_field(header, 11));
                writer.field(&raw_field(header, 12));
            }
            None => {
                writer.field(b"P");
                writer.field(DEFAULT_VERSION);
            }
        }
    }

    fn write_acknowledgement(&self, writer: &mut Writer, header: Option<&Header>) {
        writer.bytes.extend_from_slice(b"MSA");
        writer.field(self.code.as_str().as_bytes());
        writer.field(&raw_field(header, 10));
        if let Some(text) = self.text
            && !is_at_least(header, (2, 7))
        {
            writer.text_field(shortened(text, MSA_TEXT_CHARACTERS));
        }
        writer.end_segment();
    }

    fn write_error(&self, writer: &mut Writer, header: Option<&Header>) {
        let detail = self.error.unwrap_or(ErrorDetail {
            condition: Condition::ApplicationInternalError,
            location: None,
        });
        let (code, text) = detail.condition.code_and_text();
        let location = location_parts(detail.location.as_ref());
        writer.bytes.extend_from_slice(b"ERR");
        if is_at_least(header, (2, 5)) || version(header).is_none() {
            writer.field(b"");
            writer.components(&location);
            writer.components(&[code, text, "HL70357"].map(str::to_owned));
            writer.field(b"E");
            if let Some(text) = self.text {
                for _ in 5..8 {
                    writer.field(b"");
                }
                writer.text_field(shortened(text, ERR_TEXT_CHARACTERS));
            }
        } else {
            writer.old_error(&location, [code, text, "HL70357"]);
        }
        writer.end_segment();
    }
}

fn shortened(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters).map_or(text.len(), |(offset, _)| offset);
    text.get(..end).unwrap_or(text)
}

/// Segment, occurrence, field, repetition, component, sub-component.
fn location_parts(location: Option<&Hl7Path>) -> Vec<String> {
    let Some(path) = location else { return Vec::new() };
    let mut parts = vec![path.segment.to_string(), path.occurrence.number().to_string()];
    if let Some(element) = path.element {
        parts.push(element.field.to_string());
        parts.push(element.repetition.number().to_string());
        let below = [element.component, element.subcomponent];
        parts.extend(below.iter().take_while(|number| **number > 0).map(u16::to_string));
    }
    parts
}

/// A field of the message's header as it stands, in UTF-8.
fn raw_field(header: Option<&Header>, number: usize) -> Cow<'_, [u8]> {
    let Some(header) = header else { return Cow::Borrowed(b"") };
    in_utf8(header, header.field(number).unwrap_or_default())
}

/// Bytes of a header in UTF-8. What claims to be UTF-8 is taken as it is, so
/// that a sender finds the control id that it sent.
fn in_utf8<'a>(header: &Header, raw: &'a [u8]) -> Cow<'a, [u8]> {
    if raw.is_ascii() || header.charset() == CharacterSet::Utf8 {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(header.charset().decode(raw).into_owned().into_bytes())
}

/// MSH-18 of the answer: that of the message where it is true of the answer's
/// bytes, else UTF-8. An empty one means ASCII (HL7 v2 chapter 2.14.9.18).
fn declared_charset(header: Option<&Header>, is_ascii: bool) -> Cow<'_, [u8]> {
    let field = raw_field(header, 18);
    let separator = header.and_then(|header| header.delimiters().repetition);
    let first = part(&field, separator, 1).ok().and_then(|range| field.get(range));
    let is_true = match Declared::from_name(first.unwrap_or_default()) {
        Declared::Set(CharacterSet::Utf8) => true,
        Declared::Transcoded(transcoding) => {
            is_ascii && !Resolved::Transcoded(transcoding).set().is_wide()
        }
        Declared::Set(_) | Declared::Nothing => is_ascii,
        Declared::Unknown => false,
    };
    if is_true { field } else { Cow::Borrowed(UNICODE_UTF_8) }
}

/// MSH-9.2 as it stands, in UTF-8.
fn trigger_event(header: Option<&Header>) -> Cow<'_, [u8]> {
    let found = header.and_then(|header| {
        let field = header.field(9)?;
        let delimiters = header.delimiters();
        let first = field.get(part(field, delimiters.repetition, 1).ok()?)?;
        let event = first.get(part(first, delimiters.component, 2).ok()?)?;
        Some(in_utf8(header, event))
    });
    found.unwrap_or_default()
}

/// Major and minor number of MSH-12.1.
fn version(header: Option<&Header>) -> Option<(u16, u16)> {
    let version = header?.version();
    let mut numbers = version.trim().split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next().and_then(Result::ok).unwrap_or(0)))
}

fn is_at_least(header: Option<&Header>, wanted: (u16, u16)) -> bool {
    version(header).is_some_and(|version| version >= wanted)
}

/// Writes segments in UTF-8 with the delimiters of a header.
struct Writer {
    bytes: Vec<u8>,
    delimiters: Delimiters,
}

impl Writer {
    fn new(header: Option<&Header>) -> Self {
        Self {
            bytes: Vec::with_capacity(256),
            delimiters: header.map_or(Delimiters::STANDARD, |header| *header.delimiters()),
        }
    }

    fn field(&mut self, raw: &[u8]) {
        self.bytes.push(self.delimiters.field);
        self.bytes.extend_from_slice(raw);
    }

    fn text_field(&mut self, text: &str) {
        self.bytes.push(self.delimiters.field);
        self.text(text);
    }

    fn text(&mut self, text: &str) {
        if let Ok(raw) = escape(text, &self.delimiters, CharacterSet::Utf8) {
            self.bytes.extend_from_slice(&raw);
            return;
        }
        let mut buffer = [0; 4];
        for character in text.chars() {
            match escape(character.encode_utf8(&mut buffer), &self.delimiters, CharacterSet::Utf8) {
                Ok(raw) => self.bytes.extend_from_slice(&raw),
                Err(_) => self.bytes.push(b'?'),
            }
        }
    }

    /// A field of components; only the first where components are not in use.
    fn components(&mut self, parts: &[String]) {
        self.bytes.push(self.delimiters.field);
        self.joined(parts, self.delimiters.component);
    }

    fn joined(&mut self, parts: &[impl AsRef<str>], separator: Option<u8>) {
        for (number, part) in parts.iter().enumerate() {
            match (number, separator) {
                (0, _) => {}
                (_, Some(separator)) => self.bytes.push(separator),
                (_, None) => return,
            }
            self.text(part.as_ref());
        }
    }

    /// `ACK^<trigger event>^ACK`; the event is empty where the message has none.
    fn message_type(&mut self, trigger_event: &[u8]) {
        self.field(b"ACK");
        if let Some(component) = self.delimiters.component {
            self.bytes.push(component);
            self.bytes.extend_from_slice(trigger_event);
            self.bytes.push(component);
            self.bytes.extend_from_slice(b"ACK");
        }
    }

    /// ERR-1 below version 2.5: `<segment>^<sequence>^<field>^<code>&<text>&<table>`.
    fn old_error(&mut self, location: &[String], code: [&str; 3]) {
        let places = [0, 1, 2].map(|at| location.get(at).map_or("", String::as_str));
        self.bytes.push(self.delimiters.field);
        let Some(component) = self.delimiters.component else {
            return self.joined(&code, None);
        };
        for place in places {
            self.text(place);
            self.bytes.push(component);
        }
        self.joined(&code, self.delimiters.subcomponent);
    }

    fn end_segment(&mut self) {
        self.bytes.push(b'\r');
    }
}

/// Which acknowledgements a sender asks for (MSH-15 and MSH-16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Both fields are empty: one application acknowledgement.
    Original,
    /// Table 0155 decides for the accept and for the application
    /// acknowledgement.
    Enhanced { accept: When, application: When },
}

/// Table 0155: when an acknowledgement is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    Never,
    OnError,
    OnSuccess,
}

impl Mode {
    /// The mode that a header asks for. In enhanced mode an empty field means
    /// never; an unknown code means always, because a sender that waits in
    /// vain sends again.
    pub fn of(header: &Header) -> Self {
        let [accept, application] = [15, 16].map(|field| header.component(field, 1));
        if accept.is_empty() && application.is_empty() {
            return Self::Original;
        }
        Self::Enhanced { accept: When::of(&accept), application: When::of(&application) }
    }
}

impl When {
    fn of(code: &str) -> Self {
        match code {
            "NE" | "" => Self::Never,
            "ER" => Self::OnError,
            "SU" => Self::OnSuccess,
            _ => Self::Always,
        }
    }

    /// Whether an outcome is to be acknowledged.
    pub fn applies(self, success: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::OnError => !success,
            Self::OnSuccess => success,
        }
    }
}

/// Whether the message is itself an acknowledgement (MSH-9.1 is `ACK`, or `MCF`
/// for a delayed one), which is never acknowledged.
pub fn is_acknowledgement(header: &Header) -> bool {
    matches!(header.message_code().as_ref(), "ACK" | "MCF")
}

#[cfg(test)]
mod tests;
