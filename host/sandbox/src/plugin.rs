//! A component as it is installed: compiled, checked against its grants, asked
//! who it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sha2::{Digest, Sha256};
use wasmtime::Store;
use wasmtime::component::Component;

use crate::bindings::{activity, filter, transformer};
use crate::cache::TrustedCode;
use crate::code::{Loaded, deserialise};
use crate::compile::{CompileError, Product};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::granted::Granted;
use crate::grants::{Grants, Need, imports_in_a_sentence, need_of};
use crate::guest::Guest;
use crate::instance::{Exports, Identity, Instance, Origin};
use crate::isolated::{self, WorkerLimits, Workers};
use crate::limits::{Limits, MemoryBudget};
use crate::linkers::LinkedWith;
use crate::outbound::NetworkAccess;
use crate::slow_lane::Askers;
use crate::snapshot::{SNAPSHOT_COMPONENT_BYTES_MAX, too_large};
use crate::structure::{self, StructureError};
use crate::told;

/// The version of `tureen:plugin` that this host speaks; within 0.1 a plugin
/// may have been built against any patch version.
pub(crate) const CONTRACT: &str = "0.1";

/// Bytes of a component file. A larger one is refused before it is compiled.
const COMPONENT_BYTES_MAX: usize = 64 << 20;

/// Bytes of a plugin's version.
const VERSION_BYTES_MAX: usize = 64;

/// Characters of a plugin's summary that are kept.
const SUMMARY_CHARS_MAX: usize = 256;

/// Type names that one plugin may handle.
const HANDLES_MAX: usize = 1_000;

/// Bytes of one such name.
const TYPE_NAME_BYTES_MAX: usize = 256;

/// What a plugin is for; read from its exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Filter,
    Transformer,
    Activity,
}

impl Kind {
    /// `filter`, `transformer`, `activity`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Transformer => "transformer",
            Self::Activity => "activity",
        }
    }
}

/// Why a file is not a plugin that this host can run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    #[error("it is empty")]
    Empty,
    #[error("it is not WebAssembly: expected the four bytes `\\0asm` at its start, found {found}")]
    NotWasm { found: String },
    #[error(
        "it is a core module, not a component; build it for wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    #[error("it has {found} bytes, at most {allowed} are read")]
    TooLarge { found: usize, allowed: usize },
    #[error("it cannot be compiled: {0}")]
    Broken(String),
    /// The compiler was stopped, or failed; not by what the file says.
    #[error("{0}")]
    Compiler(CompileError),
    #[error(
        "it was built for version {found} of the plugin contract, this server speaks {CONTRACT}.x; rebuild it with a matching plugin SDK"
    )]
    OtherVersion { found: String },
    #[error(
        "it exports no step of the plugin contract (tureen:plugin/filter-step, transformer-step or activity-step); use the plugin SDK's macros"
    )]
    NoStep,
    #[error("it exports more than one kind of step; make one plugin of each")]
    SeveralKinds,
    #[error("it imports {0}: no grant gives that")]
    Imports(String),
    #[error("it does not fit the plugin contract: {0}")]
    Mismatch(String),
    #[error("it could not say who it is: {0}")]
    Identity(#[source] Failure),
    #[error("its name {0:?} is not lower-case words joined by dashes")]
    Name(String),
    #[error("{0}; that much is not given to the compiler")]
    TooMuch(String),
    #[error("what it says about itself does not hold: {0}")]
    Told(String),
}

/// The component linked for one of the three worlds.
pub(crate) enum Linked {
    Filter(filter::FilterPre<Guest>),
    Transformer(transformer::TransformerPre<Guest>),
    Activity(activity::ActivityPre<Guest>),
}

impl Linked {
    pub(crate) async fn instantiate(&self, store: &mut Store<Guest>) -> wasmtime::Result<Exports> {
        Ok(match self {
            Self::Filter(linked) => Exports::Filter(linked.instantiate_async(store).await?),
            Self::Transformer(linked) => {
                Exports::Transformer(linked.instantiate_async(store).await?)
            }
            Self::Activity(linked) => Exports::Activity(linked.instantiate_async(store).await?),
        })
    }
}

