//! HL7 version 2 messages: read and changed in place.
//!
//! Stage: received bytes → **HL7 message** → workflow run → bytes out. Knows:
//! segments, fields, repetitions, components, sub-components, escapes and
//! character sets (HL7 v2 chapter 2). Deliberately does not know: message
//! types, data types, framing on the wire, clocks.
//!
//! Parsing finds the segments and nothing more; a field is looked for when it
//! is asked for. There is no tree.
//!
//! # Invariants
//! - The bytes are kept: terminators, blank lines, unknown lines, byte order
//!   mark and framing bytes are written as they came.
//! - Delimiters come from the header of each message. Values are split on raw
//!   bytes first and unescaped afterwards.
//! - Index, read and write take time linear in the message.

pub mod acknowledgement;
pub mod batch;
mod charset;
mod check;
mod continuation;
mod delimiters;
mod edit;
mod escape;
mod find;
mod format_text;
mod header;
mod insert;
mod lanes;
mod listing;
mod locate;
mod memory;
mod parser;
mod path;
mod read;
mod received;
mod redeclare;
mod reencode;
mod remove;
mod segments;
mod split;
mod store;
#[cfg(test)]
mod tests;
mod writing;

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

pub use self::check::PROBLEMS_MAX;
pub use self::continuation::{Continuation, ContinuationKind};
pub use self::delimiters::Delimiters;
pub use self::find::MATCHES_MAX;
pub use self::header::Header;
pub use self::listing::SegmentText;
pub use self::parser::Parser;
pub use self::path::{Hl7Path, PATH_BYTES_MAX};
pub(crate) use self::received::decode;
pub use self::segments::MESSAGE_BYTES_MAX;

use self::charset::{CharacterSet, Declared, ESCAPE, Resolved, Transcoding};
use self::memory::Memory;
use self::segments::{Name, SegmentTable, Spare, too_many_bytes};
use self::store::Store;
use crate::charset::Charset;
use crate::{Limits, Problem};

/// How many times as long as in UTF-8 a text is at most in any set that is read: ASCII in
/// UTF-32. ISO-2022-JP stays below with all its switching.
const WRITTEN_GROWTH_MAX: usize = 4;

/// One HL7 v2 message.
pub struct Hl7 {
    /// The message in an encoding whose delimiters are single bytes.
    store: Store,
    /// The message as it would be written, put together since the last edit.
    whole: OnceLock<Vec<u8>>,
    /// How it is read; not decided while it is all ASCII, because then every
    /// set reads it alike.
    charset: Option<CharacterSet>,
    /// Of a message that cannot be read in place.
    transcoded: Option<Box<Transcoded>>,
    limits: Limits,
}

#[derive(Clone)]
struct Transcoded {
    /// The message's own character set, which it is written in.
    transcoding: Transcoding,
    /// The bytes as they came, while nothing was edited.
    received: Option<Vec<u8>>,
}

impl Hl7 {
    /// Parses a message: one header (MSH, FHS or BHS) and what follows.
    ///
    /// Accepts CR, CRLF and LF as terminators, a missing last terminator, blank
    /// lines, lines that are no segment, a byte order mark, MLLP framing bytes,
    /// and UTF-16 or UTF-32.
    ///
    /// # Errors
    /// `hl7.header` when no usable header stands first, `limit.message-bytes`,
    /// `limit.segments`. The sender is at fault.
    ///
    /// # Examples
    /// ```
    /// use tureen_message::{Limits, Value, hl7::{Hl7, Hl7Path}};
    ///
    /// let bytes = b"MSH|^~\\&|LAB\rPID|1||123^^^ACME\r".to_vec();
    /// let message = Hl7::parse(bytes, &Limits::default())?;
    /// let value = message.get(&Hl7Path::parse("PID-3.4")?);
    /// assert_eq!(value, Value::Text("ACME".into()));
    /// # Ok::<(), tureen_message::Problem>(())
    /// ```
    pub fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Problem> {
        Self::parse_in(&mut Spare::default(), bytes, limits)
    }

