//! Plugins' log lines as events: which of them may be shown, and how many in a minute.
//!
//! Deliberately does not know: what a line says, and who reads the log.
//!
//! # Invariants
//! - Only the standard plugins are known to keep message content out of their lines; a third
//!   party's lines are for who asks for debug output.
//! - Of one plugin no more lines are shown in a minute than its limit allows, all its steps and
//!   workflows together; how many were cut is told in one line, and counted.
//! - What a plugin wrote is one line: it cannot write one that looks like the server's own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::Level;
use tureen_sandbox::{CallFacts, LogLevel, LogLine};

use crate::config::ServerConfig;
use crate::diagnostics::one_line;
use crate::workflow::running::StepName;

/// The log target of plugins' lines.
const PLUGIN_LINES: &str = "tureen::plugin";

/// Lines of one plugin in one minute, unless `log_lines_per_minute` says otherwise.
const LINES_PER_MINUTE: u32 = 1_000;

const MINUTE: Duration = Duration::from_secs(60);

/// Plugins whose lines are counted. More than any home has; beyond it nothing is shown.
const PLUGINS_MAX: usize = 10_000;

/// What plugins wrote in the last minute. Outlives versions of workflows.
#[derive(Default)]
pub(super) struct PluginLines {
    by_plugin: Mutex<HashMap<String, Minute>>,
}

struct Minute {
    began: Instant,
    shown: u32,
    /// In this minute.
    cut: u64,
    /// In all of them.
    cut_ever: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    is_shown: bool,
    /// So many were cut in the minute before: to be told now.
    were_cut: Option<u64>,
}

impl PluginLines {
    /// Shows a line, if it may be shown.
    pub(super) fn show(
        &self,
        step: &StepName,
        facts: &CallFacts,
        line: &LogLine,
        config: &ServerConfig,
    ) {
        let level = level_of(step, line);
        if !is_enabled(level) {
            return;
        }
        let plugin = line.plugin.as_str();
        let own = config.plugins.get(plugin).and_then(|it| it.log_lines_per_minute);
        let verdict = self.count(plugin, own.unwrap_or(LINES_PER_MINUTE), Instant::now());
        if let Some(count) = verdict.were_cut {
            tell_cut(plugin, count);
        }
        if verdict.is_shown {
            event(level, step, facts, line);
        }
    }

    /// Tells of minutes in which lines were cut and nothing was written since.
    pub(super) fn tell_of_the_rest(&self) {
        let mut known = self.by_plugin.lock().unwrap_or_else(PoisonError::into_inner);
        for (plugin, minute) in known.iter_mut().filter(|(_, minute)| minute.cut > 0) {
            tell_cut(plugin, std::mem::take(&mut minute.cut));
        }
    }

    /// Lines that were cut since the start, by plugin, in no order.
    pub(super) fn cut(&self) -> Vec<(String, u64)> {
        let known = self.by_plugin.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = known.iter().filter(|(_, minute)| minute.cut_ever > 0);
        cut.map(|(plugin, minute)| (plugin.clone(), minute.cut_ever)).collect()
    }

    fn count(&self, plugin: &str, allowed: u32, now: Instant) -> Verdict {
        let mut known = self.by_plugin.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(plugin) {
            if known.len() >= PLUGINS_MAX {
                return Verdict { is_shown: false, were_cut: None };
            }
            let minute = Minute { began: now, shown: 0, cut: 0, cut_ever: 0 };
            known.insert(plugin.to_owned(), minute);
        }
        let Some(minute) = known.get_mut(plugin) else {
            return Verdict { is_shown: false, were_cut: None };
        };
        let mut were_cut = None;
        if now.saturating_duration_since(minute.began) >= MINUTE {
            were_cut = Some(minute.cut).filter(|count| *count > 0);
            *minute = Minute { began: now, shown: 0, cut: 0, cut_ever: minute.cut_ever };
        }
        let is_shown = minute.shown < allowed;
        if is_shown {
            minute.shown += 1;
        } else {
            minute.cut = minute.cut.saturating_add(1);
            minute.cut_ever = minute.cut_ever.saturating_add(1);
        }
        Verdict { is_shown, were_cut }
    }
}

