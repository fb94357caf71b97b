//! The report for a person, from the result to the figures.
//!
//! # Invariants
//! - What a plugin wrote stays on its line and moves no cursor: names, texts and messages go
//!   through [`one_line`], values through [`shown`].

use std::time::Duration;

use tureen_sandbox::{Failure, Fault, LogLevel, LogLine, Verdict};

use super::Report;
use crate::cli::output;
use crate::cli::plugin::test::advice;
use crate::cli::plugin::test::calls::{Answered, Lived, Ran};
use crate::cli::test::Inside;
use crate::diagnostics::one_line;

/// Places that are shown; the others are counted.
const PLACES_MAX: usize = 100;

/// Characters of a value that are shown.
const VALUE_MAX: usize = 300;

impl Report<'_> {
    pub(in crate::cli::plugin::test) fn print(&self) {
        let plugin = &self.candidate.installed.plugin;
        output::line(&format!("{} {} ({})", plugin.name, plugin.version, plugin.kind.name()));
        for found in self.refused.iter().chain(&self.warnings) {
            output::line(&found.to_string());
        }
        match &self.ran {
            None => output::line("result: refused; it was not run"),
            Some(ran) => self.print_ran(ran),
        }
        self.print_figures();
        self.print_expected();
    }

    fn print_ran(&self, ran: &Ran) {
        match &ran.first.answer {
            Ok(Answered::Verdict(Verdict::Stop(reason))) => {
                output::line(&format!("result: stop, {reason}"));
            }
            Ok(_) => output::line(&format!("result: {}", self.outcome())),
            Err(failure) => print_failure(self.outcome(), failure),
        }
        print_places("changes:", &self.changes(), "->");
        self.print_variables();
        if let Ok(Answered::Performed { response }) = &ran.first.answer {
            match response {
                Some(response) => print_response(response),
                None => output::line("response: none"),
            }
        }
        print_log("log:", &ran.first.log);
        if !ran.first.notifications.is_empty() {
            output::line("notifications:");
        }
        for notification in &ran.first.notifications {
            let urgency = if notification.critical { "critical: " } else { "" };
            output::line(&format!("    {urgency}{}", one_line(&notification.text)));
        }
        if ran.first.answer.is_ok() {
            for lived in ran.life.iter().filter(|it| it.failure.is_some() || !it.log.is_empty()) {
                print_lived(lived);
            }
        }
    }

    fn print_variables(&self) {
        let (set, unset) = (self.variables(), self.unset());
        if !set.is_empty() || !unset.is_empty() {
            output::line("variables:");
        }
        for (name, before, after) in set {
            let before = before.map_or(String::new(), |before| format!("{} -> ", shown(before)));
            output::line(&format!("    {} = {before}{}", one_line(name), shown(after)));
        }
        for name in unset {
            output::line(&format!("    {} is unset", one_line(name)));
        }
    }

    fn print_figures(&self) {
        if let Some([shortest, middle, longest]) = self.times() {
            let runs = self.ran.as_ref().map_or(0, |ran| ran.times.len());
            let times = match runs {
                1 => milliseconds(middle),
                _ => format!(
                    "{} in the middle of {runs} runs, {} to {}",
                    milliseconds(middle),
                    milliseconds(shortest),
                    milliseconds(longest)
                ),
            };
            let instance = if self.candidate.installed.reuse { "kept" } else { "fresh for each" };
            output::line(&format!("time: {times} (instance: {instance})"));
        }
        if let Some(took) = self.settings_read {
            output::line(&format!("settings read in {}", milliseconds(took)));
        }
        let life = self.ran.iter().flat_map(|ran| &ran.life);
        let life: Vec<String> =
            life.map(|it| format!("{} {}", it.call, milliseconds(it.took))).collect();
        if !life.is_empty() {
            output::line(&format!("life: {}", life.join(", ")));
        }
        if let Some(ran) = self.ran.as_ref().filter(|ran| !ran.differing.is_empty()) {
            let numbers: Vec<String> = ran.differing.iter().take(10).map(u64::to_string).collect();
            output::line(&format!(
                "NOT THE SAME: {} of {} runs gave something else than the first, such as number {}\n  help: does it keep something between messages, or use the time or random numbers?",
                ran.differing.len(),
                ran.times.len(),
                numbers.join(", ")
            ));
        }
        self.print_limits();
    }

    /// What it used, of what it may; without a run, what it may.
    fn print_limits(&self) {
        let limits = &self.candidate.installed.limits;
        if let Some(Ran { used, .. }) = &self.ran {
            output::line(&format!(
                "used: {} running of {:?}, {} host calls of {}, {} bytes of memory of {}",
                milliseconds(used.running),
                limits.running_time,
                used.host_calls,
                limits.host_calls,
                used.memory_bytes,
                limits.memory_bytes
            ));
            if used.log_lines_cut > 0 {
                let (lines, bytes) = (limits.log_lines, limits.log_bytes);
                output::line(&format!(
                    "log lines over the limits of {lines} lines and {bytes} bytes: {}",
                    used.log_lines_cut
                ));
            }
        } else {
            output::line(&format!(
                "limits: {:?} for a call, {:?} running, {} host calls, {} bytes of memory",
                limits.call_time, limits.running_time, limits.host_calls, limits.memory_bytes
            ));
        }
        for grant in &self.candidate.installed.grants.directories {
            let right = if grant.write { "read and write" } else { "read" };
            output::line(&format!("granted: {right} below {}", grant.path.display()));
        }
        for note in &self.notes {
            output::line(&format!("uses: {note}"));
        }
    }

    fn print_expected(&self) {
        match self.unexpected() {
            None => {}
            Some(none) if none.is_empty() => output::line("as expected"),
            Some(differences) => print_places("NOT AS EXPECTED:", &differences, "found"),
        }
    }
}

