//! From a path to the places it means in one message, whatever kind of path it
//! is.
//!
//! Knows: which kind of path is followed how. Deliberately does not know: how a
//! place is read or changed.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::bound::{self, BoundReached, Scope};
use super::edit::{New, NewElement, Target};
use super::path::{Body, Index, NameTest, Slash, Step, XmlPath};
use super::scan::{Attribute, Span, Tag};
use super::trail::Trails;
use super::tree::{Id, Kind, Tree};
use super::walk::{self, Missing, Reached};
use super::xpath::{Expression, Outcome};
use super::{MATCHES_MAX, Xml};
use crate::Problem;

/// What a path means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    /// The whole document, and its root.
    Document(Tag),
    Element(Tag),
    Attribute(Attribute),
    /// A text node.
    Text(Span),
    /// What is inside a comment or a processing instruction, and the length of
    /// the marks before and behind it.
    Inside(Span, Id, usize),
}

impl Xml {
    /// The table of nodes.
    ///
    /// # Errors
    /// `limit.expression-nodes`.
    pub(super) fn tree(&self) -> Result<&Arc<Tree>, Problem> {
        let most = self.limits.expression_nodes;
        let tree = self.tree.get_or_init(|| Tree::of(&self.text, most).map(Arc::new));
        tree.as_ref().ok_or_else(|| {
            Problem::new(
                "limit.expression-nodes",
                format!(
                    "the message has more than {most} nodes, too many for `xpath:` paths and \
                     declared prefixes: use plain paths, as in Root/Child[2]/@name"
                ),
            )
        })
    }

    /// What an expression gives for this message; evaluated once for several
    /// questions in a row.
    ///
    /// # Errors
    /// `limit.expression-nodes`, `limit.expression-steps`.
    pub(super) fn outcome(&self, expression: &Arc<Expression>) -> Result<Outcome, Problem> {
        let tree = self.tree()?;
        if let Some(known) = tree.memory.outcome(expression) {
            return known;
        }
        let outcome = expression.evaluate(&self.text, tree, self.limits.expression_steps);
        tree.memory.remember_outcome(expression, outcome.clone());
        outcome
    }

    /// The nodes that an expression gives; none where it gives a value.
    fn nodes(&self, expression: &Arc<Expression>) -> Result<Arc<[Id]>, Problem> {
        Ok(match self.outcome(expression)? {
            Outcome::Nodes(nodes) => nodes,
            Outcome::Text(_) => Arc::new([]),
        })
    }

    /// The first place that a path means.
    pub(super) fn first(&self, path: &XmlPath) -> Option<Found> {
        if let Body::Slash(slash) = &path.body
            && !slash.steps.is_empty()
            && !slash.is_pattern()
            && !slash.is_bound()
        {
            let Reached::Element(tag) = self.locate(&slash.steps) else { return None };
            return match &slash.attribute {
                None => Some(Found::Element(tag)),
                Some(name) => walk::attribute(&self.text, tag, name).map(Found::Attribute),
            };
        }
        let mut first = None;
        // Where it cannot be told what a path means, it means nothing.
        let _ = self.visit(path, |found| {
            first = Some(found);
            ControlFlow::Break(())
        });
        first
    }

