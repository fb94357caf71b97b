//! From a selector to the places it means.
//!
//! Knows: how each step of a selector moves through a document, as
//! Newtonsoft.Json does it. Deliberately does not know: how conditions are
//! judged (`judge`), slash paths (`walk`), edits.
//!
//! # Invariants
//! - Places come in the order of Newtonsoft.Json: unions as they are written,
//!   backward slices from the end, else in document order. Some selectors
//!   (`..a..b`, `[0,0]`) come to a place several times; [`select`] then calls
//!   several times, [`places`] tells each place once.
//! - No recursion but that of conditions in conditions, which the grammar
//!   bounds: open containers are frames on a stack.
//! - Whatever is passed over costs steps of a [`Budget`]: a byte one, a value 16
//!   more. The work, and with it the memory, is linear in the steps.
//! - Of members with the same name the last one counts, here too.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::path::{Anywhere, Condition, Dialect, Exact, Slice, Step};
use super::scan::{Children, Kind, Span};
use super::walk::{Node, follow, member};
use super::{judge, string};

/// Steps that a selector may still take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    left: usize,
    exhausted: bool,
}

impl Budget {
    pub(super) fn new(steps: usize) -> Self {
        Self { left: steps, exhausted: false }
    }

    /// Whether there were too few: the answer is then incomplete.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Takes the steps for one value of that many bytes.
    pub(super) fn spend(&mut self, bytes: usize) -> ControlFlow<()> {
        match self.left.checked_sub(bytes.saturating_add(16)) {
            Some(left) => {
                self.left = left;
                ControlFlow::Continue(())
            }
            None => {
                self.exhausted = true;
                ControlFlow::Break(())
            }
        }
    }
}

/// One step on the way to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The name of a member as it is written, with its quotes.
    Name(Span),
    /// From 0.
    Item(usize),
}

/// The exact path of a place, when it is not longer than a path may be.
pub(super) fn exact_text(text: &str, trail: &[Mark]) -> Option<String> {
    let names: Vec<_> = trail
        .iter()
        .map(|mark| match mark {
            Mark::Name(span) => Some(string::decode(span.of(text))),
            Mark::Item(_) => None,
        })
        .collect();
    super::path::exact_text(trail.iter().zip(&names).map(|(mark, name)| match (mark, name) {
        (Mark::Item(item), _) => Exact::Item(*item),
        (Mark::Name(_), name) => Exact::Name(name.as_deref().unwrap_or_default()),
    }))
}

/// Each place that the steps mean once, with its trail.
pub(super) fn places(
    text: &str,
    steps: &[Step],
    budget: &mut Budget,
    mut visit: impl FnMut(Node, &[Mark]) -> ControlFlow<()>,
) {
    let whole = Node::whole(text);
    if !may_repeat(steps) {
        let _ = select(text, whole, steps, budget, &mut |node, trail, _| visit(node, trail));
        return;
    }
    let mut seen = HashSet::new();
    let _ = select(text, whole, steps, budget, &mut |node, trail, _| {
        if seen.insert(node.start) { visit(node, trail) } else { ControlFlow::Continue(()) }
    });
}

fn may_repeat(steps: &[Step]) -> bool {
    let mut searches = 0;
    let mut union = false;
    for step in steps {
        match step {
            Step::Anywhere(_) => searches += 1,
            Step::Names(_) | Step::Indexes(_) => union = true,
            _ => {}
        }
    }
    union || searches > 1
}

/// What a visitor of places is: given a place, its trail from where the
/// selection began, and what is left of the budget.
pub(super) type Visit<'v> = dyn FnMut(Node, &[Mark], &mut Budget) -> ControlFlow<()> + 'v;

/// Calls `visit` with every place that the steps mean from a value on.
/// `Break` when the visitor says so or the budget is used up.
pub(super) fn select(
    text: &str,
    from: Node,
    steps: &[Step],
    budget: &mut Budget,
    visit: &mut Visit<'_>,
) -> ControlFlow<()> {
    let mut selection = Selection { text, steps, budget, frames: Vec::new(), trail: Vec::new() };
    selection.run(from, visit)
}

struct Selection<'a, 'b> {
    text: &'a str,
    steps: &'b [Step],
    budget: &'b mut Budget,
    frames: Vec<Frame<'a, 'b>>,
    trail: Vec<Mark>,
}

