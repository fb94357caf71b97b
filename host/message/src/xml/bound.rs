//! Slash paths with declared prefixes: from the path to the nodes it means.
//!
//! They ask which namespace a name is in, which the table of nodes knows.
//! Deliberately does not know: expressions, edits.

use std::convert::Infallible;

use super::namespaces::XML_URI;
use super::path::{Index, NameTest, Step};
use super::scan::Tag;
use super::tree::{Id, Kind, Tree};
use super::walk::{Child, Missing};
use super::{name, text};

/// How far an exact path leads.
pub(super) enum BoundReached {
    Element(Id),
    /// With the element where it ends.
    Missing(Missing, Id),
}

/// The elements that steps mean, in document order.
pub(super) fn elements(text: &str, tree: &Tree, steps: &[Step]) -> Vec<Id> {
    let mut found = vec![0];
    for step in steps {
        let mut next = Vec::new();
        for parent in found {
            match step.index {
                Index::Every => next.extend(children(text, tree, parent, &step.name)),
                Index::Omitted => next.extend(child(text, tree, parent, &step.name, 1)),
                Index::Number(number) => {
                    next.extend(child(text, tree, parent, &step.name, number));
                }
            }
        }
        found = next;
    }
    found
}

/// The attribute of an element that a name means.
pub(super) fn attribute(text: &str, tree: &Tree, element: Id, wanted: &NameTest) -> Option<Id> {
    let attributes = element + 1..tree.first_child(element);
    let is_written = |id: &Id| tree.name(text, *id) == wanted.written();
    let is_meant = |id: &Id| tree.is_named(text, *id, wanted);
    if wanted.is_bound() {
        return attributes.clone().find(is_meant);
    }
    attributes.clone().find(is_written).or_else(|| attributes.clone().find(is_meant))
}

/// Follows steps without `[*]`.
pub(super) fn locate(text: &str, tree: &Tree, steps: &[Step]) -> BoundReached {
    let mut parent = 0;
    for (number, step) in steps.iter().enumerate() {
        let wanted = match step.index {
            Index::Number(wanted) => wanted,
            Index::Omitted | Index::Every => 1,
        };
        match child(text, tree, parent, &step.name, wanted) {
            Some(child) => parent = child,
            None => {
                return BoundReached::Missing(missing(text, tree, parent, number, step), parent);
            }
        }
    }
    BoundReached::Element(parent)
}

fn missing(text: &str, tree: &Tree, parent: Id, number: usize, step: &Step) -> Missing {
    let named: Vec<Id> = children(text, tree, parent, &step.name).collect();
    let last = match named.last() {
        Some(last) => Some(*last),
        None => children(text, tree, parent, &NameTest::Any).last(),
    };
    let as_child = |id| Child { tag: tree.tag(text, id), end: tree.span(text, id).end };
    let tag = (parent != 0).then(|| tree.tag(text, parent));
    Missing {
        parent: tag,
        close: tag.map_or(text.len(), |tag| tag.extent(text).content.end),
        step: number,
        siblings: named.len(),
        anchor: last.map(as_child),
    }
}

fn child(text: &str, tree: &Tree, parent: Id, name: &NameTest, number: usize) -> Option<Id> {
    let Ok(found) = tree.child(text, parent, name, number, |_| Ok::<_, Infallible>(()));
    found
}

fn children(text: &str, tree: &Tree, parent: Id, name: &NameTest) -> impl Iterator<Item = Id> {
    let first = Some(tree.first_child(parent));
    let all = std::iter::successors(first, |child| Some(tree.after(*child)));
    all.take_while(move |child| *child < tree.after(parent))
        .filter(move |child| tree.kind(*child) == Kind::Element)
        .filter(move |child| tree.is_named(text, *child, name))
}

/// The prefixes that are declared at a place and those that a write declares
/// there, the nearest last.
pub(super) struct Scope<'t> {
    declared: Vec<(String, String)>,
    text: &'t str,
}

