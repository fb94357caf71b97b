//! Plain text messages. They have no places: every path means the whole.
//!
//! # Invariants
//! - The bytes are kept as they came, also where they are not UTF-8; text that
//!   is written is UTF-8.

use std::borrow::Cow;
use std::fmt;

use crate::{Limits, Problem, Value};

/// The only place of a text or binary message.
pub(crate) struct Whole;

/// A message without structure.
#[derive(Clone)]
pub struct Text {
    bytes: Vec<u8>,
    limits: Limits,
}

impl Text {
    /// Takes bytes as text.
    ///
    /// # Errors
    /// `limit.message-bytes`.
    pub fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Problem> {
        refuse_bytes(bytes.len(), limits)?;
        Ok(Self { bytes, limits: limits.clone() })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The message exactly as it would be written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message exactly as it would be written, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The text; bytes that are not UTF-8 read as U+FFFD and are kept.
    pub fn whole_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    pub(crate) fn get(&self, _: &Whole) -> Value<'_> {
        match self.bytes.as_slice() {
            [] => Value::Empty,
            _ => Value::Text(self.whole_text()),
        }
    }

    pub(crate) fn text(&self, _: &Whole) -> Cow<'_, str> {
        self.whole_text()
    }

    pub(crate) fn structure(&self, _: &Whole) -> Option<Cow<'_, str>> {
        Some(self.whole_text())
    }

    pub(crate) fn count(&self, _: &Whole) -> usize {
        1
    }

    /// The empty path: the whole.
    pub(crate) fn find(&self, _: &Whole) -> Vec<String> {
        vec![String::new()]
    }

    pub(crate) fn set(&mut self, _: &Whole, value: &str) -> Result<(), Problem> {
        if self.whole_text() == value {
            return Ok(());
        }
        refuse_bytes(value.len(), &self.limits)?;
        self.bytes = value.as_bytes().to_vec();
        Ok(())
    }

    pub(crate) fn set_null(&mut self, _: &Whole) -> Result<(), Problem> {
        Err(Problem::new("edit.null", "a text message has no null; write an empty text"))
    }

    pub(crate) fn set_structure(&mut self, place: &Whole, text: &str) -> Result<(), Problem> {
        self.set(place, text)
    }

    /// Adds a line, ended as the text's first line is. A text whose last line
    /// is not ended stays without an end.
    ///
    /// # Errors
    /// `limit.message-bytes`.
    pub fn append(&mut self, text: &str) -> Result<(), Problem> {
        let first = self.bytes.iter().position(|byte| *byte == b'\n');
        let pair = first.is_some_and(|end| self.bytes.get(..end).is_some_and(ends_with_return));
        let line_end: &[u8] = if pair { b"\r\n" } else { b"\n" };
        let ended = self.bytes.is_empty() || self.bytes.ends_with(b"\n");
        refuse_bytes(self.bytes.len() + text.len() + line_end.len(), &self.limits)?;
        if !ended {
            self.bytes.extend_from_slice(line_end);
        }
        let end_again = ended && !self.bytes.is_empty();
        self.bytes.extend_from_slice(text.as_bytes());
        if end_again {
            self.bytes.extend_from_slice(line_end);
        }
        Ok(())
    }

    pub(crate) fn insert(&mut self, _: &Whole, _: &str) -> Result<(), Problem> {
        Err(Problem::new(
            "edit.insert",
            "nothing can be inserted into a text message: append a line",
        ))
    }

    pub(crate) fn remove(&mut self, _: &Whole) -> Result<usize, Problem> {
        Err(Problem::new("edit.read-only", "a text message has no places that can be removed"))
    }

    /// Text that is not UTF-8.
    pub fn check(&self) -> Vec<Problem> {
        match std::str::from_utf8(&self.bytes) {
            Ok(_) => Vec::new(),
            Err(error) => vec![
                Problem::new("text.character-set", "the text is not UTF-8")
                    .at(format!("byte {}", error.valid_up_to() + 1))
                    .at_offset(error.valid_up_to()),
            ],
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Text({} bytes)", self.bytes.len())
    }
}

fn ends_with_return(line: &[u8]) -> bool {
    line.ends_with(b"\r")
}

/// Refuses a text or binary message over the limit.
pub(crate) fn refuse_bytes(found: usize, limits: &Limits) -> Result<(), Problem> {
    if found <= limits.message_bytes {
        return Ok(());
    }
    Err(Problem::new(
        "limit.message-bytes",
        format!("the message has {found} bytes; the limit is {}", limits.message_bytes),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(text: &str, line: &str) -> String {
        let mut message = Text::parse(text.as_bytes().to_vec(), &Limits::default()).unwrap();
        message.append(line).unwrap();
        String::from_utf8(message.into_bytes()).unwrap()
    }

    #[test]
    fn an_appended_line_ends_as_the_others_do() {
        for (text, expected) in [
            ("", "new"),
            ("one", "one\nnew"),
            ("one\n", "one\nnew\n"),
            ("one\r\n", "one\r\nnew\r\n"),
            ("one\r\ntwo", "one\r\ntwo\r\nnew"),
        ] {
            assert_eq!(appended(text, "new"), expected, "{text:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_and_reported() {
        let message = Text::parse(b"a\xFFb".to_vec(), &Limits::default()).unwrap();
        assert_eq!(message.bytes(), b"a\xFFb");
        assert_eq!(message.whole_text(), "a\u{FFFD}b");
        let problems = message.check();
        assert_eq!((problems[0].code, problems[0].offset), ("text.character-set", Some(1)));
    }

    #[test]
    fn the_size_limit_holds_for_parsing_and_for_growing() {
        let limits = Limits { message_bytes: 4, ..Limits::default() };
        assert_eq!(Text::parse(vec![b'a'; 5], &limits).unwrap_err().code, "limit.message-bytes");
        let mut message = Text::parse(vec![b'a'; 4], &limits).unwrap();
        assert_eq!(message.append("b").unwrap_err().code, "limit.message-bytes");
        assert_eq!(message.set(&Whole, "abcde").unwrap_err().code, "limit.message-bytes");
        assert_eq!(message.bytes(), b"aaaa");
    }
}
