//! The normalised JSON tree.
//!
//! Knows: positions, order, duplicates, wrappers, nulls. Recursion is bounded
//! by the depth that was checked before.

use std::collections::HashMap;

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged;

use super::pointer_step;
use crate::diagnostics::{Diagnostic, Position, codes, quoted};

/// Repeated properties and null elements that are told one by one; what is
/// beyond is not told, since the first ones show the habit.
pub(super) const NOTES_MAX: usize = 100;

/// One value of the file, and where it starts. Without `Debug`, since files hold
/// passwords: see [`Node::shape`].
pub struct Node {
    start: usize,
    kind: Kind,
}

/// What the value is.
pub enum Kind {
    /// Only as the root: elsewhere a null is left out.
    Null,
    Bool(bool),
    /// The number's text, which follows JSON's grammar.
    Number(String),
    Text(String),
    Array(Vec<Node>),
    /// In the order of the names' first mention; each name once.
    Object(Vec<Member>),
}

/// One property of an object.
pub struct Member {
    pub name: String,
    /// Byte offset of the name that counts.
    pub name_start: usize,
    pub value: Node,
}

impl Node {
    pub(super) fn build(value: &Value<'_>, notes: &mut Notes) -> Self {
        let start = value.start();
        let kind = match value {
            Value::NullKeyword(_) => Kind::Null,
            Value::BooleanLit(literal) => Kind::Bool(literal.value),
            Value::NumberLit(literal) => {
                notes.check_number(literal.value, start);
                Kind::Number(literal.value.to_owned())
            }
            Value::StringLit(literal) => Kind::Text(literal.value.as_ref().to_owned()),
            Value::Array(array) => Kind::Array(elements(&array.elements, notes)),
            Value::Object(object) => match wrapped(object) {
                Some(array) => Kind::Array(elements(array, notes)),
                None => Kind::Object(members(object, notes)),
            },
        };
        Self { start, kind }
    }

