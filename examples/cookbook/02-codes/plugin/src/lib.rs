//! Translates codes by lookup tables: the recipe `02-codes` as one custom
//! transformer, `Cookbook.Codes`.
//!
//! Tables: `sex`, whose default is `U`; `wards` and `tests`, whose default is the
//! code as it came.

use tureen_plugin_sdk::hl7::SegmentMut;
use tureen_plugin_sdk::prelude::*;

/// What a sex is that the table does not have.
const UNKNOWN_SEX: &str = "U";

#[derive(Debug, Default)]
struct Codes;

impl Transformer for Codes {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let sex = translation(context, "sex", &message.text("PID-8")?)?;
        message.set("PID-8", sex.as_deref().unwrap_or(UNKNOWN_SEX))?;
        if let Some(ward) = translation(context, "wards", &message.text("PV1-3.1")?)? {
            message.set("PV1-3.1", &ward)?;
        }
        message.for_each_segment("OBX", |result| {
            let code = result.field(3).component(1).text()?;
            match translation(context, "tests", &code)? {
                Some(test) => name_test(result, &test),
                None => Ok(()),
            }
        })
    }
}

/// The other code; `None` where the table has none. A table that does not exist
/// is an error of `lookup`, and no default.
fn translation(context: &Context, table: &str, code: &str) -> Result<Option<String>, StepError> {
    Ok(context.lookup(table, code)?.filter(|code| !code.is_empty()))
}

/// The national code comes first; the local triplet becomes the alternate one.
fn name_test(result: &mut SegmentMut<'_>, test: &str) -> Result<(), StepError> {
    for (local, alternate) in [(1, 4), (2, 5), (3, 6)] {
        let text = result.field(3).component(local).text()?;
        result.field(3).component(alternate).set(&text)?;
    }
    result.field(3).component(1).set(test)?;
    Ok(result.field(3).component(3).set("LN")?)
}

tureen_plugin_sdk::transformer!(Codes, handles = ["Cookbook.Codes"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::TestRun;

    /// The recipe's own tables.
    fn run(message: &str) -> TestRun {
        let run = TestRun::new().message(Format::Hl7, message.as_bytes());
        [
            ("sex", include_str!("../../tables/sex.csv")),
            ("wards", include_str!("../../tables/wards.csv")),
            ("tests", include_str!("../../tables/tests.csv")),
        ]
        .into_iter()
        .fold(run, |run, (name, table)| {
            let rows: Vec<_> = table.lines().filter_map(|line| line.split_once(',')).collect();
            run.table(name, &rows)
        })
    }

    #[test]
    fn the_cases_of_the_recipe_come_out_as_expected() {
        for (message, expected) in [
            (
                include_str!("../../cases/plain/message.hl7"),
                include_str!("../../cases/plain/expected/files/codes.hl7"),
            ),
            (
                include_str!("../../cases/unknown-codes/message.hl7"),
                include_str!("../../cases/unknown-codes/expected/files/codes.hl7"),
            ),
            (
                include_str!("../../cases/null-sex/message.hl7"),
                include_str!("../../cases/null-sex/expected/files/codes.hl7"),
            ),
            (
                include_str!("../../cases/codes-in-small-letters/message.hl7"),
                include_str!("../../cases/codes-in-small-letters/expected/files/codes.hl7"),
            ),
        ] {
            assert_eq!(run(message).transform::<Codes>().unwrap().text(), expected);
        }
    }

    #[test]
    fn a_home_without_the_tables_fails_instead_of_taking_the_default() {
        let run = TestRun::new().message(Format::Hl7, b"MSH|^~\\&|A\rPID|||||||1\r");
        assert!(run.transform::<Codes>().is_err());
    }
}
