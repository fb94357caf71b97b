//! What was decided about plugins, for whoever has to account for it: a line for
//! every install, removal, change of file, change of grants, load and refusal; and
//! what plugins reached or tried to reach outside.
//!
//! Lines go to the log (target `tureen::audit`) and to `data/audit.log` as JSON,
//! which is only appended to, read by its owner alone, and bounded: a file that
//! is full is put aside as `audit.log.1` and so on. Knows: sets of plugins.
//! Deliberately does not know: workflows, messages, values of secrets.
//!
//! # Invariants
//! - What was there before a restart is kept in `data/plugins.json`, so that a
//!   file that was replaced while the server stood still is told.

mod log;
mod outbound;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::words::{grants_in_words, steps_in_words};
use super::{Installed, PluginSet};
use crate::config::Trust;
use crate::outbound::Sighting;

use log::AuditLog;

const KNOWN: &str = "plugins.json";

/// Why something is told: the plugins were looked at, or one of them did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    Start,
    Reload,
    Running,
}

/// What is remembered of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    version: String,
    sha256: String,
    grants: BTreeSet<String>,
}

impl Known {
    fn of(installed: &Installed) -> Self {
        let own = grants_in_words(&installed.grants);
        Self {
            version: installed.plugin.version.clone(),
            sha256: installed.plugin.digest_text(),
            grants: own.into_iter().chain(steps_in_words(&installed.steps)).collect(),
        }
    }
}

/// One line.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Entry {
    event: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    plugin: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    sha256: String,
    /// The digest that it had.
    #[serde(skip_serializing_if = "String::is_empty")]
    before: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    file: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    signature: String,
    /// What it may do now and could not before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    granted: Vec<String>,
    /// What it could do before and may not now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    withdrawn: Vec<String>,
    /// A server outside, as the operator granted it.
    #[serde(skip_serializing_if = "String::is_empty")]
    destination: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

/// What was told about the plugins of a home.
pub struct Audit {
    log: Arc<AuditLog>,
    /// What is known from before; told anew only when it changes.
    known: BTreeMap<String, Known>,
    /// Digests that this process has loaded.
    loaded: BTreeSet<(String, String)>,
    /// Refusals that this process has told, as of the last look.
    refused: BTreeSet<String>,
}

impl Audit {
    /// The audit log of a home; reads what the last server knew.
    pub fn open(home: &Path) -> Self {
        let log = Arc::new(AuditLog::new(home));
        let known = fs::read(log.beside(KNOWN)).ok();
        let known = known.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { log, known, loaded: BTreeSet::new(), refused: BTreeSet::new() }
    }

    /// Tells what is different from what was known. Gives the plugins that something
    /// was told about.
    pub fn record(&mut self, occasion: Occasion, trust: &Trust, plugins: &PluginSet) -> Recorded {
        self.log.bound(trust);
        let entries = self.entries(plugins);
        for entry in &entries {
            tell(entry);
        }
        let written = self.write(occasion, &entries);
        let written = written.map_err(|error| self.log.unwritable(&error));
        Recorded { plugins: entries.into_iter().map(|entry| entry.plugin).collect(), written }
    }

    /// Tells what plugins do outside as it is seen, until `ending`; the task ends when
    /// everything that was seen by then is written.
    pub fn follow(&self, seen: Receiver<Sighting>, ending: CancellationToken) -> JoinHandle<()> {
        outbound::follow(Arc::clone(&self.log), seen, ending)
    }

