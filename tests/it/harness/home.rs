//! A throw-away home.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::Server;
use super::program::{self, Ran};

/// Reloads quickly, and only when the operating system reports a change: a
/// missed event must not be made good by the regular look.
const BASE: &str = "\
[listen]
address = \"127.0.0.1\"

[reload]
debounce_milliseconds = 20
rescan_seconds = 86400

[admin]
port = 0
";

const OUT_GRANTED: &str = "\
[plugins.file-writer]
directories = [{ path = \"out\", write = true }]
";

pub(crate) struct Home {
    directory: TempDir,
}

impl Home {
    /// The file writer may write in `out`.
    pub(crate) fn new() -> Self {
        Self::with(OUT_GRANTED)
    }

    /// `out` is granted, and further tables stand in `tureen.toml`.
    pub(crate) fn and(further: &str) -> Self {
        Self::with(&format!("{OUT_GRANTED}\n{further}"))
    }

    /// Nothing is granted but what the further tables say.
    pub(crate) fn with(further: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("tureen-it-").tempdir().unwrap();
        let home = Self { directory };
        for folder in ["workflows", "plugins", "out"] {
            fs::create_dir(home.path(folder)).unwrap();
        }
        home.write("tureen.toml", format!("{BASE}\n{further}"));
        home
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::write(&path, content).unwrap();
        path
    }

    /// Replaces a file in one step, as a careful editor does.
    pub(crate) fn replace(&self, relative: &str, content: impl AsRef<[u8]>) {
        let beside = self.path(&format!("{relative}.new"));
        fs::write(&beside, content).unwrap();
        fs::rename(beside, self.path(relative)).unwrap();
    }

    /// Saves `workflows/<name>.hl7Workflow`.
    pub(crate) fn workflow(&self, name: &str, workflow: &Value) -> PathBuf {
        self.write(&workflow_file(name), workflow_text(workflow))
    }

    /// The text of a file; `None` when it does not exist.
    pub(crate) fn read(&self, relative: &str) -> Option<String> {
        fs::read_to_string(self.path(relative)).ok()
    }

    /// Installs a plugin file.
    pub(crate) fn plugin(&self, name: &str, component: &[u8]) -> PathBuf {
        self.write(&format!("plugins/{name}.wasm"), component)
    }

    /// Runs a command with `--home`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let home = self.root().to_str().unwrap();
        program::run(arguments.iter().copied().chain(["--home", home]))
    }

    pub(crate) fn serve(&self) -> Server {
        Server::start(self.root())
    }

    /// Names below the home of everything that is a file, sorted; certificates,
    /// workflows, plugins and configuration left out.
    pub(crate) fn written(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(self.root(), self.root(), &mut found);
        let given = ["certificates", "workflows", "plugins", "data", "tureen.toml"];
        found.retain(|name: &String| !given.iter().any(|given| name.starts_with(given)));
        found.sort();
        found
    }
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            collect(root, &entry.path(), found);
        } else {
            let path = entry.path();
            found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

/// Where a workflow is saved in a home.
pub(crate) fn workflow_file(name: &str) -> String {
    format!("workflows/{name}.hl7Workflow")
}

/// As a designer would save it.
pub(crate) fn workflow_text(workflow: &Value) -> String {
    format!("{workflow:#}\n")
}
