//! What the sender is told: outcome in, status, type and body out.
//!
//! Stage: workflow run → **response** → bytes out. Pure: time and control id are
//! arguments. Deliberately does not know: sockets, plugins, files.
//!
//! The status table is contract 4.2's; both profiles stand in [`status_of`].

use std::borrow::Cow;

use tureen_message::hl7::Header;
use tureen_message::hl7::acknowledgement::{Acknowledgement, Code, Condition, ErrorDetail};
use tureen_message::{Format, Message};
use tureen_sandbox::Fault;

use crate::config::{Http, StatusProfile};

/// One answer. Exactly one leaves for every request that was accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why a run went wrong, as far as the sender and the log may know: no message
/// content in any field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunError {
    /// Stable, lower-case, dotted.
    pub code: String,
    pub fault: Fault,
    pub text: String,
    /// A message path or a setting's name.
    pub place: Option<String>,
    /// The words of a third party's plugin, which may hold message content: they
    /// are for the sender of the message and the debug log.
    pub is_quoted: bool,
}

impl std::fmt::Display for RunError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.text)?;
        match &self.place {
            Some(place) => write!(formatter, " (at {place})"),
            None => Ok(()),
        }
    }
}

/// What there is to tell.
pub enum Told<'a> {
    /// `ReturnNoResponse`, or a mode that has no body for this format.
    Nothing,
    /// A custom response or another activity's.
    Message(&'a Message),
    /// A generated accept.
    Accept,
    /// A generated error, or reject, that the workflow asks for always.
    Forced { reject: bool, text: &'a str },
    /// The receiver's filter does not want the message.
    Filtered,
    /// The chosen activity has no response.
    NoActivityResponse { name: &'a str },
    /// The message is refused.
    Rejected(&'a RunError),
    /// Something went wrong.
    Failed(&'a RunError),
    /// The message could not be read at all.
    Unreadable(&'a RunError),
}

/// What an answer needs to know of the request.
pub struct Question<'a> {
    pub format: Format,
    /// The message header, when the message is HL7 enough to have one.
    pub header: Option<&'a Header>,
    /// `YYYYMMDDHHMMSS±ZZZZ`.
    pub timestamp: &'a str,
    /// MSH-10 of an acknowledgement.
    pub control_id: &'a str,
    /// Names the run in log and answer.
    pub message_id: &'a str,
}

/// Builds the answer.
pub fn respond(http: &Http, question: &Question<'_>, told: &Told<'_>) -> Response {
    let status = status_of(http.status_profile, question, told);
    let (content_type, body) = match told {
        Told::Nothing => (None, Vec::new()),
        Told::Message(message) => {
            (Some(content_type(http, message.format())), message.bytes().to_vec())
        }
        _ if question.header.is_some() => {
            (Some(content_type(http, Format::Hl7)), acknowledge(question, told))
        }
        _ => without_acknowledgement(question, told),
    };
    Response { status, content_type: content_type.map(Cow::into_owned), body }
}

/// The status table of contract 4.2.
fn status_of(profile: StatusProfile, question: &Question<'_>, told: &Told<'_>) -> u16 {
    let acknowledged = question.header.is_some();
    match (profile, told) {
        (StatusProfile::Rest, Told::Nothing) => 204,
        (_, Told::Nothing | Told::Message(_) | Told::Accept | Told::Filtered) => 200,
        (StatusProfile::Rest, Told::Unreadable(_)) => 400,
        (StatusProfile::Rest, Told::Rejected(_)) => 422,
        (StatusProfile::Rest, Told::Failed(_) | Told::NoActivityResponse { .. }) => 500,
        (StatusProfile::Rest, Told::Forced { .. }) => 200,
        (StatusProfile::Hoh, _) if acknowledged => 200,
        (StatusProfile::Hoh, Told::Unreadable(_)) => 400,
        (StatusProfile::Hoh, Told::Rejected(_)) => 422,
        (StatusProfile::Hoh, Told::Forced { .. } | Told::NoActivityResponse { .. }) => 200,
        (StatusProfile::Hoh, Told::Failed(_)) => 500,
    }
}

/// The Content-Type of a body (contract 4.2). All text is UTF-8.
pub fn content_type(http: &Http, format: Format) -> Cow<'_, str> {
    match format {
        Format::Hl7 => Cow::Borrowed(http.hl7_content_type.as_str()),
        Format::Json => Cow::Borrowed("application/json"),
        Format::Csv => Cow::Borrowed("text/csv; charset=utf-8"),
        Format::Text => Cow::Borrowed("text/plain; charset=utf-8"),
        Format::Binary => Cow::Borrowed("application/octet-stream"),
    }
}

fn acknowledge(question: &Question<'_>, told: &Told<'_>) -> Vec<u8> {
    let (code, text, condition) = match told {
        Told::Accept | Told::Nothing | Told::Message(_) => (Code::AA, None, None),
        Told::Forced { reject, text } => {
            let code = if *reject { Code::AR } else { Code::AE };
            (code, Some((*text).to_owned()), Some(Condition::ApplicationInternalError))
        }
        Told::Filtered => (
            Code::AR,
            Some("the message was filtered: this receiver does not take it".to_owned()),
            Some(Condition::UnsupportedMessageType),
        ),
        Told::NoActivityResponse { name } => (
            Code::AR,
            Some(format!("the activity {name:?} gave no response")),
            Some(Condition::ApplicationInternalError),
        ),
        Told::Rejected(error) => (
            Code::AR,
            Some(for_the_sender(question, error)),
            Some(Condition::ApplicationInternalError),
        ),
        Told::Failed(error) => (
            Code::AE,
            Some(for_the_sender(question, error)),
            Some(Condition::ApplicationInternalError),
        ),
        Told::Unreadable(error) => {
            (Code::AE, Some(for_the_sender(question, error)), Some(Condition::SegmentSequence))
        }
    };
    let acknowledgement = Acknowledgement {
        code,
        text: text.as_deref(),
        error: condition.map(|condition| ErrorDetail { condition, location: None }),
        control_id: question.control_id,
        timestamp: question.timestamp,
    };
    acknowledgement.build(question.header)
}

/// A body for what is no HL7: errors must not look like an empty success.
fn without_acknowledgement(
    question: &Question<'_>,
    told: &Told<'_>,
) -> (Option<Cow<'static, str>>, Vec<u8>) {
    let (code, text) = match told {
        Told::Nothing | Told::Message(_) | Told::Accept | Told::Filtered => {
            return (None, Vec::new());
        }
        Told::Forced { reject, text } => {
            (if *reject { "reject" } else { "error" }, (*text).to_owned())
        }
        Told::NoActivityResponse { name } => {
            ("response.missing", format!("the activity {name:?} gave no response"))
        }
        Told::Rejected(error) | Told::Failed(error) | Told::Unreadable(error) => {
            (error.code.as_str(), for_the_sender(question, error))
        }
    };
    if question.format == Format::Json {
        let problem = serde_json::json!({
            "title": text, "code": code, "messageId": question.message_id,
        });
        return (Some(Cow::Borrowed("application/problem+json")), problem.to_string().into_bytes());
    }
    (Some(Cow::Borrowed("text/plain; charset=utf-8")), format!("{text}\n").into_bytes())
}

/// The sender is told what is its own fault in full; of all else only the kind,
/// the plugin that failed by name, and the id that finds it in the log.
fn for_the_sender(question: &Question<'_>, error: &RunError) -> String {
    match error.fault {
        Fault::Sender => error.to_string(),
        Fault::Plugin | Fault::Author | Fault::Host => {
            let place =
                error.place.as_deref().map(|place| format!(" in {place}")).unwrap_or_default();
            format!(
                "the message could not be processed ({}{place}); the receiver's log has more under message {}",
                error.code, question.message_id
            )
        }
    }
}
