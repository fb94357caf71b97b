//! Removes from an HL7 message what tells who the patient is: an example of a
//! plugin that somebody else could have written, and a useful one.
//!
//! A workflow calls it from a `CustomTransformerAction` whose type is
//! `Tureen.Deidentify`. Its parameters are in README.md.

use tureen_plugin_sdk::prelude::*;

/// What is emptied when `Fields` is not given: names, addresses, telephone
/// numbers, social security and driver's licence numbers of the patient and of
/// the next of kin.
const DEFAULT_FIELDS: &str = "PID-5,PID-6,PID-9,PID-11,PID-12,PID-13,PID-14,PID-19,PID-20,\
                              NK1-2,NK1-4,NK1-5,NK1-6";

/// The parameters that there are.
const PARAMETERS: [&str; 3] = ["Fields", "Replacement", "KeepYearOfBirth"];

/// The date of birth, in every patient segment.
const BIRTH: &str = "PID[*]-7[*]";

/// It has no settings of its own: each call brings its parameters.
#[derive(Debug, Default)]
struct Deidentify;

impl Transformer for Deidentify {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        if message.format() != Format::Hl7 {
            let text = "only HL7 messages can be de-identified";
            return Err(StepError::failed("deidentify.format", text));
        }
        // Everything is read before anything is changed. The host would throw
        // half a change away, but a native test would not.
        let parameters = Parameters::read(context)?;
        for pattern in &parameters.patterns {
            empty(message, pattern, &parameters.replacement)?;
        }
        shorten_birth(message, parameters.keep_year_of_birth)
    }
}

/// What one call asks for.
#[derive(Debug)]
struct Parameters {
    patterns: Vec<String>,
    replacement: String,
    keep_year_of_birth: bool,
}

impl Parameters {
    fn read(context: &Context) -> Result<Self, StepError> {
        let unknown = context.parameter_names();
        if unknown.iter().any(|name| !PARAMETERS.contains(&name.as_str())) {
            let text = format!("a parameter is not known: expected {}", PARAMETERS.join(", "));
            return Err(StepError::failed("deidentify.parameter", text));
        }
        let fields = context.parameter("Fields");
        let fields = fields.as_deref().map(str::trim).filter(|fields| !fields.is_empty());
        let patterns = fields.unwrap_or(DEFAULT_FIELDS).split(',').enumerate().map(pattern);
        Ok(Self {
            patterns: patterns.collect::<Result<_, _>>()?,
            replacement: context.parameter("Replacement").unwrap_or_default(),
            keep_year_of_birth: keep_year(context.parameter("KeepYearOfBirth").as_deref())?,
        })
    }
}

fn keep_year(text: Option<&str>) -> Result<bool, StepError> {
    match text.map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => {
            let text = "KeepYearOfBirth is true or false";
            Err(StepError::failed("deidentify.parameter", text))
        }
    }
}

/// One of the fields, as a pattern of all its segments and repetitions unless
/// it names one: a name in the second repetition tells as much as in the first.
fn pattern((at, field): (usize, &str)) -> Result<String, StepError> {
    let not_a_field = || {
        let text = format!(
            "item {} of Fields is not the path of an HL7 field such as PID-5, PID-11.1 or \
             NK1[*]-4[*]",
            at + 1
        );
        StepError::failed("deidentify.fields", text)
    };
    let (segment, field) = field.trim().split_once('-').ok_or_else(not_a_field)?;
    let name =
        segment.get(..3).filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let digits = field.bytes().take_while(u8::is_ascii_digit).count();
    let (Some(_), Some((number, rest))) = (name, field.split_at_checked(digits)) else {
        return Err(not_a_field());
    };
    if number.is_empty() || !(rest.is_empty() || rest.starts_with(['.', '['])) {
        return Err(not_a_field());
    }
    let segment = if segment.len() == 3 { format!("{segment}[*]") } else { segment.to_owned() };
    let repetition = if rest.starts_with('[') { "" } else { "[*]" };
    Ok(format!("{segment}-{number}{repetition}{rest}"))
}

/// Empties what the pattern matches, or puts the replacement there. Places that
/// hold nothing stay as they are: a replacement must not invent a value.
fn empty(message: &mut Message, pattern: &str, replacement: &str) -> Result<(), StepError> {
    for place in message.find(pattern)? {
        if let Value::Text(_) = message.get(&place)? {
            message.set(&place, replacement)?;
        }
    }
    Ok(())
}

/// Leaves of the date of birth its year, or nothing.
fn shorten_birth(message: &mut Message, keep_year: bool) -> Result<(), StepError> {
    for place in message.find(BIRTH)? {
        let birth = message.get(&place)?;
        let Some(birth) = birth.text() else { continue };
        let year = birth.get(..4).filter(|year| year.bytes().all(|digit| digit.is_ascii_digit()));
        let kept = year.filter(|_| keep_year).unwrap_or_default();
        message.set(&place, kept)?;
    }
    Ok(())
}

tureen_plugin_sdk::transformer!(Deidentify, handles = ["Tureen.Deidentify"]);

#[cfg(test)]
mod tests;
