//! JSON messages that keep their bytes.
//!
//! Stage: received bytes → **JSON message** → reads and edits by path → bytes.
//! Knows: RFC 8259, the two path forms ([`JsonPath`]). Deliberately does not
//! know: JSON schemas, FHIR, and trees: there is none, only the text.
//!
//! # Invariants
//! - The text is valid JSON, in UTF-8, not deeper than the limit: checked when
//!   it is parsed, kept by every edit.
//! - An edit is a splice. Key order, number text, escapes and white space
//!   outside its place stay byte for byte.
//! - A failed edit changes nothing.
//! - Of members with the same name the last one counts; a removal removes them
//!   all, so that none comes to light.

mod edit;
mod path;
mod scan;
mod string;
#[cfg(test)]
mod tests;
mod validate;
mod walk;

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

pub use path::{JsonPath, PATH_BYTES_MAX};
pub(crate) use validate::{position, shape};

use self::edit::{Fragment, Splice};
use self::scan::Kind;
use self::walk::{Node, Reached};
use crate::{Limits, Problem, Value};

/// The most places that one pattern may mean in [`Json::find`] and
/// [`Json::remove`].
pub const MATCHES_MAX: usize = 65_535;

/// One JSON message.
///
/// Reading a path passes over the text from its beginning, at most once for
/// each name and `[*]` in the path; nothing is cached, so a message may be
/// shared between threads.
#[derive(Clone)]
pub struct Json {
    text: String,
    limits: Limits,
}

impl fmt::Debug for Json {
    /// Format and length alone: content may be patient data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Json({} bytes)", self.text.len())
    }
}

