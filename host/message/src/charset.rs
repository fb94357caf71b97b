//! Character sets of whole messages: from received bytes to those that a format
//! is parsed from, and from text to bytes that leave.
//!
//! Stage: body of a request → **bytes to parse** → message. Knows: the order in
//! which a set is looked for (contract 4.2, behaviour 8): charset of the
//! Content-Type, byte order mark, MSH-18 of HL7 or the XML declaration, UTF-8. Deliberately does not
//! know: HTTP, paths, edits.
//!
//! # Invariants
//! - Bytes that can be parsed as they are, are neither copied nor changed.
//! - No byte is replaced unless the caller asks for it.
//! - What a message says of its own set is true afterwards.
//! - No problem quotes content.

mod name;
mod set;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub(crate) use self::name::{Named, of_hl7, of_label};
pub(crate) use self::set::Set;

use crate::{Format, Problem, hl7, xml};

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A character set that can be read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(pub(crate) Set);

impl Charset {
    /// The set that everything is in unless something else is said.
    pub const UTF_8: Self = Self(Set::Utf8);

    /// The set of a name: a label that IANA and the web's Encoding standard
    /// know, or a name of HL7 table 0211, in any case. ASCII is taken as UTF-8,
    /// and UTF-16 and UTF-32 without a byte order as big-endian (RFC 2781).
    ///
    /// # Errors
    /// `charset.unsupported`, `charset.unknown`. Whoever wrote the name is at
    /// fault.
    pub fn from_name(name: &str) -> Result<Self, Problem> {
        match of_label(name) {
            Named::Ascii => Ok(Self::UTF_8),
            Named::Set(set) => Ok(Self(set)),
            Named::Utf16 => Ok(Self(Set::Utf16 { big_endian: true })),
            Named::Utf32 => Ok(Self(Set::Utf32 { big_endian: true })),
            Named::Unsupported => Err(unsupported("the name")),
            Named::Unknown => Err(unknown("the name", name)),
        }
    }

    /// The name for people and for a Content-Type: `UTF-8`, `windows-1252`.
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

impl fmt::Display for Charset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What said in which set bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The charset parameter of the Content-Type.
    ContentType,
    /// A byte order mark or, where the first character is known to be ASCII,
    /// the zero bytes beside it.
    ByteOrderMark,
    /// The first repetition of MSH-18.
    Msh18,
    /// The encoding in the XML declaration.
    XmlDeclaration,
    /// Nothing: UTF-8, or windows-1252 for HL7 that is not UTF-8.
    Default,
}

impl Source {
    /// Who says so, for a sentence.
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::ContentType => "the Content-Type",
            Self::ByteOrderMark => "the byte order mark",
            Self::Msh18 => "MSH-18",
            Self::XmlDeclaration => "the XML declaration",
            Self::Default => "the default",
        }
    }
}

/// What to do with bytes that the set does not define.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Undecodable {
    /// Refuse the whole.
    #[default]
    Refuse,
    /// Take U+FFFD in their place and say so.
    Replace,
}

/// Received bytes, ready to be parsed.
#[derive(Clone, PartialEq, Eq)]
pub struct Decoded {
    /// JSON, CSV, XML and text: UTF-8 without byte order mark, which an XML
    /// declaration that named another set then says too. HL7: as received, in
    /// the set that its own header tells, because HL7 messages are written as
    /// they came; UTF-8 only where the Content-Type or a byte order mark
    /// contradicted MSH-18, which then says `UNICODE UTF-8`. Binary: as
    /// received.
    pub bytes: Vec<u8>,
    /// The set that the received bytes were in.
    pub charset: Charset,
    pub source: Source,
    /// Bytes that are not of the set read as U+FFFD.
    pub replaced: bool,
    /// No usable set was told for bytes outside ASCII that are not UTF-8: they
    /// are read as windows-1252, which may be wrong. Worth a warning.
    pub guessed: bool,
}

