//! Whether a text is JSON (RFC 8259), and how deep it is.
//!
//! Knows: the grammar. Deliberately does not know: what stands in the text, and
//! where values are (`scan` does).
//!
//! # Invariants
//! - Iterative: open containers are bytes on a stack that never holds more
//!   than the depth limit.
//! - Linear, and it stops at the first fault.

use super::scan::{BYTE_ORDER_MARK, skip_white};
use super::swar;
use crate::Problem;

/// Validates one JSON text and answers its depth: how many containers stand
/// inside one another at most, 0 for a string or number.
///
/// # Errors
/// `json.syntax` and `limit.depth`, with the byte offset; both are the fault of
/// whoever made the text.
pub(super) fn depth(text: &str, depth_max: usize) -> Result<usize, Problem> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0, open: Vec::new(), depth: 0 };
    if text.starts_with(BYTE_ORDER_MARK) {
        reader.at = BYTE_ORDER_MARK.len_utf8();
    }
    reader.document(depth_max).map_err(|fault| fault.problem(reader.bytes, reader.at))?;
    Ok(reader.depth)
}

/// What went wrong at the reader's position.
enum Fault {
    Expected(&'static str),
    TooDeep(usize),
}

impl Fault {
    fn problem(&self, bytes: &[u8], at: usize) -> Problem {
        let problem = match self {
            Self::Expected(expected) => Problem::new(
                "json.syntax",
                format!("not JSON: expected {expected}, found {}", shape(bytes.get(at))),
            ),
            Self::TooDeep(depth_max) => Problem::new(
                "limit.depth",
                format!("JSON is nested more than {depth_max} deep: flatten it or raise the limit"),
            ),
        };
        problem.at(position(bytes, at)).at_offset(at)
    }
}

/// `line 3, byte 17`: both from 1, the byte within its line.
pub(crate) fn position(bytes: &[u8], at: usize) -> String {
    let before = bytes.get(..at).unwrap_or(bytes);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
    format!("line {line}, byte {}", before.len() - line_start + 1)
}

/// The kind of byte, not the byte: a message may hold patient data.
pub(crate) fn shape(byte: Option<&u8>) -> &'static str {
    match byte {
        None => "the end of the text",
        Some(b'{' | b'}') => "a curly bracket",
        Some(b'[' | b']') => "a square bracket",
        Some(b',') => "a comma",
        Some(b':') => "a colon",
        Some(b'"') => "a double quote",
        Some(b'\'') => "a single quote",
        Some(b'\\') => "a backslash",
        Some(b'0'..=b'9') => "a digit",
        Some(b'a'..=b'z' | b'A'..=b'Z') => "a letter",
        Some(b' ' | b'\t' | b'\r' | b'\n') => "white space",
        Some(0..=0x1f | 0x7f) => "a control character",
        Some(0x80..) => "a character outside ASCII",
        Some(_) => "a punctuation mark",
    }
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// After `[`.
    ValueOrEnd,
    /// After a comma in an object.
    Name,
    /// After `{`.
    NameOrEnd,
    /// After a value.
    CommaOrEnd,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The closing bracket of each open container.
    open: Vec<u8>,
    depth: usize,
}

impl Reader<'_> {
    fn document(&mut self, depth_max: usize) -> Result<(), Fault> {
        let mut next = Next::Value;
        loop {
            self.at = skip_white(self.bytes, self.at);
            if next == Next::CommaOrEnd && self.open.is_empty() {
                return self.end();
            }
            next = match next {
                Next::Value => self.value(depth_max)?,
                Next::ValueOrEnd if self.peek() == Some(b']') => self.close()?,
                Next::ValueOrEnd => self.value(depth_max)?,
                Next::NameOrEnd if self.peek() == Some(b'}') => self.close()?,
                Next::NameOrEnd | Next::Name => self.name()?,
                Next::CommaOrEnd => self.comma_or_end()?,
            };
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn end(&self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Fault::Expected("the end of the text after the value")),
        }
    }

    fn value(&mut self, depth_max: usize) -> Result<Next, Fault> {
        match self.peek() {
            Some(b'{') => return self.open(b'}', Next::NameOrEnd, depth_max),
            Some(b'[') => return self.open(b']', Next::ValueOrEnd, depth_max),
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'n') => self.word(b"null")?,
            _ => return Err(Fault::Expected("a value")),
        }
        Ok(Next::CommaOrEnd)
    }

    fn open(&mut self, closing: u8, next: Next, depth_max: usize) -> Result<Next, Fault> {
        if self.open.len() >= depth_max {
            return Err(Fault::TooDeep(depth_max));
        }
        self.open.push(closing);
        self.depth = self.depth.max(self.open.len());
        self.at += 1;
        Ok(next)
    }

    fn close(&mut self) -> Result<Next, Fault> {
        self.open.pop();
        self.at += 1;
        Ok(Next::CommaOrEnd)
    }

    fn comma_or_end(&mut self) -> Result<Next, Fault> {
        let closing = self.open.last().copied();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(if closing == Some(b'}') { Next::Name } else { Next::Value })
            }
            found if found == closing => self.close(),
            _ if closing == Some(b'}') => Err(Fault::Expected("a comma or `}`")),
            _ => Err(Fault::Expected("a comma or `]`")),
        }
    }

    fn name(&mut self) -> Result<Next, Fault> {
        if self.peek() != Some(b'"') {
            return Err(Fault::Expected("a member name in double quotes"));
        }
        self.string()?;
        self.at = skip_white(self.bytes, self.at);
        if self.peek() != Some(b':') {
            return Err(Fault::Expected("a colon"));
        }
        self.at += 1;
        Ok(Next::Value)
    }

    /// RFC 8259 section 7. UTF-8 has been checked before.
    fn string(&mut self) -> Result<(), Fault> {
        self.at += 1;
        loop {
            self.at = swar::end_of_plain(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(Fault::Expected("the rest of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(Fault::Expected("four hexadecimal digits"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(Fault::Expected("an escape that JSON knows")),
        }
        Ok(())
    }

    /// RFC 8259 section 6.
    fn number(&mut self) -> Result<(), Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        if length == 0 { Err(Fault::Expected("a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(Fault::Expected("true, false, null, a number or a double quote"));
        }
        self.at += word.len();
        Ok(())
    }
}
