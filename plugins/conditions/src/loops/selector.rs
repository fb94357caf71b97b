//! Selectors (`newtonsoft:`) in loops: their indexes count from 0, and they may
//! mean several places.
//!
//! Knows: how a selector is divided into steps. Deliberately does not know: what
//! the steps that may mean several places select, messages.

use super::slot::Which;
use std::ops::Range;

/// What begins a selector.
pub(crate) const SELECTOR: &str = "newtonsoft:";

/// One step, and where it stands in the path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step<'p> {
    kind: Kind<'p>,
    at: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'p> {
    /// `.name` or `['name']`.
    Name(&'p str),
    /// `[0]` or `[*]`.
    Index(Which),
    /// Anything else, as it is written: `..name`, `.*`, `[?(…)]`, `[1:2]`.
    Other(&'p str),
}

/// The steps of a selector; `None` when it is no selector, or is none that can
/// be read.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let selector = path.strip_prefix(SELECTOR)?;
    let rooted = selector
        .strip_prefix('$')
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    let mut at = SELECTOR.len() + usize::from(rooted);
    let mut steps = Vec::new();
    while at < path.len() {
        let rest = path.get(at..)?;
        let (kind, length) = if rest.starts_with('[') { bracketed(rest)? } else { dotted(rest)? };
        steps.push(Step { kind, at: at..at + length });
        at += length;
    }
    Some(steps)
}

/// A step with or without its dot, and its length.
fn dotted(rest: &str) -> Option<(Kind<'_>, usize)> {
    let dots = rest.bytes().take_while(|byte| *byte == b'.').count();
    let name = rest.get(dots..)?;
    let name = name.get(..name.find(['.', '[']).unwrap_or(name.len()))?;
    let length = dots + name.len();
    match (dots, name) {
        (0 | 1, "") => None,
        (0 | 1, "*") => Some((Kind::Other(".*"), length)),
        (0 | 1, name) => Some((Kind::Name(name), length)),
        _ => Some((Kind::Other(rest.get(..length)?), length)),
    }
}

/// A step in brackets, and its length.
fn bracketed(rest: &str) -> Option<(Kind<'_>, usize)> {
    let length = closing(rest)? + 1;
    let written = rest.get(..length)?;
    let inner = written.get(1..length - 1)?.trim();
    let kind = match (Which::read(inner), quoted(inner)) {
        (Some(which), _) => Kind::Index(which),
        (None, Some(name)) => Kind::Name(name),
        (None, None) => Kind::Other(written),
    };
    Some((kind, length))
}

/// One quoted name without escapes.
fn quoted(inner: &str) -> Option<&str> {
    let name = inner.strip_prefix('\'')?.strip_suffix('\'')?;
    (!name.contains(['\'', '\\'])).then_some(name)
}

/// Where the bracket at the start is closed. Brackets in quotes do not count.
fn closing(rest: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, found) in rest.char_indices() {
        match (found, quote) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            (_, Some(open)) if found == open => quote = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) => quote = Some(found),
            ('[', None) => depth += 1,
            (']', None) => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether a path is a selector that may mean several places in another way than
/// by `[*]` at its end: an index behind it would count anew in each of them.
pub fn selects_several(path: &str) -> bool {
    let bare = path.strip_suffix("[*]").unwrap_or(path);
    let several = |step: &Step<'_>| matches!(step.kind, Kind::Other(_) | Kind::Index(Which::Every));
    steps(bare).is_some_and(|steps| steps.iter().any(several))
}

/// Where the number of a loop's item stands in a path; `None` when the path lies
/// outside the loop, or names one item of it by its own index. `[1]` is what
/// workflows write for the current item, in selectors too.
pub(super) fn slot(loop_path: &str, path: &str, every: bool) -> Option<Range<usize>> {
    let (items, place) = (steps(loop_path)?, steps(path)?);
    let (given, below) = place.split_at_checked(items.len())?;
    if !items.iter().zip(given).all(|(one, other)| one.kind == other.kind) {
        return None;
    }
    let end = match (given.last(), below.first()) {
        (Some(last), _) => last.at.end,
        (None, Some(next)) => next.at.start,
        (None, None) => path.len(),
    };
    match below.first().map(|step| (step.kind, &step.at)) {
        Some((Kind::Index(Which::Number(0 | 1)), at)) => Some(at.clone()),
        Some((Kind::Index(Which::Every), at)) if every => Some(at.clone()),
        Some((Kind::Index(_), _)) => None,
        // A filter or a slice chooses other items.
        Some((Kind::Other(written), _)) if written.starts_with('[') => None,
        _ => Some(end..end),
    }
}

/// An exact path as a selector.
pub(super) fn exact(path: &str) -> Option<String> {
    if path.starts_with(SELECTOR) {
        return Some(path.to_owned());
    }
    let mut selector = format!("{SELECTOR}$");
    for step in path.split('/') {
        let (name, mut indexes) = step.split_at_checked(step.find('[').unwrap_or(step.len()))?;
        if !name.is_empty() {
            let name = name.replace('\\', "\\\\").replace('\'', "\\'");
            selector.push_str(&format!("['{name}']"));
        }
        while let Some((index, rest)) = indexes.strip_prefix('[').and_then(|it| it.split_once(']'))
        {
            let Some(Which::Number(number)) = Which::read(index) else { return None };
            selector.push_str(&format!("[{}]", number.checked_sub(1)?));
            indexes = rest;
        }
    }
    Some(selector)
}
