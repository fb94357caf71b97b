//! How workflows name a place in XML (contract 8.4): `Root/Child[2]/@name`.
//!
//! A path starts at the root element; a leading slash does no harm. Indexes
//! start at 1, and an omitted one means the first. `@name`, last, is an
//! attribute. A name without a prefix means that local name in any namespace; a
//! name with one means it as it is written in the message. No step at all is
//! the whole document. `[*]` stands for every element and makes a path a
//! pattern.
//!
//! `xpath:` expressions are refused: they are not evaluated yet.
//!
//! Deliberately does not know: documents.

use std::fmt;

use super::name;
use crate::Problem;

/// Bytes of one path. A path is written by the author of a workflow; the limit
/// keeps what a pattern finds (65,535 exact paths) small.
pub const PATH_BYTES_MAX: usize = 4_096;

const EXPRESSION_PREFIX: &str = "xpath:";

/// A parsed path: one place of an XML message, or with `[*]` several.
///
/// `Display` writes its canonical form, which parses to the same path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlPath {
    pub(super) steps: Vec<Step>,
    /// The attribute of the last step's element that is meant.
    pub(super) attribute: Option<String>,
}

/// An element, by its name among its siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) index: Index,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    /// None is written; the first is meant.
    Omitted,
    /// From 1.
    Number(usize),
    Every,
}

impl Index {
    /// Whether the sibling of that number, from 1, is meant.
    pub(super) fn means(self, number: usize) -> bool {
        match self {
            Self::Omitted => number == 1,
            Self::Number(wanted) => number == wanted,
            Self::Every => true,
        }
    }
}

impl XmlPath {
    /// Parses a path.
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
        if text.starts_with(EXPRESSION_PREFIX) {
            return Err(Problem::new(
                "path.unsupported",
                "XML path: xpath: expressions are not evaluated; write the elements from the \
                 root on, as in Root/Child[2]/@name",
            )
            .at_offset(0));
        }
        let rest = text.strip_prefix('/').unwrap_or(text);
        let mut path = Self { steps: Vec::new(), attribute: None };
        if rest.is_empty() {
            return Ok(path);
        }
        let mut offset = text.len() - rest.len();
        for step in rest.split('/') {
            path.add(step, offset)?;
            offset += step.len() + 1;
        }
        Ok(path)
    }

    /// Whether `[*]` stands in it.
    pub fn is_pattern(&self) -> bool {
        self.steps.iter().any(|step| step.index == Index::Every)
    }

    /// The exact path that takes these numbers (from 1) for its `[*]`.
    pub(super) fn exact(&self, mut numbers: impl Iterator<Item = usize>) -> Self {
        let steps = self.steps.iter().map(|step| {
            let index = match step.index {
                Index::Every => numbers.next().map_or(Index::Every, Index::Number),
                index => index,
            };
            Step { name: step.name.clone(), index }
        });
        Self { steps: steps.collect(), attribute: self.attribute.clone() }
    }

    fn add(&mut self, step: &str, offset: usize) -> Result<(), Problem> {
        if self.attribute.is_some() {
            return Err(syntax("nothing may follow an attribute", offset));
        }
        if let Some(attribute) = step.strip_prefix('@') {
            if self.steps.is_empty() {
                return Err(syntax("expected the root element before an attribute", offset));
            }
            check_name(attribute, offset + 1)?;
            self.attribute = Some(attribute.to_owned());
            return Ok(());
        }
        let (name, index) = match step.split_once('[') {
            None => (step, Index::Omitted),
            Some((name, index)) => (name, parse_index(index, offset + name.len() + 1)?),
        };
        check_name(name, offset)?;
        self.steps.push(Step { name: name.to_owned(), index });
        Ok(())
    }
}

impl fmt::Display for XmlPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Step { name, index }) in self.steps.iter().enumerate() {
            let slash = if number == 0 { "" } else { "/" };
            match index {
                Index::Omitted => write!(formatter, "{slash}{name}")?,
                Index::Number(index) => write!(formatter, "{slash}{name}[{index}]")?,
                Index::Every => write!(formatter, "{slash}{name}[*]")?,
            }
        }
        match &self.attribute {
            Some(name) => write!(formatter, "/@{name}"),
            None => Ok(()),
        }
    }
}

/// What stands behind `[`.
fn parse_index(text: &str, offset: usize) -> Result<Index, Problem> {
    let Some(inner) = text.strip_suffix(']') else {
        return Err(syntax("an index has no closing `]` at the end of its step", offset));
    };
    if inner == "*" {
        return Ok(Index::Every);
    }
    if inner.is_empty() || !inner.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(syntax("expected a number or `*` between `[` and `]`", offset));
    }
    match inner.parse() {
        Ok(0) => Err(syntax("indexes start at 1, found 0", offset)),
        Ok(number) => Ok(Index::Number(number)),
        Err(_) => Err(syntax("the index is too large a number", offset)),
    }
}

fn check_name(name: &str, offset: usize) -> Result<(), Problem> {
    if name.is_empty() {
        return Err(syntax("expected the name of an element or attribute, found nothing", offset));
    }
    if matches!(name, "." | ".." | "*") || name.contains(['(', '"', '\'']) {
        return Err(Problem::new(
            "path.unsupported",
            "XML path: XPath steps are not supported; use names, indexes, `[*]` and `@name`",
        )
        .at_offset(offset));
    }
    if !name::is_qualified(name) {
        return Err(syntax("expected a name as XML writes it", offset));
    }
    Ok(())
}

fn syntax(text: &str, offset: usize) -> Problem {
    Problem::new("path.syntax", format!("XML path: {text}")).at_offset(offset)
}
