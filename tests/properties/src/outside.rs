//! What comes from outside before a message is one: headers, character sets, media
//! types.

use tureen_message::Format;
use tureen_message::charset::{self, Undecodable};
use tureen_message::hl7::Header;
use tureen_message::hl7::acknowledgement::{Acknowledgement, Code, Condition, ErrorDetail};
use tureen_message::media_type::MediaType;
use tureen_message::{Limits, hl7::Hl7};

use crate::parts::{parts, text};

/// Whatever has a header gets an acknowledgement that is a message.
pub(crate) fn header(data: &[u8]) {
    let header = Header::read(data);
    for (code, condition) in [
        (Code::AA, None),
        (Code::AE, Some(Condition::ApplicationInternalError)),
        (Code::AR, Some(Condition::UnsupportedMessageType)),
    ] {
        let acknowledgement = Acknowledgement {
            code,
            text: condition.map(|_| "text with | ^ ~ \\ & \r and more"),
            error: condition.map(|condition| ErrorDetail { condition, location: None }),
            control_id: "1",
            timestamp: "20260102030405+0000",
        };
        let built = acknowledgement.build(header.as_ref());
        let parsed = Hl7::parse(built, &Limits::default());
        assert!(parsed.is_ok(), "an acknowledgement is a message");
    }
}

/// Decoding gives UTF-8 where the format wants it, and refuses or replaces the rest.
pub(crate) fn charset(data: &[u8]) {
    let [told, body] = parts::<2>(data);
    let _ = MediaType::parse(told);
    let told = text(told);
    let told = (!told.is_empty()).then_some(told.as_str());
    for format in
        [Format::Hl7, Format::Json, Format::Xml, Format::Csv, Format::Text, Format::Binary]
    {
        for undecodable in [Undecodable::Refuse, Undecodable::Replace] {
            let decoded = charset::decode(format, body.to_vec(), told, undecodable);
            let Ok(decoded) = decoded else { continue };
            match format {
                Format::Binary => assert_eq!(decoded.bytes, body, "bytes stay bytes"),
                Format::Hl7 => {}
                _ => assert!(std::str::from_utf8(&decoded.bytes).is_ok(), "text is UTF-8"),
            }
        }
    }
}
