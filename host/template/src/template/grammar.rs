//! Finds the placeholders of a text (contract 9.1, 9.3).
//!
//! Knows: the grammar. Deliberately does not know: which names exist.
//!
//! # Invariants
//! - Linear: a body ends at the next `${`, so no byte is scanned for two bodies.
//! - A placeholder that could end at two braces is refused: what its author wrote is
//!   never taken for a part of it without a word.

use tureen_message::Problem;

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
        let Some((content, formatting)) = placeholder(body.text) else { continue };
        let formatting = check_ends_once(body.ambiguous).and(formatting);
        let end = body_start + body.text.len() + 1;
        fields.push(Field { start, end, content, formatting });
    }
    fields
}

/// What stands between the braces, as far as these can be found.
struct Body<'a> {
    text: &'a str,
    /// The placeholder could as well end at an earlier brace.
    ambiguous: bool,
}

/// The text up to the closing brace: the first one outside parentheses. Those
/// that hold a brace must be closed at the end of a modifier, before `:` or `}`;
/// if not, they are no pair and the placeholder ends with that brace. So
/// `${v:Remove(()} B )` takes nothing of what its author wrote behind it.
fn body(text: &str) -> Option<Body<'_>> {
    let mut depth = 0_usize;
    let mut opening = 0;
    // Within the parentheses where the scan is.
    let mut brace = None;
    let mut ambiguous = false;
    let until = |end| text.get(..end);
    for (index, byte) in text.bytes().enumerate().skip(braced_id(text)?) {
        match byte {
            b'(' => {
                if depth == 0 {
                    opening = index;
                }
                depth += 1;
            }
            b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0
                    && let Some(inner) = brace.take()
                {
                    if !ends_modifier(text.get(index + 1..)?) {
                        return Some(Body { text: until(inner)?, ambiguous });
                    }
                    ambiguous |= could_end(until(inner)?, until(opening)?);
                }
            }
            b'}' if depth == 0 => return Some(Body { text: until(index)?, ambiguous }),
            b'}' if brace.is_none() => brace = Some(index),
            _ => {}
        }
    }
    Some(Body { text: until(brace?)?, ambiguous })
}

/// How long an id in braces is with which a body begins; its braces are pairs.
/// `None` when it has no end.
fn braced_id(text: &str) -> Option<usize> {
    if !text.starts_with('{') {
        return Some(0);
    }
    let mut depth = 0_usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(index + 1),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Whether the parenthesis before this text closes a modifier.
fn ends_modifier(behind: &str) -> bool {
    behind.trim_start().starts_with([':', '}'])
}

/// Whether a placeholder could end with a brace in parentheses that are closed
/// later: it follows a modifier with an argument that is a parenthesis (`Remove(()}`),
/// or the parentheses are none of a modifier (`0 (}`).
fn could_end(before_brace: &str, before_opening: &str) -> bool {
    let name = before_opening.rsplit(':').next().unwrap_or_default().trim();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    !is_name || before_brace.trim_end().ends_with(')')
}

fn check_ends_once(ambiguous: bool) -> Result<(), Problem> {
    if !ambiguous {
        return Ok(());
    }
    let text = "the placeholder could end at more than one closing brace, because of its \
                parentheses; set a variable with Remove, Replace or Format in an action, and use it";
    Err(Problem::new("template.modifier", text))
}

type Parsed = (Content, Result<Formatting, Problem>);

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