/// An installed plugin. Immutable; a new file is a new `Plugin`.
pub struct Plugin {
    /// The plugin's name, which the operator's grants go by.
    pub name: String,
    pub version: String,
    pub summary: String,
    pub kind: Kind,
    /// Type names that it implements, without assembly names.
    pub handles: Vec<String>,
    /// Interfaces that it imports, in the file's order.
    pub imports: Vec<String>,
    /// Interfaces and functions that it exports, in the file's order.
    pub exports: Vec<String>,
    /// SHA-256 of the file.
    pub digest: [u8; 32],
    /// Bytes of the file.
    pub size: usize,
    component: Component,
    /// The component linked with what its steps are granted.
    linked: Mutex<HashMap<LinkedWith, Arc<Linked>>>,
    pub(crate) engine: Engine,
    /// The file, where snapshots may be made of it.
    pub(crate) source: Option<Arc<[u8]>>,
    /// Its calls of the moment.
    pub(crate) gate: Gate,
    /// Those of them that run long.
    pub(crate) askers: Askers,
    /// The memory of its instances together.
    pub(crate) memory: Arc<MemoryBudget>,
    /// Its processes, while steps use them.
    workers: Mutex<Weak<Workers>>,
}

/// Where a plugin is asked who it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AskedIn {
    ThisProcess,
    Worker,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Plugin({} {}, {})", self.name, self.version, self.kind.name())
    }
}

impl Plugin {
    /// Takes a component's code from the cache, or compiles it, and asks it who it
    /// is unless the cache knows. Compiling takes seconds; messages go on meanwhile.
    ///
    /// # Errors
    /// The file is no plugin for this host; the error says why.
    pub async fn load(engine: &Engine, bytes: Arc<[u8]>) -> Result<Self, LoadError> {
        Self::loaded(engine, bytes, AskedIn::ThisProcess).await
    }

    /// As [`Plugin::load`]; a plugin that has to be asked who it is is asked in a
    /// worker process: nothing of it runs in this one.
    ///
    /// # Errors
    /// As [`Plugin::load`]; also where this program or this system has no workers.
    pub async fn load_apart(engine: &Engine, bytes: Arc<[u8]>) -> Result<Self, LoadError> {
        Self::loaded(engine, bytes, AskedIn::Worker).await
    }

    async fn loaded(
        engine: &Engine,
        bytes: Arc<[u8]>,
        asked_in: AskedIn,
    ) -> Result<Self, LoadError> {
        examine(&bytes)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let size = bytes.len();
        let looked = Arc::clone(&bytes);
        let seen = tokio::task::spawn_blocking(move || look_inside(&looked)).await;
        seen.map_err(|_| LoadError::Broken("it could not be looked through".to_owned()))??;
        let source = (size <= SNAPSHOT_COMPONENT_BYTES_MAX).then(|| Arc::clone(&bytes));
        let key = engine.code.key_of_component(&digest);
        let loaded = engine.code.load(&engine.wasmtime, key, bytes, Product::Component).await;
        let Loaded { component, facts: known, new } = loaded.map_err(|error| match error {
            CompileError::Refused(text) => LoadError::Broken(words(&text)),
            error => LoadError::Compiler(error),
        })?;
        let plugin = Self::unnamed(engine, component)?;
        let mut plugin = Self { digest, size, source, ..plugin };
        // Kept without its identity too: a component that cannot tell it is not
        // compiled at every start.
        let identity: Result<Identity, LoadError> = match known.flatten() {
            Some(identity) => Ok(identity),
            None => plugin.ask_identity(asked_in).await,
        };
        if let Some(new) = new {
            engine.code.keep(new, &identity.as_ref().ok()).await;
        }
        plugin.take_identity(identity?);
        Ok(plugin)
    }

    /// A component that nobody has asked yet who it is.
    fn unnamed(engine: &Engine, component: Component) -> Result<Self, LoadError> {
        let World { kind, imports, exports } = world_of(engine, &component)?;
        Ok(Self {
            name: "plugin".to_owned(),
            version: String::new(),
            summary: String::new(),
            kind,
            handles: Vec::new(),
            imports,
            exports,
            digest: [0; 32],
            size: 0,
            component,
            linked: Mutex::default(),
            engine: engine.clone(),
            source: None,
            gate: Gate::default(),
            askers: engine.lane.askers(),
            memory: Arc::new(engine.memory.share()),
            workers: Mutex::default(),
        })
    }

