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

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
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
        let bytes = STANDARD.decode(&*without_line_ends(value)).map_err(|_| {
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

    pub(crate) fn insert(&mut self, _: &Whole, _: &str) -> Result<(), Problem> {
        Err(Problem::new("edit.insert", "nothing can be inserted into a binary message"))
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

/// Base64 comes in lines of 64 or 76 characters too (RFC 7468, RFC 2045).
fn without_line_ends(text: &str) -> Cow<'_, str> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if text.contains(['\r', '\n']) {
        Cow::Owned(text.replace(['\r', '\n'], ""))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Format, Message, ParseOptions, Path};

    fn parse(bytes: &[u8]) -> Message {
        Message::parse(Format::Binary, bytes.to_vec(), &ParseOptions::default()).unwrap()
    }

    #[test]
    fn bytes_stay_as_they_are_and_read_as_base64_at_every_path() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"\0", "AA=="),
            (b"\0\xFF\x10", "AP8Q"),
            (b"\xEF\xBB\xBFa", "77u/YQ=="),
            (b"\xFF\xFEa\0", "//5hAA=="),
            (b"%PDF\r\n\x1A", "JVBERg0KGg=="),
        ] {
            let message = parse(bytes);
            for path in ["", "PID-3", "a/b[1]"] {
                let path = message.path(path).unwrap();
                let expected = match text {
                    "" => Value::Empty,
                    _ => Value::Text(text.into()),
                };
                assert_eq!(message.get(&path), expected);
                assert_eq!(message.text(&path), text);
                assert_eq!(message.structure(&path).unwrap(), text);
            }
            assert_eq!((message.whole_text().as_ref(), message.bytes()), (text, bytes));
            assert_eq!(message.into_bytes(), bytes);
        }
    }

    #[test]
    fn written_text_is_base64_or_changes_nothing() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("AQI=", Some(b"\x01\x02")),
            (" AQ\r\nI=\t\n", Some(b"\x01\x02")),
            ("AQ I=", None),
            ("//5hAA==", Some(b"\xFF\xFEa\0")),
            ("AQI", None),
            ("AQI==", None),
            ("A_-=", None),
            ("no base64", None),
            ("AQI=\u{a0}", None),
        ] {
            let mut message = parse(b"old");
            let written = message.set(&Path::Whole, text);
            let by_structure = parse(b"old").set_structure(&Path::Whole, text);
            match bytes {
                Some(bytes) => {
                    assert_eq!((written, by_structure), (Ok(()), Ok(())), "{text:?}");
                    assert_eq!(message.bytes(), bytes, "{text:?}");
                }
                None => {
                    assert_eq!(written.unwrap_err().code, "edit.base64", "{text:?}");
                    assert_eq!(by_structure.unwrap_err().code, "edit.base64", "{text:?}");
                    assert_eq!(message.bytes(), b"old", "{text:?}");
                }
            }
        }
    }

    #[test]
    fn there_are_no_places_and_no_null_in_bytes() {
        let mut message = parse(b"old");
        assert_eq!(message.append("AQI=").unwrap_err().code, "edit.append");
        assert_eq!(message.set_null(&Path::Whole).unwrap_err().code, "edit.null");
        assert_eq!(message.remove(&Path::Whole).unwrap_err().code, "edit.read-only");
        assert_eq!(
            (message.count(&Path::Whole), message.find(&Path::Whole)),
            (1, vec![String::new()])
        );
        assert_eq!((message.check(), message.bytes()), (vec![], &b"old"[..]));
    }

    #[test]
    fn the_size_limit_holds_for_parsing_and_for_writing() {
        let limits = Limits { message_bytes: 2, ..Limits::default() };
        assert_eq!(Binary::parse(vec![0; 3], &limits).unwrap_err().code, "limit.message-bytes");
        let mut message = Binary::parse(vec![0; 2], &limits).unwrap();
        assert_eq!(message.set(&Whole, "AAAA").unwrap_err().code, "limit.message-bytes");
        assert_eq!(message.bytes(), [0, 0]);
    }

    proptest! {
        #[test]
        fn what_is_read_from_one_message_and_written_to_another_is_the_same(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let from = parse(&bytes);
            prop_assert_eq!(from.bytes(), &bytes);
            let mut to = parse(b"old");
            to.set(&Path::Whole, &from.text(&Path::Whole)).unwrap();
            prop_assert_eq!(to.into_bytes(), bytes);
        }
    }
}
