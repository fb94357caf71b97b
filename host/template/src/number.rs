//! Decimal numbers as text, and .NET number patterns.
//!
//! Knows: how a number is read, rounded and written, culture-invariant.
//! Deliberately does not know: binary floating point; `0.1` stays `0.1`.
//!
//! # Invariants
//! - Digits are never lost except by the rounding that a pattern asks for, which
//!   is half away from zero, as .NET rounds decimals.
//! - A number has at most [`DIGITS_MAX`] digits, so a pattern's output is small.

mod custom;
mod pattern;
#[cfg(test)]
mod tests;

pub(crate) use pattern::standard;
pub use pattern::{NumberPattern, PRECISION_MAX};

/// The most digits that a number may have, and the largest exponent.
pub const DIGITS_MAX: usize = 1_000;

/// A decimal number of any size up to [`DIGITS_MAX`]: 0.d₁d₂d₃… · 10^point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    /// Without zeros at either end; none for zero.
    digits: Vec<u8>,
    /// How many digits stand before the decimal point; may be negative.
    point: i32,
}

impl Decimal {
    /// Reads `[+-]digits[.digits][e[+-]digits]`; digits on one side of the point
    /// are enough, blanks around it are ignored. `None` for all else, also for
    /// group separators, and for more than [`DIGITS_MAX`] digits.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > DIGITS_MAX {
            return None;
        }
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        if all().next().is_none() || !all().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let leading = all().take_while(|byte| *byte == b'0').count();
        let point = i32::try_from(whole.len()).ok()? - i32::try_from(leading).ok()? + exponent;
        let number = Self { negative, digits: all().skip(leading).collect(), point };
        Some(number.normal())
    }

    /// Whether nothing stands after the point.
    pub fn is_integer(&self) -> bool {
        usize::try_from(self.point).unwrap_or(0) >= self.digits.len()
    }

    /// Shifts the decimal point to the right; to the left when negative.
    fn shifted(mut self, places: i32) -> Self {
        if !self.digits.is_empty() {
            self.point = self.point.saturating_add(places);
        }
        self
    }

    /// Rounded half away from zero to so many places after the point.
    fn rounded(self, places: usize) -> Self {
        let places = i32::try_from(places).unwrap_or(i32::MAX);
        match usize::try_from(self.point.saturating_add(places)) {
            Ok(kept) => self.cut(kept),
            Err(_) => Self { negative: false, digits: Vec::new(), point: 0 },
        }
    }

    /// Rounded half away from zero to so many digits, wherever the point is.
    fn cut(mut self, kept: usize) -> Self {
        let up = self.digits.get(kept).is_some_and(|digit| *digit >= b'5');
        self.digits.truncate(kept);
        if up {
            self.add_one_at_the_end();
        }
        self.normal()
    }

    fn add_one_at_the_end(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
        // 9.99 became 0.00 with a carry, or no digit was kept: the one stands in
        // front of all.
        self.digits.insert(0, b'1');
        self.point = self.point.saturating_add(1);
    }

    /// Zeros at both ends removed; zero has no sign.
    fn normal(mut self) -> Self {
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            return Self { negative: false, digits: Vec::new(), point: 0 };
        }
        self
    }

    /// The digit that stands for 10^`power`; zero where none was written.
    fn digit(&self, power: i32) -> char {
        let index = self.point.saturating_sub(1).saturating_sub(power);
        let digit = usize::try_from(index).ok().and_then(|index| self.digits.get(index));
        char::from(*digit.unwrap_or(&b'0'))
    }

    /// How many digits the part before the point has; none for 0.5.
    fn whole_digits(&self) -> usize {
        usize::try_from(self.point).unwrap_or(0)
    }

    /// How many digits the part after the point has.
    fn fraction_digits(&self) -> usize {
        let digits = i32::try_from(self.digits.len()).unwrap_or(i32::MAX);
        usize::try_from(digits.saturating_sub(self.point)).unwrap_or(0)
    }
}

fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
