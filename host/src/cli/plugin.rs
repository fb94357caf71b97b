//! `tureen plugin`: what is installed, and what it asks for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use tureen_sandbox::{Kind, Plugin as Component};

use super::{Ended, HomeArgument, output};
use crate::app::Home;
use crate::plugins::{Installed, lines_to_grant};

#[derive(Subcommand)]
pub(super) enum Plugin {
    /// List the plugins of a home: the standard ones and those in plugins/
    List(List),
    /// Show one plugin: what it handles, asks for and may do
    Inspect(Inspect),
}

/// Lists name, version, kind, origin and grants of every plugin. Files that are
/// no plugin are listed with the reason; then it ends with 1.
#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    home: HomeArgument,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Shows a plugin's identity, digest, type names, imports in words, grants and
/// limits.
#[derive(Args)]
pub(super) struct Inspect {
    /// The name of an installed plugin, or a .wasm file
    plugin: String,
    #[command(flatten)]
    home: HomeArgument,
}

impl Plugin {
    pub(super) async fn run(self) -> anyhow::Result<Ended> {
        match self {
            Self::List(list) => list.run().await,
            Self::Inspect(inspect) => inspect.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Ended> {
        let (home, _) = Home::open_or_bare(&self.home.home, true).await?;
        if self.json {
            let plugins: Vec<_> = home.plugins.iter().map(|it| to_json(it)).collect();
            let refused = &home.plugins.diagnostics;
            output::line(
                &serde_json::json!({ "plugins": plugins, "refused": refused }).to_string(),
            );
        } else {
            for installed in home.plugins.iter() {
                let plugin = &installed.plugin;
                let state = match lines_to_grant(installed) {
                    None => "ready",
                    Some(_) => "needs a grant (`tureen plugin inspect` shows which)",
                };
                output::line(&format!(
                    "{:<16} {:<8} {:<12} {:<10} {state}",
                    plugin.name,
                    plugin.version,
                    plugin.kind.name(),
                    origin(installed)
                ));
            }
            for diagnostic in &home.plugins.diagnostics {
                output::line(&format!("\n{diagnostic}"));
            }
        }
        Ok(if home.plugins.diagnostics.is_empty() { Ended::Well } else { Ended::Badly })
    }
}

fn origin(installed: &Installed) -> String {
    match &installed.file {
        None => "built in".to_owned(),
        Some(file) => {
            file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        }
    }
}

fn to_json(installed: &Installed) -> serde_json::Value {
    let plugin = &installed.plugin;
    serde_json::json!({
        "name": plugin.name, "version": plugin.version, "summary": plugin.summary,
        "kind": plugin.kind.name(), "file": installed.file, "sha256": plugin.digest_text(),
        "bytes": plugin.size, "handles": plugin.handles, "imports": plugin.imports,
        "reuse": installed.reuse, "ready": lines_to_grant(installed).is_none(),
    })
}

impl Inspect {
    async fn run(self) -> anyhow::Result<Ended> {
        let (home, _) = Home::open_or_bare(&self.home.home, true).await?;
        if let Some(installed) = home.plugins.named(&self.plugin) {
            show(&installed.plugin);
            show_installed(installed);
            return Ok(Ended::Well);
        }
        let file = PathBuf::from(&self.plugin);
        if !file.exists() {
            let names: Vec<&str> = home.plugins.iter().map(|it| it.plugin.name.as_str()).collect();
            anyhow::bail!(
                "no plugin and no file is called {:?}; installed: {}",
                self.plugin,
                names.join(", ")
            );
        }
        show(&load(&home, &file).await?);
        output::line("not installed: copy the file into the home's plugins/ folder");
        Ok(Ended::Well)
    }
}

async fn load(home: &Home, file: &Path) -> anyhow::Result<Component> {
    let bytes: Arc<[u8]> = std::fs::read(file)?.into();
    let loaded = Component::load(&home.engine, bytes).await;
    loaded.map_err(|error| {
        anyhow::anyhow!("{} is no plugin that can run here: {error}", file.display())
    })
}

fn show(plugin: &Component) {
    output::line(&format!("{} {} ({})", plugin.name, plugin.version, plugin.kind.name()));
    output::line(&format!("  {}", plugin.summary));
    output::line(&format!("  sha256 {}", plugin.digest_text()));
    output::line(&format!("  {} bytes", plugin.size));
    output::line("handles:");
    for name in &plugin.handles {
        output::line(&format!("  {name}"));
    }
    output::line("asks for:");
    for import in &plugin.imports {
        output::line(&format!("  {import:<44} {}", in_words(import)));
    }
}

fn show_installed(installed: &Installed) {
    let instance = if installed.plugin.kind == Kind::Activity {
        "one instance lives as long as its workflow's version"
    } else if installed.reuse {
        "one instance serves many messages"
    } else {
        "a fresh instance for every message"
    };
    output::line(&format!("runs as: {instance}"));
    let limits = &installed.limits;
    output::line(&format!(
        "limits: {} bytes of memory, {:?} for a call, {:?} running, {} host calls",
        limits.memory_bytes, limits.call_time, limits.running_time, limits.host_calls
    ));
    for grant in &installed.grants.directories {
        let right = if grant.write { "read and write" } else { "read" };
        output::line(&format!("granted: {right} below {}", grant.path.display()));
    }
    if let Some(lines) = lines_to_grant(installed) {
        output::line("not granted yet; if you trust it with that, add to tureen.toml:");
        for line in lines.lines() {
            output::line(&format!("  {line}"));
        }
    }
}

/// What an import lets a plugin do.
fn in_words(import: &str) -> &'static str {
    let name = import.split('@').next().unwrap_or(import);
    match name {
        "tureen:plugin/types" => "read and change the message of its step",
        "tureen:plugin/messages" => "read the other messages of the run",
        "tureen:plugin/variables" => "read and set variables of the run",
        "tureen:plugin/templates" => "expand ${…} texts and format values",
        "tureen:plugin/tables" => "look values up in the home's tables",
        "tureen:plugin/parameters" => "read the parameters it is called with",
        "tureen:plugin/custom-transformers" => "call transformers of other plugins",
        "tureen:plugin/log" => "write log lines, within limits",
        "tureen:plugin/call" => "know the workflow's name and the message's id",
        _ if name.starts_with("tureen:plugin/") => "part of the plugin contract",
        _ if name.starts_with("wasi:cli/") || name.starts_with("wasi:io/") => "nothing: inert here",
        _ if name.starts_with("wasi:clocks/") => "know the time",
        _ if name.starts_with("wasi:random/") => "draw random numbers",
        _ if name.starts_with("wasi:filesystem/") => "files, in directories that it is granted",
        _ if name.starts_with("wasi:http/") || name.starts_with("wasi:sockets/") => {
            "the network: cannot be granted in this version"
        }
        _ => "unknown here: cannot be granted",
    }
}
