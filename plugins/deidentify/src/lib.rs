//! (in the making: empties the name)
use tureen_plugin_sdk::prelude::*;

#[derive(Default)]
struct Deidentify;

impl Transformer for Deidentify {
    fn transform(&self, _context: &Context, message: &mut Message) -> Result<(), StepError> {
        message.set("PID-5", "")?;
        Ok(())
    }
}

tureen_plugin_sdk::transformer!(Deidentify, handles = ["Tureen.Deidentify"]);
