//! Where the values of a JSON text stand.
//!
//! Knows: the extent of values, members and items. Deliberately does not know:
//! paths, edits, and whether the text is valid: `validate` has seen it before.
//!
//! # Invariants
//! - Every function only moves forward and stops at the end of the text, so a
//!   text that is not JSON gives meaningless spans but neither panic nor loop.
//! - A byte is looked at once per call: one call is linear in what it passes.

use super::swar;

/// A piece of the text: byte offsets, the end not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    /// The piece itself. Spans end at ASCII characters, so this never cuts one.
    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    pub(super) fn length(self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

/// What kind of value begins at a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Null,
    /// A number, `true` or `false`.
    Literal,
}

impl Kind {
    pub(super) fn at(text: &str, start: usize) -> Self {
        match text.as_bytes().get(start) {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::String,
            Some(b'n') => Self::Null,
            _ => Self::Literal,
        }
    }

    /// For a problem's text.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Null => "null",
            Self::Literal => "a number or boolean",
        }
    }
}

/// The whole value of a document: what is left without byte order mark and
/// outer white space.
pub(super) fn whole(text: &str) -> Span {
    let bytes = text.as_bytes();
    let after_mark = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    let start = skip_white(bytes, after_mark);
    let trailing = bytes.iter().rev().take_while(|byte| is_white(**byte)).count();
    Span { start, end: bytes.len().saturating_sub(trailing).max(start) }
}

/// RFC 8259 section 8.1 lets a reader ignore it.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The white space of RFC 8259 section 2.
pub(super) fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

pub(super) fn skip_white(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| is_white(**byte)).count()
}

/// One member of an object or one item of an array.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child {
    /// Just after the bracket or comma before it.
    pub(super) lead: usize,
    /// The member's name with its quotes; `None` for an item.
    pub(super) name: Option<Span>,
    pub(super) value: Span,
}

impl Child {
    /// Where the member or item begins.
    pub(super) fn start(&self) -> usize {
        self.name.map_or(self.value.start, |name| name.start)
    }
}

/// The members or items of one container, in document order.
pub(super) struct Children<'a> {
    bytes: &'a [u8],
    at: usize,
    named: bool,
}

impl<'a> Children<'a> {
    /// `start` is the opening bracket; anything else has no children.
    pub(super) fn of(text: &'a str, start: usize) -> Self {
        let bytes = text.as_bytes();
        match Kind::at(text, start) {
            Kind::Object => Self { bytes, at: start + 1, named: true },
            Kind::Array => Self { bytes, at: start + 1, named: false },
            Kind::String | Kind::Null | Kind::Literal => {
                Self { bytes, at: bytes.len(), named: false }
            }
        }
    }
}

impl<'a> Children<'a> {
    /// The items of an array from the one on whose value begins at `start`.
    pub(super) fn from_item(text: &'a str, start: usize) -> Self {
        Self { bytes: text.as_bytes(), at: start, named: false }
    }

    /// Where the value of the item `skipped` items further begins. Its own
    /// extent is not looked for: what follows many brackets stays linear. `Err`
    /// holds the last item there is, and how many were passed before it.
    pub(super) fn start_after(mut self, skipped: usize) -> Result<usize, Option<(usize, usize)>> {
        let mut last = None;
        for passed in 0..skipped {
            match self.next() {
                Some(child) => last = Some((passed, child.value.start)),
                None => return Err(last),
            }
        }
        self.head().map(|head| head.value_start).ok_or(last)
    }

    /// Reads up to the next value; `None` at the closing bracket.
    fn head(&mut self) -> Option<Head> {
        let mut lead = self.at;
        let mut start = skip_white(self.bytes, lead);
        if self.bytes.get(start) == Some(&b',') {
            lead = start + 1;
            start = skip_white(self.bytes, lead);
        }
        if matches!(self.bytes.get(start), None | Some(b'}' | b']')) {
            self.at = self.bytes.len();
            return None;
        }
        let name = self.named.then(|| Span { start, end: string_end(self.bytes, start) });
        let value_start = name.map_or(start, |name| {
            let colon = skip_white(self.bytes, name.end);
            skip_white(self.bytes, colon + 1)
        });
        Some(Head { lead, name, value_start })
    }
}

/// The item of an array whose value begins at `start`.
pub(super) fn item_at(text: &str, start: usize) -> Child {
    let bytes = text.as_bytes();
    let before = bytes.get(..start).unwrap_or_default();
    let white = before.iter().rev().take_while(|byte| is_white(**byte)).count();
    Child { lead: start - white, name: None, value: value_at(bytes, start) }
}

/// What stands before the value of a member or item.
struct Head {
    lead: usize,
    name: Option<Span>,
    value_start: usize,
}

impl Iterator for Children<'_> {
    type Item = Child;

    fn next(&mut self) -> Option<Child> {
        let Head { lead, name, value_start } = self.head()?;
        let value = value_at(self.bytes, value_start);
        self.at = value.end.max(lead + 1);
        Some(Child { lead, name, value })
    }
}

/// The extent of the value that begins at `start`.
pub(super) fn value_at(bytes: &[u8], start: usize) -> Span {
    let end = match bytes.get(start) {
        Some(b'"') => string_end(bytes, start),
        Some(b'{' | b'[') => container_end(bytes, start),
        _ => {
            let rest = bytes.get(start..).unwrap_or_default();
            let length = rest.iter().position(|byte| is_white(*byte) || b",]}".contains(byte));
            length.map_or(bytes.len(), |length| start + length)
        }
    };
    Span { start, end }
}

/// Just after the closing quote of the string that opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        at = swar::quote_or_backslash(bytes, at);
        match bytes.get(at) {
            Some(b'\\') => at += 2,
            Some(_) => return at + 1,
            None => return bytes.len(),
        }
    }
}

/// Just after the bracket that closes the one at `start`.
fn container_end(bytes: &[u8], start: usize) -> usize {
    let mut open = 0usize;
    let mut at = start;
    loop {
        at = swar::quote_or_bracket(bytes, at);
        match bytes.get(at) {
            Some(b'"') => {
                at = string_end(bytes, at);
                continue;
            }
            Some(b'{' | b'[') => open += 1,
            Some(_) => {
                open = open.saturating_sub(1);
                if open == 0 {
                    return at + 1;
                }
            }
            None => return bytes.len(),
        }
        at += 1;
    }
}