    /// Calls `visit` with every place that the path means, in document order.
    ///
    /// # Errors
    /// As [`Xml::outcome`].
    pub(super) fn visit(
        &self,
        path: &XmlPath,
        mut visit: impl FnMut(Found) -> ControlFlow<()>,
    ) -> Result<(), Problem> {
        let ids = match &path.body {
            Body::Slash(slash) if slash.steps.is_empty() => {
                if let Some(root) = walk::root(&self.text) {
                    // There is only one place: nothing is left to break off.
                    let _ = visit(Found::Document(root));
                }
                return Ok(());
            }
            Body::Slash(slash) if !slash.is_bound() => {
                walk::walk(&self.text, slash, |tag, _| match &slash.attribute {
                    None => visit(Found::Element(tag)),
                    Some(name) => match walk::attribute(&self.text, tag, name) {
                        Some(attribute) => visit(Found::Attribute(attribute)),
                        None => ControlFlow::Continue(()),
                    },
                });
                return Ok(());
            }
            Body::Slash(slash) => self.bound_nodes(slash)?.into(),
            Body::Expression(expression) => self.nodes(expression)?,
        };
        let tree = self.tree()?;
        for id in ids.iter() {
            if visit(self.found(tree, *id)).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The exact paths of all places that the path means, at most
    /// [`MATCHES_MAX`].
    ///
    /// # Errors
    /// As [`Xml::outcome`].
    pub(super) fn exact_paths(&self, path: &XmlPath) -> Result<Vec<String>, Problem> {
        let nodes = match &path.body {
            Body::Expression(expression) => self.nodes(expression)?,
            Body::Slash(slash) if slash.is_bound() || slash.has_wildcard() => {
                self.bound_nodes(slash)?.into()
            }
            Body::Slash(slash) => return Ok(self.numbered_paths(slash)),
        };
        let tree = self.tree()?;
        let exact = tree.exact_paths(&self.text);
        Ok(nodes.iter().take(MATCHES_MAX).map(|id| exact.of(*id)).collect())
    }

    /// The same for a path whose names stay as they are.
    fn numbered_paths(&self, slash: &Slash) -> Vec<String> {
        if slash.steps.is_empty() {
            return vec![slash.to_string()];
        }
        let mut found = Vec::new();
        walk::walk(&self.text, slash, |tag, numbers| {
            let is_there = |name| walk::attribute(&self.text, tag, name).is_some();
            if slash.attribute.as_ref().is_none_or(is_there) {
                found.push(slash.exact(numbers).to_string());
            }
            if found.len() < MATCHES_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        found
    }

    /// How many siblings the last step of a path means.
    ///
    /// # Errors
    /// As [`Xml::outcome`].
    pub(super) fn counted(&self, path: &XmlPath) -> Result<usize, Problem> {
        let slash = match &path.body {
            Body::Expression(expression) => return Ok(self.nodes(expression)?.len()),
            Body::Slash(slash) => slash,
        };
        let mut all = slash.clone();
        if let (Some(last), None) = (all.steps.last_mut(), &all.attribute)
            && last.index == Index::Omitted
        {
            last.index = Index::Every;
        }
        let parent = all.parent();
        let last = all.steps.last().filter(|last| last.index == Index::Every);
        if let (Some(last), None) = (last, &all.attribute)
            && !parent.steps.is_empty()
            && !parent.is_pattern()
            && !all.is_bound()
        {
            return Ok(match self.locate(&parent.steps) {
                Reached::Element(tag) => walk::count_children(&self.text, tag, &last.name),
                Reached::Missing(_) => 0,
            });
        }
        if all.is_bound() {
            return Ok(self.bound_nodes(&all)?.len());
        }
        let mut count = 0;
        self.visit(&XmlPath::of(all), |_| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// What a write changes or creates.
    ///
    /// # Errors
    /// `path.pattern`, `edit.absent`, `edit.node`, `edit.value`, `edit.whole`,
    /// `edit.gap`, `edit.blocked`, `xml.namespace`, and as [`Xml::outcome`].
    pub(super) fn target(&self, path: &XmlPath) -> Result<Target, Problem> {
        match &path.body {
            Body::Expression(expression) => self.selected_target(expression),
            Body::Slash(slash) if slash.is_bound() => self.bound_target(slash),
            Body::Slash(slash) => {
                let attribute = slash.attribute.as_ref();
                match (self.locate(&slash.steps), attribute) {
                    (Reached::Element(tag), None) => Ok(Target::Element(tag)),
                    (Reached::Element(tag), Some(name)) => {
                        Ok(match walk::attribute(&self.text, tag, name) {
                            Some(attribute) => Target::Attribute(attribute),
                            None => Target::NewAttribute {
                                tag,
                                name: name.written().to_owned(),
                                declaration: String::new(),
                            },
                        })
                    }
                    (Reached::Missing(missing), _) => self.new_target(slash, missing, None),
                }
            }
        }
    }

    /// Follows steps without `[*]` and declared prefixes.
    pub(super) fn locate(&self, steps: &[Step]) -> Reached {
        let cursor = self.trails.get_or_init(Box::default);
        let mut trails = cursor.recall().unwrap_or(Trails::NONE);
        let reached = walk::locate(&self.text, steps, &mut trails);
        cursor.remember(trails);
        reached
    }

    /// The nodes of a slash path, through the table.
    fn bound_nodes(&self, slash: &Slash) -> Result<Vec<Id>, Problem> {
        if slash.steps.is_empty() {
            return Ok(vec![0]);
        }
        let tree = self.tree()?;
        let elements = bound::elements(&self.text, tree, &slash.steps);
        let Some(name) = &slash.attribute else { return Ok(elements) };
        let attribute = |element| bound::attribute(&self.text, tree, element, name);
        Ok(elements.into_iter().filter_map(attribute).collect())
    }

    fn bound_target(&self, slash: &Slash) -> Result<Target, Problem> {
        let tree = self.tree()?;
        let element = match bound::locate(&self.text, tree, &slash.steps) {
            BoundReached::Element(element) => element,
            BoundReached::Missing(missing, parent) => {
                let scope = Scope::at(&self.text, tree, parent);
                return self.new_target(slash, missing, Some(scope));
            }
        };
        let Some(name) = &slash.attribute else {
            return Ok(Target::Element(tree.tag(&self.text, element)));
        };
        if let Some(attribute) = bound::attribute(&self.text, tree, element, name) {
            return Ok(Target::Attribute(self.attribute_at(tree, attribute)));
        }
        let mut scope = Scope::at(&self.text, tree, element);
        let Some((name, declaration)) = scope.write(name, true, false) else {
            return Err(Problem::new(
                "xml.namespace",
                "the attribute's prefix means another namespace in the message: declare another \
                 prefix in the path",
            ));
        };
        Ok(Target::NewAttribute { tag: tree.tag(&self.text, element), name, declaration })
    }

    /// The elements to create behind the last one that a path reaches.
    fn new_target(
        &self,
        slash: &Slash,
        missing: Missing,
        scope: Option<Scope<'_>>,
    ) -> Result<Target, Problem> {
        let Some(parent) = missing.parent else {
            return Err(Problem::new(
                "edit.blocked",
                "the path begins with another element than the document: an XML message has one \
                 root",
            ));
        };
        let mut scope = scope.unwrap_or_else(|| Scope::empty(&self.text));
        let mut elements = Vec::new();
        for (number, step) in slash.steps.iter().skip(missing.step).enumerate() {
            let siblings = if number == 0 { missing.siblings } else { 0 };
            if step.index != Index::Omitted && !step.index.means(siblings + 1) {
                return Err(Problem::new(
                    "edit.gap",
                    format!(
                        "there are {siblings} such elements: a write may only add the next one"
                    ),
                ));
            }
            if step.name == NameTest::Any {
                return Err(Problem::new(
                    "edit.blocked",
                    "there is no such element, and `*` does not say how a new one is called",
                ));
            }
            elements.push(match missing.anchor {
                // A sibling in the same namespace.
                Some(anchor) if siblings > 0 => NewElement {
                    name: anchor.tag.name.of(&self.text).to_owned(),
                    declarations: scope.declared_again(&step.name, anchor.tag),
                },
                _ => {
                    let (name, declarations) = written(&mut scope, &step.name, false)?;
                    NewElement { name, declarations }
                }
            });
        }
        let mut attribute = None;
        if let Some(name) = &slash.attribute {
            let (name, declaration) = written(&mut scope, name, true)?;
            if let Some(last) = elements.last_mut() {
                last.declarations.push_str(&declaration);
            }
            attribute = Some(name);
        }
        Ok(Target::New(New { missing, parent, elements, attribute }))
    }

    /// The one place that an expression means.
    fn selected_target(&self, expression: &Arc<Expression>) -> Result<Target, Problem> {
        let Outcome::Nodes(nodes) = self.outcome(expression)? else {
            return Err(Problem::new(
                "edit.value",
                "the expression gives a value, and a write needs a place in the message",
            ));
        };
        let [node] = *nodes else {
            let (code, found) = match nodes.len() {
                0 => ("edit.absent", "none".to_owned()),
                count => ("path.pattern", count.to_string()),
            };
            let text = format!(
                "a write needs one exact place, and the expression means {found}: an expression \
                 creates nothing"
            );
            return Err(Problem::new(code, text));
        };
        let tree = self.tree()?;
        match self.found(tree, node) {
            Found::Element(tag) => Ok(Target::Element(tag)),
            Found::Attribute(attribute) => Ok(Target::Attribute(attribute)),
            Found::Text(span) => Ok(Target::Text(span)),
            Found::Document(_) => Err(Problem::new(
                "edit.whole",
                "the expression means the whole document: name an element",
            )),
            Found::Inside(..) => Err(Problem::new(
                "edit.node",
                "a comment or processing instruction cannot be written",
            )),
        }
    }

    /// The place of a node.
    fn found(&self, tree: &Tree, id: Id) -> Found {
        let span = || tree.span(&self.text, id);
        match tree.kind(id) {
            Kind::Document => Found::Document(tree.tag(&self.text, tree.root())),
            Kind::Element => Found::Element(tree.tag(&self.text, id)),
            Kind::Attribute => Found::Attribute(self.attribute_at(tree, id)),
            Kind::Text => Found::Text(span()),
            Kind::Comment => Found::Inside(span(), id, "<!--".len()),
            Kind::Instruction => Found::Inside(span(), id, "<?".len()),
        }
    }

    fn attribute_at(&self, tree: &Tree, id: Id) -> Attribute {
        let name = tree.name(&self.text, id);
        let value = tree.span(&self.text, id);
        let start = tree.name_start(id);
        let before = self.text.get(..start).unwrap_or_default();
        let lead = before.trim_end_matches([' ', '\t', '\r', '\n']).len();
        Attribute { lead, name: Span { start, end: start + name.len() }, value }
    }
}

/// How a name that is created is written.
fn written(
    scope: &mut Scope<'_>,
    name: &NameTest,
    for_attribute: bool,
) -> Result<(String, String), Problem> {
    scope.write(name, for_attribute, true).ok_or_else(|| {
        Problem::new("xml.namespace", "the namespace that the path declares cannot be written")
    })
}
