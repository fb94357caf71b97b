//! Settings parsed once, instances still fresh: a component is configured, and
//! what its memory holds then becomes the start of every instance.
//!
//! The component is instrumented (wasmtime-wizer), run in an engine of its own,
//! read out and written again. Deliberately does not know: where it runs (the
//! compiler's process), what is done with the result.
//!
//! # Invariants
//! - `configure` runs with every import a trap, under a limit of memory and of
//!   instructions: what it did is in its memory and nowhere else.
//! - A component for which that does not work is not at fault: it is configured
//!   in every fresh instance instead.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde::{Deserialize, Serialize};
use wasmtime::component::{Component, ComponentExportIndex, Instance, Lift, Linker, WasmList};
use wasmtime::{Config, Engine, OptLevel, Store, StoreLimits, StoreLimitsBuilder};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::bindings::transformer::tureen::plugin::configuring::Configuration;
use crate::step::{Finding, Reaching, Requirement, finding_of, reach_of, requirement_of};

/// Bytes of a component that is made into a snapshot. An interpreter with its
/// standard library is larger; copying its memory for every message would cost
/// more than it saves.
pub(crate) const SNAPSHOT_COMPONENT_BYTES_MAX: usize = 4 << 20;

/// Bytes of the component that a snapshot may become.
const SNAPSHOT_BYTES_MAX: usize = 16 << 20;

/// Linear memory of one component while it is configured.
const CONFIGURE_MEMORY_BYTES: usize = 64 << 20;

/// Instructions that `configure` may take; seconds, unoptimised.
const CONFIGURE_INSTRUCTIONS: u64 = 2_000_000_000;

/// The world's own function that is run before the memory is read.
const CONFIGURE: &str = "configure";

/// What `configure` is called with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SnapshotSettings {
    pub(crate) settings: String,
    pub(crate) owner: String,
    pub(crate) role: String,
}

/// What `configure` answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Configured {
    pub(crate) findings: Vec<Finding>,
    pub(crate) requires: Vec<Requirement>,
    pub(crate) reaches: Vec<Reaching>,
}

impl From<Configuration> for Configured {
    fn from(configuration: Configuration) -> Self {
        let (mut requires, mut reaches) = (Vec::new(), Vec::new());
        for requirement in configuration.requires {
            match reach_of(&requirement.type_name) {
                Some(to) => reaches.push(Reaching { to, pointer: requirement.place }),
                None => requires.push(requirement_of(requirement)),
            }
        }
        let findings = configuration.findings.into_iter().map(finding_of).collect();
        Self { findings, requires, reaches }
    }
}

/// The component as it is after `configure`, and what that answered; or why not.
pub(crate) fn make(
    component: &[u8],
    settings: &SnapshotSettings,
) -> Result<(Vec<u8>, Configured), String> {
    if component.len() > SNAPSHOT_COMPONENT_BYTES_MAX {
        return Err(too_large(component.len()));
    }
    let mut wizer = Wizer::new();
    wizer.init_func(CONFIGURE).keep_init_func(true);
    let (context, instrumented) =
        wizer.instrument_component(component).map_err(|error| format!("{error:#}"))?;
    let mut running = Running::start(&instrumented).map_err(|error| format!("{error:#}"))?;
    let configured = running.configure(settings).map_err(|error| {
        format!("configure cannot run without the host: {}", error.root_cause())
    })?;
    let taken = wizer.snapshot_component(&context, &mut running);
    let snapshot = ready(taken).ok_or("reading the memory waited")?;
    let snapshot = snapshot.map_err(|error| format!("{error:#}"))?;
    if let Some(error) = running.failed {
        return Err(format!("its memory could not be read: {error:#}"));
    }
    if snapshot.len() > SNAPSHOT_BYTES_MAX {
        let found = snapshot.len();
        return Err(format!("configured it has {found} bytes, at most {SNAPSHOT_BYTES_MAX}"));
    }
    Ok((snapshot, configured))
}

/// In words of an operator, for a component of so many bytes.
pub(crate) fn too_large(bytes: usize) -> String {
    format!("it has {bytes} bytes, at most {SNAPSHOT_COMPONENT_BYTES_MAX} are snapshotted")
}

/// The value of a future that waits for nothing.
fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

struct Running {
    store: Store<StoreLimits>,
    instance: Instance,
    /// The first thing that went wrong while the memory was read.
    failed: Option<wasmtime::Error>,
}

impl Running {
    fn start(instrumented: &[u8]) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config())?;
        let component = Component::from_binary(&engine, instrumented)?;
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let limits = StoreLimitsBuilder::new()
            .memory_size(CONFIGURE_MEMORY_BYTES)
            .trap_on_grow_failure(true)
            .build();
        let mut store = Store::new(&engine, limits);
        store.limiter(|limits| limits);
        store.set_fuel(CONFIGURE_INSTRUCTIONS)?;
        // A memory is handed out as one list.
        store.set_hostcall_fuel(usize::MAX);
        let instance = linker.instantiate(&mut store, &component)?;
        Ok(Self { store, instance, failed: None })
    }

    fn configure(&mut self, settings: &SnapshotSettings) -> wasmtime::Result<Configured> {
        let store = &mut self.store;
        let configure = self
            .instance
            .get_typed_func::<(&str, &str, &str), (Configuration,)>(&mut *store, CONFIGURE)?;
        let SnapshotSettings { settings, owner, role } = settings;
        let (configuration,) = configure.call(&mut *store, (settings, owner, role))?;
        Ok(configuration.into())
    }

    fn read<R: Lift + 'static>(&mut self, instance: &str, func: &str) -> Option<R> {
        let read = self.call(instance, func);
        read.map_err(|error| self.failed.get_or_insert(error)).ok()
    }

    fn call<R: Lift + 'static>(&mut self, instance: &str, func: &str) -> wasmtime::Result<R> {
        let missing = || wasmtime::Error::msg("the instrumentation is missing");
        let store = &mut self.store;
        store.set_fuel(CONFIGURE_INSTRUCTIONS)?;
        let (_, instance): (_, ComponentExportIndex) =
            self.instance.get_export(&mut *store, None, instance).ok_or_else(missing)?;
        let (_, func) =
            self.instance.get_export(&mut *store, Some(&instance), func).ok_or_else(missing)?;
        let func = self.instance.get_typed_func::<(), (R,)>(&mut *store, func)?;
        Ok(func.call(&mut *store, ())?.0)
    }
}

/// For one short run in a process with little address space: no optimisation, no
/// reservations. Instructions are counted, which needs no clock.
fn config() -> Config {
    let mut config = Config::new();
    config.concurrency_support(false);
    config.consume_fuel(true);
    config.max_wasm_stack(512 << 10);
    config.wasm_memory64(false);
    config.cranelift_opt_level(OptLevel::None);
    config.parallel_compilation(false);
    config.memory_reservation(0);
    config.memory_guard_size(0);
    config.memory_reservation_for_growth(1 << 20);
    config.memory_init_cow(false);
    config
}

impl ComponentInstanceState for Running {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        match self.read::<WasmList<u8>>(instance, func) {
            Some(list) => contents(list.as_le_slice(&self.store)),
            None => contents(&[]),
        }
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.read(instance, func).unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.read(instance, func).unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.read(instance, func).map_or(0, f32::to_bits)
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.read(instance, func).map_or(0, f64::to_bits)
    }
}
