//! What of a path its author wrote, and where values go.
//!
//! Finds placeholders as the host does (contract 9.1, 9.3), so that what is taken
//! for literal text here is literal text there.

use tureen_plugin_sdk::{Context, DateTime, Problem};

const OPEN: &str = "${";

/// Variables of request headers have a colon in their name (contract T-32).
const HEADER_VARIABLES: &str = "HttpHeader";

/// How placeholders of data tables begin: asking one again would go to another
/// row.
const DATA_TABLE: &str = "DATATABLE";

/// A piece of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Placeholder(Placeholder),
}

impl Part {
    pub(super) fn authored(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::Placeholder(placeholder) => &placeholder.authored,
        }
    }
}

/// Where a value is inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placeholder {
    authored: String,
    /// The same without any format.
    bare: String,
    /// Slashes of its format: those of a date, not those that a modifier such as
    /// `Replace(-,/)` would put between pieces of a value.
    separators: usize,
}

impl Placeholder {
    fn new(body: &str) -> Self {
        let mut parts = between_colons(body).into_iter();
        let mut name = parts.next().unwrap_or_default().to_owned();
        if name.trim().eq_ignore_ascii_case(HEADER_VARIABLES)
            && let Some(header) = parts.next()
        {
            name = format!("{name}:{header}");
        }
        let begins = name.trim_start().get(..DATA_TABLE.len());
        let is_data_table = begins.is_some_and(|begin| begin.eq_ignore_ascii_case(DATA_TABLE));
        let formats = parts.filter(|part| !part.contains('('));
        let separators: usize = formats.map(|format| format.matches('/').count()).sum();
        Self {
            authored: format!("{OPEN}{body}}}"),
            bare: format!("{OPEN}{name}}}"),
            separators: if is_data_table { 0 } else { separators },
        }
    }

    /// The value for one message; `None` when it would bring a separator that the
    /// author did not write.
    ///
    /// # Errors
    /// It cannot be expanded.
    pub(super) fn value(&self, context: &Context) -> Result<Option<String>, Problem> {
        let value = context.expand(&self.authored)?;
        let brought = value.matches('/').count();
        if brought == 0 {
            return Ok(Some(value));
        }
        // A value that is no date goes through a date format as it is. No date that is read
        // has a slash: what is there now comes from the format.
        let own =
            brought <= self.separators && DateTime::parse(&context.expand(&self.bare)?).is_some();
        Ok(own.then_some(value))
    }
}

/// The parts of a path in their order; texts beside each other are one.
pub(super) fn parts(path: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    // A body that reaches the next opening is none, so each piece has at most one.
    for (at, piece) in path.split(OPEN).enumerate() {
        if at == 0 {
            push_literal(&mut parts, piece);
            continue;
        }
        match closing(piece).and_then(|end| piece.split_at_checked(end)) {
            Some((body, behind)) => {
                parts.push(Part::Placeholder(Placeholder::new(body)));
                push_literal(&mut parts, behind.strip_prefix('}').unwrap_or(behind));
            }
            None => {
                push_literal(&mut parts, OPEN);
                push_literal(&mut parts, piece);
            }
        }
    }
    parts
}

fn push_literal(parts: &mut Vec<Part>, more: &str) {
    match parts.last_mut() {
        Some(Part::Literal(text)) => text.push_str(more),
        _ if more.is_empty() => {}
        _ => parts.push(Part::Literal(more.to_owned())),
    }
}

/// Where the closing brace of a body stands: the first one outside parentheses, or
/// else the first one. Inside an id in braces, braces count like parentheses.
fn closing(text: &str) -> Option<usize> {
    let braced = text.starts_with('{');
    let mut depth = 0_usize;
    let mut first_brace = None;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b'{' if braced => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'}' if depth == 0 => return Some(index),
            b'}' if braced => depth -= 1,
            b'}' if first_brace.is_none() => first_brace = Some(index),
            _ => {}
        }
    }
    first_brace
}

/// The parts of a body between colons outside parentheses.
fn between_colons(body: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let divides = |character: char| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ':' && depth == 0
    };
    body.split(divides).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_as_the_host_finds_them() {
        for (path, expected) in [
            ("a.txt", &["a.txt"][..]),
            ("a${B}c", &["a", "${B}", "c"]),
            ("${A}${B}", &["${A}", "${B}"]),
            ("${A:Replace(},/)}x", &["${A:Replace(},/)}", "x"]),
            ("${{0f} inbound}x", &["${{0f} inbound}", "x"]),
            ("${A/b", &["${A/b"]),
            ("x${A${B}", &["x${A", "${B}"]),
            ("${A(}b", &["${A(}", "b"]),
        ] {
            let found = parts(path);
            let found: Vec<&str> = found.iter().map(Part::authored).collect();
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn only_slashes_of_a_format_are_separators() {
        for (body, bare, separators) in [
            ("Dob:yyyy/MM/dd", "${Dob}", 2),
            ("Dob:UpperCase:MMM/yyyy", "${Dob}", 1),
            ("Dob:yyyy/MM HH:mm", "${Dob}", 1),
            ("HttpHeader:X-Day:yyyy/MM", "${HttpHeader:X-Day}", 1),
            ("Mrn:Replace(-,/)", "${Mrn}", 0),
            ("Mrn:Replace(:,/):yyyy/MM", "${Mrn}", 1),
            ("DATATABLE>Days.Day:yyyy/MM", "${DATATABLE>Days.Day}", 0),
            ("Mrn", "${Mrn}", 0),
        ] {
            let placeholder = Placeholder::new(body);
            assert_eq!((placeholder.bare.as_str(), placeholder.separators), (bare, separators));
        }
    }
}
