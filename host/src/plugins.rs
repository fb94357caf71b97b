//! The plugins of a home: the standard ones and those in its `plugins/` folder.
//!
//! Knows: files, names, which type name is handled by which plugin, what the
//! operator granted. Deliberately does not know: workflows, messages.
//!
//! # Invariants
//! - A set never changes; a changed file makes a new set. Plugins whose bytes
//!   did not change are the same objects in both.
//! - A plugin that asks for more than it is granted is in the set, but no step
//!   of it can be made.
//! - A file that is not trusted is not in the set. Where a version of it that is
//!   trusted ran before, that one stays.

pub mod audit;
pub mod code;
pub mod grants;
pub mod trust;
pub mod words;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use self::code::CodeBindings;
use self::grants::{Grantor, StepGrant};
use self::trust::Signature;
use sha2::{Digest, Sha256};
use tureen_sandbox::{DirectoryGrant, Engine, Grants, Kind, Limits, LoadError, Plugin};

use crate::config::{self, Faults, PluginFaults, ServerConfig};
use crate::diagnostics::{Diagnostic, codes, quoted};

/// Wall time of an activity's call: it waits for disks and peers.
const ACTIVITY_CALL_TIME: Duration = Duration::from_secs(30);

/// Calls of one plugin at the same time that is not a standard one: half of the
/// default number of messages in flight.
const CALLS_AT_ONCE: usize = 32;

/// Bytes of a plugin file that are read.
const PLUGIN_BYTES_MAX: u64 = 64 << 20;

/// One plugin with what it may do.
#[derive(Debug)]
pub struct Installed {
    pub plugin: Arc<Plugin>,
    /// `None`: built into the program.
    pub file: Option<PathBuf>,
    pub limits: Limits,
    pub grants: Grants,
    /// For single steps, besides `grants`.
    pub steps: Vec<StepGrant>,
    pub reuse: bool,
    pub signature: Signature,
    /// Is the file's digest pinned?
    pub pinned: bool,
}

impl Installed {
    /// Ours: stateless, and its log lines are free of message content.
    pub fn is_standard(&self) -> bool {
        self.file.is_none()
    }
}

/// All plugins of a home at one time.
#[derive(Default)]
pub struct PluginSet {
    by_name: BTreeMap<String, Arc<Installed>>,
    /// One type name may have a filter and a transformer: a filter's settings
    /// hold transformers of their own.
    by_type: BTreeMap<(Kind, String), Arc<Installed>>,
    /// What is wrong with files that are not in the set.
    pub diagnostics: Vec<Diagnostic>,
    /// What stands in for scripts.
    pub code: CodeBindings,
    /// When steps are set aside: of all plugins, and what is different for single ones.
    faults: (Faults, BTreeMap<String, PluginFaults>),
    digest: [u8; 32],
}

impl PluginSet {
    /// Reads and compiles what is installed. `before` lends the plugins whose
    /// bytes have not changed.
    pub async fn load(
        engine: &Engine,
        home: &Path,
        config: &ServerConfig,
        before: Option<&Self>,
    ) -> Self {
        let mut set = Self {
            digest: Self::digest_of(home, config),
            code: CodeBindings::new(&config.code),
            faults: faults_of(config),
            ..Self::default()
        };
        for bundled in tureen_bundle::bundled() {
            set.add(engine, home, config, before, None, Arc::from(bundled.component)).await;
        }
        for file in plugin_files(&home.join("plugins")) {
            match read_bounded(&file) {
                Ok(bytes) => {
                    set.add(engine, home, config, before, Some(file), bytes.into()).await;
                }
                Err(error) => set.refuse(&file, &error),
            }
        }
        set
    }

    /// The same plugins, all of them granted this one directory for writing and
    /// no other, and no network: what a test may touch.
    #[must_use]
    pub fn confined_to(&self, directory: &Path) -> Self {
        let grant = DirectoryGrant { path: directory.to_path_buf(), write: true };
        let confined = |installed: &Installed| {
            let only = |grants: &Grants, directories| Grants {
                directories,
                http: Vec::new(),
                tcp: Vec::new(),
                tls: Vec::new(),
                ..grants.clone()
            };
            let steps = installed
                .steps
                .iter()
                .map(|step| StepGrant { grants: only(&step.grants, Vec::new()), ..step.clone() });
            Arc::new(Installed {
                plugin: Arc::clone(&installed.plugin),
                file: installed.file.clone(),
                limits: installed.limits.clone(),
                grants: only(&installed.grants, vec![grant.clone()]),
                steps: steps.collect(),
                reuse: installed.reuse,
                signature: installed.signature.clone(),
                pinned: installed.pinned,
            })
        };
        let by_name: BTreeMap<_, _> =
            self.by_name.iter().map(|(name, it)| (name.clone(), confined(it))).collect();
        let by_type = self.by_type.iter().filter_map(|(key, installed)| {
            Some((key.clone(), Arc::clone(by_name.get(&installed.plugin.name)?)))
        });
        Self {
            by_type: by_type.collect(),
            by_name,
            diagnostics: Vec::new(),
            code: self.code.clone(),
            faults: self.faults.clone(),
            digest: self.digest,
        }
    }

