//! Makes native code of components: in a limited process of its own, or, where
//! the program that runs is not the server's, in this one.
//!
//! Knows: how code is asked for and what it may cost. Deliberately does not
//! know: where code is kept, what a plugin is.
//!
//! # Invariants
//! - The compiler reads what strangers wrote. In the child it runs niced, under
//!   limits, without environment and with nothing but pipes; whatever becomes
//!   of it is an answer here.
//! - Code comes from this program's own compiler with the same settings of the
//!   engine; the child proves the second with the engine's fingerprint.

mod child;
mod frames;
mod worker;

use std::ffi::OsString;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cache::TrustedCode;
use crate::snapshot::{self, Configured, SnapshotSettings};

pub use worker::compile_for_parent;

/// What one compilation may use in the child. Over it, the child is ended and the
/// plugin does not load. A JavaScript component of 12 MB takes about half a
/// minute and 360 MiB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileLimits {
    /// Address space of the child, in bytes. Default 2 GiB.
    pub memory_bytes: u64,
    /// Processor time. Default 180 s.
    pub cpu_time: Duration,
    /// Time from start to answer. Default 600 s: the child is niced, and a busy
    /// server comes first.
    pub wall_time: Duration,
    /// How much the child gives way to others, 0 to 19, once the engine says that
    /// there are some ([`Engine::give_way`](crate::Engine::give_way)). Default 10.
    pub niceness: u8,
    /// Bytes of compiled code. Default 512 MiB.
    pub code_bytes: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            cpu_time: Duration::from_secs(180),
            wall_time: Duration::from_secs(600),
            niceness: 10,
            code_bytes: 512 << 20,
        }
    }
}

/// A program that calls [`compile_for_parent`] when it is started so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilerProgram {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub limits: CompileLimits,
}

/// Who compiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Compiler {
    /// This process, without limits but the wall time, on a thread of its own:
    /// for programs that cannot start themselves as a compiler.
    #[default]
    InProcess,
    Child(CompilerProgram),
}

/// What else there is to do while something is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Nothing: somebody waits for the result.
    Waited,
    /// Messages are served, and come first.
    Beside,
}

/// What is made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Product {
    /// The component as it is.
    Component,
    /// The component as it is after it was configured.
    Snapshot(SnapshotSettings),
}

/// What was made.
pub(crate) struct Compiled {
    pub(crate) code: TrustedCode,
    /// Of a snapshot: what `configure` answered.
    pub(crate) configured: Option<Configured>,
}

/// Why there is no code.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CompileError {
    /// The component is at fault.
    #[error("{0}")]
    Refused(String),
    /// The component cannot be started from a snapshot; it can be run without.
    #[error("{0}")]
    NoSnapshot(String),
    /// It asked for more than a compilation may use.
    #[error("compiling it was stopped: {0}")]
    Stopped(String),
    /// The compiler itself is at fault.
    #[error("the compiler failed: {0}")]
    Failed(String),
}

/// All settings of an engine that its code depends on, wasmtime's version and the
/// processor's features included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(engine: &wasmtime::Engine) -> Self {
        let mut digest = ToDigest(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut digest);
        Self(digest.0.finalize().into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Takes what is hashed as bytes; 64 bits would be too few to tell engines apart.
struct ToDigest(Sha256);

impl Hasher for ToDigest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

impl Compiler {
    /// How long an answer may take.
    pub(crate) fn wall_time(&self) -> Duration {
        match self {
            Self::InProcess => CompileLimits::default().wall_time,
            Self::Child(program) => program.limits.wall_time,
        }
    }

    /// Compiles. Dropping the future ends the child.
    pub(crate) async fn compile(
        &self,
        engine: &wasmtime::Engine,
        component: Arc<[u8]>,
        product: Product,
        manner: Manner,
    ) -> Result<Compiled, CompileError> {
        match self {
            Self::Child(program) => {
                let mut limits = program.limits.clone();
                if manner == Manner::Waited {
                    limits.niceness = 0;
                }
                let engine = Fingerprint::of(engine);
                // Boxed: it is large, and everything that loads plugins would be.
                Box::pin(child::compile(program, limits, engine, component, product)).await
            }
            Self::InProcess => {
                let engine = engine.clone();
                let work = move || make(&engine, &component, &product);
                let made = tokio::task::spawn_blocking(work).await;
                made.map_err(|_| CompileError::Failed("it gave up on this file".to_owned()))?
            }
        }
    }
}

/// The work itself, the same in both places.
fn make(
    engine: &wasmtime::Engine,
    component: &[u8],
    product: &Product,
) -> Result<Compiled, CompileError> {
    let (made, configured) = match product {
        Product::Component => (None, None),
        Product::Snapshot(settings) => {
            let (component, configured) =
                snapshot::make(component, settings).map_err(CompileError::NoSnapshot)?;
            (Some(component), Some(configured))
        }
    };
    let code = engine
        .precompile_component(made.as_deref().unwrap_or(component))
        .map_err(|error| CompileError::Refused(error.root_cause().to_string()))?;
    Ok(Compiled { code: TrustedCode::compiled(code), configured })
}
