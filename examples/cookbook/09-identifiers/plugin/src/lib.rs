//! Keeps the one patient number that the receiver knows: the recipe
//! `09-identifiers` as one custom transformer, `Cookbook.Identifiers`.
//!
//! Parameters: `Authority` and `Type`, what PID-3.4.1 and PID-3.5 of that number are.
//! A message without such a number is rejected: another number would be another
//! patient's.

use tureen_plugin_sdk::prelude::*;

#[derive(Debug, Default)]
struct Identifiers;

impl Transformer for Identifiers {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let authority = required(context, "Authority")?;
        let kind = required(context, "Type")?;
        let Some(chosen) = own_number(message, &authority, &kind)? else {
            let text = "expected a number of the receiver's own authority and type in PID-3";
            return Err(StepError::rejected("identifiers.none", text));
        };
        message.remove("PID-3[*]")?;
        Ok(message.set_structure("PID-3", &chosen)?)
    }
}

/// The wire text of the last number of that authority and type.
fn own_number(message: &Message, authority: &str, kind: &str) -> Result<Option<String>, Problem> {
    let Some(patient) = message.segment("PID")? else { return Ok(None) };
    let own = patient.repetitions(3).filter(|number| {
        // An authority may have an object identifier behind its name.
        let name = number.component(4).subcomponent(1).text();
        let its_kind = number.component(5).text();
        name.eq_ignore_ascii_case(authority) && its_kind.eq_ignore_ascii_case(kind)
    });
    Ok(own.last().map(|number| number.raw().to_owned()))
}

/// A parameter that the call must have. A missing one is the author's fault.
fn required(context: &Context, name: &str) -> Result<String, StepError> {
    let text = || format!("expected the parameter {name}");
    context.parameter(name).ok_or_else(|| StepError::failed("identifiers.parameter", text()))
}

tureen_plugin_sdk::transformer!(Identifiers, handles = ["Cookbook.Identifiers"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::{Failure, TestRun};

    fn run(message: &str) -> Result<String, Failure> {
        let run = TestRun::new().message(Format::Hl7, message.as_bytes());
        let run = run.parameter("Authority", "NORTH").parameter("Type", "MR");
        run.transform::<Identifiers>().map(|outcome| outcome.text())
    }

    #[test]
    fn the_cases_of_the_recipe_come_out_as_expected() {
        for (message, expected) in [
            (
                include_str!("../../cases/plain/message.hl7"),
                include_str!("../../cases/plain/expected/files/identifiers.hl7"),
            ),
            (
                include_str!("../../cases/two-that-fit/message.hl7"),
                include_str!("../../cases/two-that-fit/expected/files/identifiers.hl7"),
            ),
        ] {
            assert_eq!(run(message).unwrap(), expected);
        }
        let failure = run(include_str!("../../cases/no-number-of-north/message.hl7")).unwrap_err();
        assert!(matches!(failure, Failure::Step(StepError::Rejected(_))), "{failure}");
        assert_eq!(failure.code(), "identifiers.none");
    }

    #[test]
    fn a_number_stays_as_it_was_written() {
        let text = run("MSH|^~\\&|A\nPID|||1^^^EAST^MR~a\\T\\b^^^north^mr||X\n").unwrap();
        assert_eq!(text, "MSH|^~\\&|A\nPID|||a\\T\\b^^^north^mr||X\n");
    }

    #[test]
    fn a_call_without_its_parameters_fails() {
        let run = TestRun::new().message(Format::Hl7, b"MSH|^~\\&|A\r").parameter("Type", "MR");
        let failure = run.transform::<Identifiers>().unwrap_err();
        assert_eq!(failure.code(), "identifiers.parameter");
    }
}
