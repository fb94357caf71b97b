//! Whether a text is a well-formed XML document without a document type.
//!
//! Knows: XML 1.0 (fifth edition) and Namespaces in XML 1.0, as far as they
//! concern documents without a DTD. Deliberately does not know: trees, paths,
//! schemas, which character set the declaration names: the text is decoded.
//!
//! # Invariants
//! - One pass, no recursion; nothing is fetched, no entity is ever expanded.
//! - Depth, attributes of an element and namespaces in scope are bounded by
//!   [`Limits`] before memory is spent on them.
//! - A problem tells the place and the kind of character, never content.

use memchr::{memchr, memmem};

use super::name;
use super::namespaces::Namespaces;
use super::scan::{Span, is_white, skip};
use crate::json::{position, shape};
use crate::{Limits, Problem};

/// Whether prefixes must be declared in the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefixes {
    Declared,
    /// The text is a part of a document that may declare them.
    FromOutside,
}

/// Checks a whole document, and answers how deep its elements are nested.
///
/// # Errors
/// `xml.syntax`, `xml.character`, `xml.doctype`, `xml.entity`, `xml.namespace`,
/// `limit.depth`, `limit.attributes`, `limit.namespaces`, each with its place.
pub(super) fn document(text: &str, prefixes: Prefixes, limits: &Limits) -> Result<usize, Problem> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        open: Vec::new(),
        depth: 0,
        attributes: Vec::new(),
        namespaces: Namespaces::new(prefixes == Prefixes::FromOutside, limits.namespaces),
        limits,
    };
    reader.document().map_err(|fault| fault.problem(reader.bytes))?;
    Ok(reader.depth)
}

/// Whether elements may be put into so many others for sure: they declare and
/// need no prefix, and no limit is near. What cannot be told so is checked with
/// the document.
pub(super) fn elements(text: &str, depth: usize, limits: &Limits) -> bool {
    let inner = Limits { depth: limits.depth.saturating_sub(depth), ..limits.clone() };
    let has_namespaces = text.contains(':') || text.contains("xmlns");
    !has_namespaces && document(text, Prefixes::Declared, &inner).is_ok()
}

/// The five entities that need no declaration (XML 1.0 section 4.6).
pub(super) fn predefined(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}

/// The character of a reference without `&` and `;`: `lt`, `#13`, `#xD`.
pub(super) fn referenced(reference: &str) -> Option<char> {
    let Some(number) = reference.strip_prefix('#') else { return predefined(reference) };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).ok()?;
    char::from_u32(code).filter(|found| name::is_character(*found))
}

/// What is wrong, and where.
struct Fault {
    code: &'static str,
    text: String,
    at: usize,
}

