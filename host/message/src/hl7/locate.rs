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

/// The delimiters of a line, ready to be compared with sixteen bytes at a time.
#[derive(Clone, Copy)]
pub(super) struct Separators {
    delimiters: Delimiters,
    field: Wanted,
    repetition: Wanted,
    component: Wanted,
    subcomponent: Wanted,
    escape: Wanted,
}

impl Separators {
    /// Of nearly all messages: made once, not at each read.
    pub(super) const STANDARD: &'static Self = &Self::of(&Delimiters::STANDARD);

    /// What is not in use ends nothing, as little as the field separator a second time.
    pub(super) const fn of(delimiters: &Delimiters) -> Self {
        let field = Wanted::new(delimiters.field);
        Self {
            delimiters: *delimiters,
            field,
            repetition: wanted_or(delimiters.repetition, field),
            component: wanted_or(delimiters.component, field),
            subcomponent: wanted_or(delimiters.subcomponent, field),
            escape: wanted_or(delimiters.escape, field),
        }
    }

    #[inline(always)]
    pub(super) fn field(&self) -> Wanted {
        self.field
    }
}

const fn wanted_or(byte: Option<u8>, otherwise: Wanted) -> Wanted {
    match byte {
        Some(byte) => Wanted::new(byte),
        None => otherwise,
    }
}

/// Looks for an element of the field that begins at an offset, up to the end of
/// its line.
#[inline(always)]
pub(super) fn locate(
    line: Lanes<'_>,
    field: usize,
    element: &Element,
    separators: &Separators,
) -> Located {
    let &Separators { delimiters, field: fields, repetition, component, subcomponent, escape } =
        separators;
    let behind = |start: usize, wanted: Wanted, number: u16, before: [Wanted; 3]| {
        line.behind(start, wanted, usize::from(number) - 1, before)
    };
    // A part behind a separator that is not in use does not exist.
    let mut start = Some(field);
    if let Index::Number(number @ 2..) = element.repetition {
        let before = [fields; 3];
        start = delimiters.repetition.and_then(|_| behind(field, repetition, number, before));
    }
    if let (number @ 2.., Some(from)) = (element.component, start) {
        let before = [fields, repetition, fields];
        start = delimiters.component.and_then(|_| behind(from, component, number, before));
    }
    if let (number @ 2.., Some(from)) = (element.subcomponent, start) {
        let before = [fields, repetition, component];
        start = delimiters.subcomponent.and_then(|_| behind(from, subcomponent, number, before));
    }
    let Some(start) = start else { return Located::Absent };
    let end = match (element.component, element.subcomponent) {
        (0, _) => line.first(start, [fields, escape, repetition]),
        (_, 0) => line.first(start, [fields, escape, repetition, component]),
        _ => line.first(start, [fields, escape, repetition, component, subcomponent]),
    };
    match line.bytes.get(end) {
        Some(byte) if end < line.end && Some(*byte) == delimiters.escape => Located::Escaped,
        _ => Located::Plain(start..end),
    }
}
