//! What the reader of TOML finds wrong, said in words of the file: its own are of types and
//! fields of the program.

use crate::diagnostics::nearest::nearest;

/// Whole numbers by their type in the program, with the largest.
const WHOLE_NUMBERS: [(&str, u64); 4] = [
    ("expected u16", u16::MAX as u64),
    ("expected u32", u32::MAX as u64),
    ("expected u64", i64::MAX as u64),
    ("expected usize", i64::MAX as u64),
];

/// What the reader says where one of some words must stand, and found no text.
const NO_WORD: &str = "wanted string or table";

/// Other types, and what is to be written for them.
const TYPES: [(&str, &str); 6] = [
    ("expected a sequence", "expected a list, in brackets"),
    ("expected a map", "expected a table"),
    ("expected a string", "expected a text in quotes"),
    ("expected path string", "expected a path in quotes"),
    ("expected a boolean", "expected true or false"),
    (NO_WORD, "expected one of the words that this key has, in quotes"),
];

/// The words of the reader, made those of the file.
pub(super) fn in_words(found: &str) -> String {
    if let Some(unknown) = unknown_key(found) {
        return unknown;
    }
    let mut words = found.replace("unknown variant", "unknown word").replace(" as i128", "");
    for (typed, largest) in WHOLE_NUMBERS {
        words = words.replace(typed, &format!("expected a whole number from 0 to {largest}"));
    }
    TYPES.iter().fold(words, |words, (typed, written)| words.replace(typed, written))
}

/// The words of the reader of a file, made those of the file.
pub(super) fn of_error(text: &str, error: &toml::de::Error) -> String {
    let found = in_words(error.message());
    match words_at(text, error) {
        Some(words) if error.message().contains(NO_WORD) => {
            format!("found no text; expected {words}, in quotes")
        }
        _ => found,
    }
}

/// Which words a key has. The reader tells them to who writes one that it does not have.
fn words_at(text: &str, error: &toml::de::Error) -> Option<String> {
    const NONE_OF_THEM: &str = "\"?\"";
    let span = error.span()?;
    let with_another =
        format!("{}{NONE_OF_THEM}{}", text.get(..span.start)?, text.get(span.end..)?);
    let told = toml::from_str::<super::ServerConfig>(&with_another).err()?;
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
            ("expected a number from 1 to 8, found 9", "expected a number from 1 to 8, found 9"),
        ] {
            assert_eq!(in_words(found), expected);
        }
    }
}
