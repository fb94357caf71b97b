//! One object of a step's settings, read as the plugins' SDK reads it (contract 1.4): what is
//! written in another way than the format's is left to the plugin, which tells it.

use serde_json::{Map, Value};
use tureen_template::SettingId;

use crate::workflow::document::pointer_step;

pub(super) struct Item<'v> {
    members: &'v Map<String, Value>,
    pointer: String,
}

impl<'v> Item<'v> {
    pub(super) fn of(value: &'v Value, pointer: String) -> Option<Self> {
        Some(Self { members: value.as_object()?, pointer })
    }

    /// The property of this name, or else one that differs from it in case alone.
    fn entry(&self, name: &str) -> Option<(&'v str, &'v Value)> {
        let exact = self.members.get_key_value(name);
        let found = exact
            .or_else(|| self.members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
        found.map(|(name, value)| (name.as_str(), value)).filter(|(_, value)| !value.is_null())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// The JSON pointer of a property, present or not.
    pub(super) fn pointer_to(&self, name: &str) -> String {
        let spelling = self.entry(name).map_or(name, |(spelling, _)| spelling);
        format!("{}/{}", self.pointer, pointer_step(spelling))
    }

    /// The name of the class, without namespace and assembly.
    pub(super) fn class(&self) -> &'v str {
        let written = self.entry("$type").or_else(|| self.entry("SettingType"));
        let text = written.and_then(|(_, value)| value.as_str()).unwrap_or_default();
        let class = text.split(',').next().unwrap_or_default().trim();
        class.rsplit('.').next().unwrap_or_default()
    }

    /// A text, "" where there is none; `None` for what is no text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.entry(name) {
            None => Some(String::new()),
            Some((_, Value::String(text))) => Some(text.clone()),
            Some((_, Value::Number(number))) => Some(number.to_string()),
            Some((_, Value::Bool(flag))) => Some(flag.to_string()),
            Some(_) => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        match self.entry(name) {
            Some((_, Value::Bool(flag))) => *flag,
            Some((_, Value::Number(number))) => number.as_i64().is_some_and(|number| number != 0),
            Some((_, Value::String(text))) => text.trim().eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// The number of an enum's value, whose names are in the order of their numbers; 0 where it is
    /// left out, `None` for what is none of them.
    pub(super) fn choice(&self, name: &str, names: &[&str]) -> Option<usize> {
        let Some((_, value)) = self.entry(name) else { return Some(0) };
        let number = whole_number(value).and_then(|number| usize::try_from(number).ok());
        let text = value.as_str().map(str::trim);
        let named = |text: &str| names.iter().position(|known| known.eq_ignore_ascii_case(text));
        number.filter(|number| *number < names.len()).or_else(|| text.and_then(named))
    }

    /// Whether an enum has one value, given by number or name.
    pub(super) fn is(&self, name: &str, number: i64, known: &str) -> bool {
        self.entry(name).is_some_and(|(_, value)| {
            let text = value.as_str().map(str::trim);
            whole_number(value) == Some(number)
                || text.is_some_and(|text| text.eq_ignore_ascii_case(known))
        })
    }

    /// The id of a setting, none where it is left out; `None` for what is no id.
    pub(super) fn id(&self, name: &str) -> Option<SettingId> {
        SettingId::parse(&self.text(name)?).ok()
    }

    /// The objects of an array.
    pub(super) fn items(&self, name: &str) -> Vec<Self> {
        let Some((_, Value::Array(elements))) = self.entry(name) else { return Vec::new() };
        let pointer = self.pointer_to(name);
        let each = elements.iter().enumerate();
        each.filter_map(|(index, value)| Self::of(value, format!("{pointer}/{index}"))).collect()
    }

    /// The objects that an object holds by name.
    pub(super) fn values(&self, name: &str) -> Vec<Self> {
        let Some((_, Value::Object(members))) = self.entry(name) else { return Vec::new() };
        let pointer = self.pointer_to(name);
        let each = members.iter().filter(|(name, _)| !name.starts_with('$'));
        each.filter_map(|(name, value)| {
            Self::of(value, format!("{pointer}/{}", pointer_step(name)))
        })
        .collect()
    }
}

fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            // Some writers put whole numbers as 5.0.
            number.to_string().strip_suffix(".0")?.parse().ok()
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