impl fmt::Debug for Decoded {
    /// Never content: it may be patient data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Decoded")
            .field("bytes", &self.bytes.len())
            .field("charset", &self.charset)
            .field("source", &self.source)
            .field("replaced", &self.replaced)
            .field("guessed", &self.guessed)
            .finish()
    }
}

/// Makes of a received body what a message of the format is parsed from.
///
/// `content_type_charset` is the charset parameter without quotes, as
/// [`MediaType::charset`](crate::media_type::MediaType::charset) gives it.
///
/// # Errors
/// `charset.unknown` and `charset.unsupported` for a set that is told and not
/// read; `charset.undecodable` with the byte offset, unless they are to be
/// replaced. The sender is at fault.
pub fn decode(
    format: Format,
    body: Vec<u8>,
    content_type_charset: Option<&str>,
    undecodable: Undecodable,
) -> Result<Decoded, Problem> {
    match format {
        Format::Binary | Format::Dicom => Ok(Decoded::untouched(body, Set::Utf8, Source::Default)),
        Format::Hl7 => {
            let told = content_type_charset.map(|name| told(name, of_hl7(name)));
            hl7::decode(body, told.transpose()?.flatten(), undecodable)
        }
        Format::Json | Format::Csv | Format::Text => {
            let told = content_type_charset.map(|name| told(name, of_label(name)));
            let found = match told.transpose()?.flatten() {
                Some(told) => Found { set: told.set(&body), source: Source::ContentType },
                None => Found::by_mark(&body).unwrap_or(Found::NOTHING),
            };
            found.to_utf8(body, undecodable)
        }
        Format::Xml => {
            let told = content_type_charset.map(|name| told(name, of_label(name)));
            let found = match (Found::by_mark(&body), told.transpose()?.flatten()) {
                // The mark decides, whatever is told (RFC 7303 section 3).
                (Some(marked), _) => marked,
                (None, Some(told)) => Found { set: told.set(&body), source: Source::ContentType },
                (None, None) => xml::found_charset(&body)?,
            };
            let mut decoded = found.to_utf8(body, undecodable)?;
            xml::declare_utf8(&mut decoded.bytes);
            Ok(decoded)
        }
    }
}

/// The bytes of text that leaves in another set than UTF-8.
///
/// # Errors
/// `charset.unwritable` with the number of the first character (from 1) that
/// the set does not have, unless such characters are to be replaced: by `?`.
pub fn encode(
    text: &str,
    charset: Charset,
    undecodable: Undecodable,
) -> Result<Cow<'_, [u8]>, Problem> {
    match (charset.0.encode(text), undecodable) {
        (Ok(bytes), _) => Ok(bytes),
        (Err(written), Undecodable::Refuse) => Err(Problem::new(
            "charset.unwritable",
            format!("character {} of the text does not exist in {charset}", written + 1),
        )),
        (Err(_), Undecodable::Replace) => {
            let mut bytes = Vec::with_capacity(text.len());
            let mut buffer = [0; 4];
            for character in text.chars() {
                match charset.0.encode(character.encode_utf8(&mut buffer)) {
                    Ok(written) => bytes.extend_from_slice(&written),
                    Err(_) => bytes.push(b'?'),
                }
            }
            Ok(Cow::Owned(bytes))
        }
    }
}

/// A set that the transport told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Set(Set),
    Utf16,
    Utf32,
}

impl Told {
    /// The set for these bytes; without a mark big-endian (RFC 2781 section 4.3).
    pub(crate) fn set(self, bytes: &[u8]) -> Set {
        let marked = marked_set(bytes);
        match (self, marked) {
            (Self::Set(set), _) => set,
            (Self::Utf16, Some(set @ Set::Utf16 { .. })) => set,
            (Self::Utf16, _) => Set::Utf16 { big_endian: true },
            (Self::Utf32, Some(set @ Set::Utf32 { .. })) => set,
            (Self::Utf32, _) => Set::Utf32 { big_endian: true },
        }
    }
}

