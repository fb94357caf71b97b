//! What was decided about plugins, for whoever has to account for it: a line for
//! every install, removal, change of file, change of grants, load and refusal.
//!
//! Lines go to the log (target `tureen::audit`) and to `data/audit.log` as JSON,
//! which is only appended to, read by its owner alone, and bounded: a file that
//! is full is put aside as `audit.log.1` and so on. Knows: sets of plugins.
//! Deliberately does not know: workflows, messages, values of secrets.
//!
//! # Invariants
//! - What was there before a restart is kept in `data/plugins.json`, so that a
//!   file that was replaced while the server stood still is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::words::{grants_in_words, steps_in_words};
use super::{Installed, PluginSet};
use crate::config::Trust;

/// Where the audit log is in a home.
const FOLDER: &str = "data";
const LOG: &str = "audit.log";
const KNOWN: &str = "plugins.json";

/// Why the plugins were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    Start,
    Reload,
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
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

/// An entry as it stands in the file.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    occasion: Occasion,
    process: u32,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// The audit log of a home.
pub struct Audit {
    folder: PathBuf,
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
        let folder = home.join(FOLDER);
        let known = fs::read(folder.join(KNOWN)).ok();
        let known = known.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { folder, known, loaded: BTreeSet::new(), refused: BTreeSet::new() }
    }

    /// Tells what is different from what was known.
    ///
    /// # Errors
    /// The file cannot be written; the log has the lines all the same.
    pub fn record(
        &mut self,
        occasion: Occasion,
        trust: &Trust,
        plugins: &PluginSet,
    ) -> Result<(), String> {
        let entries = self.entries(plugins);
        for entry in &entries {
            tell(entry);
        }
        let told = |error: io::Error| {
            format!("{} cannot be written: {error}", self.folder.join(LOG).display())
        };
        self.append(occasion, trust, &entries).map_err(told)
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

    fn append(&self, occasion: Occasion, trust: &Trust, entries: &[Entry]) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        make_folder(&self.folder)?;
        let mut text = String::new();
        for entry in entries {
            let time = Timestamp::now().to_string();
            let line = Line { time, occasion, process: std::process::id(), entry };
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        let log = self.folder.join(LOG);
        let length = fs::metadata(&log).map_or(0, |found| found.len());
        if length > 0 && length.saturating_add(text.len() as u64) > trust.audit_bytes {
            put_aside(&log, trust.audit_files)?;
        }
        let mut file = private(OpenOptions::new().append(true).create(true)).open(&log)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        self.remember()
    }

    /// Replaces what the next server starts from.
    fn remember(&self) -> io::Result<()> {
        let file = self.folder.join(KNOWN);
        let beside = self.folder.join(format!("{KNOWN}.new"));
        let _stale = fs::remove_file(&beside);
        let mut written = private(OpenOptions::new().write(true).create_new(true)).open(&beside)?;
        written.write_all(&serde_json::to_vec_pretty(&self.known)?)?;
        written.sync_data()?;
        fs::rename(beside, file)
    }
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
    let Entry { event, plugin, version, sha256, before, file, reason, .. } = entry;
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
        _ => tracing::info!(
            target: "tureen::audit", plugin, version, sha256, signature = entry.signature,
            "plugin loaded"
        ),
    }
}

/// `audit.log` becomes `audit.log.1`, that becomes `.2`, and the oldest goes.
fn put_aside(log: &Path, files: usize) -> io::Result<()> {
    let aside = |number: usize| {
        let mut name = log.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    if files <= 1 {
        return fs::remove_file(log);
    }
    for number in (1..files - 1).rev() {
        match fs::rename(aside(number), aside(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(log, aside(1))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// For its owner alone; a symbolic link in its place is not followed.
#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits();
    options.mode(0o600).custom_flags(no_follow.cast_signed())
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(test)]
mod tests;
