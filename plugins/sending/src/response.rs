//! The response as a message.

use std::borrow::Cow;

use tureen_plugin_sdk::{Choice, Finding, Format, Message, Settings, StepError};

use crate::charset::{CARRIED_BYTES_MAX, Charset, Untranslatable};
use crate::{hl7, xml};

const MESSAGE_TYPES: [Choice<Format>; 8] = [
    (1, "HL7", Format::Hl7),
    (1, "HL7V2", Format::Hl7),
    (4, "XML", Format::Xml),
    (5, "CSV", Format::Csv),
    (11, "JSON", Format::Json),
    (13, "Text", Format::Text),
    (14, "Binary", Format::Binary),
    (16, "DICOM", Format::Dicom),
];

/// What kind of message the response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseType(Format);

impl ResponseType {
    /// `ResponseMessageType` where `DifferentResponseMessageType` is true, else
    /// `MessageType` (contract 5.1, T-36).
    ///
    /// # Errors
    /// `settings.choice` for a type that no response can have.
    pub fn read(settings: &Settings) -> Result<Self, Finding> {
        let differs = settings.flag("DifferentResponseMessageType")?.unwrap_or(false);
        let name = if differs { "ResponseMessageType" } else { "MessageType" };
        Ok(Self(settings.choice(name, &MESSAGE_TYPES)?.unwrap_or(Format::Hl7)))
    }

    pub fn format(self) -> Format {
        self.0
    }

    /// The response of these bytes. `told` is the set that the sender's settings
    /// or the server name; ASCII says nothing of what is outside it.
    ///
    /// An empty response is an empty text, whatever its type: it is not taken
    /// for a message that is not there. Bytes that are given away are not copied
    /// where the host can read them as they are.
    ///
    /// # Errors
    /// `sender.response` when the bytes are not of the set or of the type, or too
    /// many. The server has taken the message all the same.
    pub fn message<'b>(
        self,
        bytes: impl Into<Cow<'b, [u8]>>,
        told: Option<Charset>,
    ) -> Result<Message, StepError> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Ok(Message::parse(Format::Text, b"")?);
        }
        let length = bytes.len();
        let told = told.filter(|set| *set != Charset::Ascii);
        let readable = match self.0 {
            Format::Binary | Format::Dicom => Ok(bytes),
            Format::Hl7 => hl7::readable(bytes, told),
            Format::Xml => xml::readable(bytes, told),
            _ => set_of_text(&bytes, told).decode(bytes),
        };
        let readable = readable.map_err(|why| unreadable(why, length))?;
        Message::parse(self.0, &readable).map_err(|problem| {
            let text = format!(
                "the server took the message, and its response of {length} bytes is no {} message \
                 ({}): name its type in ResponseMessageType, with DifferentResponseMessageType \
                 true, or set WaitForResponse to false",
                self.0.name(),
                problem.code,
            );
            StepError::failed("sender.response", text)
        })
    }
}

/// The set of what says nothing of it but by a byte order mark. Of UTF-16 the mark
/// knows the order of the bytes better than the name does.
fn set_of_text(bytes: &[u8], told: Option<Charset>) -> Charset {
    match (told, Charset::by_mark(bytes)) {
        (Some(told), Some(marked)) if told.is_wide() && marked.is_wide() => marked,
        (Some(told), _) => told,
        (None, marked) => marked.unwrap_or(Charset::Utf8),
    }
}