/// What the name in a Content-Type tells; ASCII tells nothing.
fn told(name: &str, named: Named) -> Result<Option<Told>, Problem> {
    match named {
        Named::Ascii => Ok(None),
        Named::Set(set) => Ok(Some(Told::Set(set))),
        Named::Utf16 => Ok(Some(Told::Utf16)),
        Named::Utf32 => Ok(Some(Told::Utf32)),
        Named::Unsupported => Err(unsupported(Source::ContentType.described())),
        Named::Unknown => Err(unknown(Source::ContentType.described(), name)),
    }
}

/// A set, and what said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) set: Set,
    pub(crate) source: Source,
}

impl Found {
    pub(crate) const NOTHING: Self = Self { set: Set::Utf8, source: Source::Default };

    /// What a byte order mark says.
    pub(crate) fn by_mark(bytes: &[u8]) -> Option<Self> {
        marked_set(bytes).map(|set| Self { set, source: Source::ByteOrderMark })
    }

    /// The bytes in UTF-8 without byte order mark; those that are so already
    /// are not copied.
    pub(crate) fn to_utf8(
        self,
        mut body: Vec<u8>,
        undecodable: Undecodable,
    ) -> Result<Decoded, Problem> {
        let replaced = self.is_replaced(&body, undecodable)?;
        let Self { set, source } = self;
        let as_it_is = set.holds_ascii() && (set == Set::Utf8 || body.is_ascii()) && !replaced;
        if !as_it_is {
            body = set.decode(&body).into_owned().into_bytes();
        }
        if body.starts_with(UTF8_MARK) {
            body.drain(..UTF8_MARK.len());
        }
        Ok(Decoded { replaced, ..Decoded::untouched(body, set, source) })
    }

    /// Whether bytes have to be replaced.
    ///
    /// # Errors
    /// `charset.undecodable`, when they must not be.
    pub(crate) fn is_replaced(
        self,
        body: &[u8],
        undecodable: Undecodable,
    ) -> Result<bool, Problem> {
        let Some(offset) = self.set.first_undecodable(body) else { return Ok(false) };
        match undecodable {
            Undecodable::Replace => Ok(true),
            Undecodable::Refuse => Err(Problem::new(
                "charset.undecodable",
                format!(
                    "{} says {}, and the bytes are not",
                    self.source.described(),
                    self.set.name()
                ),
            )
            .at(format!("byte {}", offset + 1))
            .at_offset(offset)),
        }
    }
}

impl Decoded {
    pub(crate) fn untouched(bytes: Vec<u8>, set: Set, source: Source) -> Self {
        Self { bytes, charset: Charset(set), source, replaced: false, guessed: false }
    }
}

/// The set of a byte order mark.
pub(crate) fn marked_set(bytes: &[u8]) -> Option<Set> {
    match *bytes {
        [0xEF, 0xBB, 0xBF, ..] => Some(Set::Utf8),
        [0xFF, 0xFE, 0, 0, ..] => Some(Set::Utf32 { big_endian: false }),
        [0, 0, 0xFE, 0xFF, ..] => Some(Set::Utf32 { big_endian: true }),
        [0xFF, 0xFE, ..] => Some(Set::Utf16 { big_endian: false }),
        [0xFE, 0xFF, ..] => Some(Set::Utf16 { big_endian: true }),
        _ => None,
    }
}

pub(crate) fn unsupported(source: &str) -> Problem {
    Problem::new(
        "charset.unsupported",
        format!("{source} names a character set that is not read: send UTF-8"),
    )
}

/// The name is quoted where it looks like one.
pub(crate) fn unknown(source: &str, name: &str) -> Problem {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./: ".contains(&byte);
    let shown = match name {
        name if name.len() <= 40 && name.bytes().all(plain) => format!("`{name}`"),
        name => format!("a name of {} bytes", name.len()),
    };
    Problem::new(
        "charset.unknown",
        format!("{source} names a character set that is not known: {shown}; send UTF-8"),
    )
}
