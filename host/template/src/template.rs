//! Texts with placeholders, compiled once and rendered for every run.
//!
//! Knows: which text is a placeholder (contract 9.1, 9.3) and what replaces it.
//! Deliberately does not know: what the text is for. How values are written is
//! the author's choice, one modifier away, or follows the format that whoever
//! builds a message names ([`Draft::writing`]).
//!
//! # Invariants
//! - Only what the author wrote is scanned for placeholders (contract T-09).
//! - Text that does not match the grammar stays as it is, byte for byte.
//! - A rendered text has at most [`RENDERED_BYTES_MAX`].

use std::borrow::Cow;
use std::sync::Arc;

use tureen_message::Problem;

use crate::data_table::{self, Movement};
use crate::date::DateTime;
use crate::formatting::{FORMATTING_WORK_MAX, Formatting, Tables, Work};
use crate::setting_id::{Direction, SettingId};
use crate::variables::{Found, Purpose, Variables, is_constant, is_control};

mod draft;
mod grammar;
mod origins;
mod place;
mod tags;
#[cfg(test)]
mod tests;

pub use draft::Draft;
pub use place::ByFormat;

/// The most bytes of one rendered text: 64 MiB.
pub const RENDERED_BYTES_MAX: usize = 64 << 20;

/// The messages of the steps of a run.
pub trait Messages {
    /// The text of a step's message; `None` when there is none yet. The zero id
    /// means the receiver.
    fn message_text(&self, setting: SettingId, direction: Direction) -> Option<Cow<'_, str>>;
}

/// A text with placeholders. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Template {
    compiled: Arc<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    source: String,
    /// The placeholders in the order of the text.
    fields: Vec<Field>,
}

/// One placeholder: where it stands and what it inserts.
#[derive(Debug)]
struct Field {
    start: usize,
    end: usize,
    content: Content,
    /// How the value is formatted, or why that is not possible.
    formatting: Result<Formatting, Problem>,
}

#[derive(Debug)]
enum Content {
    Variable { name: String, folded: String },
    Message { setting: SettingId, direction: Direction },
    DataTable { reference: String, movement: Movement },
}

/// What a placeholder inserts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceholderKind<'a> {
    /// `${Name}`.
    Variable { name: &'a str },
    /// `${<id> inbound}`.
    Message { setting: SettingId, direction: Direction },
    /// `${DATATABLE>Table.Field}`, the run's next row of the table, or
    /// `${DATATABLE?Table.Field}`, a random row.
    DataTable { reference: &'a str, movement: Movement },
}

/// One placeholder of a template, for checks before a workflow starts.
#[derive(Clone, Copy, Debug)]
pub struct Placeholder<'a> {
    /// What it inserts.
    pub kind: PlaceholderKind<'a>,
    /// As it is written, with `${` and `}`.
    pub text: &'a str,
    /// Byte offset in the source.
    pub offset: usize,
    /// Whether its author says how the value is written: an encoder
    /// (`JSONEncode` and the like) or `Raw` (contract T-10).
    pub written: bool,
    /// Whether what it inserts is the server's own and never text of a message:
    /// dates, ids, counters, control characters.
    pub constant: bool,
    /// Why it can never be rendered: a modifier or format that is not possible,
    /// or a data table without a field.
    pub problem: Option<&'a Problem>,
    formatting: Option<&'a Formatting>,
}

impl<'a> Placeholder<'a> {
    /// The lookup tables that its modifiers name.
    pub fn tables(&self) -> impl Iterator<Item = &'a str> {
        self.formatting.into_iter().flat_map(Formatting::tables)
    }
}

/// Something that a placeholder names and that is not there, so that nothing was
/// inserted. Worth a warning (contract 7.3, 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing<'a> {
    /// No variable has this name.
    Variable(&'a str),
    /// The step has no such message, or none yet.
    Message(SettingId, Direction),
}

/// Where the values of placeholders come from, and where missing ones go.
pub(crate) struct Sources<'s> {
    variables: &'s Variables,
    messages: &'s dyn Messages,
    tables: &'s dyn Tables,
    on_missing: &'s mut dyn FnMut(Missing<'_>),
    /// The purposes of globals that may be inserted besides texts.
    purposes: &'s [Purpose],
    /// Values read and formatted so far.
    work: Work,
}

impl<'s> Sources<'s> {
    fn new(
        variables: &'s Variables,
        messages: &'s dyn Messages,
        tables: &'s dyn Tables,
        on_missing: &'s mut dyn FnMut(Missing<'_>),
    ) -> Self {
        Self { variables, messages, tables, on_missing, purposes: &[], work: Work::default() }
    }
}

