//! Variables that a request sets: declared query parameters and URL sections (contract 4.2,
//! behaviour 5 and 6).

use super::refusal::Refusal;
use super::route::decode;
use super::{DeclaredParameter, Route};

/// Query parameters first, then URL sections, each in the order of declaration.
///
/// # Errors
/// A declared parameter whose value is not escaped text.
pub(super) fn variables<T>(
    route: &Route<T>,
    query: Option<&str>,
    sections: &[String],
) -> Result<Vec<(String, String)>, Refusal> {
    let mut variables = Vec::new();
    if route.extract_parameters && !route.query.is_empty() {
        let values = parameters(&route.query, query.unwrap_or_default())?;
        for (declared, value) in route.query.iter().zip(values) {
            push(&mut variables, &declared.variable, value, declared.default.as_ref());
        }
    }
    if route.extract_sections {
        for (index, declared) in route.sections.iter().enumerate() {
            let value = sections.get(index).filter(|value| !value.is_empty()).cloned();
            push(&mut variables, &declared.variable, value, declared.default.as_ref());
        }
    }
    Ok(variables)
}

fn push(
    variables: &mut Vec<(String, String)>,
    name: &str,
    value: Option<String>,
    default: Option<&String>,
) {
    if let Some(value) = value.or_else(|| default.cloned()) {
        variables.push((name.to_owned(), value));
    }
}

/// The value of each declared parameter; repeated keys are joined with a comma, empty values do
/// not count.
fn parameters(declared: &[DeclaredParameter], query: &str) -> Result<Vec<Option<String>>, Refusal> {
    let keys: Vec<String> = declared.iter().map(|declared| declared.key.to_lowercase()).collect();
    let mut values: Vec<Option<String>> = vec![None; declared.len()];
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if value.is_empty() {
            continue;
        }
        // A key that cannot be decoded is not one of the declared ones.
        let Ok(key) = decode_form(key) else { continue };
        let key = key.to_lowercase();
        for (declared, found) in keys.iter().zip(&mut values) {
            if *declared == key {
                append(found, &decode_form(value)?);
            }
        }
    }
    Ok(values)
}

fn append(found: &mut Option<String>, value: &str) {
    match found {
        Some(joined) => {
            joined.push(',');
            joined.push_str(value);
        }
        None => *found = Some(value.to_owned()),
    }
}

/// A plus sign is a space in a query, not in a path.
fn decode_form(text: &str) -> Result<String, Refusal> {
    if text.contains('+') { decode(&text.replace('+', " ")) } else { decode(text) }
}

#[cfg(test)]
mod tests;
