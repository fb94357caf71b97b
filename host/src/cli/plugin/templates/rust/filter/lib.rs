//! {{summary}}: a message goes on when the value at a place is one of a list.

use tureen_plugin_sdk::prelude::*;

struct {{type}} {
    path: String,
    values: Vec<String>,
}

impl Configure for {{type}} {
    /// Reads the settings, once. What is wrong with them is told at its place in the
    /// workflow file.
    fn configure(settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        let path = settings.text("Path")?.unwrap_or_default();
        if path.is_empty() {
            return Err(settings.error("Path", "path.missing", "expected a path").into());
        }
        let list = settings.text("Values")?.unwrap_or_default();
        let values: Vec<String> = list.split(',').map(|value| value.trim().to_owned()).collect();
        if values.iter().any(String::is_empty) {
            let text = "expected values with commas between them, such as A01, A04";
            return Err(settings.error("Values", "values.list", text).into());
        }
        Ok(Self { path, values })
    }
}

impl Filter for {{type}} {
    fn decide(&self, _context: &Context, message: &Message) -> Result<Verdict, StepError> {
        let found = message.text(&self.path)?;
        if self.values.contains(&found) {
            return Ok(Verdict::Pass);
        }
        // The reason is logged: it may hold the path, and nothing of the message.
        Ok(Verdict::Stop(format!("{} is none of the values", self.path)))
    }
}

tureen_plugin_sdk::filter!({{type}}, handles = ["{{handles}}"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::{Failure, TestRun};

    fn run(settings: &str) -> TestRun {
        TestRun::new()
            .message(Format::Hl7, include_bytes!("../message.hl7"))
            .settings_text(settings)
    }

    #[test]
    fn a_value_of_the_list_goes_on() -> Result<(), Failure> {
        let decision = run(include_str!("../settings.json")).filter::<{{type}}>()?;
        assert_eq!(decision.verdict, Verdict::Pass);
        Ok(())
    }

    #[test]
    fn any_other_value_stops() -> Result<(), Failure> {
        let decision = run(r#"{"Path": "MSH-9.2", "Values": "A03"}"#).filter::<{{type}}>()?;
        assert!(matches!(decision.verdict, Verdict::Stop(_)), "{:?}", decision.verdict);
        Ok(())
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused() {
        for (settings, code) in [
            (r#"{"Values": "A01"}"#, "path.missing"),
            (r#"{"Path": "MSH-9.2"}"#, "values.list"),
            (r#"{"Path": "MSH-9.2", "Values": "A01,,A04"}"#, "values.list"),
        ] {
            assert_eq!(run(settings).filter::<{{type}}>().unwrap_err().code(), code, "{settings}");
        }
    }
}
