//! The steps before there is a tree: text, depth, JSON syntax.
//!
//! Knows: how each failure looks to whoever wrote the file.

use jsonc_parser::ast::Value;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::lines::Lines;
use crate::diagnostics::{Diagnostic, codes};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

type Outcome<T> = Result<T, Box<Diagnostic>>;

/// The bytes as text, without a byte order mark.
pub(super) fn text_of(mut bytes: Vec<u8>) -> Outcome<String> {
    if bytes.is_empty() {
        return Err(Box::new(empty_file()));
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    refuse_zeros(&bytes)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        Box::new(not_utf8(error.as_bytes(), valid))
    })
}

pub(in crate::workflow) fn empty_file() -> Diagnostic {
    Diagnostic::new(codes::FILE_EMPTY, "the workflow file is empty")
        .expected("a JSON object with WorkflowId, Name and WorkflowPattern")
        .found("0 bytes")
        .help("if it is still being copied, stage it under another name and rename it")
}

/// What a crash leaves behind: a file of the right length without its content.
fn refuse_zeros(bytes: &[u8]) -> Outcome<()> {
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    if zeros == 0 {
        return Ok(());
    }
    let found = if zeros == bytes.len() {
        format!("nothing but {zeros} NUL bytes")
    } else {
        format!("{zeros} NUL bytes at the end, after {} others", bytes.len() - zeros)
    };
    Err(Box::new(
        Diagnostic::new(codes::FILE_OF_ZEROS, "the workflow file was never written completely")
            .expected("JSON text")
            .found(found)
            .help("this is what a power failure or a full disk leaves: restore the file"),
    ))
}

fn not_utf8(bytes: &[u8], valid: usize) -> Diagnostic {
    let text = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
    let position = Lines::new(&text).position(&text, text.len());
    let found = match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "the byte order mark of UTF-16".to_owned(),
        _ => match bytes.get(valid) {
            Some(byte) => format!("byte 0x{byte:02X} at offset {valid}"),
            None => format!("an incomplete character at offset {valid}"),
        },
    };
    Diagnostic::new(codes::NOT_UTF8, "the workflow file is not UTF-8 text")
        .at(Some(position))
        .expected("UTF-8, with or without a byte order mark")
        .found(found)
        .help("save the file as UTF-8")
}

/// Refuses a text that is nested too deeply before anything recurses into it.
///
/// A text on which this scan and the parser disagree about where a string
/// starts (comments, single quotes) is not JSON: the parser refuses it there.
pub(super) fn check_depth(text: &str, lines: &Lines, depth_max: usize) -> Outcome<()> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > depth_max {
            return Err(Box::new(
                Diagnostic::new(codes::TOO_DEEP, "the workflow file is nested too deeply")
                    .at(Some(lines.position(text, offset)))
                    .expected(format!("at most {depth_max} objects and arrays inside each other"))
                    .found("one more"),
            ));
        }
    }
    Ok(())
}

/// The syntax tree of strict JSON.
pub(super) fn parse<'a>(text: &'a str, lines: &Lines) -> Outcome<Value<'a>> {
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match parse_to_ast(text, &CollectOptions::default(), &strict) {
        Ok(result) => result.value.ok_or_else(|| {
            Box::new(
                Diagnostic::new(codes::FILE_EMPTY, "the workflow file holds only blanks")
                    .expected("a JSON object with WorkflowId, Name and WorkflowPattern"),
            )
        }),
        Err(error) => Err(Box::new(not_json(&error, text, lines))),
    }
}

fn not_json(error: &ParseError, text: &str, lines: &Lines) -> Diagnostic {
    let (message, help) = explain(error.kind());
    let diagnostic = Diagnostic::new(codes::NOT_JSON, message)
        .at(Some(lines.position(text, error.range().start)))
        .found(shape_at(text, error.range().start));
    let cut_off = !text.trim_end().ends_with(['}', ']']);
    match (help, cut_off) {
        (_, true) => diagnostic
            .help("the file does not end like JSON: it may be cut off or still be being copied"),
        ("", false) => diagnostic,
        (help, false) => diagnostic.help(help),
    }
}

/// What is wrong in an author's words, and what to do where that is not plain.
fn explain(kind: &ParseErrorKind) -> (String, &'static str) {
    use ParseErrorKind as Problem;
    let (message, help) = match kind {
        Problem::CommentsNotAllowed => (
            "a comment stands in the file; JSON has none",
            "move the text into the Comments property",
        ),
        Problem::TrailingCommasNotAllowed => {
            ("a comma stands before a closing bracket", "remove the comma")
        }
        Problem::ExpectedComma => (
            "a comma is missing between two values",
            "a quote inside a text must be written as \\\"",
        ),
        Problem::SingleQuotedStringsNotAllowed => {
            ("a text stands in single quotes", "use double quotes")
        }
        Problem::ExpectedStringObjectProperty => {
            ("a property's name has no quotes", "write it in double quotes")
        }
        Problem::ExpectedColonAfterObjectKey => ("a colon is missing after a property's name", ""),
        Problem::ExpectedObjectValue => ("a property has no value", ""),
        Problem::MultipleRootJsonValues => (
            "something follows the end of the JSON value",
            "a workflow file holds exactly one object",
        ),
        Problem::UnterminatedObject => ("the object that starts here has no end", ""),
        Problem::UnterminatedArray => ("the array that starts here has no end", ""),
        Problem::String(detail) => {
            return (
                format!("a text is not written as JSON asks: {detail}"),
                "a backslash in a text must be doubled",
            );
        }
        other => return (format!("this is not JSON: {other}"), ""),
    };
    (message.to_owned(), help)
}

/// The kind of character at an offset, or after the blanks there.
fn shape_at(text: &str, offset: usize) -> String {
    match text.get(offset..).and_then(|rest| rest.trim_start().chars().next()) {
        None => "the end of the file".to_owned(),
        Some(character) if character.is_alphabetic() => "a word without quotes".to_owned(),
        Some(character) if character.is_numeric() => "a number".to_owned(),
        Some('"') => "a text in quotes".to_owned(),
        Some(character) => format!("'{}'", character.escape_default()),
    }
}
