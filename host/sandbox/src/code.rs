//! Native code of components, from the cache or from the compiler.
//!
//! Knows: in which order both are asked, how many compile at once, what is
//! counted. Deliberately does not know: what a plugin or a step is; both keep
//! facts of their own beside their code.
//!
//! # Invariants
//! - Code is deserialised from a [`TrustedCode`] only.
//! - What the cache refuses is told in one log line and compiled anew. Compiling
//!   waits for its turn, never for a message, and no message waits for it.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Component;

use crate::cache::{
    CacheOptions, CacheUnusable, CodeCache, EntryKey, Found, MakingLock, TrustedCode,
};
use crate::compile::{CompileError, Compiler, Fingerprint, Manner, Product};
use crate::linkers::LinkedWith;
use crate::snapshot::{Configured, SnapshotSettings};
use crate::start::Snapshot;

/// How often a process asks whether another one has made what both need.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// How plugins are compiled, and where the code is kept.
#[derive(Clone, Debug)]
pub struct CodeOptions {
    pub compiler: Compiler,
    /// `None`: every start compiles.
    pub cache: Option<CacheOptions>,
    /// Compilations at once. Default 1: a server's messages come first.
    pub compilers: usize,
}

impl Default for CodeOptions {
    fn default() -> Self {
        Self { compiler: Compiler::default(), cache: None, compilers: 1 }
    }
}

/// What an engine has loaded since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeCounts {
    /// Components that were compiled, snapshots included.
    pub compiled: u64,
    /// Components whose code was read from the cache, snapshots included.
    pub read: u64,
    /// Components that could not be compiled: broken, or over a limit of the compiler.
    pub failed: u64,
    /// Entries of the cache that were not used: changed, another's, of another
    /// engine.
    pub refused: u64,
    /// Snapshots among those that were compiled or read.
    pub snapshots: u64,
}

/// Shared by all clones of an engine.
pub(crate) struct CodeStore {
    options: CodeOptions,
    cache: Result<Option<CodeCache>, CacheUnusable>,
    compiling: Arc<Semaphore>,
    fingerprint: Fingerprint,
    makes_snapshots: AtomicBool,
    gives_way: AtomicBool,
    /// Those that steps use now, by what they are linked with: a workflow that is
    /// prepared anew shares them.
    snapshots: Mutex<HashMap<(EntryKey, LinkedWith), Weak<Snapshot>>>,
    compiled: AtomicU64,
    read: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    snapshot_count: AtomicU64,
}

/// Code with what was kept beside it.
pub(crate) struct Loaded<F> {
    pub(crate) component: Component,
    pub(crate) facts: Option<F>,
    /// Not kept yet; the turn to compile goes with it.
    pub(crate) new: Option<NewCode>,
}

/// Fresh from the compiler.
pub(crate) struct NewCode {
    key: EntryKey,
    code: TrustedCode,
    /// Of a snapshot.
    pub(crate) configured: Option<Configured>,
    _turn: (OwnedSemaphorePermit, Option<MakingLock>),
}

impl CodeStore {
    pub(crate) fn new(engine: &wasmtime::Engine, options: CodeOptions) -> Self {
        let cache = options.cache.as_ref().map(CodeCache::open).transpose();
        Self {
            cache,
            compiling: Arc::new(Semaphore::new(options.compilers.max(1))),
            fingerprint: Fingerprint::of(engine),
            makes_snapshots: AtomicBool::new(false),
            gives_way: AtomicBool::new(false),
            snapshots: Mutex::default(),
            compiled: AtomicU64::new(0),
            read: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            snapshot_count: AtomicU64::new(0),
            options,
        }
    }

    /// Why there is no cache although one was asked for.
    pub(crate) fn unusable(&self) -> Option<&CacheUnusable> {
        self.cache.as_ref().err()
    }