    /// The same plugins with this one as that configuration installs it: in place of
    /// the file of its name, or beside the others. A built-in plugin keeps its place
    /// and its type names, as it does in a home. What is in the way is told.
    pub fn with_candidate(
        &self,
        home: &Path,
        config: &ServerConfig,
        plugin: Arc<Plugin>,
        file: Option<PathBuf>,
    ) -> (Self, Vec<Diagnostic>) {
        let stays = |installed: &Installed| {
            installed.plugin.name != plugin.name || (file.is_some() && installed.file.is_none())
        };
        let by_name = self.by_name.iter().filter(|(_, it)| stays(it));
        let by_type = self.by_type.iter().filter(|(_, it)| stays(it));
        let mut set = Self {
            by_name: by_name.map(|(name, it)| (name.clone(), Arc::clone(it))).collect(),
            by_type: by_type.map(|(key, it)| (key.clone(), Arc::clone(it))).collect(),
            diagnostics: Vec::new(),
            code: self.code.clone(),
            faults: self.faults.clone(),
            digest: self.digest,
        };
        // Whether it would be trusted, `inspect` tells.
        let signature = if file.is_none() { Signature::BuiltIn } else { Signature::Unsigned };
        set.install(home, config, plugin, file, signature);
        let found = std::mem::take(&mut set.diagnostics);
        (set, found)
    }

    /// Would [`PluginSet::load`] read something else now?
    pub fn is_stale(&self, home: &Path, config: &ServerConfig) -> bool {
        self.digest != Self::digest_of(home, config)
    }

    /// The plugin of that kind that handles a type name (a class without its
    /// assembly).
    pub fn handling(&self, kind: Kind, type_name: &str) -> Option<&Arc<Installed>> {
        self.by_type.get(&(kind, type_name.to_owned()))
    }

