//! The plugin that a command line names: an installed one, else a file.
//!
//! Knows: where files are looked for, and what to say of one that is none. Deliberately
//! does not know: trust, grants.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tureen_sandbox::Plugin;

use crate::app::Home;
use crate::cli::patience;
use crate::plugins::{Installed, read_bounded};

/// What a name on the command line stands for.
pub(super) enum Named {
    Installed(Arc<Installed>),
    File { path: PathBuf, bytes: Arc<[u8]> },
}

impl Named {
    /// # Errors
    /// Nothing has that name, or the file cannot be read.
    pub(super) fn find(home: &Home, name: &str) -> anyhow::Result<Self> {
        if let Some(installed) = home.plugins.named(name) {
            return Ok(Self::Installed(Arc::clone(installed)));
        }
        let path = file(home, name)?;
        let bytes = read_bounded(&path)
            .map_err(|error| anyhow::anyhow!("{} cannot be read: {error}", path.display()))?;
        Ok(Self::File { path, bytes: bytes.into() })
    }
}

fn file(home: &Home, name: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new(name);
    if path.exists() && !path.is_dir() {
        return Ok(path.to_owned());
    }
    // In the home, but not taken: what is wrong with it can still be seen.
    let refused = home.path.join("plugins").join(format!("{name}.wasm"));
    if !name.contains(['/', '\\']) && refused.is_file() {
        return Ok(refused);
    }
    let names: Vec<&str> = home.plugins.iter().map(|it| it.plugin.name.as_str()).collect();
    let installed = names.join(", ");
    if path.is_dir() {
        anyhow::bail!(
            "{name:?} is a directory, and no installed plugin; installed: {installed}\n  help: name the .wasm file in it, or the home that has the plugin with --home"
        );
    }
    anyhow::bail!(
        "no plugin and no file is called {name:?}; installed: {installed}\n  help: a file has to be built first (README.md of a project says how); a home is named with --home"
    );
}

/// # Errors
/// The file is no plugin.
pub(super) async fn load(home: &Home, path: &Path, bytes: Arc<[u8]>) -> anyhow::Result<Plugin> {
    let what =
        "still compiling: that takes up to minutes where a plugin brings a language's engine";
    let loaded = patience::telling(what, Plugin::load(&home.engine, bytes)).await;
    loaded.map_err(|error| {
        let said = format!("{} is no plugin that can run here", path.display());
        anyhow::Error::new(error).context(said)
    })
}
