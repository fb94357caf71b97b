//! Changes as splices: which bytes of a document go and which come.
//!
//! Knows: where a new element or attribute goes, with the white space its
//! neighbours have. Deliberately does not know: whether the document is
//! well-formed afterwards; who applies a splice that could break it, checks.
//!
//! # Invariants
//! - Outside the splices every byte stays.

use super::name;
use super::path::{Index, Step, XmlPath};
use super::scan::{Span, Tag};
use super::text::{Place, encode};
use super::walk::{self, Missing, Reached};
use crate::Problem;

/// What comes instead of a piece of the document.
pub(super) struct Splice {
    pub(super) old: Span,
    pub(super) new: String,
    /// Whether it brings names or raw text, which could break the document.
    pub(super) is_structural: bool,
}

/// The splice that makes a text stand at the path, creating what is missing.
///
/// # Errors
/// `edit.character`; `edit.gap` for an element beyond the next of its name;
/// `edit.blocked` where the root has another name.
pub(super) fn set(text: &str, path: &XmlPath, value: &str) -> Result<Splice, Problem> {
    match (walk::locate(text, path), &path.attribute) {
        (Reached::Element(tag), None) => set_element(text, tag, &encode(value, Place::Element)?),
        (Reached::Element(tag), Some(name)) => set_attribute(text, tag, name, value),
        (Reached::Missing(missing), None) => {
            create(text, path, &missing, Leaf::Text(encode(value, Place::Element)?))
        }
        (Reached::Missing(missing), Some(name)) => {
            create(text, path, &missing, Leaf::Attribute(written_attribute(name, value)?))
        }
    }
}

/// The splice that puts a whole element, in XML text, at the path.
///
/// # Errors
/// As [`set`].
pub(super) fn set_raw_element(
    text: &str,
    path: &XmlPath,
    element: &str,
) -> Result<Splice, Problem> {
    match walk::locate(text, path) {
        Reached::Element(tag) => {
            let old = Span { start: tag.start, end: tag.extent(text).end };
            Ok(Splice { old, new: element.to_owned(), is_structural: true })
        }
        Reached::Missing(missing) => {
            create(text, path, &missing, Leaf::Element(element.to_owned()))
        }
    }
}

/// The splice that puts a raw value, without quotes, at the path of an
/// attribute.
///
/// # Errors
/// As [`set`], and `xml.syntax` for a value that ends its own quotes.
pub(super) fn set_raw_attribute(
    text: &str,
    path: &XmlPath,
    name: &str,
    value: &str,
) -> Result<Splice, Problem> {
    let written = |quote| format!(" {name}={quote}{value}{quote}");
    let free_quote = if value.contains('"') { '\'' } else { '"' };
    let refused = |quote| {
        value.contains(quote).then(|| {
            Problem::new("xml.syntax", "not XML: the value of the attribute ends its own quotes")
        })
    };
    match walk::locate(text, path) {
        Reached::Element(tag) => match walk::attribute(text, tag, name) {
            Some(attribute) => match refused(quote_of(text, attribute.value)) {
                Some(problem) => Err(problem),
                None => {
                    Ok(Splice { old: attribute.value, new: value.to_owned(), is_structural: true })
                }
            },
            None => match refused(free_quote) {
                Some(problem) => Err(problem),
                None => Ok(insert_attribute(text, tag, written(free_quote))),
            },
        },
        Reached::Missing(missing) => match refused(free_quote) {
            Some(problem) => Err(problem),
            None => create(text, path, &missing, Leaf::Attribute(written(free_quote))),
        },
    }
}

/// The piece to cut so that an element does not exist, with the white space
/// before it where that stands alone.
pub(super) fn cut_element(text: &str, tag: Tag) -> Span {
    Span { start: walk::lead(text, tag).start, end: tag.extent(text).end }
}

fn set_element(text: &str, tag: Tag, new: &str) -> Result<Splice, Problem> {
    if !tag.is_empty {
        let old = tag.extent(text).content;
        return Ok(Splice { old, new: new.to_owned(), is_structural: false });
    }
    let old = Span { start: tag.inner_end(text), end: tag.end };
    if new.is_empty() {
        return Ok(Splice { old, new: old.of(text).to_owned(), is_structural: false });
    }
    let new = format!(">{new}</{}>", tag.name.of(text));
    Ok(Splice { old, new, is_structural: false })
}

fn set_attribute(text: &str, tag: Tag, name: &str, value: &str) -> Result<Splice, Problem> {
    match walk::attribute(text, tag, name) {
        Some(attribute) => Ok(Splice {
            old: attribute.value,
            new: encode(value, Place::Attribute(quote_of(text, attribute.value)))?,
            is_structural: name::declares_namespace(name),
        }),
        None => Ok(insert_attribute(text, tag, written_attribute(name, value)?)),
    }
}

fn insert_attribute(text: &str, tag: Tag, new: String) -> Splice {
    let end = tag.inner_end(text);
    Splice { old: Span { start: end, end }, new, is_structural: true }
}

fn written_attribute(name: &str, value: &str) -> Result<String, Problem> {
    Ok(format!(" {name}=\"{}\"", encode(value, Place::Attribute('"'))?))
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

fn create(text: &str, path: &XmlPath, missing: &Missing, leaf: Leaf) -> Result<Splice, Problem> {
    let Some(parent) = missing.parent else {
        return Err(Problem::new(
            "edit.blocked",
            "the path begins with another element than the document: an XML message has one root",
        ));
    };
    let steps = path.steps.get(missing.step..).unwrap_or_default();
    let new = new_elements(text, steps, missing, leaf)?;
    if parent.is_empty {
        let old = Span { start: parent.inner_end(text), end: parent.end };
        let new = format!(">{new}</{}>", parent.name.of(text));
        return Ok(Splice { old, new, is_structural: true });
    }
    let (at, lead) = match missing.anchor {
        Some(anchor) => (anchor.end, walk::lead(text, anchor.tag).of(text)),
        None => (missing.close, ""),
    };
    let old = Span { start: at, end: at };
    Ok(Splice { old, new: format!("{lead}{new}"), is_structural: true })
}

/// `<a><b>…</b></a>` for the steps that lead nowhere.
fn new_elements(
    text: &str,
    steps: &[Step],
    missing: &Missing,
    leaf: Leaf,
) -> Result<String, Problem> {
    let mut opening = String::new();
    let mut closing: Vec<String> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let siblings = if number == 0 { missing.siblings } else { 0 };
        if step.index != Index::Omitted && !step.index.means(siblings + 1) {
            return Err(Problem::new(
                "edit.gap",
                format!("there are {siblings} such elements: a write may only add the next one"),
            ));
        }
        let name = match missing.anchor {
            // A sibling in the same namespace.
            Some(anchor) if siblings > 0 => anchor.tag.name.of(text),
            _ => &step.name,
        };
        let is_last = number + 1 == steps.len();
        match &leaf {
            Leaf::Element(element) if is_last => opening.push_str(element),
            Leaf::Attribute(attribute) if is_last => {
                opening.push_str(&format!("<{name}{attribute}/>"));
            }
            Leaf::Text(content) if is_last && content.is_empty() => {
                opening.push_str(&format!("<{name}/>"));
            }
            Leaf::Text(content) if is_last => {
                opening.push_str(&format!("<{name}>{content}</{name}>"));
            }
            Leaf::Text(_) | Leaf::Attribute(_) | Leaf::Element(_) => {
                opening.push_str(&format!("<{name}>"));
                closing.push(format!("</{name}>"));
            }
        }
    }
    opening.extend(closing.into_iter().rev());
    Ok(opening)
}