impl Json {
    /// Takes the bytes over as they are. A byte order mark is accepted and kept.
    ///
    /// # Errors
    /// `limit.message-bytes`, `json.encoding` (not UTF-8), `json.syntax`,
    /// `limit.depth`: the fault of whoever made the message, with its place.
    pub fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Problem> {
        check_length(bytes.len(), limits)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            Problem::new("json.encoding", "JSON is UTF-8, found bytes that are not")
                .at(position(error.as_bytes(), offset))
                .at_offset(offset)
        })?;
        validate::depth(&text, limits.depth)?;
        Ok(Self { text, limits: limits.clone() })
    }

    /// Replaces the whole content.
    ///
    /// # Errors
    /// As [`Json::parse`]; the old content then stays.
    pub fn replace(&mut self, bytes: Vec<u8>, limits: &Limits) -> Result<(), Problem> {
        *self = Self::parse(bytes, limits)?;
        Ok(())
    }

    /// Exactly as it would be written.
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The same without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// The message as text, with its byte order mark if it has one.
    pub fn whole_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.text)
    }

    /// A string decoded; a number, `true` or `false` as written; an object or
    /// array as compact JSON text. Of a pattern, the first place.
    pub fn get(&self, path: &JsonPath) -> Value<'_> {
        let Some(node) = self.first(path) else { return Value::Absent };
        let written = node.value(&self.text).of(&self.text);
        let text = match node.kind(&self.text) {
            Kind::Null => return Value::Null,
            Kind::String => string::decode(written),
            Kind::Object | Kind::Array => string::compact(written),
            Kind::Literal => Cow::Borrowed(written),
        };
        if text.is_empty() { Value::Empty } else { Value::Text(text) }
    }

    /// As [`Json::get`], where absent, empty and `null` are all "".
    pub fn text(&self, path: &JsonPath) -> Cow<'_, str> {
        match self.get(path) {
            Value::Text(text) => text,
            Value::Absent | Value::Empty | Value::Null => Cow::Borrowed(""),
        }
    }

    /// The JSON text of the place as it stands, white space and all.
    pub fn structure(&self, path: &JsonPath) -> Option<Cow<'_, str>> {
        self.first(path).map(|node| Cow::Borrowed(node.value(&self.text).of(&self.text)))
    }

    /// The length of the array at the path; 1 for any other value, 0 for `null`
    /// and for nothing: how often a loop over the path runs. Of a pattern, the
    /// number of places it means.
    pub fn count(&self, path: &JsonPath) -> usize {
        if path.is_pattern() {
            let mut count = 0;
            walk::walk(&self.text, path, |_, _| {
                count += 1;
                ControlFlow::Continue(())
            });
            return count;
        }
        let Some(node) = self.first(path) else { return 0 };
        match node.kind(&self.text) {
            Kind::Array => node.children(&self.text).count(),
            Kind::Null => 0,
            Kind::Object | Kind::String | Kind::Literal => 1,
        }
    }

    /// The exact paths of everything a pattern means, in document order and in
    /// the pattern's own form; at most [`MATCHES_MAX`], the rest is left out.
    pub fn find(&self, pattern: &JsonPath) -> Vec<String> {
        let mut found = Vec::new();
        walk::walk(&self.text, pattern, |_, items| {
            found.push(pattern.exact(items.iter().copied()).to_string());
            if found.len() < MATCHES_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        found
    }

    /// Writes a JSON string. What is missing on the way is created: objects for
    /// names, arrays for indexes; an array grows by its next item alone, and a
    /// `null` on the way gives way.
    ///
    /// # Errors
    /// `path.pattern`, `edit.gap`, `edit.blocked`, `limit.depth`,
    /// `limit.message-bytes`. Nothing is changed then.
    pub fn set(&mut self, path: &JsonPath, value: &str) -> Result<(), Problem> {
        self.place(path, Fragment { json: string::encode(value), depth: 0 })
    }

    /// Writes `null`.
    ///
    /// # Errors
    /// As [`Json::set`].
    pub fn set_null(&mut self, path: &JsonPath) -> Result<(), Problem> {
        self.place(path, Fragment { json: "null".to_owned(), depth: 0 })
    }

    /// Writes JSON text: a number, a boolean, an object, an array, or any other
    /// value. White space around it is dropped.
    ///
    /// # Errors
    /// As [`Json::set`], and `json.syntax` when the text is not JSON (offset and
    /// place are those in the text).
    pub fn set_structure(&mut self, path: &JsonPath, text: &str) -> Result<(), Problem> {
        check_length(text.len(), &self.limits)?;
        let depth = validate::depth(text, self.limits.depth)?;
        self.place(path, Fragment { json: scan::whole(text).of(text).to_owned(), depth })
    }

    /// Always refused: a line after a JSON value would make it invalid.
    ///
    /// # Errors
    /// `edit.append`.
    pub fn append(&mut self, _text: &str) -> Result<(), Problem> {
        Err(Problem::new(
            "edit.append",
            "nothing can be appended to a JSON message: write the next item of an array instead",
        ))
    }

    /// Inserts wire text before a place.
    ///
    /// # Errors
    /// `edit.insert`.
    pub fn insert(&mut self, _: &JsonPath, _: &str) -> Result<(), Problem> {
        Err(Problem::new("edit.insert", "insertion is not available for this format"))
    }

    /// Removes what the pattern means, members and items with their comma, and
    /// answers how many places that was.
    ///
    /// # Errors
    /// `edit.whole` for the whole document; `limit.matches` for more than
    /// [`MATCHES_MAX`] places. Nothing is changed then.
    pub fn remove(&mut self, pattern: &JsonPath) -> Result<usize, Problem> {
        let mut places: Vec<Node> = Vec::new();
        walk::walk(&self.text, pattern, |node, _| {
            places.push(node);
            if places.len() <= MATCHES_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        if places.len() > MATCHES_MAX {
            return Err(Problem::new(
                "limit.matches",
                format!(
                    "the pattern means more than {MATCHES_MAX} places: remove the array itself"
                ),
            )
            .at(pattern.to_string()));
        }
        if places.iter().any(|place| place.holder.is_none()) {
            return Err(Problem::new(
                "edit.whole",
                "the whole document cannot be removed: replace it instead",
            ));
        }
        let mut kept = String::with_capacity(self.text.len());
        let mut from = 0;
        for cut in edit::cuts(&self.text, &places) {
            kept.push_str(self.text.get(from..cut.start).unwrap_or_default());
            from = cut.end;
        }
        kept.push_str(self.text.get(from..).unwrap_or_default());
        self.text = kept;
        Ok(places.len())
    }

    /// Always empty: what is not valid JSON was refused when it was parsed.
    pub fn check(&self) -> Vec<Problem> {
        Vec::new()
    }

    fn first(&self, path: &JsonPath) -> Option<Node> {
        if !path.is_pattern() {
            return match walk::locate(&self.text, path) {
                Reached::Place(node) => Some(node),
                Reached::Missing(..) => None,
            };
        }
        let mut first = None;
        walk::walk(&self.text, path, |node, _| {
            first = Some(node);
            ControlFlow::Break(())
        });
        first
    }

    fn place(&mut self, path: &JsonPath, value: Fragment) -> Result<(), Problem> {
        let Splice { old, new } = edit::place(&self.text, path, value, self.limits.depth)?;
        let kept = self.text.len().saturating_sub(old.end.saturating_sub(old.start));
        check_length(kept.saturating_add(new.len()), &self.limits)?;
        self.text.replace_range(old.start..old.end, &new);
        Ok(())
    }
}

fn check_length(bytes: usize, limits: &Limits) -> Result<(), Problem> {
    if bytes <= limits.message_bytes {
        return Ok(());
    }
    Err(Problem::new(
        "limit.message-bytes",
        format!("the message has {bytes} bytes, at most {} are allowed", limits.message_bytes),
    ))
}
