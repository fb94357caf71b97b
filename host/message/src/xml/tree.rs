//! The nodes of a document as a table, for expressions: the data model of XPath
//! 1.0 (section 5) over the places of a text.
//!
//! Knows: order, parents, siblings, names with their namespaces. Deliberately
//! does not know: paths, expressions, edits; a changed document has a new table.
//!
//! # Invariants
//! - Nodes stand in document order, attributes behind their element, so the
//!   number of a node is its place in that order. Node 0 is the document.
//! - Made in one pass without recursion, and only of a document that was
//!   checked. Of more than `most` nodes none is made.

use std::borrow::Cow;
use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};

use super::memory::Memory;
use super::name;
use super::namespaces::XML_URI;
use super::path::NameTest;
use super::scan::{Span, Tag, Token, Tokens, is_white, skip};
use super::text::{self, Place};
use crate::cursor::Cursor;

/// The number of a node in the document's order.
pub(super) type Id = u32;

/// The node that is none.
pub(super) const NOBODY: Id = Id::MAX;

/// The namespace of names that are in none.
pub(super) const NO_NAMESPACE: u32 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Document,
    Element,
    Attribute,
    /// Text and CDATA sections that nothing stands between.
    Text,
    Comment,
    Instruction,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) parent: Id,
    /// The sibling before it; of attributes, too.
    pub(super) previous: Id,
    /// Behind its last descendant.
    pub(super) after: Id,
    /// Of an element its `<`, of an attribute its name, else what stands inside.
    start: u32,
    /// Behind an element; behind what stands inside of others.
    end: u32,
    name_end: u32,
    pub(super) namespace: u32,
}

/// All nodes of one document.
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// By their number; the first is none, the second that of `xml`.
    namespaces: Vec<String>,
    by_uri: HashMap<String, u32>,
    pub(super) memory: Memory,
    last_child: Cursor<LastChild>,
}

/// A child that was asked for by its number.
#[derive(Clone, Copy)]
struct LastChild {
    parent: Id,
    child: Id,
    /// Among the children that the test means.
    number: usize,
    /// Among all children.
    visited: usize,
    /// The kind of test; its name is the child's.
    test: Discriminant<NameTest>,
}

/// What is open while the table is made.
struct Builder<'t> {
    text: &'t str,
    tree: Tree,
    /// The open elements, the document first, each with its last child so far.
    open: Vec<(Id, Id)>,
    /// Prefix, namespace, and how many elements are open where it is declared.
    scope: Vec<(&'t str, u32, usize)>,
    /// Of the text node that the next piece belongs to.
    run: Option<Span>,
    most: usize,
}

impl Tree {
    /// The table of a document; `None` for one of more than `most` nodes.
    pub(super) fn of(text: &str, most: usize) -> Option<Self> {
        let end = small(text.len())?;
        let mut tree = Self {
            nodes: Vec::new(),
            namespaces: Vec::new(),
            by_uri: HashMap::new(),
            memory: Memory::default(),
            last_child: Cursor::default(),
        };
        tree.intern("");
        tree.intern(XML_URI);
        tree.nodes.push(Node {
            kind: Kind::Document,
            parent: NOBODY,
            previous: NOBODY,
            after: 1,
            start: 0,
            end,
            name_end: 0,
            namespace: NO_NAMESPACE,
        });
        let open = vec![(0, NOBODY)];
        Builder { text, tree, open, scope: Vec::new(), run: None, most }.build()
    }

