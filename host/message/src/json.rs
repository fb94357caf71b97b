//! JSON messages that keep their bytes.
//!
//! Stage: received bytes → **JSON message** → reads and edits by path → bytes.
//! Knows: RFC 8259, the two path forms ([`JsonPath`]). Deliberately does not
//! know: JSON schemas, FHIR, and trees: there is none, only the text.
//!
//! # Invariants
//! - The text is valid JSON, in UTF-8, not deeper than the limit: checked when
//!   it is parsed, kept by every edit.
//! - An edit is a splice. Key order, number text, escapes and white space
//!   outside its place stay byte for byte.
//! - A failed edit changes nothing.
//! - Of members with the same name the last one counts; a removal removes them
//!   all, so that none comes to light.

mod edit;
mod judge;
mod path;
mod scan;
mod select;
mod string;
mod swar;
#[cfg(test)]
mod tests;
mod trails;
mod validate;
mod walk;

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

pub use path::{CONDITION_DEPTH_MAX, JsonPath, PATH_BYTES_MAX};
pub(crate) use string::encode as quoted;
pub(crate) use validate::{position, shape};

use self::edit::{Fragment, Splice};
use self::path::{Dialect, Step};
use self::scan::Kind;
use self::select::{Budget, Mark};
use self::trails::Trails;
use self::walk::{Node, Reached};
use crate::{Limits, Problem, Value};

/// The most places that one pattern may mean in [`Json::find`] and
/// [`Json::remove`].
pub const MATCHES_MAX: usize = 65_535;

/// The most bytes that the paths of one [`Json::find`] have together.
pub const FOUND_BYTES_MAX: usize = 64 << 20;

/// One JSON message.
///
/// Reading a path passes over the text, at most once for each name and `[*]` in
/// it. Where the last paths led is remembered: a loop over the items of an array
/// passes over the array once. A selector that is a pattern takes at most
/// [`Limits::path_steps`].
#[derive(Clone)]
pub struct Json {
    text: String,
    limits: Limits,
    trails: Trails,
}

impl fmt::Debug for Json {
    /// Format and length alone: content may be patient data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Json({} bytes)", self.text.len())
    }
}