    pub(crate) fn counts(&self) -> CodeCounts {
        CodeCounts {
            compiled: self.compiled.load(Ordering::Relaxed),
            read: self.read.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            snapshots: self.snapshot_count.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn make_snapshots(&self) {
        self.makes_snapshots.store(true, Ordering::Relaxed);
    }

    pub(crate) fn makes_snapshots(&self) -> bool {
        self.makes_snapshots.load(Ordering::Relaxed)
    }

    pub(crate) fn give_way(&self) {
        self.gives_way.store(true, Ordering::Relaxed);
    }

    fn manner(&self) -> Manner {
        if self.gives_way.load(Ordering::Relaxed) { Manner::Beside } else { Manner::Waited }
    }

    pub(crate) fn count_snapshot(&self) {
        self.snapshot_count.fetch_add(1, Ordering::Relaxed);
    }

    /// The key of a component's own code.
    pub(crate) fn key_of_component(&self, digest: &[u8; 32]) -> EntryKey {
        EntryKey::of(&[b"component", self.fingerprint.bytes(), digest])
    }

    /// The key of a component's code after it was configured.
    pub(crate) fn key_of_snapshot(&self, digest: &[u8; 32], of: &SnapshotSettings) -> EntryKey {
        let SnapshotSettings { settings, owner, role } = of;
        let texts = [settings, owner, role].map(|text| text.as_bytes());
        let [settings, owner, role] = texts;
        EntryKey::of(&[b"snapshot", self.fingerprint.bytes(), digest, settings, owner, role])
    }

    pub(crate) fn live_snapshot(&self, key: &EntryKey, with: LinkedWith) -> Option<Arc<Snapshot>> {
        let mut live = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|_, snapshot| snapshot.strong_count() > 0);
        live.get(&(*key, with)).and_then(Weak::upgrade)
    }

    pub(crate) fn share_snapshot(&self, key: EntryKey, with: LinkedWith, snapshot: &Arc<Snapshot>) {
        let mut live = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        live.insert((key, with), Arc::downgrade(snapshot));
    }

    /// What the cache has; reads and verifies on this thread.
    fn look_up<F: DeserializeOwned>(
        &self,
        engine: &wasmtime::Engine,
        key: &EntryKey,
    ) -> Option<(Component, Option<F>)> {
        let cache = self.cache.as_ref().ok()?.as_ref()?;
        let entry = match cache.find(key) {
            Found::Nothing => return None,
            Found::Refused(fault) => {
                self.refuse(cache, key, &fault.to_string());
                return None;
            }
            Found::Entry(entry) => entry,
        };
        let facts = serde_json::from_slice(&entry.facts).ok();
        match deserialise(engine, &entry.code) {
            Ok(component) => {
                self.read.fetch_add(1, Ordering::Relaxed);
                Some((component, facts))
            }
            Err(error) => {
                self.refuse(cache, key, &format!("this engine does not take it: {error:#}"));
                None
            }
        }
    }

    /// Tells once: what is refused is gone.
    fn refuse(&self, cache: &CodeCache, key: &EntryKey, why: &str) {
        cache.forget(key);
        self.refused.fetch_add(1, Ordering::Relaxed);
        let directory = cache.path().display();
        tracing::warn!(%directory, "compiled code is not used, the plugin is compiled anew: {why}");
    }

    /// Reads on a thread that may wait.
    pub(crate) async fn cached<F>(
        self: &Arc<Self>,
        engine: &wasmtime::Engine,
        key: EntryKey,
    ) -> Option<(Component, Option<F>)>
    where
        F: DeserializeOwned + Send + 'static,
    {
        if !matches!(self.cache, Ok(Some(_))) {
            return None;
        }
        let (store, engine) = (Arc::clone(self), engine.clone());
        let looked = tokio::task::spawn_blocking(move || store.look_up(&engine, &key)).await;
        looked.ok().flatten()
    }

    /// The code of a component, or of what becomes of it.
    pub(crate) async fn load<F>(
        self: &Arc<Self>,
        engine: &wasmtime::Engine,
        key: EntryKey,
        component: Arc<[u8]>,
        product: Product,
    ) -> Result<Loaded<F>, CompileError>
    where
        F: DeserializeOwned + Send + 'static,
    {
        if let Some((component, facts)) = self.cached(engine, key).await {
            return Ok(Loaded { component, facts, new: None });
        }
        let turn = self.turn(&key).await?;
        // Somebody else may have made it meanwhile.
        if turn.1.is_some()
            && let Some((component, facts)) = self.cached(engine, key).await
        {
            return Ok(Loaded { component, facts, new: None });
        }
        let compiler = &self.options.compiler;
        let compiled = compiler.compile(engine, component, product, self.manner()).await;
        let compiled = compiled.inspect_err(|error| {
            if !matches!(error, CompileError::NoSnapshot(_)) {
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        self.compiled.fetch_add(1, Ordering::Relaxed);
        let (engine, code) = (engine.clone(), compiled.code);
        let taken = tokio::task::spawn_blocking(move || (deserialise(&engine, &code), code)).await;
        let (component, code) = taken.map_err(|error| CompileError::Failed(error.to_string()))?;
        let component = component.map_err(|error| CompileError::Failed(format!("{error:#}")))?;
        let new = NewCode { key, code, configured: compiled.configured, _turn: turn };
        Ok(Loaded { component, facts: None, new: Some(new) })
    }

    /// Waits for the right to compile: here, and among the processes that share
    /// the cache. One that hangs is not waited for longer than it may compile.
    async fn turn(
        &self,
        key: &EntryKey,
    ) -> Result<(OwnedSemaphorePermit, Option<MakingLock>), CompileError> {
        let permit = Arc::clone(&self.compiling).acquire_owned().await;
        let permit = permit.map_err(|_| CompileError::Failed("it is shut down".to_owned()))?;
        let Ok(Some(cache)) = &self.cache else { return Ok((permit, None)) };
        let until = Instant::now() + self.options.compiler.wall_time();
        while Instant::now() < until {
            match cache.try_lock(key, self.options.compilers) {
                Ok(Some(lock)) => return Ok((permit, Some(lock))),
                Ok(None) => tokio::time::sleep(ASK_AGAIN).await,
                Err(_) => break,
            }
        }
        Ok((permit, None))
    }

    /// Keeps what was compiled for the next start, with its facts. Failing to is
    /// told and changes nothing.
    pub(crate) async fn keep<F: Serialize>(self: &Arc<Self>, new: NewCode, facts: &F) {
        let Ok(facts) = serde_json::to_vec(facts) else { return };
        let store = Arc::clone(self);
        let write = move || {
            let Ok(Some(cache)) = &store.cache else { return };
            if let Err(error) = cache.keep(&new.key, &facts, new.code.bytes()) {
                let directory = cache.path().display();
                tracing::warn!(%directory, "a compiled plugin is not kept, the next start compiles it again: {error}");
            }
        };
        // It fails when the runtime ends.
        let _ = tokio::task::spawn_blocking(write).await;
    }
}

/// Makes code runnable. wasmtime itself refuses what another version of it, or
/// an engine with other settings, has made.
#[expect(unsafe_code, reason = "wasmtime cannot check native code")]
pub(crate) fn deserialise(
    engine: &wasmtime::Engine,
    code: &TrustedCode,
) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are what `Engine::precompile_component` gave. A
    // `TrustedCode` is made by our own compiler, or by the cache after it
    // verified with a key that only this user can read that our compiler made
    // it; and it owns its bytes, so that nobody can change them now.
    unsafe { Component::deserialize(engine, code.bytes()) }
}
