//! From a path to the elements it means.
//!
//! Knows: how a step moves among siblings. Deliberately does not know: edits.
//!
//! # Invariants
//! - No recursion, and one pass over the document, patterns included.

use std::ops::ControlFlow;

use memchr::memrchr;

use super::name;
use super::path::{Index, Step, XmlPath};
use super::scan::{self, Attribute, Span, Tag, Token, Tokens};

/// An element among its siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) tag: Tag,
    /// Behind the element.
    pub(super) end: usize,
}

/// How far an exact path leads.
pub(super) enum Reached {
    Element(Tag),
    Missing(Missing),
}

/// Where a path stops to lead anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    /// The last element that it reaches; `None` before the root.
    pub(super) parent: Option<Tag>,
    /// Where that element's end tag begins.
    pub(super) close: usize,
    /// The number of the step that leads nowhere.
    pub(super) step: usize,
    /// How many siblings of that step's name there are.
    pub(super) siblings: usize,
    /// The last of them, else the last element in the parent.
    pub(super) anchor: Option<Child>,
}

/// The start tag of the root element.
pub(super) fn root(text: &str) -> Option<Tag> {
    Tokens::of(text, 0).find_map(|token| match token {
        Token::Open(tag) => Some(tag),
        Token::Close(_) | Token::Text(_) | Token::Characters(_) | Token::Other => None,
    })
}

/// The root element of a document with its tags and nothing around it.
pub(super) fn root_element(text: &str) -> &str {
    let element = |tag: Tag| Span { start: tag.start, end: tag.extent(text).end }.of(text);
    root(text).map_or("", element)
}

/// Follows a path without `[*]`.
pub(super) fn locate(text: &str, path: &XmlPath) -> Reached {
    let mut missing =
        Missing { parent: None, close: text.len(), step: 0, siblings: 0, anchor: None };
    let mut depth = 0usize;
    // A child whose end tag has not come, and whether it has the step's name.
    let mut passing: Option<(Tag, bool)> = None;
    for token in Tokens::of(text, 0) {
        let ended = match token {
            Token::Open(tag) => {
                if depth == missing.step
                    && let Some(step) = path.steps.get(missing.step)
                {
                    let is_named = is_named(&step.name, tag.name.of(text));
                    missing.siblings += usize::from(is_named);
                    if is_named && step.index.means(missing.siblings) {
                        if missing.step + 1 == path.steps.len() {
                            return Reached::Element(tag);
                        }
                        missing = Missing {
                            parent: Some(tag),
                            close: tag.end,
                            step: missing.step + 1,
                            siblings: 0,
                            anchor: None,
                        };
                        if tag.is_empty {
                            return Reached::Missing(missing);
                        }
                        depth += 1;
                        continue;
                    }
                    passing = Some((tag, is_named));
                }
                if tag.is_empty {
                    Some((tag.end, depth))
                } else {
                    depth += 1;
                    None
                }
            }
            Token::Close(span) => {
                depth = depth.saturating_sub(1);
                if depth < missing.step {
                    return Reached::Missing(Missing { close: span.start, ..missing });
                }
                Some((span.end, depth))
            }
            Token::Text(_) | Token::Characters(_) | Token::Other => None,
        };
        if let Some((end, depth)) = ended
            && depth == missing.step
            && let Some((tag, is_named)) = passing.take()
            && (is_named || missing.siblings == 0)
        {
            missing.anchor = Some(Child { tag, end });
        }
    }
    Reached::Missing(missing)
}

/// Calls `visit` with every element that the steps mean, in document order, and
/// the numbers (from 1) that its `[*]` stand for there.
pub(super) fn walk(
    text: &str,
    path: &XmlPath,
    mut visit: impl FnMut(Tag, &mut dyn Iterator<Item = usize>) -> ControlFlow<()>,
) {
    let steps = path.steps.as_slice();
    let is_pattern = path.is_pattern();
    let mut siblings = vec![0usize; steps.len()];
    let mut entered = 0usize;
    let mut depth = 0usize;
    for token in Tokens::of(text, 0) {
        match token {
            Token::Open(tag) => {
                if depth == entered && is_next(text, steps, &mut siblings, entered, tag) {
                    if entered + 1 == steps.len() {
                        if visit(tag, &mut numbers(steps, &siblings)).is_break() {
                            return;
                        }
                    } else if !tag.is_empty {
                        entered += 1;
                        if let Some(count) = siblings.get_mut(entered) {
                            *count = 0;
                        }
                    }
                }
                depth += usize::from(!tag.is_empty);
            }
            Token::Close(_) => {
                depth = depth.saturating_sub(1);
                if depth < entered && !is_pattern {
                    return;
                }
                entered = entered.min(depth);
            }
            Token::Text(_) | Token::Characters(_) | Token::Other => {}
        }
    }
}

/// Counts the element if it has the name of the step `number`; answers whether
/// the step means it.
fn is_next(text: &str, steps: &[Step], siblings: &mut [usize], number: usize, tag: Tag) -> bool {
    let (Some(step), Some(count)) = (steps.get(number), siblings.get_mut(number)) else {
        return false;
    };
    if !is_named(&step.name, tag.name.of(text)) {
        return false;
    }
    *count += 1;
    step.index.means(*count)
}

fn numbers(steps: &[Step], siblings: &[usize]) -> impl Iterator<Item = usize> {
    let every = |(step, number): (&Step, &usize)| (step.index == Index::Every).then_some(*number);
    steps.iter().zip(siblings).filter_map(every)
}

/// Whether a name of a path names what is found: without a prefix, in any
/// namespace.
fn is_named(wanted: &str, found: &str) -> bool {
    wanted == found || (!wanted.contains(':') && name::local(found) == wanted)
}

/// The attribute that a name means: the one that is written so, else one of
/// that local name.
pub(super) fn attribute(text: &str, tag: Tag, wanted: &str) -> Option<Attribute> {
    let named = |attribute: &Attribute| attribute.name.of(text) == wanted;
    let similar = |attribute: &Attribute| {
        let found = attribute.name.of(text);
        !name::declares_namespace(found) && is_named(wanted, found)
    };
    tag.attributes(text).find(named).or_else(|| tag.attributes(text).find(similar))
}

/// The white space before an element, where nothing else stands before it.
pub(super) fn lead(text: &str, tag: Tag) -> Span {
    let before = text.get(..tag.start).unwrap_or_default();
    let start = before.trim_end_matches([' ', '\t', '\r', '\n']).len();
    // A `>` may also stand in text or end a CDATA section, which is text.
    let markup = before.as_bytes().get(..start).and_then(|before| memrchr(b'<', before));
    let is_alone = markup.is_some_and(|markup| scan::ends_markup(text, markup, start));
    Span { start: if is_alone { start } else { tag.start }, end: tag.start }
}
