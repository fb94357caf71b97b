//! What the log says when a plugin broke down: who, where, how, with what; and when its step is
//! set aside.
//!
//! # Invariants
//! - Nothing of the message: a guest's own words (its panic, its output) may hold it, and are not
//!   here. Names of functions are the component's, from before any message.

use std::fmt;
use std::time::Duration;

use tureen_sandbox::EndedCall;

use super::breaker::Why;
use super::oversight::StepPlace;
use crate::diagnostics::{Diagnostic, codes, quoted};

/// One breakdown.
pub(super) struct Report<'a> {
    pub(super) place: &'a StepPlace,
    pub(super) call: EndedCall<'a>,
}

impl Report<'_> {
    /// The failure's code, or the outcome where there is none.
    pub(super) fn code(&self) -> &str {
        self.call.failure.map_or(self.call.usage.outcome.name(), |failure| &failure.code)
    }

    /// The engine's name of the trap, if it was one.
    pub(super) fn trap(&self) -> Option<&str> {
        self.call.failure?.breakdown.as_ref()?.trap.as_deref()
    }

    /// The guest's functions, innermost first.
    pub(super) fn stack(&self) -> &[String] {
        let breakdown = self.call.failure.and_then(|failure| failure.breakdown.as_ref());
        breakdown.map_or(&[], |breakdown| &breakdown.stack)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, call } = self;
        let (usage, facts) = (call.usage, call.facts);
        writeln!(out, "the plugin {} broke down: {}", place.plugin_text(), self.code())?;
        writeln!(out, "  outcome   {}{}", usage.outcome.name(), self.trap_text())?;
        writeln!(out, "  workflow  {}", quoted(&place.workflow))?;
        writeln!(out, "  step      {} ({})", quoted(&place.step), place.setting)?;
        if !facts.message_id.is_empty() {
            writeln!(out, "  message   {}, attempt {}", facts.message_id, facts.attempt)?;
        }
        for (number, function) in self.stack().iter().enumerate() {
            let head = if number == 0 { "stack" } else { "" };
            writeln!(out, "  {head:9} {function}")?;
        }
        let (wall, running) = (milliseconds(usage.wall), milliseconds(usage.running));
        write!(
            out,
            "  used      {wall} ms, {running} ms of them running; {} KiB of memory; {} host calls",
            usage.memory_bytes / 1024,
            usage.host_calls
        )
    }
}

impl Report<'_> {
    fn trap_text(&self) -> String {
        self.trap().map(|trap| format!(" ({trap})")).unwrap_or_default()
    }
}

/// The step is set aside from now on.
pub(super) fn set_aside(place: &StepPlace, why: Why, code: &str, retry: Duration) -> Diagnostic {
    let why = match why {
        Why::InARow(times) => format!("broke down {times} times in a row"),
        Why::Ratio { breakdowns, calls } => {
            format!("broke down in {breakdowns} of its last {calls} calls")
        }
    };
    let text = format!(
        "the step {} of the workflow {} is set aside: the plugin {} {why}, at last with {code}",
        quoted(&place.step),
        quoted(&place.workflow),
        place.plugin_text()
    );
    let state = format!(
        "messages that need the step fail with plugin.quarantined, without a call; one is tried in {} ms",
        retry.as_millis()
    );
    let help = "install another version of the plugin, or correct the step's settings; saving the workflow file, too, lets it begin anew";
    place.diagnostic(Diagnostic::new(codes::STEP_SET_ASIDE, text)).help(help).state(state)
}

fn milliseconds(time: Duration) -> String {
    let tenths = time.as_micros() / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests;
