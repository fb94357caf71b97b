//! The value of a Content-Type field (RFC 9110 section 8.3).
//!
//! Stage: head of a request → **media type** → is it taken, and how is its body
//! decoded. Deliberately does not know: messages, other header fields.
//!
//! # Invariants
//! - Type, subtype and charset are in lower case, so they compare as bytes.
//! - Nothing longer than [`MEDIA_TYPE_BYTES_MAX`] is looked at.

use std::fmt;

use crate::Problem;

/// Bytes of one Content-Type value. The longest that are used in the field,
/// with a boundary of 70 characters, are below 200.
pub const MEDIA_TYPE_BYTES_MAX: usize = 1_024;

/// Parameters of one Content-Type value.
pub const PARAMETERS_MAX: usize = 16;

/// What a Content-Type value says: `text/xml; charset="utf-8"`.
///
/// `Display` writes type and subtype, and the charset where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MediaType {
    main: String,
    subtype: String,
    charset: Option<String>,
}

impl MediaType {
    /// Reads a Content-Type value. A parameter other than `charset` is checked
    /// and dropped; of several charsets the first counts, and an empty one is
    /// none. A semicolon too many is tolerated, as RFC 9110 asks.
    ///
    /// # Errors
    /// `content-type.syntax` with the byte offset; `limit.content-type` for
    /// more than [`MEDIA_TYPE_BYTES_MAX`] bytes or [`PARAMETERS_MAX`]
    /// parameters. The sender is at fault.
    pub fn parse(value: &[u8]) -> Result<Self, Problem> {
        if value.len() > MEDIA_TYPE_BYTES_MAX {
            return Err(Problem::new(
                "limit.content-type",
                format!(
                    "the Content-Type has {} bytes, at most {MEDIA_TYPE_BYTES_MAX} are read",
                    value.len()
                ),
            ));
        }
        let mut reader = Reader { value, at: 0 };
        reader.skip_white();
        let main = reader.token("a media type")?;
        reader.expect(b'/', "a slash after the type")?;
        let subtype = reader.token("a subtype after the slash")?;
        let charset = reader.parameters()?;
        Ok(Self { main, subtype, charset })
    }

    /// The type before the slash, in lower case: `text`.
    pub fn main(&self) -> &str {
        &self.main
    }

    /// The subtype after the slash, in lower case: `xml`, `hl7-v2+er7`.
    pub fn subtype(&self) -> &str {
        &self.subtype
    }

    /// The charset parameter without its quotes, in lower case.
    pub fn charset(&self) -> Option<&str> {
        self.charset.as_deref()
    }

    /// Whether the body is made of parts (RFC 2046 section 5.1).
    pub fn is_multipart(&self) -> bool {
        self.main == "multipart"
    }

    /// Whether it is one of the types of HL7 v2 messages in their own encoding
    /// (ER7): those of the HL7-over-HTTP drafts, and the older ones that
    /// engines send. The XML encoding of HL7 v2 is not among them.
    pub fn is_hl7(&self) -> bool {
        let subtype = self.subtype.strip_suffix("+er7").unwrap_or(&self.subtype);
        match self.main.as_str() {
            "application" | "x-application" => {
                matches!(subtype, "hl7-v2" | "x-hl7-v2" | "edi-hl7" | "edi-hl7v2" | "x-hl7")
            }
            "text" => matches!(subtype, "hl7" | "x-hl7" | "hl7-v2" | "x-hl7-v2"),
            _ => false,
        }
    }

    /// `application/xml`, `text/xml` and every `+xml` (RFC 7303).
    pub fn is_xml(&self) -> bool {
        self.has_syntax("xml")
    }

    /// `application/json`, `text/json` and every `+json` (RFC 8259, RFC 6839).
    pub fn is_json(&self) -> bool {
        self.has_syntax("json")
    }

    fn has_syntax(&self, name: &str) -> bool {
        let plain = matches!(self.main.as_str(), "application" | "text") && self.subtype == name;
        let suffix = self.subtype.rsplit_once('+').map(|(_, suffix)| suffix);
        plain || suffix == Some(name)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.main, self.subtype)?;
        match &self.charset {
            Some(charset) if charset.bytes().all(is_token) => {
                write!(formatter, "; charset={charset}")
            }
            Some(charset) => {
                let escaped = charset.replace('\\', "\\\\").replace('"', "\\\"");
                write!(formatter, "; charset=\"{escaped}\"")
            }
            None => Ok(()),
        }
    }
}

struct Reader<'a> {
    value: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// `*( OWS ";" OWS [ name "=" ( token / quoted-string ) ] )` up to the end;
    /// answers the charset.
    fn parameters(&mut self) -> Result<Option<String>, Problem> {
        let mut charset = None;
        let mut count = 0;
        loop {
            self.skip_white();
            if self.peek().is_none() {
                return Ok(charset.filter(|name: &String| !name.is_empty()));
            }
            self.expect(b';', "a semicolon before the next parameter")?;
            self.skip_white();
            if matches!(self.peek(), None | Some(b';')) {
                continue;
            }
            count += 1;
            if count > PARAMETERS_MAX {
                return Err(Problem::new(
                    "limit.content-type",
                    format!("the Content-Type has more than {PARAMETERS_MAX} parameters"),
                ));
            }
            let name = self.token("the name of a parameter")?;
            self.expect(b'=', "an equals sign after the name of a parameter")?;
            let value = match self.peek() {
                Some(b'"') => self.quoted()?,
                _ => self.token("the value of a parameter")?,
            };
            if name == "charset" {
                charset = charset.or(Some(value));
            }
        }
    }

    /// `1*tchar` in lower case (RFC 9110 section 5.6.2).
    fn token(&mut self, what: &str) -> Result<String, Problem> {
        let rest = self.value.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_token(**byte)).count();
        if length == 0 {
            return Err(self.expected(what));
        }
        self.at += length;
        let token = rest.get(..length).unwrap_or_default();
        Ok(token.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect())
    }

    /// The text of a quoted string in lower case (RFC 9110 section 5.6.4).
    /// Bytes outside ASCII are obsolete there; no charset has them in its name.
    fn quoted(&mut self) -> Result<String, Problem> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let byte = match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.peek()
                }
                byte => byte,
            };
            match byte {
                Some(byte @ (b'\t' | b' '..=b'~')) => {
                    text.push(char::from(byte.to_ascii_lowercase()));
                }
                _ => return Err(self.expected("the rest of a quoted value")),
            }
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), Problem> {
        if self.peek() != Some(byte) {
            return Err(self.expected(what));
        }
        self.at += 1;
        Ok(())
    }

    fn skip_white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.value.get(self.at).copied()
    }

    fn expected(&self, what: &str) -> Problem {
        let found = match self.peek() {
            None => "its end",
            Some(b' ' | b'\t') => "white space",
            Some(0..=0x1F | 0x7F) => "a control character",
            Some(0x80..) => "a byte outside ASCII",
            Some(byte) if byte.is_ascii_alphanumeric() => "a letter or digit",
            Some(_) => "a punctuation mark",
        };
        Problem::new("content-type.syntax", format!("Content-Type: expected {what}, found {found}"))
            .at(format!("byte {}", self.at + 1))
            .at_offset(self.at)
    }
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
