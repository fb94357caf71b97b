//! What the sender is told: outcome in, status, type and body out.
//!
//! Stage: workflow run → **response** → bytes out. Pure: time and control id are
//! arguments. Deliberately does not know: sockets, plugins, files.
//!
//! The status table is contract 4.2's; both profiles stand in [`status_of`].

use std::borrow::Cow;

use tureen_message::charset::Charset;
use tureen_message::hl7::Header;
use tureen_message::hl7::acknowledgement::{
    Acknowledgement, Code, Condition, ErrorDetail, Mode, When, is_acknowledgement,
};
use tureen_message::media_type::MediaType;
use tureen_message::{Format, Message};
use tureen_sandbox::Fault;

use crate::config::{ResponseStyle, StatusProfile};

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
    /// Where inside the step, in its author's words: the action, the condition, the
    /// path. For the operator and the log; the sender is told of its own faults alone.
    pub inside: Option<String>,
    /// The words of a third party's plugin, which may hold message content: they
    /// are for the sender of the message and the debug log.
    pub is_quoted: bool,
}

impl std::fmt::Display for RunError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.text)?;
        match self.location() {
            Some(location) => write!(formatter, " (at {location})"),
            None => Ok(()),
        }
    }
}

impl RunError {
    /// All that is known of where it is.
    pub fn location(&self) -> Option<String> {
        let parts: Vec<&str> =
            [&self.place, &self.inside].into_iter().flatten().map(String::as_str).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
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
    /// The Content-Type of the request.
    pub media_type: Option<&'a MediaType>,
    /// `YYYYMMDDHHMMSS±ZZZZ`.
    pub timestamp: &'a str,
    /// MSH-10 of an acknowledgement.
    pub control_id: &'a str,
    /// Names the run in log and answer.
    pub message_id: &'a str,
}

/// What becomes of an acknowledgement that could be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Acknowledge(Code),
    /// The sender asked for silence about this outcome (MSH-15, MSH-16).
    Silence,
    /// There is no header to answer to, or the message is an acknowledgement.
    Impossible,
}

/// Builds the answer.
pub fn respond(style: ResponseStyle<'_>, question: &Question<'_>, told: &Told<'_>) -> Response {
    let wish = wish(question.header, told);
    let status = status_of(style, wish, told);
    let (content_type, body) = match (told, wish) {
        (Told::Nothing, _) => (None, Vec::new()),
        (Told::Message(message), _) => {
            let type_ = content_type(style, question, message.format());
            (Some(with_own_charset(type_, message)), message.bytes().to_vec())
        }
        (_, Wish::Acknowledge(code)) => {
            let type_ = content_type(style, question, Format::Hl7);
            (Some(type_), acknowledge(code, question, told))
        }
        _ => without_acknowledgement(question, told),
    };
    Response { status, content_type: content_type.map(Cow::into_owned), body }
}

/// Which acknowledgement the sender wants (HL7 v2 chapter 2.9.2). A request has
/// one response: where MSH-15 asks for an accept acknowledgement, that is it.
fn wish(header: Option<&Header>, told: &Told<'_>) -> Wish {
    let Some(header) = header.filter(|header| !is_acknowledgement(header)) else {
        return Wish::Impossible;
    };
    let verdict = Verdict::of(told);
    match Mode::of(header) {
        Mode::Original => Wish::Acknowledge(verdict.application()),
        Mode::Enhanced { accept: When::Never, application } => {
            let wanted = application.applies(verdict == Verdict::Accept);
            if wanted { Wish::Acknowledge(verdict.application()) } else { Wish::Silence }
        }
        Mode::Enhanced { accept, .. } => {
            let wanted = accept.applies(verdict == Verdict::Accept);
            if wanted { Wish::Acknowledge(verdict.commit()) } else { Wish::Silence }
        }
    }
}

/// The three things that an acknowledgement can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Accept,
    Error,
    Reject,
}

impl Verdict {
    fn of(told: &Told<'_>) -> Self {
        match told {
            Told::Nothing | Told::Message(_) | Told::Accept => Self::Accept,
            Told::Forced { reject: false, .. } | Told::Failed(_) | Told::Unreadable(_) => {
                Self::Error
            }
            Told::Forced { reject: true, .. }
            | Told::Filtered
            | Told::NoActivityResponse { .. }
            | Told::Rejected(_) => Self::Reject,
        }
    }

