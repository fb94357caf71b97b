//! What a run answers: its outcome and the receiver's mode make the response.
//!
//! Deliberately does not know: how a response looks (`response`).

use jiff::Zoned;
use tureen_message::Format;
use tureen_template::Direction;

use super::reading::UNREADABLE;
use super::{Answer, Life, Outcome};
use crate::response::{Question, Response, RunError, Told, respond};
use crate::workflow::definition::ResponseMode;

impl Life<'_> {
    /// Answers if nothing has been answered yet.
    pub(super) async fn finish(
        &mut self,
        outcome: &Outcome,
        answer: &mut Answer,
    ) -> Option<Response> {
        if answer.is_open() {
            let response = match self.response(outcome).await {
                Ok(response) => response,
                // The response itself cannot be built: say that instead.
                Err(error) => self.tell(&Told::Failed(&error)),
            };
            answer.give(response);
        }
        answer.given().cloned()
    }

    /// The answer to an outcome, by the receiver's mode (contract 10.1, 10.4).
    pub(super) async fn response(&mut self, outcome: &Outcome) -> Result<Response, RunError> {
        match outcome {
            Outcome::Rejected { error } if error.code.starts_with(UNREADABLE) => {
                return Ok(self.tell(&Told::Unreadable(error)));
            }
            Outcome::Rejected { error } => return Ok(self.tell(&Told::Rejected(error))),
            Outcome::Failed { error } => return Ok(self.tell(&Told::Failed(error))),
            Outcome::Filtered { .. } => return Ok(self.tell(&Told::Filtered)),
            Outcome::Accepted => {}
        }
        let receiver = &self.workflow.definition().receiver;
        Ok(match &receiver.response.mode {
            ResponseMode::None => self.tell(&Told::Nothing),
            ResponseMode::Accept => self.tell(&Told::Accept),
            ResponseMode::Error { message } => {
                self.tell(&Told::Forced { reject: false, text: message })
            }
            ResponseMode::Reject { message } => {
                self.tell(&Told::Forced { reject: true, text: message })
            }
            ResponseMode::FromActivity { id, name } => {
                match self.steps.message(*id, Direction::Inbound) {
                    Some(message) => self.tell(&Told::Message(message)),
                    None => self.tell(&Told::NoActivityResponse { name }),
                }
            }
            // No text, and nobody who writes any.
            ResponseMode::Custom
                if is_never_empty(receiver.message_type)
                    && receiver.response.template.source().is_empty()
                    && self.workflow.response_transformers().is_none() =>
            {
                self.tell(&Told::Nothing)
            }
            ResponseMode::Custom => {
                let message = self.steps.respond(self.workflow.response_transformers()).await?;
                self.tell(&Told::Message(&message))
            }
        })
    }

    fn tell(&self, told: &Told<'_>) -> Response {
        let now = self.rehearsal.map_or_else(Zoned::now, |it| it.now.clone());
        let timestamp = timestamp(&now);
        let definition = self.workflow.definition();
        let question = Question {
            format: definition.receiver.message_type,
            header: self.header.as_ref(),
            media_type: self.media_type.as_ref(),
            timestamp: &timestamp,
            control_id: &self.control_id,
            message_id: &self.message_id,
        };
        respond(self.settings.config.response_style(&definition.name), &question, told)
    }
}

/// Whether a message of this format has at least something in it, so that nothing at all is
/// none.
fn is_never_empty(format: Format) -> bool {
    match format {
        Format::Hl7 | Format::Json | Format::Xml | Format::Dicom => true,
        Format::Csv | Format::Text | Format::Binary => false,
    }
}

/// A time as MSH-7 and BHS-7 have it.
pub(super) fn timestamp(time: &Zoned) -> String {
    time.strftime("%Y%m%d%H%M%S%z").to_string()
}
