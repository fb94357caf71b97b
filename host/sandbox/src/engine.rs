//! The wasmtime engine of the server: one per process, with its clock and its
//! pool of instances.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

use crate::cache::CacheUnusable;
use crate::code::{CodeCounts, CodeOptions, CodeStore};
use crate::giving_way::LongRuns;
use crate::isolated::WorkerProgram;
use crate::limits::{MemoryBudget, TICK};
use crate::linkers::Linkers;
use crate::outbound::Outbound;
use crate::page_map::{self, PageMapDecision, PageMapScan};
use crate::slow_lane::SlowLane;

/// Bytes of stack that host functions have above a guest's own.
const HOST_STACK_BYTES: usize = 512 << 10;

/// How many instances may live at once, and what they may have together.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Calls at the same time. Default 256: the host's limit on messages in
    /// flight. A call that calls a custom transformer uses two instances.
    pub calls: usize,
    /// Idle instances kept for reuse, all steps together. Default 256.
    pub idle: usize,
    /// Activities of all workflows, old versions included. Default 256.
    pub activities: usize,
    /// May the pool ask the kernel which pages an instance wrote? Default: where
    /// that provably leaves nothing behind.
    pub page_map_scan: PageMapScan,
    /// Bytes of linear memory of all instances together. Default 2 GiB.
    pub memory_bytes: usize,
    /// Calls that may run at the same moment for longer than a tick of the clock.
    /// Default 0: half as many as there are processors.
    pub long_calls: usize,
    /// How much the threads of such calls give way to all others, 0 to 19. Default 10.
    pub long_call_niceness: u8,
    /// Bytes of stack that a guest has. Default 512 KiB. It cannot differ from
    /// plugin to plugin.
    pub stack_bytes: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            calls: 256,
            idle: 256,
            activities: 256,
            page_map_scan: PageMapScan::WhereProven,
            memory_bytes: 2 << 30,
            stack_bytes: 512 << 10,
            long_calls: 0,
            long_call_niceness: 10,
        }
    }
}

/// The engine could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine could not be started: {0}")]
pub struct EngineError(String);

/// Shared by all plugins; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) linkers: Arc<Linkers>,
    pub(crate) calls: Arc<Semaphore>,
    pub(crate) idle: Arc<Semaphore>,
    pub(crate) activities: Arc<Semaphore>,
    /// How many of them there are.
    pub(crate) activity_places: usize,
    pub(crate) code: Arc<CodeStore>,
    pub(crate) outbound: Option<Arc<dyn Outbound>>,
    pub(crate) memory: Arc<MemoryBudget>,
    pub(crate) lane: Arc<SlowLane>,
    pub(crate) workers: Option<Arc<WorkerProgram>>,
    pub(crate) stack_bytes: usize,
    pooling: bool,
    page_map_scan: PageMapDecision,
}

impl Engine {
    /// Makes the engine and starts its clock, a thread that ends with it.
    ///
    /// # Errors
    /// The machine cannot run wasmtime.
    pub fn new(options: &EngineOptions) -> Result<Self, EngineError> {
        Self::with_code(options, CodeOptions::default())
    }

