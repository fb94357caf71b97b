//! The delimiters of one message, as its header declares them.
//!
//! Deliberately does not know: fields, paths. All delimiters are ASCII, so that
//! every search works on bytes.
//!
//! # Invariants
//! - No two delimiters in use are the same byte. Where MSH-2 repeats one, the
//!   higher level keeps it (field, repetition, component, sub-component,
//!   escape, truncation) and the lower level is not in use.

use crate::Problem;

/// The bytes that separate and escape, from MSH-1 and MSH-2 (HL7 v2 chapter
/// 2.5.4). `None` means that MSH-2 does not declare the delimiter: nothing is
/// split there, no default is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiters {
    /// MSH-1.
    pub field: u8,
    /// First character of MSH-2.
    pub component: Option<u8>,
    /// Second character of MSH-2.
    pub repetition: Option<u8>,
    /// Third character of MSH-2.
    pub escape: Option<u8>,
    /// Fourth character of MSH-2.
    pub subcomponent: Option<u8>,
    /// Fifth character of MSH-2, since 2.7; accepted at any version.
    pub truncation: Option<u8>,
}

impl Delimiters {
    /// `|^~\&`, the delimiters that the standard recommends.
    pub const STANDARD: Self = Self {
        field: b'|',
        component: Some(b'^'),
        repetition: Some(b'~'),
        escape: Some(b'\\'),
        subcomponent: Some(b'&'),
        truncation: None,
    };

    /// Reads the delimiters of a header line: MSH, FHS or BHS up to its
    /// terminator.
    ///
    /// # Errors
    /// `hl7.header` when the line declares none that can be used. The sender
    /// is at fault.
    pub fn read(line: &[u8]) -> Result<Self, Problem> {
        let &[_, _, _, field, ref rest @ ..] = line else {
            return Err(header_problem("the header ends before its field separator (MSH-1)"));
        };
        if !is_field_separator(field) {
            return Err(header_problem(format!(
                "MSH-1 must be an ASCII punctuation character; found {}",
                kind_of(field)
            )));
        }
        let end = memchr::memchr(field, rest).unwrap_or(rest.len());
        Self::from_characters(field, rest.get(..end).unwrap_or_default())
    }

    /// The delimiters of a field separator and the text of MSH-2.
    ///
    /// # Errors
    /// `hl7.header` as for [`Delimiters::read`].
    pub fn from_characters(field: u8, characters: &[u8]) -> Result<Self, Problem> {
        if characters.is_empty() {
            return Err(header_problem(
                "MSH-2 is empty; at least the component separator is needed",
            ));
        }
        let refused = characters.iter().take(5).enumerate().find(|&(at, &character)| {
            !character.is_ascii()
                || character.is_ascii_control()
                || (at < 4 && character.is_ascii_alphanumeric())
        });
        if let Some((at, &character)) = refused {
            return Err(header_problem(format!(
                "character {} of MSH-2 must be ASCII punctuation; found {}",
                at + 1,
                kind_of(character)
            )));
        }
        Ok(Self::without_repeats(field, characters))
    }

    fn without_repeats(field: u8, characters: &[u8]) -> Self {
        let at = |position: usize| characters.get(position).copied();
        let free = |wanted: Option<u8>, taken: &[Option<u8>]| {
            wanted.filter(|_| !taken.contains(&wanted) && wanted != Some(field))
        };
        let repetition = free(at(1), &[]);
        let component = free(at(0), &[repetition]);
        let subcomponent = free(at(3), &[repetition, component]);
        let escape = free(at(2), &[repetition, component, subcomponent]);
        let truncation = free(at(4), &[repetition, component, subcomponent, escape])
            .filter(|character| !character.is_ascii_alphanumeric());
        Self { field, component, repetition, escape, subcomponent, truncation }
    }

    /// The text of MSH-2 up to the last delimiter in use. A gap before it
    /// (possible only where a header repeated a character) ends the text.
    pub fn encoding_characters(&self) -> Vec<u8> {
        [self.component, self.repetition, self.escape, self.subcomponent, self.truncation]
            .into_iter()
            .map_while(|character| character)
            .collect()
    }

    /// The letter of the escape sequence that stands for a delimiter: `F` for
    /// the field separator, and so on. `None` for any other byte.
    pub(super) fn letter(&self, byte: u8) -> Option<u8> {
        let byte = Some(byte);
        match () {
            () if byte == Some(self.field) => Some(b'F'),
            () if byte == self.component => Some(b'S'),
            () if byte == self.subcomponent => Some(b'T'),
            () if byte == self.repetition => Some(b'R'),
            () if byte == self.escape => Some(b'E'),
            () => None,
        }
    }

    /// The delimiter that a letter of an escape sequence stands for.
    pub(super) fn of_letter(&self, letter: u8) -> Option<u8> {
        match letter {
            b'F' => Some(self.field),
            b'S' => self.component,
            b'T' => self.subcomponent,
            b'R' => self.repetition,
            b'E' => self.escape,
            b'P' => self.truncation,
            _ => None,
        }
    }
}

/// Whether a byte can be MSH-1.
pub(super) fn is_field_separator(byte: u8) -> bool {
    byte == b'\t' || byte.is_ascii_punctuation()
}

fn header_problem(text: impl Into<String>) -> Problem {
    Problem::new("hl7.header", text).at("MSH")
}

fn kind_of(byte: u8) -> &'static str {
    match byte {
        b'0'..=b'9' => "a digit",
        b'A'..=b'Z' | b'a'..=b'z' => "a letter",
        b' ' => "a space",
        b'\r' | b'\n' => "a line end",
        0..=0x1F | 0x7F => "a control character",
        0x80.. => "a character outside ASCII",
        _ => "a punctuation character",
    }
}
