//! JSON strings and compact text: between wire text and what a workflow reads.
//!
//! # Invariants
//! - Text without escapes is borrowed; text without white space is compact
//!   already and is borrowed.
//! - An escaped half of a surrogate pair is valid JSON but no character: it
//!   reads as U+FFFD. The wire keeps it until the string is written.

use std::borrow::Cow;
use std::fmt::Write;

use super::scan::is_white;

/// The text of a string, given with its quotes.
pub(super) fn decode(quoted: &str) -> Cow<'_, str> {
    let inner = quoted.strip_prefix('"').unwrap_or(quoted);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let Some((plain, mut rest)) = inner.split_once('\\') else { return Cow::Borrowed(inner) };
    let mut text = String::with_capacity(inner.len());
    text.push_str(plain);
    loop {
        rest = decode_escape(rest, &mut text);
        let Some((plain, escape)) = rest.split_once('\\') else { break };
        text.push_str(plain);
        rest = escape;
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Decodes the escape whose backslash stood before `rest`; answers what follows.
fn decode_escape<'a>(rest: &'a str, text: &mut String) -> &'a str {
    let mut characters = rest.chars();
    match characters.next() {
        Some('b') => text.push('\u{8}'),
        Some('f') => text.push('\u{c}'),
        Some('n') => text.push('\n'),
        Some('r') => text.push('\r'),
        Some('t') => text.push('\t'),
        Some('u') => return decode_unit(characters.as_str(), text),
        Some(same) => text.push(same),
        None => {}
    }
    characters.as_str()
}

/// Decodes `XXXX`, or the pair `XXXX\uXXXX`.
fn decode_unit<'a>(rest: &'a str, text: &mut String) -> &'a str {
    let (first, after) = unit(rest);
    let Some(first) = first else {
        text.push(char::REPLACEMENT_CHARACTER);
        return after;
    };
    if (0xd800..0xdc00).contains(&first)
        && let Some((Some(second), after_pair)) = after.strip_prefix("\\u").map(unit)
        && let Some(Ok(character)) = char::decode_utf16([first, second]).next()
    {
        text.push(character);
        return after_pair;
    }
    text.push(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER));
    after
}

fn unit(rest: &str) -> (Option<u16>, &str) {
    match rest.split_at_checked(4) {
        Some((digits, after)) => (u16::from_str_radix(digits, 16).ok(), after),
        None => (None, ""),
    }
}

/// A JSON string of the text, with quotes. Only what must be escaped is.
pub(crate) fn encode(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    let mut rest = text;
    while let Some((at, character)) = rest.char_indices().find(|(_, found)| must_escape(*found)) {
        let (plain, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        quoted.push_str(plain);
        push_escape(character, &mut quoted);
        // Every character that must be escaped is one byte.
        rest = from.get(1..).unwrap_or_default();
    }
    quoted.push_str(rest);
    quoted.push('"');
    quoted
}

/// RFC 8259 section 7: quotation mark, reverse solidus, control characters.
fn must_escape(character: char) -> bool {
    matches!(character, '"' | '\\' | '\0'..='\u{1f}')
}

fn push_escape(character: char, quoted: &mut String) {
    match character {
        '"' => quoted.push_str("\\\""),
        '\\' => quoted.push_str("\\\\"),
        '\u{8}' => quoted.push_str("\\b"),
        '\u{c}' => quoted.push_str("\\f"),
        '\n' => quoted.push_str("\\n"),
        '\r' => quoted.push_str("\\r"),
        '\t' => quoted.push_str("\\t"),
        control => {
            // Writing to a String cannot fail.
            let _ = write!(quoted, "\\u{:04x}", u32::from(control));
        }
    }
}

/// The same JSON without white space between its tokens; strings and numbers
/// stay as they are written.
pub(super) fn compact(json: &str) -> Cow<'_, str> {
    let Some(first) = outside_strings(json).next() else { return Cow::Borrowed(json) };
    let mut text = String::with_capacity(json.len());
    text.push_str(json.get(..first).unwrap_or_default());
    let mut from = first + 1;
    for white in outside_strings(json).skip(1) {
        text.push_str(json.get(from..white).unwrap_or_default());
        from = white + 1;
    }
    text.push_str(json.get(from..).unwrap_or_default());
    Cow::Owned(text)
}

/// The offsets of white space that is not inside a string.
fn outside_strings(json: &str) -> impl Iterator<Item = usize> {
    let mut in_string = false;
    let mut escaped = false;
    json.bytes().enumerate().filter_map(move |(at, byte)| {
        if in_string {
            if escaped {
                escaped = false;
            } else if byte == b'\\' {
                escaped = true;
            } else if byte == b'"' {
                in_string = false;
            }
            return None;
        }
        in_string = byte == b'"';
        is_white(byte).then_some(at)
    })
}
