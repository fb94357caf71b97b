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
//! **Selectors**, `newtonsoft:` before a JSONPath: `newtonsoft:$.a['b/c'][0]`.
//! Indexes start at 0, and nothing is implied. Understood are `$`, names after
//! a dot, quoted names in brackets, indexes and `[*]`; slices, filters, unions,
//! negative indexes, `..` and `.*` are refused.
//!
//! `[*]` stands for every item and makes a path a pattern.
//!
//! Deliberately does not know: documents.

use std::fmt;

use crate::Problem;

/// Bytes of one path. A path is written by the author of a workflow; the limit
/// keeps what a pattern finds (65,535 exact paths) small.
pub const PATH_BYTES_MAX: usize = 4_096;

const SELECTOR_PREFIX: &str = "newtonsoft:";

/// A parsed path: one place of a JSON message, or with `[*]` several.
///
/// `Display` writes its canonical form, which parses to the same path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    pub(super) dialect: Dialect,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Slash,
    Selector,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A member of an object.
    Name(String),
    /// An item of an array, from 0 in both dialects.
    Index(usize),
    /// Every item of an array.
    Every,
}

impl JsonPath {
    /// Parses either form.
    ///
    /// # Errors
    /// `path.syntax` and `path.unsupported` with the byte offset in `text`;
    /// `limit.path-bytes`. All are the fault of whoever wrote the path.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > PATH_BYTES_MAX {
            return Err(Problem::new(
                "limit.path-bytes",
                format!("the path has {} bytes, at most {PATH_BYTES_MAX} are read", text.len()),
            ));
        }
        let (dialect, rest) = match text.strip_prefix(SELECTOR_PREFIX) {
            Some(rest) => (Dialect::Selector, rest),
            None => (Dialect::Slash, text.strip_prefix('/').unwrap_or(text)),
        };
        let mut parser = Parser { dialect, rest, offset: text.len() - rest.len(), steps: vec![] };
        match dialect {
            Dialect::Slash => parser.slash_path()?,
            Dialect::Selector => parser.selector()?,
        }
        Ok(Self { dialect, steps: parser.steps })
    }

    /// Whether `[*]` stands in it.
    pub fn is_pattern(&self) -> bool {
        self.steps.contains(&Step::Every)
    }

    /// The exact path that takes these item numbers (from 0) for its `[*]`.
    pub(super) fn exact(&self, mut items: impl Iterator<Item = usize>) -> Self {
        let steps = self.steps.iter().map(|step| match step {
            Step::Every => items.next().map_or(Step::Every, Step::Index),
            Step::Name(_) | Step::Index(_) => step.clone(),
        });
        Self { dialect: self.dialect, steps: steps.collect() }
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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
                (Step::Every, _) => write!(formatter, "[*]")?,
            }
        }
        Ok(())
    }
}

fn write_selected(name: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let plain = |character: char| character.is_alphanumeric() || character == '_';
    if !name.is_empty() && name.chars().all(plain) {
        return write!(formatter, ".{name}");
    }
    let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
    write!(formatter, "['{escaped}']")
}

struct Parser<'a> {
    dialect: Dialect,
    rest: &'a str,
    /// Of `rest` in the path's text.
    offset: usize,
    steps: Vec<Step>,
}

impl<'a> Parser<'a> {
    /// `name[1]/name[2][3]/…`; a name may be missing only before an index.
    fn slash_path(&mut self) -> Result<(), Problem> {
        if self.rest.is_empty() {
            return Ok(());
        }
        loop {
            let end = self.rest.find(['/', '[']).unwrap_or(self.rest.len());
            let name = self.take(end);
            if !name.is_empty() {
                self.steps.push(Step::Name(name.to_owned()));
            } else if !self.rest.starts_with('[') {
                return Err(self.syntax("expected a member name or an index, found nothing"));
            }
            while self.eat("[") {
                let step = self.bracketed_index()?;
                self.steps.push(step);
            }
            if self.rest.is_empty() {
                return Ok(());
            }
            if !self.eat("/") {
                return Err(self.syntax("expected a slash after `]`"));
            }
        }
    }