fn print_failure(outcome: &str, failure: &Failure) {
    let fault = match failure.fault {
        Fault::Sender => "the message",
        Fault::Author => "the step or its settings",
        Fault::Plugin => "the plugin",
        Fault::Host => "something outside",
    };
    output::line(&format!("result: {outcome}, {} (at fault: {fault})", failure.code));
    output::line(&format!("    {}", failure.text));
    if let Some(place) = &failure.place {
        output::line(&format!("    at {place}"));
    }
    for function in failure.breakdown.iter().flat_map(|breakdown| &breakdown.stack) {
        output::line(&format!("    in {function}"));
    }
    if let Some(after) = failure.retry_after_ms {
        output::line(&format!("    {}", when_to_retry(after)));
    }
    output::line(&format!("    {}", advice::on(&failure.code, failure.fault)));
}

/// A plugin that does not know how long to wait says 0.
fn when_to_retry(after_ms: u32) -> String {
    match after_ms {
        0 => "it may help to try again".to_owned(),
        after => format!("it may help to try again after {after} ms"),
    }
}

/// A message that an activity gave back: segments on lines of their own.
fn print_response(bytes: &[u8]) {
    output::line("response:");
    let text = String::from_utf8_lossy(bytes);
    for segment in text.split(['\r', '\n']).filter(|segment| !segment.is_empty()) {
        output::line(&format!("    {}", one_line(segment)));
    }
}

fn print_lived(lived: &Lived) {
    if let Some(failure) = &lived.failure {
        output::line(&format!("{} failed: {} {}", lived.call, failure.code, failure.text));
        output::line(&format!("    {}", advice::on(&failure.code, failure.fault)));
    }
    print_log(&format!("log of {}:", lived.call), &lived.log);
}

fn print_log(head: &str, lines: &[LogLine]) {
    if !lines.is_empty() {
        output::line(head);
    }
    for line in lines {
        output::line(&format!("    {:<5} {}", level(line.level), one_line(&line.text)));
    }
}

pub(super) fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

/// Each place with the two values that it has or had.
fn print_places(head: &str, places: &[Inside], between: &str) {
    if !places.is_empty() {
        output::line(head);
    }
    let value = |it: &Option<String>| it.as_ref().map_or("nothing".to_owned(), |it| shown(it));
    let width = places.iter().take(PLACES_MAX).map(|(place, ..)| place.len()).max().unwrap_or(0);
    for (place, one, other) in places.iter().take(PLACES_MAX) {
        let (place, one, other) = (one_line(place), value(one), value(other));
        output::line(&format!("    {place:<width$}  {one} {between} {other}"));
    }
    if let Some(more @ 1..) = places.len().checked_sub(PLACES_MAX) {
        output::line(&format!("    and {more} more places"));
    }
}

/// A value on one line, cut short.
fn shown(text: &str) -> String {
    let head: String = text.chars().take(VALUE_MAX).collect();
    match text.chars().count().saturating_sub(VALUE_MAX) {
        0 => format!("{head:?}"),
        more => format!("{head:?}… ({more} more characters)"),
    }
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_of_no_time_is_no_hint() {
        for (after, expected) in
            [(0, "it may help to try again"), (250, "it may help to try again after 250 ms")]
        {
            assert_eq!(when_to_retry(after), expected);
        }
    }
}
