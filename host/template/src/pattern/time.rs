//! The time of day in a pattern that could be for numbers as well.
//!
//! Knows: how times are written so that no text beside a number is taken for one.
//! Deliberately does not know: dates, quotation marks.

use super::is_digit_placeholder;

/// Whether a time of day stands in a pattern, of which the quoted texts are gone.
///
/// Units of numbers (`0.00 mm`, `0 m/s`, `0h 00m`, `Width:00`) are none, so a field
/// must be a whole word and stand as it does in times:
///
/// - `h:mm`, `mm:ss`: a colon between two fields;
/// - `h:00`, `mm:30`: two digits after the colon, and none before the field, unlike
///   in `0 h:00 m`;
/// - `h tt`, `hh.mm.00 tt`: an hour and a half of the day.
pub(super) fn has_time(unquoted: &str) -> bool {
    has_half_day(unquoted) || colons(unquoted).any(|(before, after)| divides_time(before, after))
}

/// What stands before and after each colon.
fn colons(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices(':').map(|(at, _)| {
        let (before, after) = text.split_at(at);
        (before, after.get(1..).unwrap_or_default())
    })
}

fn divides_time(before: &str, after: &str) -> bool {
    let last = before.rsplit(is_no_letter).next().unwrap_or_default();
    let first = after.split(is_no_letter).next().unwrap_or_default();
    let two_fields = is_field(last) && is_field(without_half_day(first));
    two_fields || is_field(last) && !before.contains(is_digit_placeholder) && has_two_digits(after)
}

fn has_half_day(text: &str) -> bool {
    let mut words = text.split(is_no_letter);
    let is_hour = |word| matches!(without_half_day(word), "h" | "hh");
    let is_half_day = |word: &str| {
        word == "tt" || without_half_day(word) != word && is_field(without_half_day(word))
    };
    words.clone().any(is_hour) && words.any(is_half_day)
}

/// `mm` of `mmtt`.
fn without_half_day(word: &str) -> &str {
    word.strip_suffix("tt").unwrap_or(word)
}

fn is_field(word: &str) -> bool {
    matches!(word, "h" | "hh" | "H" | "HH" | "m" | "mm" | "s" | "ss")
}

/// Whether exactly two digits begin a text, not those of `00.0` or `00,000`.
fn has_two_digits(text: &str) -> bool {
    let is_digit = |it: char| it.is_ascii_digit() || matches!(it, '#' | '.' | ',');
    let end = text.find(|it| !is_digit(it)).unwrap_or(text.len());
    end == 2 && text.bytes().take(2).all(|byte| byte.is_ascii_digit())
}

fn is_no_letter(character: char) -> bool {
    !character.is_alphabetic()
}
