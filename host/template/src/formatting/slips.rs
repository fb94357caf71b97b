//! Slips where a placeholder names a modifier: told when the text is compiled, since whatever is no
//! modifier is taken as a .NET format and makes rubbish of a value.
//!
//! Knows: how modifiers are called, what a date pattern is made of. Deliberately does not know: what
//! modifiers do.
//!
//! # Invariants
//! - What .NET takes as a format of dates or numbers is never a slip, unless it looks like a call
//!   (`name(…)`) or nearly like a modifier, and then only with a letter that means nothing there.

use tureen_message::Problem;

use super::properties::CASES;
use super::{Encoding, parse_length};
use crate::date::is_date_field;

/// Modifiers that do nothing without arguments, and how each is written.
const CALLS: [(&str, &str); 5] = [
    ("Truncate", "Truncate(20)"),
    ("Padding", "Padding(10)"),
    ("Remove", "Remove(text)"),
    ("Replace", "Replace(old,new)"),
    ("Lookup", "Lookup(table)"),
];

/// The other modifiers, besides letter cases and encodings.
const OTHERS: [&str; 2] = ["Trim", "Raw"];

/// The longest text that is compared with modifiers: nobody mistypes one into more.
const WORD_BYTES_MAX: usize = 40;

/// The shortest text that may be the beginning of a modifier.
const BEGINNING_BYTES_MIN: usize = 3;

/// Judges a part of a placeholder that is no modifier.
///
/// # Errors
/// `template.modifier`: it is surely meant to be one.
pub(super) fn check(part: &str) -> Result<(), Problem> {
    let word = part.trim();
    if let Some((name, written)) = CALLS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
        return Err(slip(format!("{name} needs an argument: write {written}")));
    }
    let call = word.strip_suffix(')').and_then(|word| word.split_once('('));
    match call {
        Some((name, arguments)) => check_call(name.trim_end(), arguments),
        None if is_word(word) && !is_format(word) => match nearest(word) {
            Some(near) => {
                Err(slip(format!("there is no modifier {word}; did you mean {}?", written(near))))
            }
            None => Ok(()),
        },
        None => Ok(()),
    }
}

/// A name with parentheses. `yyyy(MM)` is a date pattern; `mg(0)` might be one of numbers, and is
/// refused all the same: `'mg('0)` says so without doubt.
fn check_call(name: &str, arguments: &str) -> Result<(), Problem> {
    if !is_word(name) || name.chars().all(is_date_field) {
        return Ok(());
    }
    if let Some(known) = names().find(|known| known.eq_ignore_ascii_case(name)) {
        return Err(slip(format!("{known} takes no argument: write {known}")));
    }
    let shown = if name.len() > WORD_BYTES_MAX { "of this name" } else { name };
    let counts = arguments.split(',').all(|it| parse_length(it.trim(), usize::MAX).is_some());
    let text = match nearest(name) {
        Some(near) => format!("there is no modifier {shown}; did you mean {}?", written(near)),
        None if counts => format!(
            "there is no modifier {shown}; those that count characters are Truncate(n) and \
             Padding(n)"
        ),
        None => format!(
            "there is no modifier {shown}; known with arguments are Truncate, Padding, Remove, \
             Replace and Lookup, and a text that a format shows stands in quotes"
        ),
    };
    Err(slip(text))
}

fn slip(text: String) -> Problem {
    Problem::new("template.modifier", text)
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether every letter means something in a format of dates or of numbers.
fn is_format(word: &str) -> bool {
    let number =
        |letter| matches!(letter, 'B' | 'C' | 'D' | 'E' | 'F' | 'G' | 'N' | 'P' | 'R' | 'X' | 'e');
    word.chars().all(|it| it.is_ascii_digit() || is_date_field(it) || number(it))
}

/// The modifiers without arguments.
fn names() -> impl Iterator<Item = &'static str> {
    let cases = CASES.iter().map(|(name, _)| *name);
    cases.chain(Encoding::NAMES.iter().map(|(name, _)| *name)).chain(OTHERS)
}

/// How a modifier is written.
fn written(name: &'static str) -> &'static str {
    CALLS.iter().find(|(known, _)| *known == name).map_or(name, |(_, written)| *written)
}

/// The modifier that a word begins, or differs from by no more than a third of its letters.
fn nearest(word: &str) -> Option<&'static str> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let allowed = (word.len() / 3).min(4);
    names()
        .chain(CALLS.iter().map(|(name, _)| *name))
        .map(|known| (distance(word, known), known))
        .filter(|&(differences, known)| differences <= allowed || begins(word, known))
        .min_by_key(|&(differences, _)| differences)
        .map(|(_, known)| known)
}

fn begins(word: &str, known: &str) -> bool {
    let beginning = known.get(..word.len());
    word.len() >= BEGINNING_BYTES_MIN
        && beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(word))
}

/// How many letters must be changed, added or removed, regardless of case.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().map(|it| it.to_ascii_lowercase()).collect();
    // One row of the usual table: row[j] is the distance to right[..j].
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (taken, letter) in left.chars().map(|it| it.to_ascii_lowercase()).enumerate() {
        let mut diagonal = taken;
        let mut before = taken + 1;
        let mut next = vec![before];
        for (other, above) in right.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(letter != *other);
            before = replaced.min(above + 1).min(before + 1);
            next.push(before);
            diagonal = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_is_surely_meant_as_a_modifier_is_told_with_what_to_write() {
        for (part, expected) in [
            ("Truncate", "write Truncate(20)"),
            (" replace ", "write Replace(old,new)"),
            ("Lookup", "write Lookup(table)"),
            ("Upercase", "did you mean UpperCase?"),
            ("lowercas", "did you mean LowerCase?"),
            ("Upper", "did you mean UpperCase?"),
            ("TitelCase", "did you mean TitleCase?"),
            ("JSON", "did you mean JSONEncode?"),
            ("Base64Encod", "did you mean Base64Encode?"),
            ("Pad", "did you mean Padding(10)?"),
            ("Pad(12)", "did you mean Padding(10)?"),
            ("Truncat (4)", "did you mean Truncate(20)?"),
            ("Substring(0,4)", "Truncate(n) and Padding(n)"),
            ("Default(none)", "known with arguments are"),
            ("UpperCase()", "write UpperCase"),
            ("trim(2)", "write Trim"),
            ("N(2)", "there is no modifier N"),
        ] {
            let problem = check(part).unwrap_err();
            assert_eq!(problem.code, "template.modifier", "{part}");
            assert!(problem.text.contains(expected), "{part}: {problem}");
        }
        let long = format!("{}(x)", "a".repeat(10_000));
        assert!(check(&long).unwrap_err().text.len() < 300);
    }

    #[test]
    fn what_dotnet_takes_as_a_format_is_none() {
        for part in [
            "",
            "yyyy-MM-ddTHH",
            "ss.fffzzz",
            "yyyyMMddHHmmss",
            "dd MMMM yyyy",
            "d",
            "G",
            "O",
            "N2",
            "D5",
            "X",
            "C",
            "0.00",
            "#,##0.00;(#,##0.00)",
            "(0)",
            "0.0 mg",
            "mg 0",
            "E0",
            "0.0E+00",
            "yyyy(MM)",
            "dd MMM (ddd)",
            "'Upercase' yyyy",
            "\"Pad(\"0",
            "tt",
            "week",
            "Nope(",
        ] {
            assert_eq!(check(part), Ok(()), "{part}");
        }
    }
}
