//! HL7 paths: `PID`, `OBX[2]-5`, `PID-3[2].4.1`, `OBX[*]-5[*]`.
//!
//! Deliberately does not know: messages. A path is parsed once and reused; it
//! owns no memory, so parsing one allocates nothing.
//!
//! ```text
//! path  := SEG [index] [ ("-" | ".") field [index] [ "." component ["[" n "]"] [ "." sub ] ] ]
//! index := "[" n "]" | "[*]"          every n from 1 to 65,535, at most 64 bytes in all
//! ```

use std::fmt;

use super::segments::Name;
use crate::Problem;

/// The longest text of a path, in bytes.
pub const PATH_BYTES_MAX: usize = 64;

/// A place, or with `[*]` a pattern of places, in an HL7 message.
///
/// Everything counts from 1 and is 1 where omitted: `PID-3` is the first
/// repetition of the field. The index behind a component exists in the grammar
/// only; a component does not repeat, so `[1]` means itself and more is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hl7Path {
    pub(super) segment: Name,
    pub(super) occurrence: Index,
    pub(super) element: Option<Element>,
}

/// The part of a path below the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Element {
    pub(super) field: u16,
    pub(super) repetition: Index,
    /// 0 where the path ends at the repetition.
    pub(super) component: u16,
    /// 1 wherever it can exist.
    pub(super) component_index: u16,
    /// 0 where the path ends at the component.
    pub(super) subcomponent: u16,
}

/// Which of several: one by number, or each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Index {
    Number(u16),
    Every,
}

impl Index {
    /// The number, and 1 for a pattern: reading one place takes the first.
    pub(super) fn number(self) -> usize {
        match self {
            Self::Number(number) => usize::from(number),
            Self::Every => 1,
        }
    }
}

impl Hl7Path {
    /// Parses the text of a path.
    ///
    /// # Errors
    /// `path.syntax` with the offset of what was not expected, `limit.path` for
    /// more than [`PATH_BYTES_MAX`] bytes. Whoever wrote the path is at fault.
    #[inline(always)]
    pub fn parse(text: &str) -> Result<Self, Problem> {
        match Self::parse_common(text.as_bytes()) {
            Some(path) => Ok(path),
            None => Self::parse_any(text),
        }
    }

    /// The spellings that nearly all paths have: `PID-5`, `PID-18`, `PID-5.1` and
    /// `PID-18.1`. Parsing is part of each read by text, and this is a fifth of
    /// what the whole grammar takes.
    #[inline(always)]
    fn parse_common(text: &[u8]) -> Option<Self> {
        let (segment, rest) = text.split_first_chunk::<4>()?;
        let (field, component) = match *rest {
            [field] => (digit(field)?, None),
            [ten, one] => (digit(ten)? * 10 + digit(one)?, None),
            [field, b'.', component] => (digit(field)?, Some(component)),
            [ten, one, b'.', component] => (digit(ten)? * 10 + digit(one)?, Some(component)),
            _ => return None,
        };
        let component = match component {
            Some(component) => Some(digit(component)?).filter(|number| *number > 0)?,
            None => 0,
        };
        if segment.last() != Some(&b'-') || field == 0 {
            return None;
        }
        let element = Element {
            field,
            repetition: Index::Number(1),
            component,
            component_index: 1,
            subcomponent: 0,
        };
        Some(Self {
            segment: Name::start_of(segment)?,
            occurrence: Index::Number(1),
            element: Some(element),
        })
    }

    /// The whole grammar.
    #[inline(never)]
    fn parse_any(text: &str) -> Result<Self, Problem> {
        if text.len() > PATH_BYTES_MAX {
            return Err(Problem::new(
                "limit.path",
                format!("an HL7 path has at most {PATH_BYTES_MAX} bytes; found {}", text.len()),
            ));
        }
        let mut reader = Reader { text: text.as_bytes(), offset: 0 };
        let path = reader.path()?;
        match reader.peek() {
            None => Ok(path),
            Some(_) => Err(reader.unexpected("the end of the path")),
        }
    }

    /// Whether the path holds `[*]`.
    pub fn is_pattern(&self) -> bool {
        self.occurrence == Index::Every
            || self.element.is_some_and(|element| element.repetition == Index::Every)
    }

    /// Whether the path means a whole segment.
    pub fn is_segment(&self) -> bool {
        self.element.is_none()
    }
}

impl Element {
    pub(super) fn is_repetition(&self) -> bool {
        self.component == 0
    }
}

impl fmt::Display for Hl7Path {
    /// The shortest text of the path: numbers of 1 are left out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.segment, self.occurrence)?;
        let Some(element) = self.element else { return Ok(()) };
        write!(formatter, "-{}{}", element.field, element.repetition)?;
        if element.component > 0 {
            write!(formatter, ".{}", element.component)?;
        }
        if element.component_index > 1 {
            write!(formatter, "[{}]", element.component_index)?;
        }
        if element.subcomponent > 0 {
            write!(formatter, ".{}", element.subcomponent)?;
        }
        Ok(())
    }
}

impl fmt::Display for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(1) => Ok(()),
            Self::Number(number) => write!(formatter, "[{number}]"),
            Self::Every => formatter.write_str("[*]"),
        }
    }
}

#[inline]
fn digit(byte: u8) -> Option<u16> {
    byte.is_ascii_digit().then(|| u16::from(byte - b'0'))
}

struct Reader<'a> {
    text: &'a [u8],
    offset: usize,
}