    /// As [`Engine::new`], with a say in how plugins are compiled and where their
    /// code is kept. A cache that cannot be used is no error:
    /// [`Engine::cache_unusable`] tells.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn with_code(options: &EngineOptions, code: CodeOptions) -> Result<Self, EngineError> {
        let page_map_scan = page_map_decision(options.page_map_scan);
        let pool = pool(options, page_map_scan.is_used());
        let (wasmtime, pooling) = match wasmtime::Engine::new(&config(options, Some(pool))) {
            Ok(engine) => (engine, true),
            // Little address space (a small `ulimit -v`, 39-bit kernels).
            Err(_) => (wasmtime::Engine::new(&config(options, None)).map_err(engine_error)?, false),
        };
        let linkers = Linkers::new(&wasmtime).map_err(engine_error)?;
        start_clock(&wasmtime)?;
        Ok(Self {
            code: Arc::new(CodeStore::new(&wasmtime, code)),
            wasmtime,
            linkers: Arc::new(linkers),
            calls: Arc::new(Semaphore::new(options.calls)),
            idle: Arc::new(Semaphore::new(options.idle)),
            activities: Arc::new(Semaphore::new(options.activities)),
            activity_places: options.activities,
            outbound: None,
            memory: Arc::new(MemoryBudget::new(options.memory_bytes)),
            lane: Arc::new(SlowLane::new(options.long_calls, options.long_call_niceness)),
            workers: None,
            stack_bytes: options.stack_bytes,
            pooling,
            page_map_scan,
        })
    }

    /// The same engine, for plugins that may talk to servers. Without it every
    /// request is refused.
    #[must_use]
    pub fn with_outbound(mut self, outbound: Arc<dyn Outbound>) -> Self {
        self.outbound = Some(outbound);
        self
    }

    /// The same engine, for plugins that may live in processes of their own. Without
    /// it no step with [`Isolation::Process`](crate::Isolation) can be made.
    #[must_use]
    pub fn with_workers(mut self, program: WorkerProgram) -> Self {
        self.workers = Some(Arc::new(program));
        self
    }

    /// Do instances come from a pool? Otherwise each is mapped on demand, which
    /// is several times slower; the host says so in its log.
    pub fn is_pooling(&self) -> bool {
        self.pooling
    }

    /// Bytes of linear memory that all live instances have.
    pub fn memory_taken(&self) -> usize {
        self.memory.taken()
    }

    /// Why compiled code is not kept although it should be.
    pub fn cache_unusable(&self) -> Option<&CacheUnusable> {
        self.code.unusable()
    }

    /// What was compiled and what was read since the engine was made.
    pub fn code_counts(&self) -> CodeCounts {
        self.code.counts()
    }

    /// From now on steps whose instances are fresh for every message start them
    /// from a snapshot that has the settings, where the plugin allows it. Making
    /// one compiles in the background: for servers, not for commands.
    pub fn make_snapshots(&self) {
        self.code.make_snapshots();
    }

    /// For whoever has runs of messages: those whose calls run long go on aside.
    pub fn long_runs(&self) -> LongRuns {
        LongRuns::new(self.lane.aside())
    }

    /// From now on compiling gives way to others, as
    /// [`CompileLimits::niceness`](crate::CompileLimits::niceness) says: for a server
    /// that has messages to serve. Until then somebody waits for what is compiled.
    pub fn give_way(&self) {
        self.code.give_way();
    }

    /// Does the pool ask the kernel which pages an instance wrote, and why not?
    pub fn page_map_scan(&self) -> PageMapDecision {
        self.page_map_scan
    }

    /// Waits for the right to make a call.
    pub(crate) async fn call_permit(&self) -> Option<SemaphorePermit<'_>> {
        // Nearly always there is one at once, which waiting in line would not notice.
        match self.calls.try_acquire() {
            Ok(permit) => Some(permit),
            Err(_) => self.calls.acquire().await.ok(),
        }
    }
}

fn page_map_decision(asked: PageMapScan) -> PageMapDecision {
    match page_map::decide(asked, Path::new("/")) {
        used if used.is_used() && !PoolingAllocationConfig::is_pagemap_scan_available() => {
            PageMapDecision::Missing
        }
        decision => decision,
    }
}

/// An engine whose code all engines of this program take: for the compiler's
/// process. It reserves nothing, and does its work on one thread.
pub(crate) fn compiling_engine() -> wasmtime::Result<wasmtime::Engine> {
    // Neither the pool nor the size of the stack has any influence on the code.
    let mut config = config(&EngineOptions::default(), None);
    config.parallel_compilation(false);
    wasmtime::Engine::new(&config)
}

fn engine_error(error: wasmtime::Error) -> EngineError {
    EngineError(format!("{error:#}"))
}

fn config(options: &EngineOptions, pool: Option<PoolingAllocationConfig>) -> Config {
    let mut config = Config::new();
    // Cheaper calls, and dropping a call's future really ends the guest.
    config.concurrency_support(false);
    config.epoch_interruption(true);
    config.max_wasm_stack(options.stack_bytes);
    // Host functions run on what is left of the same stack.
    config.async_stack_size(options.stack_bytes + HOST_STACK_BYTES);
    config.wasm_memory64(false);
    config.memory_init_cow(true);
    // Names of functions are enough. Lines would be read from debug information that
    // the guest brings, at its every trap, without any limit.
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    if let Some(frames) = NonZeroUsize::new(32) {
        config.wasm_backtrace_max_frames(Some(frames));
    }
    config.cranelift_opt_level(OptLevel::Speed);
    if let Some(pool) = pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

fn pool(options: &EngineOptions, page_map_scan: bool) -> PoolingAllocationConfig {
    // Checks at load and nested calls of custom transformers come on top.
    let live = options.calls * 2 + options.idle + options.activities + 32;
    let live = u32::try_from(live).unwrap_or(u32::MAX / 64);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(live)
        .total_core_instances(live.saturating_mul(8))
        .total_memories(live.saturating_mul(2))
        .total_tables(live.saturating_mul(4))
        .total_stacks(live)
        .max_memory_size(256 << 20)
        .table_elements(100_000)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_core_instances_per_component(200)
        .max_memories_per_component(4)
        .max_tables_per_component(8)
        .max_tables_per_module(4)
        .max_memories_per_module(2)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10)
        .max_unused_warm_slots(64)
        .pagemap_scan(if page_map_scan { Enabled::Yes } else { Enabled::No })
        .decommit_batch_size(16);
    pool
}

/// One thread moves the engine's epoch on; it ends when the engine is gone.
fn start_clock(engine: &wasmtime::Engine) -> Result<(), EngineError> {
    let weak = engine.weak();
    thread::Builder::new()
        .name("tureen-epoch".into())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })
        .map(drop)
        .map_err(|error| EngineError(format!("no thread for its clock: {error}")))
}
