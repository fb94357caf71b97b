//! .NET date patterns, standard and custom, in the invariant culture.
//!
//! Knows: what each letter writes. Deliberately does not know: where the date
//! comes from.

use std::fmt::{self, Write};

use tureen_message::Problem;

use super::DateTime;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The widest run of `y` that is written with that many digits.
const YEAR_DIGITS_MAX: usize = 16;

/// A compiled .NET date pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatePattern {
    pieces: Vec<Piece>,
    /// The standard formats `R`, `u` and `U` write UTC.
    utc: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// A letter and how often it stands there.
    Field(char, usize),
}

impl DatePattern {
    /// Compiles a pattern. One letter alone is a standard format (`d D f F g G M
    /// m O o R r s t T u U Y y`), anything else a custom one, in which letters
    /// without a meaning stand for themselves.
    ///
    /// # Errors
    /// `format.date`: an unknown standard format, an open quotation mark, a
    /// backslash or percent sign at the end, or more than seven `f` or `F`. The
    /// author's fault.
    pub fn compile(pattern: &str) -> Result<Self, Problem> {
        let mut letters = pattern.chars();
        if let (Some(letter), None) = (letters.next(), letters.next())
            && letter.is_ascii_alphabetic()
        {
            let custom = standard(letter).ok_or_else(|| {
                problem(format!(
                    "`{letter}` is no standard date format; known are d, D, f, F, g, \
                                 G, M, o, R, s, t, T, u, U and Y"
                ))
            })?;
            let pieces = pieces(custom)?;
            return Ok(Self { pieces, utc: matches!(letter, 'R' | 'r' | 'u' | 'U') });
        }
        Ok(Self { pieces: pieces(pattern)?, utc: false })
    }

    /// Writes a date. Parts that the date does not have are written as the
    /// smallest value, as .NET does it: `2024` is the first of January, midnight.
    /// Where it has no zone, `z` and `K` write nothing.
    pub fn format(&self, date: &DateTime) -> String {
        let date = if self.utc { date.at_offset(0) } else { *date };
        let mut text = String::with_capacity(32);
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Field('F', count) => push_optional_fraction(&mut text, &date, *count),
                // Writing to a string never fails.
                Piece::Field(letter, count) => drop(write_field(&mut text, &date, *letter, *count)),
            }
        }
        text
    }
}

fn problem(text: String) -> Problem {
    Problem::new("format.date", text)
}

/// The custom pattern of a standard format.
fn standard(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "MM/dd/yyyy",
        'D' => "dddd, dd MMMM yyyy",
        'f' => "dddd, dd MMMM yyyy HH:mm",
        'F' | 'U' => "dddd, dd MMMM yyyy HH:mm:ss",
        'g' => "MM/dd/yyyy HH:mm",
        'G' => "MM/dd/yyyy HH:mm:ss",
        'M' | 'm' => "MMMM dd",
        'O' | 'o' => "yyyy-MM-ddTHH:mm:ss.fffffffK",
        'R' | 'r' => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        's' => "yyyy-MM-ddTHH:mm:ss",
        't' => "HH:mm",
        'T' => "HH:mm:ss",
        'u' => "yyyy-MM-dd HH:mm:ss'Z'",
        'Y' | 'y' => "yyyy MMMM",
        _ => return None,
    })
}

/// Whether a custom pattern gives the letter a meaning.
pub(crate) fn is_field(letter: char) -> bool {
    matches!(letter, 'y' | 'M' | 'd' | 'H' | 'h' | 'm' | 's' | 'f' | 'F' | 't' | 'z' | 'K' | 'g')
}

