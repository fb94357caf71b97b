//! Values in XML: as text where text may stand, as a name where only names may.

use std::borrow::Cow;

use tureen_message::Problem;

use super::problem;
use crate::formatting::Encoding;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum XmlPlace {
    #[default]
    Content,
    /// Between `<` and `>`, outside attribute values: names.
    Tag,
    /// An attribute's value, between these quotation marks.
    Attribute(char),
    Comment,
    CharacterData,
    /// `<?…?>` and `<!…>`.
    Declaration,
}

impl XmlPlace {
    pub(super) fn step_over(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (next, behind) = self.step(rest);
            (*self, rest) = (next, behind);
        }
    }

    /// The next place, and the text from there on.
    fn step(self, rest: &str) -> (Self, &str) {
        let after = |end: &str, then: Self| match rest.split_once(end) {
            Some((_, behind)) => (then, behind),
            None => (self, ""),
        };
        match self {
            Self::Content => {
                let Some((_, markup)) = rest.split_once('<') else { return (self, "") };
                [("!--", Self::Comment), ("![CDATA[", Self::CharacterData)]
                    .into_iter()
                    .chain([("?", Self::Declaration), ("!", Self::Declaration)])
                    .find_map(|(start, then)| Some((then, markup.strip_prefix(start)?)))
                    .unwrap_or((Self::Tag, markup))
            }
            Self::Tag => match rest.split_once(['>', '"', '\'']) {
                Some((before, behind)) => match rest.get(before.len()..).and_then(first) {
                    Some(quote @ ('"' | '\'')) => (Self::Attribute(quote), behind),
                    _ => (Self::Content, behind),
                },
                None => (self, ""),
            },
            Self::Attribute(quote) => match rest.split_once(quote) {
                Some((_, behind)) => (Self::Tag, behind),
                None => (self, ""),
            },
            Self::Comment => after("-->", Self::Content),
            Self::CharacterData => after("]]>", Self::Content),
            Self::Declaration => after(">", Self::Content),
        }
    }

    pub(super) fn write<'v>(&self, value: &'v str) -> Result<Cow<'v, str>, Problem> {
        match self {
            Self::Content => Encoding::XmlEncode.apply(value),
            Self::Attribute(_) => Ok(attribute(Encoding::XmlEncode.apply(value)?)),
            Self::CharacterData => Ok(character_data(value)),
            // What a comment says is for people; two hyphens would end it.
            Self::Comment => Ok(Cow::Owned(value.replace('-', "_"))),
            Self::Tag | Self::Declaration => {
                let is_name =
                    |it: char| it.is_alphanumeric() || matches!(it, '_' | '-' | '.' | ':');
                if value.chars().all(is_name) {
                    return Ok(Cow::Borrowed(value));
                }
                Err(problem(format!(
                    "inside a tag a name is expected, found {} characters that are none",
                    value.chars().count()
                )))
            }
        }
    }
}

fn first(text: &str) -> Option<char> {
    text.chars().next()
}

/// In attributes line ends and tabs read as blanks (XML 1.0, 3.3.3), but not as
/// references.
fn attribute(encoded: Cow<'_, str>) -> Cow<'_, str> {
    match encoded.contains(['\n', '\t']) {
        true => Cow::Owned(encoded.replace('\n', "&#10;").replace('\t', "&#9;")),
        false => encoded,
    }
}

/// The section ends and begins again behind every `]`, and before a `>` at the
/// start, so that no `]]>` comes about, not even with what stands around it.
fn character_data(value: &str) -> Cow<'_, str> {
    const AGAIN: &str = "]]><![CDATA[";
    let (start, rest) = match value.strip_prefix('>') {
        Some(rest) => ("]]>&gt;<![CDATA[", rest),
        None => ("", value),
    };
    if start.is_empty() && !rest.contains(']') {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("{start}{}", rest.replace(']', &format!("]{AGAIN}"))))
}
