//! XML messages that keep their bytes.
//!
//! Stage: received bytes → **XML message** → reads and edits by path → bytes.
//! Knows: XML 1.0 with namespaces, without document types, and [`XmlPath`].
//! Deliberately does not know: schemas, CDA, trees: there is none, only the
//! text. Nothing is ever fetched and no entity but the five of XML exists.
//!
//! # Invariants
//! - The text is a well-formed document, in UTF-8, within the limits on depth,
//!   attributes and namespaces: checked when it is parsed, kept by every edit.
//! - An edit is a splice. Quotes, white space, entities, comments and CDATA
//!   outside its place stay byte for byte. Only an edit that brings the first
//!   character outside ASCII to a document that declares another character set
//!   also makes its declaration say UTF-8.
//! - A failed edit changes nothing.

mod declaration;
mod edit;
mod name;
mod namespaces;
mod path;
mod scan;
#[cfg(test)]
mod tests;
mod text;
mod validate;
mod walk;

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

pub(crate) use self::declaration::{declare_utf8, found as found_charset};
pub use self::path::{PATH_BYTES_MAX, XmlPath};

use self::edit::Splice;
use self::path::Index;
use self::scan::{Attribute, Span, Tag};
use self::text::Place;
use self::validate::Prefixes;
use crate::json::position;
use crate::{Limits, Problem, Value};

/// The most places that one pattern may mean in [`Xml::find`] and
/// [`Xml::remove`].
pub const MATCHES_MAX: usize = 65_535;

/// One XML message.
///
/// Reading a path passes over the text once, at most to its end; nothing is
/// cached, so a message may be shared between threads.
#[derive(Clone)]
pub struct Xml {
    text: String,
    limits: Limits,
}

impl fmt::Debug for Xml {
    /// Format and length alone: content may be patient data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Xml({} bytes)", self.text.len())
    }
}

