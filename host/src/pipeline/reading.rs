//! Received bytes become the message that a run begins with.
//!
//! Knows formats and character sets. Deliberately does not know steps and answers.

use tureen_message::charset::{self, Decoded, Undecodable};
use tureen_message::hl7::Header;
use tureen_message::hl7::batch::Batch;
use tureen_message::media_type::MediaType;
use tureen_message::{Format, Limits, Message, ParseOptions};
use tureen_sandbox::Fault;
use tureen_template::Direction;

use super::Life;
use crate::response::RunError;

impl Life<'_> {
    /// Bytes become the receiver's inbound message.
    pub(super) fn parse(&mut self) -> Result<(), RunError> {
        let receiver = &self.workflow.definition().receiver;
        let options = ParseOptions {
            csv: receiver.csv.clone(),
            dicom: receiver.dicom,
            ..ParseOptions::clone(&self.settings.parse)
        };
        let bytes = match empty_message(receiver.message_type) {
            Some(empty) if self.body.is_empty() && !self.body_expected => empty.to_vec(),
            _ => self.decoded(receiver.message_type)?,
        };
        if receiver.message_type == Format::Hl7 {
            self.header = Header::read(&bytes);
        }
        let message = Message::parse(receiver.message_type, bytes, &options)
            .map_err(|problem| unreadable(problem.code, problem.text, problem.place))?;
        let divided = alone(&message, &options.limits);
        self.steps.put(receiver.id, Direction::Inbound, message);
        divided
    }

    /// The received bytes in a character set that the parser reads.
    fn decoded(&mut self, format: Format) -> Result<Vec<u8>, RunError> {
        let told = self.media_type.as_ref().and_then(MediaType::charset);
        let body = std::mem::take(&mut self.body);
        // For the acknowledgement, if this is all that can be read.
        let header = if format == Format::Hl7 { Header::read(&body) } else { None };
        // HL7 keeps its bytes as they came, so one that cannot be read is no loss. Where the
        // transport names the set, bytes may have to be rewritten: nothing is guessed then.
        let undecodable = match (format, told) {
            (Format::Hl7, None) => Undecodable::Replace,
            _ => Undecodable::Refuse,
        };
        match charset::decode(format, body, told, undecodable) {
            Ok(decoded) => {
                self.warn_of_charset(&decoded);
                Ok(decoded.bytes)
            }
            Err(problem) => {
                self.header = header;
                Err(unreadable(problem.code, problem.text, problem.place))
            }
        }
    }

    fn warn_of_charset(&self, decoded: &Decoded) {
        let (id, set) = (self.message_id.as_str(), decoded.charset.name());
        if decoded.guessed {
            tracing::warn!(
                id,
                "a message names no character set and is not UTF-8: it is read as {set}; let its sender set MSH-18"
            );
        } else if decoded.replaced {
            tracing::warn!(id, "a message has bytes that are not of its character set, {set}");
        }
    }
}

/// What a GET, or another request that has no body by its nature, is read as (contract 4.2,
/// behaviour 9): its workflow reads the query, and its message has nothing in it. An HL7 message
/// has at least a header.
fn empty_message(format: Format) -> Option<&'static [u8]> {
    match format {
        Format::Json => Some(b"{}"),
        Format::Xml => Some(b"<none/>"),
        Format::Hl7 | Format::Csv | Format::Text | Format::Binary | Format::Dicom => None,
    }
}

/// Refuses what was not divided into its messages before the run. A server divides what can be;
/// `tureen run` and `tureen test` try one message at a time.
fn alone(message: &Message, limits: &Limits) -> Result<(), RunError> {
    let Message::Hl7(hl7) = message else { return Ok(()) };
    if !hl7.may_be_batch() {
        return Ok(());
    }
    let batch = Batch::split(hl7.bytes(), limits)
        .map_err(|problem| unreadable(problem.code, problem.text, problem.place))?;
    let text = match batch.messages().len() {
        _ if batch.is_single() => return Ok(()),
        0 => "the batch holds no message".to_owned(),
        count => format!("{count} messages in a batch or one after another: give one alone"),
    };
    Err(unreadable("hl7.batch", text, None))
}

/// Begins the code of an error that the message could not even be parsed.
pub(super) const UNREADABLE: &str = "unreadable.";

fn unreadable(code: &str, text: String, place: Option<String>) -> RunError {
    RunError {
        code: format!("{UNREADABLE}{code}"),
        fault: Fault::Sender,
        text,
        place,
        inside: None,
        is_quoted: false,
    }
}
