//! XML: elements in their order, attributes by name, text without the blanks
//! between elements. Comments, processing instructions and how a namespace's
//! prefix is called do not count.

use roxmltree::{Document, Node};

use super::{Inside, with_plain_ends};

/// Elements inside each other that are looked into; below, the text counts.
const DEPTH_MAX: usize = 256;

pub(super) fn compare(expected: &[u8], found: &[u8]) -> Vec<Inside> {
    let (expected, found) = (with_plain_ends(expected), with_plain_ends(found));
    let (Ok(left), Ok(right)) = (Document::parse(expected.trim()), Document::parse(found.trim()))
    else {
        return super::text::compare(expected.as_bytes(), found.as_bytes());
    };
    let mut differences = Vec::new();
    let (left, right) = (left.root_element(), right.root_element());
    if left.tag_name() == right.tag_name() {
        elements(left.tag_name().name(), left, right, 0, &mut differences);
    } else {
        let name = |node: Node<'_, '_>| Some(format!("{:?}", node.tag_name()));
        differences.push(("the root element".to_owned(), name(left), name(right)));
    }
    differences
}

/// The depth is limited, so this may recurse.
fn elements(
    place: &str,
    expected: Node<'_, '_>,
    found: Node<'_, '_>,
    depth: usize,
    out: &mut Vec<Inside>,
) {
    if depth > DEPTH_MAX {
        let (one, other) = (source(expected), source(found));
        if one != other {
            out.push((place.to_owned(), Some(one), Some(other)));
        }
        return;
    }
    attributes(place, expected, found, out);
    let (left, right) = (children(expected), children(found));
    for index in 0..left.len().max(right.len()) {
        match (left.get(index), right.get(index)) {
            (Some(one), Some(other)) if one.is_text() && other.is_text() => {
                let (one, other) = (text(*one), text(*other));
                if one != other {
                    out.push((place.to_owned(), Some(one), Some(other)));
                }
            }
            (Some(one), Some(other))
                if one.is_element() && other.is_element() && one.tag_name() == other.tag_name() =>
            {
                elements(&step(place, &left, index), *one, *other, depth + 1, out);
            }
            (one, other) => {
                let in_place = match (one, other) {
                    (Some(node), _) if node.is_element() => step(place, &left, index),
                    (None, Some(node)) if node.is_element() => step(place, &right, index),
                    _ => place.to_owned(),
                };
                out.push((in_place, one.map(|it| source(*it)), other.map(|it| source(*it))));
            }
        }
    }
}

fn attributes(place: &str, expected: Node<'_, '_>, found: Node<'_, '_>, out: &mut Vec<Inside>) {
    let place = |name: &str| format!("{place}/@{name}");
    let value = |node: Node<'_, '_>, of: &roxmltree::Attribute<'_, '_>| {
        let same = |it: &roxmltree::Attribute<'_, '_>| {
            it.name() == of.name() && it.namespace() == of.namespace()
        };
        node.attributes().find(same).map(|it| it.value().to_owned())
    };
    for attribute in expected.attributes() {
        let other = value(found, &attribute);
        if other.as_deref() != Some(attribute.value()) {
            out.push((place(attribute.name()), Some(attribute.value().to_owned()), other));
        }
    }
    for attribute in found.attributes().filter(|it| value(expected, it).is_none()) {
        out.push((place(attribute.name()), None, Some(attribute.value().to_owned())));
    }
}

/// Elements and texts; blanks between elements are layout.
fn children<'a, 'i>(node: Node<'a, 'i>) -> Vec<Node<'a, 'i>> {
    let has_elements = node.children().any(|child| child.is_element());
    let is_layout =
        |child: &Node<'_, '_>| has_elements && child.is_text() && text(*child).trim().is_empty();
    node.children()
        .filter(|child| child.is_element() || child.is_text())
        .filter(|child| !is_layout(child))
        .collect()
}

/// The place of a child: with its number where there are several of its name.
fn step(place: &str, siblings: &[Node<'_, '_>], index: usize) -> String {
    let Some(node) = siblings.get(index) else { return place.to_owned() };
    let name = node.tag_name();
    let same = |other: &&Node<'_, '_>| other.is_element() && other.tag_name() == name;
    let number = siblings.iter().take(index + 1).filter(same).count();
    if siblings.iter().filter(same).count() > 1 {
        format!("{place}/{}[{number}]", name.name())
    } else {
        format!("{place}/{}", name.name())
    }
}

fn text(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().to_owned()
}

fn source(node: Node<'_, '_>) -> String {
    node.document().input_text().get(node.range()).unwrap_or_default().to_owned()
}
