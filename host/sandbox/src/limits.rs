//! How much a plugin may use, and the meter that wasmtime asks.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::outbound::NetworkLimits;

/// Limits of one plugin. Each is per instance or per call, as said; over a
/// limit the call fails with the fault *plugin* and the instance is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory of one instance, all memories together. Default
    /// 64 MiB. It is also the bound on a single bulk memory instruction, which
    /// the time limits cannot interrupt.
    pub memory_bytes: usize,
    /// Wall time of one call, waits included. Default 2 s for filters and
    /// transformers; the host gives activities 30 s.
    pub call_time: Duration,
    /// Time that the guest itself may run in one call; waiting does not count.
    /// Default 1 s. Looked at every 10 ms.
    pub running_time: Duration,
    /// Calls into the host during one call. Default 1,000,000.
    pub host_calls: u32,
    /// Elements of all tables of one instance. Default 100,000.
    pub table_elements: usize,
    /// Message handles that a guest may hold at once. Default 1,000.
    pub handles: usize,
    /// Bytes that one host call may carry into the host. Default 16 MiB + 64
    /// KiB: a message of the largest size fits.
    pub host_call_bytes: usize,
    /// Log lines of one call. Default 200; then one line says how many were cut.
    pub log_lines: u32,
    /// Log bytes of one call. Default 64 KiB.
    pub log_bytes: usize,
    /// Notifications of one call. Default 100; more are refused. A run may tell
    /// [`Notifications::MAX`](crate::Notifications::MAX).
    pub notifications: u32,
    /// Bytes that a call's messages may grow to, together. Default 64 MiB.
    pub output_bytes: usize,
    /// Requests, connections and bytes.
    pub network: NetworkLimits,
}

/// One step of the engine's epoch: how often a running guest is interrupted.
pub(crate) const TICK: Duration = Duration::from_millis(10);

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            call_time: Duration::from_secs(2),
            running_time: Duration::from_secs(1),
            host_calls: 1_000_000,
            table_elements: 100_000,
            handles: 1_000,
            host_call_bytes: (16 << 20) + (64 << 10),
            log_lines: 200,
            log_bytes: 64 << 10,
            notifications: 100,
            output_bytes: 64 << 20,
            network: NetworkLimits::default(),
        }
    }
}

/// Adds up what one store uses. Answers with an error instead of "no": a guest
/// that is told "no" aborts, and the operator would see `unreachable` instead of
/// the limit's name.
#[derive(Debug)]
pub(crate) struct Meter {
    memory_bytes_max: usize,
    memory_bytes: usize,
    table_elements_max: usize,
    table_elements: usize,
}

impl Meter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes_max: limits.memory_bytes,
            memory_bytes: 0,
            table_elements_max: limits.table_elements,
            table_elements: 0,
        }
    }

    /// Bytes of linear memory that the store has; it never has fewer later.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

/// A limit that a guest ran into; travels inside wasmtime's error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Exceeded {
    #[error("it wants {wanted} bytes of memory, {allowed} are allowed (memory_bytes)")]
    Memory { wanted: usize, allowed: usize },
    #[error("it wants {wanted} table elements, {allowed} are allowed")]
    Table { wanted: usize, allowed: usize },
    #[error("it made more than {allowed} host calls in one call (host_calls)")]
    HostCalls { allowed: u32 },
    #[error("its messages grew over {allowed} bytes (output_bytes)")]
    Output { allowed: usize },
    #[error("it holds more than {allowed} message handles")]
    Handles { allowed: usize },
    #[error("it ran for more than {allowed:?} (running_time_milliseconds)")]
    Running { allowed: Duration },
    #[error("it made more than {allowed} HTTP requests in one call (outbound_requests)")]
    Requests { allowed: u32 },
    #[error(
        "it opened more than {allowed} connections in one call, or holds as many (outbound_connections)"
    )]
    Connections { allowed: u32 },
    #[error("it sent, received or held more than {allowed} bytes of the network (outbound_bytes)")]
    NetworkBytes { allowed: usize },
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if wanted > self.memory_bytes_max {
            let allowed = self.memory_bytes_max;
            return Err(Exceeded::Memory { wanted, allowed }.into());
        }
        self.memory_bytes = wanted;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.table_elements.saturating_add(desired.saturating_sub(current));
        if wanted > self.table_elements_max {
            let allowed = self.table_elements_max;
            return Err(Exceeded::Table { wanted, allowed }.into());
        }
        self.table_elements = wanted;
        Ok(true)
    }
}
