//! {{summary}}: of the places that a path means, only the digits stay.
//!
//! A workflow uses it in one of two ways. A `CustomTransformerAction` gives the path as
//! a parameter and has no settings; a setting of this class, which `Transformers` links
//! to, has it in its settings.

use tureen_plugin_sdk::prelude::*;

struct {{type}} {
    path: Option<String>,
}

impl Configure for {{type}} {
    /// Reads the settings, once. What is wrong with them is told at its place in the
    /// workflow file: by `?` here, or by `settings.error(...)`.
    fn configure(settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        Ok(Self { path: settings.text("Path")? })
    }
}

impl Transformer for {{type}} {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let Some(path) = context.parameter("Path").or_else(|| self.path.clone()) else {
            let text = "expected a path: as parameter Path, or as setting Path";
            return Err(StepError::failed("path.missing", text));
        };
        for place in message.find(&path)? {
            let text = message.text(&place)?;
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            message.set(&place, &digits)?;
        }
        Ok(())
    }
}

tureen_plugin_sdk::transformer!({{type}}, handles = ["{{handles}}"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::{Failure, TestRun};

    fn run() -> TestRun {
        TestRun::new().message(Format::Hl7, include_bytes!("../message.hl7"))
    }

    #[test]
    fn every_repetition_keeps_its_digits() -> Result<(), Failure> {
        let outcome = run().settings_text(include_str!("../settings.json")).transform::<{{type}}>()?;
        assert!(outcome.text().contains("|5550142~5550143"), "{}", outcome.text());
        Ok(())
    }

    #[test]
    fn a_parameter_counts_more_than_the_settings() -> Result<(), Failure> {
        let outcome = run().parameter("Path", "PID-3.1").transform::<{{type}}>()?;
        assert!(outcome.text().contains("|778899^^^NORTHWING^MR|"), "{}", outcome.text());
        Ok(())
    }

    #[test]
    fn without_a_path_it_fails() {
        let failure = run().transform::<{{type}}>().unwrap_err();
        assert_eq!(failure.code(), "path.missing");
    }
}