    /// The plugin in a worker, which was told its name. What takes descriptors is
    /// done now: later there are none.
    pub(crate) fn in_worker(
        engine: &Engine,
        code: &TrustedCode,
        name: String,
    ) -> Result<Self, LoadError> {
        let broken = |error: wasmtime::Error| LoadError::Broken(format!("{error:#}"));
        let component = deserialise(&engine.wasmtime, code).map_err(broken)?;
        component.initialize_copy_on_write_image().map_err(broken)?;
        Ok(Self { name, ..Self::unnamed(engine, component)? })
    }

    /// Its native code, to be run by another process of this program.
    pub(crate) fn code(&self) -> wasmtime::Result<Vec<u8>> {
        self.component.serialize()
    }

    /// Its workers; they end with whoever holds them last. `None`: this program
    /// cannot start any.
    pub(crate) fn workers(&self, limits: WorkerLimits) -> Option<Arc<Workers>> {
        let program = self.engine.workers.as_ref()?;
        let mut known = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(workers) = known.upgrade().filter(|workers| workers.limits() == limits) {
            return Some(workers);
        }
        let workers = Arc::new(Workers::new(Arc::clone(program), limits));
        *known = Arc::downgrade(&workers);
        Some(workers)
    }

    /// The digest as 64 hexadecimal digits.
    pub fn digest_text(&self) -> String {
        digest_text(&self.digest)
    }

    /// The version of the plugin contract that it was built for.
    pub fn contract(&self) -> &str {
        let mut names = self.exports.iter().chain(&self.imports);
        let version = names.find_map(|name| name.strip_prefix("tureen:plugin/")?.split('@').nth(1));
        version.unwrap_or(CONTRACT)
    }

    /// What the plugin imports and is not granted, with what that needs.
    pub fn missing_grants(&self, grants: &Grants) -> Vec<(String, Need)> {
        let needs = self.imports.iter().map(|import| (import.clone(), need_of(import)));
        needs.filter(|(_, need)| !grants.satisfy(*need)).collect()
    }

    /// Does it import anything that it is not granted?
    pub(crate) fn asks_beyond(&self, grants: &Grants) -> bool {
        self.imports.iter().any(|import| !grants.satisfy(need_of(import)))
    }

    /// The component linked so; every way once.
    pub(crate) fn linked(&self, with: LinkedWith) -> Result<Arc<Linked>, LoadError> {
        let mut known = self.linked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(linked) = known.get(&with) {
            return Ok(Arc::clone(linked));
        }
        let linked = Arc::new(self.link(&self.component, with)?);
        known.insert(with, Arc::clone(&linked));
        Ok(linked)
    }

    /// The component, or a snapshot of it, linked with the host.
    pub(crate) fn link(
        &self,
        component: &Component,
        with: LinkedWith,
    ) -> Result<Linked, LoadError> {
        let mismatch = |error: wasmtime::Error| LoadError::Mismatch(format!("{error:#}"));
        let linkers = &self.engine.linkers;
        let linker = linkers.linker(with).map_err(mismatch)?;
        let linked = linker.instantiate_pre(component).map_err(mismatch)?;
        Ok(match self.kind {
            Kind::Filter => Linked::Filter(filter::FilterPre::new(linked).map_err(mismatch)?),
            Kind::Transformer => {
                Linked::Transformer(transformer::TransformerPre::new(linked).map_err(mismatch)?)
            }
            Kind::Activity => {
                Linked::Activity(activity::ActivityPre::new(linked).map_err(mismatch)?)
            }
        })
    }

    /// Why fresh instances of this plugin cannot start from a snapshot of their
    /// settings, as far as the file tells; `None`: it will be tried.
    pub fn no_snapshot_because(&self) -> Option<String> {
        self.source.is_none().then(|| too_large(self.size))
    }

    async fn ask_identity(&self, asked_in: AskedIn) -> Result<Identity, LoadError> {
        let identity = match asked_in {
            AskedIn::ThisProcess => self.told_identity().await,
            AskedIn::Worker => Box::pin(isolated::identity(self)).await,
        };
        let identity = identity.map_err(LoadError::Identity)?;
        if !is_name(&identity.name) {
            return Err(LoadError::Name(identity.name.chars().take(64).collect()));
        }
        check_told(&identity.version, &identity.handles)?;
        Ok(identity)
    }

