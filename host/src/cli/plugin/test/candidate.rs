//! The plugin under test, installed as a home would install it.
//!
//! Knows: the home's configuration, and what the command line adds to it for this
//! trial. Deliberately does not know: what is done with the plugin.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tureen_sandbox::Plugin;

use super::Test;
use crate::app::Home;
use crate::cli::plugin::named::{Named, load};
use crate::config::{FILE_NAME, ServerConfig};
use crate::diagnostics::{Diagnostic, codes};
use crate::pipeline::Settings;
use crate::plugins::grants::Missing;
use crate::plugins::{Installed, PluginSet, trust};
use crate::workflow::vocabulary::Vocabulary;

const UNSIGNED_HELP: &str = "get the file and its .minisig again from whoever made it; [trust] says whose keys count. A plugin of your own can be tried without this home, or with one that requires no signatures";

const UNPINNED_HELP: &str = "if the file is the one that you want, write its digest there, or for this trial --set 'sha256 = \"DIGEST\"'; otherwise put the right file back";

/// A plugin that is about to be tried, with everything that a run needs of a home.
pub(super) struct Candidate {
    pub(super) installed: Arc<Installed>,
    /// The plugins of the home with this one among them.
    pub(super) set: PluginSet,
    pub(super) settings: Settings,
    pub(super) vocabulary: Vocabulary,
    /// Why a home would not run it.
    pub(super) refusals: Vec<Diagnostic>,
}

impl Candidate {
    /// Finds and loads it.
    ///
    /// # Errors
    /// There is no such plugin, the home or what the command line adds is wrong, or
    /// the file is no plugin.
    pub(super) async fn find(test: &Test) -> anyhow::Result<Self> {
        let (mut home, _) = test.home.open_or_bare(true).await?;
        let found = find(&home, &test.plugin).await?;
        let plugin = &found.plugin;
        let config = Additions::of(test)?.to(&home.config, &plugin.name)?;
        let file = found.file.clone();
        let (set, mut refusals) =
            home.plugins.with_candidate(&home.path, &config, Arc::clone(plugin), file);
        let installed = set.named(&plugin.name).map(Arc::clone);
        let installed = installed
            .filter(|installed| installed.plugin.digest == plugin.digest)
            .with_context(|| in_the_way(&refusals))?;
        refusals.extend(found.not_trusted(&config));
        refusals.extend(missing_grants(&installed));
        let (settings, _) = home.settings();
        let vocabulary = home.vocabulary(&settings);
        Ok(Self { installed, set, settings, vocabulary, refusals })
    }
}

/// What the command line names.
struct Found {
    plugin: Arc<Plugin>,
    /// `None`: built into the program.
    file: Option<PathBuf>,
    /// What is wrong with its signature; of an installed plugin nothing is.
    distrusted: Option<String>,
}

async fn find(home: &Home, name: &str) -> anyhow::Result<Found> {
    match Named::find(home, name)? {
        Named::Installed(installed) => Ok(Found {
            plugin: Arc::clone(&installed.plugin),
            file: installed.file.clone(),
            distrusted: None,
        }),
        Named::File { path, bytes } => {
            let judged = trust::judge(&home.config.trust, &path, &bytes);
            let plugin = Arc::new(load(home, &path, bytes).await?);
            Ok(Found { plugin, file: Some(path), distrusted: judged.err() })
        }
    }
}

impl Found {
    /// What a home says of a file that it does not trust.
    fn not_trusted(&self, config: &ServerConfig) -> Option<Diagnostic> {
        let file = self.file.as_ref()?;
        let (code, reason, help) = match &self.distrusted {
            Some(reason) => (codes::PLUGIN_SIGNATURE, reason.clone(), UNSIGNED_HELP),
            None => (codes::PLUGIN_PIN, self.other_pin(config)?, UNPINNED_HELP),
        };
        let text = format!("this file is not trusted: {reason}");
        Some(Diagnostic::new(code, text).in_file(file).help(help))
    }

    /// How the digest differs from the one that is pinned for its name.
    fn other_pin(&self, config: &ServerConfig) -> Option<String> {
        let (name, digest) = (&self.plugin.name, self.plugin.digest_text());
        let pin = config.plugins.get(name).and_then(|written| written.sha256.as_deref())?;
        (!trust::is_pinned(Some(pin), &digest))
            .then(|| format!("plugins.{name}.sha256 is {pin}, the file's is {digest}"))
    }
}

