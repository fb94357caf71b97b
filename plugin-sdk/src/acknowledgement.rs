//! Acknowledgements that a step builds itself, for a reply.
//!
//! The host builds them, as it builds its own; here they are only asked for.

use crate::{Message, Problem};

/// An acknowledgement to ask for (HL7 v2 chapter 2.9).
///
/// Its texts are sent back and must not hold message content.
///
/// ```
/// use tureen_plugin_sdk::prelude::*;
///
/// # fn main() -> Result<(), Problem> {
/// let adt = b"MSH|^~\\&|ADT|WARD|LAB|HOSP|2026||ADT^A01|7|P|2.5\rPID|1\r";
/// let message = Message::parse(Format::Hl7, adt)?;
/// let accept = message.acknowledge(&Acknowledgement::accept())?;
/// assert_eq!(accept.text("MSA-1")?, "AA");
/// assert_eq!(accept.text("MSH-5")?, "ADT");
/// let refusal = Acknowledgement::error("no patient id").condition("101").place("PID-3");
/// let refusal = message.acknowledge(&refusal)?;
/// assert_eq!((refusal.text("MSA-1")?, refusal.text("MSA-2")?), ("AE".into(), "7".into()));
/// assert_eq!(refusal.structure("ERR-2")?.as_deref(), Some("PID^1^3^1"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    verdict: Verdict,
    is_commit: bool,
    text: Option<String>,
    condition: Option<String>,
    place: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Accept,
    Error,
    Reject,
}

impl Acknowledgement {
    /// The message was taken: `AA`.
    pub fn accept() -> Self {
        Self::of(Verdict::Accept, None)
    }

    /// The content was refused: `AE`.
    pub fn error(text: impl Into<String>) -> Self {
        Self::of(Verdict::Error, Some(text.into()))
    }

    /// The message cannot be processed: it has the wrong type, version or
    /// processing id: `AR`.
    pub fn reject(text: impl Into<String>) -> Self {
        Self::of(Verdict::Reject, Some(text.into()))
    }

    fn of(verdict: Verdict, text: Option<String>) -> Self {
        Self { verdict, is_commit: false, text, condition: None, place: None }
    }

    /// As a commit acknowledgement of the enhanced mode: `CA`, `CE`, `CR`.
    #[must_use]
    pub fn commit(mut self) -> Self {
        self.is_commit = true;
        self
    }

    /// Why: a code of table 0357, such as `101` for a required field that is
    /// missing. Without one a negative acknowledgement says 207, an internal
    /// error.
    #[must_use]
    pub fn condition(mut self, code: impl Into<String>) -> Self {
        self.condition = Some(code.into());
        self
    }

    /// The path of what is at fault, `PID-3[2]`.
    #[must_use]
    pub fn place(mut self, path: impl Into<String>) -> Self {
        self.place = Some(path.into());
        self
    }

    /// MSA-1.
    pub fn code(&self) -> &'static str {
        match (self.verdict, self.is_commit) {
            (Verdict::Accept, false) => "AA",
            (Verdict::Error, false) => "AE",
            (Verdict::Reject, false) => "AR",
            (Verdict::Accept, true) => "CA",
            (Verdict::Error, true) => "CE",
            (Verdict::Reject, true) => "CR",
        }
    }

    pub(crate) fn details(&self) -> [Option<&str>; 3] {
        [self.text.as_deref(), self.condition.as_deref(), self.place.as_deref()]
    }
}

impl Message {
    /// The acknowledgement of this message, as the host builds its own: same
    /// delimiters, sender and receiver swapped, a new control id, the time now.
    /// An activity answers it as its response.
    ///
    /// # Errors
    /// `acknowledgement.format`: the message is not HL7, or has no MSH;
    /// `acknowledgement.of-acknowledgement`: it is one itself;
    /// `acknowledgement.condition` and `path.syntax`: what is asked for is none.
    pub fn acknowledge(&self, acknowledgement: &Acknowledgement) -> Result<Self, Problem> {
        self.0.acknowledge(acknowledgement).map(Self)
    }
}
