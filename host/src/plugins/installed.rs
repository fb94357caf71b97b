//! One plugin as `tureen.toml` has it installed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tureen_sandbox::{Grants, Isolation, Limits, Plugin};

use super::grants::{Grantor, StepGrant};
use super::isolation::isolation_of;
use super::limits::limits_of;
use super::trust::{self, Signature};
use crate::config::ServerConfig;
use crate::diagnostics::Diagnostic;

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
    /// Where its instances live.
    pub isolation: Isolation,
    pub signature: Signature,
    /// Is the file's digest pinned?
    pub pinned: bool,
}

impl Installed {
    /// Is it the file that is pinned, if any is?
    pub fn keeps_to(&self, pin: Option<&str>) -> bool {
        trust::is_pinned(pin, &self.plugin.digest_text())
    }

    /// Ours: stateless, and its log lines are free of message content.
    pub fn is_standard(&self) -> bool {
        self.file.is_none()
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

pub(super) fn granted_to(
    home: &Path,
    config: &ServerConfig,
    name: &str,
    is_standard: bool,
) -> (Grants, Vec<StepGrant>, Vec<Diagnostic>) {
    Grantor::new(home, config).grants(name, is_standard)
}

pub(super) fn installed(
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
        isolation: isolation_of(written),
        file,
        plugin,
    }
}