/// A file that calls itself as a standard plugin does.
fn in_the_way(refusals: &[Diagnostic]) -> String {
    let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    format!("no home would take this file:\n{}", told.join("\n"))
}

fn missing_grants(installed: &Installed) -> Option<Diagnostic> {
    let missing = Missing::of(installed, &installed.grants)?;
    let text = format!(
        "the plugin {} asks for more than it is granted: {}",
        installed.plugin.name,
        missing.names()
    );
    let help = format!(
        "for a trial, --grant-directory DIR:write or --set 'KEY = VALUE'; in a home, if you trust it with that, add to tureen.toml:\n{}",
        missing.lines(None)
    );
    Some(Diagnostic::new(codes::GRANT_MISSING, text).help(help))
}

/// What the command line adds to the plugin's table of `tureen.toml`.
#[derive(Default)]
pub(super) struct Additions(toml::Table);

impl Additions {
    pub(super) fn of(test: &Test) -> anyhow::Result<Self> {
        let mut additions = Self::default();
        for line in &test.lines {
            additions.line(line)?;
        }
        for directory in &test.grant_directory {
            additions.directory(directory)?;
        }
        for url in &test.grant_http {
            additions.append("http", toml::Value::String(url.clone()));
        }
        Ok(additions)
    }

    /// A line, or several.
    pub(super) fn line(&mut self, line: &str) -> anyhow::Result<()> {
        let table: toml::Table = toml::from_str(line).map_err(|error| {
            anyhow::anyhow!("--set {line:?} is no line of tureen.toml: {}", error.message())
        })?;
        for (key, value) in table {
            if self.0.insert(key.clone(), value).is_some() {
                anyhow::bail!(
                    "--set gives {key} twice\n  help: give each key once; a table or a list in one --set"
                );
            }
        }
        Ok(())
    }

    /// `out`, `out:write`: relative to where the command runs.
    fn directory(&mut self, text: &str) -> anyhow::Result<()> {
        let (path, write) = match text.strip_suffix(":write") {
            Some(path) => (path, true),
            None => (text, false),
        };
        let path = fs::canonicalize(path)
            .map_err(|error| anyhow::anyhow!("the directory {path} cannot be granted: {error}\n  help: DIR or DIR:write is expected, a directory that is there"))?;
        let path = path.to_str().context("a directory's name must be UTF-8")?.to_owned();
        let mut grant = toml::Table::new();
        grant.insert("path".to_owned(), toml::Value::String(path));
        grant.insert("write".to_owned(), toml::Value::Boolean(write));
        self.append("directories", toml::Value::Table(grant));
        Ok(())
    }

    fn append(&mut self, key: &str, value: toml::Value) {
        let list = self.0.entry(key).or_insert_with(|| toml::Value::Array(Vec::new()));
        if let toml::Value::Array(list) = list {
            list.push(value);
        }
    }

    /// The configuration with the additions in the plugin's table: lists grow, all else
    /// is replaced. It is read again as a file would be, so that the same is refused.
    ///
    /// # Errors
    /// The file as a whole would be refused.
    pub(super) fn to(self, config: &ServerConfig, plugin: &str) -> anyhow::Result<ServerConfig> {
        if self.0.is_empty() {
            return Ok(config.clone());
        }
        let mut whole = toml::Table::try_from(config).context("tureen.toml cannot be extended")?;
        let plugins =
            whole.entry("plugins").or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let plugins = plugins.as_table_mut().context("plugins is a table")?;
        let own = plugins.entry(plugin).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let own = own.as_table_mut().context("a plugin has a table")?;
        for (key, value) in self.0 {
            match (own.get_mut(&key), value) {
                (Some(toml::Value::Array(list)), toml::Value::Array(more)) => list.extend(more),
                (_, value) => drop(own.insert(key, value)),
            }
        }
        let text = toml::to_string(&whole).context("tureen.toml cannot be extended")?;
        let (config, _) = ServerConfig::parse(Path::new(FILE_NAME), &text).map_err(|error| {
            let what = match &error {
                crate::config::ConfigError::Content { text, .. }
                | crate::config::ConfigError::Contradiction { text, .. } => text.clone(),
                other => other.to_string(),
            };
            anyhow::anyhow!("what the command line adds to [plugins.{plugin}] is refused: {what}")
        })?;
        Ok(config)
    }
}