    /// By name, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Installed>> {
        self.by_name.values()
    }

    /// When steps of a plugin are set aside.
    pub fn fault_budget(&self, plugin: &str) -> Faults {
        let (all, own) = &self.faults;
        all.with(own.get(plugin))
    }

    pub fn named(&self, name: &str) -> Option<&Arc<Installed>> {
        self.by_name.get(name)
    }

    /// Every type name that some plugin of that kind handles.
    pub fn handled(&self, kind: Kind) -> impl Iterator<Item = &str> {
        let of_kind = self.by_type.keys().filter(move |(of, _)| *of == kind);
        of_kind.map(|(_, name)| name.as_str())
    }

    async fn add(
        &mut self,
        engine: &Engine,
        home: &Path,
        config: &ServerConfig,
        before: Option<&Self>,
        file: Option<PathBuf>,
        bytes: Arc<[u8]>,
    ) {
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let judged = match &file {
            None => Ok(Signature::BuiltIn),
            Some(file) => trust::judge(&config.trust, file, &bytes),
        };
        let signature = match (judged, file.as_deref()) {
            (Ok(signature), _) => signature,
            (Err(reason), file) => {
                let file = file.unwrap_or(Path::new("(built in)"));
                let earlier = before.and_then(|set| set.earlier(file, digest, config));
                return self.distrust(
                    home,
                    config,
                    file,
                    codes::PLUGIN_SIGNATURE,
                    &reason,
                    earlier,
                );
            }
        };
        let known = before
            .and_then(|set| set.iter().find(|installed| installed.plugin.digest == digest))
            .map(|installed| Arc::clone(&installed.plugin));
        let plugin = match known {
            Some(plugin) => plugin,
            None => match Plugin::load(engine, bytes).await {
                Ok(plugin) => Arc::new(plugin),
                Err(error) => {
                    let name = file.unwrap_or_else(|| PathBuf::from("(built in)"));
                    return self.refuse_plugin(&name, &error);
                }
            },
        };
        let pin = config.plugins.get(&plugin.name).and_then(|written| written.sha256.as_deref());
        if let (false, Some(file)) = (trust::is_pinned(pin, &plugin.digest_text()), &file) {
            let reason = format!(
                "plugins.{}.sha256 is {}, the file's is {}",
                plugin.name,
                pin.unwrap_or_default(),
                plugin.digest_text()
            );
            let earlier = before.and_then(|set| set.earlier(file, digest, config));
            return self.distrust(home, config, file, codes::PLUGIN_PIN, &reason, earlier);
        }
        self.install(home, config, plugin, file, signature);
    }

    fn install(
        &mut self,
        home: &Path,
        config: &ServerConfig,
        plugin: Arc<Plugin>,
        file: Option<PathBuf>,
        signature: Signature,
    ) {
        if let (Some(other), Some(file)) = (self.by_name.get(&plugin.name), &file) {
            let text = format!(
                "this file calls itself {}, which is already {}",
                quoted(&plugin.name),
                other
                    .file
                    .as_ref()
                    .map_or("built in".to_owned(), |file| file.display().to_string())
            );
            let help = "remove one of them, or rename the plugin in its Cargo.toml";
            let found = Diagnostic::new(codes::PLUGIN_TWICE, text).in_file(file).help(help);
            self.diagnostics.push(found);
            return;
        }
        let (grants, steps, found) = granted_to(home, config, &plugin.name, file.is_none());
        self.diagnostics.extend(found);
        let installed = installed(config, Arc::clone(&plugin), file, signature, (grants, steps));
        let installed = Arc::new(installed);
        for type_name in &plugin.handles {
            let key = (plugin.kind, type_name.clone());
            if let Some(other) = self.by_type.get(&key) {
                let text = format!(
                    "{} says that it handles {}, which {} already does",
                    plugin.name,
                    quoted(type_name),
                    other.plugin.name
                );
                let file = installed.file.clone().unwrap_or_default();
                let found = Diagnostic::new(codes::PLUGIN_TWICE, text)
                    .in_file(&file)
                    .help("the one that was there first is used; remove one of them");
                self.diagnostics.push(found);
                continue;
            }
            self.by_type.insert(key, Arc::clone(&installed));
        }
        self.by_name.insert(plugin.name.clone(), installed);
    }

    fn refuse(&mut self, file: &Path, error: &str) {
        let found =
            Diagnostic::new(codes::PLUGIN_FILE, format!("the plugin cannot be read: {error}"))
                .in_file(file)
                .help("check the file and its permissions");
        self.diagnostics.push(found);
    }

    fn refuse_plugin(&mut self, file: &Path, error: &LoadError) {
        let mut text = format!("this file is no plugin that can run here: {error}");
        if let LoadError::Identity(failure) = error {
            text = format!("{text}: {failure}");
        }
        let found = Diagnostic::new(codes::PLUGIN_FILE, text)
            .in_file(file)
            .help(match error {
                LoadError::Compiler(_) => "raise the limit in [plugins_cache] if you trust the file that far, or remove it",
                _ => "put a component there that was built with the plugin SDK, or remove the file",
            })
            .state("the file is left out; workflows that need it do not start");
        self.diagnostics.push(found);
    }

    /// Changes when any plugin file or any grant does.
    fn digest_of(home: &Path, config: &ServerConfig) -> [u8; 32] {
        let mut hash = Sha256::new();
        for file in plugin_files(&home.join("plugins")) {
            hash.update(file.as_os_str().as_encoded_bytes());
            match read_bounded(&file) {
                Ok(bytes) => hash.update(Sha256::digest(&bytes)),
                Err(error) => hash.update(error.as_bytes()),
            }
            hash.update(format!("{:?}", trust::read_signature(&file)).as_bytes());
        }
        let (plugins, trust, code) = (&config.plugins, &config.trust, &config.code);
        hash.update(format!("{plugins:?}{trust:?}{code:?}{:?}", config.secrets.keys()).as_bytes());
        hash.update(grants::identities(home, config).as_bytes());
        hash.update(format!("{:?}", config.faults).as_bytes());
        hash.finalize().into()
    }
}

/// A plugin as it would be installed.
pub fn candidate(
    home: &Path,
    config: &ServerConfig,
    plugin: Arc<Plugin>,
    file: Option<PathBuf>,
    signature: Signature,
) -> Installed {
    let (grants, steps, _) = granted_to(home, config, &plugin.name, file.is_none());
    installed(config, plugin, file, signature, (grants, steps))
}

