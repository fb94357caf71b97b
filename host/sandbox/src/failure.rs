//! Why a step did not succeed, and whose fault that is.

use std::fmt;

use crate::usage::CallOutcome;

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
    /// Set when the plugin did not answer: it trapped or ran over a limit.
    pub breakdown: Option<Box<Breakdown>>,
}

/// How a plugin broke down. The names are the component's own, made safe for a
/// log; nothing here comes from a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakdown {
    pub outcome: CallOutcome,
    /// The engine's name of the trap, such as `UnreachableCodeReached`.
    pub trap: Option<String>,
    /// Functions of the guest, innermost first, at most [`Breakdown::STACK_MAX`].
    pub stack: Vec<String>,
}

impl Breakdown {
    /// The most functions of a stack that are kept.
    pub const STACK_MAX: usize = 16;

    /// The most characters of one function's name.
    pub const NAME_CHARACTERS_MAX: usize = 160;
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
            breakdown: None,
        }
    }

    /// A call that the plugin did not answer.
    pub(crate) fn broken_down(
        plugin: &str,
        code: &str,
        text: impl Into<String>,
        breakdown: Breakdown,
    ) -> Self {
        let breakdown = Some(Box::new(breakdown));
        Self { breakdown, ..Self::plugin(plugin, code, text) }
    }

    /// How a call ended that ended with this.
    pub(crate) fn outcome(&self) -> CallOutcome {
        match (&self.breakdown, self.retry_after_ms, self.fault) {
            (Some(breakdown), _, _) => breakdown.outcome,
            (None, Some(_), _) => CallOutcome::Retryable,
            (None, None, Fault::Sender) => CallOutcome::Rejected,
            (None, None, Fault::Author | Fault::Plugin) => CallOutcome::Failed,
            (None, None, Fault::Host) => CallOutcome::HostError,
        }
    }
}
