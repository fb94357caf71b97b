//! Changes as splices: which bytes of a document go and which come.
//!
//! Knows: where a new member or item goes, with the white space its neighbours
//! have, and which comma leaves with a removed one. Deliberately does not know:
//! how values are escaped or checked; it gets them as JSON text.
//!
//! # Invariants
//! - Outside the splices every byte stays.
//! - A splice leaves the document valid JSON, not deeper than the limit.

use std::collections::BTreeMap;

use super::path::{Dialect, JsonPath, Step};
use super::scan::{Child, Children, Kind, Span};
use super::string;
use super::walk::{self, Node, Reached};
use crate::Problem;

/// What comes instead of a piece of the document.
pub(super) struct Splice {
    pub(super) old: Span,
    pub(super) new: String,
}

/// A value in JSON text and how many levels it brings.
pub(super) struct Fragment {
    pub(super) json: String,
    pub(super) depth: usize,
}

/// The splice that makes `value` stand at the path, creating what is missing.
///
/// # Errors
/// `path.pattern` for a path with `[*]`; `edit.gap` for an item beyond the next;
/// `edit.blocked` where something else stands in the way; `limit.depth`.
pub(super) fn place(
    text: &str,
    path: &JsonPath,
    value: Fragment,
    depth_max: usize,
) -> Result<Splice, Problem> {
    if path.is_pattern() {
        return Err(Problem::new(
            "path.pattern",
            "a write needs one exact place, found `[*]`: write each path that the pattern finds",
        )
        .at(path.to_string()));
    }
    let (depth, splice) = match walk::locate(text, path) {
        Reached::Place(node) => {
            (node.depth + value.depth, Splice { old: node.value(text), new: value.json })
        }
        Reached::Missing(node, number) => {
            let steps = path.steps.get(number..).unwrap_or_default();
            let depth = node.depth + steps.len() + value.depth;
            let splice = create(text, path.dialect, &node, steps, value.json)
                .map_err(|problem| problem.at(path.to_string()))?;
            (depth, splice)
        }
    };
    if depth > depth_max {
        return Err(Problem::new(
            "limit.depth",
            format!("the change would nest JSON {depth} deep, at most {depth_max} is allowed"),
        )
        .at(path.to_string()));
    }
    Ok(splice)
}

/// Puts what `steps` ask for into (or instead of) the value where they end.
fn create(
    text: &str,
    dialect: Dialect,
    node: &Node,
    steps: &[Step],
    value: String,
) -> Result<Splice, Problem> {
    let kind = node.kind(text);
    let Some((first, after)) = steps.split_first() else {
        return Ok(Splice { old: node.value(text), new: value });
    };
    match (kind, first) {
        (Kind::Null, _) => Ok(Splice { old: node.value(text), new: nested(steps, value)? }),
        (Kind::Object, Step::Name(name)) => {
            Ok(insert(text, node, Some(name), &nested(after, value)?))
        }
        (Kind::Array, Step::Index(item)) => {
            let length = node.children(text).count();
            if *item != length {
                return Err(gap(length));
            }
            Ok(insert(text, node, None, &nested(after, value)?))
        }
        // Only an empty array is left: in any other the name means its first item.
        (Kind::Array, Step::Name(_)) if dialect == Dialect::Slash => {
            Ok(insert(text, node, None, &nested(steps, value)?))
        }
        (_, step) => Err(Problem::new(
            "edit.blocked",
            format!(
                "the path needs {} where {} stands: write that place first",
                if matches!(step, Step::Name(_)) { "an object" } else { "an array" },
                kind.name()
            ),
        )),
    }
}

/// The value inside new objects (for names) and arrays (for first items).
fn nested(steps: &[Step], value: String) -> Result<String, Problem> {
    let mut opening = String::new();
    let mut closing = String::new();
    for step in steps {
        match step {
            Step::Name(name) => {
                opening.push('{');
                opening.push_str(&string::encode(name));
                opening.push(':');
                closing.push('}');
            }
            Step::Index(0) => {
                opening.push('[');
                closing.push(']');
            }
            Step::Index(_) | Step::Every => return Err(gap(0)),
        }
    }
    opening.push_str(&value);
    opening.extend(closing.chars().rev());
    Ok(opening)
}

