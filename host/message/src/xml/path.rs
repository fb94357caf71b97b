//! How workflows name places in XML (contract 8.4): slash paths such as
//! `Root/Child[2]/@name`, and `xpath:` expressions.
//!
//! A slash path starts at the root element; a leading slash does no harm.
//! Indexes start at 1, and an omitted one means the first. `@name`, last, is an
//! attribute. A name without a prefix means that local name in any namespace;
//! `*` means an element of any name. No step at all is the whole document. `[*]`
//! stands for every element and makes a path a pattern.
//!
//! `xpath:` is followed by an expression of XPath 1.0 ([`super::xpath`]).
//!
//! Both may declare prefixes in front, as XQuery does:
//! `declare namespace p = "uri"; Root/p:Child`. Such a prefix means its
//! namespace, whatever prefix the message has for it. A prefix that the path
//! does not declare means itself, as the message writes it.
//!
//! Deliberately does not know: documents.

use std::fmt;
use std::sync::Arc;

use super::name;
use super::prolog::Prolog;
use super::xpath::Expression;
use crate::Problem;

/// Bytes of one path. A path is written by the author of a workflow; the limit
/// keeps what a pattern finds (65,535 exact paths) small.
pub const PATH_BYTES_MAX: usize = 4_096;

const EXPRESSION_PREFIX: &str = "xpath:";

/// A parsed path: one place of an XML message, or with `[*]` or as an expression
/// several.
///
/// `Display` writes its canonical form, which parses to the same path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlPath {
    prolog: Prolog,
    pub(super) body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Slash(Slash),
    Expression(Arc<Expression>),
}

/// Elements from the root on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slash {
    pub(super) steps: Vec<Step>,
    /// The attribute of the last step's element that is meant.
    pub(super) attribute: Option<NameTest>,
}

/// An element, by its name among its siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: NameTest,
    pub(super) index: Index,
}

/// Which names are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NameTest {
    /// `*`
    Any,
    /// This local name in any namespace.
    Local(String),
    /// A prefix that the path does not declare: as the message writes it.
    Written(String),
    /// A prefix that the path declares. In expressions a name without a prefix,
    /// too, which is in no namespace: "".
    Bound { written: String, uri: Arc<str> },
    /// `p:*` in an expression, the prefix as the message writes it.
    AnyWritten(String),
    /// `p:*` in an expression that declares the prefix.
    AnyBound { uri: Arc<str> },
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

impl NameTest {
    /// The name of a slash path, or of an expression with a prefix.
    pub(super) fn of(written: &str, prolog: &Prolog) -> Self {
        let prefix = name::prefix(written);
        match prolog.uri(prefix) {
            _ if written == "*" => Self::Any,
            _ if prefix.is_empty() => Self::Local(written.to_owned()),
            Some(uri) => Self::Bound { written: written.to_owned(), uri: Arc::clone(uri) },
            None => Self::Written(written.to_owned()),
        }
    }

    /// Whether a name is meant, as far as that can be told without knowing
    /// namespaces: names with declared prefixes are never.
    pub(super) fn means_written(&self, found: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Local(wanted) => wanted == found || name::local(found) == wanted,
            Self::Written(wanted) => wanted == found,
            Self::AnyWritten(prefix) => name::prefix(found) == prefix,
            Self::Bound { .. } | Self::AnyBound { .. } => false,
        }
    }

    /// Whether a name with its namespace is meant.
    pub(super) fn means(&self, found: &str, namespace: &str) -> bool {
        match self {
            Self::Bound { written, uri } => {
                **uri == *namespace && name::local(found) == name::local(written)
            }
            Self::AnyBound { uri } => **uri == *namespace,
            _ => self.means_written(found),
        }
    }

    /// Whether namespaces must be known to tell what is meant.
    pub(super) fn is_bound(&self) -> bool {
        matches!(self, Self::Bound { .. } | Self::AnyBound { .. })
    }

    /// As it is written in the path.
    pub(super) fn written(&self) -> &str {
        match self {
            Self::Local(written) | Self::Written(written) | Self::Bound { written, .. } => written,
            Self::Any | Self::AnyWritten(_) | Self::AnyBound { .. } => "*",
        }
    }
}

