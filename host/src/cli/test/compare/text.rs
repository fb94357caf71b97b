//! Texts: line by line.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{Inside, texts};

/// Above this many lines they are compared by number alone: finding what was
/// moved takes longer than linear time.
const MATCHED_MAX: usize = 5_000;

pub(super) fn compare(expected: &[u8], found: &[u8]) -> Vec<Inside> {
    let (expected, found) = texts(expected, found);
    let left: Vec<&str> = expected.split('\n').collect();
    let right: Vec<&str> = found.split('\n').collect();
    if left.len().max(right.len()) > MATCHED_MAX {
        return by_number(0, &left, &right);
    }
    let changed = capture_diff_slices(Algorithm::Myers, &left, &right);
    let changed = changed.iter().filter(|it| !matches!(it, DiffOp::Equal { .. }));
    let blocks = changed.map(|operation| (operation.old_range(), operation.new_range()));
    blocks
        .flat_map(|(old, new)| {
            let start = old.start;
            let (old, new) = (left.get(old), right.get(new));
            by_number(start, old.unwrap_or_default(), new.unwrap_or_default())
        })
        .collect()
}

/// The first line with the first one, and so on: each has a place of its own, since
/// ignoring one must not hide its neighbours. `start` lines stand before them.
fn by_number(start: usize, left: &[&str], right: &[&str]) -> Vec<Inside> {
    let pairs = (0..left.len().max(right.len())).map(|at| (at, left.get(at), right.get(at)));
    pairs
        .filter(|(_, one, other)| one != other)
        .map(|(at, one, other)| {
            let place = match one {
                Some(_) => format!("line {}", start + at + 1),
                None => after(start + left.len()),
            };
            let text = |it: Option<&&str>| it.map(|it| (*it).to_owned());
            (place, text(one), text(other))
        })
        .collect()
}

/// The place of what stands in no expected line. No number of a line means it.
fn after(line: usize) -> String {
    if line == 0 { "before line 1".to_owned() } else { format!("after line {line}") }
}
