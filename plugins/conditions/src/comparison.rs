//! The comparers of conditions (contract 6.2).

use crate::DateTime;
use std::borrow::Cow;
use std::cmp::Ordering;
use tureen_plugin_sdk::{Choice, Context, Problem};

/// What a string condition asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StringComparer {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
    LengthGreaterThan,
    LengthLessThan,
    Empty,
    InMessage,
    InDataTable,
    IsTitleCase,
    IsUpperCase,
    IsLowerCase,
    InList,
}

/// Their numbers and names in workflow files.
pub(crate) const STRING_COMPARERS: [Choice<StringComparer>; 13] = [
    (0, "Equals", StringComparer::Equals),
    (1, "Contains", StringComparer::Contains),
    (2, "StartsWith", StringComparer::StartsWith),
    (3, "EndsWith", StringComparer::EndsWith),
    (4, "LengthGreaterThan", StringComparer::LengthGreaterThan),
    (5, "LengthLessThan", StringComparer::LengthLessThan),
    (6, "Empty", StringComparer::Empty),
    (7, "InMessage", StringComparer::InMessage),
    (8, "InDataTable", StringComparer::InDataTable),
    (9, "IsTitleCase", StringComparer::IsTitleCase),
    (10, "IsUpperCase", StringComparer::IsUpperCase),
    (11, "IsLowerCase", StringComparer::IsLowerCase),
    (12, "InList", StringComparer::InList),
];

/// What a date condition asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateComparer {
    Equals,
    GreaterThan,
    LessThan,
    GreaterThanOrEqualTo,
    LessThanOrEqualTo,
    Empty,
    InMessage,
    InvalidDate,
}

/// Their numbers and names in workflow files.
pub(crate) const DATE_COMPARERS: [Choice<DateComparer>; 8] = [
    (0, "Equals", DateComparer::Equals),
    (1, "GreaterThan", DateComparer::GreaterThan),
    (2, "LessThan", DateComparer::LessThan),
    (3, "GreaterThanOrEqualTo", DateComparer::GreaterThanOrEqualTo),
    (4, "LessThanOrEqualTo", DateComparer::LessThanOrEqualTo),
    (5, "Empty", DateComparer::Empty),
    (6, "InMessage", DateComparer::InMessage),
    (7, "InvalidDate", DateComparer::InvalidDate),
];

/// What a validity condition asks: whether the message should be valid.
pub(crate) const VALID_COMPARERS: [Choice<bool>; 2] = [(0, "Valid", true), (1, "Invalid", false)];

impl StringComparer {
    /// Whether the second operand matters.
    pub(crate) fn compares(self) -> bool {
        matches!(
            self,
            Self::Equals
                | Self::Contains
                | Self::StartsWith
                | Self::EndsWith
                | Self::LengthGreaterThan
                | Self::LengthLessThan
                | Self::InDataTable
                | Self::InList
        )
    }

    /// Whether the second operand must be a whole number.
    pub(crate) fn counts(self) -> bool {
        matches!(self, Self::LengthGreaterThan | Self::LengthLessThan)
    }

    /// Whether the values compare so. `InMessage` is not about values and is
    /// never true here.
    ///
    /// # Errors
    /// `condition.length` when a length is asked for and the second value is
    /// no whole number; `data-table.*` when the second value names no data table
    /// of the home, or no field of it.
    pub(crate) fn holds(
        self,
        first: &str,
        second: &str,
        case_sensitive: bool,
        context: &Context,
    ) -> Result<bool, Problem> {
        let folded = fold(first, case_sensitive);
        Ok(match self {
            Self::Equals => folded == fold(second, case_sensitive),
            Self::Contains => folded.contains(&*fold(second, case_sensitive)),
            Self::StartsWith => folded.starts_with(&*fold(second, case_sensitive)),
            Self::EndsWith => folded.ends_with(&*fold(second, case_sensitive)),
            Self::LengthGreaterThan => characters(first) > length(second)?,
            Self::LengthLessThan => characters(first) < length(second)?,
            Self::Empty => first.is_empty(),
            Self::IsTitleCase => is_in_case(first, "TitleCase", context)?,
            Self::IsUpperCase => is_in_case(first, "UpperCase", context)?,
            Self::IsLowerCase => is_in_case(first, "LowerCase", context)?,
            Self::InList => {
                second.split(',').any(|item| folded == fold(item.trim(), case_sensitive))
            }
            Self::InDataTable => {
                let (table, field) = data_table(second)?;
                context.table_contains(table, field, first, case_sensitive)?
            }
            Self::InMessage => false,
        })
    }
}

/// Whether a text is what `TextFormat` would make of it.
fn is_in_case(text: &str, case: &str, context: &Context) -> Result<bool, Problem> {
    let properties = [("TextFormat".to_owned(), case.to_owned())];
    Ok(context.format(text, &properties)? == text)
}

/// The data table that a second operand names, and its field: `Staff.Name`, or
/// `Staff` for all fields.
///
/// # Errors
/// `data-table.reference` where a name is missing.
pub(crate) fn data_table(text: &str) -> Result<(&str, Option<&str>), Problem> {
    let (table, field) = match text.split_once('.') {
        Some((table, field)) => (table.trim(), Some(field.trim())),
        None => (text.trim(), None),
    };
    if table.is_empty() || field == Some("") {
        let text = "the second value names a data table of the home, such as Staff, or a field of \
                    one, such as Staff.Name";
        return Err(Problem::new("data-table.reference", text));
    }
    Ok((table, field))
}

/// The text as it is compared, ordinal: each character on its own, in upper
/// case where that is one character, as .NET does it.
fn fold(text: &str, case_sensitive: bool) -> Cow<'_, str> {
    if case_sensitive || !text.chars().any(char::is_lowercase) {
        return text.into();
    }
    let upper = |character: char| {
        let mut upper = character.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(single), None) => single,
            _ => character,
        }
    };
    text.chars().map(upper).collect::<String>().into()
}

/// In UTF-16 units, as .NET counts characters.
fn characters(text: &str) -> i64 {
    i64::try_from(text.encode_utf16().count()).unwrap_or(i64::MAX)
}

/// A length to compare with.
pub(crate) fn length(text: &str) -> Result<i64, Problem> {
    text.trim().parse().map_err(|_| {
        let found = text.chars().count();
        let text = format!("a length is compared with a whole number, found {found} characters");
        Problem::new("condition.length", text)
    })
}

impl DateComparer {
    /// Whether the second operand matters.
    pub(crate) fn compares(self) -> bool {
        !matches!(self, Self::Empty | Self::InMessage | Self::InvalidDate)
    }

    /// Whether the values compare so; what is no date-time compares as nothing.
    /// `InMessage` is not about values and is never true here.
    pub(crate) fn holds(self, first: &str, second: &str) -> bool {
        let order = || {
            let (first, second) = (DateTime::parse(first)?, DateTime::parse(second)?);
            Some(first.compare(&second))
        };
        match self {
            Self::Equals => order() == Some(Ordering::Equal),
            Self::GreaterThan => order() == Some(Ordering::Greater),
            Self::LessThan => order() == Some(Ordering::Less),
            Self::GreaterThanOrEqualTo => order().is_some_and(Ordering::is_ge),
            Self::LessThanOrEqualTo => order().is_some_and(Ordering::is_le),
            Self::Empty => first.is_empty(),
            Self::InvalidDate => !first.is_empty() && DateTime::parse(first).is_none(),
            Self::InMessage => false,
        }
    }
}