fn gap(length: usize) -> Problem {
    Problem::new(
        "edit.gap",
        format!("the array has {length} items: a write may only add the next one"),
    )
}

/// A new last member or item, with the white space of the last one there is.
fn insert(text: &str, node: &Node, name: Option<&str>, value: &str) -> Splice {
    let mut count = 0usize;
    let last = node.children(text).inspect(|_| count += 1).last();
    let name = name.map(string::encode);
    let Some(last) = last else {
        let whole = node.value(text);
        let inside = Span { start: whole.start + 1, end: whole.end.saturating_sub(1) };
        let name = name.map(|name| name + ":").unwrap_or_default();
        return Splice { old: inside, new: name + value };
    };
    let colon = last
        .name
        .map(|name| Span { start: name.end, end: last.value.start }.of(text))
        .unwrap_or_default();
    let mut before = Span { start: last.lead, end: last.start() }.of(text);
    if count == 1 && before.is_empty() && colon.len() > 1 {
        // `{"a": 1}` is written by those who also write a blank after commas.
        before = " ";
    }
    let name = name.map(|name| name + colon).unwrap_or_default();
    let after = Span { start: last.value.end, end: last.value.end };
    Splice { old: after, new: format!(",{before}{name}{value}") }
}

/// The pieces to cut so that none of these places exists, in document order.
pub(super) fn cuts(text: &str, places: &[Node]) -> Vec<Span> {
    let mut by_holder: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for place in places {
        if let Some(holder) = place.holder {
            by_holder.entry(holder).or_default().push(place.start);
        }
    }
    let mut cuts = Vec::with_capacity(places.len());
    for (holder, values) in by_holder {
        cut_children(text, holder, &values, &mut cuts);
    }
    cuts.sort_unstable_by_key(|cut| cut.start);
    cuts
}

/// Cuts the children whose values begin at `values` (ascending), each with the
/// comma that is left over without it.
fn cut_children(text: &str, holder: usize, values: &[usize], cuts: &mut Vec<Span>) {
    let name = doomed_name(text, holder, values);
    let mut values = values.iter().copied().peekable();
    let mut doomed = move |child: &Child| {
        let addressed = values.next_if_eq(&child.value.start).is_some();
        // An earlier member of the same name would come to light.
        addressed || name.as_ref().is_some_and(|name| walk::is_named(text, child, name))
    };
    let mut kept_end = None;
    let mut open_cut: Option<usize> = None;
    let mut last_end = holder + 1;
    for child in Children::of(text, holder) {
        if doomed(&child) {
            // After a kept neighbour its comma goes too; else the next one's.
            open_cut = open_cut.or(Some(kept_end.unwrap_or(child.start())));
            last_end = child.value.end;
            continue;
        }
        if let Some(start) = open_cut.take() {
            let end = if kept_end.is_some() { last_end } else { child.start() };
            cuts.push(Span { start, end });
        }
        kept_end = Some(child.value.end);
    }
    match (open_cut, kept_end) {
        (Some(start), Some(_)) => cuts.push(Span { start, end: last_end }),
        (Some(_), None) => {
            // Nothing is left: the white space inside the brackets goes too.
            let bytes = text.as_bytes();
            let closing = super::scan::skip_white(bytes, last_end);
            cuts.push(Span { start: holder + 1, end: closing });
        }
        (None, _) => {}
    }
}

/// The name that is removed from an object; one path removes only one.
fn doomed_name(text: &str, holder: usize, values: &[usize]) -> Option<String> {
    Children::of(text, holder)
        .filter(|child| values.binary_search(&child.value.start).is_ok())
        .find_map(|child| child.name)
        .map(|name| string::decode(name.of(text)).into_owned())
}