impl Template {
    /// Compiles a text. This never fails: what is no placeholder is plain text,
    /// and a placeholder that can never be rendered says so in
    /// [`Self::problems`] and when it is rendered.
    ///
    /// A placeholder is `${`, a body, and the first `}` outside parentheses.
    /// Parentheses around a `}` must be closed before a `:` or `}`; where they are
    /// not, the placeholder ends with that `}`. One that could still be read in two
    /// ways, such as `${a:Remove(()})}`, is a problem. The body holds no `${`. It
    /// is a name and modifiers divided by `:`, or a setting id and a direction.
    /// A name has 1 to 256 bytes and no control characters, braces, dollar
    /// signs or quotation marks; blanks around it do not count.
    pub fn compile(text: &str) -> Self {
        let compiled = Compiled { source: text.to_owned(), fields: grammar::fields(text) };
        Self { compiled: Arc::new(compiled) }
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.compiled.source
    }

    /// The text, when it has no placeholders.
    pub fn literal(&self) -> Option<&str> {
        self.compiled.fields.is_empty().then_some(self.source())
    }

    /// The message that the whole template stands for: it is exactly one
    /// unformatted `${<id> inbound}` or `${<id> outbound}` (contract 3.2).
    pub fn whole_message(&self) -> Option<(SettingId, Direction)> {
        let [field] = self.compiled.fields.as_slice() else { return None };
        let whole = field.start == 0 && field.end == self.source().len();
        match (&field.content, &field.formatting) {
            (Content::Message { setting, direction }, Ok(formatting))
                if whole && formatting.is_none() =>
            {
                Some((*setting, *direction))
            }
            _ => None,
        }
    }

    /// All placeholders in the order of the text.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder<'_>> {
        self.compiled.fields.iter().map(|field| Placeholder {
            kind: match &field.content {
                Content::Variable { name, .. } => PlaceholderKind::Variable { name },
                Content::Message { setting, direction } => {
                    PlaceholderKind::Message { setting: *setting, direction: *direction }
                }
                Content::DataTable { reference, movement } => {
                    PlaceholderKind::DataTable { reference, movement: *movement }
                }
            },
            text: self.source().get(field.start..field.end).unwrap_or_default(),
            offset: field.start,
            written: field.formatting.as_ref().is_ok_and(Formatting::is_written),
            constant: matches!(&field.content, Content::Variable { folded, .. } if is_constant(folded)),
            problem: field.formatting.as_ref().err(),
            formatting: field.formatting.as_ref().ok(),
        })
    }

    /// Why the template can never be rendered; empty for a good one. To be shown
    /// when the workflow is loaded.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.compiled.fields.iter().filter_map(|field| field.formatting.as_ref().err())
    }

    /// The names that these variables do not know at this moment.
    pub fn unknown_variables<'a>(
        &'a self,
        variables: &'a Variables,
    ) -> impl Iterator<Item = &'a str> {
        self.compiled.fields.iter().filter_map(|field| match &field.content {
            Content::Variable { name, folded } => {
                variables.find(folded).is_none().then_some(name.as_str())
            }
            _ => None,
        })
    }

    /// The text with all placeholders replaced. Unknown variables and messages
    /// that do not exist insert nothing.
    ///
    /// # Errors
    /// `variable.secret`: a global that is not for such texts;
    /// `variable.unavailable`: a global that could not be read;
    /// `data-table.*`; a modifier or format that is not possible; what
    /// [`Formatting::apply`] refuses; `limit.rendered-bytes`. The placeholder is
    /// the place.
    pub fn render(
        &self,
        variables: &Variables,
        messages: &dyn Messages,
        tables: &dyn Tables,
    ) -> Result<String, Problem> {
        self.render_with(variables, messages, tables, &mut |_| {})
    }

    /// Like [`Self::render`], telling what was missing.
    pub fn render_with(
        &self,
        variables: &Variables,
        messages: &dyn Messages,
        tables: &dyn Tables,
        on_missing: &mut dyn FnMut(Missing<'_>),
    ) -> Result<String, Problem> {
        self.write(&mut Sources::new(variables, messages, tables, on_missing))
    }

    /// Like [`Self::render_with`], for a setting that is meant for globals of
    /// these purposes, such as a password (contract T-08). The text must not be
    /// logged.
    pub fn render_sensitive(
        &self,
        purposes: &[Purpose],
        variables: &Variables,
        messages: &dyn Messages,
        tables: &dyn Tables,
        on_missing: &mut dyn FnMut(Missing<'_>),
    ) -> Result<String, Problem> {
        let sources = Sources::new(variables, messages, tables, on_missing);
        self.write(&mut Sources { purposes, ..sources })
    }

    /// The first phase of building a message (contract 3.2): messages of other
    /// steps inserted, every other placeholder an opaque token that survives
    /// parsing and transforming, until [`Draft::finish`].
    ///
    /// With `json`, a placeholder outside a JSON string becomes a string, so
    /// that the text can be parsed, and `finish` takes its quotation marks away.
    pub fn begin(&self, json: bool, messages: &dyn Messages) -> Draft {
        self.begin_with(json, messages, &mut |_| {})
    }

    /// Like [`Self::begin`], telling which messages were missing.
    pub fn begin_with(
        &self,
        json: bool,
        messages: &dyn Messages,
        on_missing: &mut dyn FnMut(Missing<'_>),
    ) -> Draft {
        Draft::begin(&self.compiled, json, messages, on_missing)
    }

    fn write<'s>(&'s self, sources: &mut Sources<'s>) -> Result<String, Problem> {
        let fields = &self.compiled.fields;
        let mut text = String::with_capacity(self.source().len() + fields.len() * 16);
        let mut end = 0;
        for field in fields {
            push(&mut text, self.source().get(end..field.start).unwrap_or_default())?;
            push(&mut text, &self.compiled.value(field, sources)?)?;
            end = field.end;
        }
        push(&mut text, self.source().get(end..).unwrap_or_default())?;
        Ok(text)
    }
}

impl Compiled {
    /// The formatted value of one placeholder.
    fn value<'s>(
        &self,
        field: &'s Field,
        sources: &mut Sources<'s>,
    ) -> Result<Cow<'s, str>, Problem> {
        field.value(sources).map_err(|problem| self.at(field, problem))
    }

    /// The problem, with the placeholder as its place.
    fn at(&self, field: &Field, problem: Problem) -> Problem {
        match problem.place {
            Some(_) => problem,
            None => {
                let place = self.source.get(field.start..field.end).unwrap_or_default();
                problem.at(place).at_offset(field.start)
            }
        }
    }
}

