//! From a path to the elements it means.
//!
//! Knows: how a step moves among siblings. Deliberately does not know: edits.
//!
//! # Invariants
//! - No recursion, and one pass over the document, patterns included.

use std::ops::ControlFlow;

use memchr::memrchr;

use super::name;
use super::path::{Index, NameTest, Slash, Step};
use super::scan::{self, Attribute, Span, Tag, Token, Tokens};
use super::trail::Trails;

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
#[derive(Clone, Copy, Debug)]
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
        Token::Close(_) | Token::Text(_) | Token::Characters(_) | Token::Other(_) => None,
    })
}

/// The root element of a document with its tags and nothing around it.
pub(super) fn root_element(text: &str) -> &str {
    let element = |tag: Tag| Span { start: tag.start, end: tag.extent(text).end }.of(text);
    root(text).map_or("", element)
}

/// Follows steps without `[*]`, from where the last paths have led.
pub(super) fn locate(text: &str, steps: &[Step], trails: &mut Trails) -> Reached {
    let resumed = trails.resume(text, steps);
    let reached = match resumed.parent {
        Some(parent) if resumed.steps == steps.len() => Reached::Element(parent),
        parent => {
            let start = Missing {
                parent,
                close: parent.map_or(text.len(), |parent| parent.end),
                step: resumed.steps,
                siblings: 0,
                anchor: None,
            };
            locate_from(text, steps, start, resumed.sibling, trails)
        }
    };
    trails.end();
    reached
}

/// Follows the steps that are left, from the first child of a parent or from
/// behind one of them.
fn locate_from(
    text: &str,
    steps: &[Step],
    start: Missing,
    sibling: Option<(Tag, usize)>,
    trails: &mut Trails,
) -> Reached {
    let mut missing = start;
    let mut from = start.parent.map_or(0, |parent| parent.end);
    if let Some((tag, number)) = sibling {
        let end = tag.extent(text).end;
        (missing.siblings, missing.anchor) = (number, Some(Child { tag, end }));
        from = end;
    }
    if start.parent.is_some_and(|parent| parent.is_empty) {
        return Reached::Missing(missing);
    }
    let mut depth = start.step;
    // A child whose end tag has not come, and whether it has the step's name.
    let mut passing: Option<(Tag, bool)> = None;
    for token in Tokens::of(text, from) {
        let ended = match token {
            Token::Open(tag) => {
                if depth == missing.step
                    && let Some(step) = steps.get(missing.step)
                {
                    let is_named = step.name.means_written(tag.name.of(text));
                    missing.siblings += usize::from(is_named);
                    if is_named && step.index.means(missing.siblings) {
                        trails.pass(tag, missing.siblings, step);
                        if missing.step + 1 == steps.len() {
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
                        passing = None;
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
                    missing.close = span.start;
                    break;
                }
                Some((span.end, depth))
            }
            Token::Text(_) | Token::Characters(_) | Token::Other(_) => None,
        };
        if let Some((end, depth)) = ended
            && depth == missing.step
            && let Some((tag, is_named)) = passing.take()
            && (is_named || missing.siblings == 0)
        {
            missing.anchor = Some(Child { tag, end });
        }
    }
    if let (Some(anchor), Some(step)) = (missing.anchor, steps.get(missing.step))
        && missing.siblings > 0
    {
        trails.pass(anchor.tag, missing.siblings, step);
    }
    Reached::Missing(missing)
}

/// How many children of an element a name means.
pub(super) fn count_children(text: &str, parent: Tag, name: &NameTest) -> usize {
    let mut depth = 0usize;
    let mut count = 0;
    if parent.is_empty {
        return 0;
    }
    for token in Tokens::of(text, parent.end) {
        match token {
            Token::Open(tag) => {
                count += usize::from(depth == 0 && name.means_written(tag.name.of(text)));
                depth += usize::from(!tag.is_empty);
            }
            Token::Close(_) if depth == 0 => break,
            Token::Close(_) => depth -= 1,
            Token::Text(_) | Token::Characters(_) | Token::Other(_) => {}
        }
    }
    count
}

/// Calls `visit` with every element that the steps mean, in document order, and
/// the numbers (from 1) that its `[*]` stand for there.
pub(super) fn walk(
    text: &str,
    path: &Slash,
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
            Token::Text(_) | Token::Characters(_) | Token::Other(_) => {}
        }
    }
}

/// Counts the element if it has the name of the step `number`; answers whether
/// the step means it.
fn is_next(text: &str, steps: &[Step], siblings: &mut [usize], number: usize, tag: Tag) -> bool {
    let (Some(step), Some(count)) = (steps.get(number), siblings.get_mut(number)) else {
        return false;
    };
    if !step.name.means_written(tag.name.of(text)) {
        return false;
    }
    *count += 1;
    step.index.means(*count)
}

fn numbers(steps: &[Step], siblings: &[usize]) -> impl Iterator<Item = usize> {
    let every = |(step, number): (&Step, &usize)| (step.index == Index::Every).then_some(*number);
    steps.iter().zip(siblings).filter_map(every)
}

/// The attribute that a name means: the one that is written so, else one of
/// that local name. Names with declared prefixes mean none here.
pub(super) fn attribute(text: &str, tag: Tag, wanted: &NameTest) -> Option<Attribute> {
    let written = |attribute: &Attribute| attribute.name.of(text) == wanted.written();
    let similar = |attribute: &Attribute| {
        let found = attribute.name.of(text);
        !name::declares_namespace(found) && wanted.means_written(found)
    };
    if wanted.is_bound() {
        return None;
    }
    tag.attributes(text).find(written).or_else(|| tag.attributes(text).find(similar))
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
