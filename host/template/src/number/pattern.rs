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
    /// `F2`, `N2`, `P2`: places after the point, grouped, percent.
    Fixed {
        places: usize,
        grouped: bool,
        percent: bool,
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
    /// `G`: the shortest form.
    General,
    Custom(Custom),
}

impl NumberPattern {
    /// Compiles a pattern. A letter and up to three digits is a standard format:
    /// `N F P D X G` are supported, with two places where `N F P` name none.
    /// Anything else is a custom format.
    ///
    /// # Errors
    /// `format.number`: another standard format, an exponent (`E+0`) in a custom
    /// one, or an open quotation mark. The author's fault.
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
            'N' => Kind::Fixed { places, grouped: true, percent: false },
            'F' => Kind::Fixed { places, grouped: false, percent: false },
            'P' => Kind::Fixed { places, grouped: true, percent: true },
            'D' => Kind::Integer { digits },
            'X' => Kind::Hexadecimal { digits, upper: letter == 'X' },
            'G' if precision.unwrap_or(0) == 0 => Kind::General,
            _ => {
                return Err(Problem::new(
                    "format.number",
                    format!(
                        "the standard number format `{letter}` is not supported here; supported \
                         are N, F, P, D, X and G without digits, and patterns such as 0.00"
                    ),
                ));
            }
        }))
    }

    /// Writes a number. `None` when the format cannot write it: `D` and `X` take
    /// integers only, `X` those of 64 bits (negative ones as two's complement).
    pub fn format(&self, number: &Decimal) -> Option<String> {
        match &self.0 {
            Kind::Fixed { places, grouped, percent } => {
                let shift = if *percent { 2 } else { 0 };
                let number = number.clone().shifted(shift).rounded(*places);
                let mut text = plain(&number, 1, *places, *grouped);
                if *percent {
                    text.push_str(" %");
                }
                Some(text)
            }
            Kind::Integer { digits } => {
                number.is_integer().then(|| plain(number, *digits, 0, false))
            }
            Kind::Hexadecimal { digits, upper } => hexadecimal(number, *digits, *upper),
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

fn hexadecimal(number: &Decimal, digits: usize, upper: bool) -> Option<String> {
    if !number.is_integer() || number.whole_digits() > 19 {
        return None;
    }
    let value: i64 = plain(number, 1, 0, false).parse().ok()?;
    Some(if upper { format!("{value:0digits$X}") } else { format!("{value:0digits$x}") })
}
