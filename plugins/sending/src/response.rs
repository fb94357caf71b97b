//! The response as a message.

use tureen_plugin_sdk::{Choice, Finding, Format, Message, Settings, StepError};

use crate::Charset;

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
    /// or the server name.
    ///
    /// An empty response is an empty text, whatever its type: it is not taken
    /// for a message that is not there.
    ///
    /// # Errors
    /// `sender.response` when the bytes are not of the set or of the type. The
    /// server has taken the message all the same.
    pub fn message(self, bytes: &[u8], told: Option<Charset>) -> Result<Message, StepError> {
        if bytes.is_empty() {
            return Ok(Message::parse(Format::Text, b"")?);
        }
        let decoded = |set: Charset| {
            set.decode(bytes).map(String::into_bytes).ok_or_else(|| {
                let found = bytes.len();
                let text = format!(
                    "the server took the message, and its response of {found} bytes is not in \
                     the character set that it is said to be in"
                );
                StepError::failed("sender.response", text)
            })
        };
        let bytes = match (self.0, told) {
            (Format::Binary | Format::Dicom, _) => bytes.to_vec(),
            // These say themselves which set they are in.
            (Format::Hl7 | Format::Xml, None) => bytes.to_vec(),
            (_, told) => decoded(told.unwrap_or(Charset::Utf8))?,
        };
        Message::parse(self.0, &bytes).map_err(|problem| {
            let text = format!(
                "the server took the message, and its response of {} bytes is no {} message \
                 ({}): name its type in ResponseMessageType, with DifferentResponseMessageType \
                 true, or set WaitForResponse to false",
                bytes.len(),
                self.0.name(),
                problem.code,
            );
            StepError::failed("sender.response", text)
        })
    }
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
    }

    #[test]
    fn what_is_told_of_a_bad_response_never_quotes_it() {
        let error = ResponseType(Format::Json).message(b"{\"name\":Ekholm}", None).unwrap_err();
        assert!(!error.to_string().contains("Ekholm"), "{error}");
    }
}
