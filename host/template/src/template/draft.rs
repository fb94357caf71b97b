//! A message that is being built: text with tokens for what comes last.
//!
//! Stage: template and other messages → **draft** → parse, transformers →
//! finished text. Knows: tokens, and strings of JSON just enough to tell what is
//! outside them. Deliberately does not know: what the transformers do.
//!
//! # Invariants
//! - A token holds 122 random bits that are new in every draft. No message,
//!   variable or earlier draft can hold one, so finishing inserts values only
//!   where the author put a placeholder, or a transformer moved it.
//! - A token is digits and underscores: it is no syntax in any format and
//!   changing letter case does not touch it.
//! - The same placeholder has the same token in every name of a tag, so that the tags of
//!   an XML element whose name is inserted belong together when the text is parsed.
//! - Finishing takes one pass. What it inserts is not scanned for placeholders.
//! - A placeholder has one value, wherever its token went: what a variable was told that
//!   the message holds is what the message holds.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use tureen_message::Problem;

use super::origins::Origins;
use super::place::{ByFormat, Written};
use super::tags::TagNames;
use super::{Compiled, Content, Field, Messages, Missing, Sources, format, push, spend};
use crate::formatting::{NoTables, Tables, Work};
use crate::variables::Variables;

/// Tokens with these numbers stand at both ends of a JSON string that was made
/// of a placeholder outside strings; fields count from [`FIRST_FIELD`].
const QUOTE_OPEN: usize = 0;
const QUOTE_CLOSE: usize = 1;
const FIRST_FIELD: usize = 2;

/// The first phase of a message (contract 3.2).
#[derive(Clone)]
pub struct Draft {
    /// The text to parse and transform, with tokens.
    pub text: String,
    compiled: Arc<Compiled>,
    /// How every token of this draft starts; `None` when there are none.
    token: Option<String>,
    /// The rules that values are written by; without, as they are.
    by: Option<ByFormat>,
    problem: Option<Problem>,
    origins: Origins,
    /// What the placeholders are worth, since they were first asked for.
    values: Vec<OnceLock<Box<str>>>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Draft of {} bytes", self.text.len())
    }
}

impl Draft {
    pub(super) fn begin(
        compiled: &Arc<Compiled>,
        json: bool,
        messages: &dyn Messages,
        on_missing: &mut dyn FnMut(Missing<'_>),
    ) -> Self {
        let later = compiled.fields.iter().any(Field::comes_last);
        let token = later.then(|| format!("_{:039}_", uuid::Uuid::new_v4().as_u128()));
        let mut writer = Writer {
            text: String::with_capacity(compiled.source.len() + compiled.fields.len() * 48),
            token: token.as_deref().unwrap_or_default(),
            strings: (json && later).then(Strings::default),
            tags: TagNames::default(),
            origins: Origins::default(),
            work: Work::default(),
        };
        let problem = writer.write(compiled, messages, on_missing).err();
        let Writer { text, origins, .. } = writer;
        let values = vec![OnceLock::new(); if later { compiled.fields.len() } else { 0 }];
        Self { text, compiled: Arc::clone(compiled), token, by: None, problem, origins, values }
    }

    /// Values are written by the rules of a format for the place where they end
    /// up (contract T-10). Placeholders with an encoder or `Raw`, messages of
    /// other steps and control characters such as `${CR}` stay as they are.
    #[must_use]
    pub fn writing(mut self, by: ByFormat) -> Self {
        self.by = Some(by);
        self
    }

    /// Whether the text holds tokens. If not, the transformed text is finished
    /// already, and [`Self::finish`] returns it as it is.
    pub fn has_tokens(&self) -> bool {
        self.token.is_some()
    }

    /// Why the text is incomplete: too large, or a message that could not be
    /// formatted. [`Self::finish`] returns the same.
    pub fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// A problem of parsing [`Self::text`], told where it is in the template as its
    /// author wrote it. In the message of another step it is where that is inserted.
    #[must_use]
    pub fn in_template(&self, mut problem: Problem) -> Problem {
        let Some(offset) = problem.offset else { return problem };
        let offset = self.origins.of(offset);
        problem.offset = Some(offset);
        if problem.place.as_ref().is_some_and(|place| place.starts_with("line ")) {
            let before = self.compiled.source.as_bytes().get(..offset).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let byte = before.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len) + 1;
            problem.place = Some(format!("line {line}, byte {byte}"));
        }
        problem
    }

    /// The last phase: replaces the tokens wherever the transformers left them.
    ///
    /// A token that a transformer copied into a variable which is inserted here
    /// is replaced as well, once.
    ///
    /// # Errors
    /// [`Self::problem`], and what [`crate::Template::render`] refuses.
    pub fn finish(
        &self,
        text: &str,
        variables: &Variables,
        messages: &dyn Messages,
        tables: &dyn Tables,
    ) -> Result<String, Problem> {
        self.finish_with(text, variables, messages, tables, &mut |_| {})
    }

