//! Who has a name, and who handles a type name, when several files say that they do; and
//! what may go on that was made with files that are not there any more.
//!
//! Deliberately does not know: what plugins do.

use std::path::Path;
use std::sync::Arc;

use tureen_sandbox::{Grants, digest_text};
use tureen_template::SettingId;

use super::grants::{StepGrant, granted_in};
use super::installed::granted_to;
use super::trust::{self, Signature};
use super::{Installed, PluginSet};
use crate::config::ServerConfig;
use crate::diagnostics::{Diagnostic, codes, quoted};

/// What a step of a running workflow was made with.
#[derive(Clone, Debug)]
pub struct Right {
    pub plugin: String,
    pub digest: [u8; 32],
    pub step: SettingId,
    pub grants: Grants,
}

/// A plugin that has no file that could be taken any more. Workflows may go on with what
/// they have of it.
#[derive(Debug)]
pub(super) struct Gone {
    grants: Grants,
    steps: Vec<StepGrant>,
    /// The digest that its file must have.
    pin: Option<String>,
    /// Would the signature that it had be accepted now?
    is_trusted: bool,
    signature: Signature,
}

impl Gone {
    fn allows(&self, workflow: &str, right: &Right) -> bool {
        let now = granted_in(&self.grants, &self.steps, workflow, right.step);
        self.is_trusted
            && trust::is_pinned(self.pin.as_deref(), &digest_text(&right.digest))
            && now.joined(&right.grants) == now
    }
}

impl PluginSet {
    /// The plugin of a file.
    pub(super) fn file(&self, file: &Path) -> Option<&Arc<Installed>> {
        self.iter().find(|it| it.file.as_deref() == Some(file))
    }

    /// May what runs in a workflow go on? Not when its file is not trusted any more, or
    /// when it was granted more than it is now. A file that is only gone withdraws nothing.
    pub fn allows(&self, workflow: &str, right: &Right) -> bool {
        let Some(installed) = self.named(&right.plugin) else {
            let gone = self.gone.get(&right.plugin);
            return !self.distrusted.contains(&right.plugin)
                && gone.is_some_and(|gone| gone.allows(workflow, right));
        };
        let is_same = installed.plugin.digest == right.digest;
        let trusted = is_same || !(installed.pinned || self.signed_only);
        let now = installed.grants_for(workflow, right.step);
        trusted && now.joined(&right.grants) == now
    }

    /// Notes what the plugins that were there before, and are not any more, would be
    /// granted now.
    pub(super) fn note_gone(&mut self, before: &Self, home: &Path, config: &ServerConfig) {
        let ran = before.iter().map(|it| (&it.plugin.name, &it.signature));
        let gone = before.gone.iter().map(|(name, gone)| (name, &gone.signature));
        for (name, signature) in ran.chain(gone) {
            if self.named(name).is_some() {
                continue;
            }
            let (grants, steps, _) = granted_to(home, config, name, false);
            let pin = config.plugins.get(name).and_then(|written| written.sha256.clone());
            let is_trusted = trust::still_stands(&config.trust, signature);
            let signature = signature.clone();
            let gone = Gone { grants, steps, pin, is_trusted, signature };
            self.gone.insert(name.clone(), gone);
        }
    }

    /// May this file have the name that it gives itself? It is told when not.
    pub(super) fn may_have_name(&mut self, before: Option<&Self>, name: &str, file: &Path) -> bool {
        let claimed = format!("this file calls itself {}", quoted(name));
        let tell = |set: &mut Self, file: &Path, text: String| {
            let help = "remove one of them, or rename the plugin in its Cargo.toml; \
                        plugins.NAME.sha256 in tureen.toml says which file has a name";
            let found = Diagnostic::new(codes::PLUGIN_TWICE, text).in_file(file).help(help);
            set.diagnostics.push(found);
        };
        let Some(other) = self.by_name.get(name).map(Arc::clone) else {
            if self.contested.contains(name) {
                tell(self, file, format!("{claimed}, as others do: none of them is used"));
                return false;
            }
            return true;
        };
        let Some(other_file) = &other.file else {
            tell(self, file, format!("{claimed}, which is already built in"));
            return false;
        };
        let had_it = before
            .and_then(|set| set.named(name))
            .is_some_and(|it| it.file.as_ref() == Some(other_file));
        if had_it {
            tell(self, file, format!("{claimed}, which is already {}", other_file.display()));
            return false;
        }
        self.by_name.remove(name);
        self.by_type.retain(|_, it| it.plugin.name != name);
        self.contested.insert(name.to_owned());
        for (one, another) in [(other_file.as_path(), file), (file, other_file.as_path())] {
            let text = format!("{claimed}, as {} does: neither is used", another.display());
            tell(self, one, text);
        }
        false
    }

    /// May this plugin handle a type name? It is told when not.
    pub(super) fn may_handle(
        &mut self,
        before: Option<&Self>,
        installed: &Installed,
        type_name: &str,
    ) -> bool {
        let key = (installed.plugin.kind, type_name.to_owned());
        let other = self.by_type.get(&key).map(Arc::clone);
        if other.is_none() && !self.contested_types.contains(&key) {
            return true;
        }
        let had_it = |other: &Arc<Installed>| {
            other.is_standard()
                || before
                    .and_then(|set| set.handling(key.0, type_name))
                    .is_some_and(|it| it.plugin.name == other.plugin.name)
        };
        let (other, help) = match &other {
            Some(other) if had_it(other) => {
                let help = "the one that was there first is used; remove one of them";
                (format!("{} already does", other.plugin.name), help)
            }
            Some(other) => {
                self.by_type.remove(&key);
                (format!("{} does, too", other.plugin.name), NEITHER)
            }
            None => ("others do, too".to_owned(), NEITHER),
        };
        if help == NEITHER {
            self.contested_types.insert(key);
        }
        let name = &installed.plugin.name;
        let text = format!("{name} says that it handles {}, which {other}", quoted(type_name));
        let file = installed.file.clone().unwrap_or_default();
        let found = Diagnostic::new(codes::PLUGIN_TWICE, text).in_file(&file).help(help);
        self.diagnostics.push(found);
        false
    }
}

const NEITHER: &str = "none of them is used for it; remove one of them";
