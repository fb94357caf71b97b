//! The MSH segment, read leniently.
//!
//! A broken message must still be answered, so this reads what it can: it needs
//! only `MSH` and a usable field separator. Deliberately does not know: the
//! rest of the message.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr3};

use super::charset::{CharacterSet, Declared, ESCAPE, Resolved, Transcoding};
use super::delimiters::{Delimiters, is_field_separator};
use super::escape::unescape;
use super::segments::Name;
use super::split::part;

/// The longest header that is looked at, in bytes.
const HEADER_BYTES_MAX: usize = 64 << 10;
const STANDARD_CHARACTERS: &[u8] = br"^~\&";

/// An MSH segment of its own, with its delimiters.
#[derive(Clone)]
pub struct Header {
    line: Vec<u8>,
    delimiters: Delimiters,
    /// Whether MSH-2 declares the delimiters; else they are the standard ones.
    usable: bool,
    /// Of `line`: UTF-8 where the message cannot be read in place.
    charset: CharacterSet,
}

impl Header {
    /// Reads the first line that starts with `MSH` and a punctuation character,
    /// wherever it stands; `None` when there is none. Where MSH-2 cannot be
    /// used, `^~\&` is taken in its place.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        match super::resolve(bytes) {
            Some(Resolved::Transcoded(transcoding)) => {
                let start = bytes.get(..bytes.len().min(HEADER_BYTES_MAX))?;
                let text = transcoding.decode(start);
                Self::of_line(first_line(text.as_bytes())?, CharacterSet::Utf8)
            }
            Some(Resolved::InPlace(charset)) => Self::of_line(first_line(bytes)?, charset),
            None => {
                let line = first_line(bytes)?;
                let charset = match declared_charset(line) {
                    Declared::Set(charset) => charset,
                    _ => CharacterSet::Utf8,
                };
                Self::of_line(line, charset)
            }
        }
    }

    pub(super) fn of_line(line: &[u8], charset: CharacterSet) -> Option<Self> {
        let field = line.get(3).copied()?;
        let read = Delimiters::read(line).ok();
        let usable = read.is_some();
        if !usable && STANDARD_CHARACTERS.contains(&field) {
            return None;
        }
        let delimiters = match read {
            Some(delimiters) => delimiters,
            None => Delimiters::from_characters(field, STANDARD_CHARACTERS).ok()?,
        };
        Some(Self { line: line.to_vec(), delimiters, usable, charset })
    }

    /// MSH-2 as it stands, or `^~\&` where it cannot be used.
    pub fn encoding_characters(&self) -> &[u8] {
        match self.field(2) {
            Some(characters) if self.usable => characters,
            _ => STANDARD_CHARACTERS,
        }
    }

    /// The delimiters of the message.
    pub fn delimiters(&self) -> &Delimiters {
        &self.delimiters
    }

    /// The raw bytes of MSH-1 to MSH-n with all repetitions; `None` where the
    /// header ends before.
    pub fn field(&self, number: usize) -> Option<&[u8]> {
        match number {
            0 => None,
            1 => self.line.get(3..4),
            _ => {
                let range = part(&self.line, Some(self.delimiters.field), number).ok()?;
                self.line.get(range)
            }
        }
    }

    /// The decoded text of one component of the first repetition of a field;
    /// empty where there is none.
    pub fn component(&self, field: usize, component: usize) -> Cow<'_, str> {
        let delimiters = &self.delimiters;
        let step = |raw, separator, number| part(raw, separator, number).ok();
        self.field(field)
            .and_then(|raw| raw.get(step(raw, delimiters.repetition, 1)?))
            .and_then(|raw| raw.get(step(raw, delimiters.component, component)?))
            .map(|raw| unescape(raw, delimiters, self.charset, self.charset))
            .unwrap_or_default()
    }

    /// MSH-10 as text, as it stands on the wire.
    pub fn control_id(&self) -> Cow<'_, str> {
        self.charset.decode(self.field(10).unwrap_or_default())
    }

    /// MSH-9.1, for example `ADT`.
    pub fn message_code(&self) -> Cow<'_, str> {
        self.component(9, 1)
    }

    /// MSH-9.2, for example `A01`.
    pub fn trigger_event(&self) -> Cow<'_, str> {
        self.component(9, 2)
    }

    /// MSH-12.1, for example `2.5.1`.
    pub fn version(&self) -> Cow<'_, str> {
        self.component(12, 1)
    }

    pub(super) fn charset(&self) -> CharacterSet {
        self.charset
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Header({} bytes)", self.line.len())
    }
}

