//! Changes as splices: which bytes of a document go and which come.
//!
//! Knows: where a new member or item goes, with the white space its neighbours
//! have, and which comma leaves with a removed one. Deliberately does not know:
//! how values are escaped or checked; it gets them as JSON text.
//!
//! # Invariants
//! - Outside the splices every byte stays.
//! - A splice leaves the document valid JSON, not deeper than the limit.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use super::path::{Dialect, JsonPath, Step};
use super::scan::{self, Child, Children, Kind, Span};
use super::string;
use super::walk::{Item, Missing, Node, Reached};
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

/// The splice that makes `value` stand where the path was found to lead, creating
/// what is missing.
///
/// # Errors
/// `edit.gap` for an item beyond the next; `edit.blocked` where something else
/// stands in the way; `limit.depth`.
pub(super) fn place(
    text: &str,
    path: &JsonPath,
    reached: &Reached,
    value: Fragment,
    depth_max: usize,
) -> Result<Splice, Problem> {
    let (depth, splice) = match reached {
        Reached::Place(node) => {
            (node.depth + value.depth, Splice { old: node.value(text), new: value.json })
        }
        Reached::Missing(missing) => {
            let steps = path.steps.get(missing.step..).unwrap_or_default();
            let depth =
                missing.node.depth + steps.len() + implied(text, missing, steps) + value.depth;
            let splice = create(text, path.dialect, missing, steps, value.json)
                .map_err(|problem| problem.at(path.to_string()))?;
            (depth, splice)
        }
    };
    check_depth(depth, depth_max, path)?;
    Ok(splice)
}

/// How many containers are made that no step names: the first item of an empty array
/// that a name leads into.
fn implied(text: &str, missing: &Missing, steps: &[Step]) -> usize {
    let is_array = missing.node.kind(text) == Kind::Array;
    usize::from(is_array && matches!(steps.first(), Some(Step::Name(_))))
}

/// # Errors
/// `limit.depth`.
pub(super) fn check_depth(depth: usize, depth_max: usize, path: &JsonPath) -> Result<(), Problem> {
    if depth <= depth_max {
        return Ok(());
    }
    Err(Problem::new(
        "limit.depth",
        format!("the change would nest JSON {depth} deep, at most {depth_max} is allowed"),
    )
    .at(path.to_string()))
}

/// The splice that puts a value before an item, with the white space that stands
/// between items.
pub(super) fn before(text: &str, item: &Node, value: &str) -> Splice {
    let mut items = Children::from_item(text, item.start);
    let own = scan::item_at(text, item.start);
    let next = items.nth(1).unwrap_or(own);
    let white = Span { start: next.lead, end: next.start() }.of(text);
    let here = Span { start: item.start, end: item.start };
    Splice { old: here, new: format!("{value},{white}") }
}

/// What an insertion says that would have created more than one item.
pub(super) fn as_insert(problem: Problem) -> Problem {
    match problem.code {
        "edit.gap" | "edit.blocked" => Problem { code: "edit.insert", ..problem },
        _ => problem,
    }
}

pub(super) fn not_an_item(path: &JsonPath) -> Problem {
    Problem::new(
        "edit.insert",
        "JSON is inserted between the items of an array: the path must end in the index of one",
    )
    .at(path.to_string())
}

/// Puts what `steps` ask for into (or instead of) the value where they end.
fn create(
    text: &str,
    dialect: Dialect,
    Missing { node, last, .. }: &Missing,
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
            Ok(add_member(text, node, name, &nested(after, value)?))
        }
        (Kind::Array, Step::Index(item)) => {
            let length = last.map_or(0, |last| last.number + 1);
            if *item != length {
                return Err(gap(length));
            }
            Ok(add_item(text, node, last.as_ref(), &nested(after, value)?))
        }
        // Only an empty array is left: in any other the name means its first item.
        (Kind::Array, Step::Name(_)) if dialect == Dialect::Slash => {
            Ok(add_item(text, node, None, &nested(steps, value)?))
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
            _ => return Err(gap(0)),
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

/// A new last item, with the white space of the last one there is.
fn add_item(text: &str, array: &Node, last: Option<&Item>, value: &str) -> Splice {
    let Some(last) = last else { return fill(text, array, value.to_owned()) };
    let item = scan::item_at(text, last.node.start);
    add_behind(text, &item, "", value)
}

/// A new last member, with the white space of the last one there is.
fn add_member(text: &str, object: &Node, name: &str, value: &str) -> Splice {
    let mut count = 0usize;
    let last = object.children(text).inspect(|_| count += 1).last();
    let name = string::encode(name);
    let Some(last) = last else { return fill(text, object, format!("{name}:{value}")) };
    let colon = last
        .name
        .map(|name| Span { start: name.end, end: last.value.start }.of(text))
        .unwrap_or_default();
    // `{"a": 1}` is written by those who also write a blank after commas.
    let blank = if count == 1 && last.lead == last.start() && colon.len() > 1 { " " } else { "" };
    add_behind(text, &last, blank, &format!("{name}{colon}{value}"))
}

fn add_behind(text: &str, last: &Child, blank: &str, new: &str) -> Splice {
    let before = Span { start: last.lead, end: last.start() }.of(text);
    let after = Span { start: last.value.end, end: last.value.end };
    Splice { old: after, new: format!(",{before}{blank}{new}") }
}

/// The first member or item of an empty container, instead of its white space.
fn fill(text: &str, container: &Node, new: String) -> Splice {
    let whole = container.value(text);
    let inside = Span { start: whole.start + 1, end: whole.end.saturating_sub(1) };
    Splice { old: inside, new }
}

/// The pieces to cut so that none of these places exists, in document order.
pub(super) fn cuts(text: &str, mut places: Vec<Node>) -> Vec<Span> {
    places.sort_unstable_by_key(|place| place.start);
    let mut by_holder: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut past = 0;
    for place in places {
        // What stands in a place that goes, goes with it.
        if place.start < past {
            continue;
        }
        past = place.value(text).end;
        if let Some(holder) = place.holder {
            by_holder.entry(holder).or_default().push(place.start);
        }
    }
    let mut cuts = Vec::new();
    for (holder, values) in by_holder {
        cut_children(text, holder, &values, &mut cuts);
    }
    cuts.sort_unstable_by_key(|cut| cut.start);
    cuts
}

/// Cuts the children whose values begin at `values` (ascending), each with the
/// comma that is left over without it.
fn cut_children(text: &str, holder: usize, values: &[usize], cuts: &mut Vec<Span>) {
    let names = doomed_names(text, holder, values);
    let mut values = values.iter().copied().peekable();
    let mut doomed = move |child: &Child| {
        let addressed = values.next_if_eq(&child.value.start).is_some();
        // An earlier member of the same name would come to light.
        addressed || child.name.is_some_and(|name| names.contains(&string::decode(name.of(text))))
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
            let closing = scan::skip_white(bytes, last_end);
            cuts.push(Span { start: holder + 1, end: closing });
        }
        (None, _) => {}
    }
}

/// The names of the members that are removed from an object.
fn doomed_names<'a>(text: &'a str, holder: usize, values: &[usize]) -> HashSet<Cow<'a, str>> {
    Children::of(text, holder)
        .filter(|child| values.binary_search(&child.value.start).is_ok())
        .filter_map(|child| child.name)
        .map(|name| string::decode(name.of(text)))
        .collect()
}