    /// `$`, then names and brackets. The `$` and the first dot may be missing.
    fn selector(&mut self) -> Result<(), Problem> {
        let rooted = self.eat("$");
        if !rooted && !self.rest.is_empty() && !self.rest.starts_with(['.', '[']) {
            self.dotted_name()?;
        }
        while !self.rest.is_empty() {
            if self.rest.starts_with("..") {
                return Err(self.unsupported("`..` (search at any depth)"));
            }
            if self.eat(".") {
                self.dotted_name()?;
            } else if self.rest.starts_with("['") || self.rest.starts_with("[\"") {
                self.take(1);
                self.quoted_name()?;
            } else if self.eat("[") {
                let step = self.bracketed_index()?;
                self.steps.push(step);
            } else {
                return Err(self.syntax("expected `.name`, `['name']` or `[0]`"));
            }
        }
        Ok(())
    }

    fn dotted_name(&mut self) -> Result<(), Problem> {
        let end = self.rest.find(['.', '[']).unwrap_or(self.rest.len());
        match self.rest.get(..end).unwrap_or_default() {
            "" => return Err(self.syntax("expected a member name after the dot")),
            "*" => return Err(self.unsupported("`.*` (every member)")),
            _ => {}
        }
        let name = self.take(end);
        self.steps.push(Step::Name(name.to_owned()));
        Ok(())
    }

    /// `'name']` or `"name"]`, a backslash taking the next character as it is.
    fn quoted_name(&mut self) -> Result<(), Problem> {
        let quote = if self.take(1) == "'" { '\'' } else { '"' };
        let mut name = String::new();
        let mut characters = self.rest.char_indices();
        let end = loop {
            match characters.next() {
                Some((at, found)) if found == quote => break at + 1,
                Some((_, '\\')) => name.extend(characters.next().map(|(_, next)| next)),
                Some((_, other)) => name.push(other),
                None => return Err(self.syntax("a quoted member name has no closing quote")),
            }
        };
        self.take(end);
        if self.rest.starts_with(',') {
            return Err(self.unsupported("a union of names"));
        }
        if !self.eat("]") {
            return Err(self.syntax("expected `]` after a quoted member name"));
        }
        self.steps.push(Step::Name(name));
        Ok(())
    }

    /// What stands between `[` and `]`: a number or `*`.
    fn bracketed_index(&mut self) -> Result<Step, Problem> {
        let Some(end) = self.rest.find(']') else {
            return Err(self.syntax("an index has no closing `]`"));
        };
        let inner = self.rest.get(..end).unwrap_or_default();
        let step = match inner {
            "*" => Step::Every,
            _ => Step::Index(self.index(inner)?),
        };
        self.take(end + 1);
        Ok(step)
    }

    fn index(&self, inner: &str) -> Result<usize, Problem> {
        let first = usize::from(self.dialect == Dialect::Slash);
        if self.dialect == Dialect::Selector && inner.contains([':', '?', '(', ',', '-']) {
            return Err(self.unsupported("a slice, filter, script, union or negative index"));
        }
        if inner.is_empty() || !inner.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.syntax(
                "expected a number or `*` between `[` and `]`; a member name that holds `/` or \
                 `[` is written newtonsoft:$['name']",
            ));
        }
        let number: usize =
            inner.parse().map_err(|_| self.syntax("the index is too large a number"))?;
        number
            .checked_sub(first)
            .ok_or_else(|| self.syntax("indexes start at 1, found 0 (newtonsoft: starts at 0)"))
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.offset += taken.len();
        self.rest = rest;
        taken
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest.starts_with(token);
        if found {
            self.take(token.len());
        }
        found
    }

    fn syntax(&self, text: &str) -> Problem {
        Problem::new("path.syntax", format!("JSON path: {text}")).at_offset(self.offset)
    }

    fn unsupported(&self, what: &str) -> Problem {
        Problem::new(
            "path.unsupported",
            format!("JSON path: {what} is not supported; use names, indexes and [*]"),
        )
        .at_offset(self.offset)
    }
}
