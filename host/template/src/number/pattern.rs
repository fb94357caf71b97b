//! Which number pattern is meant, and the standard ones.

use tureen_message::Problem;

use super::Decimal;
use super::custom::Custom;

/// The largest precision of a standard format such as `N2`.
pub const PRECISION_MAX: usize = 999;

/// A compiled .NET number pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberPattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// `F2`, `N2`, `P2`, `C2`: places after the point, and what is around it.
    Fixed {
        places: usize,
        grouped: bool,
        mark: Mark,
    },
    /// `E6`: one digit, so many places, and an exponent of at least three digits.
    Exponential {
        places: usize,
        letter: char,
    },
    /// `D5`: an integer of at least so many digits.
    Integer {
        digits: usize,
    },
    /// `X4`: a hexadecimal integer of at least so many digits.
    Hexadecimal {
        digits: usize,
        upper: bool,
    },
    /// `B8`: a binary integer of at least so many digits.
    Binary {
        digits: usize,
    },
    /// `G`, `R`: all digits of the number.
    General,
    /// `G4`: at most so many digits, with an exponent where the number is larger
    /// or smaller than these can show.
    Significant {
        digits: usize,
        letter: char,
    },
    Custom(Custom),
}

/// What stands around a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    None,
    Percent,
    Currency,
}

/// The currency sign of the invariant culture.
const CURRENCY: char = '¤';

/// Digits of an exponent in `E` and `G`.
const EXPONENT_DIGITS: usize = 3;
const SHORT_EXPONENT_DIGITS: usize = 2;

/// The smallest exponent that `G` with digits writes as zeros: .NET writes
/// 0.0001 so, and 1E-05.
const PLAIN_EXPONENT_MIN: i32 = -4;

impl NumberPattern {
    /// Compiles a pattern. A letter and up to three digits is a standard format:
    /// those of .NET, `B C D E F G N P R X`, with two places where `C F N P` name
    /// none and six where `E` does not. Anything else is a custom format.
    ///
    /// # Errors
    /// `format.number`: another standard format, or an open quotation mark. The
    /// author's fault.
    pub fn compile(pattern: &str) -> Result<Self, Problem> {
        match standard(pattern) {
            Some((letter, precision)) => Self::compile_standard(letter, precision),
            None => Custom::compile(pattern).map(Kind::Custom).map(Self),
        }
    }

    fn compile_standard(letter: char, precision: Option<usize>) -> Result<Self, Problem> {
        let places = precision.unwrap_or(2);
        let digits = precision.unwrap_or(1).max(1);
        Ok(Self(match letter.to_ascii_uppercase() {
            'N' => Kind::Fixed { places, grouped: true, mark: Mark::None },
            'F' => Kind::Fixed { places, grouped: false, mark: Mark::None },
            'P' => Kind::Fixed { places, grouped: true, mark: Mark::Percent },
            'C' => Kind::Fixed { places, grouped: true, mark: Mark::Currency },
            'E' => Kind::Exponential { places: precision.unwrap_or(6), letter },
            'B' => Kind::Binary { digits },
            'D' => Kind::Integer { digits },
            'X' => Kind::Hexadecimal { digits, upper: letter == 'X' },
            'G' if precision.unwrap_or(0) > 0 => {
                let letter = if letter == 'G' { 'E' } else { 'e' };
                Kind::Significant { digits, letter }
            }
            // The precision of R is ignored, as .NET does it.
            'G' | 'R' => Kind::General,
            _ => {
                return Err(Problem::new(
                    "format.number",
                    format!(
                        "`{letter}` is no standard number format; known are B, C, D, E, F, G, N, \
                         P, R and X, and patterns such as 0.00"
                    ),
                ));
            }
        }))
    }

