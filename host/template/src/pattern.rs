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

/// A compiled format string.
///
/// Values are text, so the pattern decides how they are read (contract 9.2):
///
/// - A custom pattern with `0` or `#` is for numbers, unless `yy`, `MM`, `dd` or
///   `HH` shows that it is for dates.
/// - Any other custom pattern with a date letter is for dates.
/// - A standard format with digits (`N2`, `D5`) is for numbers. The single
///   letters that mean both (`d D f F g G`) are for dates where the value is
///   one, to the day or finer, and otherwise for numbers.
///
/// A value that the pattern is not for stays as it is, as .NET leaves a text
/// that is formatted with a date pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    date: Option<DatePattern>,
    number: Option<NumberPattern>,
}

impl Pattern {
    /// Compiles a format string.
    ///
    /// # Errors
    /// `format.date` or `format.number`, as the two kinds of patterns say. The
    /// author's fault.
    pub fn compile(pattern: &str) -> Result<Self, Problem> {
        match standard(pattern) {
            Some((letter, Some(_))) if is_number_letter(letter) => Self::number(pattern),
            Some((_, None)) => Self::compile_letter(pattern),
            _ => {
                let shape = Shape::of(pattern);
                if shape.digits && !shape.surely_date {
                    Self::number(pattern)
                } else if shape.date_fields {
                    let date = DatePattern::compile(pattern)?;
                    Ok(Self { date: Some(date), number: None })
                } else {
                    Ok(Self { date: None, number: None })
                }
            }
        }
    }

    fn number(pattern: &str) -> Result<Self, Problem> {
        Ok(Self { date: None, number: Some(NumberPattern::compile(pattern)?) })
    }

    /// One letter: either kind will do, both may.
    fn compile_letter(letter: &str) -> Result<Self, Problem> {
        let number = NumberPattern::compile(letter);
        match (DatePattern::compile(letter), number) {
            (Err(_), Err(problem)) => Err(problem),
            (date, number) => Ok(Self { date: date.ok(), number: number.ok() }),
        }
    }

    /// Writes a value.
    pub fn apply<'v>(&self, value: &'v str) -> Cow<'v, str> {
        if let Some(pattern) = &self.date
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

    /// Writes a date whose text would leave parts out. `None` when the pattern
    /// is for numbers only.
    pub(crate) fn apply_to_date(&self, date: &DateTime) -> Option<String> {
        self.date.as_ref().map(|pattern| pattern.format(date))
    }
}

fn is_number_letter(letter: char) -> bool {
    matches!(letter.to_ascii_uppercase(), 'B' | 'C' | 'D' | 'E' | 'F' | 'G' | 'N' | 'P' | 'R' | 'X')
}

/// What stands in a custom pattern outside quotation marks and escapes.
#[derive(Default)]
struct Shape {
    digits: bool,
    date_fields: bool,
    surely_date: bool,
}

impl Shape {
    fn of(pattern: &str) -> Self {
        let mut shape = Self::default();
        let mut quote = None;
        let mut previous = None;
        let mut rest = pattern.chars();
        while let Some(character) = rest.next() {
            match (quote, character) {
                (_, '\\') => drop(rest.next()),
                (Some(open), _) if open == character => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(character),
                (None, '0' | '#') => shape.digits = true,
                (None, letter) if is_date_field(letter) => {
                    shape.date_fields = true;
                    let doubled = previous == Some(letter);
                    shape.surely_date |= doubled && matches!(letter, 'y' | 'M' | 'd' | 'H');
                }
                (None, _) => {}
            }
            previous = quote.is_none().then_some(character);
        }
        shape
    }
}
