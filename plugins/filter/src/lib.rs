//! (in the making: lets every message pass)
use tureen_plugin_sdk::prelude::*;

#[derive(Default)]
struct Everything;

impl Filter for Everything {
    fn decide(&self, _context: &Context, _message: &Message) -> Result<Verdict, StepError> {
        Ok(Verdict::Pass)
    }
}

tureen_plugin_sdk::filter!(
    Everything,
    handles = ["HL7Soup.Functions.Settings.Filters.FilterHostSetting"],
);
