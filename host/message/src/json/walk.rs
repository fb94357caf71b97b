//! From a path to the places it means.
//!
//! Knows: how a step moves through a document in either dialect, and that of
//! equal names the last one counts. Deliberately does not know: edits.
//!
//! # Invariants
//! - No recursion: patterns are walked with one cursor per `[*]`. Patterns of
//!   selectors are not walked here: `select` does that.
//! - An item is not passed to its end before it is entered, so brackets cost
//!   nothing. An object is, since a later member may have the same name: each
//!   name and each `[*]` of the path costs at most one pass over the text.

use std::ops::ControlFlow;

use super::path::{Dialect, JsonPath, Step};
use super::scan::{self, Child, Children, Kind, Span};
use super::string;

/// One value of the document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) start: usize,
    /// Where the value ends, when it was passed on the way.
    pub(super) end: Option<usize>,
    /// How many containers are around it.
    pub(super) depth: usize,
    /// Where the container that holds it begins; `None` for the whole document.
    pub(super) holder: Option<usize>,
}

impl Node {
    pub(super) fn whole(text: &str) -> Self {
        let whole = scan::whole(text);
        Self { start: whole.start, end: Some(whole.end), depth: 0, holder: None }
    }

    pub(super) fn value(&self, text: &str) -> Span {
        match self.end {
            Some(end) => Span { start: self.start, end },
            None => scan::value_at(text.as_bytes(), self.start),
        }
    }

    pub(super) fn kind(&self, text: &str) -> Kind {
        Kind::at(text, self.start)
    }

    pub(super) fn children<'a>(&self, text: &'a str) -> Children<'a> {
        Children::of(text, self.start)
    }

    fn child(&self, child: Child) -> Self {
        self.inner(child.value.start, Some(child.value.end))
    }

    pub(super) fn inner(&self, start: usize, end: Option<usize>) -> Self {
        Self { start, end, depth: self.depth + 1, holder: Some(self.start) }
    }

    /// The item of that number (from 0) of an array, looked for from a known
    /// one on where it is not behind it. `Err` holds the last item there is.
    fn item(&self, text: &str, number: usize, known: Option<Item>) -> Result<Self, Option<Item>> {
        let known = known.filter(|known| known.number <= number);
        let (from, children) = match known {
            Some(known) => (known.number, Children::from_item(text, known.node.start)),
            None => (0, self.children(text)),
        };
        match children.start_after(number - from) {
            Ok(start) => Ok(self.inner(start, None)),
            Err(last) => Err(last.map_or(known, |(passed, start)| {
                Some(Item { number: from + passed, node: self.inner(start, None) })
            })),
        }
    }
}

/// An item of an array whose place is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// From 0.
    pub(super) number: usize,
    pub(super) node: Node,
}

/// How far an exact path leads.
pub(super) enum Reached {
    Place(Node),
    Missing(Missing),
}

/// Where a path ends before its place.
pub(super) struct Missing {
    /// The last value that there is.
    pub(super) node: Node,
    /// The number of the step that leads nowhere.
    pub(super) step: usize,
    /// Where that is the index of an array: its last item.
    pub(super) last: Option<Item>,
}

/// Follows exact steps from where `way` ends: the value before each step that
/// was followed already, one at least. Adds what it comes to. `known` is an item
/// of the array at the end of `way`.
pub(super) fn locate_from(
    text: &str,
    dialect: Dialect,
    steps: &[Step],
    way: &mut Vec<Node>,
    mut known: Option<Item>,
) -> Reached {
    let mut node = way.last().copied().unwrap_or_else(|| Node::whole(text));
    for (number, step) in steps.iter().enumerate().skip(way.len().saturating_sub(1)) {
        node = match follow(text, node, step, dialect, known.take()) {
            Ok(next) => next,
            Err((node, last)) => return Reached::Missing(Missing { node, step: number, last }),
        };
        way.push(node);
    }
    Reached::Place(node)
}

