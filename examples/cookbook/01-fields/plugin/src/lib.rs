//! Moves, copies and cleans fields of an ADT message: the recipe `01-fields` as
//! one custom transformer, `Cookbook.Fields`.
//!
//! Parameters: `Application`, the name of the sender in MSH-3; `Authority`, whose
//! numbers the patient numbers are.

use tureen_plugin_sdk::prelude::*;

#[derive(Debug, Default)]
struct Fields;

impl Transformer for Fields {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        message.set("MSH-3", &required(context, "Application")?)?;
        move_number(message, &required(context, "Authority")?)?;
        // The host's own rules for names, so that a workflow and a plugin agree.
        let family = context.mc_name_case(&message.text("PID-5.1")?)?;
        message.set("PID-5.1", &family)?;
        let given = context.title_case(&message.text("PID-5.2")?)?;
        message.set("PID-5.2", &given)?;
        keep_digits(message, "PID-13")?;
        if message.text("PV1-2")?.is_empty() {
            message.set("PV1-2", "U")?;
        }
        copy(message, "PV1-6", "PV1-42")
    }
}

/// A parameter that the call must have. A missing one is the author's fault.
fn required(context: &Context, name: &str) -> Result<String, StepError> {
    let text = || format!("expected the parameter {name}");
    context.parameter(name).ok_or_else(|| StepError::failed("fields.parameter", text()))
}

/// PID-2 becomes PID-3, with its authority; where there is none, PID-3 stays.
fn move_number(message: &mut Message, authority: &str) -> Result<(), StepError> {
    let number = message.text("PID-2")?;
    if number.is_empty() {
        return Ok(());
    }
    for (place, value) in
        [("PID-3.1", number.as_str()), ("PID-3.4", authority), ("PID-3.5", "MR"), ("PID-2", "")]
    {
        message.set(place, value)?;
    }
    Ok(())
}

fn keep_digits(message: &mut Message, place: &str) -> Result<(), StepError> {
    if let Value::Text(number) = message.get(place)? {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        message.set(place, &digits)?;
    }
    Ok(())
}

/// Copies wire text: separators stay separators, escapes stay escapes.
fn copy(message: &mut Message, from: &str, to: &str) -> Result<(), StepError> {
    match message.structure(from)? {
        Some(wire) if !wire.is_empty() => Ok(message.set_structure(to, &wire)?),
        _ => Ok(()),
    }
}

tureen_plugin_sdk::transformer!(Fields, handles = ["Cookbook.Fields"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::{Failure, TestRun};

    fn run(message: &str) -> Result<String, Failure> {
        let run = TestRun::new().message(Format::Hl7, message.as_bytes());
        let run = run.parameter("Application", "NEWADT").parameter("Authority", "NORTH");
        run.transform::<Fields>().map(|outcome| outcome.text())
    }

    #[test]
    fn the_cases_of_the_recipe_come_out_as_expected() {
        for (message, expected) in [
            (
                include_str!("../../cases/plain/message.hl7"),
                include_str!("../../cases/plain/expected/files/fields.hl7"),
            ),
            (
                include_str!("../../cases/nothing-to-move/message.hl7"),
                include_str!("../../cases/nothing-to-move/expected/files/fields.hl7"),
            ),
            (
                include_str!("../../cases/nulls/message.hl7"),
                include_str!("../../cases/nulls/expected/files/fields.hl7"),
            ),
            (
                include_str!("../../cases/other-delimiters/message.hl7"),
                include_str!("../../cases/other-delimiters/expected/files/fields.hl7"),
            ),
        ] {
            assert_eq!(run(message).unwrap(), expected);
        }
    }

    #[test]
    fn a_call_without_its_parameters_fails_and_tells_which() {
        let run = TestRun::new().message(Format::Hl7, b"MSH|^~\\&|A\r");
        let failure = run.transform::<Fields>().unwrap_err();
        assert_eq!(failure.code(), "fields.parameter");
        assert!(failure.to_string().contains("Application"), "{failure}");
    }
}
