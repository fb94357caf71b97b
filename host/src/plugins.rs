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
//! - A name, or a type name, belongs to whoever had it before. Of two files that claim it
//!   at the same time neither gets it: the order of file names is a stranger's choice.

pub mod audit;
mod claims;
pub mod code;
mod files;
pub mod grants;
mod installed;
mod isolation;
mod limits;
pub mod trust;
mod variants;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tureen_sandbox::{Engine, Kind, LoadError, Plugin};

pub use self::claims::Right;
pub use self::files::read_bounded;
pub use self::installed::{Installed, candidate};

use self::code::CodeBindings;
use self::files::{folder_unreadable, plugin_files};
use self::installed::{granted_to, installed};
use self::isolation::loaded;
use self::trust::Signature;
use crate::config::{FILE_NAME, Faults, PluginFaults, ServerConfig};
use crate::diagnostics::nearest::nearest;
use crate::diagnostics::{Diagnostic, codes, quoted};

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
    /// Names that several files claim.
    contested: BTreeSet<String>,
    contested_types: BTreeSet<(Kind, String)>,
    /// Names of plugins whose file may not run any more.
    distrusted: BTreeSet<String>,
    /// Plugins that had a file before, by name.
    gone: BTreeMap<String, claims::Gone>,
    /// Must every file be signed?
    signed_only: bool,
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
            signed_only: config.trust.require_signatures,
            ..Self::default()
        };
        for bundled in tureen_bundle::bundled() {
            set.add(engine, home, config, before, None, Arc::from(bundled.component)).await;
        }
        let folder = home.join("plugins");
        let mut files = plugin_files(&folder).unwrap_or_else(|error| {
            set.diagnostics.push(folder_unreadable(&folder, &error));
            Vec::new()
        });
        // What was there before is judged before what claims to be the same.
        files.sort_by_key(|file| before.is_none_or(|set| set.file(file).is_none()));
        for file in files {
            match read_bounded(&file) {
                Ok(bytes) => {
                    set.add(engine, home, config, before, Some(file), bytes.into()).await;
                }
                Err(error) => set.refuse(&file, &error),
            }
        }
        if let Some(before) = before {
            set.note_gone(before, home, config);
        }
        let found = set.without_effect(home, config);
        set.diagnostics.extend(found);
        set
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
                let ran = before.and_then(|set| set.file(file));
                self.distrusted.extend(ran.map(|it| it.plugin.name.clone()));
                return self.distrust(
                    before,
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
            None => match loaded(engine, config, file.is_none(), bytes).await {
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
            self.distrusted.insert(plugin.name.clone());
            return self.distrust(before, home, config, file, codes::PLUGIN_PIN, &reason, earlier);
        }
        self.install(before, home, config, plugin, file, signature);
    }

    fn install(
        &mut self,
        before: Option<&Self>,
        home: &Path,
        config: &ServerConfig,
        plugin: Arc<Plugin>,
        file: Option<PathBuf>,
        signature: Signature,
    ) {
        if let Some(file) = &file
            && !self.may_have_name(before, &plugin.name, file)
        {
            return;
        }
        let (grants, steps, found) = granted_to(home, config, &plugin.name, file.is_none());
        self.diagnostics.extend(found);
        let installed = installed(config, Arc::clone(&plugin), file, signature, (grants, steps));
        let installed = Arc::new(installed);
        for type_name in &plugin.handles {
            if self.may_handle(before, &installed, type_name) {
                let key = (plugin.kind, type_name.clone());
                self.by_type.insert(key, Arc::clone(&installed));
            }
        }
        self.by_name.insert(plugin.name.clone(), installed);
    }

    /// Tables of `[plugins]` that are for nobody, and pins of what is part of the program.
    fn without_effect(&self, home: &Path, config: &ServerConfig) -> Vec<Diagnostic> {
        // A file that is not taken may have any name.
        let is_whole = !self.diagnostics.iter().any(Diagnostic::is_error);
        let told = config.plugins.iter().filter_map(|(name, written)| {
            let (text, help) = match self.by_name.get(name) {
                None if is_whole => {
                    let names = self.by_name.keys().map(String::as_str);
                    let help = nearest(name, names).map_or_else(
                        || "what stands there counts once it is installed".to_owned(),
                        |near| format!("did you mean {near}?"),
                    );
                    (format!("no plugin with the name {} is installed", quoted(name)), help)
                }
                Some(installed) if !installed.keeps_to(written.sha256.as_deref()) => (
                    "sha256 has no effect: the plugin is part of the program".to_owned(),
                    "take it out; whoever changes the program changes this plugin".to_owned(),
                ),
                _ => return None,
            };
            let found = Diagnostic::new(codes::GRANT_EMPTY, format!("plugins.{name}: {text}"));
            Some(found.in_file(&home.join(FILE_NAME)).help(help))
        });
        told.collect()
    }

    fn refuse(&mut self, file: &Path, error: &str) {
        let found =
            Diagnostic::new(codes::PLUGIN_FILE, format!("the plugin cannot be read: {error}"))
                .in_file(file)
                .help("check the file and its permissions")
                .state("the file is left out; workflows that need it do not start");
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
                _ => "put a component there, whole, that was built with the plugin SDK, or remove the file",
            })
            .state("the file is left out; workflows that need it do not start");
        self.diagnostics.push(found);
    }

    /// Changes when any plugin file or any grant does.
    fn digest_of(home: &Path, config: &ServerConfig) -> [u8; 32] {
        let mut hash = Sha256::new();
        let files = plugin_files(&home.join("plugins"));
        if let Err(error) = &files {
            hash.update(error.to_string().as_bytes());
        }
        for file in files.unwrap_or_default() {
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

fn faults_of(config: &ServerConfig) -> (Faults, BTreeMap<String, PluginFaults>) {
    let own = config.plugins.iter().map(|(name, plugin)| (name.clone(), plugin.faults.clone()));
    (config.faults.clone(), own.collect())
}
