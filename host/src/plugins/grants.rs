//! What `tureen.toml` grants, made into what the sandbox takes, and the lines
//! that an operator has to add for more.
//!
//! Knows: the keys of grants, the home's folder, the environment. Deliberately
//! does not know: workflows, trust.
//!
//! # Invariants
//! - A granted directory is resolved when the plugins are loaded. A symbolic link
//!   that some plugin could have made is not followed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use tureen_sandbox::{
    ClockPrecision, Destination, DirectoryGrant, Grants, NameGrant, Need, RandomSource, TableGrant,
    imports_in_a_sentence,
};
use tureen_template::SettingId;

use super::Installed;
use crate::config::{
    Clock, FILE_NAME, GrantKeys, Names, Plugin, Random, ServerConfig, is_same_name,
};
use crate::diagnostics::{Code, Diagnostic, codes, quoted};

/// What a plugin is granted in one step besides what it is granted everywhere.
#[derive(Clone, Debug)]
pub struct StepGrant {
    pub workflow: String,
    pub step: SettingId,
    pub grants: Grants,
}

impl StepGrant {
    fn is_for(&self, workflow: &str, step: SettingId) -> bool {
        self.step == step && is_same_name(&self.workflow, workflow)
    }
}

impl Installed {
    /// What the plugin may reach in a step: its own grants and the step's.
    pub fn grants_for(&self, workflow: &str, step: SettingId) -> Grants {
        granted_in(&self.grants, &self.steps, workflow, step)
    }
}

/// What a plugin may reach in a step: what it is granted everywhere, and there.
pub(super) fn granted_in(
    grants: &Grants,
    steps: &[StepGrant],
    workflow: &str,
    step: SettingId,
) -> Grants {
    let own = steps.iter().filter(|granted| granted.is_for(workflow, step));
    own.fold(grants.clone(), |grants, granted| grants.joined(&granted.grants))
}

/// Reads the grants of a home's `tureen.toml`.
pub(super) struct Grantor<'a> {
    home: &'a Path,
    config: &'a ServerConfig,
    /// Directories that some plugin may write: symbolic links below these are
    /// not the operator's.
    writable: Vec<PathBuf>,
}

impl<'a> Grantor<'a> {
    pub(super) fn new(home: &'a Path, config: &'a ServerConfig) -> Self {
        let mut writable = Vec::new();
        for granted in directories(config).filter(|granted| granted.write) {
            writable.extend(fs::canonicalize(home.join(&granted.path)));
        }
        Self { home, config, writable }
    }

    /// The grants of one plugin and of its steps, and what is wrong with them.
    pub(super) fn grants(
        &self,
        name: &str,
        is_standard: bool,
    ) -> (Grants, Vec<StepGrant>, Vec<Diagnostic>) {
        let mut found = Vec::new();
        let Some(written) = self.config.plugins.get(name) else {
            return (of_nothing(is_standard), Vec::new(), found);
        };
        let key = format!("plugins.{name}");
        let mut grants = self.resolve(&key, written.grants(), &mut found);
        let usual = of_nothing(is_standard);
        grants.names_its_secrets = usual.names_its_secrets;
        if written.tables.is_none() {
            grants.tables = usual.tables;
        }
        if written.clock.is_none() {
            grants.clock = usual.clock;
        }
        if written.random.is_none() {
            grants.random = usual.random;
        }
        let steps = self.steps(&key, written, &mut found);
        (grants, steps, found)
    }

    fn steps(&self, key: &str, written: &Plugin, found: &mut Vec<Diagnostic>) -> Vec<StepGrant> {
        let steps = written.steps.iter().enumerate().map(|(number, step)| StepGrant {
            workflow: step.workflow.clone(),
            // The configuration was refused if it is none.
            step: SettingId::parse(&step.step).unwrap_or(SettingId::NONE),
            grants: self.resolve(&format!("{key}.steps[{number}]"), step.grants(), found),
        });
        steps.collect()
    }

