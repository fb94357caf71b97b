//! The set of XML responses: their mark decides, then what is told, then their own
//! declaration, which says UTF-8 afterwards.
//!
//! Deliberately does not know: whether the declaration is well-formed.

use std::borrow::Cow;
use std::ops::Range;

use crate::Charset;
use crate::charset::Untranslatable;

/// The longest declaration that is looked at, in bytes.
const DECLARATION_BYTES_MAX: usize = 1_024;

/// The document in UTF-8.
///
/// # Errors
/// The bytes are not of the set that it is in, or the text would be too long.
pub(crate) fn readable(
    bytes: Cow<'_, [u8]>,
    told: Option<Charset>,
) -> Result<Cow<'_, [u8]>, Untranslatable> {
    // The mark decides, whatever is told (RFC 7303, section 3).
    let set = Charset::by_mark(&bytes).or(told).unwrap_or_else(|| own_set(&bytes));
    let text = set.decode(bytes)?;
    let Some(name) = untrue_name(&text, set) else { return Ok(text) };
    let mut text = text.into_owned();
    // Without this the text could get twice the room that it needs.
    text.reserve_exact(UTF_8.len());
    text.splice(name, UTF_8.iter().copied());
    Ok(Cow::Owned(text))
}

const UTF_8: &[u8] = b"UTF-8";

/// The set that a document without mark says (XML 1.0, appendix F). A declaration
/// that can be read byte by byte is none of UTF-16.
fn own_set(bytes: &[u8]) -> Charset {
    match bytes {
        [b'<', 0, 0, ..] => Charset::Utf8,
        [b'<', 0, ..] => Charset::Utf16LittleEndian,
        [0, b'<', ..] => Charset::Utf16BigEndian,
        _ => {
            let named = name(bytes).and_then(|range| set_of(bytes, range));
            // ASCII says nothing of what is outside it.
            let told = named.filter(|set| !set.is_wide() && *set != Charset::Ascii);
            told.unwrap_or(Charset::Utf8)
        }
    }
}

/// Where the declaration of a document that was in this set names one that it is
/// not in.
fn untrue_name(text: &[u8], was_in: Charset) -> Option<Range<usize>> {
    let range = name(text)?;
    let is_true = match set_of(text, range.clone()) {
        Some(Charset::Utf8) => true,
        Some(named) if named.is_wide() => false,
        // ASCII is the same in all others.
        _ => was_in.holds_ascii() && text.is_ascii(),
    };
    (!is_true).then_some(range)
}

fn set_of(bytes: &[u8], range: Range<usize>) -> Option<Charset> {
    Charset::from_name(std::str::from_utf8(bytes.get(range)?).ok()?)
}

/// Where the name of the set stands: `<?xml … encoding="…"`.
fn name(bytes: &[u8]) -> Option<Range<usize>> {
    const ATTRIBUTE: &[u8] = b"encoding";
    let head = bytes.get(..bytes.len().min(DECLARATION_BYTES_MAX))?;
    // `<?xmlfoo … ?>` is an instruction like any other.
    let is_declaration = head.strip_prefix(b"<?xml")?.first().is_some_and(u8::is_ascii_whitespace);
    let declaration = head.get(..find(head, b"?>")?).filter(|_| is_declaration)?;
    let equals = find(declaration, ATTRIBUTE)? + ATTRIBUTE.len();
    let rest = declaration.get(equals..)?;
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'=';
    let quote_at = equals + rest.iter().position(|byte| !is_between(byte))?;
    let quote = *declaration.get(quote_at).filter(|quote| matches!(quote, b'"' | b'\''))?;
    let start = quote_at + 1;
    let length = declaration.get(start..)?.iter().position(|byte| *byte == quote)?;
    Some(start..start + length)
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(encoding: &str, text: &str) -> String {
        format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?><a>{text}</a>")
    }

    fn in_set(name: &str, text: &str) -> Vec<u8> {
        Charset::from_name(name).unwrap().encode(text.to_owned()).unwrap()
    }

    fn read(bytes: &[u8], told: Option<&str>) -> Result<String, Untranslatable> {
        let told = told.map(|name| Charset::from_name(name).unwrap());
        let read = readable(Cow::Borrowed(bytes), told)?;
        Ok(String::from_utf8(read.into_owned()).unwrap())
    }

    #[test]
    fn a_document_is_read_by_mark_then_what_is_told_then_declaration_and_says_utf8_then() {
        let utf8 = document("UTF-8", "ü");
        let declared = |name: &str, text: &str| in_set(name, &document(name, text));
        let marked = |name: &str, text: &str| in_set(name, &format!("\u{feff}{text}"));
        for (bytes, told, expected) in [
            (declared("iso-8859-1", "ü"), None, utf8.clone()),
            (declared("windows-1252", "€"), None, document("UTF-8", "€")),
            (declared("gbk", "山"), None, document("UTF-8", "山")),
            (declared("iso-8859-1", "ü"), Some("iso-8859-1"), utf8.clone()),
            (in_set("iso-8859-1", "<a>ü</a>"), Some("iso-8859-1"), "<a>ü</a>".to_owned()),
            (in_set("iso-8859-1", &utf8), Some("iso-8859-1"), utf8.clone()),
            (document("iso-8859-1", "ü").into_bytes(), Some("utf-8"), utf8.clone()),
            (marked("utf-16", &document("utf-16", "ü")), Some("utf-16"), utf8.clone()),
            (marked("utf-16be", &document("utf-16", "ü")), Some("utf-16"), utf8.clone()),
            (marked("utf-16", &document("utf-16", "x")), Some("utf-8"), document("UTF-8", "x")),
            (marked("utf-8", &document("iso-8859-1", "ü")), Some("iso-8859-1"), utf8.clone()),
            (in_set("utf-16be", &document("UTF-16", "ü")), None, utf8.clone()),
            (in_set("utf-16", "<a>ü</a>"), None, "<a>ü</a>".to_owned()),
            (document("UTF-16", "ü").into_bytes(), None, utf8.clone()),
            (document("us-ascii", "ü").into_bytes(), None, utf8.clone()),
            (document("klingon", "ü").into_bytes(), None, utf8.clone()),
            (document("utf-8", "ü").into_bytes(), None, document("utf-8", "ü")),
            (declared("iso-8859-1", "x"), None, document("iso-8859-1", "x")),
        ] {
            assert_eq!(read(&bytes, told), Ok(expected), "{told:?}");
        }
        let wrong = b"<?xml version='1.0' encoding='utf-8'?><a>\xfc</a>";
        assert_eq!(read(wrong, None), Err(Untranslatable::NotOfTheSet));
    }

    #[test]
    fn what_only_looks_like_a_declaration_says_nothing() {
        for text in [
            "<a encoding='iso-8859-1'>ü</a>",
            "<?xml encoding",
            "<?xml encoding= ?>",
            "<?xml encoding='iso-8859-1 ?><a>ü</a>",
            "<?xmlfoo encoding='iso-8859-1'?><a>ü</a>",
            "<?xml version='1.0'?><a encoding='iso-8859-1'>ü</a>",
        ] {
            assert_eq!(read(text.as_bytes(), None).as_deref(), Ok(text));
        }
    }
}
