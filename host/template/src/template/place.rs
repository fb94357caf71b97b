//! Where in the text of a message a value is inserted, and how it is written
//! there so that it stays a value (contract T-10).
//!
//! Knows: of each format just enough to tell a string, an attribute or a field
//! from what is around it. Deliberately does not know: placeholders, whether the
//! text is a whole message; that is found when it is parsed.
//!
//! # Invariants
//! - The state follows the authored text alone: a value that was written by
//!   these rules ends no string, element, field or segment.
//! - Linear: every byte of the text is looked at once.

use std::borrow::Cow;

use tureen_message::hl7::Delimiters;
use tureen_message::{Format, Message, ParseOptions, Problem};

use super::push;
use crate::formatting::Encoding;

mod csv;
#[cfg(test)]
mod tests;
mod xml;

use csv::CsvPlace;
use xml::XmlPlace;

/// The format whose rules values are written by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByFormat {
    /// Text and binary messages have no rules.
    pub format: Format,
    /// Between the fields of CSV.
    pub delimiter: u8,
}

/// A text that grows by authored text and by values.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) text: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Values are written as they are.
    Anywhere,
    Json(JsonPlace),
    Xml(XmlPlace),
    Hl7(Delimiters),
    Csv(CsvPlace),
}

#[derive(Debug, Default)]
struct JsonPlace {
    inside: bool,
    escaped: bool,
}

impl Written {
    /// An empty text in which values are written as they are.
    pub(super) fn as_is(capacity: usize) -> Self {
        Self { text: String::with_capacity(capacity), place: Place::Anywhere }
    }

    /// An empty text; `source` is what it will be made of, which tells the
    /// delimiters of an HL7 message.
    pub(super) fn by_format(capacity: usize, by: ByFormat, source: &str) -> Self {
        let place = match by.format {
            Format::Json => Place::Json(JsonPlace::default()),
            Format::Xml => Place::Xml(XmlPlace::default()),
            Format::Csv => Place::Csv(CsvPlace::new(by.delimiter)),
            Format::Hl7 => Place::Hl7(delimiters(source)),
            _ => Place::Anywhere,
        };
        Self { place, ..Self::as_is(capacity) }
    }

    /// Appends authored text.
    pub(super) fn authored(&mut self, more: &str) -> Result<(), Problem> {
        match &mut self.place {
            Place::Csv(place) => return place.authored(&mut self.text, more),
            Place::Json(place) => place.step_over(more),
            Place::Xml(place) => place.step_over(more),
            Place::Anywhere | Place::Hl7(_) => {}
        }
        push(&mut self.text, more)
    }

    /// Takes back the quotation mark that opened a JSON string.
    pub(super) fn unquote(&mut self) {
        self.text.pop();
        if let Place::Json(place) = &mut self.place {
            place.inside = false;
        }
    }

    /// Appends a value, written for where it stands.
    ///
    /// # Errors
    /// `template.place`: no writing keeps the value a value there;
    /// `limit.rendered-bytes`.
    pub(super) fn value(&mut self, value: &str) -> Result<(), Problem> {
        let written = match &mut self.place {
            Place::Anywhere => Cow::Borrowed(value),
            Place::Json(place) => place.write(value)?,
            Place::Xml(place) => place.write(value)?,
            Place::Hl7(delimiters) => hl7(value, delimiters)?,
            Place::Csv(place) => return place.value(&mut self.text, value),
        };
        push(&mut self.text, &written)
    }

    /// Appends a value that its author encodes himself. In CSV a line end or a delimiter in
    /// it ends the field, as it does where the author writes one.
    pub(super) fn raw(&mut self, value: &str) -> Result<(), Problem> {
        match &mut self.place {
            Place::Csv(place) => place.authored(&mut self.text, value),
            _ => push(&mut self.text, value),
        }
    }

    /// The text, complete.
    pub(super) fn end(mut self) -> Result<String, Problem> {
        if let Place::Csv(place) = &mut self.place {
            place.end(&mut self.text)?;
        }
        Ok(self.text)
    }
}

fn problem(text: impl Into<String>) -> Problem {
    Problem::new("template.place", text)
}

impl JsonPlace {
    fn step_over(&mut self, text: &str) {
        for byte in text.bytes() {
            match (self.inside, byte) {
                (true, _) if self.escaped => self.escaped = false,
                (true, b'\\') => self.escaped = true,
                (_, b'"') => self.inside = !self.inside,
                _ => {}
            }
        }
    }

    fn write<'v>(&self, value: &'v str) -> Result<Cow<'v, str>, Problem> {
        if self.escaped {
            return Err(problem("a placeholder may not stand right behind a backslash"));
        }
        if self.inside {
            return Encoding::JsonEncode.apply(value);
        }
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let is_json = || {
            let bytes = value.as_bytes().to_vec();
            Message::parse(Format::Json, bytes, &ParseOptions::default()).is_ok()
        };
        if value.bytes().all(is_word) || is_json() {
            return Ok(Cow::Borrowed(value));
        }
        Err(problem(format!(
            "outside a JSON string one JSON value is expected, found {} bytes that are none",
            value.len()
        )))
    }
}

/// The delimiters of the message that a text will be: those of its header.
fn delimiters(source: &str) -> Delimiters {
    let line = source.trim_start().split(['\r', '\n']).next().unwrap_or_default();
    let header = line.get(..3).filter(|name| matches!(*name, "MSH" | "FHS" | "BHS"));
    let read = header.and_then(|_| Delimiters::read(line.as_bytes()).ok());
    read.unwrap_or(Delimiters::STANDARD)
}

/// A value of an HL7 field, in the delimiters of its message (HL7 v2 chapter
/// 2.7). Line ends become `\.br\`, other control characters hexadecimal.
fn hl7<'v>(value: &'v str, delimiters: &Delimiters) -> Result<Cow<'v, str>, Problem> {
    let escape = delimiters.escape.map(char::from);
    let sequence = |character: char| -> Option<Cow<'static, str>> {
        let byte = u8::try_from(character).ok().filter(u8::is_ascii)?;
        Some(match Some(byte) {
            found if found == Some(delimiters.field) => "F".into(),
            found if found == delimiters.component => "S".into(),
            found if found == delimiters.repetition => "R".into(),
            found if found == delimiters.subcomponent => "T".into(),
            found if found == delimiters.escape => "E".into(),
            Some(b'\r' | b'\n') => ".br".into(),
            Some(control) if control < b' ' && control != b'\t' => format!("X{control:02X}").into(),
            _ => return None,
        })
    };
    if value.chars().all(|character| sequence(character).is_none()) {
        return Ok(Cow::Borrowed(value));
    }
    let Some(escape) = escape else {
        let text = "the value holds a delimiter, and the header of the message (MSH-2) declares no \
                    escape character";
        return Err(problem(text));
    };
    let mut text = String::with_capacity(value.len() + 16);
    let mut previous = None;
    for character in value.chars() {
        match sequence(character) {
            // One line end, not two.
            Some(_) if character == '\n' && previous == Some('\r') => {}
            Some(sequence) => {
                text.push(escape);
                text.push_str(&sequence);
                text.push(escape);
            }
            None => text.push(character),
        }
        previous = Some(character);
    }
    Ok(Cow::Owned(text))
}