    pub(super) fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(usize::try_from(id).ok()?)
    }

    pub(super) fn kind(&self, id: Id) -> Kind {
        self.node(id).map_or(Kind::Document, |node| node.kind)
    }

    pub(super) fn parent(&self, id: Id) -> Id {
        self.node(id).map_or(NOBODY, |node| node.parent)
    }

    /// Behind the last descendant of a node.
    pub(super) fn after(&self, id: Id) -> Id {
        self.node(id).map_or(Id::MAX, |node| node.after)
    }

    /// Behind the last node.
    pub(super) fn end(&self) -> Id {
        self.after(0)
    }

    /// The first child of a node, or what stands behind it.
    pub(super) fn first_child(&self, id: Id) -> Id {
        let mut child = id.saturating_add(1);
        while child < self.after(id) && self.kind(child) == Kind::Attribute {
            child += 1;
        }
        child
    }

    /// The number of a namespace; `None` where the document does not have it.
    pub(super) fn namespace(&self, uri: &str) -> Option<u32> {
        self.by_uri.get(uri).copied()
    }

    pub(super) fn uri(&self, id: Id) -> &str {
        let namespace = self.node(id).map_or(NO_NAMESPACE, |node| node.namespace);
        let uri = usize::try_from(namespace).ok().and_then(|at| self.namespaces.get(at));
        uri.map_or("", String::as_str)
    }

    /// The name of an element or attribute as it is written, the target of an
    /// instruction; "" for other nodes.
    pub(super) fn name<'t>(&self, text: &'t str, id: Id) -> &'t str {
        let Some(node) = self.node(id) else { return "" };
        let start = match node.kind {
            Kind::Element => node.start + 1,
            Kind::Attribute | Kind::Instruction => node.start,
            Kind::Document | Kind::Text | Kind::Comment => return "",
        };
        span(start, node.name_end).of(text)
    }

    /// The string value of a node (XPath 1.0 section 5).
    pub(super) fn text<'t>(&self, text: &'t str, id: Id) -> Cow<'t, str> {
        let Some(node) = self.node(id) else { return Cow::Borrowed("") };
        match node.kind {
            Kind::Document => self.text(text, self.root()),
            Kind::Element => {
                let mut all = Cow::Borrowed("");
                for inner in id + 1..node.after {
                    if self.kind(inner) == Kind::Text {
                        let piece = self.text(text, inner);
                        if all.is_empty() {
                            all = piece;
                        } else {
                            all.to_mut().push_str(&piece);
                        }
                    }
                }
                all
            }
            Kind::Attribute => text::decode(self.value(text, id).of(text), Place::Attribute('"')),
            Kind::Text => text::inner(text, span(node.start, node.end)),
            Kind::Comment => text::line_ends(span(node.start, node.end).of(text)),
            Kind::Instruction => {
                let data = skip(text.as_bytes(), at(node.name_end), is_white);
                text::line_ends(Span { start: data, end: at(node.end) }.of(text))
            }
        }
    }

    /// Whether a name means a node, which is an element or attribute.
    pub(super) fn is_named(&self, text: &str, id: Id, name: &NameTest) -> bool {
        name.means(self.name(text, id), self.uri(id))
    }

    /// The child element of that number (from 1) that a name means; `pay` is
    /// told how many children lie on the way from the first, whether or not the
    /// last call has already passed over them.
    ///
    /// # Errors
    /// Those of `pay`.
    pub(super) fn child<E>(
        &self,
        text: &str,
        parent: Id,
        name: &NameTest,
        number: usize,
        pay: impl FnOnce(usize) -> Result<(), E>,
    ) -> Result<Option<Id>, E> {
        let test = discriminant(name);
        let known = self.last_child.recall().filter(|last| {
            (last.parent, last.test) == (parent, test)
                && last.number <= number
                && self.is_named(text, last.child, name)
        });
        let (mut child, mut count, mut visited) = match known {
            Some(last) => (last.child, last.number - 1, last.visited - 1),
            None => (self.first_child(parent), 0, 0),
        };
        while child < self.after(parent) {
            visited += 1;
            if self.kind(child) == Kind::Element && self.is_named(text, child, name) {
                count += 1;
                if count == number {
                    let last = LastChild { parent, child, number, visited, test };
                    self.last_child.remember(last);
                    return pay(visited).map(|()| Some(child));
                }
            }
            child = self.after(child);
        }
        pay(visited).map(|()| None)
    }

    /// The root element.
    pub(super) fn root(&self) -> Id {
        let mut child = self.first_child(0);
        while child < self.end() && self.kind(child) != Kind::Element {
            child = self.after(child);
        }
        child
    }

    /// Where a node stands: an element with its tags, an attribute's value, a
    /// text, else what is inside its marks.
    pub(super) fn span(&self, text: &str, id: Id) -> Span {
        match self.node(id) {
            Some(node) if node.kind == Kind::Attribute => self.value(text, id),
            Some(node) => span(node.start, node.end),
            None => Span { start: 0, end: 0 },
        }
    }

    /// The start tag of an element.
    pub(super) fn tag(&self, text: &str, id: Id) -> Tag {
        Tag::at(text, self.node(id).map_or(text.len(), |node| at(node.start)))
    }

    /// Where the name of an attribute begins.
    pub(super) fn name_start(&self, id: Id) -> usize {
        self.node(id).map_or(0, |node| at(node.start))
    }

    /// Prepares the exact paths of nodes.
    pub(super) fn exact_paths<'t>(&'t self, text: &'t str) -> ExactPaths<'t> {
        let mut counts: HashMap<(Id, Kind, &str), u32> = HashMap::new();
        let mut numbers = Vec::with_capacity(self.nodes.len());
        for id in 0..self.end() {
            let number = match self.kind(id) {
                Kind::Document => 0,
                Kind::Attribute => 1,
                kind => {
                    // Instructions of all targets count together.
                    let is_element = kind == Kind::Element;
                    let name = if is_element { name::local(self.name(text, id)) } else { "" };
                    let count = counts.entry((self.parent(id), kind, name)).or_insert(0);
                    *count += 1;
                    *count
                }
            };
            numbers.push(number);
        }
        ExactPaths { text, tree: self, numbers }
    }

    /// Of an attribute, what stands between the quotes.
    fn value(&self, text: &str, id: Id) -> Span {
        let Some(node) = self.node(id) else { return Span { start: 0, end: 0 } };
        let bytes = text.as_bytes();
        let quote = skip(bytes, at(node.name_end), |byte| is_white(byte) || byte == b'=');
        Span { start: quote + 1, end: at(node.end) }
    }

    fn intern(&mut self, uri: &str) -> u32 {
        if let Some(known) = self.by_uri.get(uri) {
            return *known;
        }
        let number = small(self.namespaces.len()).unwrap_or(NO_NAMESPACE);
        self.namespaces.push(uri.to_owned());
        self.by_uri.insert(uri.to_owned(), number);
        number
    }
}

