//! Names of elements and attributes (XML 1.0 section 2.3, Namespaces in XML).
//!
//! Deliberately does not know: where a name stands, what a prefix is bound to.

/// How many bytes of text, from its start, are a name.
pub(super) fn length(text: &str) -> usize {
    let mut characters = text.char_indices();
    match characters.next() {
        Some((_, first)) if starts_name(first) => {}
        _ => return 0,
    }
    characters.find(|(_, found)| !continues_name(*found)).map_or(text.len(), |(end, _)| end)
}

/// How many bytes of text, from its start, are a name without a colon.
pub(super) fn unqualified_length(text: &str) -> usize {
    let length = length(text);
    let name = text.get(..length).unwrap_or_default();
    name.find(':').unwrap_or(length)
}

/// Whether the whole text is a name with at most one colon, inside it.
pub(super) fn is_qualified(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.contains(':') && length(part) == part.len();
    match text.split_once(':') {
        Some((prefix, local)) => part(prefix) && part(local),
        None => part(text),
    }
}

/// The prefix of a qualified name, "" where it has none.
pub(super) fn prefix(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

/// A qualified name without its prefix.
pub(super) fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// Whether an attribute declares a namespace.
pub(super) fn declares_namespace(name: &str) -> bool {
    name == "xmlns" || name.starts_with("xmlns:")
}

/// Whether a character may stand in a document (XML 1.0 section 2.2).
pub(super) fn is_character(found: char) -> bool {
    match found {
        '\t' | '\n' | '\r' => true,
        '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => false,
        _ => true,
    }
}

fn starts_name(found: char) -> bool {
    matches!(found,
        'a'..='z' | 'A'..='Z' | '_' | ':'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}'
        | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

fn continues_name(found: char) -> bool {
    starts_name(found)
        || matches!(found,
            '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}
