//! Where in a path the index of a loop's item stands, or is to stand.
//!
//! Compares places, not spellings: an omitted index is the first one, a slash in
//! front of a path means nothing (contract 8.3, 8.4). Knows: names, indexes and
//! separators of HL7 paths and slash paths. Deliberately does not know:
//! messages, and what else a path of a format means.

use std::ops::Range;

/// Which of its siblings a step means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Omitted,
    /// From 1, and in selectors from 0.
    Number(usize),
    /// `[*]`
    Every,
}

impl Which {
    /// What stands between brackets.
    pub(super) fn read(inner: &str) -> Option<Self> {
        match inner {
            "*" => Some(Self::Every),
            _ => number(inner).map(Self::Number),
        }
    }

    /// Whether a loop puts its item's number here. `every` says that the loop
    /// itself was written with `[*]`.
    fn is_open(self, every: bool) -> bool {
        match self {
            Self::Omitted | Self::Number(1) => true,
            Self::Number(_) => false,
            Self::Every => every,
        }
    }

    fn means(self, other: Self) -> bool {
        let first = |which| if which == Self::Omitted { Self::Number(1) } else { which };
        first(self) == first(other)
    }
}

/// An index, and where it is written; an omitted one where it would be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Index {
    which: Which,
    at: Range<usize>,
}

impl Index {
    /// The index that may stand at an offset; `None` where the brackets hold
    /// something else.
    fn read(path: &str, at: usize) -> Option<Self> {
        let Some(inner) = path.get(at..)?.strip_prefix('[') else {
            return Some(Self { which: Which::Omitted, at: at..at });
        };
        let (inner, _) = inner.split_once(']')?;
        Some(Self { which: Which::read(inner)?, at: at..at + inner.len() + 2 })
    }
}

fn number(text: &str) -> Option<usize> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// `OBX[2]-5[3]`, and whether more follows.
struct Hl7<'p> {
    segment: &'p str,
    occurrence: Index,
    field: Option<(usize, Index)>,
    ends: bool,
}

impl<'p> Hl7<'p> {
    fn read(path: &'p str) -> Option<Self> {
        let segment = path.get(..3)?;
        let occurrence = Index::read(path, 3)?;
        let Some(below) = path.get(occurrence.at.end..)?.strip_prefix(['-', '.']) else {
            let ends = occurrence.at.end == path.len();
            return ends.then_some(Self { segment, occurrence, field: None, ends });
        };
        let digits = below.bytes().take_while(u8::is_ascii_digit).count();
        let field = number(below.get(..digits)?)?;
        let repetition = Index::read(path, occurrence.at.end + 1 + digits)?;
        let ends = repetition.at.end == path.len();
        Some(Self { segment, occurrence, field: Some((field, repetition)), ends })
    }
}

/// Where the number of a segment or of a repetition stands; `None` when the path
/// lies outside the loop, or names one item of it by its own index.
pub(super) fn in_hl7(loop_path: &str, path: &str, every: bool) -> Option<Range<usize>> {
    let (items, place) = (Hl7::read(loop_path)?, Hl7::read(path)?);
    if !items.ends || items.segment != place.segment {
        return None;
    }
    let index = match (items.field, place.field) {
        (None, _) => place.occurrence,
        (Some((wanted, _)), Some((found, repetition))) => {
            let same = items.occurrence.which.means(place.occurrence.which);
            (same && wanted == found).then_some(repetition)?
        }
        (Some(_), None) => return None,
    };
    index.which.is_open(every).then_some(index.at)
}

/// A name with the indexes behind it: an array may stand in an array.
struct Step<'p> {
    name: &'p str,
    indexes: Vec<Index>,
    /// Of the name.
    end: usize,
}

impl<'p> Step<'p> {
    fn read(path: &'p str, at: usize) -> Option<Self> {
        let rest = path.get(at..)?;
        let name = rest.get(..rest.find(['/', '[']).unwrap_or(rest.len()))?;
        let mut step = Self { name, indexes: Vec::new(), end: at + name.len() };
        loop {
            let index = Index::read(path, step.behind(step.indexes.len()))?;
            if index.which == Which::Omitted {
                return Some(step);
            }
            step.indexes.push(index);
        }
    }

    /// Where the step ends when only so many of its indexes count.
    fn behind(&self, indexes: usize) -> usize {
        let last = indexes.checked_sub(1).and_then(|last| self.indexes.get(last));
        last.map_or(self.end, |index| index.at.end)
    }

    /// Whether a name that is looked up behind either is looked up in the same
    /// place.
    fn means(&self, other: &Self) -> bool {
        let mut both = 0..self.indexes.len().max(other.indexes.len());
        self.name == other.name && both.all(|at| self.which(at).means(other.which(at)))
    }

    fn which(&self, at: usize) -> Which {
        self.indexes.get(at).map_or(Which::Omitted, |index| index.which)
    }

    /// Where the index of an item of this step stands in another spelling of it.
    fn slot_in(&self, other: &Self, every: bool) -> Option<Range<usize>> {
        let own = self.indexes.len();
        let given = other.indexes.get(..own)?;
        let same = self.indexes.iter().zip(given).all(|(one, other)| one.which == other.which);
        if !same || self.name != other.name {
            return None;
        }
        match other.indexes.get(own) {
            None => Some(other.behind(own)..other.behind(own)),
            Some(index) => index.which.is_open(every).then(|| index.at.clone()),
        }
    }
}

/// The steps of a slash path. The first one is the message itself, which has no
/// name, and of JSON an index at most.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let start = usize::from(path.starts_with('/'));
    let first = Step::read(path, start)?;
    let mut at = first.behind(first.indexes.len());
    let mut steps = Vec::new();
    if first.name.is_empty() {
        let end = if first.indexes.is_empty() { 0 } else { start };
        steps.push(Step { end, ..first });
    } else {
        steps.push(Step { name: "", indexes: Vec::new(), end: 0 });
        steps.push(first);
    }
    while at < path.len() {
        let step = path.get(at..)?.starts_with('/').then(|| Step::read(path, at + 1))??;
        at = step.behind(step.indexes.len());
        match steps.last_mut() {
            // `a/[1]` is `a[1]`.
            Some(last) if step.name.is_empty() && !step.indexes.is_empty() => {
                last.indexes.extend(step.indexes);
            }
            _ if step.name.is_empty() => return None,
            _ => steps.push(step),
        }
    }
    Some(steps)
}

/// As [`in_hl7`], of the number of an element or of an item of an array.
pub(super) fn in_slash_path(loop_path: &str, path: &str, every: bool) -> Option<Range<usize>> {
    let (items, place) = (steps(loop_path)?, steps(path)?);
    let (last, before) = items.split_last()?;
    let last_of_path = place.get(before.len())?;
    let same = before.iter().zip(&place).all(|(one, other)| one.means(other));
    if same { last.slot_in(last_of_path, every) } else { None }
}
