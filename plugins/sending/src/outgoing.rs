//! The bytes of a message that goes out.

use crate::Charset;
use tureen_plugin_sdk::{Context, Format, Message, StepError};

/// What is sent for a message. Without a set of its own it goes as it stands:
/// UTF-8, or HL7 in the set that its MSH-18 tells. Binary and DICOM messages are
/// bytes and have no set.
///
/// # Errors
/// Rejected, `sender.encoding`, when the set lacks a character of the message.
pub fn body(
    context: &Context,
    message: &Message,
    charset: Option<Charset>,
) -> Result<Vec<u8>, StepError> {
    let charset = match (message.format(), charset) {
        (Format::Binary | Format::Dicom, _) | (_, None) => return Ok(message.bytes()),
        (_, Some(charset)) => charset,
    };
    // The text as templates see it: decoded, whatever set it came in.
    let text = context.expand(&format!("${{{} outbound}}", context.setting()))?;
    charset.encode(&text).ok_or_else(|| {
        let text = "the message has a character that the character set of the sender lacks: name \
                    another one in Encoding, such as utf-8";
        StepError::rejected("sender.encoding", text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::prelude::*;
    use tureen_plugin_sdk::testkit::TestRun;

    struct Sent(Option<Charset>);

    impl Configure for Sent {
        fn configure(settings: &Settings, _: &Placement) -> Result<Self, Findings> {
            Ok(Self(Charset::read(settings)?))
        }
    }

    impl Activity for Sent {
        fn process(
            &mut self,
            context: &Context,
            message: &Message,
        ) -> Result<Option<Message>, StepError> {
            let bytes = body(context, message, self.0)?;
            Ok(Some(Message::parse(Format::Binary, &bytes)?))
        }
    }

    fn sent(format: Format, bytes: &[u8], encoding: &str) -> Result<Vec<u8>, String> {
        let run = TestRun::new().owner("d0000000-0000-4000-8000-00000000000a");
        let run = run.settings(serde_json::json!({ "Encoding": encoding }));
        let done = run.message(format, bytes).perform::<Sent>();
        done.map(|done| done.response.unwrap().1).map_err(|failure| failure.code().to_owned())
    }

    #[test]
    fn a_message_goes_as_it_stands_or_in_the_set_of_the_sender() {
        let latin = b"MSH|^~\\&|A|B|||||||||||||||8859/1\rPID|||||Gr\xfcn\r";
        let utf8 = "MSH|^~\\&|A|B|||||||||||||||8859/1\rPID|||||Grün\r".as_bytes();
        assert_eq!(sent(Format::Hl7, latin, "").unwrap(), latin);
        assert_eq!(sent(Format::Hl7, latin, "utf-8").unwrap(), utf8);
        assert_eq!(sent(Format::Text, "Grün".as_bytes(), "iso-8859-1").unwrap(), b"Gr\xfcn");
        assert_eq!(
            sent(Format::Text, "5 €".as_bytes(), "iso-8859-1").unwrap_err(),
            "sender.encoding"
        );
        assert_eq!(sent(Format::Binary, b"\xff\x00", "utf-8").unwrap(), b"\xff\x00");
    }
}