    fn resolve(&self, key: &str, keys: GrantKeys<'_>, found: &mut Vec<Diagnostic>) -> Grants {
        let mut tell = |code: Code, text: String, help: &str| {
            let diagnostic = Diagnostic::new(code, format!("{key}: {text}"));
            found.push(diagnostic.in_file(&self.home.join(FILE_NAME)).help(help));
        };
        let mut grants = Grants {
            http: all(keys.http, |text| Destination::http(text).ok()),
            tcp: all(keys.tcp, |text| Destination::tcp(text).ok()),
            tls: all(keys.tls, |text| Destination::tls(text).ok()),
            private_addresses: all(keys.private_addresses, |text| text.parse().ok()),
            client_certificates: names(keys.client_certificates),
            tables: names(keys.tables),
            secrets: keys.secrets.to_vec(),
            clock: match keys.clock {
                Some(Clock::Exact) => ClockPrecision::Exact,
                Some(Clock::Coarse) | None => ClockPrecision::Coarse,
            },
            random: match keys.random {
                Some(Random::Secure) => RandomSource::Secure,
                Some(Random::PerMessage) | None => RandomSource::PerMessage,
            },
            ..Grants::default()
        };
        for granted in keys.directories {
            match self.directory(&granted.path) {
                Ok(path) => {
                    grants.directories.push(DirectoryGrant { path, write: granted.write });
                }
                Err(link) => tell(
                    codes::GRANT_DIRECTORY,
                    format!(
                        "the directory {} is not granted: {} is a symbolic link where a plugin may write",
                        granted.path.display(),
                        link.display()
                    ),
                    "write the path that the link leads to, if that is meant",
                ),
            }
        }
        for name in keys.environment {
            match std::env::var(name) {
                Ok(value) => grants.environment.push((name.clone(), value)),
                Err(_) => tell(
                    codes::GRANT_EMPTY,
                    format!("the environment variable {name} is not set, or not UTF-8"),
                    "the plugin runs without it; set it and restart the server",
                ),
            }
        }
        let known = self.config.secrets.keys();
        let known: BTreeSet<String> = known.map(|name| name.to_lowercase()).collect();
        for name in keys.secrets.iter().filter(|name| !known.contains(&name.to_lowercase())) {
            tell(
                codes::GRANT_EMPTY,
                format!("there is no secret {}", quoted(name)),
                "add it to [secrets]; until then the plugin is told that there is none",
            );
        }
        for name in unknown_tables(self.config, keys.tables) {
            tell(
                codes::GRANT_EMPTY,
                format!("there is no table {}", quoted(name)),
                "add it to [tables] or [data_tables]; until then the plugin finds none",
            );
        }
        grants
    }

    /// The directory without symbolic links; one that does not exist as it is
    /// written. The link at fault where a plugin could have made one.
    fn directory(&self, written: &Path) -> Result<PathBuf, PathBuf> {
        let path = self.home.join(written);
        let mut resolved = PathBuf::new();
        for component in path.components() {
            let next = resolved.join(component);
            let is_link = matches!(component, Component::Normal(_))
                && fs::symlink_metadata(&next).is_ok_and(|found| found.is_symlink());
            if is_link && self.writable.iter().any(|directory| resolved.starts_with(directory)) {
                return Err(next);
            }
            match fs::canonicalize(&next) {
                Ok(real) => resolved = real,
                Err(_) => return Ok(path),
            }
        }
        Ok(resolved)
    }
}

/// What a plugin has when nothing is written: the standard ones, which are part
/// of the program, read every table, the exact time and secure random numbers.
fn of_nothing(is_standard: bool) -> Grants {
    if !is_standard {
        return Grants::default();
    }
    Grants {
        tables: TableGrant::All,
        clock: ClockPrecision::Exact,
        random: RandomSource::Secure,
        names_its_secrets: true,
        ..Grants::default()
    }
}

fn all<T>(texts: &[String], parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
    texts.iter().filter_map(|text| parse(text)).collect()
}

fn names(written: Option<&Names>) -> NameGrant {
    match written {
        None => NameGrant::None,
        Some(Names::Every(_)) => NameGrant::All,
        Some(Names::Named(names)) => NameGrant::named(names.iter().map(String::as_str)),
    }
}

/// Tables that are granted by name and that the home does not have.
fn unknown_tables<'a>(
    config: &'a ServerConfig,
    granted: Option<&'a Names>,
) -> impl Iterator<Item = &'a str> {
    let named = match granted {
        Some(Names::Named(names)) => names.as_slice(),
        Some(Names::Every(_)) | None => &[],
    };
    let is_known = |name: &str| {
        let mut known = config.tables.keys().chain(config.data_tables.keys());
        known.any(|known| is_same_name(known, name))
    };
    named.iter().map(String::as_str).filter(move |name| !is_known(name))
}

