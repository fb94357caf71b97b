//! JSON: member by member, item by item.

use serde_json::Value;

use super::{Inside, with_plain_ends};

/// The value of a text; `None` when it is no JSON, or nested too deeply for the
/// parser (128 levels).
pub(super) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

pub(super) fn compare(expected: &[u8], found: &[u8]) -> Vec<Inside> {
    let (expected, found) = (with_plain_ends(expected), with_plain_ends(found));
    let (Some(left), Some(right)) = (parse(&expected), parse(&found)) else {
        return super::text::compare(expected.as_bytes(), found.as_bytes());
    };
    let mut differences = Vec::new();
    values("", &left, &right, &mut differences);
    if differences.is_empty() && without_layout(&expected) != without_layout(&found) {
        // The values are equal as far as this parser tells them apart.
        let what = "the order of members, or how numbers or characters are spelt".to_owned();
        differences.push((what, Some(expected), Some(found)));
    }
    differences
}

/// The parser limits the depth, so this may recurse.
fn values(place: &str, expected: &Value, found: &Value, out: &mut Vec<Inside>) {
    match (expected, found) {
        (Value::Object(left), Value::Object(right)) => {
            for (name, value) in left {
                let place = below(place, name);
                match right.get(name) {
                    Some(other) => values(&place, value, other, out),
                    None => out.push((place, Some(value.to_string()), None)),
                }
            }
            for (name, value) in right.iter().filter(|(name, _)| !left.contains_key(*name)) {
                out.push((below(place, name), None, Some(value.to_string())));
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for index in 0..left.len().max(right.len()) {
                let place = format!("{place}[{}]", index + 1);
                match (left.get(index), right.get(index)) {
                    (Some(one), Some(other)) => values(&place, one, other, out),
                    (one, other) => {
                        let text = |it: Option<&Value>| it.map(Value::to_string);
                        out.push((place, text(one), text(other)));
                    }
                }
            }
        }
        _ if expected == found => {}
        _ => {
            let place = if place.is_empty() { "the whole message" } else { place };
            out.push((place.to_owned(), Some(expected.to_string()), Some(found.to_string())));
        }
    }
}

fn below(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") }
}

/// The text without blanks outside of strings.
fn without_layout(text: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let keep = |character: &char| {
        let kept = inside || !character.is_ascii_whitespace();
        match (*character, inside, escaped) {
            (_, true, true) => escaped = false,
            ('\\', true, false) => escaped = true,
            ('"', _, _) => inside = !inside,
            _ => {}
        }
        kept
    };
    text.chars().filter(keep).collect()
}
