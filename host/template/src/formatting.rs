//! The formatting pipeline of variables, actions and parameters (contract 7.4).
//!
//! Knows: the steps, their fixed order, their names in workflow files and in
//! placeholders. Deliberately does not know: where a value comes from or goes.
//!
//! # Invariants
//! - The order is format, case, truncate, trim, remove, replace, lookup, pad,
//!   encode, however the steps were written; steps of one kind keep theirs.
//! - A value grows to at most [`FORMATTED_BYTES_MAX`]; all steps for one text look at no
//!   more than [`FORMATTING_WORK_MAX`].
//! - Numbers of enumerations are refused, never guessed (contract 2.3).

use std::borrow::Cow;

use tureen_message::Problem;

use crate::data_table::{DataTable, Movement};
use crate::date::DateTime;
use crate::letter_case::LetterCase;
use crate::pattern::Pattern;

mod encoding;
mod modifiers;
mod properties;
mod slips;
#[cfg(test)]
mod tests;
mod work;

pub(crate) use encoding::Encoding;
pub use work::FORMATTING_WORK_MAX;
pub(crate) use work::Work;

/// The most bytes that formatting may make of one value: 64 MiB.
pub const FORMATTED_BYTES_MAX: usize = 64 << 20;

/// The most characters to which a value may be padded.
pub const PADDING_MAX: usize = 65_535;

/// The largest length for truncation, that of a .NET integer.
const TRUNCATION_MAX: usize = i32::MAX as usize;

/// The lookup tables and data tables of the host, by name.
pub trait Tables {
    /// The value of a key; `None` when the table has no such key.
    ///
    /// # Errors
    /// The lookup table does not exist.
    fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, Problem>;

    /// Whether there is a lookup table of the name.
    fn has_lookup(&self, table: &str) -> bool {
        self.lookup(table, "").is_ok()
    }

    /// The data table of a name.
    fn data_table(&self, _name: &str) -> Option<&DataTable> {
        None
    }

    /// Goes to another row of a data table; gives its number.
    ///
    /// # Errors
    /// `data-table.empty`; `data-table.run`: no run stands anywhere here.
    fn move_row(&self, _table: &DataTable, _movement: Movement) -> Result<u32, Problem> {
        let text = "only a message's run has a place in a data table";
        Err(Problem::new("data-table.run", text))
    }

    /// The row of a data table where the run stands; `None` before the first.
    fn current_row(&self, _table: &DataTable) -> Option<u32> {
        None
    }
}

/// Where no lookup table can be reached; every lookup is a problem.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTables;

impl Tables for NoTables {
    fn lookup(&self, table: &str, _key: &str) -> Result<Option<String>, Problem> {
        Err(Problem::new(
            "table.unavailable",
            format!("the lookup table `{table}` cannot be reached from here"),
        ))
    }
}

/// What is done to a value before it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formatting {
    /// In the order in which they are done.
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Pattern(Pattern),
    Case(LetterCase),
    /// To at most so many characters.
    Truncate(usize),
    Trim,
    /// Every occurrence of the text.
    Remove(String),
    Replace {
        old: String,
        new: String,
    },
    /// The name of a lookup table.
    Lookup(String),
    /// With blanks on the right, to at least so many characters.
    Pad(usize),
    Encode(Encoding),
    /// Nothing: the author wants the value as it is.
    Raw,
}

impl Step {
    fn rank(&self) -> u8 {
        match self {
            Self::Pattern(_) => 0,
            Self::Case(_) => 1,
            Self::Truncate(_) => 2,
            Self::Trim => 3,
            Self::Remove(_) => 4,
            Self::Replace { .. } => 5,
            Self::Lookup(_) => 6,
            Self::Pad(_) => 7,
            Self::Encode(_) | Self::Raw => 8,
        }
    }
}

impl Formatting {
    /// The formatting that the properties of a setting ask for; properties that
    /// are not about formatting are ignored.
    ///
    /// `Format`, `TextFormat` (`LowerCase`, `UpperCase`, `TitleCase`,
    /// `McNameCase`), `Truncation` (`Truncate` with `TruncationLength`; `Trim`),
    /// `Remove`, `Replace` with `ReplaceWith`, `Lookup`, `PaddingLength`,
    /// `Encoding` (`HL7Encode`, `JSONDecode` and so on). No text, `0` and `None`
    /// mean nothing is done. [`Self::names`] tells the names.
    ///
    /// # Errors
    /// `formatting.property`: a name or number that is not known, with the field
    /// as the place; `format.date` or `format.number`. The author's fault.
    pub fn from_properties<'a>(
        properties: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Problem> {
        properties::steps(properties).map(Self::in_order)
    }

