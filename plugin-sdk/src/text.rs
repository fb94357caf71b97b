//! What scripts did to single values, where the host is not needed.

use std::borrow::Cow;

/// The explicit null of HL7.
const NULL: &str = "\"\"";

/// The value, or the fallback when it is empty.
///
/// ```
/// use tureen_plugin_sdk::text::default;
///
/// assert_eq!(default("", "unknown"), "unknown");
/// assert_eq!(default("F", "unknown"), "F");
/// ```
pub fn default<'t>(value: &'t str, fallback: &'t str) -> &'t str {
    if value.is_empty() { fallback } else { value }
}

/// The empty text as the explicit null of HL7, two quotes, which asks the reader
/// to delete; anything else as it is.
///
/// ```
/// use tureen_plugin_sdk::text::{decode_quotes, encode_quotes};
///
/// assert_eq!(encode_quotes(""), "\"\"");
/// assert_eq!(encode_quotes("F"), "F");
/// assert_eq!(decode_quotes("\"\""), "");
/// assert_eq!(decode_quotes("F"), "F");
/// ```
pub fn encode_quotes(value: &str) -> &str {
    if value.is_empty() { NULL } else { value }
}

/// The explicit null of HL7 as the empty text; anything else as it is.
pub fn decode_quotes(value: &str) -> &str {
    if value == NULL { "" } else { value }
}

/// Words out of a name in camel case: a blank before each capital that begins a
/// word. Capitals in a row are one word; the last of them begins the next when a
/// small letter follows.
///
/// ```
/// use tureen_plugin_sdk::text::camel_case_to_text;
///
/// assert_eq!(camel_case_to_text("PatientFamilyName"), "Patient Family Name");
/// assert_eq!(camel_case_to_text("HL7MessageID"), "HL7 Message ID");
/// assert_eq!(camel_case_to_text("already two words"), "already two words");
/// ```
pub fn camel_case_to_text(name: &str) -> Cow<'_, str> {
    let mut text = String::with_capacity(name.len() + name.len() / 4);
    let mut before: Option<char> = None;
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let small_follows = letters.peek().is_some_and(|next| next.is_lowercase());
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                let ends_word = before.is_lowercase() || before.is_numeric();
                ends_word || (before.is_uppercase() && small_follows)
            });
        if begins {
            text.push(' ');
        }
        text.push(letter);
        before = Some(letter);
    }
    if text == name { Cow::Borrowed(name) } else { Cow::Owned(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_that_begin_words_are_set_apart() {
        for (name, expected) in [
            ("", ""),
            ("a", "a"),
            ("A", "A"),
            ("AB", "AB"),
            ("ABc", "A Bc"),
            ("aB", "a B"),
            ("dateOfBirth", "date Of Birth"),
            ("XMLDocument", "XML Document"),
            ("Address2Line", "Address2 Line"),
            ("ÄrztlicherBefund", "Ärztlicher Befund"),
            ("Patient Name", "Patient Name"),
            ("Patient_Name", "Patient_Name"),
        ] {
            assert_eq!(camel_case_to_text(name), expected, "{name}");
        }
    }

    #[test]
    fn only_the_whole_null_is_decoded() {
        assert_eq!(decode_quotes("\"\"x"), "\"\"x");
        assert_eq!(decode_quotes("\""), "\"");
        assert_eq!(encode_quotes(" "), " ");
    }
}