impl Reader<'_> {
    fn path(&mut self) -> Result<Hl7Path, Problem> {
        let Some(segment) = Name::start_of(self.text) else {
            return Err(self.unexpected(
                "a segment name: a capital letter, then two capital letters or digits",
            ));
        };
        self.offset = 3;
        let occurrence = self.index()?;
        if self.peek().is_none() {
            return Ok(Hl7Path { segment, occurrence, element: None });
        }
        if !self.take(b'-') && !self.take(b'.') {
            return Err(self.unexpected("- and a field number, or an index such as [2]"));
        }
        let field = self.number("a field number from 1 to 65535")?;
        let repetition = self.index()?;
        let mut element =
            Element { field, repetition, component: 0, component_index: 1, subcomponent: 0 };
        if self.take(b'.') {
            element.component = self.number("a component number from 1 to 65535")?;
            if self.peek() == Some(b'[') {
                element.component_index = self.index()?.exact().ok_or_else(|| {
                    self.unexpected("a number: a component does not repeat, [*] has no meaning")
                })?;
            }
            if self.take(b'.') {
                element.subcomponent = self.number("a sub-component number from 1 to 65535")?;
            }
        }
        Ok(Hl7Path { segment, occurrence, element: Some(element) })
    }

    fn index(&mut self) -> Result<Index, Problem> {
        if !self.take(b'[') {
            return Ok(Index::Number(1));
        }
        let index = if self.take(b'*') {
            Index::Every
        } else {
            Index::Number(self.number("a number from 1 to 65535, or *")?)
        };
        if self.take(b']') { Ok(index) } else { Err(self.unexpected("]")) }
    }

    fn number(&mut self, expected: &str) -> Result<u16, Problem> {
        let mut number = 0_u16;
        let start = self.offset;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number
                .checked_mul(10)
                .and_then(|number| number.checked_add(u16::from(digit - b'0')))
                .ok_or_else(|| self.unexpected(expected))?;
            self.offset += 1;
        }
        if self.offset == start || number == 0 {
            self.offset = start;
            return Err(self.unexpected(expected));
        }
        Ok(number)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.offset).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.offset += usize::from(found);
        found
    }

    #[cold]
    fn unexpected(&self, expected: &str) -> Problem {
        let found = match self.peek() {
            None => "the end of the path",
            Some(b'0'..=b'9') => "a number out of range",
            Some(b'a'..=b'z' | b'A'..=b'Z') => "a letter",
            Some(0x80..) => "a character outside ASCII",
            Some(_) => "another character",
        };
        Problem::new("path.syntax", format!("expected {expected}; found {found}"))
            .at(format!("byte {} of the path", self.offset + 1))
            .at_offset(self.offset)
    }
}

impl Index {
    fn exact(self) -> Option<u16> {
        match self {
            Self::Number(number) => Some(number),
            Self::Every => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_and_written_in_its_shortest_form() {
        for (text, expected) in [
            ("PID", "PID"),
            ("OBX[2]", "OBX[2]"),
            ("OBX[1]", "OBX"),
            ("PID-5", "PID-5"),
            ("PID.5.1", "PID-5.1"),
            ("PID[1]-3[1].4.1", "PID-3.4.1"),
            ("ZZ9[3]-65535[65535].65535.65535", "ZZ9[3]-65535[65535].65535.65535"),
            ("OBX[*]-5[*].1", "OBX[*]-5[*].1"),
            ("PID-5.1[1].2", "PID-5.1.2"),
            ("PID-5.1[2]", "PID-5.1[2]"),
        ] {
            assert_eq!(Hl7Path::parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_where_it_goes_wrong() {
        for (text, offset) in [
            ("", 0),
            ("PI", 0),
            ("pid-3", 0),
            ("1ID-3", 0),
            ("PIDX", 3),
            ("PID-", 4),
            ("PID-0", 4),
            ("PID-x", 4),
            ("PID-3[0]", 6),
            ("PID-3[]", 6),
            ("PID-3[2", 7),
            ("PID-65536", 8),
            ("PID-3.1.2.4", 9),
            ("PID-3.1[*]", 10),
            ("PID-5-1", 5),
            ("PID-3 ", 5),
            ("PID(1)", 3),
            ("PID-3.", 6),
            ("PÍD-3", 0),
        ] {
            let problem = Hl7Path::parse(text).unwrap_err();
            assert_eq!((problem.code, problem.offset), ("path.syntax", Some(offset)), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_path_or_refused(
            text in "[A-Z]{2}[A-Z0-9]([-.]?[0-9]{0,6}(\\[[0-9*]{0,6}\\]?)?){0,5}|\\PC{0,70}",
        ) {
            proptest::prop_assert_eq!(Hl7Path::parse(&text), Hl7Path::parse_any(&text));
            if let Ok(path) = Hl7Path::parse(&text) {
                proptest::prop_assert_eq!(Hl7Path::parse(&path.to_string()), Ok(path));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn common_spellings_are_read_as_the_grammar_says(
            text in "[A-Z@1a]{3}[-.x]([0-9]{1,3}|[0-9]{1,2}[.x][0-9]{1,2})",
        ) {
            proptest::prop_assert_eq!(Hl7Path::parse(&text), Hl7Path::parse_any(&text));
        }
    }

    #[test]
    fn a_path_over_its_length_is_refused() {
        let text = format!("PID-{}1", "0".repeat(60));
        assert_eq!(Hl7Path::parse(&text).unwrap_err().code, "limit.path");
        let text = format!("PID-{}1", "0".repeat(59));
        assert!(Hl7Path::parse(&text).is_ok());
    }
}
