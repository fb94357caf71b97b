//! How runs end, for those who count and those who read the log.

use tureen_sandbox::Fault;

use super::{Life, Outcome};
use crate::metrics::MessageOutcome;
use crate::response::RunError;

/// The code of a run that the server's end cut off.
const CUT_OFF: &str = "run.cut-off";

impl Life<'_> {
    /// One line for the operator, without message content.
    pub(super) fn report(&self, outcome: &Outcome) {
        let id = self.message_id.as_str();
        match outcome {
            Outcome::Accepted => tracing::debug!(id, "a message was processed"),
            Outcome::Filtered { reason } => tracing::debug!(id, reason, "a message was filtered"),
            Outcome::Rejected { error } => {
                let words = loggable(error);
                tracing::warn!(id, code = error.code, fault = %error.fault, "a message was refused: {words}");
            }
            Outcome::Failed { error } => {
                let words = loggable(error);
                tracing::error!(id, code = error.code, fault = %error.fault, "a message failed: {words}");
            }
        }
    }
}

pub(super) fn was_cut_off() -> RunError {
    let text = "the server stopped before the message was done: whether it was, is not known";
    RunError {
        code: CUT_OFF.to_owned(),
        fault: Fault::Host,
        text: text.to_owned(),
        place: None,
        inside: None,
        is_quoted: false,
    }
}

/// Was the run, or the step that failed it, ended from outside? What it did until then is not
/// known.
pub(super) fn is_cut_off(error: &RunError) -> bool {
    error.code == CUT_OFF || error.fault == Fault::Plugin && error.code == "plugin.time"
}

pub(super) fn class_of(outcome: &Outcome) -> MessageOutcome {
    match outcome {
        Outcome::Accepted => MessageOutcome::Accepted,
        Outcome::Filtered { .. } => MessageOutcome::Filtered,
        Outcome::Rejected { .. } => MessageOutcome::Rejected,
        Outcome::Failed { .. } => MessageOutcome::Failed,
    }
}

/// What the log may say at its default level.
pub(super) fn loggable(error: &RunError) -> String {
    if !error.is_quoted {
        return error.to_string();
    }
    tracing::debug!(code = error.code, "a plugin's own words: {error}");
    "the plugin's own words may hold message content and are only in the debug log".to_owned()
}
