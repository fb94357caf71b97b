//! Sets of plugins made from another set: for tests of workflows, and to try one plugin.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tureen_sandbox::{DirectoryGrant, Grants, Plugin};

use super::grants::StepGrant;
use super::trust::Signature;
use super::{Installed, PluginSet};
use crate::config::ServerConfig;
use crate::diagnostics::Diagnostic;

impl PluginSet {
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
                isolation: installed.isolation,
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
            ..Self::default()
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
            ..Self::default()
        };
        // Whether it would be trusted, who tries or inspects it tells.
        let signature = if file.is_none() { Signature::BuiltIn } else { Signature::Unsigned };
        set.install(Some(self), home, config, plugin, file, signature);
        let found = std::mem::take(&mut set.diagnostics);
        (set, found)
    }
}
