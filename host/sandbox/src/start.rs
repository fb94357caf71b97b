//! How a step's fresh instances start: from a snapshot that has its settings, or
//! by being configured each time.
//!
//! A workflow is live before its snapshots are there: they are made beside it,
//! one at a time, and taken by the next message. Deliberately does not know: how
//! a snapshot is made or kept.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::code::Loaded;
use crate::compile::{CompileError, Product};
use crate::failure::Failure;
use crate::linkers::LinkedWith;
use crate::plugin::{Kind, Linked, Plugin};
use crate::snapshot::{self, Configured, SnapshotSettings};

/// A component whose instances start with the settings of one step.
pub(crate) struct Snapshot {
    pub(crate) linked: Linked,
    pub(crate) configured: Configured,
}

/// How fresh instances of a step start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With their settings in memory.
    Snapshot,
    /// Each is configured; and why.
    Configured(String),
    /// Each is configured until the snapshot is there, which is being made.
    Preparing,
}

/// The snapshot of one step, when there is one.
#[derive(Default)]
pub(crate) struct StartSlot {
    snapshot: Arc<OnceLock<Arc<Snapshot>>>,
    making: Option<Making>,
    why_not: Option<String>,
}

struct Making {
    /// `None` until it has ended; then why there is no snapshot, if there is none.
    ended: watch::Receiver<Option<Option<String>>>,
    task: tokio::task::AbortHandle,
}

impl Drop for Making {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StartSlot {
    /// For steps that have no use for one.
    pub(crate) fn without(why: &str) -> Self {
        Self { why_not: Some(why.to_owned()), ..Self::default() }
    }

    /// With one that is there already.
    pub(crate) fn with(snapshot: Arc<Snapshot>) -> Self {
        let slot = Self::default();
        let _ = slot.snapshot.set(snapshot);
        slot
    }

    /// With one that is made from now on. `configured` is what the settings gave in
    /// earnest: a component that answers otherwise is not made into a snapshot.
    pub(crate) fn making(
        plugin: Arc<Plugin>,
        with: LinkedWith,
        settings: SnapshotSettings,
        configured: Configured,
    ) -> Self {
        let mut slot = Self::default();
        let (tell, ended) = watch::channel(None);
        let place = Arc::clone(&slot.snapshot);
        let task = tokio::spawn(async move {
            let made = make(&plugin, with, settings, &configured).await;
            let why_not = match made {
                Ok(snapshot) => {
                    let _ = place.set(snapshot);
                    tracing::debug!(
                        plugin = plugin.name,
                        "its fresh instances start from a snapshot from now on"
                    );
                    None
                }
                Err(why) => {
                    tracing::debug!(
                        plugin = plugin.name,
                        "its fresh instances are configured one by one: {why}"
                    );
                    Some(why)
                }
            };
            let _ = tell.send(Some(why_not));
        });
        slot.making = Some(Making { ended, task: task.abort_handle() });
        slot
    }

    pub(crate) fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.snapshot.get()
    }

    pub(crate) fn state(&self) -> Start {
        if self.snapshot.get().is_some() {
            return Start::Snapshot;
        }
        let ended = self.making.as_ref().map(|making| making.ended.borrow().clone());
        match (ended, &self.why_not) {
            (Some(None), _) => Start::Preparing,
            (Some(Some(why)), _) => Start::Configured(why.unwrap_or_default()),
            (None, why) => Start::Configured(why.clone().unwrap_or_default()),
        }
    }

    /// Waits until a snapshot is there, or known not to come.
    pub(crate) async fn settled(&self) {
        if let Some(making) = &self.making {
            let mut ended = making.ended.clone();
            // An error: it was dropped with the runtime.
            let _ = ended.wait_for(Option::is_some).await;
        }
    }
}

/// Why a step of this plugin starts no instances from a snapshot, if so.
pub(crate) fn why_not(plugin: &Plugin, reuse: bool) -> Option<String> {
    if !plugin.engine.code.makes_snapshots() {
        Some("no snapshots are made here".to_owned())
    } else if plugin.kind == Kind::Activity {
        Some("an activity is configured once".to_owned())
    } else if reuse {
        Some("a reused instance is configured once".to_owned())
    } else if plugin.source.is_none() {
        Some(snapshot::too_large(plugin.size))
    } else {
        None
    }
}

/// A snapshot that was made before: for another version of the workflow, or by an
/// earlier start.
pub(crate) async fn known(
    plugin: &Plugin,
    with: LinkedWith,
    settings: &SnapshotSettings,
) -> Option<Arc<Snapshot>> {
    let code = &plugin.engine.code;
    let key = code.key_of_snapshot(&plugin.digest, settings);
    if let Some(live) = code.live_snapshot(&key, with) {
        return Some(live);
    }
    let (component, facts) = code.cached::<Configured>(&plugin.engine.wasmtime, key).await?;
    let linked = plugin.link(&component, with).ok()?;
    let snapshot = Arc::new(Snapshot { linked, configured: facts? });
    code.share_snapshot(key, with, &snapshot);
    code.count_snapshot();
    Some(snapshot)
}

async fn make(
    plugin: &Plugin,
    with: LinkedWith,
    settings: SnapshotSettings,
    expected: &Configured,
) -> Result<Arc<Snapshot>, String> {
    let code = &plugin.engine.code;
    let key = code.key_of_snapshot(&plugin.digest, &settings);
    let component = plugin.source.clone().ok_or_else(|| snapshot::too_large(plugin.size))?;
    let product = Product::Snapshot(settings);
    let engine = &plugin.engine.wasmtime;
    let loaded = code.load::<Configured>(engine, key, component, product).await;
    let Loaded { component, facts, new } =
        loaded.map_err(|error: CompileError| error.to_string())?;
    let configured = new.as_ref().and_then(|new| new.configured.clone()).or(facts);
    let configured = configured.ok_or("the compiler did not tell what configure answered")?;
    if configured != *expected {
        return Err("configure answers otherwise when it is called again".to_owned());
    }
    let linked = plugin
        .link(&component, with)
        .map_err(|error| format!("its snapshot does not fit the contract: {error}"))?;
    let snapshot = Arc::new(Snapshot { linked, configured });
    if let Some(new) = new {
        code.keep(new, &snapshot.configured).await;
    }
    code.share_snapshot(key, with, &snapshot);
    code.count_snapshot();
    Ok(snapshot)
}

/// For a log line: a snapshot that does not start is passed by.
pub(crate) fn tell_of_failure(plugin: &str, failure: &Failure) {
    tracing::debug!(plugin, "a snapshot does not start, the instance is configured: {failure}");
}
