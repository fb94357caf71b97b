//! Where the tags and the text of an XML document stand.
//!
//! Knows: the extent of markup. Deliberately does not know: paths, edits, and
//! whether the document is well-formed: `validate` has seen it before.
//!
//! # Invariants
//! - Every function only moves forward and stops at the end of the text, so a
//!   text that is not well-formed would be misread, never a panic or a loop.

use memchr::memmem;
use memchr::{memchr, memchr3};

/// A piece of a document, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// The start tag of an element, or its only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// Of the `<`.
    pub(super) start: usize,
    pub(super) name: Span,
    /// Behind the `>`.
    pub(super) end: usize,
    /// `<name/>`.
    pub(super) is_empty: bool,
}

/// An attribute of a start tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// Of the white space before it.
    pub(super) lead: usize,
    pub(super) name: Span,
    /// Without the quotes.
    pub(super) value: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Open(Tag),
    /// An end tag.
    Close(Span),
    Text(Span),
    /// What stands in a CDATA section.
    Characters(Span),
    /// A comment, a processing instruction, the XML declaration.
    Other(Span),
}

/// Where an element ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Between the tags.
    pub(super) content: Span,
    /// Behind the element.
    pub(super) end: usize,
}

/// The tokens of a document from a place between two of them.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    fn until(&mut self, from: usize, end: &str) -> usize {
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        let found = memmem::find(rest, end.as_bytes());
        self.at = found.map_or(self.text.len(), |offset| from + offset + end.len());
        found.map_or(self.text.len(), |offset| from + offset)
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let rest = bytes.get(start..)?;
        match *rest {
            [] => None,
            [b'<', b'/', ..] => {
                self.until(start, ">");
                Some(Token::Close(Span { start, end: self.at }))
            }
            [b'<', b'?', ..] => {
                self.until(start, "?>");
                Some(Token::Other(Span { start, end: self.at }))
            }
            [b'<', b'!', b'[', ..] => {
                let inner = start + "<![CDATA[".len();
                let end = self.until(inner, "]]>");
                Some(Token::Characters(Span { start: inner, end }))
            }
            [b'<', b'!', ..] => {
                self.until(start + "<!--".len(), "-->");
                Some(Token::Other(Span { start, end: self.at }))
            }
            [b'<', ..] => {
                let tag = Tag::at(self.text, start);
                self.at = tag.end;
                Some(Token::Open(tag))
            }
            _ => {
                self.at = memchr(b'<', rest).map_or(bytes.len(), |length| start + length);
                Some(Token::Text(Span { start, end: self.at }))
            }
        }
    }
}

/// Whether the markup that begins at `start` ends at `end` and is no text.
pub(super) fn ends_markup(text: &str, start: usize, end: usize) -> bool {
    let mut tokens = Tokens::of(text, start);
    let is_text = matches!(tokens.next(), None | Some(Token::Text(_) | Token::Characters(_)));
    !is_text && tokens.at == end
}

impl Tag {
    /// The tag whose `<` stands at `start`.
    pub(super) fn at(text: &str, start: usize) -> Self {
        let bytes = text.as_bytes();
        let name_end =
            skip(bytes, start + 1, |byte| !is_white(byte) && byte != b'/' && byte != b'>');
        let mut at = name_end;
        let end = loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(found) = memchr3(b'>', b'"', b'\'', rest) else { break bytes.len() };
            at += found + 1;
            match rest.get(found) {
                Some(b'>') | None => break at,
                Some(quote) => {
                    let value = bytes.get(at..).unwrap_or_default();
                    at += memchr(*quote, value).map_or(value.len(), |length| length + 1);
                }
            }
        };
        let before = end.checked_sub(2).and_then(|before| bytes.get(before));
        let is_empty = before == Some(&b'/');
        Self { start, name: Span { start: start + 1, end: name_end }, end, is_empty }
    }

    /// Behind the last attribute, or behind the name where there is none.
    pub(super) fn inner_end(&self, text: &str) -> usize {
        self.attributes(text).last().map_or(self.name.end, |last| last.value.end + 1)
    }

    pub(super) fn attributes<'a>(&self, text: &'a str) -> Attributes<'a> {
        Attributes { bytes: text.as_bytes(), at: self.name.end, end: self.end }
    }

    /// Where the element ends; passes over its content.
    pub(super) fn extent(&self, text: &str) -> Extent {
        if self.is_empty {
            return Extent { content: Span { start: self.end, end: self.end }, end: self.end };
        }
        let mut open = 1usize;
        for token in Tokens::of(text, self.end) {
            match token {
                Token::Open(tag) if !tag.is_empty => open += 1,
                Token::Close(tag) => {
                    open -= 1;
                    if open == 0 {
                        let content = Span { start: self.end, end: tag.start };
                        return Extent { content, end: tag.end };
                    }
                }
                Token::Open(_) | Token::Text(_) | Token::Characters(_) | Token::Other(_) => {}
            }
        }
        Extent { content: Span { start: self.end, end: text.len() }, end: text.len() }
    }
}

/// The attributes of one start tag, in order.
pub(super) struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl Iterator for Attributes<'_> {
    type Item = Attribute;

    fn next(&mut self) -> Option<Attribute> {
        let lead = self.at;
        let start = skip(self.bytes, lead, is_white);
        let name_end =
            skip(self.bytes, start, |byte| !is_white(byte) && !matches!(byte, b'=' | b'/' | b'>'));
        if name_end == start || name_end >= self.end {
            return None;
        }
        let quote_at = skip(self.bytes, name_end, |byte| is_white(byte) || byte == b'=');
        let quote = *self.bytes.get(quote_at)?;
        let value = self.bytes.get(quote_at + 1..).unwrap_or_default();
        let value_end = quote_at + 1 + memchr(quote, value).unwrap_or(value.len());
        self.at = value_end + 1;
        Some(Attribute {
            lead,
            name: Span { start, end: name_end },
            value: Span { start: quote_at + 1, end: value_end },
        })
    }
}

/// The first place from `at` whose byte is not wanted.
pub(super) fn skip(bytes: &[u8], at: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| wanted(**byte)).count()
}

/// White space of XML (section 2.3).
pub(super) fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
