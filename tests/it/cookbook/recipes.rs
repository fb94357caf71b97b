//! Reads the folders of `examples/cookbook`: a recipe has two workflow files, a
//! plugin, and cases with a message and what is expected of it.
//!
//! Deliberately does not know: what any recipe is about.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::harness::guests::components;

/// How a recipe is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// By the standard actions.
    Workflow,
    /// By the recipe's plugin.
    Plugin,
}

impl Variant {
    pub(super) const ALL: [Self; 2] = [Self::Workflow, Self::Plugin];

    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Workflow => "workflow.hl7Workflow",
            Self::Plugin => "with-plugin.hl7Workflow",
        }
    }

    /// What tells the variants apart where both are in one home.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Workflow => "",
            Self::Plugin => "-plugin",
        }
    }
}

/// One folder of the cookbook.
pub(super) struct Recipe {
    /// The folder: `01-fields`.
    pub(super) name: String,
    folder: PathBuf,
}

/// `examples/cookbook`.
pub(super) fn cookbook() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/cookbook")
}

/// All recipes, in their order.
pub(super) fn recipes() -> &'static [Recipe] {
    static RECIPES: LazyLock<Vec<Recipe>> = LazyLock::new(|| {
        let recipe = |folder: PathBuf| Recipe { name: file_name(&folder), folder };
        let folders = sorted(&cookbook()).into_iter();
        folders.filter(|path| path.join("plugin").is_dir()).map(recipe).collect()
    });
    &RECIPES
}

impl Recipe {
    pub(super) fn workflow(&self, variant: Variant) -> Workflow {
        let file = self.folder.join(variant.file());
        let text = read(&file);
        Workflow(serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display())))
    }

    pub(super) fn cases(&self) -> Vec<Case> {
        let cases = sorted(&self.folder.join("cases")).into_iter();
        cases.map(|folder| Case { name: file_name(&folder), folder }).collect()
    }

    /// What the recipe adds to `tureen.toml`.
    pub(super) fn configuration(&self) -> Option<String> {
        fs::read_to_string(self.folder.join("tureen.toml")).ok()
    }

    /// Names and texts of its lookup tables.
    pub(super) fn tables(&self) -> Vec<(String, String)> {
        let folder = self.folder.join("tables");
        let files = if folder.is_dir() { sorted(&folder) } else { Vec::new() };
        files.iter().map(|file| (file_name(file), read(file))).collect()
    }

    /// Its plugin, built for the sandbox.
    pub(super) fn component(&self) -> &'static [u8] {
        static COMPONENTS: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
            let package = |recipe: &Recipe| {
                let (_, name) = recipe.name.split_once('-').unwrap();
                (recipe.name.clone(), format!("cookbook-{name}"))
            };
            components(&cookbook(), recipes().iter().map(package))
        });
        &COMPONENTS[&self.name]
    }
}

/// A workflow file.
pub(super) struct Workflow(Value);

impl Workflow {
    /// As it is, but on another port.
    pub(super) fn on_port(self, port: u16) -> Value {
        let mut file = self.0;
        assert!(file["WorkflowPattern"][0]["Port"].is_number(), "the receiver comes first");
        file["WorkflowPattern"][0]["Port"] = json!(port);
        file
    }

    pub(super) fn service(&self) -> &str {
        self.0["WorkflowPattern"][0]["ServiceName"].as_str().unwrap()
    }
}

/// A message, and what is expected of it.
pub(super) struct Case {
    pub(super) name: String,
    folder: PathBuf,
}

impl Case {
    /// HL7 is kept with line feeds, for people, and sent with carriage returns.
    pub(super) fn message_on_the_wire(&self) -> String {
        let file = self.named("message").unwrap_or_else(|| panic!("{} has no message", self.name));
        let text = read(&file);
        if file.extension().is_some_and(|it| it == "hl7") { text.replace('\n', "\r") } else { text }
    }

    /// The answer's body, where it is no acknowledgement and not empty.
    pub(super) fn expected_response(&self) -> Option<String> {
        self.named("expected/response").map(|file| read(&file))
    }

    /// Whether the receiver does not take the message.
    pub(super) fn is_filtered(&self) -> bool {
        let result = self.named("expected/result").map(|file| read(&file)).unwrap_or_default();
        result.lines().any(|line| line == "outcome = \"filtered\"")
    }

    /// Names and texts of what is written.
    pub(super) fn expected_files(&self) -> BTreeMap<String, String> {
        let folder = self.folder.join("expected/files");
        let files = if folder.is_dir() { sorted(&folder) } else { Vec::new() };
        files.iter().map(|file| (file_name(file), read(file))).collect()
    }

    /// The one file of that name, whatever it ends with.
    fn named(&self, name: &str) -> Option<PathBuf> {
        let path = self.folder.join(name);
        let folder = path.parent().unwrap();
        if !folder.is_dir() {
            return None;
        }
        let same = |file: &PathBuf| file.is_file() && file.file_stem() == path.file_name();
        let mut found = sorted(folder).into_iter().filter(same);
        let first = found.next();
        assert!(found.next().is_none(), "{} has two {name}", self.name);
        first
    }
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
