//! How much a plugin may use, and the meter that wasmtime asks.
//!
//! Knows: numbers, and how one store's memory, tables and instances add up.
//! Deliberately does not know: what a call does with them; time and host calls
//! are counted where they are spent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::outbound::NetworkLimits;

/// Limits of one plugin. Each is per instance or per call, as said; over a
/// limit the call fails with the fault *plugin* and the instance is dropped.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
    /// Elements of all tables of one instance. Default 10,000: JavaScript
    /// components need 7,700, Python ones 5,700.
    pub table_elements: usize,
    /// Tables of one instance. Default 8, which is also what a slot of the pool has.
    pub table_count: usize,
    /// Linear memories of one instance. Default 4, as many as a slot has.
    pub memory_count: usize,
    /// Core instances inside one instance of the component. Default 64: a Python
    /// component has 38.
    pub instance_count: usize,
    /// Handles that a guest may hold at once: messages, and what WASI hands out
    /// (streams, files, timers). Default 256.
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
    /// Bytes that the messages a guest made or changed may have together, also
    /// those that an activity keeps between calls. Default 64 MiB.
    pub output_bytes: usize,
    /// Requests, connections and bytes.
    pub network: NetworkLimits,
    /// Variables that a run may have for this plugin to set a new one. Default
    /// 1,000, which is also the most that any run may have.
    pub variables: usize,
    /// Bytes of names and values of a run's variables, up to which this plugin
    /// may set one. Default 16 MiB, which is also the most of any run.
    pub variable_bytes: usize,
    /// Calls of the plugin at the same time, all workflows together; further ones
    /// wait in line, at most as long as a call may take. `None`, the default: as
    /// many as there are messages in flight.
    pub calls_at_once: Option<usize>,
    /// Instances of one activity of one workflow, and so the messages that it works at
    /// in parallel. Default 1, which keeps their order.
    pub activity_instances: usize,
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
            table_elements: 10_000,
            table_count: 8,
            memory_count: 4,
            instance_count: 64,
            handles: 256,
            host_call_bytes: (16 << 20) + (64 << 10),
            log_lines: 200,
            log_bytes: 64 << 10,
            notifications: 100,
            output_bytes: 64 << 20,
            network: NetworkLimits::default(),
            variables: 1_000,
            variable_bytes: 16 << 20,
            calls_at_once: None,
            activity_instances: 1,
        }
    }
}

/// The linear memory of all instances together, or of all of one plugin. A limit for
/// each instance does not bound the sum: many calls, and many workflows, each with
/// activities, may be live at once.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    allowed: usize,
    taken: AtomicUsize,
    /// What this one is a share of.
    whole: Option<Arc<Self>>,
}

impl MemoryBudget {
    pub(crate) fn new(allowed: usize) -> Self {
        Self { allowed, taken: AtomicUsize::new(0), whole: None }
    }

    /// What one plugin may have of it: half, so that none takes all.
    pub(crate) fn share(self: &Arc<Self>) -> Self {
        let (allowed, taken) = (self.allowed / 2, AtomicUsize::new(0));
        Self { allowed, taken, whole: Some(Arc::clone(self)) }
    }

    /// Takes so many bytes, or nothing where they are not there.
    fn take(&self, bytes: usize) -> Result<(), Short> {
        let within = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= self.allowed);
        if self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_err() {
            return Err(Short { allowed: self.allowed, of_all: self.whole.is_none() });
        }
        let whole = self.whole.as_ref().map_or(Ok(()), |whole| whole.take(bytes));
        if whole.is_err() {
            self.taken.fetch_sub(bytes, Ordering::Relaxed);
        }
        whole
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.give_back(bytes);
        }
    }

    /// Bytes that all live instances have.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// A budget that has not as much left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Short {
    allowed: usize,
    /// That of all plugins together; else the share of one.
    of_all: bool,
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
    counts: Counts,
    budget: Arc<MemoryBudget>,
}

/// How many of each one store may have.
#[derive(Clone, Copy, Debug)]
struct Counts {
    instances: usize,
    memories: usize,
    tables: usize,
}

impl Meter {
    pub(crate) fn new(limits: &Limits, budget: Arc<MemoryBudget>) -> Self {
        Self {
            memory_bytes_max: limits.memory_bytes,
            memory_bytes: 0,
            table_elements_max: limits.table_elements,
            table_elements: 0,
            counts: Counts {
                instances: limits.instance_count,
                memories: limits.memory_count,
                tables: limits.table_count,
            },
            budget,
        }
    }