fn tell_cut(plugin: &str, count: u64) {
    tracing::warn!(
        target: PLUGIN_LINES, plugin, count,
        "{count} lines of the plugin were cut: over log_lines_per_minute"
    );
}

/// A third party's lines are never above debug.
fn level_of(step: &StepName, line: &LogLine) -> LogLevel {
    match (step.speaks(&line.plugin), line.level) {
        (false, LogLevel::Info | LogLevel::Warn | LogLevel::Error) => LogLevel::Debug,
        (_, level) => level,
    }
}

fn is_enabled(level: LogLevel) -> bool {
    match level {
        LogLevel::Trace => tracing::enabled!(target: PLUGIN_LINES, Level::TRACE),
        LogLevel::Debug => tracing::enabled!(target: PLUGIN_LINES, Level::DEBUG),
        LogLevel::Info => tracing::enabled!(target: PLUGIN_LINES, Level::INFO),
        LogLevel::Warn => tracing::enabled!(target: PLUGIN_LINES, Level::WARN),
        LogLevel::Error => tracing::enabled!(target: PLUGIN_LINES, Level::ERROR),
    }
}

fn event(level: LogLevel, step: &StepName, facts: &CallFacts, line: &LogLine) {
    let (plugin, name, text) = (line.plugin.as_str(), step.name.as_str(), one_line(&line.text));
    let CallFacts { workflow, message_id: id, .. } = facts;
    macro_rules! write {
        ($level:ident) => {
            tracing::$level!(target: PLUGIN_LINES, plugin, workflow, step = name, id, "{text}")
        };
    }
    match level {
        LogLevel::Trace => write!(trace),
        LogLevel::Debug => write!(debug),
        LogLevel::Info => write!(info),
        LogLevel::Warn => write!(warn),
        LogLevel::Error => write!(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(is_shown: bool) -> Verdict {
        Verdict { is_shown, were_cut: None }
    }

    #[test]
    fn a_plugin_s_lines_are_cut_over_its_limit_and_the_next_minute_tells_how_many() {
        let lines = PluginLines::default();
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(lines.count("loud", 3, start), shown(true));
        }
        for _ in 0..5 {
            assert_eq!(lines.count("loud", 3, start + MINUTE / 2), shown(false));
        }
        assert_eq!(lines.count("quiet", 3, start), shown(true), "each has its own limit");
        assert_eq!(lines.cut(), [("loud".to_owned(), 5)]);
        let told = Verdict { is_shown: true, were_cut: Some(5) };
        assert_eq!(lines.count("loud", 3, start + MINUTE), told);
        assert_eq!(lines.count("loud", 3, start + MINUTE), shown(true), "it is told once");
        assert_eq!(lines.count("silent", 0, start), shown(false));
        assert_eq!(lines.cut().iter().map(|(_, count)| count).sum::<u64>(), 6);
    }

    #[test]
    fn a_third_party_is_never_above_debug() {
        let step = |trusted| StepName { name: "s".into(), plugin: "p".into(), trusted };
        let line = |plugin: &str, level| LogLine { plugin: plugin.into(), level, text: "".into() };
        for (trusted, plugin, level, expected) in [
            (true, "p", LogLevel::Error, LogLevel::Error),
            (true, "nested", LogLevel::Error, LogLevel::Debug),
            (false, "p", LogLevel::Warn, LogLevel::Debug),
            (false, "p", LogLevel::Trace, LogLevel::Trace),
            (true, "p", LogLevel::Trace, LogLevel::Trace),
        ] {
            assert_eq!(level_of(&step(trusted), &line(plugin, level)), expected, "{plugin}");
        }
    }
}
