//! The filter of the workflow format: `FilterHostSetting`.
//!
//! Its conditions are pass criteria; an empty list lets every message pass.
//! Its `Transformers` are run before it, by the plugin of transformers.

use std::cell::Cell;
use tureen_conditions::{Conditions, Loops, Outcome, Own, Sight, located};
use tureen_plugin_sdk::prelude::*;

/// The conditions of one filter.
#[derive(Debug)]
struct HostFilter {
    own: Own,
    conditions: Conditions,
}

impl Configure for HostFilter {
    fn configure(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let conditions = Conditions::read(settings, "Filters", placement)?;
        Ok(Self { own: Own::new(placement), conditions })
    }
}

impl Filter for HostFilter {
    fn decide(&self, context: &Context, message: &Message) -> Result<Verdict, StepError> {
        let (loops, warned) = (Loops::default(), Cell::new(false));
        let sight =
            Sight { context, target: message, own: self.own, loops: &loops, warned: &warned };
        Ok(match self.conditions.evaluate(&sight).map_err(located)? {
            Outcome::Holds => Verdict::Pass,
            Outcome::Fails(reason) => Verdict::Stop(reason),
        })
    }
}

tureen_plugin_sdk::filter!(
    HostFilter,
    handles = ["HL7Soup.Functions.Settings.Filters.FilterHostSetting"],
);

#[cfg(test)]
mod tests;
