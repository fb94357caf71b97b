//! Reads the settings object of a step, in the dialect of workflow files.
//!
//! The host has resolved duplicates, dropped nulls and unwrapped `$values`.
//! What is left to tolerate is here: numbers and flags in quotes, enums by
//! number, numeric text or name, and property names in another case. A reader
//! says what is wrong as a finding at the JSON pointer of the property.

use crate::{Finding, Problem, SettingId};
use serde_json::{Map, Value};
use std::rc::Rc;

/// One object of a step's settings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settings {
    root: Rc<Value>,
    pointer: String,
}

/// One value of an enum: its number, its name in workflow files, and what it
/// means to the step.
pub type Choice<T> = (i64, &'static str, T);

impl Settings {
    /// Reads settings from JSON text. The empty text is an empty object.
    ///
    /// # Errors
    /// `settings.json` when the text is not JSON or not an object.
    pub fn parse(text: &str) -> Result<Self, Finding> {
        if text.trim().is_empty() {
            return Ok(Self::new(Value::Object(Map::new())));
        }
        match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Ok(Self::new(value)),
            Ok(other) => Err(finding("settings.json", "", "an object", shape(&other))),
            Err(error) => {
                let place = format!("line {}, column {}", error.line(), error.column());
                Err(finding("settings.json", "", "JSON", &format!("something else at {place}")))
            }
        }
    }

    /// Settings from a JSON value, for a test.
    pub fn new(value: Value) -> Self {
        Self { root: Rc::new(value), pointer: String::new() }
    }

    /// The JSON pointer of this object; "" is the step's own.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The JSON pointer of a property of it, present or not.
    pub fn pointer_to(&self, name: &str) -> String {
        let name = self.entry(name).map_or(name, |(spelling, _)| spelling);
        join(&self.pointer, name)
    }

    /// The class that `$type` (or its alias `SettingType`) names: without the
    /// assembly after the comma, trimmed.
    pub fn class(&self) -> Option<&str> {
        let (_, value) = self.entry("$type").or_else(|| self.entry("SettingType"))?;
        let text = value.as_str()?;
        Some(text.split_once(',').map_or(text, |(class, _)| class).trim())
    }

    /// Whether there is such a property, and not null.
    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// A text. A number or a flag is read as it is written.
    ///
    /// # Errors
    /// `settings.type` when it is an object or an array.
    pub fn text(&self, name: &str) -> Result<Option<String>, Finding> {
        self.read(name, "text", |value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        })
    }

    /// A flag: true, false, their names in any case, or a number.
    ///
    /// # Errors
    /// `settings.type` when it is anything else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Finding> {
        self.read(name, "true or false", |value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => number.as_i64().map(|number| number != 0),
            Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        })
    }

    /// A whole number, or a text that is one.
    ///
    /// # Errors
    /// `settings.type` when it is anything else.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Finding> {
        self.read(name, "a whole number", whole_number)
    }

    /// A value of an enum: by its number, by numeric text, or by its name in
    /// any case.
    ///
    /// # Errors
    /// `settings.choice`, with all that is known, when it is none of them.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[Choice<T>]) -> Result<Option<T>, Finding> {
        let Some((spelling, value)) = self.entry(name) else { return Ok(None) };
        let number = whole_number(value);
        let text = value.as_str().map(str::trim);
        let found = choices.iter().find(|(known_number, known_name, _)| {
            number == Some(*known_number)
                || text.is_some_and(|text| text.eq_ignore_ascii_case(known_name))
        });
        if let Some((_, _, meaning)) = found {
            return Ok(Some(*meaning));
        }
        let known: Vec<String> =
            choices.iter().map(|(number, name, _)| format!("{number} ({name})")).collect();
        let found = number.map_or_else(|| shape(value).to_owned(), |number| number.to_string());
        let expected = format!("one of {}", known.join(", "));
        Err(finding("settings.choice", &join(&self.pointer, spelling), &expected, &found))
    }

    /// Characters: an array of one-character texts and of character numbers, or
    /// one text. The format writes both.
    ///
    /// # Errors
    /// `settings.type` when it is anything else.
    pub fn characters(&self, name: &str) -> Result<Option<Vec<char>>, Finding> {
        self.read(name, "an array of characters or of their numbers", |value| match value {
            Value::String(text) => Some(text.chars().collect()),
            Value::Array(items) => items.iter().map(character).collect(),
            _ => None,
        })
    }

    /// The id of a setting; omitted and empty are [`SettingId::NONE`].
    ///
    /// # Errors
    /// `settings.type` when it is not text, `setting.id` when it is no GUID.
    pub fn id(&self, name: &str) -> Result<SettingId, Finding> {
        let text = self.text(name)?.unwrap_or_default();
        SettingId::parse(&text).map_err(|problem| Finding::error(problem.at(self.pointer_to(name))))
    }

    /// An object.
    ///
    /// # Errors
    /// `settings.type` when it is anything else.
    pub fn object(&self, name: &str) -> Result<Option<Self>, Finding> {
        let pointer = self.pointer_to(name);
        self.read(name, "an object", |value| value.is_object().then_some(()))
            .map(|found| found.map(|()| self.at(pointer)))
    }

    /// The members of this object that are texts, with their names; those whose
    /// name begins with `$` belong to the file format.
    ///
    /// # Errors
    /// `settings.type` when one is no text.
    pub fn texts(&self) -> Result<Vec<(String, String)>, Finding> {
        let Some(object) = self.value() else { return Ok(Vec::new()) };
        let members = object.iter().filter(|(name, _)| !name.starts_with('$'));
        members
            .map(|(name, value)| match value {
                Value::String(text) => Ok((name.clone(), text.clone())),
                other => {
                    let pointer = join(&self.pointer, name);
                    Err(finding("settings.type", &pointer, "a text", shape(other)))
                }
            })
            .collect()
    }

    /// The objects of an array; omitted is an empty one.
    ///
    /// # Errors
    /// `settings.type` when it is not an array of objects.
    pub fn objects(&self, name: &str) -> Result<Vec<Self>, Finding> {
        let pointer = self.pointer_to(name);
        let items = self.read(name, "an array", |value| value.as_array().map(Vec::as_slice))?;
        let place = |(at, item): (usize, &Value)| {
            let pointer = join(&pointer, &at.to_string());
            match item {
                Value::Object(_) => Ok(self.at(pointer)),
                other => Err(finding("settings.type", &pointer, "an object", shape(other))),
            }
        };
        items.unwrap_or_default().iter().enumerate().map(place).collect()
    }

    /// The members of this object that are objects, by name: a dictionary.
    /// Names that start with `$` are not members.
    ///
    /// # Errors
    /// `settings.type` when a member is not an object.
    pub fn members(&self) -> Result<Vec<(String, Self)>, Finding> {
        let Some(object) = self.value() else { return Ok(Vec::new()) };
        let members = object.iter().filter(|(name, _)| !name.starts_with('$'));
        members
            .map(|(name, value)| {
                let pointer = join(&self.pointer, name);
                match value {
                    Value::Object(_) => Ok((name.clone(), self.at(pointer))),
                    other => Err(finding("settings.type", &pointer, "an object", shape(other))),
                }
            })
            .collect()
    }

    /// A finding at a property of this object that keeps the workflow from
    /// starting.
    pub fn error(&self, name: &str, code: &str, text: impl Into<String>) -> Finding {
        Finding::error(self.problem(name, code, text))
    }

    /// A problem at a property of this object, for [`crate::Placement::warn`].
    pub fn problem(&self, name: &str, code: &str, text: impl Into<String>) -> Problem {
        Problem::new(code, text).at(self.pointer_to(name))
    }

    fn at(&self, pointer: String) -> Self {
        Self { root: Rc::clone(&self.root), pointer }
    }

    fn value(&self) -> Option<&Map<String, Value>> {
        self.root.pointer(&self.pointer)?.as_object()
    }

    /// The property of that name: exactly, else in another case. Null counts
    /// as omitted.
    fn entry(&self, name: &str) -> Option<(&str, &Value)> {
        let object = self.value()?;
        let exact = object.get_key_value(name);
        let found =
            exact.or_else(|| object.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
        found.map(|(name, value)| (name.as_str(), value)).filter(|(_, value)| !value.is_null())
    }

    fn read<'s, T>(
        &'s self,
        name: &str,
        expected: &str,
        reader: impl Fn(&'s Value) -> Option<T>,
    ) -> Result<Option<T>, Finding> {
        let Some((spelling, value)) = self.entry(name) else { return Ok(None) };
        match reader(value) {
            Some(read) => Ok(Some(read)),
            None => {
                let pointer = join(&self.pointer, spelling);
                Err(finding("settings.type", &pointer, expected, shape(value)))
            }
        }
    }
}

fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            // Some writers put whole numbers as 5.0.
            let text = number.to_string();
            text.strip_suffix(".0")?.parse().ok()
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn character(value: &Value) -> Option<char> {
    match value {
        Value::Number(number) => char::from_u32(u32::try_from(number.as_u64()?).ok()?),
        Value::String(text) => {
            let mut characters = text.chars();
            characters.next().filter(|_| characters.next().is_none())
        }
        _ => None,
    }
}

fn join(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn finding(code: &str, pointer: &str, expected: &str, found: &str) -> Finding {
    Finding::error(Problem::new(code, format!("expected {expected}, found {found}")).at(pointer))
}

/// What kind of value it is; never what it holds.
fn shape(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(text) if text.is_empty() => "an empty text",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
