//! Formatting as the parts of a placeholder: `${Name:TitleCase:Truncate(20)}`.

use tureen_message::Problem;

use super::properties::CASES;
use super::{Encoding, PADDING_MAX, Step, TRUNCATION_MAX, parse_length, slips};
use crate::pattern::Pattern;

/// The known modifiers as steps; whatever else stands there is one .NET format
/// string, its parts joined again with `:`, unless it is surely a slip.
pub(super) fn steps<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Vec<Step>, Problem> {
    let mut steps = Vec::new();
    let mut format: Option<String> = None;
    for part in parts {
        if let Some(step) = known(part)? {
            steps.push(step);
            continue;
        }
        slips::check(part)?;
        match &mut format {
            Some(format) => {
                format.push(':');
                format.push_str(part);
            }
            None => format = Some(part.to_owned()),
        }
    }
    if let Some(format) = format.filter(|format| !format.is_empty()) {
        steps.push(Step::Pattern(Pattern::compile(&format)?));
    }
    Ok(steps)
}

/// `None` when it is part of a format string.
fn known(part: &str) -> Result<Option<Step>, Problem> {
    let trimmed = part.trim();
    let plain = |name: &str| trimmed.eq_ignore_ascii_case(name);
    if let Some((_, letter_case)) = CASES.iter().find(|(name, _)| plain(name)) {
        return Ok(Some(Step::Case(*letter_case)));
    }
    if let Some((_, encoding)) = Encoding::NAMES.iter().find(|(name, _)| plain(name)) {
        return Ok(Some(Step::Encode(*encoding)));
    }
    if plain("Trim") {
        return Ok(Some(Step::Trim));
    }
    if plain("Raw") {
        return Ok(Some(Step::Raw));
    }
    let call =
        trimmed.split_once('(').and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?)));
    match call {
        Some((name, arguments)) => with_arguments(name.trim_end(), arguments),
        None => Ok(None),
    }
}

fn with_arguments(name: &str, arguments: &str) -> Result<Option<Step>, Problem> {
    let length = |max| {
        parse_length(arguments.trim(), max).ok_or_else(|| {
            let text = format!("{name}() takes a number of characters from 0 to {max}");
            Problem::new("template.modifier", text)
        })
    };
    let named = |known: &str| name.eq_ignore_ascii_case(known);
    let step = if named("Truncate") {
        Step::Truncate(length(TRUNCATION_MAX)?)
    } else if named("Padding") {
        Step::Pad(length(PADDING_MAX)?)
    } else if named("Remove") {
        Step::Remove(filled(name, arguments)?)
    } else if named("Lookup") {
        Step::Lookup(filled(name, arguments.trim())?)
    } else if named("Replace") {
        let (old, new) = arguments.split_once(',').ok_or_else(|| {
            Problem::new("template.modifier", "Replace() takes two texts with a comma between")
        })?;
        Step::Replace { old: filled(name, old)?, new: new.to_owned() }
    } else {
        return Ok(None);
    };
    Ok(Some(step))
}

fn filled(name: &str, argument: &str) -> Result<String, Problem> {
    if argument.is_empty() {
        return Err(Problem::new("template.modifier", format!("{name}() needs a text")));
    }
    Ok(argument.to_owned())
}