impl Field {
    fn comes_last(&self) -> bool {
        !matches!(self.content, Content::Message { .. })
    }

    /// Whether its value is never written for the place where it stands.
    fn is_raw(&self) -> bool {
        let by_author = self.formatting.as_ref().is_ok_and(Formatting::is_written);
        by_author
            || match &self.content {
                Content::Message { .. } => true,
                Content::Variable { folded, .. } => is_control(folded),
                Content::DataTable { .. } => false,
            }
    }

    fn value<'s>(&'s self, sources: &mut Sources<'s>) -> Result<Cow<'s, str>, Problem> {
        let formatting = self.formatting.as_ref().map_err(Problem::clone)?;
        let read = match &self.content {
            Content::Variable { name, folded } => match variable(name, folded, sources)? {
                Found::Date(date) => {
                    let date = DateTime::from_zoned(&date);
                    let (tables, work) = (sources.tables, &mut sources.work);
                    return formatting.apply_to_date(&date, tables, work).map(Cow::Owned);
                }
                Found::Text(text) => text,
                Found::Guarded(_, text) | Found::Unavailable(text) => Cow::Borrowed(text),
            },
            Content::Message { setting, direction } => {
                let text = sources.messages.message_text(*setting, *direction);
                if text.is_none() {
                    (sources.on_missing)(Missing::Message(*setting, *direction));
                }
                text.unwrap_or_default()
            }
            Content::DataTable { reference, movement } => {
                Cow::Owned(data_table::read_moved(sources.tables, reference, *movement)?)
            }
        };
        spend(&mut sources.work, read.len())?;
        let value = format(formatting, read, sources.tables, &mut sources.work)?;
        spend(&mut sources.work, value.len())?;
        Ok(value)
    }
}

/// What a name stands for, if it may be inserted; no text for an unknown name.
fn variable<'s>(name: &str, folded: &str, sources: &mut Sources<'s>) -> Result<Found<'s>, Problem> {
    match sources.variables.find(folded) {
        Some(Found::Guarded(purpose, _)) if !sources.purposes.contains(&purpose) => {
            let text = format!(
                "the global variable is a {} and may only be used in a setting that is meant for \
                 one",
                purpose.name()
            );
            Err(Problem::new("variable.secret", text))
        }
        Some(Found::Unavailable(reason)) => Err(Problem::new(
            "variable.unavailable",
            format!("the global variable could not be read: {reason}"),
        )),
        Some(found) => Ok(found),
        None => {
            (sources.on_missing)(Missing::Variable(name));
            Ok(Found::Text(Cow::Borrowed("")))
        }
    }
}

fn format<'v>(
    formatting: &Formatting,
    value: Cow<'v, str>,
    tables: &dyn Tables,
    work: &mut Work,
) -> Result<Cow<'v, str>, Problem> {
    match value {
        _ if formatting.is_none() => Ok(value),
        Cow::Borrowed(value) => formatting.apply_within(value, tables, work),
        Cow::Owned(value) => {
            let formatted = formatting.apply_within(&value, tables, work)?;
            Ok(Cow::Owned(formatted.into_owned()))
        }
    }
}

/// Bounds the work on values, also where little of them ends in the text.
fn spend(work: &mut Work, bytes: usize) -> Result<(), Problem> {
    if work.add(bytes) {
        return Ok(());
    }
    Err(Problem::new(
        "limit.rendered-bytes",
        format!(
            "the values of one text, and what their formatting looks at, may have \
             {FORMATTING_WORK_MAX} bytes, these have more"
        ),
    ))
}

/// Appends, within the limit on a rendered text.
fn push(text: &mut String, more: &str) -> Result<(), Problem> {
    let bytes = text.len().saturating_add(more.len());
    if bytes > RENDERED_BYTES_MAX {
        return Err(Problem::new(
            "limit.rendered-bytes",
            format!("a rendered text may have {RENDERED_BYTES_MAX} bytes, this has more"),
        ));
    }
    text.push_str(more);
    Ok(())
}
