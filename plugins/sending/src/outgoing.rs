//! The bytes of a message that goes out.

use crate::charset::{CARRIED_BYTES_MAX, Charset, Untranslatable};
use tureen_plugin_sdk::{Context, Format, Message, StepError};

/// What is sent for a message. Without a set of its own it goes as it stands:
/// UTF-8, or HL7 in the set that its MSH-18 tells. Binary and DICOM messages are
/// bytes and have no set.
///
/// # Errors
/// Rejected: `sender.encoding` when the set lacks a character of the message,
/// `sender.size` when it becomes too long in it.
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
    let length = text.len();
    charset.encode(text).map_err(|why| match why {
        Untranslatable::NotOfTheSet => StepError::rejected(
            "sender.encoding",
            "the message has a character that the character set of the sender lacks: name another \
             one in Encoding, such as utf-8",
        ),
        Untranslatable::TooLong => {
            let text = format!(
                "the message has {length} bytes in UTF-8 and more than {CARRIED_BYTES_MAX} in the \
                 character set of the sender, which is the most that is sent in another set than \
                 its own: name utf-8 in Encoding, or send less in one message"
            );
            StepError::rejected("sender.size", text)
        }
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

    #[test]
    fn a_message_that_becomes_too_long_for_a_host_call_is_refused() {
        let text = vec![b'x'; 9_000_000];
        for (encoding, expected) in
            [("utf-16", Err("sender.size")), ("windows-1252", Ok(text.len())), ("", Ok(text.len()))]
        {
            let sent = sent(Format::Text, &text, encoding).map(|bytes| bytes.len());
            assert_eq!(sent.as_ref().copied().map_err(String::as_str), expected, "{encoding}");
        }
    }
}