/// One step; `Err` holds the value from which it leads nowhere and, for an index,
/// the last item there.
pub(super) fn follow(
    text: &str,
    mut node: Node,
    step: &Step,
    dialect: Dialect,
    known: Option<Item>,
) -> Result<Node, (Node, Option<Item>)> {
    let kind = node.kind(text);
    match step {
        Step::Name(name) => {
            while node.kind(text) == Kind::Array && dialect == Dialect::Slash {
                node = node.item(text, 0, None).map_err(|_| (node, None))?;
            }
            member(text, &node, name).map(|child| node.child(child)).ok_or((node, None))
        }
        Step::Index(0) if dialect == Dialect::Slash && stands_for_itself(kind) => Ok(node),
        Step::Index(number) if kind == Kind::Array => {
            node.item(text, *number, known).map_err(|last| (node, last))
        }
        _ => Err((node, None)),
    }
}

/// Whether `[1]` of this kind is the value itself (slash paths only).
fn stands_for_itself(kind: Kind) -> bool {
    !matches!(kind, Kind::Array | Kind::Null)
}

/// The last member of that name.
pub(super) fn member(text: &str, node: &Node, name: &str) -> Option<Child> {
    if node.kind(text) != Kind::Object {
        return None;
    }
    node.children(text).filter(|child| is_named(text, child, name)).last()
}

/// Whether a member has that name, whatever escapes it is written with.
fn is_named(text: &str, child: &Child, name: &str) -> bool {
    child.name.is_some_and(|written| {
        let written = written.of(text);
        // Quotes around and no escape: by far the most frequent.
        if written.len() == name.len() + 2 {
            written.get(1..=name.len()) == Some(name) || string::decode(written) == name
        } else {
            written.contains('\\') && string::decode(written) == name
        }
    })
}

/// What one `[*]` goes through.
struct Cursor<'a> {
    parent: Node,
    items: Items<'a>,
    /// The step after the `[*]`.
    step: usize,
    /// The number of the current item, from 0.
    item: usize,
}

enum Items<'a> {
    Before(Children<'a>),
    Single(Option<Node>),
}

impl<'a> Cursor<'a> {
    /// `None` when the value has no items.
    fn new(text: &'a str, node: Node, step: usize, dialect: Dialect) -> Option<Self> {
        let kind = node.kind(text);
        let items = match kind {
            Kind::Array => Items::Before(node.children(text)),
            _ if dialect == Dialect::Slash && stands_for_itself(kind) => Items::Single(Some(node)),
            _ => return None,
        };
        Some(Self { parent: node, items, step, item: 0 })
    }

    fn next(&mut self) -> Option<Node> {
        match &mut self.items {
            Items::Before(children) => children.next().map(|child| self.parent.child(child)),
            Items::Single(node) => node.take(),
        }
    }
}

/// Calls `visit` with every place that a slash path means, in document order, and
/// the item numbers (from 0) that its `[*]` stand for there.
pub(super) fn walk(
    text: &str,
    path: &JsonPath,
    mut visit: impl FnMut(Node, &[usize]) -> ControlFlow<()>,
) {
    let mut cursors: Vec<Cursor<'_>> = Vec::new();
    let mut items: Vec<usize> = Vec::new();
    let mut pending = Some((Node::whole(text), 0));
    loop {
        if let Some((node, step)) = pending.take() {
            match advance(text, path, node, step) {
                Some((node, Some(every))) => {
                    if let Some(cursor) = Cursor::new(text, node, every + 1, path.dialect) {
                        cursors.push(cursor);
                        items.push(0);
                    }
                }
                Some((node, None)) if visit(node, &items).is_break() => return,
                Some((_, None)) | None => {}
            }
        }
        let Some(cursor) = cursors.last_mut() else { return };
        match cursor.next() {
            Some(node) => {
                if let Some(item) = items.last_mut() {
                    *item = cursor.item;
                }
                cursor.item += 1;
                pending = Some((node, cursor.step));
            }
            None => {
                cursors.pop();
                items.pop();
            }
        }
    }
}

/// Follows steps up to the next `[*]`, whose number is answered, or to the end.
fn advance(
    text: &str,
    path: &JsonPath,
    mut node: Node,
    from: usize,
) -> Option<(Node, Option<usize>)> {
    for (number, step) in path.steps.iter().enumerate().skip(from) {
        if *step == Step::Every {
            return Some((node, Some(number)));
        }
        node = follow(text, node, step, path.dialect, None).ok()?;
    }
    Some((node, None))
}
