//! Whether a condition of a selector holds for a value.
//!
//! Knows: how Newtonsoft.Json compares what JSON text can hold. Deliberately does
//! not know: how conditions are written (`path::condition`).
//!
//! - A comparison holds when any place of the left side and any of the right
//!   side compare so; an absent place compares with nothing, not even by `!=`.
//! - `==` needs the same type: the number 1 is not the text `1`. Numbers compare
//!   by value, `1` and `1.0` alike.
//! - `<` and `>` turn a text into the type of the other side where it is one.
//!   `null` is less than all else. Texts compare by UTF-16 units.
//! - Objects and arrays equal nothing.
//!
//! Where Newtonsoft.Json throws (a text that is no number compared with one),
//! the comparison does not hold. JSON text has no dates: what Newtonsoft.Json
//! would guess to be one is compared as the text it is.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::path::{Comparison, Condition, Join, Literal, Operand, Pattern, Test};
use super::scan::Kind;
use super::select::{Budget, exactly, select};
use super::string;
use super::walk::Node;

/// `Break` when the budget is used up.
pub(super) fn holds(
    text: &str,
    condition: &Condition,
    node: &Node,
    budget: &mut Budget,
) -> ControlFlow<(), bool> {
    // Read from the right, the tests need no stack: one that decides ends it.
    let mut held = true;
    for (test, join) in &condition.tests {
        held = passes(text, test, node, budget)?;
        match join {
            Join::And if !held => return ControlFlow::Continue(false),
            Join::Or if held => return ControlFlow::Continue(true),
            Join::And | Join::Or => {}
        }
    }
    ControlFlow::Continue(held)
}

fn passes(text: &str, test: &Test, node: &Node, budget: &mut Budget) -> ControlFlow<(), bool> {
    ControlFlow::Continue(match test {
        Test::Not(test) => !passes(text, test, node, budget)?,
        Test::Group(condition) => holds(text, condition, node, budget)?,
        Test::Exists(operand) => {
            any(text, operand, node, budget, &mut |_, _| ControlFlow::Continue(true))?
        }
        Test::Compare(left, comparison, right) => {
            any(text, left, node, budget, &mut |left, budget| {
                any(text, right, node, budget, &mut |right, _| {
                    ControlFlow::Continue(compares(&left, *comparison, &right))
                })
            })?
        }
        Test::Matches(operand, pattern) => {
            any(text, operand, node, budget, &mut |value, budget| matches(&value, pattern, budget))?
        }
    })
}

/// A value as conditions see it.
enum Seen<'a> {
    Null,
    Boolean(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    Container,
}

impl<'a> Seen<'a> {
    fn at(text: &'a str, node: &Node) -> Self {
        match node.kind(text) {
            Kind::Null => Self::Null,
            Kind::Object | Kind::Array => Self::Container,
            Kind::String => Self::Text(string::decode(node.value(text).of(text))),
            Kind::Literal => match node.value(text).of(text) {
                "true" => Self::Boolean(true),
                "false" => Self::Boolean(false),
                number => Self::Number(number),
            },
        }
    }

    fn literal(literal: &'a Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Boolean(value) => Self::Boolean(*value),
            Literal::Number(number) => Self::Number(number),
            Literal::Text(text) => Self::Text(Cow::Borrowed(text)),
        }
    }
}

