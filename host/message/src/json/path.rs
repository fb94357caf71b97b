//! The two ways to name a place in JSON.
//!
//! **Slash paths**, as workflows write them: `Patient/Medications[1]/Code`.
//! They start at the members of the top object; indexes start at 1; a leading
//! slash does no harm; `[1]/Code` starts at a top array; `@x` is a member that
//! is called `@x`; no step at all is the whole document. As everywhere in the
//! workflow language an omitted index means the first: a name that is looked up
//! in an array is looked up in its first item, and `[1]` of a value that is no
//! array is that value.
//!
//! **Selectors**, `newtonsoft:` before a JSONPath as `SelectToken` of
//! Newtonsoft.Json reads it: `newtonsoft:$.a['b/c'][0]`. Indexes start at 0, and
//! nothing is implied. `selector` holds their grammar, `condition` that of their
//! filters.
//!
//! What may mean several places makes a path a pattern: `[*]` in slash paths;
//! wildcards, unions, slices, filters and `..` in selectors.
//!
//! Deliberately does not know: documents.

mod condition;
mod selector;

use std::fmt;
use std::sync::Arc;

pub(super) use self::condition::{Comparison, Condition, Join, Literal, Operand, Pattern, Test};
use crate::Problem;

/// Bytes of one path. A path is written by the author of a workflow; the limit
/// keeps what a pattern finds (65,535 exact paths) small.
pub const PATH_BYTES_MAX: usize = 4_096;

/// How deep conditions, negations and groups of a selector may stand in one
/// another. Evaluating them recurses as deep and no deeper.
pub const CONDITION_DEPTH_MAX: usize = 16;

const SELECTOR_PREFIX: &str = "newtonsoft:";

/// A parsed path: one place of a JSON message, or of a pattern several.
///
/// `Display` writes its canonical form, which parses to the same path; of a
/// selector that is a pattern, the text that it was parsed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    pub(super) dialect: Dialect,
    /// Shared, so that a message may remember where it led.
    pub(super) steps: Arc<[Step]>,
    /// What a selector that is a pattern was written as.
    written: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Slash,
    Selector,
}

/// Slash paths have the first three alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A member of an object.
    Name(String),
    /// An item of an array, from 0 in both dialects.
    Index(usize),
    /// `[*]`: every item of an array.
    Every,
    /// `.*`: every member of an object.
    Members,
    /// `['a','b']`: those members that there are, in this order.
    Names(Vec<String>),
    /// `[0,2]`: those items that there are, in this order.
    Indexes(Vec<usize>),
    /// `[1:3]`, `[::-1]`.
    Slice(Slice),
    /// `[?(…)]`: the items of an array for which the condition holds.
    Filter(Condition),
    /// `..`: what stands anywhere inside.
    Anywhere(Anywhere),
}

/// What a search at any depth takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Anywhere {
    /// `..*`: the value itself and everything in it.
    All,
    /// `..name`, `..['a','b']`: members of that name.
    Named(Vec<String>),
    /// `..[?(…)]`: the value and everything in it for which the condition holds.
    Where(Condition),
}

/// A part of an array, from 0; a negative number counts from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
    /// Never 0; a negative one goes backwards.
    pub(super) step: i64,
}

/// One step of an exact path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exact<'a> {
    Name(&'a str),
    /// From 0.
    Item(usize),
}

impl JsonPath {
    /// Parses either form.
    ///
    /// # Errors
    /// `path.syntax` and `path.unsupported` with the byte offset in `text`;
    /// `limit.path-bytes`; `limit.path-nesting` for conditions deeper than
    /// [`CONDITION_DEPTH_MAX`]. All are the fault of whoever wrote the path.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > PATH_BYTES_MAX {
            return Err(Problem::new(
                "limit.path-bytes",
                format!("the path has {} bytes, at most {PATH_BYTES_MAX} are read", text.len()),
            ));
        }
        match text.strip_prefix(SELECTOR_PREFIX) {
            Some(selector) => {
                let steps = selector::parse(Source::of(text, selector))?;
                let mut path =
                    Self { dialect: Dialect::Selector, steps: steps.into(), written: None };
                path.written = path.is_pattern().then(|| text.into());
                Ok(path)
            }
            None => {
                let rest = text.strip_prefix('/').unwrap_or(text);
                let steps = slash_path(&mut Source::of(text, rest))?;
                Ok(Self { dialect: Dialect::Slash, steps: steps.into(), written: None })
            }
        }
    }

    /// Whether it may mean several places.
    pub fn is_pattern(&self) -> bool {
        !self.steps.iter().all(|step| matches!(step, Step::Name(_) | Step::Index(_)))
    }

    /// The exact path that takes these item numbers (from 0) for the `[*]` of a
    /// slash path.
    pub(super) fn exact_text(&self, mut items: impl Iterator<Item = usize>) -> Option<String> {
        let steps: Vec<Exact<'_>> = self
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Name(name) => Some(Exact::Name(name)),
                Step::Index(item) => Some(Exact::Item(*item)),
                _ => items.next().map(Exact::Item),
            })
            .collect();
        exact_text(steps.iter().copied())
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(written) = &self.written {
            return formatter.write_str(written);
        }
        if self.dialect == Dialect::Selector {
            write!(formatter, "{SELECTOR_PREFIX}$")?;
        }
        for (number, step) in self.steps.iter().enumerate() {
            match (step, self.dialect) {
                (Step::Name(name), Dialect::Slash) if number == 0 => write!(formatter, "{name}")?,
                (Step::Name(name), Dialect::Slash) => write!(formatter, "/{name}")?,
                (Step::Name(name), Dialect::Selector) => write_selected(name, formatter)?,
                (Step::Index(item), Dialect::Slash) => {
                    write!(formatter, "[{}]", item.saturating_add(1))?;
                }
                (Step::Index(item), Dialect::Selector) => write!(formatter, "[{item}]")?,
                _ => write!(formatter, "[*]")?,
            }
        }
        Ok(())
    }
}

