//! Which prefixes are declared where (Namespaces in XML 1.0, third edition).
//!
//! Deliberately does not know: documents; it is told of start and end tags.
//!
//! # Invariants
//! - At most `most` declarations are in scope, so a look-up is bounded.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::Hash;

use super::name;
use super::text::{Place, decode};

pub(super) const XML_URI: &str = "http://www.w3.org/XML/1998/namespace";
pub(super) const XMLNS_URI: &str = "http://www.w3.org/2000/xmlns/";

/// So many names are compared with each other.
const FEW_NAMES: usize = 8;

/// A problem's code and text.
type Refusal = (&'static str, String);

/// The declarations in scope.
pub(super) struct Namespaces<'a> {
    declared: Vec<Declaration<'a>>,
    /// Whether a prefix may be declared around the text.
    outside: bool,
    most: usize,
}

struct Declaration<'a> {
    prefix: &'a str,
    uri: Cow<'a, str>,
    /// How many elements are around the one that declares it.
    depth: usize,
}

impl<'a> Namespaces<'a> {
    pub(super) fn new(outside: bool, most: usize) -> Self {
        Self { declared: Vec::new(), outside, most }
    }

    /// A start tag with its attributes (name and value) in `depth` elements.
    ///
    /// # Errors
    /// `limit.namespaces`; `xml.namespace` for a prefix that is not declared, or
    /// declared wrongly; `xml.syntax` for an attribute that stands there twice.
    pub(super) fn enter(
        &mut self,
        element: &'a str,
        attributes: &[(&'a str, &'a str)],
        depth: usize,
    ) -> Result<(), Refusal> {
        for (attribute, value) in attributes {
            if name::declares_namespace(attribute) {
                self.declare(attribute, value, depth)?;
            }
        }
        self.uri(name::prefix(element))?;
        refuse_repeated(attributes.iter().map(|(attribute, _)| *attribute))?;
        let is_prefixed =
            |attribute: &str| attribute.contains(':') && !name::declares_namespace(attribute);
        let mut expanded = Vec::new();
        for (attribute, _) in attributes.iter().filter(|(attribute, _)| is_prefixed(attribute)) {
            let prefix = name::prefix(attribute);
            // A prefix from outside is a namespace of its own.
            expanded.push((self.uri(prefix)?.unwrap_or(prefix), name::local(attribute)));
        }
        refuse_repeated(expanded.iter())
    }

    /// The end of the element that has `depth` elements around it.
    pub(super) fn leave(&mut self, depth: usize) {
        while self.declared.last().is_some_and(|last| last.depth >= depth) {
            self.declared.pop();
        }
    }

    fn declare(&mut self, attribute: &'a str, uri: &'a str, depth: usize) -> Result<(), Refusal> {
        let prefix = if attribute == "xmlns" { "" } else { name::local(attribute) };
        let uri = decode(uri, Place::Attribute('"'));
        let is_right = match prefix {
            "xml" => uri == XML_URI,
            "xmlns" => false,
            "" => uri != XML_URI && uri != XMLNS_URI,
            _ => !uri.is_empty() && uri != XML_URI && uri != XMLNS_URI,
        };
        if !is_right {
            return Err((
                "xml.namespace",
                "a prefix needs a namespace of its own; `xml` and `xmlns` have theirs".to_owned(),
            ));
        }
        if self.declared.len() >= self.most {
            return Err((
                "limit.namespaces",
                format!("more than {} namespace declarations are in scope", self.most),
            ));
        }
        self.declared.push(Declaration { prefix, uri, depth });
        Ok(())
    }

    /// The namespace of a prefix; `None` where there is none, or where it is
    /// declared outside.
    fn uri(&self, prefix: &str) -> Result<Option<&str>, Refusal> {
        if prefix == "xml" {
            return Ok(Some(XML_URI));
        }
        let found = self.declared.iter().rev().find(|declared| declared.prefix == prefix);
        match found {
            Some(declared) => Ok(Some(&declared.uri)),
            None if prefix.is_empty() || (self.outside && prefix != "xmlns") => Ok(None),
            None => Err((
                "xml.namespace",
                "a name has a prefix that no xmlns attribute around it declares".to_owned(),
            )),
        }
    }
}

/// Few names are compared with each other, which needs no memory.
fn refuse_repeated<T: Eq + Hash>(
    mut names: impl ExactSizeIterator<Item = T> + Clone,
) -> Result<(), Refusal> {
    let is_repeated = if names.len() <= FEW_NAMES {
        let mut rest = names.clone();
        names.any(|name| {
            rest.next();
            rest.clone().any(|other| other == name)
        })
    } else {
        let mut seen = HashSet::with_capacity(names.len());
        !names.all(|name| seen.insert(name))
    };
    if is_repeated {
        return Err(("xml.syntax", "not XML: an element has one attribute twice".to_owned()));
    }
    Ok(())
}
