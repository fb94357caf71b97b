//! Why a message could not be read or changed, without quoting it.

/// One thing that is wrong with a message, a path or an edit.
///
/// `Display` shows the text and where. Neither holds message content: what was
/// found is described by its shape (length, kind of character), so a problem
/// may be logged and sent back to whoever sent the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}{}", place.as_ref().map(|place| format!(" (at {place})")).unwrap_or_default())]
pub struct Problem {
    /// Stable, lower-case, dotted: `hl7.header`, `path.syntax`, `edit.read-only`.
    pub code: &'static str,
    /// For a person: what was expected and what was found.
    pub text: String,
    /// The place: a message path, or `line 3, byte 17`.
    pub place: Option<String>,
    /// Byte offset in the message or in the path's text, where one is known.
    pub offset: Option<usize>,
}

impl Problem {
    /// A problem without a place.
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), place: None, offset: None }
    }

    /// The same problem at a named place.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// The same problem at a byte offset.
    #[must_use]
    pub fn at_offset(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }
}