/// The path of one place: a slash path where every name can be one of its
/// names, else a selector. `None` when it would be longer than a path may be.
pub(super) fn exact_text<'a>(steps: impl Iterator<Item = Exact<'a>> + Clone) -> Option<String> {
    let dialect = if steps.clone().all(|step| in_slash_path(&step)) {
        Dialect::Slash
    } else {
        Dialect::Selector
    };
    let length: usize = steps
        .clone()
        .map(|step| match step {
            Exact::Name(name) => name.len() + 1,
            Exact::Item(_) => 3,
        })
        .sum();
    if length > PATH_BYTES_MAX + 1 {
        return None;
    }
    let steps = steps.map(|step| match step {
        Exact::Name(name) => Step::Name(name.to_owned()),
        Exact::Item(item) => Step::Index(item),
    });
    let text = JsonPath { dialect, steps: steps.collect(), written: None }.to_string();
    (text.len() <= PATH_BYTES_MAX).then_some(text)
}

fn in_slash_path(step: &Exact<'_>) -> bool {
    match step {
        Exact::Name(name) => {
            !name.is_empty() && !name.contains(['/', '[']) && !name.starts_with(SELECTOR_PREFIX)
        }
        Exact::Item(_) => true,
    }
}

fn write_selected(name: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let plain = |character: char| character.is_alphanumeric() || character == '_';
    if !name.is_empty() && name.chars().all(plain) {
        return write!(formatter, ".{name}");
    }
    formatter.write_str("['")?;
    for character in name.chars() {
        match character {
            '\\' | '\'' => write!(formatter, "\\{character}")?,
            _ => write!(formatter, "{character}")?,
        }
    }
    formatter.write_str("']")
}

/// `name[1]/name[2][3]/…`; a name may be missing only before an index.
fn slash_path(source: &mut Source<'_>) -> Result<Vec<Step>, Problem> {
    let mut steps = Vec::new();
    if source.rest.is_empty() {
        return Ok(steps);
    }
    loop {
        let name = source.take_until(&['/', '[']);
        if !name.is_empty() {
            steps.push(Step::Name(name.to_owned()));
        } else if !source.rest.starts_with('[') {
            return Err(source.syntax("expected a member name or an index, found nothing"));
        }
        while source.eat("[") {
            steps.push(slash_index(source)?);
        }
        if source.rest.is_empty() {
            return Ok(steps);
        }
        if !source.eat("/") {
            return Err(source.syntax("expected a slash after `]`"));
        }
    }
}

/// What stands between `[` and `]` of a slash path: a number or `*`.
fn slash_index(source: &mut Source<'_>) -> Result<Step, Problem> {
    let Some(end) = source.rest.find(']') else {
        return Err(source.syntax("an index has no closing `]`"));
    };
    let inner = source.rest.get(..end).unwrap_or_default();
    let step = match inner {
        "*" => Step::Every,
        _ => {
            if inner.is_empty() || !inner.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(source.syntax(
                    "expected a number or `*` between `[` and `]`; a member name that holds `/` \
                     or `[` is written newtonsoft:$['name']",
                ));
            }
            let number: usize =
                inner.parse().map_err(|_| source.syntax("the index is too large a number"))?;
            Step::Index(number.checked_sub(1).ok_or_else(|| {
                source.syntax("indexes start at 1, found 0 (newtonsoft: starts at 0)")
            })?)
        }
    };
    source.take(end + 1);
    Ok(step)
}

/// What is left to read of a path's text.
struct Source<'a> {
    rest: &'a str,
    /// Of `rest` in the path's text.
    offset: usize,
}

impl<'a> Source<'a> {
    /// `rest` is the end of `text`.
    fn of(text: &str, rest: &'a str) -> Self {
        Self { rest, offset: text.len() - rest.len() }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.offset += taken.len();
        self.rest = rest;
        taken
    }

    fn take_until(&mut self, ends: &[char]) -> &'a str {
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest.starts_with(token);
        if found {
            self.take(token.len());
        }
        found
    }

    fn skip_blanks(&mut self) {
        self.take(self.rest.len() - self.rest.trim_start_matches(' ').len());
    }

    fn syntax(&self, text: &str) -> Problem {
        Problem::new("path.syntax", format!("JSON path: {text}")).at_offset(self.offset)
    }

    fn unsupported(&self, text: &str) -> Problem {
        Problem::new("path.unsupported", format!("JSON path: {text}")).at_offset(self.offset)
    }
}