    fn entries(&mut self, plugins: &PluginSet) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut now = BTreeMap::new();
        for installed in plugins.iter() {
            let name = &installed.plugin.name;
            let known = Known::of(installed);
            entries.extend(changes(installed, self.known.get(name), &known));
            if self.loaded.insert((name.clone(), known.sha256.clone())) {
                entries.push(entry("loaded", installed));
            }
            now.insert(name.clone(), known);
        }
        for (name, gone) in self.known.iter().filter(|(name, _)| !now.contains_key(*name)) {
            entries.push(Entry {
                event: "removed",
                plugin: name.clone(),
                version: gone.version.clone(),
                before: gone.sha256.clone(),
                withdrawn: gone.grants.iter().cloned().collect(),
                ..Entry::default()
            });
        }
        let mut refused = BTreeSet::new();
        for found in plugins.diagnostics.iter().filter(|found| found.is_error()) {
            let file = found.file.display().to_string();
            let reason = format!("{}: {}", found.code, found.message);
            if refused.insert(format!("{file} {reason}"))
                && !self.refused.contains(&format!("{file} {reason}"))
            {
                entries.push(Entry { event: "refused", file, reason, ..Entry::default() });
            }
        }
        let gone = self
            .loaded
            .iter()
            .filter(|(name, sha256)| now.get(name).is_none_or(|known| known.sha256 != *sha256));
        let gone: Vec<_> = gone.cloned().collect();
        for one in gone {
            self.loaded.remove(&one);
        }
        self.known = now;
        self.refused = refused;
        entries
    }

    fn write(&self, occasion: Occasion, entries: &[Entry]) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        self.log.append(occasion, entries)?;
        // What the next server starts from.
        self.log.replace(KNOWN, &serde_json::to_vec_pretty(&self.known)?)
    }
}

/// What came of a look at the plugins.
#[derive(Debug)]
pub struct Recorded {
    /// Names of those that are new, gone, or not as they were.
    pub plugins: BTreeSet<String>,
    /// An error: the file cannot be written. The server's log has the lines all the same.
    pub written: Result<(), String>,
}

/// What happened to one plugin since it was known.
fn changes(installed: &Installed, before: Option<&Known>, now: &Known) -> Vec<Entry> {
    let Some(before) = before else {
        let granted = now.grants.iter().cloned().collect();
        return vec![Entry { granted, ..entry("installed", installed) }];
    };
    let mut entries = Vec::new();
    if before.sha256 != now.sha256 {
        let changed = entry("changed", installed);
        entries.push(Entry { before: before.sha256.clone(), ..changed });
    }
    if before.grants != now.grants {
        entries.push(Entry {
            granted: now.grants.difference(&before.grants).cloned().collect(),
            withdrawn: before.grants.difference(&now.grants).cloned().collect(),
            ..entry("grants", installed)
        });
    }
    entries
}

fn entry(event: &'static str, installed: &Installed) -> Entry {
    let file = installed.file.as_ref().map(|file| file.display().to_string());
    Entry {
        event,
        plugin: installed.plugin.name.clone(),
        version: installed.plugin.version.clone(),
        sha256: installed.plugin.digest_text(),
        file: file.unwrap_or_default(),
        signature: installed.signature.to_string(),
        ..Entry::default()
    }
}

fn tell(entry: &Entry) {
    let Entry { event, plugin, version, sha256, before, file, destination, reason, .. } = entry;
    let granted = entry.granted.join("; ");
    let withdrawn = entry.withdrawn.join("; ");
    match *event {
        "refused" => tracing::info!(target: "tureen::audit", file, reason, "plugin refused"),
        "removed" => {
            tracing::info!(target: "tureen::audit", plugin, version, before, "plugin removed");
        }
        "changed" => tracing::info!(
            target: "tureen::audit", plugin, version, sha256, before, file, "plugin changed"
        ),
        "grants" => tracing::info!(
            target: "tureen::audit", plugin, granted, withdrawn, "plugin grants changed"
        ),
        "installed" => tracing::info!(
            target: "tureen::audit", plugin, version, sha256, file, granted, "plugin installed"
        ),
        outbound::USED => tracing::info!(
            target: "tureen::audit", plugin, destination, "plugin uses a granted server"
        ),
        outbound::REFUSED => {
            tracing::warn!(target: "tureen::audit", plugin, reason, "plugin is refused a server");
        }
        _ => tracing::info!(
            target: "tureen::audit", plugin, version, sha256, signature = entry.signature,
            "plugin loaded"
        ),
    }
}

#[cfg(test)]
mod tests;
