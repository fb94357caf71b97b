//! Where the last paths led, so that a loop over n items takes n steps.
//!
//! A workflow asks for `Patient/Medications[1]/Code`, then for `[2]` and so on.
//! Looking for each from the start of the text would take n² steps. A trail is the
//! values that one path passed; the next path starts where it leaves the trail,
//! at an array from the item that was reached. Deliberately does not know: how
//! steps are followed (`walk`), patterns.
//!
//! # Invariants
//! - What trails say is true of the text: every edit moves them along or drops
//!   them. So no answer depends on them, but for the time it takes.
//! - They are empty in a copy, and left alone while another thread uses them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::path::{Dialect, JsonPath, Step};
use super::scan::Span;
use super::walk::{self, Item, Node, Reached};

/// Loops and other paths in turn are remembered up to this number.
const TRAILS_MAX: usize = 8;

/// A text that is shorter is read from its start without loss.
const WORTH_BYTES: usize = 1_024;

#[derive(Default)]
pub(super) struct Trails(Mutex<Vec<Trail>>);

struct Trail {
    dialect: Dialect,
    steps: Arc<[Step]>,
    /// The value before each step that was followed, and the last one.
    way: Vec<Node>,
    /// Where the next step is an index that leads nowhere: the array's last item.
    last: Option<Item>,
}

/// Where a path may start.
struct Start {
    way: Vec<Node>,
    known: Option<Item>,
}

impl Trails {
    /// Follows an exact path.
    pub(super) fn locate(&self, text: &str, path: &JsonPath) -> Reached {
        let trails = match self.0.try_lock() {
            Ok(trails) if text.len() >= WORTH_BYTES => trails,
            _ => {
                let mut way = vec![Node::whole(text)];
                return walk::locate_from(text, path.dialect, &path.steps, &mut way, None);
            }
        };
        let mut trails = trails;
        let Start { mut way, known } = start(&trails, path)
            .unwrap_or_else(|| Start { way: vec![Node::whole(text)], known: None });
        let reached = walk::locate_from(text, path.dialect, &path.steps, &mut way, known);
        let last = match &reached {
            Reached::Place(_) => None,
            Reached::Missing(missing) => missing.last,
        };
        let steps = Arc::clone(&path.steps);
        remember(&mut trails, Trail { dialect: path.dialect, steps, way, last });
        reached
    }

    /// Drops all, for an edit that moves items or removes members.
    pub(super) fn forget(&mut self) {
        self.get_mut().clear();
    }

    /// Moves all along with a splice that replaced one value, or put a member or
    /// item behind the last one.
    pub(super) fn splice(&mut self, old: Span, length: usize) {
        let trails = self.get_mut();
        for trail in trails.iter_mut() {
            trail.splice(old, length);
        }
        trails.retain(|trail| trail.way.len() > 1 || trail.last.is_some());
    }

    fn get_mut(&mut self) -> &mut Vec<Trail> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of the longest way that a remembered path has in common with this
/// one; of several, the one nearest before the item that is asked for.
fn start(trails: &[Trail], path: &JsonPath) -> Option<Start> {
    let known_of = |(common, trail): &(usize, &Trail)| {
        trail.known_after(*common).filter(|known| match path.steps.get(*common) {
            Some(Step::Index(wanted)) => known.number <= *wanted,
            _ => false,
        })
    };
    let (common, trail) = trails
        .iter()
        .filter(|trail| trail.dialect == path.dialect)
        .map(|trail| (trail.common(path), trail))
        .max_by_key(|found| (found.0, known_of(found).map(|known| known.number + 1)))?;
    let way = trail.way.get(..=common)?.to_vec();
    Some(Start { way, known: known_of(&(common, trail)) })
}

/// Instead of the trail that differs in its item numbers alone, else of the
/// oldest that leads through no array: those of a loop are wanted again.
fn remember(trails: &mut Vec<Trail>, trail: Trail) {
    let same = trails.iter().position(|other| other.is_like(&trail));
    let oldest = || trails.iter().position(|other| !other.has_index()).unwrap_or(0);
    let gone = same.or_else(|| (trails.len() >= TRAILS_MAX).then(oldest));
    if let Some(gone) = gone {
        trails.remove(gone);
    }
    trails.push(trail);
}

impl Trail {
    /// How many steps this path has in common with the way.
    fn common(&self, path: &JsonPath) -> usize {
        let followed = self.steps.iter().take(self.way.len().saturating_sub(1));
        followed.zip(path.steps.iter()).take_while(|(own, other)| own == other).count()
    }

    /// The item that is known of the array after that many steps.
    fn known_after(&self, common: usize) -> Option<Item> {
        match (self.steps.get(common), self.way.get(common + 1)) {
            (Some(Step::Index(number)), Some(node)) => Some(Item { number: *number, node: *node }),
            (_, None) => self.last,
            _ => None,
        }
        // `[1]` of a value that is no array is that value, and no item of it.
        .filter(|known| self.way.get(common).is_some_and(|array| array.start != known.node.start))
    }

    fn has_index(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Index(_)))
    }

    fn is_like(&self, other: &Self) -> bool {
        self.dialect == other.dialect
            && self.steps.len() == other.steps.len()
            && self.steps.iter().zip(other.steps.iter()).all(|steps| match steps {
                (Step::Index(_), Step::Index(_)) => true,
                (own, other) => own == other,
            })
    }

    fn splice(&mut self, old: Span, length: usize) {
        let mut kept = 0;
        for node in &mut self.way {
            let Some(moved) = moved(*node, old, length) else { break };
            let replaced = old.length() > 0 && node.start == old.start;
            *node = moved;
            kept += 1;
            if replaced {
                // What stands in it now is something else.
                break;
            }
        }
        if kept < self.way.len() {
            self.way.truncate(kept);
            self.last = None;
        }
        self.last = self.last.and_then(|item| {
            moved(item.node, old, length).map(|node| Item { number: item.number, node })
        });
    }
}

/// Where a value stands after a splice; `None` when it was in what went.
fn moved(node: Node, old: Span, length: usize) -> Option<Node> {
    let after = |at: usize| at - old.end + old.start + length;
    if node.start > old.start && node.start < old.end {
        return None;
    }
    let place = |at: usize| if at > old.start && at >= old.end { after(at) } else { at };
    Some(Node {
        start: place(node.start),
        end: node.end.filter(|end| *end <= old.start || *end >= old.end).map(place),
        holder: node.holder.map(place),
        ..node
    })
}

impl Clone for Trails {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Trails {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Trails")
    }
}
