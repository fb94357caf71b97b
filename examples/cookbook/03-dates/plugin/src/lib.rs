//! Writes dates as the receiver reads them: the recipe `03-dates` as one custom
//! transformer, `Cookbook.Dates`.
//!
//! A value keeps its precision: a year stays a year, and what is not a date stays
//! as it came.

use tureen_plugin_sdk::Precision;
use tureen_plugin_sdk::prelude::*;

#[derive(Debug, Default)]
struct Dates;

impl Transformer for Dates {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let born = iso(context, &message.text("PID-7")?, Precision::Day)?;
        let admitted = iso(context, &message.text("PV1-44")?, Precision::Second)?;
        shorten(message, "MSH-7", Precision::Second)?;
        shorten(message, "EVN-2", Precision::Second)?;
        shorten(message, "PID-7", Precision::Day)?;
        message.set("ZDT-1", &born)?;
        Ok(message.set("ZDT-2", &admitted)?)
    }
}

/// Writes a date of any form as HL7 does, not finer than asked for.
fn shorten(message: &mut Message, place: &str, finest: Precision) -> Result<(), StepError> {
    if let Some(date) = DateTime::parse(&message.text(place)?) {
        message.set(place, &date.at_precision(finest).to_string())?;
    }
    Ok(())
}

/// The ISO form of an HL7 date, not finer than asked for.
fn iso(context: &Context, value: &str, finest: Precision) -> Result<String, StepError> {
    let Some(date) = DateTime::parse(value) else { return Ok(value.to_owned()) };
    let pattern = match date.precision().min(finest) {
        Precision::Year => "yyyy",
        Precision::Month => "yyyy-MM",
        // Hardly anybody reads ISO 8601 with an hour alone, and its minutes are not known.
        Precision::Day | Precision::Hour => "yyyy-MM-dd",
        Precision::Minute => "yyyy-MM-ddTHH:mmK",
        Precision::Second | Precision::Fraction(_) => "yyyy-MM-ddTHH:mm:ssK",
    };
    Ok(context.format_date(value, pattern)?)
}

tureen_plugin_sdk::transformer!(Dates, handles = ["Cookbook.Dates"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::TestRun;

    fn run(message: &str) -> String {
        let run = TestRun::new().message(Format::Hl7, message.as_bytes());
        run.transform::<Dates>().unwrap().text()
    }

    #[test]
    fn the_cases_of_the_recipe_come_out_as_expected() {
        for (message, expected) in [
            (
                include_str!("../../cases/plain/message.hl7"),
                include_str!("../../cases/plain/expected/files/dates.hl7"),
            ),
            (
                include_str!("../../cases/coarse/message.hl7"),
                include_str!("../../cases/coarse/expected/files/dates.hl7"),
            ),
        ] {
            assert_eq!(run(message), expected);
        }
    }

    #[test]
    fn a_date_is_never_made_finer_than_it_came() {
        for (born, expected) in [
            ("1970", "1970"),
            ("197012", "1970-12"),
            ("19701231", "1970-12-31"),
            ("197012310304", "1970-12-31"),
            ("", ""),
            ("unknown", "unknown"),
        ] {
            let text = run(&format!("MSH|^~\\&|A\nPID|||||||{born}\n"));
            assert!(text.ends_with(&format!("\nZDT|{expected}|\n")), "{born}: {text}");
        }
        for (admitted, expected) in [
            ("20260102", "2026-01-02"),
            ("20260102+0100", "2026-01-02"),
            ("2026010203", "2026-01-02"),
            ("202601020304Z", "2026-01-02T03:04Z"),
            ("20260102030405.678+0100", "2026-01-02T03:04:05+01:00"),
        ] {
            let fields = "|".repeat(44);
            let text = run(&format!("MSH|^~\\&|A\nPV1{fields}{admitted}\n"));
            assert!(text.ends_with(&format!("\nZDT||{expected}\n")), "{admitted}: {text}");
        }
    }
}
