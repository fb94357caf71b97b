//! The keys that say how changed files are noticed, and what is logged.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::between;

/// `[reload]`: how changed files are noticed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reload {
    #[serde(deserialize_with = "between::<0, 60_000, _, _>")]
    pub debounce_milliseconds: u64,
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub rescan_seconds: u64,
    pub watch: Watch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Watch {
    /// The operating system reports changes.
    Events,
    /// The server looks for changes.
    Poll,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// A level, or a filter in the syntax of `tracing_subscriber::EnvFilter`.
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Default for Reload {
    fn default() -> Self {
        Self { debounce_milliseconds: 300, rescan_seconds: 30, watch: Watch::Events }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

impl Log {
    /// A word alone is a level: as a filter, any other word is the name of a part that does not
    /// exist, and nothing at all would be logged.
    pub(super) fn refuse_contradictions(&self) -> Result<(), (String, String)> {
        let is_word = !self.level.contains(['=', ',', ':', '[']);
        let usable = match is_word {
            true => self.level.parse::<LevelFilter>().is_ok(),
            false => EnvFilter::try_new(&self.level).is_ok(),
        };
        if usable {
            return Ok(());
        }
        let text = format!(
            "expected off, error, warn, info, debug or trace, or a filter such as \
             \"info,tureen::plugin=debug\", found {:?}",
            self.level
        );
        Err(("log.level".to_owned(), text))
    }
}
