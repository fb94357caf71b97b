//! Writes dates as the receiver reads them: the recipe `03-dates` as one custom
//! transformer, `Cookbook.Dates`.
//!
//! A value keeps its precision: a year stays a year, and what is not a date stays
//! as it came.

use tureen_plugin_sdk::prelude::*;

#[derive(Debug, Default)]
struct Dates;

impl Transformer for Dates {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let born = iso(context, &message.text("PID-7")?, "yyyy-MM-dd")?;
        let admitted = iso(context, &message.text("PV1-44")?, "yyyy-MM-ddTHH:mm:ssK")?;
        shorten(context, message, "MSH-7", 14, "yyyyMMddHHmmsszzz")?;
        shorten(context, message, "EVN-2", 14, "yyyyMMddHHmmsszzz")?;
        shorten(context, message, "PID-7", 8, "yyyyMMdd")?;
        message.set("ZDT-1", &born)?;
        message.set("ZDT-2", &admitted)?;
        Ok(())
    }
}

/// Writes a place by a pattern when it is longer than the pattern's date.
fn shorten(
    context: &Context,
    message: &mut Message,
    place: &str,
    length: usize,
    pattern: &str,
) -> Result<(), StepError> {
    let value = message.text(place)?;
    if value.chars().count() > length {
        // .NET writes zones with a colon, HL7 without.
        let written = formatted(context, &value, pattern)?.replace(':', "");
        message.set(place, &written)?;
    }
    Ok(())
}

/// The ISO form of an HL7 date, at most as fine as `finest`.
fn iso(context: &Context, value: &str, finest: &str) -> Result<String, StepError> {
    let pattern = match value.bytes().take_while(u8::is_ascii_digit).count() {
        0..6 => "yyyy",
        6..8 => "yyyy-MM",
        8..12 => "yyyy-MM-dd",
        12..14 => "yyyy-MM-ddTHH:mmK",
        _ => "yyyy-MM-ddTHH:mm:ssK",
    };
    let pattern = if finest.len() < pattern.len() { finest } else { pattern };
    formatted(context, value, pattern)
}

fn formatted(context: &Context, value: &str, pattern: &str) -> Result<String, StepError> {
    Ok(context.format(value, &[("Format".to_owned(), pattern.to_owned())])?)
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
                include_str!("../../cases/plain/expected/Copy.hl7"),
            ),
            (
                include_str!("../../cases/coarse/message.hl7"),
                include_str!("../../cases/coarse/expected/Copy.hl7"),
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
    }
}
