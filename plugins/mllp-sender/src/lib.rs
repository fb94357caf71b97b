//! The MLLP sender of the workflow format: `MLLPSenderSetting` (contract 5.3).
//!
//! Puts a message into a frame, sends it over TCP or TLS, and reads the answer.
//! It does not judge the answer: an AE is a response like any other, and what it
//! means is up to the workflow. What is below an answer is judged: a peer that
//! refuses a message with a byte of MLLP release 2 has not taken it. TLS is the
//! host's, and a server whose certificate is not trusted gets nothing (T-12).
//!
//! # Invariants
//! - A message is never sent twice unless nothing of the first attempt can have
//!   been received.
//! - On a kept connection an acknowledgement that names another message fails
//!   the run: it is not credited to the wrong one.

mod framing;
mod link;
mod settings;
mod unread;

use link::{Exchanged, Link, Reply};
use settings::{Answering, MllpSettings};
use tureen_plugin_sdk::prelude::*;

/// The answer of MLLP release 2 that a message was stored; what the peer makes of
/// it comes later, or never.
const COMMITTED: &[u8] = b"\x06";

/// The answer of MLLP release 2 that it was not.
const REFUSED: &[u8] = b"\x15";

/// The MLLP sender of one activity.
struct MllpSender {
    settings: MllpSettings,
    link: Link,
}

impl Configure for MllpSender {
    fn configure(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        Ok(Self { settings: MllpSettings::read(settings, placement)?, link: Link::default() })
    }
}

impl Activity for MllpSender {
    fn process(
        &mut self,
        context: &Context,
        message: &Message,
    ) -> Result<Option<Message>, StepError> {
        let bytes = tureen_sending::body(context, message, self.settings.charset)?;
        let framed = self.settings.frame.wrap(&bytes).ok_or_else(|| {
            let text = "the message holds the characters that end a frame: its receiver would \
                        read it as two";
            StepError::rejected("mllp.frame", text)
        })?;
        let Exchanged { reply, was_kept } = self.link.exchange(context, &self.settings, &framed)?;
        match reply {
            Reply::NotRead => Ok(None),
            Reply::Closed => {
                context.log(Level::Warn, "the peer closed the connection without an answer");
                Ok(None)
            }
            Reply::Read(answer) => {
                if answer.skipped > 0 {
                    let text = format!("{} bytes before the answer were skipped", answer.skipped);
                    context.log(Level::Warn, &text);
                }
                self.response(context, message, &answer.message, was_kept)
            }
        }
    }

    fn close(&mut self, context: &Context) {
        self.link.close(context, &self.settings);
    }
}

impl MllpSender {
    fn response(
        &mut self,
        context: &Context,
        message: &Message,
        answer: &[u8],
        was_kept: bool,
    ) -> Result<Option<Message>, StepError> {
        if answer.is_empty() && self.settings.answering == Answering::Needed {
            let text = "the peer answered with an empty frame, and its answer is needed \
                        (UseResponse)";
            return Err(StepError::failed("mllp.answer", text));
        }
        if answer == REFUSED {
            let text = "the peer refused the message: it answered with the negative \
                        acknowledgement of MLLP release 2 (NAK, 0x15), which tells no reason";
            return Err(StepError::rejected("mllp.refused", text));
        }
        if answer == COMMITTED && !self.may_be_one_byte() {
            return self.committed(context);
        }
        let response = self.settings.response.message(answer, None)?;
        if is_of_another(message, &response) {
            self.link.close(context, &self.settings);
            let text = "the acknowledgement names another message than the one that was sent \
                        (MSA-2)";
            if was_kept {
                return Err(StepError::failed("mllp.other-acknowledgement", text));
            }
            // Nothing else was ever sent over this connection: the peer is merely odd.
            context.log(Level::Warn, text);
        }
        Ok(Some(response))
    }
}

impl MllpSender {
    /// Whether the type of the response allows for an answer of any one byte.
    fn may_be_one_byte(&self) -> bool {
        let format = self.settings.response.format();
        matches!(format, Format::Text | Format::Csv | Format::Binary)
    }

    /// The peer has stored the message and does not answer it.
    fn committed(&self, context: &Context) -> Result<Option<Message>, StepError> {
        let text = "the peer took the message, and sent no answer but the commit acknowledgement \
                    of MLLP release 2 (0x06)";
        if self.settings.answering == Answering::Needed {
            let text = format!(
                "{text}: an answer is needed (UseResponse), let the peer send one without it, or \
                 set UseResponse to false"
            );
            return Err(StepError::failed("mllp.answer", text));
        }
        context.log(Level::Warn, text);
        Ok(None)
    }
}

/// Does an acknowledgement name another message?
fn is_of_another(sent: &Message, response: &Message) -> bool {
    if sent.format() != Format::Hl7 || response.format() != Format::Hl7 {
        return false;
    }
    let text = |message: &Message, path: &str| message.text(path).unwrap_or_default();
    let (own, named) = (text(sent, "MSH-10"), text(response, "MSA-2"));
    !own.is_empty() && !named.is_empty() && own != named
}

tureen_plugin_sdk::activity!(
    MllpSender,
    handles = ["HL7Soup.Functions.Settings.Senders.MLLPSenderSetting"],
);

#[cfg(test)]
mod tests;