impl<'t> Scope<'t> {
    /// At an element; at the document none is declared.
    pub(super) fn at(text: &'t str, tree: &Tree, element: Id) -> Self {
        let mut scope = Self { declared: Vec::new(), text };
        let mut line = Vec::new();
        let mut at = element;
        while tree.kind(at) == Kind::Element {
            line.push(at);
            at = tree.parent(at);
        }
        for element in line.into_iter().rev() {
            scope.enter(tree.tag(text, element));
        }
        scope
    }

    /// Where nothing is known to be declared, since no name asks for it.
    pub(super) fn empty(text: &'t str) -> Self {
        Self { declared: Vec::new(), text }
    }

    /// The declaration that a name needs that is written as that of a sibling
    /// which declares its prefix itself.
    pub(super) fn declared_again(&mut self, name: &NameTest, sibling: Tag) -> String {
        let NameTest::Bound { uri, .. } = name else { return String::new() };
        let prefix = name::prefix(sibling.name.of(self.text)).to_owned();
        if self.uri(&prefix) == Some(&**uri) {
            return String::new();
        }
        let Ok(value) = text::encode(uri, text::Place::Attribute('"')) else {
            return String::new();
        };
        self.declared.push((prefix.clone(), uri.to_string()));
        let colon = if prefix.is_empty() { "" } else { ":" };
        format!(" xmlns{colon}{prefix}=\"{value}\"")
    }

    fn enter(&mut self, tag: Tag) {
        for attribute in tag.attributes(self.text) {
            let written = attribute.name.of(self.text);
            if name::declares_namespace(written) {
                let prefix = if written == "xmlns" { "" } else { name::local(written) };
                let place = text::Place::Attribute('"');
                let uri = text::decode(attribute.value.of(self.text), place);
                self.declared.push((prefix.to_owned(), uri.into_owned()));
            }
        }
    }

    /// The namespace of a prefix.
    fn uri(&self, prefix: &str) -> Option<&str> {
        if prefix == "xml" {
            return Some(XML_URI);
        }
        let found = self.declared.iter().rev().find(|(declared, _)| declared == prefix);
        found.map(|(_, uri)| uri.as_str())
    }

    /// A prefix that means a namespace here: the wanted one, else any; "" for
    /// elements alone.
    fn prefix_of(&self, uri: &str, wanted: &str, for_attribute: bool) -> Option<&str> {
        let others = self.declared.iter().rev().map(|(prefix, _)| prefix.as_str());
        let own = self.declared.iter().map(|(prefix, _)| prefix.as_str());
        own.filter(|prefix| *prefix == wanted)
            .chain(others)
            .chain(["xml"])
            .find(|prefix| self.uri(prefix) == Some(uri) && !(for_attribute && prefix.is_empty()))
    }

    /// How a name is written here, and the declaration that it needs, with the
    /// blank before it; "" where it needs none.
    ///
    /// `None` where its prefix means something else here already and may not be
    /// declared anew.
    pub(super) fn write(
        &mut self,
        name: &NameTest,
        for_attribute: bool,
        may_redeclare: bool,
    ) -> Option<(String, String)> {
        let NameTest::Bound { written, uri } = name else {
            return Some((name.written().to_owned(), String::new()));
        };
        let (prefix, local) = (name::prefix(written), name::local(written));
        match self.prefix_of(uri, prefix, for_attribute) {
            Some("") => Some((local.to_owned(), String::new())),
            Some(known) => Some((format!("{known}:{local}"), String::new())),
            None if !may_redeclare && self.uri(prefix).is_some() => None,
            None => {
                // Whatever can stand in a path can stand between quotes, escaped.
                let value = text::encode(uri, text::Place::Attribute('"')).ok()?;
                self.declared.push((prefix.to_owned(), uri.to_string()));
                Some((written.clone(), format!(" xmlns:{prefix}=\"{value}\"")))
            }
        }
    }
}
