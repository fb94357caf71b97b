//! What one call of a plugin used, and how it ended.
//!
//! Knows: numbers. Deliberately does not know: who counts them, and anything of
//! the message. The figures are plain integers of the store that the call ran
//! in, read once when it ends.

use std::time::Duration;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallOutcome {
    Ok,
    /// A filter does not want the message.
    Stopped,
    /// The plugin says that the message is at fault.
    Rejected,
    /// The plugin says that the workflow asks for something that cannot be done.
    Failed,
    /// The plugin says that trying again later may help.
    Retryable,
    Trap,
    /// Over `call_time`, waits included.
    Timeout,
    /// Over `running_time`.
    Running,
    Memory,
    Table,
    HostCalls,
    /// Over what one host call may carry.
    HostCallBytes,
    Output,
    Handles,
    Stack,
    /// Over the number of instances, memories or tables of one component.
    Instances,
    /// Over a limit on what a call may ask of the network.
    Outbound,
    /// The host has no room for what the plugin may have: all instances together are
    /// at a limit of the server. No fault of this plugin's.
    HostLimit,
    /// The host could not make the call.
    HostError,
    /// The plugin's own process ended, or could not be started.
    Worker,
}

impl CallOutcome {
    /// All of them; the place of each is its number.
    pub const ALL: [Self; 20] = [
        Self::Ok,
        Self::Stopped,
        Self::Rejected,
        Self::Failed,
        Self::Retryable,
        Self::Trap,
        Self::Timeout,
        Self::Running,
        Self::Memory,
        Self::Table,
        Self::HostCalls,
        Self::HostCallBytes,
        Self::Output,
        Self::Handles,
        Self::Stack,
        Self::Instances,
        Self::Outbound,
        Self::HostLimit,
        Self::HostError,
        Self::Worker,
    ];

    /// A stable name in lower case, for metrics and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stopped => "stopped",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Retryable => "retryable",
            Self::Trap => "trap",
            Self::Timeout => "timeout",
            Self::Running => "running",
            Self::Memory => "memory",
            Self::Table => "table",
            Self::HostCalls => "host-calls",
            Self::HostCallBytes => "host-call-bytes",
            Self::Output => "output",
            Self::Handles => "handles",
            Self::Stack => "stack",
            Self::Instances => "instances",
            Self::Outbound => "outbound",
            Self::HostLimit => "host-limit",
            Self::HostError => "host-error",
            Self::Worker => "worker",
        }
    }

    /// The plugin did not answer: it broke down, or could not be run. What a
    /// plugin answers itself, an error too, is none; nor is what it had no part in.
    pub fn is_breakdown(self) -> bool {
        match self {
            Self::Ok | Self::Stopped | Self::Rejected | Self::Failed | Self::Retryable => false,
            Self::HostLimit => false,
            Self::Trap
            | Self::Timeout
            | Self::Running
            | Self::Memory
            | Self::Table
            | Self::HostCalls
            | Self::HostCallBytes
            | Self::Output
            | Self::Handles
            | Self::Stack
            | Self::Instances
            | Self::Outbound
            | Self::HostError
            | Self::Worker => true,
        }
    }
}

/// What one call used. A call of a fresh instance includes making it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub outcome: CallOutcome,
    /// From entering the instance, or beginning to make it, to the answer. Waiting
    /// for a place or for another call of the same activity does not count.
    pub wall: Duration,
    /// What the guest itself ran of that, calls into the host included, waits not.
    /// It takes in the custom transformers that it called.
    pub running: Duration,
    pub host_calls: u32,
    /// Bytes of linear memory of the instance at the end: memory never shrinks, so
    /// this is its peak, over all calls where the instance is reused.
    pub memory_bytes: usize,
    /// Did the instance serve a call before?
    pub is_reused: bool,
    /// Log lines that were taken.
    pub log_lines: u32,
    /// Log lines over the limits of one call.
    pub log_lines_cut: u32,
}

impl Usage {
    /// A call that ended before it had an instance.
    pub(crate) fn without_instance(outcome: CallOutcome) -> Self {
        Self {
            outcome,
            wall: Duration::ZERO,
            running: Duration::ZERO,
            host_calls: 0,
            memory_bytes: 0,
            is_reused: false,
            log_lines: 0,
            log_lines_cut: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_outcome_has_its_number_and_a_name_of_its_own() {
        for (number, outcome) in CallOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, number, "{outcome:?}");
        }
        let names: HashSet<_> = CallOutcome::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), CallOutcome::ALL.len());
        let breakdowns = CallOutcome::ALL.iter().filter(|it| it.is_breakdown()).count();
        assert_eq!(breakdowns, 14);
    }
}
