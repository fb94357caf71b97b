//! The prefixes that a path declares for itself, as XQuery does:
//! `declare namespace p = "uri";`, in front of the path, as often as needed.
//!
//! Deliberately does not know: paths, and what the message declares.

use std::fmt;
use std::sync::Arc;

use super::name;
use super::namespaces::XMLNS_URI;
use crate::Problem;

/// One prefix and the namespace that it means in this path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Binding {
    prefix: String,
    uri: Arc<str>,
}

/// The declarations in front of a path, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prolog(Vec<Binding>);

impl Prolog {
    /// Reads the declarations at the start of a text; gives what follows them.
    ///
    /// # Errors
    /// `path.syntax`, with the offset in the text.
    pub(super) fn parse(text: &str) -> Result<(Self, &str), Problem> {
        let mut prolog = Self::default();
        let mut rest = text;
        while let Some(behind) = declaration(rest) {
            rest = prolog.declare(behind).map_err(|(what, at)| {
                let offset = text.len() - at.len();
                Problem::new("path.syntax", format!("XML path: {what}")).at_offset(offset)
            })?;
        }
        Ok((prolog, rest))
    }

    /// The namespace of a prefix; `None` where the path declares none.
    pub(super) fn uri(&self, prefix: &str) -> Option<&Arc<str>> {
        self.0.iter().find(|binding| binding.prefix == prefix).map(|binding| &binding.uri)
    }

    /// Reads behind `declare namespace`; answers what follows.
    fn declare<'t>(&mut self, text: &'t str) -> Result<&'t str, (&'static str, &'t str)> {
        let start = text.trim_start();
        let length = name::unqualified_length(start);
        let (prefix, rest) = start.split_at_checked(length).unwrap_or((start, ""));
        if prefix.is_empty() {
            return Err(("expected a prefix after `declare namespace`", start));
        }
        let rest = rest.trim_start();
        let Some(value) = rest.strip_prefix('=').map(str::trim_start) else {
            return Err(("expected `=` after the prefix that is declared", rest));
        };
        let Some(quote) = value.chars().next().filter(|found| matches!(found, '"' | '\'')) else {
            return Err(("expected the namespace in quotes", value));
        };
        let inside = value.get(1..).unwrap_or_default();
        let Some((uri, behind)) = inside.split_once(quote) else {
            return Err(("the namespace has no closing quote", value));
        };
        let Some(rest) = behind.trim_start().strip_prefix(';') else {
            return Err(("expected `;` after the declaration of a prefix", behind));
        };
        if uri.is_empty() || uri == XMLNS_URI || matches!(prefix, "xml" | "xmlns") {
            let text = "a prefix needs a namespace of its own; `xml` and `xmlns` have theirs";
            return Err((text, start));
        }
        if self.uri(prefix).is_some() {
            return Err(("one prefix is declared twice", start));
        }
        self.0.push(Binding { prefix: prefix.to_owned(), uri: uri.into() });
        Ok(rest.trim_start())
    }
}

/// What follows the words `declare namespace`, where a text begins with them. An
/// element may be called `declare`, too; a path has no blank behind it.
fn declaration(text: &str) -> Option<&str> {
    let white = |text: &str| text.starts_with([' ', '\t', '\r', '\n']);
    let rest = text.trim_start().strip_prefix("declare").filter(|rest| white(rest))?;
    rest.trim_start().strip_prefix("namespace").filter(|rest| white(rest))
}

impl fmt::Display for Prolog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Binding { prefix, uri } in &self.0 {
            let quote = if uri.contains('"') { '\'' } else { '"' };
            write!(formatter, "declare namespace {prefix} = {quote}{uri}{quote}; ")?;
        }
        Ok(())
    }
}
