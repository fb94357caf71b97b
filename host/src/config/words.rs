//! What the reader of TOML finds wrong, said in words of the file: its own are of types and
//! fields of the program.

use crate::diagnostics::nearest::nearest;
use crate::diagnostics::quoted;

/// Whole numbers by their type in the program, with the largest.
const WHOLE_NUMBERS: [(&str, u64); 4] = [
    ("expected u16", u16::MAX as u64),
    ("expected u32", u32::MAX as u64),
    ("expected u64", i64::MAX as u64),
    ("expected usize", i64::MAX as u64),
];

/// What the reader says where one of some words must stand, and found no text.
const NO_WORD: &str = "wanted string or table";

/// The same of an empty table, and of one with several keys: enough of it to know it by.
const TABLE_FOR_WORD: &str = "wanted exactly 1 element, ";

/// What the reader says of a number that has no place in 64 bits, where several types may
/// stand: it gives up before it looks at any of them.
const TOO_LARGE: &str = "expected any value";

/// What it says of a key that stands twice in one table, and not which one.
const TWICE: &str = "duplicate key";

/// A table of the program, by the name of its type.
const STRUCT: &str = "expected struct ";

/// Other types, and what is to be written for them.
const TYPES: [(&str, &str); 11] = [
    ("expected a sequence", "expected a list, in brackets"),
    ("expected a map", "expected a table"),
    ("expected a string", "expected a text in quotes"),
    ("expected path string", "expected a path in quotes"),
    ("expected a boolean", "expected true or false"),
    ("expected IP address", "expected an IP address in quotes, such as \"127.0.0.1\""),
    (
        "invalid IP address syntax",
        "invalid IP address, expected one such as \"127.0.0.1\" or \"::1\"",
    ),
    (TOO_LARGE, "expected no number as large as that"),
    ("wanted exactly 1 element, found 0 elements", NO_WORD_WRITTEN),
    ("wanted exactly 1 element, more than 1 element", NO_WORD_WRITTEN),
    (NO_WORD, NO_WORD_WRITTEN),
];

const NO_WORD_WRITTEN: &str = "expected one of the words that this key has, in quotes";

/// The words of the reader, made those of the file.
pub(super) fn in_words(found: &str) -> String {
    if let Some(unknown) = unknown_key(found) {
        return unknown;
    }
    let mut words = found.replace("unknown variant", "unknown word").replace(" as i128", "");
    for (typed, largest) in WHOLE_NUMBERS {
        words = words.replace(typed, &format!("expected a whole number from 0 to {largest}"));
    }
    let words = TYPES.iter().fold(words, |words, (typed, written)| words.replace(typed, written));
    without_struct(&words).unwrap_or(words)
}

/// The name of a type says nothing to who writes the file.
fn without_struct(words: &str) -> Option<String> {
    let (found, _) = words.split_once(STRUCT)?;
    Some(format!("{found}expected a table"))
}

/// The words of the reader of a file, made those of the file.
pub(super) fn of_error(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let better = if message.contains(NO_WORD) || message.starts_with(TABLE_FOR_WORD) {
        words_at(text, error).map(|words| format!("found no text; expected {words}, in quotes"))
    } else if message.ends_with(TOO_LARGE) {
        told_of_smaller(text, error)
    } else if message == TWICE {
        key_at(text, error).map(|key| format!("the key {key} is written twice"))
    } else {
        None
    };
    better.unwrap_or_else(|| in_words(message))
}

/// The key that an error is about.
fn key_at(text: &str, error: &toml::de::Error) -> Option<String> {
    let key = text.get(error.span()?)?.trim_matches(['"', '\'']);
    (!key.is_empty()).then(|| quoted(key))
}

/// What is told with something else in the place of what is wrong.
fn told_with(text: &str, error: &toml::de::Error, instead: &str) -> Option<toml::de::Error> {
    let span = error.span()?;
    let with_another = format!("{}{instead}{}", text.get(..span.start)?, text.get(span.end..)?);
    toml::from_str::<super::ServerConfig>(&with_another).err()
}

