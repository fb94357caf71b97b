//! {{summary}}: a line for every message, in a file of the first granted directory.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use tureen_plugin_sdk::FIRST_DIRECTORY;
use tureen_plugin_sdk::prelude::*;

/// One value lives as long as its workflow's version; its calls come one at a time.
struct {{type}} {
    file: PathBuf,
}

impl Configure for {{type}} {
    /// Reads the settings, once. What is wrong with them is told at its place in the
    /// workflow file.
    fn configure(settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        match settings.text("File")? {
            Some(file) if !file.is_empty() => {
                Ok(Self { file: Path::new(FIRST_DIRECTORY).join(file) })
            }
            _ => Err(settings.error("File", "file.missing", "expected the name of a file").into()),
        }
    }
}

impl Activity for {{type}} {
    /// `open`, `all_succeeded`, `roll_back` and `close` may be written too.
    fn process(
        &mut self,
        _context: &Context,
        message: &Message,
    ) -> Result<Option<Message>, StepError> {
        let line = format!("{} {}\n", message.text("MSH-10")?, message.text("MSH-9.2")?);
        let opened = OpenOptions::new().create(true).append(true).open(&self.file);
        opened.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|error| {
            // What is told is logged: the kind of the error, and nothing of the message.
            StepError::failed("file.write", format!("no line was written: {}", error.kind()))
        })?;
        Ok(None)
    }
}

tureen_plugin_sdk::activity!({{type}}, handles = ["{{handles}}"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::TestRun;

    fn run(settings: &str) -> TestRun {
        TestRun::new()
            .message(Format::Hl7, include_bytes!("../message.hl7"))
            .settings_text(settings)
    }

    /// Natively there is no sandbox: a path may lead anywhere.
    #[test]
    fn a_message_becomes_a_line() {
        let file = std::env::temp_dir().join(format!("{{name}}-{}.txt", std::process::id()));
        let path = file.to_string_lossy().replace('\\', "/");
        let performed = run(&format!("{{\"File\": \"{path}\"}}")).perform::<{{type}}>();
        let written = std::fs::read_to_string(&file);
        let _ = std::fs::remove_file(&file);
        assert!(performed.is_ok(), "{performed:?}");
        assert_eq!(written.unwrap(), "ADT-1001 A01\n");
    }

    #[test]
    fn a_line_that_cannot_be_written_is_an_error() {
        let failure = run(r#"{"File": "no/such/folder/log.txt"}"#).perform::<{{type}}>();
        assert_eq!(failure.unwrap_err().code(), "file.write");
    }

    #[test]
    fn a_file_must_be_named() {
        let failure = run(r#"{"$type": "{{handles}}"}"#).perform::<{{type}}>();
        assert_eq!(failure.unwrap_err().code(), "file.missing");
    }
}
