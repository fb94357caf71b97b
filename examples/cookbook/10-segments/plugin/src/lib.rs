//! Drops, numbers and adds segments: the recipe `10-segments` as one custom
//! transformer, `Cookbook.Segments`.
//!
//! Parameters: `Drop`, codes of OBX-3.1 with commas; `Note`, the text of the NTE at
//! the end; `Site`, what ZSI-1 says. Results whose OBX-11 is `X` are dropped, too.

use tureen_plugin_sdk::hl7::SegmentMut;
use tureen_plugin_sdk::prelude::*;

#[derive(Debug, Default)]
struct Segments;

impl Transformer for Segments {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let drop = required(context, "Drop")?;
        let note = required(context, "Note")?;
        let site = required(context, "Site")?;
        let mut number = 0;
        message.for_each_segment("OBX", |result| {
            if is_unwanted(result, &drop)? {
                return result.remove();
            }
            number += 1;
            result.field(1).set(&number.to_string())
        })?;
        message.append("NTE|1")?;
        let last = message.count("NTE")?;
        message.set(&format!("NTE[{last}]-3"), &note)?;
        Ok(message.set("ZSI-1", &site)?)
    }
}

fn is_unwanted(result: &mut SegmentMut<'_>, drop: &str) -> Result<bool, Problem> {
    let code = result.field(3).component(1).text()?;
    let state = result.field(11).text()?;
    let named = drop.split(',').any(|unwanted| unwanted.trim().eq_ignore_ascii_case(&code));
    Ok(named || state.eq_ignore_ascii_case("X"))
}

/// A parameter that the call must have. A missing one is the author's fault.
fn required(context: &Context, name: &str) -> Result<String, StepError> {
    let text = || format!("expected the parameter {name}");
    context.parameter(name).ok_or_else(|| StepError::failed("segments.parameter", text()))
}

tureen_plugin_sdk::transformer!(Segments, handles = ["Cookbook.Segments"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::{Failure, TestRun};

    fn run(message: &str) -> Result<String, Failure> {
        let run = TestRun::new().message(Format::Hl7, message.as_bytes());
        let run = run.parameter("Drop", "ACC").parameter("Note", "Reported by NORTH");
        run.parameter("Site", "NORTH").transform::<Segments>().map(|outcome| outcome.text())
    }

    #[test]
    fn the_cases_of_the_recipe_come_out_as_expected() {
        for (message, expected) in [
            (
                include_str!("../../cases/plain/message.hl7"),
                include_str!("../../cases/plain/expected/files/segments.hl7"),
            ),
            (
                include_str!("../../cases/all-dropped/message.hl7"),
                include_str!("../../cases/all-dropped/expected/files/segments.hl7"),
            ),
        ] {
            assert_eq!(run(message).unwrap(), expected);
        }
    }

    #[test]
    fn notes_of_results_stay_where_they_are() {
        let text = run("MSH|^~\\&|A\nOBX|7||A\nNTE|1||of A\nOBX|9||B\n").unwrap();
        let expected = "MSH|^~\\&|A\nOBX|1||A\nNTE|1||of A\nOBX|2||B\nNTE|1||Reported by NORTH\n\
                        ZSI|NORTH\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_call_without_its_parameters_fails() {
        let failure = TestRun::new()
            .message(Format::Hl7, b"MSH|^~\\&|A\r")
            .transform::<Segments>()
            .unwrap_err();
        assert_eq!(failure.code(), "segments.parameter");
    }
}
