//! Loops: source paths inside a loop mean the current item (contract 7.5).

mod selector;
mod slot;

use crate::namespaces::split;
use std::borrow::Cow;
use std::ops::Range;
use tureen_plugin_sdk::{Direction, Format, SettingId};

pub(crate) use selector::SELECTOR;
pub use selector::selects_several;

/// What begins an XPath expression.
const EXPRESSION: &str = "xpath:";

/// One loop that is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Whose message it runs over; nobody's is the receiver's.
    setting: SettingId,
    /// Which of its messages.
    direction: Direction,
    /// The language of its paths.
    format: Format,
    /// The path of what it counts, without an index at its end.
    path: String,
    /// Whether `[*]` stood at its end: behind it, `[*]` means the current item.
    every: bool,
    /// The exact paths of its items, where an index cannot tell them apart.
    found: Vec<String>,
    /// The current item, from 1.
    pub iteration: u32,
}

impl Loop {
    /// A loop at its first item, over what stands at a path.
    pub fn new(setting: SettingId, direction: Direction, format: Format, path: &str) -> Self {
        let path = loop_path(path);
        let is_bare = !selects_several(path) && !split(path).1.starts_with(EXPRESSION);
        let bare = path.strip_suffix("[*]").filter(|_| is_bare);
        Self {
            setting,
            direction,
            format,
            path: bare.unwrap_or(path).to_owned(),
            every: bare.is_some(),
            found: Vec::new(),
            iteration: 1,
        }
    }

    /// The same loop with the exact paths of its items, where they
    /// [must be known](selects_several).
    #[must_use]
    pub fn over(mut self, found: Vec<String>) -> Self {
        self.found = found;
        self
    }

    /// A path inside the loop, with the index of the current item.
    ///
    /// Declarations of prefixes stand in front of both paths or of none; those
    /// of the settings are put there later. Of an XPath expression, `[n]` would
    /// count anew at every node before it, so it stands in parentheses.
    fn current(&self, path: &str) -> Option<Indexed<'static>> {
        let ((declared, body), (own, items)) = (split(path), split(&self.path));
        if own.trim_end() != declared.trim_end() {
            return None;
        }
        let number = self.iteration;
        if let Some(expression) = items.strip_prefix(EXPRESSION) {
            let rest = inside(body, items)?;
            return Some(Indexed::new(
                format!("{declared}{EXPRESSION}({expression})[{number}]{rest}"),
                rest,
            ));
        }
        let slot = self.slot(body)?;
        let (before, rest) = (body.get(..slot.start)?, body.get(slot.end..)?);
        if body.starts_with(SELECTOR) {
            // Selectors count from 0.
            let number = usize::try_from(number.checked_sub(1)?).ok()?;
            let item = if self.found.is_empty() {
                format!("{before}[{number}]")
            } else {
                selector::exact(self.found.get(number)?)?
            };
            return Some(Indexed::new(format!("{item}{rest}"), rest));
        }
        // The items of a whole document have no name that a slash would follow.
        let bare_name = before.is_empty() && !rest.is_empty() && !rest.starts_with('/');
        let slash = if bare_name { "/" } else { "" };
        Some(Indexed::new(format!("{declared}{before}[{number}]{slash}{rest}"), rest))
    }

    /// Where in a path the index of the current item stands, or is to stand.
    fn slot(&self, path: &str) -> Option<Range<usize>> {
        match self.format {
            Format::Hl7 => slot::in_hl7(&self.path, path, self.every),
            Format::Csv => {
                let rest = inside(path, &self.path)?;
                Some(self.path.len()..path.len() - rest.len())
            }
            _ if self.path.starts_with(SELECTOR) => selector::slot(&self.path, path, self.every),
            _ if path.starts_with(SELECTOR) || path.starts_with(EXPRESSION) => None,
            Format::Xml => {
                let items = split(&self.path).1;
                slot::in_slash_path(items, path, self.every).filter(|slot| slot.start > 0)
            }
            _ => slot::in_slash_path(&self.path, path, self.every),
        }
    }

    fn is_over(&self, setting: SettingId, direction: Direction) -> bool {
        self.setting == setting && self.direction == direction
    }

    /// Whether another loop counts the same items.
    fn has_items_of(&self, other: &Self) -> bool {
        let ((declared, body), (own, _)) = (split(&other.path), split(&self.path));
        let is_same_place = || {
            let slot = self.slot(body).filter(|_| own.trim_end() == declared.trim_end());
            slot.is_some_and(|slot| slot.is_empty() && slot.end == body.len())
        };
        other.is_over(self.setting, self.direction) && (self.path == other.path || is_same_place())
    }
}

/// A path with the indexes of the loops around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Indexed<'p> {
    pub(crate) path: Cow<'p, str>,
    /// Whether the index of its last step, or of the element whose attribute it
    /// means, is that of a loop's current item.
    pub(crate) ends_in_item: bool,
}

impl Indexed<'static> {
    /// A path that a loop has changed, and what of it follows the item.
    fn new(path: String, rest: &str) -> Self {
        Self { path: Cow::Owned(path), ends_in_item: rest.is_empty() || is_attribute(rest) }
    }
}

fn is_attribute(rest: &str) -> bool {
    rest.strip_prefix("/@").is_some_and(|name| !name.contains('/'))
}

/// The loops around an action, outermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loops(Vec<Loop>);

impl Loops {
    /// Enters a loop.
    pub fn enter(&mut self, item: Loop) {
        self.0.push(item);
    }

    /// Leaves the innermost loop.
    pub fn leave(&mut self) -> Option<Loop> {
        self.0.pop()
    }

    /// The innermost loop.
    pub fn innermost(&mut self) -> Option<&mut Loop> {
        self.0.last_mut()
    }

    /// Whether no loop is around the action.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The path of a source with the index of every loop that it lies in: the
    /// index after the loop's path, written `[1]` or omitted, becomes the
    /// current one.
    pub(crate) fn reindexed<'p>(
        &self,
        setting: SettingId,
        direction: Direction,
        path: Cow<'p, str>,
    ) -> Indexed<'p> {
        let mut indexed = Indexed { path, ends_in_item: false };
        let mut rest = self.0.as_slice();
        while let Some((item, inner)) = rest.split_first() {
            rest = inner;
            // Of two loops over the same items, the inner one counts.
            let again = |other: &Loop| item.has_items_of(other);
            if !item.is_over(setting, direction) || inner.iter().any(again) {
                continue;
            }
            if let Some(mut current) = item.current(&indexed.path) {
                current.ends_in_item |= indexed.ends_in_item;
                indexed = current;
            }
        }
        indexed
    }
}

/// What follows the item that a loop's path addresses, of paths that are only
/// compared as texts; `None` when the path lies outside the loop, or names one
/// item of it by its own index.
fn inside<'p>(path: &'p str, loop_path: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(loop_path)?;
    match rest.strip_prefix("[1]") {
        Some(rest) => Some(rest),
        None if rest.is_empty() || rest.starts_with('/') => Some(rest),
        None => None,
    }
}

/// The path of a loop: its last index, which it counts itself, is left out.
pub fn loop_path(path: &str) -> &str {
    without_index(path).unwrap_or(path)
}

/// The path without the number in brackets at its end; `None` where there is
/// none.
pub(crate) fn without_index(path: &str) -> Option<&str> {
    let (bare, index) = path.strip_suffix(']')?.rsplit_once('[')?;
    (!index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit())).then_some(bare)
}

#[cfg(test)]
mod tests;