fn unreadable(why: Untranslatable, length: usize) -> StepError {
    let why = match why {
        Untranslatable::NotOfTheSet => "is not in the character set that it is said to be in, or \
             not in UTF-8 where nothing is said: let the server name the one that it writes, or name \
             that in Encoding"
            .to_owned(),
        Untranslatable::TooLong => format!(
            "has more than {CARRIED_BYTES_MAX} bytes in UTF-8, which is the most that is read from \
             another character set: let the server answer with less, or set WaitForResponse to \
             false"
        ),
    };
    let text = format!("the server took the message, and its response of {length} bytes {why}");
    StepError::failed("sender.response", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn format(settings: serde_json::Value) -> Format {
        ResponseType::read(&Settings::new(settings)).unwrap().format()
    }

    #[test]
    fn the_type_of_the_response_is_its_own_only_where_it_differs() {
        assert_eq!(format(json!({})), Format::Hl7);
        assert_eq!(format(json!({ "MessageType": 11, "ResponseMessageType": 4 })), Format::Json);
        assert_eq!(
            format(json!({ "MessageType": 11, "ResponseMessageType": "Text",
                           "DifferentResponseMessageType": true })),
            Format::Text
        );
        assert!(ResponseType::read(&Settings::new(json!({ "MessageType": 6 }))).is_err());
    }

    #[test]
    fn a_response_is_read_in_the_set_that_is_told() {
        let read = |format, bytes: &[u8], told: Option<&str>| {
            let told = told.map(|name| Charset::from_name(name).unwrap());
            let read = ResponseType(format).message(bytes, told);
            read.map(|message| message.text("").unwrap())
                .map_err(|error| error.problem().code.clone())
        };
        assert_eq!(read(Format::Text, b"Gr\xfcn", Some("iso-8859-1")).unwrap(), "Grün");
        assert_eq!(read(Format::Text, b"Gr\xfcn", None).unwrap_err(), "sender.response");
        assert_eq!(read(Format::Binary, b"\xff\x00", Some("utf-8")).unwrap(), "/wA=");
        assert_eq!(read(Format::Json, b"", None).unwrap(), "");
        assert_eq!(read(Format::Json, b"<html>", None).unwrap_err(), "sender.response");
        for name in ["us-ascii", "ascii", "ANSI_X3.4-1968"] {
            assert_eq!(read(Format::Text, "Grün".as_bytes(), Some(name)).unwrap(), "Grün");
        }
        assert_eq!(read(Format::Text, b"\xff\xfe\xfc\0", None).unwrap(), "ü");
        assert_eq!(read(Format::Text, b"\xfe\xff\0\xfc", Some("utf-16")).unwrap(), "ü");
        assert_eq!(read(Format::Text, b"\xfc\0", Some("utf-16")).unwrap(), "ü");
    }

    #[test]
    fn the_host_reads_hl7_and_xml_as_they_are_told_to_be_read() {
        let hl7 = |declared: &str, name: &[u8]| {
            let head = format!("MSH|^~\\&|X|Y|||2024||ACK|1|P|2.5||||||{declared}\rZZZ|");
            [head.as_bytes(), name, b"\r"].concat()
        };
        let xml = |encoding: &str, name: &[u8]| {
            let head = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?><a>");
            [head.as_bytes(), name, b"</a>"].concat()
        };
        let (latin, utf8) = (&b"Gr\xfcn"[..], "Grün".as_bytes());
        for (format, bytes, told) in [
            (Format::Hl7, hl7("8859/1", latin), None),
            (Format::Hl7, hl7("8859/1", latin), Some("iso-8859-1")),
            (Format::Hl7, hl7("8859/9", latin), Some("iso-8859-9")),
            (Format::Hl7, hl7("", latin), Some("iso-8859-1")),
            (Format::Hl7, hl7("UNICODE UTF-8", latin), Some("iso-8859-1")),
            (Format::Hl7, hl7("8859/1", utf8), Some("utf-8")),
            (Format::Hl7, hl7("KS X 1001", utf8), Some("utf-8")),
            (Format::Hl7, hl7("8859/1", latin), Some("us-ascii")),
            (Format::Xml, xml("iso-8859-1", latin), None),
            (Format::Xml, xml("iso-8859-1", latin), Some("iso-8859-1")),
            (Format::Xml, xml("utf-8", latin), Some("iso-8859-1")),
            (Format::Xml, xml("iso-8859-1", latin), Some("us-ascii")),
        ] {
            let set = told.map(|name| Charset::from_name(name).unwrap());
            let path = if format == Format::Hl7 { "ZZZ-1" } else { "a" };
            let read = ResponseType(format).message(bytes.as_slice(), set).unwrap();
            assert_eq!(read.text(path).unwrap(), "Grün", "{told:?}: {bytes:?}");
        }
    }

    #[test]
    fn a_response_that_becomes_too_long_is_told_as_such() {
        let bytes = vec![0xfc; CARRIED_BYTES_MAX / 2 + 1];
        let error = ResponseType(Format::Text).message(bytes, Some(Charset::Latin1));
        let text = error.err().unwrap().to_string();
        assert!(text.contains("bytes has more than 16841728 bytes in UTF-8"), "{text}");
    }

    #[test]
    fn what_is_told_of_a_bad_response_never_quotes_it() {
        let error = ResponseType(Format::Json).message(b"{\"name\":Ekholm}", None).unwrap_err();
        assert!(!error.to_string().contains("Ekholm"), "{error}");
    }
}
