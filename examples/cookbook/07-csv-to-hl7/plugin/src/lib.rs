//! Makes an admission of a row of CSV: the recipe `07-csv-to-hl7` as one custom
//! transformer, `Cookbook.CsvToHl7`.
//!
//! It fills the HL7 message that the activity's template began, and reads the row
//! that the receiver got. Parameter: `Authority`, whose number the patient number
//! is.

use tureen_plugin_sdk::prelude::*;

/// Columns of the row, counted from 0: one place to change when the export does.
const NUMBER: &str = "[2]";
const FAMILY: &str = "[3]";
const GIVEN: &str = "[4]";
const BORN: &str = "[5]";
const SEX: &str = "[6]";
const NOTE: &str = "[7]";

#[derive(Debug, Default)]
struct CsvToHl7;

impl Transformer for CsvToHl7 {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let Some(row) = context.message_of(SettingId::NONE, Direction::Inbound)? else {
            return Err(StepError::failed("csv.received", "the receiver has no message"));
        };
        let Some(authority) = context.parameter("Authority") else {
            return Err(StepError::failed("csv.parameter", "expected the parameter Authority"));
        };
        message.set("PID-3.1", &row.text(NUMBER)?)?;
        message.set("PID-3.4", &authority)?;
        message.set("PID-3.5", "MR")?;
        message.set("PID-5.1", &context.mc_name_case(&row.text(FAMILY)?)?)?;
        message.set("PID-5.2", &context.title_case(&row.text(GIVEN)?)?)?;
        message.set("PID-7", &context.format_date(&row.text(BORN)?, "yyyyMMdd")?)?;
        message.set("PID-8", &row.text(SEX)?)?;
        add_note(message, &row.text(NOTE)?)
    }
}

fn add_note(message: &mut Message, note: &str) -> Result<(), StepError> {
    if !note.is_empty() {
        message.set("NTE-1", "1")?;
        message.set("NTE-3", note)?;
    }
    Ok(())
}

tureen_plugin_sdk::transformer!(CsvToHl7, handles = ["Cookbook.CsvToHl7"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::TestRun;

    /// The message as the template leaves it.
    fn run(row: &str, visit: &str) -> TestRun {
        let begun = format!(
            "MSH|^~\\&|REGISTER|NORTH|ADT|SOUTH|202601020304||ADT^A04^ADT_A01|{visit}|P|2.5.1\n\
             EVN|A04|202601020304\nPID|1\nPV1|1|O\n"
        );
        TestRun::new()
            .delimiter(";")
            .message(Format::Hl7, begun.as_bytes())
            .owner("c00c0702-0000-4000-8000-000000000003")
            .role("activity-transformers")
            .setting_message("", Direction::Inbound, Format::Csv, row.as_bytes())
    }

    #[test]
    fn the_cases_of_the_recipe_come_out_as_expected() {
        for (row, visit, expected) in [
            (
                include_str!("../../cases/plain/message.csv"),
                "F7001",
                include_str!("../../cases/plain/expected/files/csv-to-hl7.hl7"),
            ),
            (
                include_str!("../../cases/no-note/message.csv"),
                "F7002",
                include_str!("../../cases/no-note/expected/files/csv-to-hl7.hl7"),
            ),
        ] {
            let run = run(row, visit).parameter("Authority", "NORTH");
            assert_eq!(run.transform::<CsvToHl7>().unwrap().text(), expected);
        }
    }

    #[test]
    fn a_call_without_its_parameter_fails() {
        let failure = run("a;b\n", "1").transform::<CsvToHl7>().unwrap_err();
        assert_eq!(failure.code(), "csv.parameter");
    }
}
