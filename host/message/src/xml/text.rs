//! Text and attribute values: from the document to what they mean, and back.
//!
//! Deliberately does not know: where they stand.
//!
//! # Invariants
//! - What is encoded decodes to the same text, line ends and tabs included.

use std::borrow::Cow;

use super::name;
use super::scan::{Span, Token, Tokens};
use super::validate::referenced;
use crate::Problem;

/// Where a value stands: white space means something else in attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Element,
    /// With the quote around its value.
    Attribute(char),
}

/// The text inside a piece of a document and all elements in it, as `InnerText`
/// is.
pub(super) fn inner(text: &str, content: Span) -> Cow<'_, str> {
    let mut all = Cow::Borrowed("");
    let text = text.get(..content.end).unwrap_or_default();
    for token in Tokens::of(text, content.start) {
        let piece = match token {
            Token::Text(span) => decode(span.of(text), Place::Element),
            Token::Characters(span) => line_ends(span.of(text)),
            Token::Open(_) | Token::Close(_) | Token::Other(_) => continue,
        };
        if all.is_empty() {
            all = piece;
        } else {
            all.to_mut().push_str(&piece);
        }
    }
    all
}

/// What written text means: references resolved, line ends and, in an
/// attribute, white space made uniform (XML 1.0 sections 2.11 and 3.3.3).
pub(super) fn decode(written: &str, place: Place) -> Cow<'_, str> {
    let is_plain = match place {
        Place::Element => !written.contains(['&', '\r']),
        Place::Attribute(_) => !written.contains(['&', '\r', '\n', '\t']),
    };
    if is_plain {
        return Cow::Borrowed(written);
    }
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.find(['&', '\r', '\n', '\t']) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        text.push_str(plain);
        let behind = special.get(1..).unwrap_or_default();
        rest = behind;
        if !special.starts_with('&') {
            if special.starts_with("\r\n") {
                rest = behind.get(1..).unwrap_or_default();
            }
            text.push(match place {
                Place::Attribute(_) => ' ',
                Place::Element if special.starts_with('\t') => '\t',
                Place::Element => '\n',
            });
        } else if let Some((reference, after)) = behind.split_once(';') {
            text.extend(referenced(reference));
            rest = after;
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Text without references, with its line ends made uniform.
pub(super) fn line_ends(written: &str) -> Cow<'_, str> {
    if written.contains('\r') {
        Cow::Owned(written.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(written)
    }
}

/// The written form of text.
///
/// # Errors
/// `edit.character` for a character that XML cannot hold.
pub(super) fn encode(text: &str, place: Place) -> Result<String, Problem> {
    let mut written = String::with_capacity(text.len());
    for (offset, found) in text.char_indices() {
        let is_attribute = matches!(place, Place::Attribute(_));
        match found {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '\r' => written.push_str("&#13;"),
            '\n' if is_attribute => written.push_str("&#10;"),
            '\t' if is_attribute => written.push_str("&#9;"),
            '"' if place == Place::Attribute('"') => written.push_str("&quot;"),
            '\'' if place == Place::Attribute('\'') => written.push_str("&apos;"),
            _ if !name::is_character(found) => {
                return Err(Problem::new(
                    "edit.character",
                    "the value holds a control character, which XML cannot hold",
                )
                .at_offset(offset));
            }
            _ => written.push(found),
        }
    }
    Ok(written)
}