    /// The names that an enumeration of the format has here: of `TextFormat`,
    /// `Truncation` or `Encoding` (contract 2.3). Empty for anything else.
    pub fn names(property: &str) -> Vec<&'static str> {
        properties::names(property)
    }

    /// The formatting of the parts of a placeholder after its name, and whether
    /// these are well formed.
    pub(crate) fn from_modifiers<'a>(
        parts: impl Iterator<Item = &'a str>,
    ) -> Result<Self, Problem> {
        modifiers::steps(parts).map(Self::in_order)
    }

    fn in_order(mut steps: Vec<Step>) -> Self {
        steps.sort_by_key(Step::rank);
        Self { steps }
    }

    /// Whether values stay as they are.
    pub fn is_none(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether the author says how the value is written: it is encoded for some
    /// format at the end, or `Raw`.
    pub fn is_written(&self) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Encode(encoding) => encoding.is_encoder(),
            Step::Raw => true,
            _ => false,
        })
    }

    /// The lookup tables that are used.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match step {
            Step::Lookup(table) => Some(table.as_str()),
            _ => None,
        })
    }

    /// Formats a value; borrows when nothing changes. A key that a lookup table
    /// does not have becomes no text.
    ///
    /// # Errors
    /// A lookup table that does not exist; `formatting.value`: a value that
    /// cannot be decoded; `limit.formatted-bytes`. No problem quotes the value.
    pub fn apply<'v>(&self, value: &'v str, tables: &dyn Tables) -> Result<Cow<'v, str>, Problem> {
        self.apply_within(value, tables, &mut Work::default())
    }

    /// As [`Formatting::apply`], as a part of more work.
    pub(crate) fn apply_within<'v>(
        &self,
        value: &'v str,
        tables: &dyn Tables,
        work: &mut Work,
    ) -> Result<Cow<'v, str>, Problem> {
        let mut value = Cow::Borrowed(value);
        for step in &self.steps {
            check_work(work, &value)?;
            if let Some(changed) = step.apply(&value, tables)? {
                value = Cow::Owned(changed);
            }
        }
        Ok(value)
    }

    /// Formats a date whose default text would leave parts out.
    pub(crate) fn apply_to_date(
        &self,
        date: &DateTime,
        tables: &dyn Tables,
        work: &mut Work,
    ) -> Result<String, Problem> {
        let mut text = date.second_text();
        for step in &self.steps {
            check_work(work, &text)?;
            let changed = match step {
                Step::Pattern(pattern) => pattern.apply_to_date(date),
                _ => None,
            };
            if let Some(changed) =
                changed.map_or_else(|| step.apply(&text, tables), |text| Ok(Some(text)))?
            {
                text = changed;
            }
        }
        Ok(text)
    }
}

impl Step {
    /// The new value; `None` when it stays as it is.
    fn apply(&self, value: &str, tables: &dyn Tables) -> Result<Option<String>, Problem> {
        Ok(match self {
            Self::Pattern(pattern) => changed(pattern.apply(value)),
            Self::Case(letter_case) => changed(letter_case.apply(value)),
            Self::Truncate(characters) => value
                .char_indices()
                .nth(*characters)
                .and_then(|(end, _)| value.get(..end))
                .map(str::to_owned),
            Self::Trim => {
                let trimmed = value.trim();
                (trimmed.len() < value.len()).then(|| trimmed.to_owned())
            }
            Self::Remove(text) => replace(value, text, "")?,
            Self::Replace { old, new } => replace(value, old, new)?,
            Self::Lookup(table) => Some(tables.lookup(table, value)?.unwrap_or_default()),
            Self::Pad(characters) => pad(value, *characters),
            Self::Encode(encoding) => {
                let encoded = changed(encoding.apply(value)?);
                check_size(encoded.as_ref().map_or(0, String::len))?;
                encoded
            }
            Self::Raw => None,
        })
    }
}

fn changed(value: Cow<'_, str>) -> Option<String> {
    match value {
        Cow::Borrowed(_) => None,
        Cow::Owned(changed) => Some(changed),
    }
}

fn replace(value: &str, old: &str, new: &str) -> Result<Option<String>, Problem> {
    let found = value.matches(old).count();
    if found == 0 {
        return Ok(None);
    }
    let removed = found.saturating_mul(old.len());
    let added = found.saturating_mul(new.len());
    check_size(value.len().saturating_sub(removed).saturating_add(added))?;
    Ok(Some(value.replace(old, new)))
}

fn pad(value: &str, characters: usize) -> Option<String> {
    let missing = characters.checked_sub(value.chars().count()).filter(|missing| *missing > 0)?;
    let mut padded = String::with_capacity(value.len() + missing);
    padded.push_str(value);
    padded.extend(std::iter::repeat_n(' ', missing));
    Some(padded)
}

fn check_size(bytes: usize) -> Result<(), Problem> {
    if bytes > FORMATTED_BYTES_MAX {
        return Err(Problem::new(
            "limit.formatted-bytes",
            format!(
                "formatting may make {FORMATTED_BYTES_MAX} bytes of a value, this would be {bytes}"
            ),
        ));
    }
    Ok(())
}

fn check_work(work: &mut Work, value: &str) -> Result<(), Problem> {
    if work.add(value.len()) {
        return Ok(());
    }
    Err(Problem::new(
        "limit.formatted-bytes",
        format!(
            "the steps of formatting may look at {FORMATTING_WORK_MAX} bytes for one text, these \
             would look at more"
        ),
    ))
}

/// A length that an author wrote.
fn parse_length(text: &str, max: usize) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|length| *length <= max)
}
