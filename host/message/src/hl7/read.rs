//! Reading one place of a message.

use std::borrow::Cow;
use std::ops::Range;

use super::Hl7;
use super::charset::CharacterSet;
use super::delimiters::Delimiters;
use super::escape::unescape;
use super::lanes::Lanes;
use super::locate::{Located, Separators, locate};
use super::path::{Element, Hl7Path, Index};
use super::segments::{Name, Segment};
use super::split::{find_byte, part};
use crate::Value;

/// The bytes of one place, and how deep they were addressed.
pub(super) struct Place<'a> {
    pub(super) raw: &'a [u8],
    pub(super) delimiters: &'a Delimiters,
    pub(super) depth: Depth,
    /// Whether it is known that no escape character stands there.
    plain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    Segment,
    /// A field with all its repetitions.
    Field,
    Repetition,
    Component,
    Subcomponent,
    /// MSH-1 and MSH-2: never split, never unescaped.
    Verbatim,
}

impl Hl7 {
    /// What stands at a place.
    ///
    /// A leaf is decoded text. An element that holds lower separators is its
    /// wire text, undecoded: `PID-5` of `Smith^John` is `Smith^John`. Without a
    /// repetition the first one is meant; `PID-3[*]` is the whole field. Of a
    /// pattern of segments the first one is read.
    pub fn get(&self, path: &Hl7Path) -> Value<'_> {
        if let Some((_, located)) = self.located(path) {
            match located {
                Located::Absent => return Value::Absent,
                Located::Plain(range) if self.plain_charset() == CharacterSet::Utf8 => {
                    match self.store.bytes.text(range) {
                        Some("") => return Value::Empty,
                        Some("\"\"") => return Value::Null,
                        Some(text) => return Value::Text(Cow::Borrowed(text)),
                        None => {}
                    }
                }
                Located::Plain(_) | Located::Escaped => {}
            }
        }
        self.get_decoded(path)
    }

    /// As [`Hl7::get`], for what is not plain text in memory.
    #[inline(never)]
    fn get_decoded(&self, path: &Hl7Path) -> Value<'_> {
        let Some(place) = self.place(path) else { return Value::Absent };
        match place.raw {
            b"" => Value::Empty,
            b"\"\"" if place.depth != Depth::Verbatim => Value::Null,
            _ => Value::Text(self.place_text(&place)),
        }
    }

    /// The place as workflow text: absent and empty are `""`, the explicit null
    /// is its two quote characters, so that a copy keeps it.
    pub fn text(&self, path: &Hl7Path) -> Cow<'_, str> {
        match self.place(path) {
            None => Cow::Borrowed(""),
            Some(place) => self.place_text(&place),
        }
    }

    /// The wire text of a place, separators and escapes as they stand; `None`
    /// where the place does not exist.
    pub fn structure(&self, path: &Hl7Path) -> Option<Cow<'_, str>> {
        self.place(path).map(|place| self.plain_charset().decode(place.raw))
    }

    #[inline]
    pub(super) fn place_text<'a>(&'a self, place: &Place<'a>) -> Cow<'a, str> {
        if place.holds_escape() && place.is_leaf() {
            let charset = self.charset();
            return unescape(place.raw, place.delimiters, charset, self.hexadecimal_charset());
        }
        let charset = self.plain_charset();
        match self.store.text(place.raw) {
            Some(text) if charset == CharacterSet::Utf8 => Cow::Borrowed(text),
            _ => charset.decode(place.raw),
        }
    }

    /// The set to decode bytes without escapes with. While the message is all
    /// ASCII every set decodes them alike, and MSH-18 need not be looked for.
    #[inline]
    fn plain_charset(&self) -> CharacterSet {
        self.charset.unwrap_or(CharacterSet::Utf8)
    }

    /// The bytes at a path, if they exist.
    #[inline]
    pub(super) fn place(&self, path: &Hl7Path) -> Option<Place<'_>> {
        self.found(path).map(|(_, place)| place)
    }

    /// The bytes at a path, if they exist, and the number of their line.
    #[inline]
    pub(super) fn found(&self, path: &Hl7Path) -> Option<(usize, Place<'_>)> {
        let (position, range) = match self.located(path) {
            Some((position, Located::Plain(range))) => (position, range),
            Some((_, Located::Absent)) => return None,
            Some((_, Located::Escaped)) | None => return self.found_step_by_step(path),
        };
        let raw = self.store.bytes.get(range)?;
        let depth = path.element.as_ref()?.depth();
        Some((
            position,
            Place { raw, delimiters: self.store.table.delimiters(position), depth, plain: true },
        ))
    }

    fn found_step_by_step(&self, path: &Hl7Path) -> Option<(usize, Place<'_>)> {
        let position = self.store.table.position(path.segment, path.occurrence.number())?;
        let segment = self.store.table.get(position)?;
        let line = self.line(segment);
        let delimiters = self.store.table.delimiters(position);
        let place = match &path.element {
            None => Place { raw: line, delimiters, depth: Depth::Segment, plain: false },
            Some(element) => place_in_line(line, segment.name, element, delimiters)?,
        };
        Some((position, place))
    }

    /// Where an element stands that has a number at each level, and in which line;
    /// `None` for a path of another kind.
    #[inline]
    fn located(&self, path: &Hl7Path) -> Option<(usize, Located)> {
        let element = path.element.as_ref()?;
        let every = element.repetition == Index::Every && element.is_repetition();
        if every || element.component_index > 1 || is_verbatim(path.segment, element.field) {
            return None;
        }
        let table = &self.store.table;
        let Some(position) = table.position(path.segment, path.occurrence.number()) else {
            return Some((0, Located::Absent));
        };
        let made;
        let separators = match table.is_standard() {
            true => Separators::STANDARD,
            false => {
                made = Separators::of(table.delimiters(position));
                &made
            }
        };
        let segment = table.get(position)?;
        let line = Lanes { bytes: &self.store.bytes, end: segment.end as usize };
        let wanted = usize::from(element.field) - usize::from(path.segment.is_header());
        let (known, behind) = table.known_separator(position, wanted);
        let mut field = segment.start as usize + behind;
        if known < wanted {
            let separator = separators.field();
            let Some(start) = line.behind(field, separator, wanted - known, []) else {
                return Some((position, Located::Absent));
            };
            table.remember_separator(position, wanted, start - segment.start as usize);
            field = start;
        }
        Some((position, locate(line, field, element, separators)))
    }

    /// The bytes of a segment without its terminator.
    #[inline]
    pub(super) fn line(&self, segment: &Segment) -> &[u8] {
        self.store.line(segment)
    }
}

