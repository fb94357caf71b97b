//! What a document says of its own character set: `<?xml … encoding="…"?>`.
//!
//! Deliberately does not know: whether the declaration is well-formed.

use std::ops::Range;

use memchr::memmem;

use super::scan::{is_white, skip};
use crate::Problem;
use crate::charset::{Found, Named, Set, Source, of_label, unknown, unsupported};

/// The longest declaration that is looked at, in bytes.
const DECLARATION_BYTES_MAX: usize = 1_024;

const UTF8: &[u8] = b"UTF-8";

/// The set of received bytes that have no byte order mark (XML 1.0 appendix F).
/// A declaration that can be read byte by byte is none of UTF-16.
///
/// # Errors
/// `charset.unsupported` and `charset.unknown`, where the bytes are not all
/// ASCII.
pub(crate) fn found(bytes: &[u8]) -> Result<Found, Problem> {
    let wide = |set| Ok(Found { set, source: Source::ByteOrderMark });
    match *bytes {
        [b'<', 0, 0, 0, ..] => return wide(Set::Utf32 { big_endian: false }),
        [0, 0, 0, b'<', ..] => return wide(Set::Utf32 { big_endian: true }),
        [b'<', 0, ..] => return wide(Set::Utf16 { big_endian: false }),
        [0, b'<', ..] => return wide(Set::Utf16 { big_endian: true }),
        _ => {}
    }
    let Some(range) = encoding(bytes) else { return Ok(Found::NOTHING) };
    let name = text_of(bytes, range);
    match of_label(&name) {
        Named::Set(set) if !set.is_wide() => Ok(Found { set, source: Source::XmlDeclaration }),
        Named::Set(_) | Named::Ascii | Named::Utf16 | Named::Utf32 => Ok(Found::NOTHING),
        Named::Unsupported | Named::Unknown if bytes.is_ascii() => Ok(Found::NOTHING),
        Named::Unsupported => Err(unsupported(Source::XmlDeclaration.described())),
        Named::Unknown => Err(unknown(Source::XmlDeclaration.described(), &name)),
    }
}

/// Makes the declaration of a document in UTF-8 true, where it names another
/// set that the document cannot be in.
pub(crate) fn declare_utf8(bytes: &mut Vec<u8>) {
    if let Some(range) = untrue_encoding(bytes, bytes.is_ascii()) {
        bytes.splice(range, UTF8.iter().copied());
    }
}

/// Where the declaration names a set other than that of a document in UTF-8.
pub(super) fn untrue_encoding(bytes: &[u8], is_ascii: bool) -> Option<Range<usize>> {
    let range = encoding(bytes)?;
    let is_true = match of_label(&text_of(bytes, range.clone())) {
        Named::Set(Set::Utf8) => true,
        Named::Utf16 | Named::Utf32 => false,
        Named::Set(set) => is_ascii && !set.is_wide(),
        Named::Ascii | Named::Unsupported | Named::Unknown => is_ascii,
    };
    (!is_true).then_some(range)
}

/// Where the name of the set stands in ASCII-compatible bytes.
fn encoding(bytes: &[u8]) -> Option<Range<usize>> {
    let start = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let head = bytes.get(..bytes.len().min(DECLARATION_BYTES_MAX))?;
    let declaration = head.get(start..)?;
    // `<?xmlfoo … ?>` is an instruction like any other.
    let after = declaration.strip_prefix(b"<?xml")?.first()?;
    if !is_white(*after) {
        return None;
    }
    let declaration = declaration.get(..memmem::find(declaration, b"?>")?)?;
    let head = head.get(..start + declaration.len())?;
    let name = start + memmem::find(declaration, b"encoding")? + b"encoding".len();
    let equals = skip(head, name, is_white);
    let quote_at = skip(head, equals, |byte| is_white(byte) || byte == b'=');
    let quote = *head.get(quote_at).filter(|quote| matches!(quote, b'"' | b'\''))?;
    let value = head.get(quote_at + 1..)?;
    Some(quote_at + 1..quote_at + 1 + memchr::memchr(quote, value)?)
}

fn text_of(bytes: &[u8], range: Range<usize>) -> String {
    String::from_utf8_lossy(bytes.get(range).unwrap_or_default()).into_owned()
}