/// One container that is being gone through.
struct Frame<'a, 'b> {
    holder: Node,
    /// Marks that lead to the holder.
    trail: usize,
    /// The step for what is taken from it.
    step: usize,
    source: Source<'a, 'b>,
}

enum Source<'a, 'b> {
    /// Items one after the other: all, or those of a forward slice.
    Items { items: Children<'a>, next: usize, wanted: Forward, condition: Option<&'b Condition> },
    /// Places that were looked up.
    Found(std::vec::IntoIter<(usize, Mark)>),
    /// A search: what is taken is also searched.
    Inside { children: Inside<'a>, what: &'b Anywhere },
}

/// Item numbers: from `start`, before `end`, every `step`-th.
struct Forward {
    start: usize,
    end: usize,
    step: usize,
}

enum Inside<'a> {
    Items(Children<'a>, usize),
    Members(std::vec::IntoIter<(Span, Span)>),
}

/// What a frame gives next.
struct Next {
    node: Node,
    mark: Mark,
    taken: bool,
    /// Searched itself.
    searched: bool,
}

impl<'a, 'b> Selection<'a, 'b> {
    fn run(&mut self, from: Node, visit: &mut Visit<'_>) -> ControlFlow<()> {
        let mut pending = Some((from, 0));
        loop {
            if let Some((node, step)) = pending.take() {
                match self.steps.get(step) {
                    None => visit(node, &self.trail, self.budget)?,
                    Some(what) => pending = self.open(node, what, step + 1)?,
                }
                if pending.is_some() {
                    continue;
                }
            }
            let Some(frame) = self.frames.last_mut() else { return ControlFlow::Continue(()) };
            self.trail.truncate(frame.trail);
            let step = frame.step;
            let Some(next) = frame.next(self.text, self.budget)? else {
                self.frames.pop();
                continue;
            };
            self.trail.push(next.mark);
            if next.searched {
                self.search(next.node, step)?;
            }
            if next.taken {
                pending = Some((next.node, step));
            }
        }
    }

    /// Begins a step at a value: at once where it leads to one place, else with
    /// a frame.
    fn open(
        &mut self,
        node: Node,
        what: &'b Step,
        after: usize,
    ) -> ControlFlow<(), Option<(Node, usize)>> {
        let source = match what {
            Step::Name(name) => {
                let Some((start, mark)) = self.named(&node, name)? else {
                    return ControlFlow::Continue(None);
                };
                self.trail.push(mark);
                return ControlFlow::Continue(Some((node.inner(start, None), after)));
            }
            Step::Index(item) => self.items(&node, Forward::one(*item), None),
            Step::Every => self.items(&node, Forward::all(), None),
            Step::Filter(condition) => self.items(&node, Forward::all(), Some(condition)),
            Step::Slice(slice) => self.slice(&node, slice)?,
            Step::Members => {
                let members = members(self.text, &node, self.budget)?;
                let members: Vec<_> = members
                    .into_iter()
                    .map(|(name, value)| (value.start, Mark::Name(name)))
                    .collect();
                Source::Found(members.into_iter())
            }
            Step::Names(names) => {
                let mut found = Vec::with_capacity(names.len());
                for name in names {
                    found.extend(self.named(&node, name)?);
                }
                Source::Found(found.into_iter())
            }
            Step::Indexes(items) => self.indexes(&node, items)?,
            Step::Anywhere(what) => return self.anywhere(node, what, after),
        };
        self.push(node, after, source);
        ControlFlow::Continue(None)
    }

    fn push(&mut self, holder: Node, step: usize, source: Source<'a, 'b>) {
        let trail = self.trail.len();
        self.frames.push(Frame { holder, trail, step, source });
    }

    fn items(
        &self,
        node: &Node,
        wanted: Forward,
        condition: Option<&'b Condition>,
    ) -> Source<'a, 'b> {
        if node.kind(self.text) == Kind::Array {
            Source::Items { items: node.children(self.text), next: 0, wanted, condition }
        } else {
            Source::Found(Vec::new().into_iter())
        }
    }

    fn named(&mut self, node: &Node, name: &str) -> ControlFlow<(), Option<(usize, Mark)>> {
        if node.kind(self.text) != Kind::Object {
            return ControlFlow::Continue(None);
        }
        self.budget.spend(node.value(self.text).length())?;
        let found = member(self.text, node, name);
        ControlFlow::Continue(
            found.and_then(|child| Some((child.value.start, Mark::Name(child.name?)))),
        )
    }

