//! What the calls of a trial used, as the sandbox tells whoever watches a step.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tureen_sandbox::{Admission, EndedCall, Overseer};

/// The most that any call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) running: Duration,
    pub(super) host_calls: u32,
    pub(super) memory_bytes: usize,
    /// Log lines over the limits.
    pub(super) log_lines_cut: u32,
}

/// Watches the step of a trial, and lets every call pass.
#[derive(Debug, Default)]
pub(super) struct Witness(Mutex<Used>);

impl Witness {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn used(&self) -> Used {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Overseer for Witness {
    fn admit(&self) -> Admission {
        Admission::Admitted
    }

    fn ended(&self, call: &EndedCall<'_>) {
        let usage = call.usage;
        let mut most = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        most.running = most.running.max(usage.running);
        most.host_calls = most.host_calls.max(usage.host_calls);
        most.memory_bytes = most.memory_bytes.max(usage.memory_bytes);
        most.log_lines_cut = most.log_lines_cut.max(usage.log_lines_cut);
    }

    fn abandoned(&self, _is_trial: bool) {}

    fn instance(&self, _is_made: bool) {}
}
