//! Where an element of a line stands.
//!
//! Deliberately does not know: paths of whole segments, values, escape sequences.
//!
//! A value is looked for once: what ends it is any separator of its level or of
//! one above, so neither its field nor its repetition is looked through.

use std::ops::Range;

use super::delimiters::Delimiters;
use super::lanes::{Lanes, Wanted};
use super::path::{Element, Index};

/// What was found of an element.
pub(super) enum Located {
    /// The offsets in the text, between which no escape character stands.
    Plain(Range<usize>),
    Absent,
    /// It begins with plain text up to an escape character.
    Escaped,
}

/// Looks for an element of the field that begins at an offset, up to the end of
/// its line.
#[inline]
pub(super) fn locate(
    line: Lanes<'_>,
    field: usize,
    element: &Element,
    delimiters: &Delimiters,
) -> Located {
    let fields = Wanted::new(delimiters.field);
    // What is not in use ends nothing, as little as the same byte a second time.
    let or_fields = |byte: Option<u8>| byte.map_or(fields, Wanted::new);
    let repetitions = or_fields(delimiters.repetition);
    let components = or_fields(delimiters.component);
    let subcomponents = or_fields(delimiters.subcomponent);
    let behind = |start: usize, separator: Option<u8>, number: u16, before: [Wanted; 3]| {
        line.behind(start, Wanted::new(separator?), usize::from(number) - 1, before)
    };
    let mut start = Some(field);
    if let Index::Number(number @ 2..) = element.repetition {
        start = behind(field, delimiters.repetition, number, [fields; 3]);
    }
    if let (number @ 2.., Some(from)) = (element.component, start) {
        start = behind(from, delimiters.component, number, [fields, repetitions, fields]);
    }
    if let (number @ 2.., Some(from)) = (element.subcomponent, start) {
        start = behind(from, delimiters.subcomponent, number, [fields, repetitions, components]);
    }
    let Some(start) = start else { return Located::Absent };
    let escapes = or_fields(delimiters.escape);
    let end = match (element.component, element.subcomponent) {
        (0, _) => line.first(start, [fields, escapes, repetitions]),
        (_, 0) => line.first(start, [fields, escapes, repetitions, components]),
        _ => line.first(start, [fields, escapes, repetitions, components, subcomponents]),
    };
    match line.bytes.get(end) {
        Some(byte) if end < line.end && Some(*byte) == delimiters.escape => Located::Escaped,
        _ => Located::Plain(start..end),
    }
}
