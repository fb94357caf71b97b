//! Runs one WebAssembly component under limits.
//!
//! Stage: workflow run → **sandbox** → a changed message, a verdict or a
//! response. Knows: components, the plugin contract in `wit/`, limits, grants.
//! Deliberately does not know: sockets, workflow files, certificates, journal.
//! Nothing else in Tureen names wasmtime.
//!
//! # Invariants
//! - What a guest sees of a message's run is handed over by value ([`Run`]) and
//!   taken back by value: no pointer into the host is shared, so a plugin could
//!   be moved to a process of its own without a change to this interface.
//! - An instance serves one call at a time. After a trap, a limit or a timeout
//!   it is dropped and never entered again.
//! - Without `reuse` every message gets a fresh instance: nothing that one
//!   message left in memory is there for the next.
//! - A component's imports are checked against its grants before it is linked;
//!   an import that is not granted is not linked, and no step is made of it.
//! - Native code is run only when this program's compiler made it, just now or,
//!   as an authentication code proves, before.

mod activity;
mod bindings;
mod cache;
mod caught;
mod code;
mod compile;
mod deadline;
mod engine;
mod exchange;
mod failure;
mod gate;
mod giving_way;
mod granted;
mod grants;
mod guest;
mod imports;
mod instance;
mod isolated;
mod limits;
mod linkers;
pub mod outbound;
mod oversight;
mod page_map;
mod path_memory;
mod plugin;
mod pool_usage;
mod running_clock;
mod slow_lane;
mod snapshot;
mod start;
mod step;
mod structure;
mod texts;
mod told;
mod usage;
mod wasi;

pub use activity::{Activity, Generation, Performed};
pub use cache::{CACHE_BYTES_DEFAULT, CacheOptions, CacheUnusable};
pub use code::{CodeCounts, CodeOptions};
pub use compile::{CompileError, CompileLimits, Compiler, CompilerProgram, compile_for_parent};
pub use engine::{Engine, EngineError, EngineOptions};
pub use exchange::{
    CallFacts, Exchange, LogLevel, LogLine, NoTables, Notification, Notifications, Run, Target,
    UnknownSetting,
};
pub use failure::{Breakdown, Failure, Fault};
pub use giving_way::{GivingWay, LongRuns};
pub use grants::{
    AddressRange, CertificateGrant, ClockPrecision, Destination, DirectoryGrant, Grants, Host,
    InvalidAddressRange, InvalidDestination, InvalidHost, NameGrant, Need, RandomSource, Scheme,
    TableGrant, imports_in_a_sentence, is_private, need_of,
};
pub use isolated::{
    Isolation, Unconfined, WorkerLimits, WorkerProgram, confine, serve_isolated_plugin,
};
pub use limits::Limits;
pub use oversight::{Admission, Asked, EndedCall, Overseer};
pub use page_map::{PageMapDecision, PageMapScan};
pub use plugin::{Kind, LoadError, Plugin, digest_text};
pub use pool_usage::PoolUsage;
pub use start::Start;
pub use step::{
    Finding, Needs, Prepared, Reach, Reaching, Requirement, Severity, Step, StepOptions, Ungranted,
    Verdict,
};
pub use usage::{CallOutcome, Usage};
