//! Binary messages: bytes, seen as base64 wherever text is asked for.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::text::{Whole, refuse_bytes};
use crate::{Limits, Problem, Value};

/// A message of bytes that mean nothing to the host.
#[derive(Clone)]
pub struct Binary {
    bytes: Vec<u8>,
    limits: Limits,
}

impl Binary {
    /// Takes any bytes.
    ///
    /// # Errors
    /// `limit.message-bytes`.
    pub fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Problem> {
        refuse_bytes(bytes.len(), limits)?;
        Ok(Self { bytes, limits: limits.clone() })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The bytes as base64 with padding (RFC 4648 section 4).
    pub fn whole_text(&self) -> Cow<'_, str> {
        Cow::Owned(STANDARD.encode(&self.bytes))
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
        let bytes = STANDARD.decode(value).map_err(|_| {
            Problem::new(
                "edit.base64",
                format!("a binary message takes base64; the {} bytes given are not", value.len()),
            )
        })?;
        refuse_bytes(bytes.len(), &self.limits)?;
        self.bytes = bytes;
        Ok(())
    }

    pub(crate) fn set_null(&mut self, _: &Whole) -> Result<(), Problem> {
        Err(Problem::new("edit.null", "a binary message has no null; write an empty text"))
    }

    pub(crate) fn set_structure(&mut self, place: &Whole, text: &str) -> Result<(), Problem> {
        self.set(place, text)
    }

    /// Always refused: bytes have no lines.
    ///
    /// # Errors
    /// `edit.append`.
    pub fn append(&mut self, _text: &str) -> Result<(), Problem> {
        Err(Problem::new("edit.append", "a binary message cannot be appended to"))
    }

    pub(crate) fn remove(&mut self, _: &Whole) -> Result<usize, Problem> {
        Err(Problem::new("edit.read-only", "a binary message has no places that can be removed"))
    }

    /// Any bytes are valid.
    pub fn check(&self) -> Vec<Problem> {
        Vec::new()
    }
}

impl fmt::Debug for Binary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Binary({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_base64_as_text_and_back() {
        let mut message = Binary::parse(vec![0, 255, 16], &Limits::default()).unwrap();
        assert_eq!(message.whole_text(), "AP8Q");
        message.set(&Whole, "AQI=").unwrap();
        assert_eq!(message.bytes(), [1, 2]);
        assert_eq!(message.set(&Whole, "no base64").unwrap_err().code, "edit.base64");
        assert_eq!(message.bytes(), [1, 2]);
    }
}
