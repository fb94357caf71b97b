//! The nodes of an axis, nearest first (XPath 1.0 section 2.2).
//!
//! Deliberately does not know: tests, predicates.

use std::ops::ControlFlow;

use super::super::tree::{Id, Kind, NOBODY, Tree};
use super::expression::Axis;

/// Calls `visit` with every node of an axis, until it breaks off.
pub(super) fn visit<B>(
    tree: &Tree,
    axis: Axis,
    node: Id,
    mut visit: impl FnMut(Id) -> ControlFlow<B>,
) -> ControlFlow<B> {
    match axis {
        Axis::Itself => visit(node),
        Axis::Parent => match tree.parent(node) {
            NOBODY => ControlFlow::Continue(()),
            parent => visit(parent),
        },
        Axis::Ancestor => ancestors(tree, tree.parent(node), visit),
        Axis::AncestorOrSelf => ancestors(tree, node, visit),
        Axis::Attribute => {
            let mut attribute = node + 1;
            while attribute < tree.after(node) && tree.kind(attribute) == Kind::Attribute {
                visit(attribute)?;
                attribute += 1;
            }
            ControlFlow::Continue(())
        }
        Axis::Child => siblings(tree, tree.first_child(node), tree.after(node), visit),
        Axis::Descendant => range(tree, node + 1, tree.after(node), visit),
        Axis::DescendantOrSelf => {
            visit(node)?;
            range(tree, node + 1, tree.after(node), visit)
        }
        Axis::Following => range(tree, tree.after(node), tree.end(), visit),
        Axis::FollowingSibling if tree.kind(node) == Kind::Attribute => ControlFlow::Continue(()),
        Axis::FollowingSibling => match tree.parent(node) {
            NOBODY => ControlFlow::Continue(()),
            parent => siblings(tree, tree.after(node), tree.after(parent), visit),
        },
        Axis::PrecedingSibling => {
            let mut at = node;
            while tree.kind(node) != Kind::Attribute
                && let Some(before) = tree.node(at).map(|node| node.previous)
                && before != NOBODY
            {
                visit(before)?;
                at = before;
            }
            ControlFlow::Continue(())
        }
        Axis::Preceding => {
            let mut ancestor = tree.parent(node);
            for before in (0..node).rev() {
                if before == ancestor {
                    ancestor = tree.parent(ancestor);
                } else if tree.kind(before) != Kind::Attribute {
                    visit(before)?;
                }
            }
            ControlFlow::Continue(())
        }
    }
}

/// Leaves of the nodes those away whose axis lies within that of another one,
/// so that going over the rest does not go over a place again and again.
pub(super) fn without_overlap(tree: &Tree, axis: Axis, nodes: &[Id]) -> Vec<Id> {
    let mut kept = Vec::with_capacity(nodes.len());
    match axis {
        Axis::Descendant | Axis::DescendantOrSelf => {
            let mut end = 0;
            for node in nodes {
                if *node >= end {
                    kept.push(*node);
                    end = tree.after(*node);
                }
            }
        }
        Axis::Following => kept.extend(nodes.iter().min_by_key(|node| tree.after(**node))),
        Axis::Preceding => kept.extend(nodes.last()),
        Axis::FollowingSibling => {
            let mut parents = std::collections::HashSet::new();
            kept.extend(nodes.iter().filter(|node| is_first_of(tree, **node, &mut parents)));
        }
        Axis::PrecedingSibling => {
            let mut parents = std::collections::HashSet::new();
            kept.extend(nodes.iter().rev().filter(|node| is_first_of(tree, **node, &mut parents)));
        }
        _ => kept.extend(nodes),
    }
    kept
}

/// Whether no other child of its parent was seen before. An attribute has no
/// siblings, so it must not stand for the others.
fn is_first_of(tree: &Tree, node: Id, parents: &mut std::collections::HashSet<Id>) -> bool {
    tree.kind(node) != Kind::Attribute && parents.insert(tree.parent(node))
}

fn ancestors<B>(
    tree: &Tree,
    from: Id,
    mut visit: impl FnMut(Id) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let mut at = from;
    while at != NOBODY {
        visit(at)?;
        at = tree.parent(at);
    }
    ControlFlow::Continue(())
}

fn siblings<B>(
    tree: &Tree,
    from: Id,
    end: Id,
    mut visit: impl FnMut(Id) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let mut at = from;
    while at < end {
        visit(at)?;
        at = tree.after(at);
    }
    ControlFlow::Continue(())
}

/// All nodes of a range but attributes.
fn range<B>(
    tree: &Tree,
    from: Id,
    end: Id,
    mut visit: impl FnMut(Id) -> ControlFlow<B>,
) -> ControlFlow<B> {
    for at in from..end {
        if tree.kind(at) != Kind::Attribute {
            visit(at)?;
        }
    }
    ControlFlow::Continue(())
}
