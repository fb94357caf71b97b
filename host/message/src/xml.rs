//! XML messages that keep their bytes.
//!
//! Stage: received bytes → **XML message** → reads and edits by path → bytes.
//! Knows: XML 1.0 with namespaces, without document types, and [`XmlPath`].
//! Deliberately does not know: schemas, CDA. The text is the message; a table of
//! its nodes is made for expressions alone. Nothing is ever fetched and no
//! entity but the five of XML exists.
//!
//! # Invariants
//! - The text is a well-formed document, in UTF-8, within the limits on depth,
//!   attributes and namespaces: checked when it is parsed, kept by every edit.
//! - An edit is a splice. Quotes, white space, entities, comments and CDATA
//!   outside its place stay byte for byte. Only an edit that brings the first
//!   character outside ASCII to a document that declares another character set
//!   also makes its declaration say UTF-8.
//! - A failed edit changes nothing.

mod bound;
mod declaration;
mod edit;
mod memory;
mod name;
mod namespaces;
mod path;
mod places;
mod prolog;
mod scan;
#[cfg(test)]
mod tests;
mod text;
mod trail;
mod tree;
mod validate;
mod walk;
mod xpath;

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

pub(crate) use self::declaration::{declare_utf8, found as found_charset};
pub use self::path::{PATH_BYTES_MAX, XmlPath};
pub use self::xpath::DEPTH_MAX as EXPRESSION_DEPTH_MAX;

use self::edit::{Check, Splice, Target};
use self::path::Body;
use self::places::Found;
use self::scan::Span;
use self::text::Place;
use self::trail::Trails;
use self::tree::Tree;
use self::validate::Prefixes;
use self::xpath::Outcome;
use crate::cursor::Cursor;
use crate::json::position;
use crate::{Limits, Problem, Value};

/// The most places that one pattern may mean in [`Xml::find`] and
/// [`Xml::remove`].
pub const MATCHES_MAX: usize = 65_535;

