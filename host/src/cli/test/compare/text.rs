//! Texts: line by line.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{Inside, with_plain_ends};

/// Above this many lines they are compared by number alone: finding what was
/// moved takes longer than linear time.
const MATCHED_MAX: usize = 5_000;

pub(super) fn compare(expected: &[u8], found: &[u8]) -> Vec<Inside> {
    let (expected, found) = (with_plain_ends(expected), with_plain_ends(found));
    let left: Vec<&str> = expected.split('\n').collect();
    let right: Vec<&str> = found.split('\n').collect();
    if left.len().max(right.len()) > MATCHED_MAX {
        return by_number(&left, &right);
    }
    let changed = capture_diff_slices(Algorithm::Myers, &left, &right);
    let changed = changed.iter().filter(|it| !matches!(it, DiffOp::Equal { .. }));
    changed
        .map(|operation| {
            let (old, new) = (operation.old_range(), operation.new_range());
            let place = format!("line {}", old.start + 1);
            (place, lines(left.get(old)), lines(right.get(new)))
        })
        .collect()
}

fn by_number(left: &[&str], right: &[&str]) -> Vec<Inside> {
    let pairs = (0..left.len().max(right.len())).map(|at| (at, left.get(at), right.get(at)));
    pairs
        .filter(|(_, one, other)| one != other)
        .map(|(at, one, other)| {
            let text = |it: Option<&&str>| it.map(|it| (*it).to_owned());
            (format!("line {}", at + 1), text(one), text(other))
        })
        .collect()
}

fn lines(lines: Option<&[&str]>) -> Option<String> {
    lines.filter(|lines| !lines.is_empty()).map(|lines| lines.join("\n"))
}
