//! A message of the workflow, as a step sees it.
//!
//! The host owns it and the step holds a handle: content crosses into the
//! step only when it asks for it. A test holds a message of its own.

#[cfg(not(target_family = "wasm"))]
use crate::testkit::native as backend;
#[cfg(target_family = "wasm")]
use crate::wasm as backend;
mod children;

pub use children::Child;

use crate::{Format, Problem, Value};
use std::borrow::Cow;
use std::fmt;

/// A parsed message.
///
/// Paths use the language of the message's format: `PID-3[2].1` (HL7, indexes
/// start at 1), `Patient/Medications[1]/Code` (JSON, XML), `[0]` (CSV, columns start
/// at 0). DICOM messages are read by JSON paths. Text and binary messages ignore the path. Reading an absent place is
/// not an error; an error says that the path cannot mean anything in this
/// format, or that the message may not be changed.
pub struct Message(pub(crate) backend::Message);

impl Message {
    /// Makes a new message, for a reply.
    ///
    /// # Errors
    /// When the bytes are not a message of that format.
    pub fn parse(format: Format, bytes: &[u8]) -> Result<Self, Problem> {
        backend::Message::parse(format, bytes).map(Self)
    }

    /// The format, and so the language of the paths.
    pub fn format(&self) -> Format {
        self.0.format()
    }

    /// The place, with absent, empty and null told apart.
    ///
    /// # Errors
    /// When the path cannot mean anything in this format.
    pub fn get(&self, path: &str) -> Result<Value, Problem> {
        self.0.get(path)
    }

    /// The place as workflow text: absent and empty are "", an HL7 null is its
    /// two quotes (so that a copy keeps it), a JSON null is "".
    ///
    /// # Errors
    /// When the path cannot mean anything in this format.
    pub fn text(&self, path: &str) -> Result<String, Problem> {
        self.0.text(path)
    }

    /// The wire text of the place: separators and escapes as they stand.
    ///
    /// # Errors
    /// When the path cannot mean anything in this format.
    pub fn structure(&self, path: &str) -> Result<Option<String>, Problem> {
        self.0.structure(path)
    }

    /// How many siblings the path's last step addresses: segments of one name,
    /// repetitions of a field, items of an array.
    ///
    /// # Errors
    /// When the path cannot mean anything in this format.
    pub fn count(&self, path: &str) -> Result<u32, Problem> {
        self.0.count(path)
    }

    /// The exact paths of everything that a pattern with `[*]` matches, in
    /// document order; at most 65,535.
    ///
    /// # Errors
    /// When the pattern cannot mean anything in this format.
    pub fn find(&self, pattern: &str) -> Result<Vec<String>, Problem> {
        self.0.find(pattern)
    }

    /// The siblings that a path addresses, as workflow texts: the items of an
    /// array, the elements of a name, the repetitions of a field. A path that
    /// holds `[*]` already is taken as it is.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # fn main() -> Result<(), Problem> {
    /// let json = br#"{"Patient":{"Medications":[{"Code":"A"},{"Code":"B"}]}}"#;
    /// let message = Message::parse(Format::Json, json)?;
    /// assert_eq!(message.values("Patient/Medications[*]/Code")?, ["A", "B"]);
    /// assert_eq!(
    ///     message.structures("Patient/Medications")?,
    ///     [r#"{"Code":"A"}"#, r#"{"Code":"B"}"#]
    /// );
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the path cannot mean anything in this format.
    pub fn values(&self, path: &str) -> Result<Vec<String>, Problem> {
        let paths = self.find(&siblings(path))?;
        paths.iter().map(|path| self.text(path)).collect()
    }

    /// As [`Message::values`], each as it stands on the wire.
    ///
    /// # Errors
    /// As [`Message::values`].
    pub fn structures(&self, path: &str) -> Result<Vec<String>, Problem> {
        let paths = self.find(&siblings(path))?;
        let texts = paths.iter().map(|path| self.structure(path).map(Option::unwrap_or_default));
        texts.collect()
    }

    /// Writes a value, escaped as the format asks; creates what is missing.
    ///
    /// # Errors
    /// When the path cannot be written, or the message may not be changed.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), Problem> {
        self.0.set(path, value)
    }

    /// Writes the format's explicit null.
    ///
    /// # Errors
    /// As [`Message::set`], and when the format has no null.
    pub fn set_null(&mut self, path: &str) -> Result<(), Problem> {
        self.0.set_null(path)
    }

    /// Writes wire text, which may bring separators of its own. The message
    /// must still be one afterwards.
    ///
    /// # Errors
    /// As [`Message::set`], and when the message would break.
    pub fn set_structure(&mut self, path: &str, text: &str) -> Result<(), Problem> {
        self.0.set_structure(path, text)
    }

    /// Appends raw text: HL7 gets one or more last segments, text a line.
    ///
    /// # Errors
    /// When the format has nothing to append to, or the message would break.
    pub fn append(&mut self, text: &str) -> Result<(), Problem> {
        self.0.append(text)
    }

    /// Inserts wire text as a new sibling before the place: a segment or a
    /// repetition, an item of an array, an element. One behind the last appends.
    ///
    /// # Errors
    /// When the place has no siblings, a gap would arise, or the message would
    /// break.
    pub fn insert(&mut self, path: &str, text: &str) -> Result<(), Problem> {
        self.0.insert(path, text)
    }

    /// Removes what the pattern matches; answers how many places that was.
    ///
    /// # Errors
    /// When the pattern cannot mean anything, or the message may not change.
    pub fn remove(&mut self, pattern: &str) -> Result<u32, Problem> {
        self.0.remove(pattern)
    }

    /// What is wrong with the message for its format; empty means valid.
    pub fn check(&self) -> Vec<Problem> {
        self.0.check()
    }

    /// The whole message, exactly as it would be written.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.bytes()
    }

    /// Replaces the whole content, keeping the format.
    ///
    /// # Errors
    /// When the bytes are not a message of this format.
    pub fn replace(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.0.replace(bytes)
    }
}

/// The pattern of all siblings of a path's last step.
fn siblings(path: &str) -> Cow<'_, str> {
    if path.contains("[*]") { Cow::Borrowed(path) } else { Cow::Owned(format!("{path}[*]")) }
}

/// Shows the format alone: content must not reach a log by accident.
impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Message").field(&self.format()).finish()
    }
}
