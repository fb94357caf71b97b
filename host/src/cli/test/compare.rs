//! What is not as expected, place by place.
//!
//! Knows: formats and line ends. Deliberately does not know: where expectation
//! and result come from.
//!
//! # Invariants
//! - Equal bytes never differ. Unequal ones differ unless what separates them is
//!   layout (line ends; blanks between the parts of JSON and XML; comments and prefixes
//!   of XML; empty fields and components at the end of HL7's) or an ignored place.

mod hl7;
mod json;
mod places;
mod text;
mod xml;

use super::actual::Actual;
use super::case::Case;
use super::expected::{Expected, activity_lines};

/// Differences of one message or file that are told.
const DIFFERENCES_MAX: usize = 50;

/// Characters of a value that are told.
const SHOWN_MAX: usize = 300;

/// One thing that is not as expected. Holds message content: it is the author's
/// own test data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// `outcome`, `response`, `activity 1 "Archive"`, `file a.csv`, ...
    pub(super) what: String,
    /// The place in it.
    pub(super) place: Option<String>,
    /// `None`: nothing was expected there.
    pub(super) expected: Option<String>,
    pub(super) found: Option<String>,
}

/// A difference inside one message: place, expected, found.
pub(in crate::cli) type Inside = (String, Option<String>, Option<String>);

/// What bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    Hl7,
    Json,
    Xml,
    Text,
    Binary,
}

impl Kind {
    pub(in crate::cli) fn of(bytes: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return if bytes.starts_with(b"MSH") { Self::Hl7 } else { Self::Binary };
        };
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        if trimmed.starts_with("MSH") && trimmed.len() > 8 {
            Self::Hl7
        } else if trimmed.starts_with(['{', '[']) && json::parse(trimmed).is_some() {
            Self::Json
        } else if trimmed.starts_with('<') && roxmltree::Document::parse(trimmed).is_ok() {
            Self::Xml
        } else if text.contains('\0') {
            Self::Binary
        } else {
            Self::Text
        }
    }
}

/// Everything that is not as the case expects.
pub(super) fn compare(expected: &Expected, actual: &Actual, case: &Case) -> Vec<Difference> {
    let mut differences = Vec::new();
    outcome(expected, actual, &mut differences);
    response(expected, actual, case, &mut differences);
    variables(expected, actual, case, &mut differences);
    activities(expected, actual, case, &mut differences);
    files(expected, actual, case, &mut differences);
    differences
}

fn outcome(expected: &Expected, actual: &Actual, out: &mut Vec<Difference>) {
    let wanted = expected.result.outcome();
    if wanted != actual.outcome {
        let reason = actual.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
        out.push(whole("outcome", Some(wanted), Some(&format!("{}{reason}", actual.outcome))));
    }
    let code = expected.result.error.as_deref();
    if code.is_some() && code != actual.error.as_deref() {
        out.push(whole("error", code, actual.error.as_deref()));
    }
}

fn response(expected: &Expected, actual: &Actual, case: &Case, out: &mut Vec<Difference>) {
    let found = actual.response.as_ref();
    if let Some(status) = expected.result.status
        && found.map(|it| it.status) != Some(status)
    {
        let found = found.map(|it| it.status.to_string());
        out.push(whole("status", Some(&status.to_string()), found.as_deref()));
    }
    let content_type = found.and_then(|it| it.content_type.as_deref());
    if let Some(wanted) = expected.result.content_type.as_deref()
        && content_type != Some(wanted)
    {
        out.push(whole("content type", Some(wanted), content_type));
    }
    if let Some(wanted) = &expected.response {
        let body = found.map(|it| it.body.as_slice());
        message("response", wanted, body, case, &case.ignore.response, out);
    }
}

fn variables(expected: &Expected, actual: &Actual, case: &Case, out: &mut Vec<Difference>) {
    for (name, wanted) in expected.result.variables.iter().flatten() {
        if case.ignore.variables.iter().any(|ignored| ignored.eq_ignore_ascii_case(name)) {
            continue;
        }
        let found = actual.variables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let found = found.map(|(_, value)| value.as_str());
        if found != Some(wanted) {
            out.push(whole(&format!("variable {name}"), Some(wanted), found));
        }
    }
}

fn activities(expected: &Expected, actual: &Actual, case: &Case, out: &mut Vec<Difference>) {
    if let Some(wanted) = &expected.result.activities {
        let found = activity_lines(actual);
        for index in 0..wanted.len().max(found.len()) {
            let (wanted, found) = (wanted.get(index), found.get(index));
            if wanted != found {
                let what = format!("activity {}", index + 1);
                out.push(whole(&what, wanted.map(String::as_str), found.map(String::as_str)));
            }
        }
    }
    for (number, wanted) in &expected.activities {
        let done = actual.activities.get(number - 1);
        let what = done.map_or_else(
            || format!("activity {number}"),
            |done| format!("activity {number} {:?}", done.name),
        );
        let found = done.and_then(|done| done.message.as_deref());
        message(&what, wanted, found, case, &case.ignore.activities, out);
    }
}

