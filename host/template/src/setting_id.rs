//! The identity of a setting of a workflow file, and the sides of an activity.
//!
//! Knows: the text forms of a .NET GUID. Deliberately does not know: which
//! settings exist.

use std::fmt;
use std::str::FromStr;

use tureen_message::Problem;

#[cfg(test)]
mod tests;

/// The id of one setting of a workflow file (contract 1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SettingId(u128);

impl SettingId {
    /// The zero GUID: no reference.
    pub const NONE: Self = Self(0);

    /// Reads any text form that .NET writes or reads, in either case: `N` (32
    /// digits), `D` (with hyphens), `B` (in braces), `P` (in parentheses), `X`
    /// (hexadecimal numbers in braces). Blanks around it are ignored; the
    /// empty text is [`SettingId::NONE`].
    ///
    /// # Errors
    /// `guid.syntax`: the text is none of these. The author's fault.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(Self::NONE);
        }
        Self::parse_form(trimmed).ok_or_else(|| {
            Problem::new(
                "guid.syntax",
                format!(
                    "expected a GUID such as 00000000-0000-0000-0000-000000000000, \
                     found {} characters that are none",
                    trimmed.chars().count()
                ),
            )
        })
    }

    /// The id of that number, as [`SettingId::as_u128`] gives it.
    pub const fn from_u128(number: u128) -> Self {
        Self(number)
    }

    /// The GUID as a number, most significant digit first as it is written.
    pub fn as_u128(self) -> u128 {
        self.0
    }

    /// Whether this is the zero GUID.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    fn parse_form(text: &str) -> Option<Self> {
        let enclosed = |open, close| text.strip_prefix(open)?.strip_suffix(close);
        if let Some(inner) = enclosed('(', ')') {
            return hyphenated(inner);
        }
        if let Some(inner) = enclosed('{', '}') {
            return hyphenated(inner).or_else(|| hexadecimal(inner));
        }
        match text.len() {
            32 => hex(text).map(Self),
            _ => hyphenated(text),
        }
    }
}

impl fmt::Display for SettingId {
    /// Writes the `D` form in lower case.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_u128(self.0).hyphenated().fmt(formatter)
    }
}

impl FromStr for SettingId {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::parse(text)
    }
}

/// `00000000-0000-0000-0000-000000000000`.
fn hyphenated(text: &str) -> Option<SettingId> {
    let mut groups = text.split('-');
    let mut number = 0_u128;
    for digits in [8, 4, 4, 4, 12] {
        let group = groups.next().filter(|group| group.len() == digits)?;
        number = (number << (digits * 4)) | hex(group)?;
    }
    groups.next().is_none().then_some(SettingId(number))
}

/// `0x00000000,0x0000,0x0000,{0x00,0x00,0x00,0x00,0x00,0x00,0x00,0x00}`, blanks
/// anywhere between the numbers, leading zeros optional.
fn hexadecimal(text: &str) -> Option<SettingId> {
    let (head, tail) = text.split_once('{')?;
    let head = head.trim_end().strip_suffix(',')?;
    let tail = tail.trim_end().strip_suffix('}')?;
    let mut numbers = head.split(',').chain(tail.split(','));
    if head.split(',').count() != 3 {
        return None;
    }
    let mut number = 0_u128;
    for digits in [8, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2] {
        let text = numbers.next()?.trim();
        let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
        if text.is_empty() || text.len() > digits {
            return None;
        }
        number = (number << (digits * 4)) | hex(text)?;
    }
    numbers.next().is_none().then_some(SettingId(number))
}

/// Hexadecimal digits only; `from_str_radix` alone would take a sign.
fn hex(text: &str) -> Option<u128> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// Which message of an activity is meant (contract 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// What a receiver received, and the answer that a sender got.
    Inbound,
    /// What a receiver answers, and what a sender sends.
    Outbound,
}

impl Direction {
    /// `inbound` or `outbound`, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Inbound, Self::Outbound]
            .into_iter()
            .find(|direction| direction.name().eq_ignore_ascii_case(name))
    }

    /// The word that templates use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}
