//! What the home's configuration means for one plugin, in sentences.

use std::time::Duration;

use tureen_sandbox::Kind;

use crate::config::Faults;
use crate::plugins::Installed;

/// How the settings of a step come into an instance.
pub(super) struct Settings {
    /// May fresh instances start with them, from a snapshot?
    pub(super) from_snapshot: bool,
    pub(super) text: String,
}

impl Settings {
    /// `snapshots` is `[plugins_cache] snapshots`.
    pub(super) fn of(installed: &Installed, snapshots: bool) -> Self {
        let plugin = &installed.plugin;
        let anew = |why: &str| {
            let text = format!("read anew by each fresh instance, without a snapshot: {why}");
            Self { from_snapshot: false, text }
        };
        let once = |text: &str| Self { from_snapshot: false, text: text.to_owned() };
        if plugin.kind == Kind::Activity {
            once("read once, when its workflow's version starts: it needs no snapshot")
        } else if installed.reuse {
            once("read once by an instance that serves many messages: it needs no snapshot")
        } else if !snapshots {
            anew("[plugins_cache] snapshots is false")
        } else if let Some(why) = plugin.no_snapshot_because() {
            anew(&why)
        } else {
            let text = "read once, and kept in a snapshot that fresh instances start from; where reading them calls the host, or ends otherwise the second time, each instance reads them anew (the log says so at level debug)";
            Self { from_snapshot: true, text: text.to_owned() }
        }
    }
}

/// When a step of the plugin is set aside, and how it comes back. `is_own`: something of it
/// stands in the plugin's own section.
pub(super) fn fault_budget(budget: &Faults, is_own: bool) -> String {
    let section = if is_own { "[faults] and its own faults" } else { "[faults]" };
    if !budget.on {
        return format!("never set aside, however often it breaks down ({section}: on = false)");
    }
    let milliseconds = Duration::from_millis;
    format!(
        "a step is set aside after {} breakdowns in a row, or when more than {} % of its calls break down within {} s, {} calls at least; one message is tried after {:?}, then after twice as long each time, at most {:?} ({section})",
        budget.consecutive,
        budget.ratio_percent,
        budget.window_seconds,
        budget.ratio_calls,
        milliseconds(budget.back_off_minimum_milliseconds),
        milliseconds(budget.back_off_maximum_milliseconds),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_told_with_all_its_numbers() {
        let budget = Faults { consecutive: 7, ratio_percent: 41, ..Faults::default() };
        let text = fault_budget(&budget, true);
        for part in ["7 breakdowns", "41 %", "60 s", "20 calls", "1s", "60s", "its own"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let off = fault_budget(&Faults { on: false, ..budget }, false);
        assert!(off.contains("never") && off.contains("[faults]: on = false"), "{off}");
    }
}