    /// Who it says it is, here; not checked.
    pub(crate) async fn told_identity(&self) -> Result<Identity, Failure> {
        let name: Arc<str> = Arc::from(self.name.as_str());
        let linked = self.linked(LinkedWith::Nothing);
        let linked =
            linked.map_err(|error| Failure::plugin(&name, "plugin.contract", error.to_string()))?;
        let origin = Origin {
            engine: &self.engine.wasmtime,
            linked: &linked,
            plugin: &name,
            limits: &Arc::new(Limits::default()),
            granted: &Arc::new(Granted::default()),
            custom: &Arc::default(),
            texts: &Arc::default(),
            network: &NetworkAccess::new(&name, &Grants::default(), &Limits::default(), None),
            memory: &self.memory,
            way: self.engine.lane.way(&self.askers),
        };
        Instance::new(origin).await?.identity().await
    }

    fn take_identity(&mut self, identity: Identity) {
        self.name = identity.name;
        self.version = identity.version;
        self.summary = told::line(&identity.summary, SUMMARY_CHARS_MAX);
        self.handles = identity.handles;
    }
}

/// What a plugin says about itself goes into tables, logs and diagnostics.
fn check_told(version: &str, handles: &[String]) -> Result<(), LoadError> {
    if !is_plain(version, VERSION_BYTES_MAX) {
        let found = told::line(version, VERSION_BYTES_MAX);
        let text =
            format!("its version {found:?} is not 1 to {VERSION_BYTES_MAX} plain characters");
        return Err(LoadError::Told(text));
    }
    if handles.is_empty() || handles.len() > HANDLES_MAX {
        let found = handles.len();
        let text = format!("it handles {found} types, expected 1 to {HANDLES_MAX}");
        return Err(LoadError::Told(text));
    }
    let strange = handles.iter().find(|name| {
        !is_plain(name, TYPE_NAME_BYTES_MAX) || name.contains(',') || name.trim() != *name
    });
    if let Some(name) = strange {
        let found = told::line(name, 64);
        let text = format!(
            "it handles {found:?}, which is not the name of a class without its assembly, of 1 to {TYPE_NAME_BYTES_MAX} bytes"
        );
        return Err(LoadError::Told(text));
    }
    Ok(())
}

/// A digest as 64 hexadecimal digits.
pub fn digest_text(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Neither empty nor too long, and nothing that could break a line.
fn is_plain(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && told::line(text, text.len()) == text
}

/// Counts what the file declares: the compiler's work is not bounded by its length.
fn look_inside(bytes: &[u8]) -> Result<(), LoadError> {
    structure::judge(bytes).map_err(|error| match error {
        StructureError::TooMuch { .. } => LoadError::TooMuch(error.to_string()),
        StructureError::Unreadable { .. } => {
            LoadError::Broken(told::line(&error.to_string(), told::TEXT_CHARS_MAX))
        }
    })
}

/// `file-writer`: what can stand as a table's name in `tureen.toml`.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-')
}

/// Looks at the first bytes: the compiler's own words for these are no help.
fn examine(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::Empty);
    }
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(LoadError::TooLarge { found: bytes.len(), allowed: COMPONENT_BYTES_MAX });
    }
    if !bytes.starts_with(b"\0asm") {
        let found = match std::str::from_utf8(bytes.get(..4).unwrap_or(bytes)) {
            Ok(text) => format!("{text:?}"),
            Err(_) => "other bytes".to_owned(),
        };
        return Err(LoadError::NotWasm { found });
    }
    match bytes.get(4..8) {
        Some([_, _, 0, 0]) => Err(LoadError::CoreModule),
        Some(_) => Ok(()),
        None => Err(LoadError::Broken("the file ends after its first bytes".to_owned())),
    }
}

struct World {
    kind: Kind,
    imports: Vec<String>,
    exports: Vec<String>,
}

