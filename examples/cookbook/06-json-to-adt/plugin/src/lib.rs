//! Makes an admission of a JSON object: the recipe `06-json-to-adt` as one custom
//! transformer, `Cookbook.JsonToAdt`.
//!
//! It fills the HL7 message that the activity's template began, and reads what the
//! receiver got. Parameter: `Authority`, whose number the patient number is.

use tureen_plugin_sdk::prelude::*;

/// Members of the object, and where their text goes.
const TEXTS: [(&str, &str); 6] = [
    ("patient/mrn", "PID-3.1"),
    ("patient/name/family", "PID-5.1"),
    ("patient/name/given[1]", "PID-5.2"),
    ("patient/name/given[2]", "PID-5.3"),
    ("ward/code", "PV1-3.1"),
    ("ward/bed", "PV1-3.3"),
];

#[derive(Debug, Default)]
struct JsonToAdt;

impl Transformer for JsonToAdt {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let Some(json) = context.message_of(SettingId::NONE, Direction::Inbound)? else {
            return Err(StepError::failed("adt.received", "the receiver has no message"));
        };
        let Some(authority) = context.parameter("Authority") else {
            return Err(StepError::failed("adt.parameter", "expected the parameter Authority"));
        };
        for (member, place) in TEXTS {
            message.set(place, &json.text(member)?)?;
        }
        message.set("PID-3.4", &authority)?;
        message.set("PID-3.5", "MR")?;
        message.set("PID-7", &context.format_date(&json.text("patient/born")?, "yyyyMMdd")?)?;
        message.set("PID-8", &sex(&json.text("patient/gender")?))?;
        add_allergies(&json, message)
    }
}

/// `female` becomes `F`: the first letter of FHIR's words is the code of HL7's
/// table 0001.
fn sex(gender: &str) -> String {
    gender.chars().take(1).map(|letter| letter.to_ascii_uppercase()).collect()
}

fn add_allergies(json: &Message, message: &mut Message) -> Result<(), StepError> {
    for number in 1..=json.count("allergies")? {
        message.set(&format!("AL1[{number}]-1"), &number.to_string())?;
        for (member, component) in [("code", 1), ("text", 2)] {
            let text = json.text(&format!("allergies[{number}]/{member}"))?;
            message.set(&format!("AL1[{number}]-3.{component}"), &text)?;
        }
    }
    Ok(())
}

tureen_plugin_sdk::transformer!(JsonToAdt, handles = ["Cookbook.JsonToAdt"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::TestRun;

    /// The message as the template leaves it.
    fn run(received: &str, id: &str, at: &str) -> TestRun {
        let begun = format!(
            "MSH|^~\\&|PORTAL|NORTH|ADT|SOUTH|{at}||ADT^A01^ADT_A01|{id}|P|2.5.1\n\
             EVN|A01|{at}\nPID|1\nPV1|1|I\n"
        );
        TestRun::new()
            .message(Format::Hl7, begun.as_bytes())
            .owner("c00c0602-0000-4000-8000-000000000003")
            .role("activity-transformers")
            .setting_message("", Direction::Inbound, Format::Json, received.as_bytes())
    }

    #[test]
    fn the_cases_of_the_recipe_come_out_as_expected() {
        for (received, id, at, expected) in [
            (
                include_str!("../../cases/plain/message.json"),
                "F6001",
                "20260102030405+0100",
                include_str!("../../cases/plain/expected/files/json-to-adt.hl7"),
            ),
            (
                include_str!("../../cases/no-allergies/message.json"),
                "F6002",
                "20260102030405+0000",
                include_str!("../../cases/no-allergies/expected/files/json-to-adt.hl7"),
            ),
        ] {
            let run = run(received, id, at).parameter("Authority", "NORTH");
            assert_eq!(run.transform::<JsonToAdt>().unwrap().text(), expected);
        }
    }

    #[test]
    fn a_call_without_its_parameter_fails() {
        let failure = run("{}", "1", "2026").transform::<JsonToAdt>().unwrap_err();
        assert_eq!(failure.code(), "adt.parameter");
    }
}
