//! One path that an author wrote, judged in the language of its message (contract 8), by the parser
//! that reads it when the message is there.

use tureen_message::{Format, Path, Problem};

use crate::diagnostics::{Diagnostic, codes, quoted};

/// What a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// One value is read.
    Value,
    /// Every repetition of the field is looked at.
    Repetitions,
    /// A loop counts its siblings: an index at its end is left out.
    Loop,
    /// It is written, as a value or as it is.
    Target { structure: bool },
}

/// What is wrong with a path, or doubtful.
pub(super) fn judge(property: &str, path: &str, format: Format, by: Use) -> Option<Diagnostic> {
    let read = if by == Use::Loop { without_last_index(path) } else { path };
    let parsed = match Path::parse(format, read) {
        Ok(parsed) => parsed,
        Err(problem) => return Some(slip(property, path, format, &problem)),
    };
    match by {
        Use::Loop | Use::Repetitions => None,
        Use::Value => first_only(property, path, &parsed),
        Use::Target { structure } => several(property, path, &parsed, structure),
    }
}

/// As loops read it: `OBX[1]` counts what `OBX` counts.
fn without_last_index(path: &str) -> &str {
    let index = path.strip_suffix(']').and_then(|path| path.rsplit_once('['));
    match index {
        Some((bare, index)) if index.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => path,
    }
}

fn slip(property: &str, path: &str, format: Format, problem: &Problem) -> Diagnostic {
    let (message, example) = language(format);
    let text = match path {
        "" => format!("{property} is empty, and has to name a place in {message}"),
        _ => format!("{property} is no path of {message}: every message would fail here"),
    };
    // The parsers say what was expected, and most of them what was found.
    let said = problem.text.split_once(" path: ").map_or(problem.text.as_str(), |(_, said)| said);
    let (expected, shape) = match said.split_once("; found ") {
        Some((expected, shape)) => (expected, format!(": {shape}")),
        None => (said, String::new()),
    };
    let at = match problem.offset {
        Some(offset) if !path.is_empty() => format!(" at byte {}{shape}", offset + 1),
        _ => String::new(),
    };
    let help = match upper(path, format) {
        Some(upper) => format!("did you mean {}?", quoted(&upper)),
        None => format!("write a path such as {example}"),
    };
    Diagnostic::new(codes::PATH, text)
        .expected(expected.strip_prefix("expected ").unwrap_or(expected))
        .found(format!("{}{at}", quoted(path)))
        .help(help)
}

/// Messages of a format, and what their paths look like.
fn language(format: Format) -> (&'static str, &'static str) {
    match format {
        Format::Hl7 => ("an HL7 message", "PID-5.1 or OBX[2]-5"),
        Format::Json => ("a JSON message", "Patient/Names[1]/Given or newtonsoft:$.Patient"),
        Format::Dicom => ("a DICOM message", "CommonFields/PatientID"),
        Format::Xml => ("an XML message", "Root/Child[2]/@code or xpath://Child"),
        Format::Csv => ("a CSV message", "[0], Row[2]/[0] or Row/Name"),
        Format::Text => ("a text message", "an empty one"),
        Format::Binary => ("a binary message", "an empty one"),
    }
}

/// The same path in capital letters, where that is one: segments have no small ones.
fn upper(path: &str, format: Format) -> Option<String> {
    let upper = path.trim().to_ascii_uppercase();
    let meant = format == Format::Hl7 && upper != path;
    (meant && Path::parse(format, &upper).is_ok()).then_some(upper)
}

/// Of several places the first alone is read. `PID-5[*]` is the whole field.
fn first_only(property: &str, path: &str, parsed: &Path) -> Option<Diagnostic> {
    let Path::Hl7(parsed) = parsed else { return None };
    if !parsed.is_pattern() || !of_several_segments(path) && path.ends_with("[*]") {
        return None;
    }
    let text = format!("{property} names several places, and only the first one is read");
    let found = Diagnostic::new(codes::PATH_OF_THE_FIRST, text).found(quoted(path));
    Some(found.help("leave [*] out if the first one is meant; otherwise read each in a loop"))
}

/// A write needs one place; as structure the whole field is one.
fn several(property: &str, path: &str, parsed: &Path, structure: bool) -> Option<Diagnostic> {
    let refused = match parsed {
        Path::Hl7(parsed) => {
            let is_field = !of_several_segments(path) && path.ends_with("[*]");
            parsed.is_pattern() && !(structure && is_field)
        }
        Path::Csv(parsed) => parsed.is_pattern(),
        Path::Json(_) | Path::Xml(_) | Path::Whole => false,
    };
    refused.then(|| {
        let text = format!("{property} names several places: every message would fail here");
        Diagnostic::new(codes::PATH, text)
            .expected("one exact place to write")
            .found(quoted(path))
            .help("write a number in place of [*]; in a loop ${ForEachIterator}")
    })
}

/// Whether the segment is written with `[*]`.
fn of_several_segments(path: &str) -> bool {
    path.get(3..).is_some_and(|rest| rest.starts_with("[*]"))
}