    /// Writes a number. `None` when the format cannot write it: `D`, `X` and `B`
    /// take integers only, `X` and `B` those of 64 bits (negative ones as two's
    /// complement).
    pub fn format(&self, number: &Decimal) -> Option<String> {
        match &self.0 {
            Kind::Fixed { places, grouped, mark } => {
                let shift = if *mark == Mark::Percent { 2 } else { 0 };
                let number = number.clone().shifted(shift).rounded(*places);
                let text = plain(&number, 1, *places, *grouped);
                Some(match (mark, text.strip_prefix('-')) {
                    (Mark::None, _) => text,
                    (Mark::Percent, _) => format!("{text} %"),
                    (Mark::Currency, Some(unsigned)) => format!("({CURRENCY}{unsigned})"),
                    (Mark::Currency, None) => format!("{CURRENCY}{text}"),
                })
            }
            Kind::Exponential { places, letter } => {
                let number = number.clone().cut(places + 1);
                Some(exponential(number, *places, *letter, EXPONENT_DIGITS))
            }
            Kind::Significant { digits, letter } => {
                let number = number.clone().cut(*digits);
                let digits = i32::try_from(*digits).unwrap_or(i32::MAX);
                let exponent = exponent_of(&number);
                if exponent < digits && exponent >= PLAIN_EXPONENT_MIN {
                    return Some(plain(&number, 1, number.fraction_digits(), false));
                }
                let places = number.digits.len().saturating_sub(1);
                Some(exponential(number, places, *letter, SHORT_EXPONENT_DIGITS))
            }
            Kind::Integer { digits } => {
                number.is_integer().then(|| plain(number, *digits, 0, false))
            }
            Kind::Hexadecimal { digits, upper: true } => {
                integer(number).map(|value| format!("{value:0digits$X}"))
            }
            Kind::Hexadecimal { digits, upper: false } => {
                integer(number).map(|value| format!("{value:0digits$x}"))
            }
            Kind::Binary { digits } => integer(number).map(|value| format!("{value:0digits$b}")),
            Kind::General => Some(plain(number, 1, number.fraction_digits(), false)),
            Kind::Custom(custom) => Some(custom.format(number)),
        }
    }
}

/// The letter and the precision of a standard format.
pub(crate) fn standard(pattern: &str) -> Option<(char, Option<usize>)> {
    let letter = pattern.chars().next().filter(char::is_ascii_alphabetic)?;
    let digits = pattern.strip_prefix(letter)?;
    if digits.is_empty() {
        return Some((letter, None));
    }
    let short = digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let precision = short.then(|| digits.parse().ok()).flatten()?;
    (precision <= PRECISION_MAX).then_some((letter, Some(precision)))
}

/// `-1,234.50`: at least `whole` digits before the point, exactly `places` after
/// it. The number is rounded already.
fn plain(number: &Decimal, whole: usize, places: usize, grouped: bool) -> String {
    let whole = whole.max(number.whole_digits());
    let mut text = String::with_capacity(whole + whole / 3 + places + 2);
    if number.negative {
        text.push('-');
    }
    for power in (0..whole).rev() {
        text.push(number.digit(i32::try_from(power).unwrap_or(i32::MAX)));
        if grouped && power > 0 && power % 3 == 0 {
            text.push(',');
        }
    }
    if places > 0 {
        text.push('.');
    }
    for place in 1..=places {
        text.push(number.digit(i32::try_from(place).map_or(i32::MIN, |place| -place)));
    }
    text
}

/// The power of ten of the first digit; 0 for zero.
fn exponent_of(number: &Decimal) -> i32 {
    if number.digits.is_empty() { 0 } else { number.point.saturating_sub(1) }
}

/// `-1.50E+003`: one digit, so many places, and an exponent. The number is
/// rounded already.
fn exponential(mut number: Decimal, places: usize, letter: char, digits: usize) -> String {
    let exponent = exponent_of(&number);
    number.point = number.point.saturating_sub(exponent);
    let mut text = plain(&number, 1, places, false);
    text.push(letter);
    text.push(if exponent < 0 { '-' } else { '+' });
    text.push_str(&format!("{:0digits$}", exponent.unsigned_abs()));
    text
}

fn integer(number: &Decimal) -> Option<i64> {
    if !number.is_integer() || number.whole_digits() > 19 {
        return None;
    }
    plain(number, 1, 0, false).parse().ok()
}
