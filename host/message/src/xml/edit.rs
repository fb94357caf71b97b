//! Changes as splices: which bytes of a document go and which come.
//!
//! Knows: where a new element or attribute goes, with the white space its
//! neighbours have. Deliberately does not know: paths, and whether the document
//! is well-formed afterwards; who applies a splice that could break it, checks.
//!
//! # Invariants
//! - Outside the splices every byte stays.

use super::scan::{Attribute, Span, Tag};
use super::text::{self, encode};
use super::walk::{self, Missing};
use crate::Problem;

/// Where a write goes.
pub(super) enum Target {
    Element(Tag),
    Attribute(Attribute),
    /// A text node.
    Text(Span),
    /// An attribute that an element does not have yet, and the declaration that
    /// its name needs, with the blank before it.
    NewAttribute {
        tag: Tag,
        name: String,
        declaration: String,
    },
    New(New),
}

/// Elements that do not exist yet.
pub(super) struct New {
    pub(super) missing: Missing,
    pub(super) parent: Tag,
    /// From the outermost one on; there is at least one.
    pub(super) elements: Vec<NewElement>,
    /// The name of an attribute of the last one, where that is what is written.
    pub(super) attribute: Option<String>,
}

pub(super) struct NewElement {
    pub(super) name: String,
    /// The namespaces that it declares, each with the blank before it.
    pub(super) declarations: String,
}

/// What comes instead of a piece of the document.
pub(super) struct Splice {
    pub(super) old: Span,
    pub(super) new: String,
    pub(super) check: Check,
}

/// What could break the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing: encoded text where text may stand.
    Nothing,
    /// The elements at this place of the new text, in so many elements.
    Elements { start: usize, end: usize, depth: usize },
    /// Anything.
    Document,
}

/// The splice that makes a text stand at a place, creating what is missing.
///
/// # Errors
/// `edit.character`.
pub(super) fn set(text: &str, target: &Target, value: &str) -> Result<Splice, Problem> {
    let in_element = || encode(value, text::Place::Element);
    let quoted = || Ok(format!("\"{}\"", encode(value, text::Place::Attribute('"'))?));
    match target {
        Target::Element(tag) => Ok(set_element(text, *tag, &in_element()?)),
        Target::Text(span) => Ok(Splice { old: *span, new: in_element()?, check: Check::Nothing }),
        Target::Attribute(attribute) => {
            let quote = quote_of(text, attribute.value);
            let is_declaration = super::name::declares_namespace(attribute.name.of(text));
            Ok(Splice {
                old: attribute.value,
                new: encode(value, text::Place::Attribute(quote))?,
                check: if is_declaration { Check::Document } else { Check::Nothing },
            })
        }
        Target::NewAttribute { tag, name, declaration } => {
            Ok(insert_attribute(text, *tag, format!("{declaration} {name}={}", quoted()?)))
        }
        Target::New(new) => Ok(match &new.attribute {
            Some(name) => create(text, new, Leaf::Attribute(format!(" {name}={}", quoted()?))),
            None => create(text, new, Leaf::Text(in_element()?)),
        }),
    }
}

/// The splice that puts a whole element, in XML text, at a place.
///
/// # Errors
/// `edit.text` at a text node.
pub(super) fn set_raw_element(
    text: &str,
    target: &Target,
    element: &str,
) -> Result<Splice, Problem> {
    match target {
        Target::Element(tag) => {
            let old = Span { start: tag.start, end: tag.extent(text).end };
            Ok(Splice { old, new: element.to_owned(), check: Check::Document })
        }
        Target::New(new) => Ok(create(text, new, Leaf::Element(element.to_owned()))),
        Target::Text(_) | Target::Attribute(_) | Target::NewAttribute { .. } => Err(Problem::new(
            "edit.text",
            "an element cannot stand instead of a text alone: write the text as a value, or \
                 the element around it as structure",
        )),
    }
}