/// What the first MSH of ASCII-compatible bytes says in MSH-18. Its first
/// repetition counts; Japanese senders leave that empty, or ASCII, and name the
/// set that they switch to behind it.
///
/// In a set whose characters may hold the byte of a separator, the field is where that set
/// has it: the header is read in each of these, and the one that names itself is meant.
pub(super) fn declared_charset(bytes: &[u8]) -> Declared {
    let found = declared_by(declared_names(bytes));
    if !matches!(found, Declared::Nothing | Declared::Unknown) {
        return found;
    }
    let line = first_line(bytes).unwrap_or_default();
    if line.is_ascii() && memchr(ESCAPE, line).is_none() {
        return found;
    }
    let names_itself = |transcoding: &Transcoding| {
        let text = transcoding.decode(line);
        declared_by(declared_names(text.as_bytes())) == Declared::Transcoded(*transcoding)
    };
    let other = Transcoding::OF_SEVERAL_BYTES.into_iter().find(names_itself);
    other.map_or(found, Declared::Transcoded)
}

fn declared_by<'a>(mut names: impl Iterator<Item = &'a [u8]>) -> Declared {
    let first = names.next().map_or(Declared::Nothing, Declared::from_name);
    let japanese = Declared::Transcoded(Transcoding::JAPANESE);
    match first {
        Declared::Nothing if names.any(|name| Declared::from_name(name) == japanese) => japanese,
        first => first,
    }
}

/// Where repetition 1 of MSH-18 stands in ASCII-compatible bytes.
pub(super) fn declared_name(bytes: &[u8]) -> Option<Range<usize>> {
    let (field, separator) = declared_field(bytes)?;
    let all = bytes.get(field.clone())?;
    let first = part(all, separator, 1).ok()?;
    Some(field.start + first.start..field.start + first.end)
}

/// The repetitions of MSH-18 in ASCII-compatible bytes.
pub(super) fn declared_names(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (field, separator) = declared_field(bytes).unwrap_or_default();
    let all = bytes.get(field).unwrap_or_default();
    all.split(move |byte| Some(*byte) == separator)
}

/// Where MSH-18 stands with all its repetitions, and what separates them.
fn declared_field(bytes: &[u8]) -> Option<(Range<usize>, Option<u8>)> {
    let range = first_line_range(bytes)?;
    let line = bytes.get(range.clone())?;
    let field = part(line, line.get(3).copied(), 18).ok()?;
    let separator = Delimiters::read(line).ok().and_then(|delimiters| delimiters.repetition);
    Some((range.start + field.start..range.start + field.end, separator))
}

/// The first MSH line of ASCII-compatible bytes, without its terminator or
/// MLLP end byte.
fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(first_line_range(bytes)?)
}

fn first_line_range(bytes: &[u8]) -> Option<Range<usize>> {
    let start = memchr_iter(b'M', bytes).find(|&start| {
        let rest = bytes.get(start..).unwrap_or_default();
        let before = start.checked_sub(1).and_then(|before| bytes.get(before));
        Name::start_of(rest) == Some(Name::MSH)
            && rest.get(3).copied().is_some_and(is_field_separator)
            && before.is_none_or(|byte| !byte.is_ascii_graphic())
    })?;
    let rest = bytes.get(start..)?;
    let rest = rest.get(..rest.len().min(HEADER_BYTES_MAX))?;
    let end = memchr3(b'\r', b'\n', 0x1C, rest).unwrap_or(rest.len());
    Some(start..start + end)
}