impl Fault {
    fn problem(self, bytes: &[u8]) -> Problem {
        Problem::new(self.code, self.text).at(position(bytes, self.at)).at_offset(self.at)
    }
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The names of the open elements.
    open: Vec<&'a str>,
    /// The most that were open at once.
    depth: usize,
    /// Name and value of each attribute of the current start tag.
    attributes: Vec<(&'a str, &'a str)>,
    namespaces: Namespaces<'a>,
    limits: &'a Limits,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<(), Fault> {
        self.characters()?;
        self.eat("\u{FEFF}");
        if self.looking_at("<?xml") && self.bytes.get(self.at + 5).copied().is_some_and(is_white) {
            self.declaration()?;
        }
        let mut has_root = false;
        loop {
            let is_inside = !self.open.is_empty();
            if self.at >= self.bytes.len() {
                return match (is_inside, has_root) {
                    (true, _) => Err(self.expected("the end tag of the innermost open element")),
                    (false, false) => Err(self.expected("the root element")),
                    (false, true) => Ok(()),
                };
            }
            if self.eat("<!--") {
                self.comment()?;
            } else if self.eat("<?") {
                self.instruction()?;
            } else if self.looking_at("<!") {
                self.section(is_inside)?;
            } else if is_inside && self.eat("</") {
                self.end_tag()?;
            } else if self.looking_at("<") && (is_inside || !has_root) {
                self.at += 1;
                self.start_tag()?;
                has_root = true;
            } else if is_inside {
                self.character_data()?;
            } else {
                self.at = skip(self.bytes, self.at, is_white);
                if self.at < self.bytes.len() && !self.looking_at("<") {
                    return Err(self.expected("a tag; text stands inside the root element alone"));
                }
                if has_root && self.looking_at("<") && !self.looks_like_misc() {
                    return Err(self.expected("nothing but comments after the root element"));
                }
            }
        }
    }

    fn looks_like_misc(&self) -> bool {
        self.looking_at("<!") || self.looking_at("<?")
    }

    /// Refuses what XML cannot hold at all (section 2.2).
    fn characters(&mut self) -> Result<(), Fault> {
        let is_control = |byte: u8| byte < 0x20 && !is_white(byte);
        let control = self.bytes.iter().position(|byte| is_control(*byte));
        let non_character = ["\u{FFFE}", "\u{FFFF}"]
            .iter()
            .filter_map(|found| memmem::find(self.bytes, found.as_bytes()))
            .min();
        match [control, non_character].into_iter().flatten().min() {
            None => Ok(()),
            Some(at) => Err(Fault {
                code: "xml.character",
                text: "XML cannot hold this control character, not even escaped".to_owned(),
                at,
            }),
        }
    }

    /// `<?xml version="1.0" encoding="…" standalone="…"?>` (section 2.8).
    fn declaration(&mut self) -> Result<(), Fault> {
        self.at += "<?xml".len();
        let mut expected = ["version", "encoding", "standalone"].iter();
        let mut has_version = false;
        loop {
            let white = skip(self.bytes, self.at, is_white);
            let is_separated = white > self.at;
            self.at = white;
            if self.eat("?>") {
                let version = "the version in the XML declaration";
                return if has_version { Ok(()) } else { Err(self.expected(version)) };
            }
            let start = self.at;
            let length = name::length(self.rest());
            let found = self.text.get(start..start + length).unwrap_or_default();
            if !is_separated || !expected.any(|name| *name == found) {
                return Err(self.expected("version, encoding, standalone or `?>`"));
            }
            self.at += length;
            let value = self.quoted()?.of(self.text);
            let is_right = match found {
                "version" => value.strip_prefix("1.").is_some_and(is_digits),
                "encoding" => is_encoding_name(value),
                _ => matches!(value, "yes" | "no"),
            };
            if !is_right || (found != "version" && !has_version) {
                self.at = start;
                return Err(self.expected("a right value in the XML declaration"));
            }
            has_version = true;
        }
    }

    fn comment(&mut self) -> Result<(), Fault> {
        self.skip_behind("--", "the end `-->` of a comment")?;
        if self.eat(">") { Ok(()) } else { Err(self.expected("no `--` inside a comment")) }
    }

    fn instruction(&mut self) -> Result<(), Fault> {
        let length = name::length(self.rest());
        let target = self.text.get(self.at..self.at + length).unwrap_or_default();
        if length == 0 || target.contains(':') || target.eq_ignore_ascii_case("xml") {
            return Err(self.expected("the target of a processing instruction, not `xml`"));
        }
        self.at += length;
        if !self.looking_at("?>") && !self.bytes.get(self.at).copied().is_some_and(is_white) {
            return Err(self.expected("white space after the target of an instruction"));
        }
        self.skip_behind("?>", "the end `?>` of a processing instruction")
    }

    /// What begins with `<!` and is no comment.
    fn section(&mut self, is_inside: bool) -> Result<(), Fault> {
        if is_inside && self.eat("<![CDATA[") {
            return self.skip_behind("]]>", "the end `]]>` of a CDATA section");
        }
        let word = self.bytes.get(self.at + 2..self.at + 9).unwrap_or_default();
        if word.eq_ignore_ascii_case(b"DOCTYPE") {
            return Err(Fault {
                code: "xml.doctype",
                text: "a document type (DOCTYPE) is refused: send the document without it"
                    .to_owned(),
                at: self.at,
            });
        }
        self.at += 2;
        Err(self.expected("a comment, or a CDATA section inside an element"))
    }

    fn start_tag(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let element = self.name("the name of an element")?;
        if self.open.len() >= self.limits.depth {
            let depth = self.limits.depth;
            let text =
                format!("XML is nested more than {depth} deep: flatten it or raise the limit");
            return Err(Fault { code: "limit.depth", text, at: start });
        }
        self.depth = self.depth.max(self.open.len() + 1);
        self.attributes.clear();
        let is_empty = loop {
            let white = skip(self.bytes, self.at, is_white);
            let is_separated = white > self.at;
            self.at = white;
            if self.eat(">") {
                break false;
            }
            if self.eat("/>") {
                break true;
            }
            if !is_separated {
                return Err(self.expected("white space, `>` or `/>` in a start tag"));
            }
            self.attribute()?;
        };
        self.namespaces
            .enter(element, &self.attributes, self.open.len())
            .map_err(|(code, text)| Fault { code, text, at: start })?;
        if is_empty {
            self.namespaces.leave(self.open.len());
        } else {
            self.open.push(element);
        }
        Ok(())
    }

    fn attribute(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let attribute = self.name("an attribute, `>` or `/>`")?;
        if self.attributes.len() >= self.limits.attributes {
            let most = self.limits.attributes;
            let text = format!("an element has more than {most} attributes");
            return Err(Fault { code: "limit.attributes", text, at: start });
        }
        let value = self.quoted()?;
        if let Some(found) = memchr(b'<', value.of(self.text).as_bytes()) {
            self.at = value.start + found;
            return Err(self.expected("no `<` in the value of an attribute"));
        }
        self.references(value)?;
        self.attributes.push((attribute, value.of(self.text)));
        Ok(())
    }

    /// `= "value"`, answering what stands between the quotes.
    fn quoted(&mut self) -> Result<Span, Fault> {
        self.at = skip(self.bytes, self.at, is_white);
        if !self.eat("=") {
            return Err(self.expected("an equals sign"));
        }
        self.at = skip(self.bytes, self.at, is_white);
        let Some(quote @ (b'"' | b'\'')) = self.bytes.get(self.at).copied() else {
            return Err(self.expected("a value in quotes"));
        };
        let start = self.at + 1;
        let Some(length) = self.bytes.get(start..).and_then(|rest| memchr(quote, rest)) else {
            self.at = self.bytes.len();
            return Err(self.expected("the closing quote of a value"));
        };
        self.at = start + length + 1;
        Ok(Span { start, end: start + length })
    }

    fn end_tag(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let found = self.name("the name of an element")?;
        if self.open.pop() != Some(found) {
            self.at = start;
            return Err(self.expected("the end tag of the innermost open element"));
        }
        self.namespaces.leave(self.open.len());
        self.at = skip(self.bytes, self.at, is_white);
        if self.eat(">") { Ok(()) } else { Err(self.expected("`>` after the name in an end tag")) }
    }

    fn character_data(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let length = memchr(b'<', rest).unwrap_or(rest.len());
        let data = rest.get(..length).unwrap_or_default();
        if let Some(found) = memmem::find(data, b"]]>") {
            self.at += found;
            return Err(self.expected("no `]]>` in text"));
        }
        self.at += length;
        self.references(Span { start, end: start + length })
    }

    fn references(&self, span: Span) -> Result<(), Fault> {
        let mut rest = span.of(self.text);
        while let Some((before, behind)) = rest.split_once('&') {
            let at = span.end - rest.len() + before.len();
            let known = behind
                .split_once(';')
                .filter(|(reference, _)| referenced(reference).is_some())
                .ok_or_else(|| Fault {
                    code: "xml.entity",
                    text: "expected &lt; &gt; &amp; &apos; &quot; or the number of a character; \
                           there are no other entities without a document type"
                        .to_owned(),
                    at,
                })?;
            rest = known.1;
        }
        Ok(())
    }

    /// A qualified name (Namespaces in XML section 4).
    fn name(&mut self, what: &str) -> Result<&'a str, Fault> {
        let length = name::length(self.rest());
        if length == 0 {
            return Err(self.expected(what));
        }
        let found = self.text.get(self.at..self.at + length).unwrap_or_default();
        if !name::is_qualified(found) {
            return Err(Fault {
                code: "xml.namespace",
                text: "expected a name with at most one colon, and not at its start or end"
                    .to_owned(),
                at: self.at,
            });
        }
        self.at += length;
        Ok(found)
    }

    fn skip_behind(&mut self, end: &str, what: &str) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match memmem::find(rest, end.as_bytes()) {
            Some(offset) => {
                self.at += offset + end.len();
                Ok(())
            }
            None => {
                self.at = self.bytes.len();
                Err(self.expected(what))
            }
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn looking_at(&self, token: &str) -> bool {
        self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(token.as_bytes()))
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.looking_at(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expected(&self, what: &str) -> Fault {
        let found = shape(self.bytes.get(self.at));
        let text = format!("not XML: expected {what}, found {found}");
        Fault { code: "xml.syntax", text, at: self.at }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `EncName` (XML 1.0 section 4.3.3).
fn is_encoding_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