/// The paths that mean one node and nothing else.
pub(super) struct ExactPaths<'t> {
    text: &'t str,
    tree: &'t Tree,
    /// Of every node among its like.
    numbers: Vec<u32>,
}

impl ExactPaths<'_> {
    /// Elements and attributes by slash path: local names and numbers, so that
    /// it needs no prefix. Other nodes by an expression.
    pub(super) fn of(&self, id: Id) -> String {
        let (text, tree) = (self.text, self.tree);
        match tree.kind(id) {
            Kind::Document => String::new(),
            Kind::Element => self.steps(id, |name, number| format!("{name}[{number}]")),
            Kind::Attribute => {
                let element =
                    self.steps(tree.parent(id), |name, number| format!("{name}[{number}]"));
                format!("{element}/@{}", tree.name(text, id))
            }
            kind @ (Kind::Text | Kind::Comment | Kind::Instruction) => {
                let parent = self.steps(tree.parent(id), |name, number| {
                    format!("*[local-name()='{name}'][{number}]")
                });
                let slash = if parent.is_empty() { "" } else { "/" };
                format!("xpath:{slash}{parent}/{}()[{}]", node_test(kind), self.number(id))
            }
        }
    }

    fn steps(&self, element: Id, step: impl Fn(&str, u32) -> String) -> String {
        let mut steps = Vec::new();
        let mut at = element;
        while self.tree.kind(at) == Kind::Element {
            let local = name::local(self.tree.name(self.text, at));
            // There is one root.
            let is_root = self.tree.parent(at) == 0;
            let written = step(local, self.number(at));
            let plain = written.strip_suffix("[1]").filter(|_| is_root).map(str::to_owned);
            steps.push(plain.unwrap_or(written));
            at = self.tree.parent(at);
        }
        steps.reverse();
        steps.join("/")
    }

    fn number(&self, id: Id) -> u32 {
        let number = usize::try_from(id).ok().and_then(|id| self.numbers.get(id));
        number.copied().unwrap_or(1)
    }
}

/// How expressions call nodes of a kind.
fn node_test(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Comment => "comment",
        Kind::Instruction => "processing-instruction",
        Kind::Document | Kind::Element | Kind::Attribute => "node",
    }
}

impl<'t> Builder<'t> {
    fn build(mut self) -> Option<Tree> {
        for token in Tokens::of(self.text, 0) {
            match token {
                Token::Text(piece) | Token::Characters(piece) => self.piece(piece),
                Token::Open(tag) => {
                    self.end_run()?;
                    self.element(tag)?;
                }
                Token::Close(close) => {
                    self.end_run()?;
                    self.leave(close.end)?;
                }
                Token::Other(markup) => {
                    self.end_run()?;
                    self.other(markup)?;
                }
            }
        }
        let end = small(self.tree.nodes.len())?;
        if let Some(document) = self.tree.nodes.first_mut() {
            document.after = end;
        }
        Some(self.tree)
    }

    /// Adds a node as the last child of what is open.
    fn add(&mut self, kind: Kind, place: Span, name_end: usize) -> Option<Id> {
        if self.tree.nodes.len() >= self.most {
            return None;
        }
        let id = small(self.tree.nodes.len())?;
        let (parent, previous) = match self.open.last_mut() {
            Some((parent, last)) => (*parent, std::mem::replace(last, id)),
            None => (0, NOBODY),
        };
        self.tree.nodes.push(Node {
            kind,
            parent,
            previous,
            after: id + 1,
            start: small(place.start)?,
            end: small(place.end)?,
            name_end: small(name_end)?,
            namespace: NO_NAMESPACE,
        });
        Some(id)
    }