    fn application(self) -> Code {
        match self {
            Self::Accept => Code::AA,
            Self::Error => Code::AE,
            Self::Reject => Code::AR,
        }
    }

    fn commit(self) -> Code {
        match self {
            Self::Accept => Code::CA,
            Self::Error => Code::CE,
            Self::Reject => Code::CR,
        }
    }
}

/// The status table of contract 4.2. Silence about an error is for the HL7 level
/// only: the status still tells it, or it would look like a success.
fn status_of(style: ResponseStyle<'_>, wish: Wish, told: &Told<'_>) -> u16 {
    let rest = style.status_profile == StatusProfile::Rest;
    match (told, wish) {
        (Told::Nothing, _) if rest => 204,
        (Told::Nothing | Told::Message(_), _) => 200,
        (Told::Accept, Wish::Silence) => 204,
        (Told::Accept, _) => 200,
        (Told::Filtered, _) if rest => style.rest_filtered_status,
        (Told::Filtered, Wish::Silence) => 204,
        (Told::Filtered, _) => 200,
        (_, Wish::Acknowledge(_)) if !rest => 200,
        (Told::NoActivityResponse { .. }, Wish::Impossible) if !rest => 200,
        (Told::Unreadable(_), _) => 400,
        (Told::Rejected(_) | Told::Forced { reject: true, .. }, _) => 422,
        (
            Told::Failed(_) | Told::Forced { reject: false, .. } | Told::NoActivityResponse { .. },
            _,
        ) => 500,
    }
}

/// The Content-Type of a body (contract 4.2). HL7 answers have the type of the
/// request when that is one of HL7's.
fn content_type<'a>(
    style: ResponseStyle<'a>,
    question: &Question<'_>,
    format: Format,
) -> Cow<'a, str> {
    match format {
        Format::Hl7 => match question.media_type.filter(|type_| type_.is_hl7()) {
            Some(type_) => {
                Cow::Owned(format!("{}/{}; charset=utf-8", type_.main(), type_.subtype()))
            }
            None => Cow::Borrowed(style.hl7_content_type),
        },
        Format::Json => Cow::Borrowed("application/json"),
        Format::Csv => Cow::Borrowed("text/csv; charset=utf-8"),
        Format::Xml => Cow::Borrowed("application/xml"),
        Format::Text => Cow::Borrowed("text/plain; charset=utf-8"),
        Format::Binary => Cow::Borrowed("application/octet-stream"),
        Format::Dicom => Cow::Borrowed("application/dicom"),
    }
}

/// Text is UTF-8 (contract 4.2), but for an HL7 message in another set: its bytes go out as
/// they are, and the type tells what they are.
fn with_own_charset<'a>(type_: Cow<'a, str>, message: &Message) -> Cow<'a, str> {
    let Message::Hl7(hl7) = message else { return type_ };
    let set = hl7.written_in();
    if set == Charset::UTF_8 {
        return type_;
    }
    let name = set.name().to_lowercase();
    // A mark tells the order of the bytes; beside one it must not be named (RFC 2781).
    let name = match hl7.bytes() {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, 0, 0xFE, 0xFF, ..] => {
            name.trim_end_matches("le").trim_end_matches("be")
        }
        _ => name.as_str(),
    };
    let essence = type_.split(';').next().unwrap_or_default();
    Cow::Owned(format!("{essence}; charset={name}"))
}

fn acknowledge(code: Code, question: &Question<'_>, told: &Told<'_>) -> Vec<u8> {
    let (text, condition) = match told {
        Told::Accept | Told::Nothing | Told::Message(_) => (None, None),
        Told::Forced { text, .. } => {
            (Some((*text).to_owned()), Some(Condition::ApplicationInternalError))
        }
        Told::Filtered => (
            Some("the message was filtered: this receiver does not take it".to_owned()),
            Some(Condition::UnsupportedMessageType),
        ),
        Told::NoActivityResponse { name } => (
            Some(format!("the activity {name:?} gave no response")),
            Some(Condition::ApplicationInternalError),
        ),
        Told::Rejected(error) | Told::Failed(error) => {
            (Some(for_the_sender(question, error)), Some(Condition::ApplicationInternalError))
        }
        Told::Unreadable(error) => {
            let condition = match error.code.contains(".charset.") {
                true => Condition::DataType,
                false => Condition::SegmentSequence,
            };
            (Some(for_the_sender(question, error)), Some(condition))
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

#[cfg(test)]
mod tests;