impl Xml {
    /// Takes the bytes over as they are. A byte order mark is accepted and
    /// kept; the character set that the XML declaration names is not looked at,
    /// since the bytes are UTF-8 (see [`crate::charset`]).
    ///
    /// # Errors
    /// `limit.message-bytes`, `xml.encoding` (not UTF-8), `xml.syntax`,
    /// `xml.character`, `xml.doctype`, `xml.entity`, `xml.namespace`,
    /// `limit.depth`, `limit.attributes`, `limit.namespaces`: the fault of
    /// whoever made the message, with its place.
    pub fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Problem> {
        check_length(bytes.len(), limits)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            Problem::new("xml.encoding", "XML is read as UTF-8, found bytes that are not")
                .at(position(error.as_bytes(), offset))
                .at_offset(offset)
        })?;
        validate::document(&text, Prefixes::Declared, limits)?;
        Ok(Self { text, limits: limits.clone() })
    }

    /// Replaces the whole content.
    ///
    /// # Errors
    /// As [`Xml::parse`]; the old content then stays.
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

    /// The text inside an element, that of the elements in it included, or the
    /// value of an attribute; references are resolved. Of a pattern, the first
    /// place. Of the whole document, the text of its root.
    pub fn get(&self, path: &XmlPath) -> Value<'_> {
        let text = match self.first(path) {
            None => return Value::Absent,
            Some(Found::Attribute(attribute)) => {
                text::decode(attribute.value.of(&self.text), Place::Attribute('"'))
            }
            Some(Found::Element(tag) | Found::Document(tag)) => {
                text::inner(&self.text, tag.extent(&self.text))
            }
        };
        if text.is_empty() { Value::Empty } else { Value::Text(text) }
    }

    /// As [`Xml::get`], where absent and empty are both "".
    pub fn text(&self, path: &XmlPath) -> Cow<'_, str> {
        match self.get(path) {
            Value::Text(text) => text,
            Value::Absent | Value::Empty | Value::Null => Cow::Borrowed(""),
        }
    }

    /// An element with its tags, or the value of an attribute without its
    /// quotes, as it stands.
    pub fn structure(&self, path: &XmlPath) -> Option<Cow<'_, str>> {
        let span = match self.first(path)? {
            Found::Document(_) => Span { start: 0, end: self.text.len() },
            Found::Element(tag) => Span { start: tag.start, end: tag.extent(&self.text).end },
            Found::Attribute(attribute) => attribute.value,
        };
        Some(Cow::Borrowed(span.of(&self.text)))
    }

    /// How many siblings have the name of the path's last step: how often a
    /// loop over it runs. With an index or an attribute, 1 or 0. Of a pattern,
    /// the number of places it means.
    pub fn count(&self, path: &XmlPath) -> usize {
        let mut all = path.clone();
        if let (Some(last), None) = (all.steps.last_mut(), &all.attribute)
            && last.index == Index::Omitted
        {
            last.index = Index::Every;
        }
        let mut count = 0;
        self.visit(&all, |_, _| {
            count += 1;
            ControlFlow::Continue(())
        });
        count
    }

    /// The exact paths of everything a pattern means, in document order; at
    /// most [`MATCHES_MAX`], the rest is left out.
    pub fn find(&self, pattern: &XmlPath) -> Vec<String> {
        let mut found = Vec::new();
        self.visit(pattern, |_, numbers| {
            found.push(pattern.exact(numbers).to_string());
            if found.len() < MATCHES_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        found
    }

    /// Writes the text of an element, instead of all that stands in it, or the
    /// value of an attribute. What is missing on the way is created: an element
    /// behind the last of its name, else behind the last element there is.
    ///
    /// # Errors
    /// `path.pattern`, `edit.whole` for the whole document, `edit.character`,
    /// `edit.gap`, `edit.blocked`, `xml.namespace` for a prefix that is not
    /// declared, `limit.depth`, `limit.attributes`, `limit.message-bytes`.
    /// Nothing is changed then.
    pub fn set(&mut self, path: &XmlPath, value: &str) -> Result<(), Problem> {
        check_place(path)?;
        if path.steps.is_empty() {
            return Err(Problem::new(
                "edit.whole",
                "a text cannot replace the whole document: name an element, or write structure",
            ));
        }
        check_length(value.len(), &self.limits)?;
        let splice = edit::set(&self.text, path, value).map_err(|problem| at(path, problem))?;
        self.apply(path, splice)
    }

    /// Always refused: XML has no null.
    ///
    /// # Errors
    /// `edit.null`.
    pub fn set_null(&mut self, _: &XmlPath) -> Result<(), Problem> {
        Err(Problem::new(
            "edit.null",
            "an XML message has no null; write an empty text, or remove the place",
        ))
    }

    /// Writes XML text: instead of an element another one, with its tags, or
    /// the raw value of an attribute; for the whole document, a document. A
    /// declaration and comments around the element are left away.
    ///
    /// # Errors
    /// As [`Xml::set`], and as [`Xml::parse`] when the text is not XML (offset
    /// and place are those in the text) or the document would not be.
    pub fn set_structure(&mut self, path: &XmlPath, text: &str) -> Result<(), Problem> {
        check_place(path)?;
        check_length(text.len(), &self.limits)?;
        if path.steps.is_empty() {
            validate::document(text, Prefixes::Declared, &self.limits)?;
            text.clone_into(&mut self.text);
            return Ok(());
        }
        let splice = match &path.attribute {
            Some(name) => edit::set_raw_attribute(&self.text, path, name, text),
            None => {
                validate::document(text, Prefixes::FromOutside, &self.limits)?;
                edit::set_raw_element(&self.text, path, walk::root_element(text))
            }
        };
        self.apply(path, splice.map_err(|problem| at(path, problem))?)
    }

    /// Always refused: nothing but comments may follow the root element.
    ///
    /// # Errors
    /// `edit.append`.
    pub fn append(&mut self, _text: &str) -> Result<(), Problem> {
        Err(Problem::new(
            "edit.append",
            "nothing can be appended to an XML message: write the next element of a name instead",
        ))
    }

    /// Inserts wire text before a place.
    ///
    /// # Errors
    /// `edit.insert`.
    pub fn insert(&mut self, _: &XmlPath, _: &str) -> Result<(), Problem> {
        Err(Problem::new("edit.insert", "insertion is not available for this format"))
    }

    /// Removes the elements or attributes that the pattern means, with the white
    /// space before them, and answers how many that was.
    ///
    /// # Errors
    /// `edit.whole` for the root; `limit.matches` for more than [`MATCHES_MAX`]
    /// places; `xml.namespace` for a declaration that is in use. Nothing is
    /// changed then.
    pub fn remove(&mut self, pattern: &XmlPath) -> Result<usize, Problem> {
        if pattern.steps.len() <= 1 && pattern.attribute.is_none() {
            return Err(Problem::new(
                "edit.whole",
                "the whole document cannot be removed: replace it instead",
            ));
        }
        let mut cuts = Vec::new();
        self.visit(pattern, |found, _| {
            cuts.push(found);
            if cuts.len() <= MATCHES_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        if cuts.len() > MATCHES_MAX {
            let text = format!("the pattern means more than {MATCHES_MAX} places");
            return Err(Problem::new("limit.matches", text).at(pattern.to_string()));
        }
        let mut kept = String::with_capacity(self.text.len());
        let mut from = 0;
        for found in &cuts {
            let cut = match found {
                Found::Element(tag) | Found::Document(tag) => edit::cut_element(&self.text, *tag),
                Found::Attribute(attribute) => {
                    Span { start: attribute.lead, end: attribute.value.end + 1 }
                }
            };
            kept.push_str(self.text.get(from..cut.start).unwrap_or_default());
            from = cut.end;
        }
        kept.push_str(self.text.get(from..).unwrap_or_default());
        validate::document(&kept, Prefixes::Declared, &self.limits)
            .map_err(|problem| at(pattern, problem))?;
        self.text = kept;
        Ok(cuts.len())
    }

    /// Always empty: what is not well-formed was refused when it was parsed.
    pub fn check(&self) -> Vec<Problem> {
        Vec::new()
    }

    fn first(&self, path: &XmlPath) -> Option<Found> {
        let mut first = None;
        self.visit(path, |found, _| {
            first = Some(found);
            ControlFlow::Break(())
        });
        first
    }

    /// Calls `visit` with every place that the path means and the numbers that
    /// its `[*]` stand for there.
    fn visit(
        &self,
        path: &XmlPath,
        mut visit: impl FnMut(Found, &mut dyn Iterator<Item = usize>) -> ControlFlow<()>,
    ) {
        if path.steps.is_empty() {
            if let Some(root) = walk::root(&self.text) {
                // There is only one place: nothing is left to break off.
                let _ = visit(Found::Document(root), &mut std::iter::empty());
            }
            return;
        }
        walk::walk(&self.text, path, |tag, numbers| match &path.attribute {
            None => visit(Found::Element(tag), numbers),
            Some(name) => match walk::attribute(&self.text, tag, name) {
                Some(attribute) => visit(Found::Attribute(attribute), numbers),
                None => ControlFlow::Continue(()),
            },
        });
    }

    fn apply(&mut self, path: &XmlPath, splice: Splice) -> Result<(), Problem> {
        let Splice { old, new, is_structural } = splice;
        let kept = self.text.len().saturating_sub(old.end.saturating_sub(old.start));
        // The name UTF-8 may be longer than the one that it replaces.
        let is_ascii = new.is_ascii();
        let untrue =
            if is_ascii { None } else { declaration::untrue_encoding(self.text.as_bytes(), false) };
        let declared = untrue.as_ref().map_or(0, |_| UTF8.len());
        check_length(kept.saturating_add(new.len()).saturating_add(declared), &self.limits)?;
        let change = |text: &mut String| {
            text.replace_range(old.start..old.end, &new);
            if let Some(untrue) = untrue.clone() {
                text.replace_range(untrue, UTF8);
            }
        };
        if !is_structural {
            change(&mut self.text);
            return Ok(());
        }
        let mut changed = self.text.clone();
        change(&mut changed);
        validate::document(&changed, Prefixes::Declared, &self.limits)
            .map_err(|problem| at(path, problem))?;
        self.text = changed;
        Ok(())
    }
}

/// What a path means.
#[derive(Clone, Copy, Debug)]
enum Found {
    /// The whole document, and its root.
    Document(Tag),
    Element(Tag),
    Attribute(Attribute),
}

const UTF8: &str = "UTF-8";

/// Refuses a pattern where one place is needed.
fn check_place(path: &XmlPath) -> Result<(), Problem> {
    if !path.is_pattern() {
        return Ok(());
    }
    Err(Problem::new(
        "path.pattern",
        "a write needs one exact place, found `[*]`: write each path that the pattern finds",
    )
    .at(path.to_string()))
}

/// A problem of an edit, told at the path: offsets in the changed document
/// mean nothing to who wrote it.
fn at(path: &XmlPath, problem: Problem) -> Problem {
    Problem { offset: None, ..problem }.at(path.to_string())
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
