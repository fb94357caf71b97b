//! Reads the properties of one object as the format's types (contract 1.4).
//!
//! Knows: which spellings of a flag, a number, an enum, an id are accepted.
//! Deliberately does not know: which properties there are.

use tureen_template::{SettingId, Template};

use super::findings::{Findings, Headline as _};
use crate::diagnostics::nearest::nearest;
use crate::diagnostics::{codes, quoted};
use crate::workflow::document::{Kind, Node, pointer_step};

/// Numbers and names of an enum.
pub(super) type Names = &'static [(i64, &'static str)];

/// One object of the file, with its place.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    pub(super) node: &'a Node,
    pub(super) pointer: String,
    findings: &'a Findings<'a>,
}

/// A property that was found: its value and its place.
pub(super) struct Found<'a> {
    pub(super) node: &'a Node,
    pub(super) pointer: String,
}

impl<'a> Fields<'a> {
    pub(super) fn new(node: &'a Node, pointer: String, findings: &'a Findings<'a>) -> Self {
        Self { node, pointer, findings }
    }

    pub(super) fn findings(&self) -> &'a Findings<'a> {
        self.findings
    }

    /// The pointer to a property, whether it exists or not.
    pub(super) fn pointer_to(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, pointer_step(name))
    }

    /// The property of this name, or else the only one that differs from it in
    /// case alone: ignoring `authentication` would open a door.
    pub(super) fn find(&self, name: &str) -> Option<Found<'a>> {
        if let Some(node) = self.node.get(name) {
            return Some(Found { node, pointer: self.pointer_to(name) });
        }
        let member =
            self.node.members().iter().find(|member| member.name.eq_ignore_ascii_case(name))?;
        let pointer = self.pointer_to(&member.name);
        self.findings.tell(codes::PROPERTY_CASE, &pointer, |diagnostic| {
            diagnostic
                .saying(format!("property {} is read as {}", quoted(&member.name), quoted(name)))
                .help(format!("write it as {}", quoted(name)))
        });
        Some(Found { node: &member.value, pointer })
    }

    /// Text; a number or a flag is taken as its text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let found = self.find(name)?;
        match found.node.kind() {
            Kind::Text(text) => Some(text.clone()),
            Kind::Number(text) => Some(text.clone()),
            Kind::Bool(value) => Some(value.to_string()),
            _ => self.wrong_kind(name, &found, "a text"),
        }
    }

    pub(super) fn template(&self, name: &str) -> Template {
        Template::compile(&self.text(name).unwrap_or_default())
    }

    /// `true`, `false`, their names as text, 1 or 0.
    pub(super) fn explicit_flag(&self, name: &str) -> Option<bool> {
        let found = self.find(name)?;
        match found.node.kind() {
            Kind::Bool(value) => Some(*value),
            Kind::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Kind::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            Kind::Number(text) if text == "1" => Some(true),
            Kind::Number(text) if text == "0" => Some(false),
            _ => self.wrong_kind(name, &found, "true or false"),
        }
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.explicit_flag(name).unwrap_or(default)
    }

    /// A whole number, also written as text, within limits.
    pub(super) fn integer(&self, name: &str, least: i64, most: i64) -> Option<i64> {
        let found = self.find(name)?;
        let number = match found.node.kind() {
            Kind::Number(text) => text.parse::<i64>(),
            Kind::Text(text) => text.trim().parse::<i64>(),
            _ => return self.wrong_kind(name, &found, "a whole number"),
        };
        match number {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            Ok(_) => {
                self.findings.tell(codes::OUT_OF_RANGE, &found.pointer, |diagnostic| {
                    diagnostic
                        .saying(format!("the number of {name} is out of range"))
                        .expected(format!("{least} to {most}"))
                        .found(found.node.to_json())
                });
                None
            }
            Err(_) => self.wrong_kind(name, &found, "a whole number"),
        }
    }

    /// An enum as number, number in text, or name in any case.
    pub(super) fn choice(&self, name: &str, names: Names) -> Option<i64> {
        let found = self.find(name)?;
        let (written, number) = match found.node.kind() {
            Kind::Number(text) => (text.as_str(), text.parse::<i64>().ok()),
            Kind::Text(text) => (text.trim(), text.trim().parse::<i64>().ok()),
            _ => return self.wrong_kind(name, &found, "a number or a name"),
        };
        let chosen = names.iter().find(|(value, known)| {
            number.map_or_else(|| known.eq_ignore_ascii_case(written), |number| number == *value)
        });
        if chosen.is_none() {
            self.findings.tell(codes::OUT_OF_RANGE, &found.pointer, |diagnostic| {
                diagnostic
                    .saying(format!("{name} has no such value"))
                    .expected(listed(names))
                    .found(quoted(written))
            });
        }
        chosen.map(|(value, _)| *value)
    }

    /// An id; `None` when the property is missing, empty, zero or not an id
    /// (which is told).
    pub(super) fn id(&self, name: &str) -> Option<SettingId> {
        self.id_at(name, &self.find(name)?)
    }

    /// The same for a value that was found already.
    pub(super) fn id_at(&self, name: &str, found: &Found<'a>) -> Option<SettingId> {
        let Some(text) = found.node.as_text() else {
            return self.wrong_kind(name, found, "the Id of a setting, as text");
        };
        match text.parse::<SettingId>() {
            Ok(id) if id == SettingId::NONE => None,
            Ok(id) => Some(id),
            Err(_) => {
                self.findings.tell(codes::ID_NOT_A_GUID, &found.pointer, |diagnostic| {
                    diagnostic
                        .saying(format!("{name} is not a GUID"))
                        .expected(
                            "32 hexadecimal digits, as in 01234567-89ab-cdef-0123-456789abcdef",
                        )
                        .found(quoted(text))
                });
                None
            }
        }
    }

    /// The elements of an array; a missing one has none.
    pub(super) fn array(&self, name: &str) -> Vec<Found<'a>> {
        let Some(found) = self.find(name) else { return Vec::new() };
        if !matches!(found.node.kind(), Kind::Array(_)) {
            self.wrong_kind::<()>(name, &found, "an array");
        }
        let place = |(index, node)| Found { node, pointer: format!("{}/{index}", found.pointer) };
        found.node.elements().iter().enumerate().map(place).collect()
    }

    /// The properties of an object used as a dictionary, `$` metadata left out.
    pub(super) fn dictionary(&self, name: &str) -> Vec<(&'a str, Found<'a>)> {
        let Some(found) = self.find(name) else { return Vec::new() };
        if !matches!(found.node.kind(), Kind::Object(_)) {
            self.wrong_kind::<()>(name, &found, "an object, keyed by name");
        }
        let entries = found.node.members().iter().filter(|member| !member.name.starts_with('$'));
        entries
            .map(|member| {
                let pointer = format!("{}/{}", found.pointer, pointer_step(&member.name));
                (member.name.as_str(), Found { node: &member.value, pointer })
            })
            .collect()
    }

    /// An object as fields of its own.
    pub(super) fn object(&self, name: &str, found: Found<'a>) -> Option<Fields<'a>> {
        if !matches!(found.node.kind(), Kind::Object(_)) {
            return self.wrong_kind(name, &found, "an object");
        }
        Some(Fields::new(found.node, found.pointer, self.findings))
    }

    /// Warns of properties that nobody reads, each with the known one it may
    /// have been meant to be.
    pub(super) fn warn_of_unknown(&self, of: &str, known: &[&[&'static str]]) {
        let known = || known.iter().copied().flatten().copied();
        for member in self.node.members() {
            let name = member.name.as_str();
            if name.starts_with('$') || known().any(|known| known.eq_ignore_ascii_case(name)) {
                continue;
            }
            self.findings.tell(codes::UNKNOWN_PROPERTY, &self.pointer_to(name), |diagnostic| {
                let diagnostic = diagnostic
                    .saying(format!("{of} has no property {}: it has no effect", quoted(name)));
                match nearest(name, known()) {
                    Some(meant) => diagnostic.help(format!("did you mean {}?", quoted(meant))),
                    None => diagnostic,
                }
            });
        }
    }

    fn wrong_kind<T>(&self, name: &str, found: &Found<'a>, expected: &str) -> Option<T> {
        self.findings.tell(codes::WRONG_KIND, &found.pointer, |diagnostic| {
            diagnostic
                .saying(format!("{name} has a value of the wrong kind"))
                .expected(expected)
                .found(found.node.shape())
        });
        None
    }
}

fn listed(names: Names) -> String {
    let each: Vec<String> = names.iter().map(|(value, name)| format!("{value} {name}")).collect();
    format!("one of: {}", each.join(", "))
}
