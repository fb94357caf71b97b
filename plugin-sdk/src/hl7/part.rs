//! Any part of a segment below it: where it is, and its wire text.
//!
//! Splits on the delimiters alone, before anything is unescaped, as the host
//! does (HL7 v2 chapter 2.7).

use super::Segment;
use crate::Value;
use std::borrow::Cow;

/// The largest number in a path.
const NUMBER_MAX: usize = 65_535;

/// The explicit null.
const NULL: &str = "\"\"";

/// A field with all its repetitions (repetition 0), a repetition, a component
/// or a sub-component (0 where the part is above that level).
#[derive(Clone, Copy)]
pub(super) struct Part<'s> {
    pub(super) segment: &'s Segment<'s>,
    pub(super) field: usize,
    pub(super) repetition: usize,
    pub(super) component: usize,
    pub(super) subcomponent: usize,
    /// `None` where the message has no such place.
    pub(super) raw: Option<&'s str>,
}

impl<'s> Part<'s> {
    pub(super) fn absent(segment: &'s Segment<'s>, field: usize, repetition: usize) -> Self {
        Self { segment, field, repetition, component: 0, subcomponent: 0, raw: None }
    }

    /// A field with all its repetitions.
    pub(super) fn field(segment: &'s Segment<'s>, number: usize) -> Self {
        let found = Self::fields(segment).nth(number.wrapping_sub(1));
        found.unwrap_or_else(|| Self::absent(segment, number, 0))
    }

    /// Every field, with all its repetitions.
    pub(super) fn fields(segment: &'s Segment<'s>) -> impl Iterator<Item = Self> {
        let separator = segment.delimiters().field;
        let mut fields = segment.raw().split(separator);
        // The name; of a header the separator behind it is field 1.
        fields.next();
        let own = if segment.is_header() { segment.separator() } else { None };
        let texts = own.into_iter().chain(fields).take(NUMBER_MAX);
        texts
            .enumerate()
            .map(move |(at, raw)| Self { raw: Some(raw), ..Self::absent(segment, at + 1, 0) })
    }

    pub(super) fn repetitions(self) -> impl Iterator<Item = Self> {
        let separator = self.segment.delimiters().repetition;
        self.split(separator).map(move |(number, raw)| Self {
            repetition: number,
            raw: Some(raw),
            ..self
        })
    }

    pub(super) fn components(self) -> impl Iterator<Item = Self> {
        let separator = self.segment.delimiters().component;
        self.split(separator).map(move |(number, raw)| Self {
            component: number,
            raw: Some(raw),
            ..self
        })
    }

    pub(super) fn subcomponents(self) -> impl Iterator<Item = Self> {
        let separator = self.segment.delimiters().subcomponent;
        self.split(separator).map(move |(number, raw)| Self {
            subcomponent: number,
            raw: Some(raw),
            ..self
        })
    }

    pub(super) fn component(self, number: usize) -> Self {
        let found = self.components().nth(number.wrapping_sub(1));
        found.unwrap_or(Self { component: number, raw: None, ..self })
    }

    pub(super) fn subcomponent(self, number: usize) -> Self {
        let found = self.subcomponents().nth(number.wrapping_sub(1));
        found.unwrap_or(Self { subcomponent: number, raw: None, ..self })
    }

    /// The parts between separators, from 1. One not in use splits nothing, nor
    /// does anything split the first two fields of a header.
    fn split(self, separator: Option<char>) -> impl Iterator<Item = (usize, &'s str)> {
        let separator = separator.filter(|_| !self.is_verbatim());
        let mut rest = self.raw;
        let texts = std::iter::from_fn(move || {
            let text = rest?;
            let split = separator.and_then(|separator| text.split_once(separator));
            let (part, behind) = split.map_or((text, None), |(part, rest)| (part, Some(rest)));
            rest = behind;
            Some(part)
        });
        texts.take(NUMBER_MAX).enumerate().map(|(at, text)| (at + 1, text))
    }

    fn is_verbatim(self) -> bool {
        self.field <= 2 && self.segment.is_header()
    }

    pub(super) fn has_text(self) -> bool {
        self.raw.is_some_and(|raw| !raw.is_empty() && (raw != NULL || self.is_verbatim()))
    }

    pub(super) fn value(self) -> Value {
        match self.raw {
            None => Value::Absent,
            Some("") => Value::Empty,
            Some(NULL) if !self.is_verbatim() => Value::Null,
            Some(_) => Value::Text(self.text().into_owned()),
        }
    }

    pub(super) fn text(self) -> Cow<'s, str> {
        let raw = self.raw.unwrap_or_default();
        let escape = self.segment.delimiters().escape.filter(|_| !self.is_verbatim());
        if !escape.is_some_and(|escape| raw.contains(escape)) {
            return Cow::Borrowed(raw);
        }
        // What the escape means is the host's to say. It knows every path that a
        // part has, so the wire text stands in for nothing that happens.
        self.segment.message.text(&self.path()).map_or(Cow::Borrowed(raw), Cow::Owned)
    }

    pub(super) fn path(self) -> String {
        let mut path = format!("{}-{}", self.segment.path(), self.field);
        if self.repetition > 1 {
            path.push_str(&format!("[{}]", self.repetition));
        }
        for number in [self.component, self.subcomponent] {
            if number > 0 {
                path.push_str(&format!(".{number}"));
            }
        }
        path
    }
}

impl Segment<'_> {
    /// MSH, FHS and BHS declare the delimiters.
    fn is_header(&self) -> bool {
        matches!(self.name(), "MSH" | "FHS" | "BHS")
    }

    /// Field 1 of a header.
    fn separator(&self) -> Option<&str> {
        self.raw().get(3..4)
    }
}
