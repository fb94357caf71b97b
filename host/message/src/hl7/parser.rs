//! Parsing one message after another in the same memory.

use super::Hl7;
use super::segments::Spare;
use crate::{Limits, Problem};

/// A parser that takes the memory of messages back.
///
/// Once it has had messages of the usual length, parsing and reading the next
/// allocates nothing: the bytes are the caller's, the table of segments is that
/// of an earlier message. Values that must be decoded (escape sequences, other
/// character sets) are allocated when they are read.
///
/// # Examples
/// ```
/// use tureen_message::{Limits, hl7::{Hl7Path, Parser}};
///
/// let path = Hl7Path::parse("PID-3")?;
/// let mut parser = Parser::new(&Limits::default());
/// let mut buffer = Vec::new();
/// for number in ["123", "456"] {
///     buffer.extend_from_slice(b"MSH|^~\\&|LAB\rPID|1||");
///     buffer.extend_from_slice(number.as_bytes());
///     let message = parser.parse(buffer)?;
///     assert_eq!(message.text(&path), number);
///     buffer = parser.recycle(message);
/// }
/// # Ok::<(), tureen_message::Problem>(())
/// ```
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    spare: Spare,
}

impl Parser {
    /// A parser that has had no message.
    pub fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), spare: Spare::default() }
    }

    /// As [`Hl7::parse`].
    ///
    /// # Errors
    /// As for [`Hl7::parse`].
    pub fn parse(&mut self, bytes: Vec<u8>) -> Result<Hl7, Problem> {
        Hl7::parse_in(&mut self.spare, bytes, &self.limits)
    }

    /// Takes back what a message was made of. Answers the memory of its bytes,
    /// emptied, to receive the next message in.
    pub fn recycle(&mut self, message: Hl7) -> Vec<u8> {
        let (mut bytes, spare) = message.store.into_parts();
        self.spare = spare;
        bytes.clear();
        bytes
    }
}
