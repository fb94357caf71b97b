//! Why a step did not succeed, and whose fault that is.

use std::fmt;

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The message is at fault.
    Sender,
    /// The workflow asks for something that cannot be done.
    Author,
    /// The plugin trapped, ran over a limit or broke the contract.
    Plugin,
    /// Tureen itself, or the machine it runs on.
    Host,
}

impl Fault {
    /// `sender`, `author`, `plugin`, `host`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Author => "author",
            Self::Plugin => "plugin",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One step's failure. Holds no message content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plugin {plugin}: {text}{}", place.as_ref().map(|place| format!(" (at {place})")).unwrap_or_default())]
pub struct Failure {
    pub fault: Fault,
    /// Stable, lower-case, dotted: `plugin.trap`, `plugin.memory`, `path.syntax`.
    pub code: String,
    /// What happened, and what was expected.
    pub text: String,
    /// A message path, where there is one.
    pub place: Option<String>,
    /// The plugin's name.
    pub plugin: String,
    /// Set when trying again later may help: after how many milliseconds.
    pub retry_after_ms: Option<u32>,
}

impl Failure {
    pub(crate) fn plugin(plugin: &str, code: &str, text: impl Into<String>) -> Self {
        Self {
            fault: Fault::Plugin,
            code: code.to_owned(),
            text: text.into(),
            place: None,
            plugin: plugin.to_owned(),
            retry_after_ms: None,
        }
    }
}
