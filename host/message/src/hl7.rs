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
mod charset;
mod check;
mod delimiters;
mod edit;
mod escape;
mod find;
mod format_text;
mod header;
mod path;
mod read;
mod received;
mod reencode;
mod remove;
mod segments;
mod split;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub use self::check::PROBLEMS_MAX;
pub use self::delimiters::Delimiters;
pub use self::find::MATCHES_MAX;
pub use self::header::Header;
pub use self::path::{Hl7Path, PATH_BYTES_MAX};
pub(crate) use self::received::decode;

use self::charset::{CharacterSet, Declared, Resolved, Transcoding};
use self::segments::{SegmentTable, too_many_bytes};
use crate::{Limits, Problem};

/// One HL7 v2 message.
#[derive(Clone)]
pub struct Hl7 {
    /// The message in an encoding whose delimiters are single bytes.
    text: Vec<u8>,
    table: SegmentTable,
    /// How `text` is read; not decided while it is all ASCII, because then
    /// every set reads it alike.
    charset: Option<CharacterSet>,
    /// Of a message that cannot be read in place: its own bytes.
    transcoded: Option<Box<Transcoded>>,
    limits: Limits,
}

#[derive(Clone)]
struct Transcoded {
    transcoding: Transcoding,
    written: Vec<u8>,
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
        if bytes.len() > limits.message_bytes {
            return Err(too_many_bytes(bytes.len(), limits));
        }
        match resolve(&bytes) {
            Some(Resolved::Transcoded(transcoding)) => {
                let text = transcoding.decode(&bytes).into_bytes();
                let transcoded = Box::new(Transcoded { transcoding, written: bytes });
                Self::with(text, Some(CharacterSet::Utf8), Some(transcoded), limits)
            }
            Some(Resolved::InPlace(charset)) => Self::with(bytes, Some(charset), None, limits),
            None => Self::with(bytes, None, None, limits),
        }
    }

    fn with(
        text: Vec<u8>,
        charset: Option<CharacterSet>,
        transcoded: Option<Box<Transcoded>>,
        limits: &Limits,
    ) -> Result<Self, Problem> {
        let table = SegmentTable::index(&text, limits)?;
        Ok(Self { text, table, charset, transcoded, limits: limits.clone() })
    }

    /// The message exactly as it would be written.
    pub fn bytes(&self) -> &[u8] {
        self.transcoded.as_ref().map_or(&self.text, |transcoded| &transcoded.written)
    }

    /// The message exactly as it would be written, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.transcoded {
            Some(transcoded) => transcoded.written,
            None => self.text,
        }
    }

    /// The message as text, without byte order mark and framing bytes.
    pub fn whole_text(&self) -> Cow<'_, str> {
        self.charset().decode(self.text.get(self.table.content()).unwrap_or_default())
    }

    /// The delimiters of the first header.
    pub fn delimiters(&self) -> &Delimiters {
        self.table.delimiters(0)
    }

    /// The first MSH of the message, read leniently; `None` in an envelope that
    /// holds no message.
    pub fn header(&self) -> Option<Header> {
        Header::read(self.bytes())
    }

    /// The set that values are read and escapes are decoded with.
    fn charset(&self) -> CharacterSet {
        self.charset.unwrap_or_else(|| match header::declared_charset(&self.text) {
            Declared::Set(set) => set,
            Declared::Nothing | Declared::Transcoded(_) | Declared::Unknown => CharacterSet::Utf8,
        })
    }
}

/// How the bytes of a message are to be read; `None` while that makes no
/// difference, because all of them are ASCII.
fn resolve(bytes: &[u8]) -> Option<Resolved> {
    if let Some(wide) = Transcoding::detect(bytes) {
        return Some(Resolved::Transcoded(wide));
    }
    if bytes.is_ascii() {
        return None;
    }
    Some(header::declared_charset(bytes).resolve(bytes))
}

impl fmt::Debug for Hl7 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Hl7({} bytes, {} lines)",
            self.bytes().len(),
            self.table.segments().len()
        )
    }
}
