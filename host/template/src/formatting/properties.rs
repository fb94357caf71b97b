//! Formatting as the properties of a setting.

use tureen_message::Problem;

use super::{Encoding, PADDING_MAX, Step, TRUNCATION_MAX, parse_length};
use crate::letter_case::LetterCase;
use crate::pattern::Pattern;

/// The texts of the properties that are about formatting.
#[derive(Default)]
struct Texts<'a> {
    format: &'a str,
    text_format: &'a str,
    truncation: &'a str,
    truncation_length: &'a str,
    remove: &'a str,
    replace: &'a str,
    replace_with: &'a str,
    lookup: &'a str,
    padding_length: &'a str,
    encoding: &'a str,
}

pub(super) fn steps<'a>(
    properties: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Step>, Problem> {
    let mut texts = Texts::default();
    for (name, text) in properties {
        if let Some(slot) = texts.slot(name) {
            *slot = text;
        }
    }
    texts.steps()
}

impl<'a> Texts<'a> {
    fn slot(&mut self, name: &str) -> Option<&mut &'a str> {
        Some(match name.to_ascii_lowercase().as_str() {
            "format" => &mut self.format,
            "textformat" => &mut self.text_format,
            "truncation" => &mut self.truncation,
            "truncationlength" => &mut self.truncation_length,
            "remove" => &mut self.remove,
            "replace" => &mut self.replace,
            "replacewith" => &mut self.replace_with,
            "lookup" => &mut self.lookup,
            "paddinglength" => &mut self.padding_length,
            "encoding" => &mut self.encoding,
            _ => return None,
        })
    }

    fn steps(&self) -> Result<Vec<Step>, Problem> {
        let mut steps = Vec::new();
        if !self.format.is_empty() {
            let pattern = Pattern::compile(self.format).map_err(|problem| problem.at("Format"))?;
            steps.push(Step::Pattern(pattern));
        }
        steps.extend(named("TextFormat", self.text_format, &CASES)?.map(Step::Case));
        steps.extend(self.truncation()?);
        if !self.remove.is_empty() {
            steps.push(Step::Remove(self.remove.to_owned()));
        }
        if !self.replace.is_empty() {
            let (old, new) = (self.replace.to_owned(), self.replace_with.to_owned());
            steps.push(Step::Replace { old, new });
        }
        if !self.lookup.is_empty() {
            steps.push(Step::Lookup(self.lookup.to_owned()));
        }
        let padding = length("PaddingLength", self.padding_length, PADDING_MAX)?;
        if padding > 0 {
            steps.push(Step::Pad(padding));
        }
        steps.extend(named("Encoding", self.encoding, &Encoding::NAMES)?.map(Step::Encode));
        Ok(steps)
    }

    fn truncation(&self) -> Result<Option<Step>, Problem> {
        match named("Truncation", self.truncation, &TRUNCATIONS)? {
            Some(true) => Ok(Some(Step::Trim)),
            Some(false) => {
                let characters =
                    length("TruncationLength", self.truncation_length, TRUNCATION_MAX)?;
                Ok(Some(Step::Truncate(characters)))
            }
            None => Ok(None),
        }
    }
}

pub(super) fn names(property: &str) -> Vec<&'static str> {
    fn of<T>(names: &[(&'static str, T)]) -> Vec<&'static str> {
        names.iter().map(|(name, _)| *name).collect()
    }
    match property {
        "TextFormat" => of(&CASES),
        "Truncation" => of(&TRUNCATIONS),
        "Encoding" => of(&Encoding::NAMES),
        _ => Vec::new(),
    }
}

/// The values of `Truncation`: whether blanks at the ends are cut.
const TRUNCATIONS: [(&str, bool); 2] = [("Truncate", false), ("Trim", true)];

/// The values of `TextFormat`.
pub(super) const CASES: [(&str, LetterCase); 4] = [
    ("LowerCase", LetterCase::Lower),
    ("UpperCase", LetterCase::Upper),
    ("TitleCase", LetterCase::Title),
    ("McNameCase", LetterCase::McName),
];

/// The value of an enumeration's name; `None` for 0, `None` and no text.
fn named<T: Copy>(field: &str, text: &str, names: &[(&str, T)]) -> Result<Option<T>, Problem> {
    let text = text.trim();
    if text.is_empty() || text == "0" || text.eq_ignore_ascii_case("None") {
        return Ok(None);
    }
    if let Some((_, value)) = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Ok(Some(*value));
    }
    let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let reason = if text.parse::<i64>().is_ok() {
        "the meaning of its numbers other than 0 is not published, so write a name"
    } else {
        "it has a name that is not known"
    };
    let known = known.join(", ");
    let text = format!("{field} is `{text}`: {reason}; known are None, {known}");
    Err(Problem::new("formatting.property", text).at(field))
}

/// A length in characters; 0 for no text.
fn length(field: &str, text: &str, max: usize) -> Result<usize, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(0);
    }
    parse_length(text, max).ok_or_else(|| {
        let text = format!("{field} is `{text}`: expected a number of characters from 0 to {max}");
        Problem::new("formatting.property", text).at(field)
    })
}