/// One XML message.
///
/// Reading a slash path passes over the text once, at most to its end, and goes
/// on from where the last paths have led. For `xpath:` expressions and declared
/// prefixes a table of the nodes is made when the first one comes; an edit
/// drops it.
#[derive(Clone)]
pub struct Xml {
    text: String,
    limits: Limits,
    trails: OnceLock<Box<Cursor<Trails>>>,
    /// `None` in it where the message has too many nodes.
    tree: OnceLock<Option<Arc<Tree>>>,
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
        Ok(Self::of(text, limits))
    }

    fn of(text: String, limits: &Limits) -> Self {
        let (trails, tree) = (OnceLock::new(), OnceLock::new());
        Self { text, limits: limits.clone(), trails, tree }
    }

    /// Replaces the whole content.
    ///
    /// # Errors
    /// As [`Xml::parse`]; the old content then stays.
    pub fn replace(&mut self, bytes: Vec<u8>, limits: &Limits) -> Result<(), Problem> {
        *self = Self::parse(bytes, limits)?;
        Ok(())
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
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

    /// Does what reading a path takes as far as that can fail, and remembers
    /// it. Where it fails, the path reads as absent.
    ///
    /// # Errors
    /// `limit.expression-nodes` and `limit.expression-steps`, for expressions
    /// and declared prefixes alone.
    pub fn prepare(&self, path: &XmlPath) -> Result<(), Problem> {
        match &path.body {
            Body::Expression(expression) => self.outcome(expression).map(drop),
            Body::Slash(slash) if slash.is_bound() => self.tree().map(drop),
            Body::Slash(_) => Ok(()),
        }
    }

    /// The text inside an element, that of the elements in it included, or the
    /// value of an attribute; references are resolved. Of a pattern, the first
    /// place. Of the whole document, the text of its root. Of an expression that
    /// gives a text, a number or a truth, that.
    pub fn get(&self, path: &XmlPath) -> Value<'_> {
        let text = match self.value_or_place(path) {
            None => return Value::Absent,
            Some(Read::Value(text)) => Cow::Owned(text),
            Some(Read::Place(found)) => self.text_at(found),
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
    /// quotes, as it stands. A value that an expression gives, as it would be
    /// written.
    pub fn structure(&self, path: &XmlPath) -> Option<Cow<'_, str>> {
        let span = match self.value_or_place(path)? {
            Read::Value(text) => return text::encode(&text, Place::Element).ok().map(Cow::Owned),
            Read::Place(Found::Document(_)) => Span { start: 0, end: self.text.len() },
            Read::Place(Found::Element(tag)) => {
                Span { start: tag.start, end: tag.extent(&self.text).end }
            }
            Read::Place(Found::Attribute(attribute)) => attribute.value,
            Read::Place(Found::Text(span)) => span,
            Read::Place(Found::Inside(span, _, mark)) => marked(span, mark),
        };
        Some(Cow::Borrowed(span.of(&self.text)))
    }

    /// How many siblings have the name of the path's last step: how often a
    /// loop over it runs. With an index or an attribute, 1 or 0. Of a pattern or
    /// an expression, the number of places it means; 0 where an expression
    /// gives a value.
    pub fn count(&self, path: &XmlPath) -> usize {
        self.counted(path).unwrap_or(0)
    }

    /// The exact paths of everything a pattern or an expression means, in
    /// document order; at most [`MATCHES_MAX`], the rest is left out. They are
    /// slash paths, but for text, comments and instructions, which have none.
    /// Of names with `*` or a declared prefix the local ones stand there.
    pub fn find(&self, pattern: &XmlPath) -> Vec<String> {
        self.exact_paths(pattern).unwrap_or_default()
    }

    /// Writes the text of an element, instead of all that stands in it, or the
    /// value of an attribute. What is missing on the way is created: an element
    /// behind the last of its name, else behind the last element there is. A
    /// declared prefix is written as the message has it for that namespace, and
    /// declared on the new element where it has none.
    ///
    /// An expression must mean exactly one element, attribute or text, and
    /// creates nothing.
    ///
    /// # Errors
    /// `path.pattern`, `edit.absent`, `edit.node` and `edit.value` for an
    /// expression that means several, none, another kind of node or no place;
    /// `edit.whole` for the whole document, `edit.character`, `edit.gap`,
    /// `edit.blocked`, `xml.namespace` for a prefix that is not declared or
    /// means something else, `limit.depth`, `limit.attributes`,
    /// `limit.message-bytes`, and as [`Xml::prepare`]. Nothing is changed then.
    pub fn set(&mut self, path: &XmlPath, value: &str) -> Result<(), Problem> {
        check_place(path)?;
        if is_whole(path) {
            return Err(Problem::new(
                "edit.whole",
                "a text cannot replace the whole document: name an element, or write structure",
            ));
        }
        check_length(value.len(), &self.limits)?;
        let splice = self
            .target(path)
            .and_then(|target| edit::set(&self.text, &target, value))
            .map_err(|problem| at(path, problem))?;
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
        if is_whole(path) {
            validate::document(text, Prefixes::Declared, &self.limits)?;
            *self = Self::of(text.to_owned(), &self.limits);
            return Ok(());
        }
        let target = self.target(path).map_err(|problem| at(path, problem))?;
        let splice = match &target {
            Target::Attribute(_) | Target::NewAttribute { .. } => {
                edit::set_raw_attribute(&self.text, &target, text)
            }
            Target::New(new) if new.attribute.is_some() => {
                edit::set_raw_attribute(&self.text, &target, text)
            }
            Target::Element(_) | Target::Text(_) | Target::New(_) => {
                validate::document(text, Prefixes::FromOutside, &self.limits)?;
                edit::set_raw_element(&self.text, &target, walk::root_element(text))
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

    /// Inserts an element, in XML text, before the one at the path, with the
    /// white space before it. One behind the last of that name is appended, as
    /// [`Xml::set_structure`] does.
    ///
    /// # Errors
    /// `edit.insert` at the root, an attribute, a text, and where a gap would
    /// arise; else as [`Xml::set_structure`]. Nothing is changed then.
    pub fn insert(&mut self, path: &XmlPath, text: &str) -> Result<(), Problem> {
        check_place(path)?;
        check_length(text.len(), &self.limits)?;
        let refused = |what: &str| {
            let text = format!("an element can be inserted before an element alone, and {what}");
            at(path, Problem::new("edit.insert", text))
        };
        if is_whole(path) {
            return Err(refused("this is the whole document"));
        }
        validate::document(text, Prefixes::FromOutside, &self.limits)?;
        let element = walk::root_element(text);
        let target = self.target(path).map_err(|problem| match problem.code {
            "edit.gap" => at(path, Problem { code: "edit.insert", ..problem }),
            _ => at(path, problem),
        })?;
        let splice = match &target {
            Target::Element(tag) => {
                if walk::root(&self.text).is_some_and(|root| root.start == tag.start) {
                    return Err(refused("the root has no siblings"));
                }
                // How deep it stands is known to the whole document only.
                let splice = edit::insert_before(&self.text, *tag, element);
                Ok(splice)
            }
            Target::New(new) if new.attribute.is_none() => {
                edit::set_raw_element(&self.text, &target, element)
            }
            Target::New(_) | Target::Attribute(_) | Target::NewAttribute { .. } => {
                return Err(refused("this is an attribute"));
            }
            Target::Text(_) => return Err(refused("this is a text")),
        };
        self.apply(path, splice.map_err(|problem| at(path, problem))?)
    }

    /// Removes the elements or attributes that the pattern means, with the white
    /// space before them, and answers how many that was.
    ///
    /// # Errors
    /// `edit.whole` for the root; `limit.matches` for more than [`MATCHES_MAX`]
    /// places; `xml.namespace` for a declaration that is in use. Nothing is
    /// changed then.
    pub fn remove(&mut self, pattern: &XmlPath) -> Result<usize, Problem> {
        let whole = || {
            Problem::new("edit.whole", "the whole document cannot be removed: replace it instead")
        };
        if let Body::Slash(slash) = &pattern.body
            && slash.steps.len() <= 1
            && slash.attribute.is_none()
        {
            return Err(whole());
        }
        let mut cuts = Vec::new();
        self.visit(pattern, |found| {
            cuts.push(found);
            if cuts.len() <= MATCHES_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })
        .map_err(|problem| at(pattern, problem))?;
        if cuts.len() > MATCHES_MAX {
            let text = format!("the pattern means more than {MATCHES_MAX} places");
            return Err(Problem::new("limit.matches", text).at(pattern.to_string()));
        }
        let root = walk::root(&self.text).map(|root| root.start);
        let mut kept = String::with_capacity(self.text.len());
        let mut from = 0;
        for found in &cuts {
            let cut = match found {
                Found::Document(_) => return Err(whole()),
                Found::Element(tag) if Some(tag.start) == root => return Err(whole()),
                Found::Element(tag) => edit::cut_element(&self.text, *tag),
                Found::Attribute(attribute) => {
                    Span { start: attribute.lead, end: attribute.value.end + 1 }
                }
                Found::Text(span) => *span,
                Found::Inside(span, _, mark) => marked(*span, *mark),
            };
            // What lies inside an element that goes is gone already.
            if cut.end <= from {
                continue;
            }
            let start = cut.start.max(from);
            kept.push_str(self.text.get(from..start).unwrap_or_default());
            from = cut.end;
        }
        kept.push_str(self.text.get(from..).unwrap_or_default());
        validate::document(&kept, Prefixes::Declared, &self.limits)
            .map_err(|problem| at(pattern, problem))?;
        *self = Self::of(kept, &self.limits);
        Ok(cuts.len())
    }

    /// Always empty: what is not well-formed was refused when it was parsed.
    pub fn check(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// What a path reads: a value that an expression gives, or the first place.
    fn value_or_place(&self, path: &XmlPath) -> Option<Read> {
        if let Body::Expression(expression) = &path.body
            && let Ok(Outcome::Text(text)) = self.outcome(expression)
        {
            return Some(Read::Value(text.as_ref().to_owned()));
        }
        self.first(path).map(Read::Place)
    }

    fn text_at(&self, found: Found) -> Cow<'_, str> {
        match found {
            Found::Attribute(attribute) => {
                text::decode(attribute.value.of(&self.text), Place::Attribute('"'))
            }
            Found::Element(tag) | Found::Document(tag) => {
                text::inner(&self.text, tag.extent(&self.text).content)
            }
            Found::Text(span) => text::inner(&self.text, span),
            // The table was made to find it.
            Found::Inside(_, id, _) => match self.tree() {
                Ok(tree) => tree.text(&self.text, id),
                Err(_) => Cow::Borrowed(""),
            },
        }
    }

    fn apply(&mut self, path: &XmlPath, splice: Splice) -> Result<(), Problem> {
        let Splice { old, new, check } = splice;
        if self.text.get(old.start..old.end) == Some(new.as_str()) {
            return Ok(());
        }
        let kept = self.text.len().saturating_sub(old.end.saturating_sub(old.start));
        // The name UTF-8 may be longer than the one that it replaces.
        let untrue = match new.is_ascii() {
            true => None,
            false => declaration::untrue_encoding(self.text.as_bytes(), false),
        };
        let declared = untrue.as_ref().map_or(0, |_| UTF8.len());
        check_length(kept.saturating_add(new.len()).saturating_add(declared), &self.limits)?;
        let change = |text: &mut String| {
            text.replace_range(old.start..old.end, &new);
            if let Some(untrue) = untrue.clone() {
                text.replace_range(untrue, UTF8);
            }
        };
        let is_checked = match check {
            Check::Nothing => true,
            Check::Elements { start, end, depth } => {
                validate::elements(new.get(start..end).unwrap_or_default(), depth, &self.limits)
            }
            Check::Document => false,
        };
        if is_checked {
            change(&mut self.text);
        } else {
            let mut changed = self.text.clone();
            change(&mut changed);
            validate::document(&changed, Prefixes::Declared, &self.limits)
                .map_err(|problem| at(path, problem))?;
            self.text = changed;
        }
        self.tree = OnceLock::new();
        if let Some(trails) = self.trails.get_mut() {
            // Its declaration stands before everything.
            let place = if untrue.is_some() { 0 } else { old.start };
            trails.change(|trails| trails.keep_before(place));
        }
        Ok(())
    }
}

/// What a path reads.
enum Read {
    Value(String),
    Place(Found),
}

/// A comment or an instruction with its marks; the closing one is `-->` or `?>`.
fn marked(inside: Span, mark: usize) -> Span {
    Span { start: inside.start - mark, end: inside.end + if mark == 2 { 2 } else { 3 } }
}

/// Whether a path means the whole document.
fn is_whole(path: &XmlPath) -> bool {
    matches!(&path.body, Body::Slash(slash) if slash.steps.is_empty())
}

const UTF8: &str = "UTF-8";

/// Refuses a pattern where one place is needed.
fn check_place(path: &XmlPath) -> Result<(), Problem> {
    let Body::Slash(slash) = &path.body else { return Ok(()) };
    if !slash.is_pattern() {
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