fn files(expected: &Expected, actual: &Actual, case: &Case, out: &mut Vec<Difference>) {
    for (name, wanted) in &expected.files {
        let found = actual.files.get(name).map(Vec::as_slice);
        message(&format!("file {name}"), wanted, found, case, &case.ignore.files, out);
    }
    let listed = expected.result.files.as_ref();
    for name in listed.into_iter().flatten() {
        if !actual.files.contains_key(name) && !expected.files.contains_key(name) {
            out.push(whole(&format!("file {name}"), Some("written"), None));
        }
    }
    if listed.is_none() && expected.files.is_empty() {
        return;
    }
    for name in actual.files.keys() {
        let named = listed.is_some_and(|listed| listed.contains(name));
        if !named && !expected.files.contains_key(name) {
            out.push(whole(&format!("file {name}"), None, Some("written")));
        }
    }
}

/// Is a message, or the content of a file, not as expected? As [`compare`] says it.
pub(super) fn differs(
    expected: &[u8],
    found: Option<&[u8]>,
    case: &Case,
    ignore: &[String],
) -> bool {
    let mut differences = Vec::new();
    message("", expected, found, case, ignore, &mut differences);
    !differences.is_empty()
}

/// Compares one message, or the content of a file.
fn message(
    what: &str,
    expected: &[u8],
    found: Option<&[u8]>,
    case: &Case,
    ignore: &[String],
    out: &mut Vec<Difference>,
) {
    let Some(found) = found else {
        out.push(whole(what, Some(&format!("{} bytes", expected.len())), None));
        return;
    };
    if expected == found {
        return;
    }
    let mut inside = if case.exact {
        binary(expected, found)
    } else {
        differences_besides(expected, found, ignore)
    };
    let more = inside.len().saturating_sub(DIFFERENCES_MAX);
    inside.truncate(DIFFERENCES_MAX);
    out.extend(inside.into_iter().map(|(place, expected, found)| Difference {
        what: what.to_owned(),
        place: Some(place),
        expected: expected.as_deref().map(shown),
        found: found.as_deref().map(shown),
    }));
    if more > 0 {
        let found = Some(format!("{more} more differences"));
        out.push(Difference { what: what.to_owned(), place: None, expected: None, found });
    }
}

/// What tells two messages apart, place by place; layout does not count.
pub(in crate::cli) fn differences(expected: &[u8], found: &[u8]) -> Vec<Inside> {
    differences_besides(expected, found, &[])
}

/// The same; ignored places do not count either.
fn differences_besides(expected: &[u8], found: &[u8], ignore: &[String]) -> Vec<Inside> {
    if expected == found {
        return Vec::new();
    }
    let mut all = match (Kind::of(expected), Kind::of(found)) {
        (Kind::Hl7, Kind::Hl7) => hl7::compare(expected, found),
        (Kind::Json, Kind::Json) => json::compare(expected, found, ignore),
        (Kind::Xml, Kind::Xml) => xml::compare(expected, found),
        (Kind::Binary, _) | (_, Kind::Binary) => binary(expected, found),
        _ => text::compare(expected, found),
    };
    all.retain(|(place, ..)| !places::is_ignored(place, ignore));
    all
}

fn binary(expected: &[u8], found: &[u8]) -> Vec<Inside> {
    let same = expected.iter().zip(found).take_while(|(one, other)| one == other).count();
    let rest = |bytes: &[u8]| {
        let left = bytes.len().saturating_sub(same);
        let next: Vec<String> =
            bytes.iter().skip(same).take(16).map(|byte| format!("{byte:02x}")).collect();
        (left > 0).then(|| format!("{} ({left} bytes from here)", next.join(" ")))
    };
    vec![(format!("byte {}", same + 1), rest(expected), rest(found))]
}

fn whole(what: &str, expected: Option<&str>, found: Option<&str>) -> Difference {
    let (expected, found) = (expected.map(shown), found.map(shown));
    Difference { what: what.to_owned(), place: None, expected, found }
}

/// A value for a line: cut short.
fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let head: String = characters.by_ref().take(SHOWN_MAX).collect();
    match characters.count() {
        0 => head,
        more => format!("{head}… ({more} more characters)"),
    }
}

/// Both as texts, with line feeds for all line ends and none at the end.
///
/// Where one of them is no UTF-8, a byte is a character in both, so that other bytes
/// are always other characters.
fn texts(expected: &[u8], found: &[u8]) -> (String, String) {
    let (expected, found) = (without_mark(expected), without_mark(found));
    match (std::str::from_utf8(expected), std::str::from_utf8(found)) {
        (Ok(expected), Ok(found)) => (with_plain_ends(expected), with_plain_ends(found)),
        _ => {
            let text = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
            (with_plain_ends(&text(expected)), with_plain_ends(&text(found)))
        }
    }
}

/// Without the byte order mark of UTF-8.
fn without_mark(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        bytes = rest;
    }
    bytes
}

fn with_plain_ends(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests;
