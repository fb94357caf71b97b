//! How full the pool of instances is, for metrics.

use crate::engine::Engine;

/// What is taken from the pool, and what it keeps ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUsage {
    /// Live components: one for each instance of a plugin.
    pub component_instances: u64,
    /// Live core instances; a component has several.
    pub core_instances: u64,
    pub memories: u64,
    pub tables: u64,
    pub stacks: u64,
    /// Places for memories that were used before and wait for the next instance.
    pub unused_warm_memories: u64,
    /// Bytes that unused places keep in memory.
    pub unused_resident_bytes: u64,
}

impl Engine {
    /// `None` where instances are mapped on demand.
    pub fn pool_usage(&self) -> Option<PoolUsage> {
        let pool = self.wasmtime.pooling_allocator_metrics()?;
        let resident = pool
            .unused_memory_bytes_resident()
            .saturating_add(pool.unused_table_bytes_resident())
            .saturating_add(pool.unused_stack_bytes_resident().unwrap_or(0));
        Some(PoolUsage {
            component_instances: pool.component_instances(),
            core_instances: pool.core_instances(),
            memories: number(pool.memories()),
            tables: number(pool.tables()),
            stacks: number(pool.stacks()),
            unused_warm_memories: u64::from(pool.unused_warm_memories()),
            unused_resident_bytes: number(resident),
        })
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
