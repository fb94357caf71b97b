//! Upper, lower, title and name case, independent of any culture.
//!
//! Knows: how text is re-cased and how to tell that it already is. Deliberately
//! does not know: where the text comes from.
//!
//! # Invariants
//! - Every character maps to exactly one character, as .NET's invariant culture
//!   does it: `ß` stays `ß`, lengths never change.
//! - Re-casing is idempotent, so "is it title case?" is "does it equal its own
//!   title case?" (contract 6.2).

use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// A way to write letters (contract 2.3, `TextFormat`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterCase {
    /// All letters small.
    Lower,
    /// All letters capital.
    Upper,
    /// The first letter of every word capital, the others small.
    ///
    /// A word is a run of letters, digits and apostrophes, so hyphens and
    /// blanks start a new one: `SMITH-JONES` becomes `Smith-Jones`, `O'BRIEN`
    /// becomes `O'brien`, `3RD` becomes `3rd`. Words written in capitals are
    /// re-cased too, since names in messages often are.
    Title,
    /// Title case, and a capital after a leading `Mc` and after a one-letter
    /// prefix with an apostrophe: `McDonald`, `O'Brien`, `D'Arcy`. `Mac` is left
    /// alone, because `Macy` and `Mackie` outnumber what would be gained.
    McName,
}

impl LetterCase {
    /// Re-cases text; borrows when nothing changes.
    pub fn apply(self, text: &str) -> Cow<'_, str> {
        let recased: String = match self {
            Self::Lower => text.chars().map(lower).collect(),
            Self::Upper => text.chars().map(upper).collect(),
            Self::Title | Self::McName => title(text, self == Self::McName),
        };
        if recased == text { Cow::Borrowed(text) } else { Cow::Owned(recased) }
    }

    /// Whether text already has this case: it equals its own re-cased form. The
    /// empty text has every case.
    pub fn matches(self, text: &str) -> bool {
        self.apply(text) == text
    }
}

/// The small form of a character, itself when it has none of one character.
pub(crate) fn lower(character: char) -> char {
    single(character.to_lowercase()).unwrap_or(character)
}

/// The capital form of a character, itself when it has none of one character.
pub(crate) fn upper(character: char) -> char {
    single(character.to_uppercase()).unwrap_or(character)
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

fn title(text: &str, names: bool) -> String {
    let mut word = Word::default();
    text.chars()
        .map(|character| {
            if !is_word(character) {
                word = Word::default();
                return character;
            }
            // A quotation mark in front of a word is no part of it.
            if word.length == 0 && is_apostrophe(character) {
                return character;
            }
            let capital = word.next_is_capital(names);
            word.push(lower(character));
            if capital { upper(character) } else { lower(character) }
        })
        .collect()
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || is_apostrophe(character)
}

fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '\u{2019}')
}

/// The first two characters of the word that is being written, in small letters.
#[derive(Default)]
struct Word {
    first: Option<char>,
    second: Option<char>,
    length: usize,
}

impl Word {
    fn push(&mut self, character: char) {
        match self.length {
            0 => self.first = Some(character),
            1 => self.second = Some(character),
            _ => {}
        }
        self.length = self.length.saturating_add(1);
    }

    fn next_is_capital(&self, names: bool) -> bool {
        match (self.length, self.first, self.second) {
            (0, ..) => true,
            (2, Some('m'), Some('c')) => names,
            (2, Some(first), Some(second)) => {
                names && first.is_alphabetic() && is_apostrophe(second)
            }
            _ => false,
        }
    }
}