type Judge<'j, 'a> = dyn FnMut(Seen<'a>, &mut Budget) -> ControlFlow<(), bool> + 'j;

/// Whether what is asked holds for any value of an operand.
fn any<'a>(
    text: &'a str,
    operand: &'a Operand,
    node: &Node,
    budget: &mut Budget,
    ask: &mut Judge<'_, 'a>,
) -> ControlFlow<(), bool> {
    let (from_root, steps) = match operand {
        Operand::Literal(literal) => return ask(Seen::literal(literal), budget),
        Operand::Path { from_root, steps } => (*from_root, steps),
    };
    let from = if from_root { Node::whole(text) } else { *node };
    let mut ask_at = |node: Node, budget: &mut Budget| {
        if !matches!(node.kind(text), Kind::Object | Kind::Array) {
            budget.spend(node.value(text).length())?;
        }
        ask(Seen::at(text, &node), budget)
    };
    if let Some(found) = exactly(text, from, steps, budget) {
        return match found? {
            Some(node) => ask_at(node, budget),
            None => ControlFlow::Continue(false),
        };
    }
    let mut held = false;
    let flow = select(text, from, steps, budget, &mut |node, _, budget| {
        held = ask_at(node, budget)?;
        if held { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    // A break for any other reason than an answer is a lack of steps.
    if held { ControlFlow::Continue(true) } else { flow.map_continue(|()| false) }
}

fn matches(value: &Seen<'_>, pattern: &Pattern, budget: &mut Budget) -> ControlFlow<(), bool> {
    let Seen::Text(text) = value else { return ControlFlow::Continue(false) };
    // A byte costs an automaton more than a scan.
    budget.spend(text.len().saturating_mul(16))?;
    ControlFlow::Continue(pattern.matches(text))
}

fn compares(left: &Seen<'_>, comparison: Comparison, right: &Seen<'_>) -> bool {
    let ordered = |wanted: fn(Ordering) -> bool| order(left, right).is_some_and(wanted);
    match comparison {
        Comparison::Equal => equal(left, right),
        Comparison::NotEqual => !equal(left, right),
        Comparison::Less => ordered(Ordering::is_lt),
        Comparison::LessOrEqual => ordered(Ordering::is_le),
        Comparison::Greater => ordered(Ordering::is_gt),
        Comparison::GreaterOrEqual => ordered(Ordering::is_ge),
    }
}

fn equal(left: &Seen<'_>, right: &Seen<'_>) -> bool {
    match (left, right) {
        (Seen::Null, Seen::Null) => true,
        (Seen::Boolean(left), Seen::Boolean(right)) => left == right,
        (Seen::Number(left), Seen::Number(right)) => numbers(left, right) == Some(Ordering::Equal),
        (Seen::Text(left), Seen::Text(right)) => left == right,
        _ => false,
    }
}

/// How two values compare by `<` and `>`; `None` when they do not.
fn order(left: &Seen<'_>, right: &Seen<'_>) -> Option<Ordering> {
    match (left, right) {
        (Seen::Container, _) | (_, Seen::Container) => None,
        (Seen::Null, Seen::Null) => Some(Ordering::Equal),
        (Seen::Null, _) => Some(Ordering::Less),
        (_, Seen::Null) => Some(Ordering::Greater),
        (Seen::Text(left), Seen::Text(right)) => {
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        (Seen::Boolean(left), right) => Some(left.cmp(&truth(right)?)),
        (Seen::Text(_), Seen::Boolean(right)) => Some(truth(left)?.cmp(right)),
        (Seen::Number(left), right) => numbers(left, &number(right)?),
        (Seen::Text(_), Seen::Number(right)) => numbers(&number(left)?, right),
    }
}

fn truth(value: &Seen<'_>) -> Option<bool> {
    match value {
        Seen::Boolean(value) => Some(*value),
        Seen::Number(number) => number.parse::<f64>().ok().map(|number| number != 0.0),
        Seen::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Seen::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        Seen::Text(_) | Seen::Null | Seen::Container => None,
    }
}

fn number<'s>(value: &'s Seen<'_>) -> Option<Cow<'s, str>> {
    match value {
        Seen::Number(number) => Some(Cow::Borrowed(number)),
        Seen::Boolean(value) => Some(Cow::Borrowed(if *value { "1" } else { "0" })),
        Seen::Text(text) => Some(Cow::Borrowed(text.trim())),
        Seen::Null | Seen::Container => None,
    }
}

/// Compares two numbers by value: whole ones exactly whatever their size, others
/// as doubles that may differ by rounding.
fn numbers(left: &str, right: &str) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (whole(left), whole(right)) {
        return Some(left.cmp(&right));
    }
    let (left, right): (f64, f64) = (left.parse().ok()?, right.parse().ok()?);
    let tolerance = (left.abs() + right.abs() + 10.0) * f64::EPSILON;
    if (left - right).abs() < tolerance {
        return Some(Ordering::Equal);
    }
    left.partial_cmp(&right)
}

/// A whole number in a form whose parts compare as the numbers do: sign, then
/// (for a negative one reversed) count of digits, then digits.
fn whole(number: &str) -> Option<Whole<'_>> {
    let (negative, digits) = match number.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, number),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    Some(Whole { negative: negative && !digits.is_empty(), digits })
}

#[derive(PartialEq, Eq)]
struct Whole<'a> {
    negative: bool,
    /// Without leading zeros.
    digits: &'a str,
}

impl Ord for Whole<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |left: &Self, right: &Self| {
            left.digits.len().cmp(&right.digits.len()).then_with(|| left.digits.cmp(right.digits))
        };
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

impl PartialOrd for Whole<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
