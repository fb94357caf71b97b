//! JSON: member by member, item by item.

use std::vec;

use serde_json::Value;

use super::places::is_ignored;
use super::{Inside, texts};

/// The value of a text; `None` when it is no JSON, or nested too deeply for the
/// parser (128 levels).
pub(super) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// Ignored places are left out here: what is no difference of values is looked for
/// in the rest.
pub(super) fn compare(expected: &[u8], found: &[u8], ignore: &[String]) -> Vec<Inside> {
    let (expected, found) = texts(expected, found);
    let (Some(left), Some(right)) = (parse(&expected), parse(&found)) else {
        return super::text::compare(expected.as_bytes(), found.as_bytes());
    };
    let mut differences = Vec::new();
    values("", &left, &right, &mut differences);
    differences.retain(|(place, ..)| !is_ignored(place, ignore));
    if differences.is_empty() && spelt(&expected, ignore) != spelt(&found, ignore) {
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

/// Names, values and brackets as they are spelt, in their order; those of ignored places
/// are left out.
fn spelt<'t>(text: &'t str, ignore: &[String]) -> Vec<&'t str> {
    let all = tokens(text);
    if ignore.is_empty() {
        return all;
    }
    let mut kept = Vec::with_capacity(all.len());
    keep_value("", &mut all.into_iter(), ignore, &mut kept);
    kept
}

/// The text was parsed before, which limits the depth: so this may recurse.
fn keep_value<'t>(
    place: &str,
    tokens: &mut vec::IntoIter<&'t str>,
    ignore: &[String],
    kept: &mut Vec<&'t str>,
) {
    let Some(first) = tokens.next() else { return };
    kept.push(first);
    if first != "{" && first != "[" {
        return;
    }
    let mut number = 0;
    while let Some(next) = tokens.as_slice().first().copied() {
        if next == "}" || next == "]" {
            kept.extend(tokens.next());
            return;
        }
        number += 1;
        let before = kept.len();
        let inner = if first == "{" {
            kept.extend(tokens.next());
            below(place, &name_of(next))
        } else {
            format!("{place}[{number}]")
        };
        keep_value(&inner, tokens, ignore, kept);
        if is_ignored(&inner, ignore) {
            kept.truncate(before);
        }
    }
}

/// The name that a token in quotes spells.
fn name_of(token: &str) -> String {
    serde_json::from_str(token).unwrap_or_else(|_| token.to_owned())
}

/// What stands between tokens. The text was parsed before, so that it tells nothing.
const BETWEEN: [char; 6] = [' ', '\t', '\n', '\r', ',', ':'];

const BRACKETS: [char; 4] = ['{', '}', '[', ']'];

fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(BETWEEN);
    while let Some((token, further)) = rest.split_at_checked(token_length(rest)) {
        if token.is_empty() {
            break;
        }
        tokens.push(token);
        rest = further.trim_start_matches(BETWEEN);
    }
    tokens
}

/// Bytes of the token that the text begins with; 0 of no text.
fn token_length(text: &str) -> usize {
    if text.starts_with(BRACKETS) {
        return 1;
    }
    if text.starts_with('"') {
        return string_length(text);
    }
    text.find(|it| BETWEEN.contains(&it) || BRACKETS.contains(&it)).unwrap_or(text.len())
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let closes = |(_, character): &(usize, char)| {
        let closes = *character == '"' && !escaped;
        escaped = *character == '\\' && !escaped;
        closes
    };
    let end = text.char_indices().skip(1).find(closes);
    end.map_or(text.len(), |(at, quote)| at + quote.len_utf8())
}