fn pieces(pattern: &str) -> Result<Vec<Piece>, Problem> {
    let mut pieces = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => match rest.next() {
                Some(escaped) => push_literal(&mut pieces, escaped),
                None => return Err(problem("the date pattern ends with a backslash".to_owned())),
            },
            '\'' | '"' => loop {
                match rest.next() {
                    Some('\\') => rest.next().map_or((), |next| push_literal(&mut pieces, next)),
                    Some(quoted) if quoted == letter => break,
                    Some(quoted) => push_literal(&mut pieces, quoted),
                    None => {
                        let text = format!("the date pattern has a {letter} that is not closed");
                        return Err(problem(text));
                    }
                }
            },
            '%' if rest.peek().is_none_or(|next| *next == '%') => {
                return Err(problem("a percent sign must stand before a letter".to_owned()));
            }
            // It only makes a custom pattern of a single letter.
            '%' => {}
            field if is_field(field) => {
                let mut count = 1;
                while rest.next_if_eq(&field).is_some() {
                    count += 1;
                }
                if matches!(field, 'f' | 'F') && count > 7 {
                    return Err(problem(format!(
                        "at most seven {field} stand together, not {count}"
                    )));
                }
                pieces.push(Piece::Field(field, count));
            }
            literal => push_literal(&mut pieces, literal),
        }
    }
    Ok(pieces)
}

fn push_literal(pieces: &mut Vec<Piece>, character: char) {
    match pieces.last_mut() {
        Some(Piece::Literal(text)) => text.push(character),
        _ => pieces.push(Piece::Literal(character.to_string())),
    }
}

fn write_field(text: &mut String, date: &DateTime, letter: char, count: usize) -> fmt::Result {
    let two = count.min(2);
    match (letter, count) {
        ('y', 1 | 2) => write!(text, "{:0two$}", date.year() % 100),
        ('y', _) => write!(text, "{:0width$}", date.year(), width = count.min(YEAR_DIGITS_MAX)),
        ('M', 1 | 2) => write!(text, "{:0two$}", date.month()),
        ('M', 3) => text.write_str(month_name(date).get(..3).unwrap_or_default()),
        ('M', _) => text.write_str(month_name(date)),
        ('d', 1 | 2) => write!(text, "{:0two$}", date.day()),
        ('d', 3) => text.write_str(day_name(date).get(..3).unwrap_or_default()),
        ('d', _) => text.write_str(day_name(date)),
        ('H', _) => write!(text, "{:0two$}", date.hour()),
        ('h', _) => write!(text, "{:0two$}", (date.hour() + 11) % 12 + 1),
        ('m', _) => write!(text, "{:0two$}", date.minute()),
        ('s', _) => write!(text, "{:0two$}", date.second()),
        ('f', _) => write!(text, "{:0count$}", fraction(date, count)),
        ('t', 1) => text.write_str(if date.hour() < 12 { "A" } else { "P" }),
        ('t', _) => text.write_str(if date.hour() < 12 { "AM" } else { "PM" }),
        ('g', _) => text.write_str("A.D."),
        ('z', _) => date.offset_seconds().map_or(Ok(()), |zone| write_zone(text, zone, count)),
        ('K', _) => match date.offset_seconds() {
            Some(0) => text.write_str("Z"),
            Some(zone) => write_zone(text, zone, 3),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The fraction of a second as a whole number of so many digits.
fn fraction(date: &DateTime, digits: usize) -> i32 {
    let dropped = u32::try_from(9_usize.saturating_sub(digits)).unwrap_or(0);
    date.nanosecond() / 10_i32.pow(dropped)
}

/// `F` leaves trailing zeros out, and the point before it if nothing is left.
fn push_optional_fraction(text: &mut String, date: &DateTime, count: usize) {
    let digits = format!("{:0count$}", fraction(date, count));
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() && text.ends_with('.') {
        text.pop();
    }
    text.push_str(digits);
}

fn write_zone(text: &mut String, zone: i32, count: usize) -> fmt::Result {
    let sign = if zone < 0 { '-' } else { '+' };
    let minutes = zone.abs() / 60;
    match count {
        1 => write!(text, "{sign}{}", minutes / 60),
        2 => write!(text, "{sign}{:02}", minutes / 60),
        _ => write!(text, "{sign}{:02}:{:02}", minutes / 60, minutes % 60),
    }
}

fn month_name(date: &DateTime) -> &'static str {
    usize::try_from(date.month() - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"")
}

fn day_name(date: &DateTime) -> &'static str {
    let day = date.local.weekday().to_monday_zero_offset();
    usize::try_from(day).ok().and_then(|day| DAYS.get(day)).unwrap_or(&"")
}
