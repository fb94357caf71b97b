//! What expressions give, and how one kind becomes another (XPath 1.0 sections
//! 3.3 to 3.5 and 4.2 to 4.4).
//!
//! Deliberately does not know: nodes.

use std::borrow::Cow;

use super::super::tree::Id;

#[derive(Clone, Debug)]
pub(super) enum Object<'t> {
    /// In document order.
    Nodes(Vec<Id>),
    Text(Cow<'t, str>),
    Number(f64),
    Truth(bool),
}

/// A number as text: without an exponent, and without a point where it is whole.
pub(super) fn written(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else if number == 0.0 {
        // Of both zeros.
        "0".to_owned()
    } else {
        number.to_string()
    }
}

/// The number that a text is: digits, a point, a minus sign; no exponent, no
/// plus sign. All else is NaN.
pub(super) fn number_of(text: &str) -> f64 {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !are_digits(whole) || !are_digits(fraction) {
        return f64::NAN;
    }
    text.parse().unwrap_or(f64::NAN)
}

/// The number that a value is, where it is no nodes.
pub(super) fn number(value: &Object<'_>) -> f64 {
    match value {
        Object::Number(number) => *number,
        Object::Truth(truth) => f64::from(u8::from(*truth)),
        Object::Text(text) => number_of(text),
        Object::Nodes(_) => f64::NAN,
    }
}

/// The nearest whole number, of two the higher one.
pub(super) fn round(number: f64) -> f64 {
    let floor = number.floor();
    if number - floor >= 0.5 { floor + 1.0 } else { floor }
}

pub(super) fn is_true(number: f64) -> bool {
    number != 0.0 && !number.is_nan()
}

/// A count or a position as a number.
#[expect(clippy::cast_precision_loss, reason = "a message has less than 2^53 nodes or characters")]
pub(super) fn counted(count: usize) -> f64 {
    count as f64
}