/// What a number that can be read would be told, in the same place.
fn told_of_smaller(text: &str, error: &toml::de::Error) -> Option<String> {
    let told = told_with(text, error, "1")?;
    let is_same_place = told.span()?.start == error.span()?.start;
    is_same_place.then(|| in_words(told.message()))
}

/// Which words a key has. The reader tells them to who writes one that it does not have.
fn words_at(text: &str, error: &toml::de::Error) -> Option<String> {
    const NONE_OF_THEM: &str = "\"?\"";
    let told = told_with(text, error, NONE_OF_THEM)?;
    let (_, words) = told.message().split_once("unknown variant `?`, expected ")?;
    Some(words.replace('`', "\""))
}

/// A key that is not known, and those that are, the nearest first.
fn unknown_key(found: &str) -> Option<String> {
    let (key, rest) = found.strip_prefix("unknown field `")?.split_once('`')?;
    // `a`, `b`: each second part is a name.
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let near = nearest(key, known.iter().copied());
    let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
    Some(match known.as_slice() {
        [] => format!("unknown key {key:?}"),
        known => format!("unknown key {key:?}{near}\n  expected  one of {}", known.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_program_are_told_in_words() {
        for (found, expected) in [
            (
                "unknown field `consecutve`, expected one of `on`, `consecutive`, `ratio`",
                "unknown key \"consecutve\"; did you mean consecutive?\n  expected  one of on, consecutive, ratio",
            ),
            (
                "unknown field `x`, expected `path` or `write`",
                "unknown key \"x\"\n  expected  one of path, write",
            ),
            ("unknown field `x`, there are no fields", "unknown key \"x\""),
            (
                "unknown variant `fine`, expected `coarse` or `exact`",
                "unknown word `fine`, expected `coarse` or `exact`",
            ),
            (
                "invalid value: integer `99999`, expected u16",
                "invalid value: integer `99999`, expected a whole number from 0 to 65535",
            ),
            (
                "invalid type: string \"x\", expected a sequence",
                "invalid type: string \"x\", expected a list, in brackets",
            ),
            (
                "invalid type: integer `1`, expected struct PluginFaults",
                "invalid type: integer `1`, expected a table",
            ),
            (
                "invalid length 0, expected struct PluginStep with 13 elements",
                "invalid length 0, expected a table",
            ),
            (
                "invalid type: integer `1`, expected IP address",
                "invalid type: integer `1`, expected an IP address in quotes, such as \"127.0.0.1\"",
            ),
            ("expected a number from 1 to 8, found 9", "expected a number from 1 to 8, found 9"),
        ] {
            assert_eq!(in_words(found), expected);
        }
    }

    #[test]
    fn what_the_reader_does_not_tell_is_found_in_the_file() {
        for (text, expected) in [
            (
                "[plugins.p]\nclock = {}",
                "found no text; expected \"coarse\" or \"exact\", in quotes",
            ),
            (
                "[plugins.p]\nclock = { a = 1, b = 2 }",
                "found no text; expected \"coarse\" or \"exact\", in quotes",
            ),
            (
                "[plugins.p]\ntables = 99999999999999999999999",
                "expected \"all\" or a list of names",
            ),
            ("[plugins.p]\nreuse = true\nreuse = false", "the key \"reuse\" is written twice"),
            ("[plugins.\"a b\"]\n[plugins.\"a b\"]", "the key \"a b\" is written twice"),
            (
                "[admin]\naddress = \"localhost\"",
                "invalid IP address, expected one such as \"127.0.0.1\" or \"::1\"",
            ),
        ] {
            let error = toml::from_str::<super::super::ServerConfig>(text).unwrap_err();
            assert_eq!(of_error(text, &error), expected, "{text}");
        }
    }
}