    fn set(&mut self, id: Id, change: impl FnOnce(&mut Node)) {
        if let Some(node) = usize::try_from(id).ok().and_then(|id| self.tree.nodes.get_mut(id)) {
            change(node);
        }
    }

    fn element(&mut self, tag: Tag) -> Option<()> {
        let (text, depth) = (self.text, self.open.len());
        for attribute in tag.attributes(text) {
            let written = attribute.name.of(text);
            if name::declares_namespace(written) {
                let prefix = if written == "xmlns" { "" } else { name::local(written) };
                let uri = text::decode(attribute.value.of(text), Place::Attribute('"'));
                let namespace = self.tree.intern(&uri);
                self.scope.push((prefix, namespace, depth));
            }
        }
        let place = Span { start: tag.start, end: tag.end };
        let id = self.add(Kind::Element, place, tag.name.end)?;
        let namespace = self.namespace(name::prefix(tag.name.of(text)));
        self.set(id, |node| node.namespace = namespace);
        self.open.push((id, NOBODY));
        for attribute in tag.attributes(text) {
            let written = attribute.name.of(text);
            if name::declares_namespace(written) {
                continue;
            }
            let place = Span { start: attribute.name.start, end: attribute.value.end };
            let added = self.add(Kind::Attribute, place, attribute.name.end)?;
            // A name without a prefix is in no namespace, whatever the default.
            let prefix = name::prefix(written);
            let namespace = if prefix.is_empty() { NO_NAMESPACE } else { self.namespace(prefix) };
            self.set(added, |node| node.namespace = namespace);
        }
        if let Some((_, last)) = self.open.last_mut() {
            *last = NOBODY;
        }
        if tag.is_empty { self.leave(tag.end) } else { Some(()) }
    }

    fn leave(&mut self, end: usize) -> Option<()> {
        // The document stays open.
        if self.open.len() <= 1 {
            return Some(());
        }
        let (after, end) = (small(self.tree.nodes.len())?, small(end)?);
        if let Some((id, _)) = self.open.pop() {
            self.set(id, |node| (node.after, node.end) = (after, end));
        }
        while self.scope.last().is_some_and(|(_, _, depth)| *depth >= self.open.len()) {
            self.scope.pop();
        }
        Some(())
    }

    fn namespace(&self, prefix: &str) -> u32 {
        if prefix == "xml" {
            return self.tree.namespace(XML_URI).unwrap_or(NO_NAMESPACE);
        }
        let declared = self.scope.iter().rev().find(|(declared, _, _)| *declared == prefix);
        declared.map_or(NO_NAMESPACE, |(_, namespace, _)| *namespace)
    }

    fn piece(&mut self, piece: Span) {
        // Outside the root there is white space only, which is no node.
        if self.open.len() > 1 {
            // A section's marks lie inside a run, so that the run is one place.
            let is_section = self.text.get(..piece.start).is_some_and(|b| b.ends_with(SECTION));
            let (lead, tail) = if is_section { (SECTION.len(), SECTION_END) } else { (0, 0) };
            let piece = Span { start: piece.start - lead, end: piece.end + tail };
            let start = self.run.map_or(piece.start, |run| run.start);
            self.run = Some(Span { start, end: piece.end });
        }
    }

    fn end_run(&mut self) -> Option<()> {
        let Some(run) = self.run.take() else { return Some(()) };
        // A text node has at least one character; an empty section has none.
        if !text::inner(self.text, run).is_empty() {
            self.add(Kind::Text, run, run.start)?;
        }
        Some(())
    }

    fn other(&mut self, markup: Span) -> Option<()> {
        let written = markup.of(self.text);
        if written.starts_with("<!--") {
            let place = Span { start: markup.start + 4, end: markup.end.saturating_sub(3) };
            self.add(Kind::Comment, place, place.start)?;
            return Some(());
        }
        let place = Span { start: markup.start + 2, end: markup.end.saturating_sub(2) };
        let target = name::length(place.of(self.text));
        let name_end = place.start + target;
        // The declaration is no instruction; no instruction is called so.
        if (Span { start: place.start, end: name_end }).of(self.text) != "xml" {
            self.add(Kind::Instruction, place, name_end)?;
        }
        Some(())
    }
}

const SECTION: &str = "<![CDATA[";
const SECTION_END: usize = "]]>".len();

fn small(number: usize) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number != NOBODY)
}

fn at(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

fn span(start: u32, end: u32) -> Span {
    Span { start: at(start), end: at(end) }
}