impl Json {
    /// Takes the bytes over as they are. A byte order mark is accepted and kept.
    ///
    /// # Errors
    /// `limit.message-bytes`, `json.encoding` (not UTF-8), `json.syntax`,
    /// `limit.depth`: the fault of whoever made the message, with its place.
    pub fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Problem> {
        check_length(bytes.len(), limits)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            Problem::new("json.encoding", "JSON is UTF-8, found bytes that are not")
                .at(position(error.as_bytes(), offset))
                .at_offset(offset)
        })?;
        validate::depth(&text, limits.depth)?;
        Ok(Self { text, limits: limits.clone(), trails: Trails::default() })
    }

    /// `{}`.
    pub(crate) fn empty(limits: &Limits) -> Self {
        Self { text: "{}".to_owned(), limits: limits.clone(), trails: Trails::default() }
    }

    /// Replaces the whole content.
    ///
    /// # Errors
    /// As [`Json::parse`]; the old content then stays.
    pub fn replace(&mut self, bytes: Vec<u8>, limits: &Limits) -> Result<(), Problem> {
        *self = Self::parse(bytes, limits)?;
        Ok(())
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Exactly as it would be written.
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The same without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// The message as text, with its byte order mark if it has one.
    pub fn whole_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.text)
    }

    /// A string decoded; a number, `true` or `false` as written; an object or
    /// array as compact JSON text. Of a pattern, the first place that
    /// [`Json::find`] tells.
    pub fn get(&self, path: &JsonPath) -> Value<'_> {
        let Some(node) = self.first(path) else { return Value::Absent };
        let written = node.value(&self.text).of(&self.text);
        let text = match node.kind(&self.text) {
            Kind::Null => return Value::Null,
            Kind::String => string::decode(written),
            Kind::Object | Kind::Array => string::compact(written),
            Kind::Literal => Cow::Borrowed(written),
        };
        if text.is_empty() { Value::Empty } else { Value::Text(text) }
    }

    /// As [`Json::get`], where absent, empty and `null` are all "".
    pub fn text(&self, path: &JsonPath) -> Cow<'_, str> {
        match self.get(path) {
            Value::Text(text) => text,
            Value::Absent | Value::Empty | Value::Null => Cow::Borrowed(""),
        }
    }

    /// The JSON text of the place as it stands, white space and all.
    pub fn structure(&self, path: &JsonPath) -> Option<Cow<'_, str>> {
        self.first(path).map(|node| Cow::Borrowed(node.value(&self.text).of(&self.text)))
    }

    /// The length of the array at the path; 1 for any other value, 0 for `null`
    /// and for nothing: how often a loop over the path runs. Of a pattern, the
    /// number of places it means.
    pub fn count(&self, path: &JsonPath) -> usize {
        if path.is_pattern() {
            let mut count = 0;
            self.each(path, |_, _| {
                count += 1;
                ControlFlow::Continue(())
            });
            return count;
        }
        let Some(node) = self.first(path) else { return 0 };
        match node.kind(&self.text) {
            Kind::Array => node.children(&self.text).count(),
            Kind::Null => 0,
            Kind::Object | Kind::String | Kind::Literal => 1,
        }
    }

    /// The exact paths of everything a pattern means, in document order, but for
    /// unions and backward slices of a selector, which have their own. They are
    /// slash paths where the names allow it, else selectors. At most
    /// [`MATCHES_MAX`], [`FOUND_BYTES_MAX`] together; the rest is left out, and so
    /// is a place whose path would be longer than [`PATH_BYTES_MAX`].
    pub fn find(&self, pattern: &JsonPath) -> Vec<String> {
        let mut found = Vec::new();
        let mut bytes = 0usize;
        self.each(pattern, |_, way| {
            let path = match way {
                Way::Numbers(items) => pattern.exact_text(items.iter().copied()),
                Way::Marks(trail) => select::exact_text(&self.text, trail),
            };
            bytes += path.as_ref().map_or(0, String::len);
            if bytes > FOUND_BYTES_MAX {
                return ControlFlow::Break(());
            }
            found.extend(path);
            if found.len() < MATCHES_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        found
    }

    /// Writes a JSON string. What is missing on the way of an exact path is
    /// created: objects for names, arrays for indexes; an array grows by its next
    /// item alone, and a `null` on the way gives way. A selector that is a pattern
    /// writes the one place it means.
    ///
    /// # Errors
    /// `path.pattern` for `[*]` in a slash path, `path.several` and `edit.absent`
    /// for a selector that means more or less than one place, `edit.gap`,
    /// `edit.blocked`, `limit.depth`, `limit.path-steps`, `limit.message-bytes`.
    /// Nothing is changed then.
    pub fn set(&mut self, path: &JsonPath, value: &str) -> Result<(), Problem> {
        self.place(path, Fragment { json: string::encode(value), depth: 0 })
    }

    /// Writes `null`.
    ///
    /// # Errors
    /// As [`Json::set`].
    pub fn set_null(&mut self, path: &JsonPath) -> Result<(), Problem> {
        self.place(path, Fragment { json: "null".to_owned(), depth: 0 })
    }

    /// Writes JSON text: a number, a boolean, an object, an array, or any other
    /// value. White space around it is dropped.
    ///
    /// # Errors
    /// As [`Json::set`], and `json.syntax` when the text is not JSON (offset and
    /// place are those in the text).
    pub fn set_structure(&mut self, path: &JsonPath, text: &str) -> Result<(), Problem> {
        let value = self.fragment(text)?;
        self.place(path, value)
    }

    /// Always refused: a line after a JSON value would make it invalid.
    ///
    /// # Errors
    /// `edit.append`.
    pub fn append(&mut self, _text: &str) -> Result<(), Problem> {
        Err(Problem::new(
            "edit.append",
            "nothing can be appended to a JSON message: write the next item of an array instead",
        ))
    }

    /// Inserts JSON text as a new item of an array, before the item that the path
    /// names; the index behind the last item appends, and makes the array where
    /// there is none.
    ///
    /// # Errors
    /// `edit.insert` where the path does not end in an index of an array, or
    /// leaves a gap; else as [`Json::set_structure`].
    pub fn insert(&mut self, path: &JsonPath, text: &str) -> Result<(), Problem> {
        let value = self.fragment(text)?;
        let item = if path.is_pattern() {
            let (node, is_item) = self.only(path)?;
            is_item.then_some(node)
        } else {
            match self.item(path)? {
                Some(node) => Some(node),
                None => return self.place(path, value).map_err(edit::as_insert),
            }
        };
        let Some(item) = item else { return Err(edit::not_an_item(path)) };
        let depth = item.depth + value.depth;
        edit::check_depth(depth, self.limits.depth, path)?;
        let splice = edit::before(&self.text, &item, &value.json);
        self.splice(splice)?;
        self.trails.forget();
        Ok(())
    }

    /// Removes what the pattern means, members and items with their comma, and
    /// answers how many places that was.
    ///
    /// # Errors
    /// `edit.whole` for the whole document; `limit.matches` for more than
    /// [`MATCHES_MAX`] places; `limit.path-steps`. Nothing is changed then.
    pub fn remove(&mut self, pattern: &JsonPath) -> Result<usize, Problem> {
        let mut places: Vec<Node> = Vec::new();
        let complete = self.each(pattern, |node, _| {
            places.push(node);
            if places.len() <= MATCHES_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        if places.len() > MATCHES_MAX {
            return Err(Problem::new(
                "limit.matches",
                format!(
                    "the pattern means more than {MATCHES_MAX} places: remove the array itself"
                ),
            )
            .at(pattern.to_string()));
        }
        if !complete {
            return Err(self.too_many_steps(pattern));
        }
        if places.iter().any(|place| place.holder.is_none()) {
            return Err(Problem::new(
                "edit.whole",
                "the whole document cannot be removed: replace it instead",
            ));
        }
        if places.is_empty() {
            return Ok(0);
        }
        let removed = places.len();
        let mut kept = String::with_capacity(self.text.len());
        let mut from = 0;
        for cut in edit::cuts(&self.text, places) {
            kept.push_str(self.text.get(from..cut.start).unwrap_or_default());
            from = cut.end;
        }
        kept.push_str(self.text.get(from..).unwrap_or_default());
        self.text = kept;
        self.trails.forget();
        Ok(removed)
    }

    /// Always empty: what is not valid JSON was refused when it was parsed.
    pub fn check(&self) -> Vec<Problem> {
        Vec::new()
    }

    fn first(&self, path: &JsonPath) -> Option<Node> {
        let mut first = None;
        self.each(path, |node, _| {
            first = Some(node);
            ControlFlow::Break(())
        });
        first
    }

    /// Calls `visit` with each place of a path. `false` when the limit of steps
    /// ended it.
    fn each(
        &self,
        path: &JsonPath,
        mut visit: impl FnMut(Node, Way<'_>) -> ControlFlow<()>,
    ) -> bool {
        if !path.is_pattern() {
            if let Reached::Place(node) = self.trails.locate(&self.text, path) {
                // There is one place only: nothing is left to break off.
                let _ = visit(node, Way::Numbers(&[]));
            }
            return true;
        }
        if path.dialect == Dialect::Slash {
            walk::walk(&self.text, path, |node, items| visit(node, Way::Numbers(items)));
            return true;
        }
        let mut budget = Budget::new(self.limits.path_steps);
        select::places(&self.text, &path.steps, &mut budget, |node, trail| {
            visit(node, Way::Marks(trail))
        });
        !budget.is_exhausted()
    }

    /// The one place that a pattern means for an edit, and whether it is an item.
    fn only(&self, pattern: &JsonPath) -> Result<(Node, bool), Problem> {
        if pattern.dialect == Dialect::Slash {
            return Err(Problem::new(
                "path.pattern",
                "a write needs one exact place, found `[*]`: write each path that the pattern \
                 finds",
            )
            .at(pattern.to_string()));
        }
        let mut only = None;
        let mut several = false;
        let complete = self.each(pattern, |node, way| {
            let is_item = matches!(way, Way::Marks([.., Mark::Item(_)]));
            several = only.replace((node, is_item)).is_some();
            if several { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let problem = match only {
            _ if several => Problem::new(
                "path.several",
                "the selector means several places, and a write needs one: write each path that \
                 it finds",
            ),
            _ if !complete => return Err(self.too_many_steps(pattern)),
            Some(place) => return Ok(place),
            None => Problem::new(
                "edit.absent",
                "the selector means no place: only an exact path creates what is missing",
            ),
        };
        Err(problem.at(pattern.to_string()))
    }

    /// The item of an array that an exact path names; `None` when it is missing.
    fn item(&self, path: &JsonPath) -> Result<Option<Node>, Problem> {
        let Some((Step::Index(_), before)) = path.steps.split_last() else {
            return Err(edit::not_an_item(path));
        };
        match self.trails.locate(&self.text, path) {
            Reached::Missing(_) => Ok(None),
            // `[1]` of a value that is no array is the value itself.
            Reached::Place(node) => {
                let mut way = vec![Node::whole(&self.text)];
                match walk::locate_from(&self.text, path.dialect, before, &mut way, None) {
                    Reached::Place(array) if array.kind(&self.text) == Kind::Array => {
                        Ok(Some(node))
                    }
                    _ => Err(edit::not_an_item(path)),
                }
            }
        }
    }

    fn too_many_steps(&self, path: &JsonPath) -> Problem {
        Problem::new(
            "limit.path-steps",
            format!(
                "the selector needs more than {} steps in this message: name the place more \
                 exactly",
                self.limits.path_steps
            ),
        )
        .at(path.to_string())
    }

    /// JSON text as a value to write.
    fn fragment(&self, text: &str) -> Result<Fragment, Problem> {
        check_length(text.len(), &self.limits)?;
        let depth = validate::depth(text, self.limits.depth)?;
        Ok(Fragment { json: scan::whole(text).of(text).to_owned(), depth })
    }

    fn place(&mut self, path: &JsonPath, value: Fragment) -> Result<(), Problem> {
        let reached = if path.is_pattern() {
            Reached::Place(self.only(path)?.0)
        } else {
            self.trails.locate(&self.text, path)
        };
        let splice = edit::place(&self.text, path, &reached, value, self.limits.depth)?;
        self.splice(splice)
    }

    fn splice(&mut self, Splice { old, new }: Splice) -> Result<(), Problem> {
        let kept = self.text.len().saturating_sub(old.length());
        check_length(kept.saturating_add(new.len()), &self.limits)?;
        self.text.replace_range(old.start..old.end, &new);
        self.trails.splice(old, new.len());
        Ok(())
    }
}

/// How a place was come to.
enum Way<'a> {
    /// What the `[*]` of a slash path stand for, from 0.
    Numbers(&'a [usize]),
    Marks(&'a [Mark]),
}

fn check_length(bytes: usize, limits: &Limits) -> Result<(), Problem> {
    if bytes <= limits.message_bytes {
        return Ok(());
    }
    Err(Problem::new(
        "limit.message-bytes",
        format!("the message has {bytes} bytes, at most {} are allowed", limits.message_bytes),
    ))
}
