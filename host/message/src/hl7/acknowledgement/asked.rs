//! An acknowledgement that a step of a workflow asks for, in the words of the
//! plugin contract.
//!
//! Deliberately does not know: plugins, the clock, how control ids are made.

use super::{Acknowledgement, Code, Condition, ErrorDetail, is_acknowledgement};
use crate::hl7::{Header, Hl7Path};
use crate::{Format, Message, Problem};

/// What is asked for. Text of the contract, checked when it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// MSA-1: `AA`, `AE`, `AR`, `CA`, `CE` or `CR`.
    pub code: &'a str,
    /// For a person; must not hold message content.
    pub text: Option<&'a str>,
    /// ERR-3: a code of table 0357, such as `101`. None is 207 where the code
    /// is negative.
    pub condition: Option<&'a str>,
    /// ERR-2: the path of the place at fault.
    pub place: Option<&'a str>,
}

impl Asked<'_> {
    /// The bytes of the acknowledgement of a message. `control_id` and
    /// `timestamp` are as for [`Acknowledgement`].
    ///
    /// # Errors
    /// `acknowledgement.format`: the message is not HL7, or has no MSH;
    /// `acknowledgement.of-acknowledgement`: it is one itself, and those are
    /// never answered (HL7 v2 chapter 2.9); `acknowledgement.code`,
    /// `acknowledgement.condition` and `path.syntax`: what the step asks for is
    /// none. The step's author is at fault.
    pub fn build(
        &self,
        message: &Message,
        control_id: &str,
        timestamp: &str,
    ) -> Result<Vec<u8>, Problem> {
        let header = match message.format() {
            Format::Hl7 => Header::read(message.bytes()),
            _ => None,
        };
        let header = header.ok_or_else(|| {
            let text = "only an HL7 message with an MSH segment can be acknowledged";
            Problem::new("acknowledgement.format", text)
        })?;
        if is_acknowledgement(&header) {
            let text = "the message is an acknowledgement itself: those are never acknowledged";
            return Err(Problem::new("acknowledgement.of-acknowledgement", text));
        }
        let acknowledgement = Acknowledgement {
            code: Code::from_text(self.code).ok_or_else(unknown_code)?,
            text: self.text,
            error: self.error()?,
            control_id,
            timestamp,
        };
        Ok(acknowledgement.build(Some(&header)))
    }

    fn error(&self) -> Result<Option<ErrorDetail>, Problem> {
        let condition = match self.condition {
            None => Condition::ApplicationInternalError,
            Some(code) => Condition::from_code(code).ok_or_else(unknown_condition)?,
        };
        let location = self.place.map(Hl7Path::parse).transpose()?;
        let asked = self.condition.is_some() || location.is_some();
        Ok(asked.then_some(ErrorDetail { condition, location }))
    }
}

impl Code {
    const ALL: [Self; 6] = [Self::AA, Self::AE, Self::AR, Self::CA, Self::CE, Self::CR];

    /// The code of two letters of MSA-1.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }
}

impl Condition {
    const ALL: [Self; 12] = [
        Self::SegmentSequence,
        Self::RequiredFieldMissing,
        Self::DataType,
        Self::TableValueNotFound,
        Self::UnsupportedMessageType,
        Self::UnsupportedEventCode,
        Self::UnsupportedProcessingId,
        Self::UnsupportedVersionId,
        Self::UnknownKeyIdentifier,
        Self::DuplicateKeyIdentifier,
        Self::ApplicationRecordLocked,
        Self::ApplicationInternalError,
    ];

    /// The condition of a code of table 0357.
    pub fn from_code(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| condition.code_and_text().0 == text)
    }
}

fn unknown_code() -> Problem {
    let known = Code::ALL.map(Code::as_str).join(", ");
    Problem::new("acknowledgement.code", format!("MSA-1 is one of {known}"))
}

fn unknown_condition() -> Problem {
    let known = Condition::ALL.map(|condition| condition.code_and_text().0).join(", ");
    let text = format!("a condition is a code of table 0357: {known}");
    Problem::new("acknowledgement.condition", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ParseOptions;

    const ADT: &[u8] = b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|7|P|2.5\r";

    fn built(asked: Asked<'_>, format: Format, bytes: &[u8]) -> Result<String, Problem> {
        let message = Message::parse(format, bytes.to_vec(), &ParseOptions::default()).unwrap();
        let bytes = asked.build(&message, "N1", "20260102030405+0000")?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    fn asked<'a>(code: &'a str, condition: Option<&'a str>, place: Option<&'a str>) -> Asked<'a> {
        Asked { code, text: Some("no id"), condition, place }
    }

    #[test]
    fn what_is_asked_for_is_built() {
        let header = "MSH|^~\\&|C|D|A|B|20260102030405+0000||ACK^A01^ACK|N1|P|2.5\r";
        let accept = Asked { code: "AA", text: None, condition: None, place: None };
        let answer = built(accept, Format::Hl7, ADT).unwrap();
        assert_eq!(answer, format!("{header}MSA|AA|7\r"));
        let answer = built(asked("AE", Some("101"), Some("PID-3")), Format::Hl7, ADT).unwrap();
        let error = "ERR||PID^1^3^1|101^Required field missing^HL70357|E||||no id\r";
        assert_eq!(answer, format!("{header}MSA|AE|7|no id\r{error}"));
        let answer = built(asked("AR", None, None), Format::Hl7, ADT).unwrap();
        assert!(answer.contains("ERR|||207^Application internal error^HL70357|"), "{answer}");
    }

    #[test]
    fn what_cannot_be_acknowledged_or_asked_for_is_a_problem() {
        let ack = b"MSH|^~\\&|A|B|C|D|2026||ACK^A01|7|P|2.5\rMSA|AA|1\r";
        let nothing = asked("AA", None, None);
        let code = |asked, format, bytes| built(asked, format, bytes).unwrap_err().code;
        assert_eq!(code(nothing, Format::Text, b"x"), "acknowledgement.format");
        assert_eq!(code(nothing, Format::Hl7, b"BHS|^~\\&|A\r"), "acknowledgement.format");
        assert_eq!(code(nothing, Format::Hl7, ack), "acknowledgement.of-acknowledgement");
        assert_eq!(code(asked("OK", None, None), Format::Hl7, ADT), "acknowledgement.code");
        let unknown = asked("AE", Some("999"), None);
        assert_eq!(code(unknown, Format::Hl7, ADT), "acknowledgement.condition");
        assert_eq!(code(asked("AE", None, Some("pid")), Format::Hl7, ADT), "path.syntax");
    }

    #[test]
    fn codes_are_found_by_their_text() {
        for code in Code::ALL {
            assert_eq!(Code::from_text(code.as_str()), Some(code));
        }
        for condition in Condition::ALL {
            assert_eq!(Condition::from_code(condition.code_and_text().0), Some(condition));
        }
    }
}
