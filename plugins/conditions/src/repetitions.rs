//! `IncludesRepeatFields`: the repetitions of the place that a path ends in
//! (contract 6.2).
//!
//! Knows: what repeats in each format. Deliberately does not know: how values are
//! compared.
//!
//! # Invariants
//! - Of JSON and XML only the last step repeats. Every index before it stays, and
//!   so does that of a loop's item anywhere.

use crate::loops::{Indexed, SELECTOR, without_index};
use crate::{Place, Sight, namespaces};
use tureen_plugin_sdk::{Format, Message, Problem, StepError};

/// The exact paths of a place in every repetition, whether it exists in there or not: a
/// repetition without it has an empty one. `None` where nothing repeats.
///
/// # Errors
/// As reading the place.
pub(crate) fn repetitions_of(
    place: &Place,
    sight: &Sight<'_>,
) -> Result<Option<Vec<String>>, StepError> {
    let Indexed { ends_in_item, .. } = place.indexed(sight)?;
    let found = place.with(sight, |message, path| match message.format() {
        Format::Hl7 => {
            let (repetitions, rest) = every_repetition(path);
            message.find(&repetitions).map(|found| Some(each_with(found, &rest)))
        }
        Format::Json => items(message, path, ends_in_item),
        Format::Xml => match every_element(path, ends_in_item) {
            Some((elements, attribute)) => {
                let found = message.find(&elements)?;
                Ok(alike(path, each_with(found, &attribute)))
            }
            None => Ok(None),
        },
        _ => Ok(None),
    })?;
    Ok(found.flatten())
}

/// Paths with something behind each.
fn each_with(mut paths: Vec<String>, rest: &str) -> Vec<String> {
    paths.iter_mut().for_each(|path| path.push_str(rest));
    paths
}

/// `PID-3.1` and `PID-3[1].1` as `PID-3[*]`, every repetition of the field, and what
/// stands behind it; a whole segment as every segment of its name.
fn every_repetition(path: &str) -> (String, String) {
    let Some((segment, field)) = path.split_once('-') else {
        let name = path.split_once('[').map_or(path, |(name, _)| name);
        return (format!("{name}[*]"), String::new());
    };
    let digits = field.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = field.split_at_checked(digits).unwrap_or((field, ""));
    let rest = match rest.strip_prefix('[') {
        Some(indexed) => indexed.split_once(']').map_or("", |(_, rest)| rest),
        None => rest,
    };
    (format!("{segment}-{number}[*]"), rest.to_owned())
}

/// The items of the array that a JSON path ends in, or of that whose item its
/// author names; else the one value that it means, or all of a selector.
fn items(
    message: &Message,
    path: &str,
    ends_in_item: bool,
) -> Result<Option<Vec<String>>, Problem> {
    if path.ends_with("[*]") {
        return message.find(path).map(Some);
    }
    if let Some(array) = without_index(path).filter(|_| !ends_in_item) {
        let found = message.find(&format!("{array}[*]"))?;
        return Ok((!found.is_empty()).then_some(found));
    }
    let found = message.find(&format!("{path}[*]"))?;
    // A selector implies nothing: no item of a value that is no array. An empty
    // array holds nothing, and reads as that.
    if found.is_empty() && path.starts_with(SELECTOR) && message.count(path)? > 0 {
        return message.find(path).map(Some);
    }
    Ok(Some(found))
}

/// The pattern of the elements that an XML path ends in, of one name in one
/// parent, and the step to their attribute; of an expression all that it means. `None`
/// for the item of a loop and for the whole document.
fn every_element(path: &str, ends_in_item: bool) -> Option<(String, String)> {
    let (declared, body) = namespaces::split(path);
    if is_expression(body) {
        let bare = without_index(path).filter(|_| !ends_in_item);
        return Some((bare.unwrap_or(path).to_owned(), String::new()));
    }
    let (element, attribute) = match body.rsplit_once('/') {
        Some((element, attribute)) if attribute.starts_with('@') => (element, Some(attribute)),
        _ => (body, None),
    };
    if ends_in_item || element.is_empty() || element == "/" {
        return None;
    }
    let element = element.strip_suffix("[*]").or_else(|| without_index(element)).unwrap_or(element);
    let attribute = attribute.map_or_else(String::new, |attribute| format!("/{attribute}"));
    Some((format!("{declared}{element}[*]"), attribute))
}

/// What was found; `None` of an expression that means no nodes: it may be a text.
fn alike(path: &str, found: Vec<String>) -> Option<Vec<String>> {
    let is_text = found.is_empty() && is_expression(namespaces::split(path).1);
    (!is_text).then_some(found)
}

fn is_expression(body: &str) -> bool {
    body.starts_with("xpath:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_repetition_of_a_field_is_meant_whatever_index_it_has() {
        for (path, expected) in [
            ("PID-3", ("PID-3[*]", "")),
            ("PID-3.1", ("PID-3[*]", ".1")),
            ("PID-3[2].1.2", ("PID-3[*]", ".1.2")),
            ("OBX[2]-5.1", ("OBX[2]-5[*]", ".1")),
            ("OBX", ("OBX[*]", "")),
            ("OBX[3]", ("OBX[*]", "")),
        ] {
            let (repetitions, rest) = every_repetition(path);
            assert_eq!((repetitions.as_str(), rest.as_str()), expected, "{path}");
        }
    }

    #[test]
    fn every_element_of_the_last_step_is_meant() {
        let declared = "declare namespace p = 'u'; ";
        for (path, ends_in_item, expected) in [
            ("a/b", false, Some("a/b[*]")),
            ("/a/b", false, Some("/a/b[*]")),
            ("a/b[2]", false, Some("a/b[*]")),
            ("a/b[*]", false, Some("a/b[*]")),
            ("a/b[2]", true, None),
            ("a/b[2]/c", false, Some("a/b[2]/c[*]")),
            ("a/b/@x", false, Some("a/b[*]/@x")),
            ("a/b[2]/@x", false, Some("a/b[*]/@x")),
            ("a/b[2]/@x", true, None),
            ("a[2]/b/@x", false, Some("a[2]/b[*]/@x")),
            ("xpath://a/b", false, Some("xpath://a/b")),
            ("xpath://a[1]/b", false, Some("xpath://a[1]/b")),
            ("xpath://a/b[2]", false, Some("xpath://a/b")),
            ("xpath:(//a)[2]", true, Some("xpath:(//a)[2]")),
            ("", false, None),
            ("/", false, None),
        ] {
            let found = |path: &str| {
                every_element(path, ends_in_item).map(|(elements, rest)| elements + &rest)
            };
            assert_eq!(found(path).as_deref(), expected, "{path}");
            let expected = expected.map(|it| format!("{declared}{it}"));
            assert_eq!(found(&format!("{declared}{path}")), expected);
        }
    }
}