    /// Bytes of linear memory that the store has; it never has fewer later.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.budget.give_back(self.memory_bytes);
    }
}

/// A limit that a guest ran into; travels inside wasmtime's error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Exceeded {
    #[error("it wants {wanted} bytes of memory, {allowed} are allowed (memory_bytes)")]
    Memory { wanted: usize, allowed: usize },
    #[error(
        "it wants {wanted} bytes of memory, and its instances have the {allowed} bytes that they may together, half of limits.plugin_memory_bytes"
    )]
    Budget { wanted: usize, allowed: usize },
    #[error(
        "the instances of all plugins have the {allowed} bytes of memory that they may together (limits.plugin_memory_bytes)"
    )]
    AllMemory { allowed: usize },
    #[error("it wants {wanted} table elements, {allowed} are allowed (table_elements)")]
    Table { wanted: usize, allowed: usize },
    #[error("it made more than {allowed} host calls in one call (host_calls)")]
    HostCalls { allowed: u32 },
    #[error("its messages grew over {allowed} bytes (output_bytes)")]
    Output { allowed: usize },
    #[error("it holds more than {allowed} handles (handles)")]
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
        self.budget.take(wanted - self.memory_bytes).map_err(|Short { allowed, of_all }| {
            if of_all {
                Exceeded::AllMemory { allowed }
            } else {
                Exceeded::Budget { wanted, allowed }
            }
        })?;
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

    fn instances(&self) -> usize {
        self.counts.instances
    }

    fn memories(&self) -> usize {
        self.counts.memories
    }

    fn tables(&self) -> usize {
        self.counts.tables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(budget: &Arc<MemoryBudget>) -> Meter {
        Meter::new(&Limits { memory_bytes: 100, ..Limits::default() }, Arc::clone(budget))
    }

    #[test]
    fn what_all_instances_have_together_is_bounded_and_given_back() {
        let budget = Arc::new(MemoryBudget::new(150));
        let (mut one, mut other) = (meter(&budget), meter(&budget));
        assert!(one.memory_growing(0, 100, None).is_ok());
        assert!(one.memory_growing(100, 101, None).is_err(), "its own limit");
        assert!(other.memory_growing(0, 50, None).is_ok());
        let refused = other.memory_growing(50, 51, None).unwrap_err();
        assert!(refused.to_string().contains("plugin_memory_bytes"), "{refused}");
        assert_eq!(budget.taken(), 150, "what was refused is not taken");
        drop(one);
        assert!(other.memory_growing(50, 100, None).is_ok());
        drop(other);
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn one_plugin_leaves_half_to_the_others() {
        let budget = Arc::new(MemoryBudget::new(200));
        let (greedy, modest) = (Arc::new(budget.share()), Arc::new(budget.share()));
        let mut meters: Vec<Meter> = (0..3).map(|_| meter(&greedy)).collect();
        let grown = meters.iter_mut().map(|it| it.memory_growing(0, 50, None));
        let grown = grown.filter(Result::is_ok).count();
        assert_eq!((grown, budget.taken()), (2, 100));
        let refused = meter(&greedy).memory_growing(0, 1, None).unwrap_err();
        let refused = refused.downcast_ref::<Exceeded>();
        assert!(matches!(refused, Some(Exceeded::Budget { allowed: 100, .. })), "{refused:?}");
        assert!(meter(&modest).memory_growing(0, 100, None).is_ok());
        let other = Arc::new(budget.share());
        let mut last = meter(&modest);
        assert!(last.memory_growing(0, 60, None).is_ok());
        let refused = meter(&other).memory_growing(0, 50, None).unwrap_err();
        let refused = refused.downcast_ref::<Exceeded>();
        assert!(matches!(refused, Some(Exceeded::AllMemory { allowed: 200 })), "{refused:?}");
        assert_eq!(other.taken(), 0);
        drop((meters, last));
        assert_eq!((budget.taken(), greedy.taken(), modest.taken()), (0, 0, 0));
    }

    #[test]
    fn several_memories_and_tables_of_one_instance_add_up() {
        let budget = Arc::new(MemoryBudget::new(1_000));
        let mut meter = meter(&budget);
        assert!(meter.memory_growing(0, 60, None).is_ok());
        assert!(meter.memory_growing(0, 60, None).is_err());
        assert!(meter.table_growing(0, 6_000, None).is_ok());
        assert!(meter.table_growing(0, 6_000, None).is_err());
    }
}
