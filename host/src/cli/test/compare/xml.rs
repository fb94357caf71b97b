//! XML: elements in their order, attributes by name, text without the blanks
//! between elements. Comments, processing instructions and how a namespace's
//! prefix is called do not count.

use roxmltree::{Document, Node};

use super::{Inside, texts};

/// Elements inside each other that are looked into; below, the text counts.
const DEPTH_MAX: usize = 256;

pub(super) fn compare(expected: &[u8], found: &[u8]) -> Vec<Inside> {
    let (expected, found) = texts(expected, found);
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
            (Some(Child::Text(one)), Some(Child::Text(other))) => {
                if one != other {
                    out.push((place.to_owned(), Some(one.clone()), Some(other.clone())));
                }
            }
            (Some(Child::Element(one)), Some(Child::Element(other)))
                if one.tag_name() == other.tag_name() =>
            {
                elements(&step(place, &left, index), *one, *other, depth + 1, out);
            }
            (one, other) => {
                let in_place = match one {
                    Some(_) => step(place, &left, index),
                    None => step(place, &right, index),
                };
                out.push((in_place, one.map(Child::shown), other.map(Child::shown)));
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

/// What counts of an element's content.
enum Child<'a, 'i> {
    Element(Node<'a, 'i>),
    /// One, whatever comments and instructions stand inside it.
    Text(String),
}

impl Child<'_, '_> {
    fn shown(&self) -> String {
        match self {
            Self::Element(node) => source(*node),
            Self::Text(text) => text.clone(),
        }
    }
}

/// Elements and texts; blanks between elements are layout.
fn children<'a, 'i>(node: Node<'a, 'i>) -> Vec<Child<'a, 'i>> {
    let mut all = Vec::new();
    for child in node.children() {
        if child.is_element() {
            all.push(Child::Element(child));
        } else if child.is_text() {
            let text = child.text().unwrap_or_default();
            match all.last_mut() {
                Some(Child::Text(before)) => before.push_str(text),
                _ => all.push(Child::Text(text.to_owned())),
            }
        }
    }
    if all.iter().any(|child| matches!(child, Child::Element(_))) {
        all.retain(|child| !matches!(child, Child::Text(text) if text.trim().is_empty()));
    }
    all
}

/// The place of a child: an element's own, with its number where there are several of
/// its name.
fn step(place: &str, siblings: &[Child<'_, '_>], index: usize) -> String {
    let Some(Child::Element(node)) = siblings.get(index) else { return place.to_owned() };
    let name = node.tag_name();
    let same =
        |other: &&Child<'_, '_>| matches!(other, Child::Element(it) if it.tag_name() == name);
    let number = siblings.iter().take(index + 1).filter(same).count();
    if siblings.iter().filter(same).count() > 1 {
        format!("{place}/{}[{number}]", name.name())
    } else {
        format!("{place}/{}", name.name())
    }
}

fn source(node: Node<'_, '_>) -> String {
    node.document().input_text().get(node.range()).unwrap_or_default().to_owned()
}