    /// Like [`Self::finish`], telling what was missing.
    pub fn finish_with(
        &self,
        text: &str,
        variables: &Variables,
        messages: &dyn Messages,
        tables: &dyn Tables,
        on_missing: &mut dyn FnMut(Missing<'_>),
    ) -> Result<String, Problem> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let mut sources = Sources::new(variables, messages, tables, on_missing);
        let mut finished = match self.by {
            Some(by) if self.token.is_some() => Written::by_format(text.len(), by, text),
            _ => Written::as_is(text.len()),
        };
        self.replace(&mut finished, text, &mut sources, Depth::Message)?;
        finished.end()
    }

    /// Replaces tokens that transformers copied into workflow variables, so that
    /// none outlives the message. To be called before [`Self::finish`]; costs
    /// one search through the variables, and nothing without tokens.
    ///
    /// # Errors
    /// Those of [`Self::finish`]; a limit of the variables.
    pub fn settle_variables(
        &self,
        variables: &mut Variables,
        messages: &dyn Messages,
        tables: &dyn Tables,
    ) -> Result<(), Problem> {
        let Some(token) = &self.token else { return Ok(()) };
        let mut settled = Vec::new();
        let ignore = &mut |_: Missing<'_>| {};
        let mut sources = Sources::new(variables, messages, tables, ignore);
        for (name, value) in variables.iter().filter(|(_, value)| value.contains(token.as_str())) {
            let mut text = Written::as_is(value.len());
            self.replace(&mut text, value, &mut sources, Depth::Value)?;
            settled.push((name.to_owned(), text.end()?));
        }
        for (name, text) in settled {
            variables.set(&name, text)?;
        }
        Ok(())
    }

    fn replace<'s>(
        &'s self,
        finished: &mut Written,
        text: &str,
        sources: &mut Sources<'s>,
        depth: Depth,
    ) -> Result<(), Problem> {
        let Some(token) = &self.token else { return finished.authored(text) };
        let mut rest = text;
        let mut quoted = false;
        while let Some((plain, behind)) = rest.split_once(token.as_str()) {
            finished.authored(plain)?;
            rest = behind;
            // A transformer may have cut a token; what is left of it means nothing.
            let Some((number, behind)) = token_number(rest) else { continue };
            rest = behind;
            match number {
                QUOTE_OPEN if !quoted && opens_string(plain) && self.closes_string(rest) => {
                    quoted = true;
                    finished.unquote();
                }
                // Between the two ends there may be others, moved by a transformer.
                QUOTE_CLOSE if quoted && rest.starts_with('"') => {
                    quoted = false;
                    rest = rest.strip_prefix('"').unwrap_or(rest);
                }
                field => self.insert(finished, field, sources, depth)?,
            }
        }
        finished.authored(rest)
    }

    /// Whether the JSON string that holds `rest` ends with the closing token: it
    /// is then still the string that [`Self::begin`] made. Looks no further than
    /// the end of that string.
    fn closes_string(&self, rest: &str) -> bool {
        let string = rest.split_once('"').map(|(string, _)| string);
        let end = self.token.as_ref().map(|token| format!("{token}{QUOTE_CLOSE}_"));
        string.zip(end).is_some_and(|(string, end)| string.ends_with(&end))
    }

    fn insert<'s>(
        &'s self,
        finished: &mut Written,
        number: usize,
        sources: &mut Sources<'s>,
        depth: Depth,
    ) -> Result<(), Problem> {
        let number = number.checked_sub(FIRST_FIELD);
        let field = number.and_then(|number| self.compiled.fields.get(number));
        let kept = number.and_then(|number| self.values.get(number));
        let (Some(field), Some(kept)) = (field, kept) else { return Ok(()) };
        let deeper = match depth {
            Depth::Message => Depth::Value,
            Depth::Value => Depth::Dropped,
            Depth::Dropped => return Ok(()),
        };
        let mut value = Cow::Borrowed(match kept.get() {
            Some(value) => &**value,
            None => {
                let value = self.compiled.value(field, sources)?.into_owned();
                kept.get_or_init(|| value.into_boxed_str())
            }
        });
        let holds_token = self.token.as_ref().is_some_and(|token| value.contains(token.as_str()));
        if holds_token {
            let mut settled = Written::as_is(value.len());
            self.replace(&mut settled, &value, sources, deeper)?;
            value = settled.end()?.into();
        }
        let written = if field.is_raw() { finished.raw(&value) } else { finished.value(&value) };
        written.map_err(|problem| self.compiled.at(field, problem))
    }
}

/// Where a token was found: in the message, in the value of a variable that is
/// inserted there, or in a value inside that one, where it is dropped.
#[derive(Clone, Copy)]
enum Depth {
    Message,
    Value,
    Dropped,
}

