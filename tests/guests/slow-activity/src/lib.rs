//! An activity that takes its time: it waits until a file exists, and may give a
//! response.

use std::path::Path;
use std::time::Duration;

use tureen_plugin_sdk::FIRST_DIRECTORY;
use tureen_plugin_sdk::prelude::*;

struct SlowActivity {
    wait_for_file: String,
    response: String,
}

impl Configure for SlowActivity {
    fn configure(settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        let wait_for_file = settings.text("WaitForFile")?.unwrap_or_default();
        let response = settings.text("Response")?.unwrap_or_default();
        Ok(Self { wait_for_file, response })
    }
}

impl Activity for SlowActivity {
    fn process(
        &mut self,
        context: &Context,
        _message: &Message,
    ) -> Result<Option<Message>, StepError> {
        let file = Path::new(FIRST_DIRECTORY).join(&self.wait_for_file);
        while !self.wait_for_file.is_empty() && !file.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        if self.response.is_empty() {
            return Ok(None);
        }
        let response = context.expand(&self.response)?;
        Ok(Some(Message::parse(Format::Hl7, response.as_bytes())?))
    }
}

tureen_plugin_sdk::activity!(SlowActivity, handles = ["Test.SlowActivitySetting"]);
