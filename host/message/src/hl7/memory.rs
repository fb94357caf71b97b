//! The bytes that hold a message, and whether they are known to be text.
//!
//! Deliberately does not know: lines, character sets.
//!
//! Bytes that were checked once as a whole need no check for each value that is
//! read, which is what reading a short value would mostly spend its time on.

use std::ops::{Deref, Range};

/// Bytes of a message.
#[derive(Clone, Debug)]
pub(super) enum Memory {
    /// Known to be UTF-8, as received.
    Text(String),
    /// Anything, and whatever was edited.
    Bytes(Vec<u8>),
}

impl Memory {
    /// Looks at all the bytes, once.
    pub(super) fn checked(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes(error.into_bytes()),
        }
    }

    /// The text of a part, where it is known to be text.
    #[inline]
    pub(super) fn text(&self, part: Range<usize>) -> Option<&str> {
        match self {
            Self::Text(text) => text.get(part),
            Self::Bytes(_) => None,
        }
    }

    /// The bytes, to be changed: from now on they may be anything.
    pub(super) fn edit(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => {
                *self = Self::Bytes(std::mem::take(text).into_bytes());
                self.edit()
            }
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl Deref for Memory {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Memory {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}