    /// Parses text that was put together here: its bytes are those of the set that its
    /// MSH-18 names, UTF-8 where that names none that is known.
    ///
    /// # Errors
    /// As [`Hl7::parse`], and `charset.unwritable` for a character that the set does not
    /// have. Whoever wrote the text is at fault.
    pub fn parse_text(text: String, limits: &Limits) -> Result<Self, Problem> {
        if text.is_ascii() {
            return Self::parse(text.into_bytes(), limits);
        }
        let encoded = match header::declared_charset(text.as_bytes()) {
            Declared::Nothing | Declared::Unknown | Declared::Set(CharacterSet::Utf8) => {
                return Self::parse(text.into_bytes(), limits);
            }
            Declared::Set(set) => set.encode(&text).map(Cow::into_owned),
            Declared::Transcoded(transcoding) => transcoding.encode(&text),
        };
        let bytes = encoded.map_err(|written| {
            let text = format!(
                "character {} of the text does not exist in the character set that its MSH-18 names",
                written + 1
            );
            Problem::new("charset.unwritable", text).at("MSH-18")
        })?;
        Self::parse(bytes, limits)
    }

    fn parse_in(spare: &mut Spare, bytes: Vec<u8>, limits: &Limits) -> Result<Self, Problem> {
        // What is not read in place is counted as its text, below.
        if bytes.len() / WRITTEN_GROWTH_MAX > limits.message_bytes {
            return Err(too_many_bytes(bytes.len(), limits));
        }
        // Nearly all messages are plain ASCII, which indexing finds out on its way.
        let table = match SegmentTable::index_in(spare, &bytes, limits) {
            Ok(table) if table.is_plain => table,
            indexed => return Self::parse_resolved(spare, bytes, limits, indexed.ok()),
        };
        Ok(Self::new(Memory::checked(bytes), table, limits))
    }

    /// Parses what is not all ASCII, or does not mean it.
    #[cold]
    fn parse_resolved(
        spare: &mut Spare,
        bytes: Vec<u8>,
        limits: &Limits,
        in_place: Option<Box<SegmentTable>>,
    ) -> Result<Self, Problem> {
        let resolved = resolve(&bytes);
        if let Some(Resolved::Transcoded(transcoding)) = resolved {
            if let Some(table) = in_place {
                *spare = Spare::of(table);
            }
            let text = transcoding.decode(&bytes);
            let table = SegmentTable::index_in(spare, text.as_bytes(), limits)?;
            return Ok(Self {
                charset: Some(CharacterSet::Utf8),
                transcoded: Some(Box::new(Transcoded { transcoding, received: Some(bytes) })),
                ..Self::new(Memory::Text(text), table, limits)
            });
        }
        let charset = match resolved {
            Some(Resolved::InPlace(charset)) => Some(charset),
            _ => None,
        };
        let table = match in_place {
            Some(table) => table,
            None => SegmentTable::index_in(spare, &bytes, limits)?,
        };
        let memory = match charset {
            None | Some(CharacterSet::Utf8) => Memory::checked(bytes),
            Some(_) => Memory::from(bytes),
        };
        Ok(Self { charset, ..Self::new(memory, table, limits) })
    }

