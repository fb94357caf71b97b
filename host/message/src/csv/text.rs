//! CSV fields: between wire bytes and what a workflow reads.
//!
//! # Invariants
//! - What is ASCII or UTF-8 and has no doubled quotes is borrowed.
//! - Bytes that are not UTF-8 are read, and written, as windows-1252, in which
//!   every byte is a character; they are never changed by reading.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use crate::Problem;

/// In what character set the bytes of a message are text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Windows1252,
}

impl Charset {
    /// UTF-8 when that is what it is.
    pub(super) fn of(bytes: &[u8]) -> Self {
        if std::str::from_utf8(bytes).is_ok() { Self::Utf8 } else { Self::Windows1252 }
    }

    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            // A piece between ASCII bytes of valid UTF-8 is valid: this borrows.
            Self::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(bytes),
            },
            Self::Windows1252 => WINDOWS_1252.decode_without_bom_handling(bytes).0,
        }
    }

    /// # Errors
    /// `edit.charset` for a character that the message cannot hold.
    pub(super) fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, Problem> {
        if self == Self::Utf8 {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        let (bytes, _, unmappable) = WINDOWS_1252.encode(text);
        if unmappable {
            return Err(Problem::new(
                "edit.charset",
                "the message is not UTF-8 and is written as windows-1252, which lacks a \
                 character of the value: have the sender send UTF-8",
            ));
        }
        Ok(bytes)
    }
}

/// The content of a field given with its quotes.
pub(super) fn unquote(field: Cow<'_, str>) -> Cow<'_, str> {
    match field {
        Cow::Borrowed(field) => unquote_borrowed(field),
        Cow::Owned(field) => Cow::Owned(unquote_borrowed(&field).into_owned()),
    }
}

fn unquote_borrowed(field: &str) -> Cow<'_, str> {
    let Some(inner) = field.strip_prefix('"') else { return Cow::Borrowed(field) };
    if let Some(content) = inner.strip_suffix('"')
        && !content.contains('"')
    {
        return Cow::Borrowed(content);
    }
    let mut content = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('"') {
        content.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                content.push('"');
                rest = after;
            }
            None => {
                rest = after;
                break;
            }
        }
    }
    content.push_str(rest);
    Cow::Owned(content)
}

/// The value as a field: quoted when it holds what would end it, or would be
/// taken for a byte order mark.
pub(super) fn quote(value: &str, delimiter: u8) -> Cow<'_, str> {
    let must_quote = |byte: u8| byte == delimiter || matches!(byte, b'"' | b'\r' | b'\n');
    if !value.bytes().any(must_quote) && !value.starts_with('\u{feff}') {
        return Cow::Borrowed(value);
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    quoted.push_str(&value.replace('"', "\"\""));
    quoted.push('"');
    Cow::Owned(quoted)
}