/// The number of a token, whose beginning was taken off, and what follows it.
fn token_number(text: &str) -> Option<(usize, &str)> {
    let (number, behind) = text.split_once('_').filter(|(number, _)| number.len() < 10)?;
    Some((number.parse().ok()?, behind))
}

/// Whether the text ends with a quotation mark that is not escaped.
fn opens_string(text: &str) -> bool {
    text.strip_suffix('"').is_some_and(|before| !before.ends_with('\\'))
}

/// Writes the text of a draft.
struct Writer<'a> {
    text: String,
    token: &'a str,
    /// Only for JSON with tokens.
    strings: Option<Strings>,
    tags: TagNames,
    origins: Origins,
    work: Work,
}

/// Where in a JSON text the writer is.
#[derive(Default)]
struct Strings {
    inside: bool,
    escaped: bool,
    /// Where the bare word (number, `true`) began that is being written.
    word: Option<usize>,
    /// Whether the word became a string, because a placeholder is part of it.
    quoted: bool,
}

impl Writer<'_> {
    fn write(
        &mut self,
        compiled: &Compiled,
        messages: &dyn Messages,
        on_missing: &mut dyn FnMut(Missing<'_>),
    ) -> Result<(), Problem> {
        let mut end = 0;
        for (number, field) in compiled.fields.iter().enumerate() {
            self.copy(compiled.source.get(end..field.start).unwrap_or_default(), Some(end))?;
            end = field.end;
            self.origins.inserted(self.text.len(), field.start);
            match &field.content {
                Content::Message { setting, direction } => {
                    let message = messages.message_text(*setting, *direction);
                    if message.is_none() {
                        on_missing(Missing::Message(*setting, *direction));
                    }
                    let formatting = field.formatting.as_ref().map_err(Problem::clone)?;
                    let message = message.unwrap_or_default();
                    spend(&mut self.work, message.len())?;
                    let text = format(formatting, message, &NoTables, &mut self.work)?;
                    self.copy(&text, None)?;
                }
                _ => {
                    let placeholder = compiled.source.get(field.start..field.end);
                    let number = self.tags.shared(placeholder.unwrap_or_default(), number);
                    self.field(number + FIRST_FIELD)?;
                }
            }
        }
        self.copy(compiled.source.get(end..).unwrap_or_default(), Some(end))?;
        self.end_word()
    }

    /// Copies text, ending words that became strings. `source` is where the author wrote
    /// it in the template.
    fn copy(&mut self, more: &str, source: Option<usize>) -> Result<(), Problem> {
        self.comes_from(source);
        if self.strings.is_none() {
            self.tags.step_over(more);
            return push(&mut self.text, more);
        }
        let mut copied = 0;
        for (index, byte) in more.bytes().enumerate() {
            let Some(strings) = &mut self.strings else { break };
            if strings.inside || is_word(byte) {
                strings.step_in(byte, self.text.len() + index - copied);
                continue;
            }
            strings.inside = byte == b'"';
            if strings.quoted {
                push(&mut self.text, more.get(copied..index).unwrap_or_default())?;
                copied = index;
                self.end_word()?;
                self.comes_from(source.map(|source| source + index));
            } else {
                strings.word = None;
            }
        }
        push(&mut self.text, more.get(copied..).unwrap_or_default())
    }

    fn comes_from(&mut self, source: Option<usize>) {
        if let Some(source) = source {
            self.origins.authored(self.text.len(), source);
        }
    }

    /// Writes the token of a placeholder.
    fn field(&mut self, number: usize) -> Result<(), Problem> {
        let token = self.token;
        if let Some(strings) = &mut self.strings
            && !strings.inside
            && !strings.quoted
        {
            strings.quoted = true;
            let start = strings.word.unwrap_or(self.text.len());
            let opening = format!("\"{token}{QUOTE_OPEN}_");
            self.text.insert_str(start, &opening);
            self.origins.put_in(start, opening.len());
        }
        push(&mut self.text, &format!("{token}{number}_"))
    }

    fn end_word(&mut self) -> Result<(), Problem> {
        let token = self.token;
        let Some(strings) = &mut self.strings else { return Ok(()) };
        strings.word = None;
        if std::mem::take(&mut strings.quoted) {
            push(&mut self.text, &format!("{token}{QUOTE_CLOSE}_\""))?;
        }
        Ok(())
    }
}

impl Strings {
    /// A byte inside a string or a bare word that is written at this offset.
    fn step_in(&mut self, byte: u8, offset: usize) {
        if !self.inside {
            self.word.get_or_insert(offset);
        } else if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.inside = false;
        }
    }
}

/// Whether the byte may be part of a number or another bare word of JSON.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_') || byte >= 0x80
}
