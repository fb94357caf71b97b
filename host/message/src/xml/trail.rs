//! Where the last slash paths went, so that a walk over n siblings by path takes
//! n steps and not n².
//!
//! Knows: which elements a path passed, and how a next path goes on from there.
//! Deliberately does not know: tokens, edits (it is told how far the text still
//! is what it was).
//!
//! # Invariants
//! - A hint: no answer depends on it.
//! - What is remembered of a path are places of start tags and numbers of
//!   siblings; both hold as long as the text up to there stays.

use std::mem::{Discriminant, discriminant};

use super::path::{Index, NameTest, Step};
use super::scan::Tag;

/// Deeper elements are looked for from the last one of these.
const LEVELS: usize = 12;

/// Paths that are remembered beside each other: a loop reads its items, and
/// places outside them, in turns.
const TRAILS: usize = 4;

/// One element of a path.
#[derive(Clone, Copy)]
struct Level {
    start: u32,
    /// Behind its start tag.
    end: u32,
    /// Among its siblings that the test means.
    number: usize,
    /// The kind of name; the name itself is that of the element.
    test: Discriminant<NameTest>,
}

#[derive(Clone, Copy)]
struct Trail {
    levels: [Option<Level>; LEVELS],
}

/// The trails of a message.
#[derive(Clone, Copy)]
pub(super) struct Trails {
    all: [Trail; TRAILS],
    /// The one that a new path takes.
    next: usize,
    /// The one that this path takes, and how many of its levels are right.
    current: usize,
    length: usize,
}

/// Where a path goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Resumed {
    /// So many steps need not be looked for, …
    pub(super) steps: usize,
    /// … the last of which ends at this element.
    pub(super) parent: Option<Tag>,
    /// An earlier sibling of the next step's element, with its number.
    pub(super) sibling: Option<(Tag, usize)>,
}

impl Trails {
    pub(super) const NONE: Self =
        Self { all: [Trail { levels: [None; LEVELS] }; TRAILS], next: 0, current: 0, length: 0 };

    /// Chooses the trail that leads furthest, and makes it that of this path.
    pub(super) fn resume(&mut self, text: &str, steps: &[Step]) -> Resumed {
        let reach = |resumed: &Resumed| (resumed.steps, resumed.sibling.map(|(_, number)| number));
        let mut best = (Resumed::default(), false);
        let mut chosen = None;
        for (number, trail) in self.all.iter().enumerate() {
            let found = trail.resumed(text, steps);
            if reach(&found.0) > reach(&best.0) {
                best = found;
                chosen = Some(number);
            }
        }
        let (resumed, leaves_a_walk) = best;
        self.length = resumed.steps;
        match chosen {
            Some(chosen) if !leaves_a_walk => self.current = chosen,
            _ => {
                let from = chosen.and_then(|chosen| self.all.get(chosen)).copied();
                // Not the one that walks, which shall go on.
                if chosen == Some(self.next) {
                    self.next = (self.next + 1) % TRAILS;
                }
                self.current = self.next;
                self.next = (self.next + 1) % TRAILS;
                if let (Some(from), Some(slot)) = (from, self.all.get_mut(self.current)) {
                    *slot = from;
                }
            }
        }
        resumed
    }

    /// Adds the next element of this path.
    pub(super) fn pass(&mut self, tag: Tag, number: usize, step: &Step) {
        let length = self.length;
        let Some(trail) = self.all.get_mut(self.current) else { return };
        let (Ok(start), Ok(end)) = (u32::try_from(tag.start), u32::try_from(tag.end)) else {
            return;
        };
        let level = Level { start, end, number, test: discriminant(&step.name) };
        if let Some(slot) = trail.levels.get_mut(length) {
            *slot = Some(level);
            self.length += 1;
        }
    }

    /// Ends this path: what the trail held behind it is another path's.
    pub(super) fn end(&mut self) {
        let length = self.length;
        if let Some(trail) = self.all.get_mut(self.current) {
            trail.cut(|number, _| number >= length);
        }
    }

    /// Forgets what does not lie before a place where the text has changed.
    pub(super) fn keep_before(&mut self, place: usize) {
        for trail in &mut self.all {
            trail.cut(|_, level| usize::try_from(level.end).is_ok_and(|end| end > place));
        }
    }
}

impl Trail {
    /// How far this trail leads, and whether the path turns off where the trail
    /// has passed over siblings.
    fn resumed(&self, text: &str, steps: &[Step]) -> (Resumed, bool) {
        let mut resumed = Resumed::default();
        for (level, step) in self.levels.iter().map_while(|level| *level).zip(steps) {
            let Ok(start) = usize::try_from(level.start) else { break };
            let wanted = match step.index {
                Index::Omitted => 1,
                Index::Number(number) => number,
                Index::Every => break,
            };
            let tag = Tag::at(text, start);
            let is_same = discriminant(&step.name) == level.test
                && step.name.means_written(tag.name.of(text));
            if !is_same || wanted < level.number {
                return (resumed, level.number > 1);
            }
            if wanted > level.number {
                resumed.sibling = Some((tag, level.number));
                return (resumed, false);
            }
            resumed.parent = Some(tag);
            resumed.steps += 1;
        }
        (resumed, false)
    }

    /// Ends the trail before the first level that is to go.
    fn cut(&mut self, goes: impl Fn(usize, &Level) -> bool) {
        let mut is_cut = false;
        for (number, slot) in self.levels.iter_mut().enumerate() {
            is_cut = is_cut || slot.as_ref().is_none_or(|level| goes(number, level));
            if is_cut {
                *slot = None;
            }
        }
    }
}
