//! (in the making: writes nothing)
use tureen_plugin_sdk::prelude::*;

#[derive(Default)]
struct Nowhere;

impl Activity for Nowhere {
    fn process(
        &mut self,
        _context: &Context,
        _message: &Message,
    ) -> Result<Option<Message>, StepError> {
        Ok(None)
    }
}

tureen_plugin_sdk::activity!(
    Nowhere,
    handles = ["HL7Soup.Functions.Settings.Senders.FileWriterSenderSetting"],
);