    fn indexes(&mut self, node: &Node, wanted: &[usize]) -> ControlFlow<(), Source<'a, 'b>> {
        let starts = self.starts(node)?;
        let found: Vec<_> = wanted
            .iter()
            .filter_map(|item| Some((*starts.get(*item)?, Mark::Item(*item))))
            .collect();
        ControlFlow::Continue(Source::Found(found.into_iter()))
    }

    /// A slice whose bounds need the length is looked up; others go forward.
    fn slice(&mut self, node: &Node, slice: &Slice) -> ControlFlow<(), Source<'a, 'b>> {
        if let Some(wanted) = Forward::of(slice) {
            return ControlFlow::Continue(self.items(node, wanted, None));
        }
        let starts = self.starts(node)?;
        let found: Vec<_> = numbers(slice, starts.len())
            .filter_map(|item| Some((*starts.get(item)?, Mark::Item(item))))
            .collect();
        ControlFlow::Continue(Source::Found(found.into_iter()))
    }

    /// Where each item of an array begins.
    fn starts(&mut self, node: &Node) -> ControlFlow<(), Vec<usize>> {
        let mut starts = Vec::new();
        if node.kind(self.text) == Kind::Array {
            for child in node.children(self.text) {
                self.budget.spend(child.value.length())?;
                starts.push(child.value.start);
            }
        }
        ControlFlow::Continue(starts)
    }

    fn anywhere(
        &mut self,
        node: Node,
        what: &'b Anywhere,
        after: usize,
    ) -> ControlFlow<(), Option<(Node, usize)>> {
        let taken = match what {
            Anywhere::All => true,
            Anywhere::Named(_) => false,
            Anywhere::Where(condition) => judge::holds(self.text, condition, &node, self.budget)?,
        };
        let inside = Inside::of(self.text, &node, self.budget)?;
        self.push(node, after, Source::Inside { children: inside, what });
        ControlFlow::Continue(taken.then_some((node, after)))
    }

    /// Goes on with the innermost search inside of what it has just found.
    fn search(&mut self, node: Node, step: usize) -> ControlFlow<()> {
        if let Some(Frame { source: Source::Inside { what, .. }, .. }) = self.frames.last() {
            let what = *what;
            let children = Inside::of(self.text, &node, self.budget)?;
            self.push(node, step, Source::Inside { children, what });
        }
        ControlFlow::Continue(())
    }
}

impl Frame<'_, '_> {
    /// The next value that is taken or searched; `None` at the end.
    fn next(&mut self, text: &str, budget: &mut Budget) -> ControlFlow<(), Option<Next>> {
        match &mut self.source {
            Source::Found(found) => ControlFlow::Continue(found.next().map(|(start, mark)| Next {
                node: self.holder.inner(start, None),
                mark,
                taken: true,
                searched: false,
            })),
            Source::Items { items, next, wanted, condition } => {
                while *next < wanted.end {
                    let Some(child) = items.next() else { break };
                    budget.spend(child.value.length())?;
                    let item = *next;
                    *next += 1;
                    if !wanted.has(item) {
                        continue;
                    }
                    let node = self.holder.inner(child.value.start, Some(child.value.end));
                    if let Some(condition) = condition
                        && !judge::holds(text, condition, &node, budget)?
                    {
                        continue;
                    }
                    let mark = Mark::Item(item);
                    let next = Next { node, mark, taken: true, searched: false };
                    return ControlFlow::Continue(Some(next));
                }
                ControlFlow::Continue(None)
            }
            Source::Inside { children, what } => {
                let Some((value, mark)) = children.next(budget)? else {
                    return ControlFlow::Continue(None);
                };
                let node = self.holder.inner(value.start, Some(value.end));
                let taken = match (what, mark) {
                    (Anywhere::All, _) => true,
                    (Anywhere::Named(names), Mark::Name(name)) => {
                        let name = string::decode(name.of(text));
                        names.iter().any(|wanted| *wanted == name)
                    }
                    (Anywhere::Named(_), Mark::Item(_)) => false,
                    (Anywhere::Where(condition), _) => {
                        judge::holds(text, condition, &node, budget)?
                    }
                };
                ControlFlow::Continue(Some(Next { node, mark, taken, searched: true }))
            }
        }
    }
}

impl<'a> Inside<'a> {
    fn of(text: &'a str, node: &Node, budget: &mut Budget) -> ControlFlow<(), Self> {
        ControlFlow::Continue(match node.kind(text) {
            Kind::Object => Self::Members(members(text, node, budget)?.into_iter()),
            _ => Self::Items(node.children(text), 0),
        })
    }