/// Every directory that is granted to some plugin or step.
fn directories(config: &ServerConfig) -> impl Iterator<Item = &crate::config::GrantedDirectory> {
    config.plugins.values().flat_map(|plugin| {
        let steps = plugin.steps.iter().flat_map(|step| &step.directories);
        plugin.directories.iter().chain(steps)
    })
}

/// What tells whether a granted directory is still the one that was opened.
pub(super) fn identities(home: &Path, config: &ServerConfig) -> String {
    let found = directories(config).map(|granted| {
        let path = fs::canonicalize(home.join(&granted.path)).ok()?;
        let metadata = fs::metadata(&path).ok()?;
        Some((path, identity(&metadata)))
    });
    format!("{:?}", found.collect::<Vec<_>>())
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_metadata: &fs::Metadata) -> (u64, u64) {
    (0, 0)
}

/// What a plugin imports and is not granted.
pub struct Missing {
    plugin: String,
    imports: Vec<(String, Need)>,
}

impl Missing {
    /// `None` when it has all that it asks for.
    pub fn of(installed: &Installed, grants: &Grants) -> Option<Self> {
        let imports = installed.plugin.missing_grants(grants);
        let plugin = installed.plugin.name.clone();
        (!imports.is_empty()).then_some(Self { plugin, imports })
    }

    /// The interfaces, for a sentence.
    pub fn names(&self) -> String {
        imports_in_a_sentence(self.imports.iter().map(|(import, _)| import.as_str()))
    }

    /// What to add to `tureen.toml`; for a step, also how to grant it there alone.
    pub fn lines(&self, step: Option<(&str, SettingId)>) -> String {
        let keys = self.keys();
        let mut lines = vec![format!("[plugins.{}]", self.plugin)];
        lines.extend(keys.iter().map(|key| (*key).to_owned()));
        if let Some((workflow, step)) = step {
            lines.push("# or for this step alone:".to_owned());
            lines.push(format!("[[plugins.{}.steps]]", self.plugin));
            lines.push(format!("workflow = {}", toml_text(workflow)));
            lines.push(format!("step = \"{step}\""));
            lines.extend(keys.iter().map(|key| (*key).to_owned()));
        }
        lines.join("\n")
    }

    fn keys(&self) -> Vec<&'static str> {
        let needs: BTreeSet<Need> = self.imports.iter().map(|(_, need)| *need).collect();
        let keys = needs.into_iter().filter_map(|need| match need {
            Need::Directories => Some("directories = [{ path = \"out\", write = true }]"),
            Need::Http => Some("http = [\"https://host.example.org\"]"),
            Need::Connections => Some("tls = [\"host.example.org:6661\"]"),
            Need::Secrets => Some("secrets = [\"name\"]"),
            Need::Nothing | Need::NotAvailable => None,
        });
        keys.collect()
    }
}

fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A workflow of the home, for looking up what grants of steps name.
pub struct KnownWorkflow<'a> {
    pub name: &'a str,
    /// The ids of receiver and activities; `None` when the file does not load.
    pub settings: Option<Vec<SettingId>>,
}

/// Grants of steps that name no workflow or no setting of it: they have no
/// effect.
pub fn unknown_steps(
    home: &Path,
    config: &ServerConfig,
    workflows: &[KnownWorkflow<'_>],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (plugin, written) in &config.plugins {
        for (number, step) in written.steps.iter().enumerate() {
            let workflow = workflows.iter().find(|known| is_same_name(known.name, &step.workflow));
            let id = SettingId::parse(&step.step).unwrap_or(SettingId::NONE);
            let missing = match workflow {
                None => format!("no workflow has the name {}", quoted(&step.workflow)),
                Some(known) if known.settings.as_ref().is_some_and(|ids| !ids.contains(&id)) => {
                    format!(
                        "the workflow {} has no receiver or activity {id}",
                        quoted(&step.workflow)
                    )
                }
                Some(_) => continue,
            };
            let text = format!("plugins.{plugin}.steps[{number}] grants nothing: {missing}");
            let diagnostic = Diagnostic::new(codes::GRANT_STEP, text);
            found.push(
                diagnostic
                    .in_file(&home.join(FILE_NAME))
                    .help("name and id are those of the workflow file; `tureen check` lists them"),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests;
