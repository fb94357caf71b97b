//! The transformer of the workflow format: `TransformerSetting`, and the
//! `Transformers` that a `FilterHostSetting` runs before its conditions.
//!
//! Stage: settings → **program**, once → run for every message. The actions
//! become instructions whose jumps are resolved at load, so that running them
//! only moves a counter (contract 7).

mod actions;
mod code;
mod compile;
mod formatting;
mod program;
mod run;

use program::Program;
use tureen_conditions::Own;
use tureen_plugin_sdk::prelude::*;

/// The actions of one set of transformers.
#[derive(Debug)]
struct HostTransformer {
    own: Own,
    program: Program,
}

impl Configure for HostTransformer {
    fn configure(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let program = compile::program(settings, placement)?;
        Ok(Self { own: Own::new(placement), program })
    }
}

impl Transformer for HostTransformer {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        run::run(&self.program, self.own, context, message)
    }
}

tureen_plugin_sdk::transformer!(
    HostTransformer,
    handles = [
        "HL7Soup.Functions.Settings.TransformerSetting",
        "HL7Soup.Functions.Settings.Filters.FilterHostSetting",
    ],
);

#[cfg(test)]
mod tests;
