//! Numbers of formatting enumerations become the names that the operator gave them (contract 2.3).
//!
//! Knows: in which properties such numbers stand. Deliberately does not know: what the names mean.

use std::borrow::Cow;

use serde_json::Value;

use crate::config::FormatNumbers;

/// A step's settings with names in place of the numbers that have one. The step's own object is
/// left alone: there `Encoding` is the name of a character set. Pointers stay what they are.
pub(super) fn named<'s>(settings: &'s str, numbers: &FormatNumbers) -> Cow<'s, str> {
    if numbers.is_empty() {
        return Cow::Borrowed(settings);
    }
    let Ok(mut value) = serde_json::from_str::<Value>(settings) else {
        return Cow::Borrowed(settings);
    };
    let mut changed = false;
    if let Value::Object(members) = &mut value {
        for member in members.values_mut() {
            changed |= name_in(member, numbers);
        }
    }
    if changed { Cow::Owned(value.to_string()) } else { Cow::Borrowed(settings) }
}

/// The depth of a document is limited, so this may recurse.
fn name_in(value: &mut Value, numbers: &FormatNumbers) -> bool {
    let mut changed = false;
    match value {
        Value::Array(elements) => {
            for element in elements {
                changed |= name_in(element, numbers);
            }
        }
        Value::Object(members) => {
            for (property, member) in members {
                let number = match &*member {
                    Value::Number(number) => Some(number.to_string()),
                    Value::String(text) => Some(text.trim().to_owned()),
                    _ => None,
                };
                let name = number.and_then(|number| numbers.name(property, &number));
                if let Some(name) = name {
                    *member = Value::String(name.to_owned());
                    changed = true;
                } else {
                    changed |= name_in(member, numbers);
                }
            }
        }
        _ => {}
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_actions_and_parameters_get_their_names() {
        let numbers = FormatNumbers {
            text_format: [("2".to_owned(), "UpperCase".to_owned())].into(),
            encoding: [("1".to_owned(), "JSONEncode".to_owned())].into(),
            ..FormatNumbers::default()
        };
        for (settings, expected) in [
            (r#"{"Encoding":1}"#, r#"{"Encoding":1}"#),
            (r#"{"A":[{"TextFormat":2}]}"#, r#"{"A":[{"TextFormat":"UpperCase"}]}"#),
            (r#"{"A":[{"textformat":" 2 "}]}"#, r#"{"A":[{"textformat":"UpperCase"}]}"#),
            (r#"{"A":[{"TextFormat":3}]}"#, r#"{"A":[{"TextFormat":3}]}"#),
            (
                r#"{"A":[{"TextFormat":0,"Comparer":2}]}"#,
                r#"{"A":[{"TextFormat":0,"Comparer":2}]}"#,
            ),
            (
                r#"{"A":[{"P":{"x":{"Encoding":1,"Value":1}}}]}"#,
                r#"{"A":[{"P":{"x":{"Encoding":"JSONEncode","Value":1}}}]}"#,
            ),
        ] {
            let found: Value = serde_json::from_str(&named(settings, &numbers)).unwrap();
            let expected: Value = serde_json::from_str(expected).unwrap();
            assert_eq!(found, expected, "{settings}");
        }
        let untouched = r#"{"A":[{"TextFormat":2}]}"#;
        assert!(matches!(named(untouched, &FormatNumbers::default()), Cow::Borrowed(_)));
    }
}
