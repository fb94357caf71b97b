//! Fills a row of CSV from an admission: the recipe `08-hl7-to-csv` as one custom
//! transformer, `Cookbook.Hl7ToCsv`.
//!
//! It is called for the row that the activity's template began, with as many
//! columns as there are fields here, and reads what the receiver got.

use tureen_plugin_sdk::prelude::*;

/// Places of the message in the order of the columns, and the date pattern of those
/// that are dates.
const COLUMNS: [(&str, Option<&str>); 6] = [
    ("PID-3.1", None),
    ("PID-5.1", None),
    ("PID-5.2", None),
    ("PID-7", Some("yyyy-MM-dd")),
    ("PID-8", None),
    ("PV1-3.1", None),
];

#[derive(Debug, Default)]
struct Hl7ToCsv;

impl Transformer for Hl7ToCsv {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let Some(adt) = context.message_of(SettingId::NONE, Direction::Inbound)? else {
            return Err(StepError::failed("row.received", "the receiver has no message"));
        };
        for (column, (place, pattern)) in COLUMNS.into_iter().enumerate() {
            let mut text = adt.text(place)?;
            if let Some(pattern) = pattern {
                text = context.format_date(&text, pattern)?;
            }
            // Quoted by the host where the text asks for it.
            message.set(&format!("[{column}]"), &text)?;
        }
        Ok(())
    }
}

tureen_plugin_sdk::transformer!(Hl7ToCsv, handles = ["Cookbook.Hl7ToCsv"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::TestRun;

    fn run(row: &[u8], adt: &str) -> TestRun {
        TestRun::new()
            .message(Format::Csv, row)
            .owner("c00c0802-0000-4000-8000-000000000002")
            .role("activity-transformers")
            .setting_message("", Direction::Inbound, Format::Hl7, adt.as_bytes())
    }

    #[test]
    fn the_cases_of_the_recipe_come_out_as_expected() {
        for (adt, expected) in [
            (
                include_str!("../../cases/plain/message.hl7"),
                include_str!("../../cases/plain/expected/files/hl7-to-csv.csv"),
            ),
            (
                include_str!("../../cases/no-ward/message.hl7"),
                include_str!("../../cases/no-ward/expected/files/hl7-to-csv.csv"),
            ),
        ] {
            let row = run(b",,,,,", adt).transform::<Hl7ToCsv>().unwrap().text();
            let header = "mrn,family,given,born,sex,ward\n";
            assert_eq!(format!("{header}{row}\n"), expected);
        }
    }

    #[test]
    fn a_template_with_too_few_columns_fails_and_loses_nothing_quietly() {
        let adt = include_str!("../../cases/plain/message.hl7");
        assert!(run(b",,", adt).transform::<Hl7ToCsv>().is_err());
    }
}