    /// Byte offset of the value in the text, the byte order mark not counted.
    pub fn start(&self) -> usize {
        self.start
    }

    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The members of an object; of anything else there are none.
    pub fn members(&self) -> &[Member] {
        match &self.kind {
            Kind::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements of an array; of anything else there are none.
    pub fn elements(&self) -> &[Node] {
        match &self.kind {
            Kind::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The property of exactly this name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.members().iter().find(|member| member.name == name).map(|member| &member.value)
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn child(&self, step: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Object(_) => self.get(step),
            Kind::Array(elements) => elements.get(step.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// The value's shape for a diagnostic: never its content.
    pub fn shape(&self) -> String {
        match &self.kind {
            Kind::Null => "null".to_owned(),
            Kind::Bool(value) => value.to_string(),
            Kind::Number(text) if text.contains(['.', 'e', 'E']) => {
                "a number with a fraction".to_owned()
            }
            Kind::Number(text) => format!("a number of {} digits", text.trim_matches('-').len()),
            Kind::Text(text) => format!("a text of {} characters", text.chars().count()),
            Kind::Array(elements) => format!("an array of {} elements", elements.len()),
            Kind::Object(members) => format!("an object of {} properties", members.len()),
        }
    }

    /// The value as compact JSON, numbers as they were written.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) {
        match &self.kind {
            Kind::Null => out.push_str("null"),
            Kind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Kind::Number(text) => out.push_str(text),
            Kind::Text(text) => push_text(out, text),
            Kind::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    element.write_json(out);
                }
                out.push(']');
            }
            Kind::Object(members) => {
                out.push('{');
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    push_text(out, &member.name);
                    out.push(':');
                    member.value.write_json(out);
                }
                out.push('}');
            }
        }
    }

    /// The value for code that works with `serde_json`. An integer of more than
    /// 64 bits becomes the nearest floating-point number; [`Node::to_json`]
    /// keeps it.
    pub fn normalised(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.kind {
            Kind::Null => Json::Null,
            Kind::Bool(value) => Json::Bool(*value),
            Kind::Number(text) => text.parse().map_or(Json::Null, Json::Number),
            Kind::Text(text) => Json::String(text.clone()),
            Kind::Array(elements) => elements.iter().map(Self::normalised).collect(),
            Kind::Object(members) => Json::Object(
                members
                    .iter()
                    .map(|member| (member.name.clone(), member.value.normalised()))
                    .collect(),
            ),
        }
    }
}

fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// The array inside a `{"$type": …, "$values": […]}` wrapper.
fn wrapped<'v, 'a>(object: &'v Object<'a>) -> Option<&'v [Value<'a>]> {
    let mut array = None;
    for property in &object.properties {
        match (property.name.as_str(), &property.value) {
            ("$values", Value::Array(values)) => array = Some(values.elements.as_slice()),
            (name, _) if name.starts_with('$') && name != "$values" => {}
            _ => return None,
        }
    }
    array
}

fn elements(values: &[Value<'_>], notes: &mut Notes) -> Vec<Node> {
    let mut elements = Vec::with_capacity(values.len());
    for value in values {
        if matches!(value, Value::NullKeyword(_)) {
            notes.null_element(value.start());
            continue;
        }
        notes.enter(|| elements.len().to_string());
        elements.push(Node::build(value, notes));
        notes.leave();
    }
    elements
}

fn members(object: &Object<'_>, notes: &mut Notes) -> Vec<Member> {
    // First which mention of a name counts, then only those are built.
    let mut last: HashMap<&str, usize> = HashMap::with_capacity(object.properties.len());
    let mut order = Vec::with_capacity(object.properties.len());
    for (index, property) in object.properties.iter().enumerate() {
        let name = property.name.as_str();
        if last.insert(name, index).is_none() {
            order.push(name);
        } else {
            notes.duplicate(name, property.name.start());
        }
    }
    let mut members = Vec::with_capacity(order.len());
    for name in order {
        let property = last.get(name).and_then(|index| object.properties.get(*index));
        let Some(property) = property else { continue };
        if matches!(property.value, Value::NullKeyword(_)) {
            continue;
        }
        notes.enter(|| pointer_step(name));
        members.push(Member {
            name: name.to_owned(),
            name_start: property.name.start(),
            value: Node::build(&property.value, notes),
        });
        notes.leave();
    }
    members
}

/// What was noticed while the tree was built.
#[derive(Default)]
pub(super) struct Notes {
    path: Vec<String>,
    duplicates: Vec<(usize, String, String)>,
    metadata: Option<(usize, String, usize)>,
    nulls: Vec<(usize, String)>,
    endless_number: Option<usize>,
}

impl Notes {
    fn enter(&mut self, step: impl FnOnce() -> String) {
        self.path.push(step());
    }

    fn leave(&mut self) {
        self.path.pop();
    }

    fn pointer(&self) -> String {
        self.path.iter().flat_map(|step| ["/", step.as_str()]).collect()
    }

    fn check_number(&mut self, text: &str, offset: usize) {
        if self.endless_number.is_none() && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            self.endless_number = Some(offset);
        }
    }

    fn null_element(&mut self, offset: usize) {
        if self.nulls.len() < NOTES_MAX {
            self.nulls.push((offset, self.pointer()));
        }
    }

    fn duplicate(&mut self, name: &str, offset: usize) {
        if name.starts_with('$') {
            // Saved files repeat these by the hundred: one line tells it.
            match &mut self.metadata {
                Some((_, _, times)) => *times += 1,
                None => self.metadata = Some((offset, name.to_owned(), 1)),
            }
        } else if self.duplicates.len() < NOTES_MAX {
            let pointer = format!("{}/{}", self.pointer(), pointer_step(name));
            self.duplicates.push((offset, name.to_owned(), pointer));
        }
    }

    pub(super) fn endless_number(&self) -> Option<usize> {
        self.endless_number
    }

    pub(super) fn into_warnings(self, position: impl Fn(usize) -> Position) -> Vec<Diagnostic> {
        let repeated = |offset, message: String| {
            Diagnostic::new(codes::DUPLICATE_PROPERTY, message).at(Some(position(offset)))
        };
        let duplicates = self.duplicates.into_iter().map(|(offset, name, pointer)| {
            repeated(
                offset,
                format!("property {} is written again in the same object", quoted(&name)),
            )
            .pointing(pointer)
            .help("the last one counts: remove the others")
        });
        let metadata = self.metadata.into_iter().map(|(offset, name, times)| {
            let message =
                format!("metadata property {} is written again in the same object", quoted(&name));
            let diagnostic = repeated(offset, message).help("the last one counts");
            if times == 1 {
                diagnostic
            } else {
                diagnostic.found(format!("{times} such repetitions in the file"))
            }
        });
        let nulls = self.nulls.into_iter().map(|(offset, pointer)| {
            Diagnostic::new(codes::NULL_ELEMENT, "an array holds a null, which is left out")
                .at(Some(position(offset)))
                .pointing(pointer)
        });
        duplicates.chain(metadata).chain(nulls).collect()
    }
}
