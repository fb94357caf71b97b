//! `tureen plugin`: what is installed, and what it asks for; plugins of one's own.

mod compile;
mod inspect;
mod named;
mod new;
mod test;
mod work;

use clap::{Args, Subcommand};

pub(super) use self::compile::Compile;
use self::inspect::Inspect;
pub(super) use self::work::Work;
use super::{Ended, HomeArgument, output};
use crate::diagnostics::Diagnostic;
use crate::plugins::Installed;
use crate::plugins::grants::Missing;

#[derive(Subcommand)]
pub(super) enum Plugin {
    /// List the plugins of a home: the standard ones and those in plugins/
    List(List),
    /// Show one plugin: what it handles, asks for and may do
    Inspect(Inspect),
    /// Make a project for a plugin of your own, that builds and passes its tests
    New(new::New),
    /// Run a message through a plugin, in the sandbox, and show what comes of it
    Test(Box<test::Test>),
    /// Compile one component for the server that started this
    #[command(hide = true)]
    Compile(Compile),
    /// Serve one plugin to the server that started this
    #[command(hide = true)]
    Work(Work),
}

/// Lists name, version, kind, origin, trust and grants of every plugin. Files that
/// are no plugin or not trusted are listed with the reason; then it ends with 1.
#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    home: HomeArgument,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Plugin {
    pub(super) async fn run(self) -> anyhow::Result<Ended> {
        match self {
            Self::List(list) => list.run().await,
            Self::Inspect(inspect) => inspect.run().await,
            // These have run before the other commands' threads were started.
            Self::Compile(_) | Self::Work(_) => Ok(Ended::Badly),
            Self::New(new) => new.run(),
            Self::Test(test) => test.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Ended> {
        let (home, _) = self.home.open_or_bare(true).await?;
        if self.json {
            let plugins: Vec<_> = home.plugins.iter().map(|it| to_json(it)).collect();
            let refused = &home.plugins.diagnostics;
            output::line(
                &serde_json::json!({ "plugins": plugins, "refused": refused }).to_string(),
            );
        } else {
            for installed in home.plugins.iter() {
                let plugin = &installed.plugin;
                let state = match Missing::of(installed, &installed.grants) {
                    None => "ready",
                    Some(_) => "needs a grant (`tureen plugin inspect` shows which)",
                };
                output::line(&format!(
                    "{:<16} {:<8} {:<12} {:<10} {:<12} {state}",
                    plugin.name,
                    plugin.version,
                    plugin.kind.name(),
                    origin(installed),
                    trust(installed)
                ));
            }
            for diagnostic in &home.plugins.diagnostics {
                output::line(&format!("\n{diagnostic}"));
            }
        }
        let refused = home.plugins.diagnostics.iter().any(Diagnostic::is_error);
        Ok(if refused { Ended::Badly } else { Ended::Well })
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

/// Who vouches for it: `signed`, `pinned`, `signed+pinned`, `unsigned`, …
fn trust(installed: &Installed) -> String {
    match (installed.pinned, installed.signature.state()) {
        (true, "unsigned") => "pinned".to_owned(),
        (true, state) => format!("{state}+pinned"),
        (false, state) => state.to_owned(),
    }
}

fn to_json(installed: &Installed) -> serde_json::Value {
    let plugin = &installed.plugin;
    serde_json::json!({
        "name": plugin.name, "version": plugin.version, "summary": plugin.summary,
        "kind": plugin.kind.name(), "file": installed.file, "sha256": plugin.digest_text(),
        "bytes": plugin.size, "handles": plugin.handles, "imports": plugin.imports,
        "reuse": installed.reuse, "ready": Missing::of(installed, &installed.grants).is_none(),
        "trust": trust(installed), "signature": installed.signature.to_string(),
        "pinned": installed.pinned,
    })
}
