//! Makes one JSON object of a result message: the recipe `05-oru-to-json` as one
//! custom transformer, `Cookbook.OruToJson`.
//!
//! It is called for the JSON message of an activity, and reads what the receiver
//! got.

use serde::Serialize;
use tureen_plugin_sdk::hl7::Segment;
use tureen_plugin_sdk::prelude::*;

#[derive(Serialize)]
struct Report {
    id: String,
    taken: String,
    patient: Patient,
    results: Vec<Observation>,
}

#[derive(Serialize)]
struct Patient {
    mrn: String,
    family: String,
    given: String,
}

#[derive(Serialize)]
struct Observation {
    code: String,
    name: String,
    value: String,
    unit: String,
}

#[derive(Debug, Default)]
struct OruToJson;

impl Transformer for OruToJson {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let Some(received) = context.message_of(SettingId::NONE, Direction::Inbound)? else {
            return Err(StepError::failed("oru.received", "the receiver has no message"));
        };
        let json = serde_json::to_vec(&report(context, &received)?)
            .map_err(|error| StepError::failed("oru.json", error.to_string()))?;
        Ok(message.replace(&json)?)
    }
}

fn report(context: &Context, oru: &Message) -> Result<Report, Problem> {
    let results = oru.segments("OBX")?;
    Ok(Report {
        id: oru.text("MSH-10")?,
        taken: context.format_date(&oru.text("OBR-7")?, "yyyy-MM-ddTHH:mmK")?,
        patient: Patient {
            mrn: oru.text("PID-3.1")?,
            family: oru.text("PID-5.1")?,
            given: oru.text("PID-5.2")?,
        },
        results: results.iter().map(observation).collect(),
    })
}

/// Each segment came in one call; its parts are found without asking the host again.
fn observation(obx: &Segment<'_>) -> Observation {
    Observation {
        code: obx.field(3).component(1).text().into_owned(),
        name: obx.field(3).component(2).text().into_owned(),
        value: obx.field(5).text().into_owned(),
        unit: obx.field(6).component(1).text().into_owned(),
    }
}

tureen_plugin_sdk::transformer!(OruToJson, handles = ["Cookbook.OruToJson"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::TestRun;

    #[test]
    fn the_cases_of_the_recipe_come_out_as_expected() {
        for (message, expected) in [
            (
                include_str!("../../cases/plain/message.hl7"),
                include_str!("../../cases/plain/expected/files/oru-to-json.json"),
            ),
            (
                include_str!("../../cases/no-results/message.hl7"),
                include_str!("../../cases/no-results/expected/files/oru-to-json.json"),
            ),
        ] {
            let run = TestRun::new()
                .message(Format::Json, b"{}")
                .owner("c00c0502-0000-4000-8000-000000000002")
                .role("activity-transformers")
                .setting_message("", Direction::Inbound, Format::Hl7, message.as_bytes());
            let made = run.transform::<OruToJson>().unwrap().text();
            assert_eq!(made, expected.trim_end());
        }
    }
}