impl XmlPath {
    /// Parses a path.
    ///
    /// # Errors
    /// `path.syntax` and `path.unsupported` with the byte offset in `text`;
    /// `limit.path-bytes`, `limit.path-depth`. All are the fault of whoever
    /// wrote the path.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > PATH_BYTES_MAX {
            return Err(Problem::new(
                "limit.path-bytes",
                format!("the path has {} bytes, at most {PATH_BYTES_MAX} are read", text.len()),
            ));
        }
        let (prolog, body) = Prolog::parse(text)?;
        let moved = |problem: Problem| match problem.offset {
            Some(offset) => problem.at_offset(offset + text.len() - body.len()),
            None => problem,
        };
        let body = match body.strip_prefix(EXPRESSION_PREFIX) {
            Some(expression) => {
                let canonical = format!("{prolog}{body}");
                let moved = |problem: Problem| match problem.offset {
                    Some(offset) => problem.at_offset(offset + text.len() - expression.len()),
                    None => problem,
                };
                let expression =
                    Expression::parse(expression, &prolog, canonical).map_err(moved)?;
                Body::Expression(Arc::new(expression))
            }
            None => Body::Slash(Slash::parse(body, &prolog).map_err(moved)?),
        };
        Ok(Self { prolog, body })
    }

    /// Whether it may mean several places: `[*]` stands in it, or it is an
    /// expression.
    pub fn is_pattern(&self) -> bool {
        match &self.body {
            Body::Slash(path) => path.is_pattern(),
            Body::Expression(_) => true,
        }
    }

    /// A path without declarations.
    pub(super) fn of(slash: Slash) -> Self {
        Self { prolog: Prolog::default(), body: Body::Slash(slash) }
    }
}

impl Slash {
    /// Parses what follows the declarations.
    fn parse(text: &str, prolog: &Prolog) -> Result<Self, Problem> {
        let rest = text.strip_prefix('/').unwrap_or(text);
        let mut path = Self { steps: Vec::new(), attribute: None };
        if rest.is_empty() {
            return Ok(path);
        }
        let mut offset = text.len() - rest.len();
        for step in rest.split('/') {
            path.add(step, offset, prolog)?;
            offset += step.len() + 1;
        }
        Ok(path)
    }

    pub(super) fn is_pattern(&self) -> bool {
        self.steps.iter().any(|step| step.index == Index::Every)
    }

    /// Whether a prefix stands in it that the path declares.
    pub(super) fn is_bound(&self) -> bool {
        let attribute = self.attribute.as_ref().is_some_and(NameTest::is_bound);
        attribute || self.steps.iter().any(|step| step.name.is_bound())
    }

    /// Whether an element of any name stands in it.
    pub(super) fn has_wildcard(&self) -> bool {
        self.steps.iter().any(|step| step.name == NameTest::Any)
    }

    /// The path of an element's parent.
    pub(super) fn parent(&self) -> Self {
        let steps = self.steps.split_last().map_or(&[] as &[Step], |(_, parent)| parent);
        Self { steps: steps.to_vec(), attribute: None }
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

    fn add(&mut self, step: &str, offset: usize, prolog: &Prolog) -> Result<(), Problem> {
        if self.attribute.is_some() {
            return Err(syntax("nothing may follow an attribute", offset));
        }
        if let Some(attribute) = step.strip_prefix('@') {
            if self.steps.is_empty() {
                return Err(syntax("expected the root element before an attribute", offset));
            }
            check_name(attribute, offset + 1)?;
            self.attribute = Some(NameTest::of(attribute, prolog));
            return Ok(());
        }
        let (name, index) = match step.split_once('[') {
            None => (step, Index::Omitted),
            Some((name, index)) => (name, parse_index(index, offset + name.len() + 1)?),
        };
        if name != "*" {
            check_name(name, offset)?;
        }
        self.steps.push(Step { name: NameTest::of(name, prolog), index });
        Ok(())
    }
}

impl fmt::Display for XmlPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.body {
            Body::Slash(path) => write!(formatter, "{}{path}", self.prolog),
            Body::Expression(expression) => formatter.write_str(expression.canonical()),
        }
    }
}

impl fmt::Display for Slash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Step { name, index }) in self.steps.iter().enumerate() {
            let slash = if number == 0 { "" } else { "/" };
            let name = name.written();
            match index {
                Index::Omitted => write!(formatter, "{slash}{name}")?,
                Index::Number(index) => write!(formatter, "{slash}{name}[{index}]")?,
                Index::Every => write!(formatter, "{slash}{name}[*]")?,
            }
        }
        match &self.attribute {
            Some(name) => write!(formatter, "/@{}", name.written()),
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
        return Err(syntax(
            "expected a number or `*` between `[` and `]`; conditions need an `xpath:` path",
            offset,
        ));
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
            "XML path: this is a step of XPath: write `xpath:` in front of the path, or names, \
             `*`, indexes, `[*]` and `@name` alone",
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
