//! The keys that say how changed files are noticed, and what is logged.

use serde::{Deserialize, Serialize};

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
