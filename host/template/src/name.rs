//! Names that compare without regard to case.
//!
//! Knows: how a name is folded. Deliberately does not know: what it names.

use std::borrow::Cow;

/// The form in which names are compared and kept in maps.
///
/// Folding is the simple one, character by character, so that it never depends
/// on a culture. A name that is folded already is borrowed.
pub(crate) fn fold(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(name);
    }
    if name.is_ascii() {
        return Cow::Owned(name.to_ascii_lowercase());
    }
    Cow::Owned(name.chars().map(crate::letter_case::lower).collect())
}