/// The bytes of an element of a segment, if they exist: level by level.
pub(super) fn place_in_line<'a>(
    line: &'a [u8],
    name: Name,
    element: &Element,
    delimiters: &'a Delimiters,
) -> Option<Place<'a>> {
    if element.component_index > 1 {
        return None;
    }
    let field = line.get(field_range(line, name, element.field, delimiters)?)?;
    if is_verbatim(name, element.field) {
        let first =
            element.repetition.number() == 1 && element.component <= 1 && element.subcomponent <= 1;
        return first.then_some(Place {
            raw: field,
            delimiters,
            depth: Depth::Verbatim,
            plain: false,
        });
    }
    if element.repetition == Index::Every && element.is_repetition() {
        return Some(Place { raw: field, delimiters, depth: Depth::Field, plain: false });
    }
    let mut raw = field;
    let step = |raw: &'a [u8], separator, number| -> Option<&'a [u8]> {
        raw.get(part(raw, separator, number).ok()?)
    };
    raw = step(raw, delimiters.repetition, element.repetition.number())?;
    if element.component > 0 {
        raw = step(raw, delimiters.component, usize::from(element.component))?;
    }
    if element.subcomponent > 0 {
        raw = step(raw, delimiters.subcomponent, usize::from(element.subcomponent))?;
    }
    Some(Place { raw, delimiters, depth: element.depth(), plain: false })
}

impl Element {
    /// How deep it is, of one repetition.
    #[inline]
    fn depth(&self) -> Depth {
        match (self.component, self.subcomponent) {
            (0, _) => Depth::Repetition,
            (_, 0) => Depth::Component,
            _ => Depth::Subcomponent,
        }
    }
}

/// MSH-1 and MSH-2, and the same of FHS and BHS.
#[inline]
pub(super) fn is_verbatim(name: Name, field: u16) -> bool {
    field <= 2 && name.is_header()
}

/// Where a field with all its repetitions stands in its segment.
#[inline]
pub(super) fn field_range(
    line: &[u8],
    name: Name,
    field: u16,
    delimiters: &Delimiters,
) -> Option<Range<usize>> {
    field_part(line, name, field, delimiters).ok()
}

/// The range of a field, or how many parts the separators make of the segment:
/// the first is the name, in a header the second is field 2.
#[inline]
pub(super) fn field_part(
    line: &[u8],
    name: Name,
    field: u16,
    delimiters: &Delimiters,
) -> Result<Range<usize>, usize> {
    let field = usize::from(field);
    if !name.is_header() {
        return part(line, Some(delimiters.field), field + 1);
    }
    match field {
        1 => Ok(3..line.len().min(4)),
        _ => part(line, Some(delimiters.field), field),
    }
}

impl Place<'_> {
    #[inline]
    fn holds_escape(&self) -> bool {
        !self.plain
            && self.delimiters.escape.is_some_and(|escape| find_byte(self.raw, escape).is_some())
    }

    /// Whether no lower separator splits the bytes further.
    #[inline]
    pub(super) fn is_leaf(&self) -> bool {
        let Delimiters { field, component, subcomponent, repetition, .. } = *self.delimiters;
        let lower: &[Option<u8>] = match self.depth {
            Depth::Verbatim => return false,
            Depth::Subcomponent => &[],
            Depth::Component => &[subcomponent],
            Depth::Repetition => &[component, subcomponent],
            Depth::Field => &[component, subcomponent, repetition],
            Depth::Segment => &[Some(field)],
        };
        !lower.iter().flatten().any(|byte| find_byte(self.raw, *byte).is_some())
    }
}
