//! Finds the placeholders of a text (contract 9.1, 9.3).
//!
//! Knows: the grammar. Deliberately does not know: which names exist.
//!
//! # Invariants
//! - Linear: a body ends at the next `${`, so no byte is scanned for two bodies.

use super::{Content, Field};
use crate::data_table::{Movement, TableReference};
use crate::formatting::Formatting;
use crate::name::fold;
use crate::setting_id::{Direction, SettingId};

const OPEN: &str = "${";

/// The most bytes of a name in a placeholder.
const NAME_BYTES_MAX: usize = 256;

pub(super) fn fields(text: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut offset = 0;
    while let Some(rest) = text.get(offset..)
        && let Some(found) = rest.find(OPEN)
    {
        let start = offset + found;
        let body_start = start + OPEN.len();
        let behind = text.get(body_start..).unwrap_or_default();
        let reach = behind.find(OPEN).unwrap_or(behind.len());
        // A body that reaches the next opening is none; go on with that one.
        offset = body_start + reach;
        let Some(body) = behind.get(..reach).and_then(body) else { continue };
        let Some((content, formatting)) = placeholder(body) else { continue };
        let end = body_start + body.len() + 1;
        fields.push(Field { start, end, content, formatting });
    }
    fields
}

/// The text up to the closing brace: the first one outside parentheses, or else
/// the first one. Inside an id in braces, braces count like parentheses.
fn body(text: &str) -> Option<&str> {
    let braced = text.starts_with('{');
    let mut depth = 0_usize;
    let mut first_brace = None;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b'{' if braced => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'}' if depth == 0 => return text.get(..index),
            b'}' if braced => depth -= 1,
            b'}' if first_brace.is_none() => first_brace = Some(index),
            _ => {}
        }
    }
    text.get(..first_brace?)
}

type Parsed = (Content, Result<Formatting, tureen_message::Problem>);

/// Variables of request headers are called `HttpHeader:NAME` (contract T-32): the colon is part of
/// the name, and a format follows the next one.
const HEADER_VARIABLES: &str = "HttpHeader";

/// What stands between the braces; `None` when it is no placeholder.
fn placeholder(body: &str) -> Option<Parsed> {
    let mut parts = Parts { rest: Some(body) };
    let name = parts.next().unwrap_or_default().trim();
    if let Some((setting, direction)) = message(name) {
        let content = Content::Message { setting, direction };
        return Some((content, Formatting::from_modifiers(parts)));
    }
    if let Some((reference, movement)) = data_table(name) {
        let content = Content::DataTable { reference: reference.to_owned(), movement };
        let formatting = TableReference::parse(reference).with_field();
        return Some((content, formatting.and_then(|_| Formatting::from_modifiers(parts))));
    }
    let name = match parts.rest {
        Some(_) if name.eq_ignore_ascii_case(HEADER_VARIABLES) => {
            format!("{name}:{}", parts.next().unwrap_or_default().trim())
        }
        _ => name.to_owned(),
    };
    if !is_name(&name) {
        return None;
    }
    let folded = fold(&name).into_owned();
    let content = Content::Variable { name, folded };
    Some((content, Formatting::from_modifiers(parts)))
}

fn is_name(name: &str) -> bool {
    let allowed = |character: char| {
        !character.is_control() && !matches!(character, '{' | '}' | '$' | '"' | '\'' | '`')
    };
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(allowed)
}

/// `<id> inbound` or `<id> outbound`.
fn message(name: &str) -> Option<(SettingId, Direction)> {
    let (id, direction) = name.rsplit_once(char::is_whitespace)?;
    let direction = Direction::from_name(direction)?;
    let id = id.trim();
    let setting = SettingId::parse(id).ok().filter(|_| !id.is_empty())?;
    Some((setting, direction))
}

/// `DATATABLE>Table.Field` or `DATATABLE?Table.Field`.
fn data_table(name: &str) -> Option<(&str, Movement)> {
    const WORD: &str = "DATATABLE";
    let (word, rest) = name.split_at_checked(WORD.len())?;
    if !word.eq_ignore_ascii_case(WORD) {
        return None;
    }
    match rest.strip_prefix('>') {
        Some(reference) => Some((reference, Movement::Next)),
        None => Some((rest.strip_prefix('?')?, Movement::Random)),
    }
}

/// The parts of a body between colons outside parentheses.
struct Parts<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.take()?;
        let mut depth = 0_usize;
        for (index, byte) in rest.bytes().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => depth = depth.saturating_sub(1),
                b':' if depth == 0 => {
                    self.rest = rest.get(index + 1..);
                    return rest.get(..index);
                }
                _ => {}
            }
        }
        Some(rest)
    }
}