/// What the component is for, what it imports and exports.
fn world_of(engine: &Engine, component: &Component) -> Result<World, LoadError> {
    let world = component.component_type();
    let imports: Vec<String> =
        world.imports(&engine.wasmtime).map(|(name, _)| name.to_owned()).collect();
    let exports: Vec<String> =
        world.exports(&engine.wasmtime).map(|(name, _)| name.to_owned()).collect();
    check_version(imports.iter().chain(&exports))?;
    let kind = kind_of(&exports)?;
    refuse_unknown(&imports)?;
    Ok(World { kind, imports, exports })
}

fn refuse_unknown(imports: &[String]) -> Result<(), LoadError> {
    let unknown = imports.iter().filter(|import| need_of(import) == Need::NotAvailable);
    let unknown: Vec<&str> = unknown.map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(LoadError::Imports(imports_in_a_sentence(unknown.into_iter())))
}

/// The compiler's words, which may quote names of the file.
fn words(text: &str) -> String {
    told::line(text, told::TEXT_CHARS_MAX)
}

fn check_version<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), LoadError> {
    for name in names.filter(|name| name.starts_with("tureen:plugin/")) {
        let version = name.split('@').nth(1).unwrap_or("none");
        if version != CONTRACT && !version.starts_with(&format!("{CONTRACT}.")) {
            return Err(LoadError::OtherVersion { found: told::line(version, VERSION_BYTES_MAX) });
        }
    }
    Ok(())
}

fn kind_of(exports: &[String]) -> Result<Kind, LoadError> {
    let known = [
        ("tureen:plugin/filter-step@", Kind::Filter),
        ("tureen:plugin/transformer-step@", Kind::Transformer),
        ("tureen:plugin/activity-step@", Kind::Activity),
    ];
    let mut kinds = known
        .into_iter()
        .filter(|(prefix, _)| exports.iter().any(|export| export.starts_with(prefix)))
        .map(|(_, kind)| kind);
    match (kinds.next(), kinds.next()) {
        (None, _) => Err(LoadError::NoStep),
        (Some(_), Some(_)) => Err(LoadError::SeveralKinds),
        (Some(kind), None) => Ok(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_component_is_told_by_its_first_bytes() {
        let check = |bytes: &[u8], expected: &str| {
            let error = examine(bytes).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{bytes:?}: {error}");
        };
        check(b"", "it is empty");
        check(b"MZ\x90\x00", "not WebAssembly");
        check(b"hello world", "found \"hell\"");
        check(b"\0asm\x01\0\0\0", "a core module");
        check(b"\0asm", "ends after its first bytes");
        check(b"\0asm\x0d\0\x01\0", "");
    }

    #[test]
    fn only_the_contract_s_own_minor_version_is_accepted() {
        let check = |name: &str, ok: bool| {
            assert_eq!(check_version([name.to_owned()].iter()).is_ok(), ok, "{name}");
        };
        check("tureen:plugin/types@0.1.0", true);
        check("tureen:plugin/types@0.1.7", true);
        check("tureen:plugin/types@0.2.0", false);
        check("tureen:plugin/types@0.10.0", false);
        check("tureen:plugin/types", false);
        check("wasi:io/streams@0.2.6", true);
    }

    #[test]
    fn an_import_that_nothing_grants_is_refused_by_name() {
        let check = |imports: &[&str], refused: Option<&str>| {
            let imports: Vec<String> = imports.iter().map(|it| (*it).to_owned()).collect();
            let found = refuse_unknown(&imports).err().map(|error| error.to_string());
            assert_eq!(found.as_deref(), refused, "{imports:?}");
        };
        check(&["tureen:plugin/types@0.1.0", "wasi:filesystem/types@0.2.6"], None);
        check(&["tureen:plugin/http@0.1.0", "wasi:http/outgoing-handler@0.2.6"], None);
        check(
            &["wasi:io/poll@0.2.6", "wasi:sockets/tcp@0.2.6", "env"],
            Some("it imports wasi:sockets/tcp@0.2.6, env: no grant gives that"),
        );
    }

    #[test]
    fn a_plugin_s_name_can_stand_in_the_configuration() {
        let check = |name: &str, ok: bool| assert_eq!(is_name(name), ok, "{name}");
        check("file-writer", true);
        check("a", true);
        check("", false);
        check("File", false);
        check("-x", false);
        check("a b", false);
    }
}