    fn next(&mut self, budget: &mut Budget) -> ControlFlow<(), Option<(Span, Mark)>> {
        ControlFlow::Continue(match self {
            Self::Members(members) => members.next().map(|(name, start)| (start, Mark::Name(name))),
            Self::Items(items, number) => match items.next() {
                None => None,
                Some(child) => {
                    budget.spend(child.value.length())?;
                    *number += 1;
                    Some((child.value, Mark::Item(*number - 1)))
                }
            },
        })
    }
}

/// Names and values of an object, without members that a later one of the same
/// name replaces.
fn members(text: &str, node: &Node, budget: &mut Budget) -> ControlFlow<(), Vec<(Span, Span)>> {
    let mut members = Vec::new();
    if node.kind(text) != Kind::Object {
        return ControlFlow::Continue(members);
    }
    for child in node.children(text) {
        budget.spend(child.value.end - child.lead)?;
        members.extend(child.name.map(|name| (name, child.value)));
    }
    if !differ(text, &members) {
        let mut later = HashSet::with_capacity(members.len());
        let counts: Vec<bool> = members
            .iter()
            .rev()
            .map(|(name, _)| later.insert(string::decode(name.of(text))))
            .collect();
        let mut counts = counts.into_iter().rev();
        members.retain(|_| counts.next().unwrap_or(true));
    }
    ControlFlow::Continue(members)
}

/// Whether it is plain at a glance that no two names are the same.
fn differ(text: &str, members: &[(Span, Span)]) -> bool {
    const FEW: usize = 12;
    members.len() <= FEW
        && members.iter().enumerate().all(|(number, (name, _))| {
            let name = name.of(text);
            let earlier = members.iter().take(number);
            !name.contains('\\') && earlier.into_iter().all(|(other, _)| other.of(text) != name)
        })
}

/// Where steps of names and indexes lead, without the frames of a selection.
/// `None` when there are other steps.
pub(super) fn exactly(
    text: &str,
    from: Node,
    steps: &[Step],
    budget: &mut Budget,
) -> Option<ControlFlow<(), Option<Node>>> {
    let exact = steps.iter().all(|step| matches!(step, Step::Name(_) | Step::Index(_)));
    exact.then(|| {
        let mut node = from;
        for step in steps {
            let wanted = match step {
                Step::Name(_) => Kind::Object,
                _ => Kind::Array,
            };
            if node.kind(text) != wanted {
                return ControlFlow::Continue(None);
            }
            budget.spend(node.value(text).length())?;
            node = match follow(text, node, step, Dialect::Selector, None) {
                Ok(node) => node,
                Err(_) => return ControlFlow::Continue(None),
            };
        }
        ControlFlow::Continue(Some(node))
    })
}

impl Forward {
    fn all() -> Self {
        Self { start: 0, end: usize::MAX, step: 1 }
    }

    fn one(item: usize) -> Self {
        Self { start: item, end: item.saturating_add(1), step: 1 }
    }

    /// `None` when a bound counts from the end, or the slice goes backwards.
    fn of(slice: &Slice) -> Option<Self> {
        let bound = |number: i64| usize::try_from(number).ok();
        Some(Self {
            start: slice.start.map_or(Some(0), bound)?,
            end: slice.end.map_or(Some(usize::MAX), bound)?,
            step: bound(slice.step)?,
        })
    }

    fn has(&self, item: usize) -> bool {
        item.checked_sub(self.start).is_some_and(|past| past % self.step == 0)
    }
}

/// The item numbers of a slice of an array of that length, in its order.
fn numbers(slice: &Slice, length: usize) -> impl Iterator<Item = usize> + use<> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let step = slice.step;
    let forward = step > 0;
    let from_end = |number: i64| if number < 0 { length.saturating_add(number) } else { number };
    let start = slice.start.map_or(if forward { 0 } else { length - 1 }, from_end);
    let end = slice.end.map_or(if forward { length } else { -1 }, from_end);
    let start = if forward { start.clamp(0, length) } else { start.min(length - 1) };
    let end = end.clamp(-1, length);
    std::iter::successors(Some(start), move |number| number.checked_add(step))
        .take_while(move |number| if forward { *number < end } else { *number > end })
        .filter_map(|number| usize::try_from(number).ok())
}