    fn new(memory: Memory, table: Box<SegmentTable>, limits: &Limits) -> Self {
        Self {
            store: Store::new(memory, table),
            whole: OnceLock::new(),
            charset: None,
            transcoded: None,
            limits: limits.clone(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The message exactly as it would be written. After an edit it is put
    /// together once, and kept until the next.
    pub fn bytes(&self) -> &[u8] {
        match (&self.transcoded, self.store.in_order()) {
            (None, Some(bytes)) => bytes,
            (Some(transcoded), _) if let Some(received) = &transcoded.received => received,
            _ => self.whole.get_or_init(|| self.written()),
        }
    }

    fn written(&self) -> Vec<u8> {
        let text = self.store.assembled();
        match &self.transcoded {
            None => text.into_owned(),
            // Every edit proved that it can be written.
            Some(transcoded) => {
                let text = String::from_utf8_lossy(&text);
                transcoded.transcoding.encode(&text).unwrap_or_default()
            }
        }
    }

    /// The message exactly as it would be written, without a copy where it was
    /// not edited.
    pub fn into_bytes(mut self) -> Vec<u8> {
        if let Some(received) = self.transcoded.as_mut().and_then(|it| it.received.take()) {
            return received;
        }
        match self.whole.take() {
            Some(whole) => whole,
            None if self.transcoded.is_some() => self.written(),
            None => self.store.into_assembled(),
        }
    }

    /// How many bytes the message has, without putting it together. Of a message
    /// that is not read in place: in UTF-8.
    pub fn size(&self) -> usize {
        self.store.len()
    }

    /// The message as text, without byte order mark and framing bytes.
    pub fn whole_text(&self) -> Cow<'_, str> {
        let content = self.store.table.content(self.store.len());
        if let Some(text) = self.store.in_order() {
            return self.charset().decode(text.get(content).unwrap_or_default());
        }
        let text = self.store.assembled();
        let text = self.charset().decode(text.get(content).unwrap_or_default()).into_owned();
        Cow::Owned(text)
    }

    /// Whether [`batch::Batch::split`] may find more in these bytes than a single
    /// message; costs nothing, where splitting costs a search for line ends.
    pub fn may_be_batch(&self) -> bool {
        self.store.table.may_be_batch
    }

    /// The delimiters of the first header.
    pub fn delimiters(&self) -> &Delimiters {
        self.store.table.delimiters(0)
    }

    /// The first MSH of the message, read leniently; `None` in an envelope that
    /// holds no message.
    pub fn header(&self) -> Option<Header> {
        match self.first_header() {
            Some(line) => Header::of_line(line, self.charset()),
            None => Header::read(self.bytes()),
        }
    }

    fn first_header(&self) -> Option<&[u8]> {
        let position = self.store.table.position(Name::MSH, 1)?;
        self.store.table.get(position).map(|segment| self.line(segment))
    }

    /// The set that values are read and escapes are decoded with.
    fn charset(&self) -> CharacterSet {
        self.charset.unwrap_or_else(|| match self.declared_charset() {
            Declared::Set(set) => set,
            Declared::Nothing | Declared::Transcoded(_) | Declared::Unknown => CharacterSet::Utf8,
        })
    }

    /// The character set of [`Hl7::bytes`]; UTF-8 while they are all ASCII.
    pub fn written_in(&self) -> Charset {
        match (&self.transcoded, self.charset) {
            (Some(transcoded), _) => Charset(Resolved::Transcoded(transcoded.transcoding).set()),
            (None, Some(charset)) => Charset(Resolved::InPlace(charset).set()),
            (None, None) => Charset::UTF_8,
        }
    }

    /// The set of the bytes that `\X..\` writes: the message's own. What is read from
    /// UTF-16 or UTF-32 has none of its own for single bytes.
    fn hexadecimal_charset(&self) -> CharacterSet {
        match self.transcoded.as_deref() {
            Some(Transcoded { transcoding: Transcoding::Table(table), .. }) => {
                CharacterSet::Table(table)
            }
            _ => self.charset(),
        }
    }

    /// What MSH-18 says.
    fn declared_charset(&self) -> Declared {
        self.first_header().map_or(Declared::Nothing, header::declared_charset)
    }
}

impl Clone for Hl7 {
    /// A copy stands in order, so that it is written without being put together.
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            whole: OnceLock::new(),
            charset: self.charset,
            transcoded: self.transcoded.clone(),
            limits: self.limits.clone(),
        }
    }
}

/// How the bytes of a message are to be read; `None` while that makes no
/// difference, because all of them are ASCII and mean it.
fn resolve(bytes: &[u8]) -> Option<Resolved> {
    if let Some(wide) = Transcoding::detect(bytes) {
        return Some(Resolved::Transcoded(wide));
    }
    if bytes.is_ascii() {
        return switches_sets(bytes).then_some(Resolved::Transcoded(Transcoding::JAPANESE));
    }
    Some(header::declared_charset(bytes).resolve(bytes))
}

/// Whether ASCII bytes stand for Japanese text: MSH-18 says so and a sequence of
/// ISO 2022 makes use of it.
fn switches_sets(bytes: &[u8]) -> bool {
    memchr::memchr(ESCAPE, bytes).is_some()
        && header::declared_charset(bytes) == Declared::Transcoded(Transcoding::JAPANESE)
}

impl fmt::Debug for Hl7 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Hl7({} bytes, {} lines)",
            self.store.len(),
            self.store.table.segments().len()
        )
    }
}
