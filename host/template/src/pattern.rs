//! The .NET format string of a placeholder or a `Format` field: for dates or for
//! numbers.
//!
//! Knows: which of the two a pattern means. Deliberately does not know: where
//! the value comes from.

use std::borrow::Cow;

use tureen_message::Problem;

use crate::date::{DatePattern, DateTime, Precision, is_date_field};
use crate::number::{Decimal, NumberPattern, standard};

#[cfg(test)]
mod tests;
mod time;

/// A compiled format string.
///
/// Values are text, so the pattern decides how they are read (contract 9.2):
///
/// - A custom pattern with `0` or `#` is for numbers, unless `yy`, `MM`, `dd`,
///   `HH` or a time of day (`h:mm`, `mm:00`, `h tt`) shows that it is for dates.
/// - Any other custom pattern with a date letter is for dates.
/// - A standard format with digits (`N2`, `D5`) is for numbers. The single
///   letters that mean both (`d D f F g G`) are for dates where the value is
///   one, to the day or finer, and otherwise for numbers.
///
/// A value that the pattern is not for stays as it is, as .NET leaves a text
/// that is formatted with a date pattern.
///
/// What is a date without being read as one, such as the current time, takes any
/// custom pattern with a date letter: `mm'min'00` is for it, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    date: Option<DatePattern>,
    number: Option<NumberPattern>,
    /// Whether texts are read as dates, where there is a pattern for these.
    reads_dates: bool,
}

impl Pattern {
    /// Compiles a format string.
    ///
    /// # Errors
    /// `format.date` or `format.number`, as the two kinds of patterns say. The
    /// author's fault.
    pub fn compile(pattern: &str) -> Result<Self, Problem> {
        match standard(pattern) {
            Some((letter, Some(_))) if is_number_letter(letter) => {
                let number = Some(NumberPattern::compile(pattern)?);
                Ok(Self { date: None, number, reads_dates: false })
            }
            Some((_, None)) => Self::compile_letter(pattern),
            _ => Self::compile_custom(pattern),
        }
    }

    /// One letter: either kind will do, both may.
    fn compile_letter(letter: &str) -> Result<Self, Problem> {
        let number = NumberPattern::compile(letter);
        match (DatePattern::compile(letter), number) {
            (Err(_), Err(problem)) => Err(problem),
            (date, number) => Ok(Self { date: date.ok(), number: number.ok(), reads_dates: true }),
        }
    }

    fn compile_custom(pattern: &str) -> Result<Self, Problem> {
        let shape = Shape::of(pattern);
        let date = shape.date_fields.then(|| DatePattern::compile(pattern));
        if shape.digits && !shape.surely_date {
            let number = Some(NumberPattern::compile(pattern)?);
            return Ok(Self { date: date.and_then(Result::ok), number, reads_dates: false });
        }
        Ok(Self { date: date.transpose()?, number: None, reads_dates: true })
    }

    /// Writes a value.
    pub fn apply<'v>(&self, value: &'v str) -> Cow<'v, str> {
        if self.reads_dates
            && let Some(pattern) = &self.date
            && let Some(date) = DateTime::parse(value)
            && (self.number.is_none() || date.precision() >= Precision::Day)
        {
            return Cow::Owned(pattern.format(&date));
        }
        if let Some(pattern) = &self.number
            && let Some(number) = Decimal::parse(value)
            && let Some(text) = pattern.format(&number)
        {
            return Cow::Owned(text);
        }
        Cow::Borrowed(value)
    }

    /// Writes what is a date without being read as one: also with a pattern that
    /// is for numbers where texts are. `None` when it has no date letter.
    pub(crate) fn apply_to_date(&self, date: &DateTime) -> Option<String> {
        self.date.as_ref().map(|pattern| pattern.format(date))
    }
}

fn is_number_letter(letter: char) -> bool {
    matches!(letter.to_ascii_uppercase(), 'B' | 'C' | 'D' | 'E' | 'F' | 'G' | 'N' | 'P' | 'R' | 'X')
}

/// What stands in a custom pattern outside quotation marks and escapes.
struct Shape {
    digits: bool,
    date_fields: bool,
    surely_date: bool,
}

impl Shape {
    fn of(pattern: &str) -> Self {
        let as_date = Unquoted::of(pattern, Backslash::Everywhere);
        let as_number = Unquoted::of(pattern, Backslash::OutsideQuotes);
        // With a quotation mark that is open there, it is no pattern of numbers.
        let digits = if as_number.open { &as_date } else { &as_number };
        Self {
            digits: digits.text.contains(is_digit_placeholder),
            date_fields: as_date.text.contains(is_date_field),
            surely_date: has_date(&as_date.text) || time::has_time(&as_date.text),
        }
    }
}

fn is_digit_placeholder(character: char) -> bool {
    matches!(character, '0' | '#')
}

/// Whether a field stands there that no text beside a number has.
fn has_date(unquoted: &str) -> bool {
    ["yy", "MM", "dd", "HH"].iter().any(|field| unquoted.contains(field))
}

/// Where a backslash takes the meaning of what follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    /// In patterns of dates.
    Everywhere,
    /// In patterns of numbers: within quotation marks it is text.
    OutsideQuotes,
}

/// A pattern without its quoted texts and escapes.
struct Unquoted {
    /// With one quotation mark in the place of each.
    text: String,
    /// The last quoted text has no end.
    open: bool,
}

impl Unquoted {
    fn of(pattern: &str, backslash: Backslash) -> Self {
        let mut text = String::with_capacity(pattern.len());
        let mut quote = None;
        let mut rest = pattern.chars();
        while let Some(character) = rest.next() {
            match (quote, character) {
                (None, '\\') => {
                    rest.next();
                    text.push('\'');
                }
                (Some(_), '\\') if backslash == Backslash::Everywhere => drop(rest.next()),
                (Some(open), _) if open == character => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => {
                    quote = Some(character);
                    text.push('\'');
                }
                (None, _) => text.push(character),
            }
        }
        Self { text, open: quote.is_some() }
    }
}