/// The splice that puts a raw value, without quotes, instead of an attribute's.
///
/// # Errors
/// `xml.syntax` for a value that ends its own quotes.
pub(super) fn set_raw_attribute(
    text: &str,
    target: &Target,
    value: &str,
) -> Result<Splice, Problem> {
    let free_quote = if value.contains('"') { '\'' } else { '"' };
    let quote = match target {
        Target::Attribute(attribute) => quote_of(text, attribute.value),
        _ => free_quote,
    };
    if value.contains(quote) {
        let text = "not XML: the value of the attribute ends its own quotes";
        return Err(Problem::new("xml.syntax", text));
    }
    let written = |name: &str| format!(" {name}={quote}{value}{quote}");
    Ok(match target {
        Target::Attribute(attribute) => {
            Splice { old: attribute.value, new: value.to_owned(), check: Check::Document }
        }
        Target::NewAttribute { tag, name, declaration } => {
            insert_attribute(text, *tag, format!("{declaration}{}", written(name)))
        }
        Target::New(new) => {
            let name = new.attribute.as_deref().unwrap_or_default();
            // The value is raw, so its own form does not tell what it may break.
            let splice = create(text, new, Leaf::Attribute(written(name)));
            Splice { check: Check::Document, ..splice }
        }
        Target::Element(tag) => set_element(text, *tag, value),
        Target::Text(span) => Splice { old: *span, new: value.to_owned(), check: Check::Document },
    })
}

/// The splice that puts an element, in XML text, before another one.
pub(super) fn insert_before(text: &str, tag: Tag, element: &str) -> Splice {
    let lead = walk::lead(text, tag).of(text);
    let old = Span { start: tag.start, end: tag.start };
    Splice { old, new: format!("{element}{lead}"), check: Check::Document }
}

/// The piece to cut so that an element does not exist, with the white space
/// before it where that stands alone.
pub(super) fn cut_element(text: &str, tag: Tag) -> Span {
    Span { start: walk::lead(text, tag).start, end: tag.extent(text).end }
}

fn set_element(text: &str, tag: Tag, new: &str) -> Splice {
    let check = Check::Nothing;
    if !tag.is_empty {
        return Splice { old: tag.extent(text).content, new: new.to_owned(), check };
    }
    let old = Span { start: tag.inner_end(text), end: tag.end };
    if new.is_empty() {
        return Splice { old, new: old.of(text).to_owned(), check };
    }
    Splice { old, new: format!(">{new}</{}>", tag.name.of(text)), check }
}

fn insert_attribute(text: &str, tag: Tag, new: String) -> Splice {
    let end = tag.inner_end(text);
    Splice { old: Span { start: end, end }, new, check: Check::Document }
}

/// The quote before a value.
fn quote_of(text: &str, value: Span) -> char {
    let before = value.start.checked_sub(1).and_then(|before| text.as_bytes().get(before));
    if before == Some(&b'\'') { '\'' } else { '"' }
}

/// What stands at the end of a path that is created.
enum Leaf {
    /// The content of the last element, in XML text.
    Text(String),
    /// An attribute of the last element, with the white space before it.
    Attribute(String),
    /// The last element itself, in XML text.
    Element(String),
}

fn create(text: &str, New { missing, parent, elements, .. }: &New, leaf: Leaf) -> Splice {
    let created = new_elements(elements, &leaf);
    let depth = missing.step;
    if parent.is_empty {
        let old = Span { start: parent.inner_end(text), end: parent.end };
        let check = Check::Elements { start: 1, end: created.len() + 1, depth };
        let new = format!(">{created}</{}>", parent.name.of(text));
        return Splice { old, new, check };
    }
    let (at, lead) = match missing.anchor {
        Some(anchor) => (anchor.end, walk::lead(text, anchor.tag).of(text)),
        None => (missing.close, ""),
    };
    let new = format!("{lead}{created}");
    let check = Check::Elements { start: lead.len(), end: new.len(), depth };
    Splice { old: Span { start: at, end: at }, new, check }
}

/// `<a><b>…</b></a>` for the steps that lead nowhere.
fn new_elements(elements: &[NewElement], leaf: &Leaf) -> String {
    let mut opening = String::new();
    let mut closing: Vec<String> = Vec::new();
    for (number, NewElement { name, declarations }) in elements.iter().enumerate() {
        let is_last = number + 1 == elements.len();
        match &leaf {
            Leaf::Element(element) if is_last => opening.push_str(element),
            Leaf::Attribute(attribute) if is_last => {
                opening.push_str(&format!("<{name}{declarations}{attribute}/>"));
            }
            Leaf::Text(content) if is_last && content.is_empty() => {
                opening.push_str(&format!("<{name}{declarations}/>"));
            }
            Leaf::Text(content) if is_last => {
                opening.push_str(&format!("<{name}{declarations}>{content}</{name}>"));
            }
            Leaf::Text(_) | Leaf::Attribute(_) | Leaf::Element(_) => {
                opening.push_str(&format!("<{name}{declarations}>"));
                closing.push(format!("</{name}>"));
            }
        }
    }
    opening.extend(closing.into_iter().rev());
    opening
}