fn granted_to(
    home: &Path,
    config: &ServerConfig,
    name: &str,
    is_standard: bool,
) -> (Grants, Vec<StepGrant>, Vec<Diagnostic>) {
    Grantor::new(home, config).grants(name, is_standard)
}

fn installed(
    config: &ServerConfig,
    plugin: Arc<Plugin>,
    file: Option<PathBuf>,
    signature: Signature,
    (grants, steps): (Grants, Vec<StepGrant>),
) -> Installed {
    let written = config.plugins.get(&plugin.name);
    Installed {
        limits: limits_of(&plugin, file.is_none(), config.limits.body_bytes, written),
        grants,
        steps,
        signature,
        pinned: written.is_some_and(|it| it.sha256.is_some()),
        reuse: written.and_then(|it| it.reuse).unwrap_or(file.is_none()),
        file,
        plugin,
    }
}

/// `*.wasm` right in the folder, by name; a folder that is not there is empty.
fn plugin_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it.eq_ignore_ascii_case("wasm")))
        .collect();
    files.sort();
    files
}

/// A plugin's file.
///
/// # Errors
/// It cannot be read, is no file, or too large.
pub fn read_bounded(file: &Path) -> Result<Vec<u8>, String> {
    let found = fs::metadata(file).map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if found.len() > PLUGIN_BYTES_MAX {
        return Err(format!("it has {} bytes, at most {PLUGIN_BYTES_MAX} are read", found.len()));
    }
    // It may grow while it is read.
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).map_err(|error| error.to_string())?;
    let read = opened.take(PLUGIN_BYTES_MAX + 1).read_to_end(&mut bytes);
    match read.map_err(|error| error.to_string())? as u64 {
        found if found > PLUGIN_BYTES_MAX => {
            Err(format!("it has more than the {PLUGIN_BYTES_MAX} bytes that are read"))
        }
        _ => Ok(bytes),
    }
}

/// Takes over what the operator wrote.
fn set<T>(limit: &mut T, written: Option<T>) {
    if let Some(written) = written {
        *limit = written;
    }
}

fn limits_of(
    plugin: &Plugin,
    is_standard: bool,
    body_bytes: usize,
    written: Option<&config::Plugin>,
) -> Limits {
    let mut limits = Limits::default();
    // A plugin can hand over any message that the server takes.
    limits.host_call_bytes = limits.host_call_bytes.max(body_bytes.saturating_add(64 << 10));
    // The standard ones serve every workflow; what they do is bounded by messages.
    limits.calls_at_once = (!is_standard).then_some(CALLS_AT_ONCE);
    if plugin.kind == Kind::Activity {
        limits.call_time = ACTIVITY_CALL_TIME;
    }
    let Some(written) = written else { return limits };
    limits.network = written.network_limits();
    let count = |calls: u64| u32::try_from(calls).unwrap_or(u32::MAX);
    let milliseconds = Duration::from_millis;
    set(&mut limits.memory_bytes, written.memory_bytes);
    set(&mut limits.call_time, written.call_time_milliseconds.map(milliseconds));
    set(&mut limits.running_time, written.running_time_milliseconds.map(milliseconds));
    set(&mut limits.host_calls, written.host_calls.map(count));
    set(&mut limits.host_call_bytes, written.host_call_bytes);
    set(&mut limits.handles, written.handles);
    set(&mut limits.table_elements, written.table_elements);
    set(&mut limits.table_count, written.table_count);
    set(&mut limits.memory_count, written.memory_count);
    set(&mut limits.instance_count, written.instance_count);
    set(&mut limits.log_lines, written.log_lines.map(|lines| count(lines as u64)));
    set(&mut limits.log_bytes, written.log_bytes);
    set(&mut limits.notifications, written.notifications.map(|it| count(it as u64)));
    set(&mut limits.output_bytes, written.output_bytes);
    set(&mut limits.variables, written.variables);
    set(&mut limits.variable_bytes, written.variable_bytes);
    if written.calls_at_once.is_some() {
        limits.calls_at_once = written.calls_at_once;
    }
    limits
}

fn faults_of(config: &ServerConfig) -> (Faults, BTreeMap<String, PluginFaults>) {
    let own = config.plugins.iter().map(|(name, plugin)| (name.clone(), plugin.faults.clone()));
    (config.faults.clone(), own.collect())
}
