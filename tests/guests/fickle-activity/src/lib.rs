//! An activity that opens well, and breaks down or works as the patient's id asks.

use tureen_plugin_sdk::prelude::*;

struct FickleActivity;

impl Configure for FickleActivity {
    fn configure(_settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        Ok(Self)
    }
}

impl Activity for FickleActivity {
    fn process(
        &mut self,
        _context: &Context,
        message: &Message,
    ) -> Result<Option<Message>, StepError> {
        let asked = message.text("PID-3.1")?;
        assert!(!asked.starts_with("TRAP"), "a panic with {asked}");
        Ok(None)
    }
}

tureen_plugin_sdk::activity!(FickleActivity, handles = ["Test.FickleActivitySetting"]);
