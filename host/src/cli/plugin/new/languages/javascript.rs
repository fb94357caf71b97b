//! JavaScript: componentize-js makes a component of a module and its engine. Node.js and
//! the packages of npm build it; a project carries the contract.

use tureen_sandbox::Kind;

use super::{ActivitySample, Language, Template, contract, into_a_home};
use crate::cli::plugin::new::{Project, ProjectFile};

pub(super) const JAVASCRIPT: Language = Language {
    name: "javascript",
    refuses,
    activity: ActivitySample::Counts,
    templates: TEMPLATES,
    carried,
    commands,
    install,
};

macro_rules! template {
    ($path:literal, $kind:expr, $file:literal) => {
        Template {
            path: $path,
            kind: $kind,
            text: include_str!(concat!("../../templates/", $file)),
        }
    };
}

const TEMPLATES: &[Template] = &[
    template!("wit/world.wit", None, "world.wit"),
    template!(".gitignore", None, "javascript/gitignore"),
    template!("README.md", None, "javascript/README.md"),
    template!("message.hl7", None, "rust/message.hl7"),
    template!("settings.json", Some(Kind::Filter), "rust/filter/settings.json"),
    template!("expected.txt", Some(Kind::Filter), "rust/filter/expected.txt"),
    template!("settings.json", Some(Kind::Transformer), "rust/transformer/settings.json"),
    template!("expected.hl7", Some(Kind::Transformer), "rust/transformer/expected.hl7"),
    template!("settings.json", Some(Kind::Activity), "counting/settings.json"),
    template!("expected.txt", Some(Kind::Activity), "counting/expected.txt"),
    template!("package.json", None, "javascript/package.json"),
    template!("jsconfig.json", None, "javascript/jsconfig.json"),
    template!(".npmrc", None, "javascript/npmrc"),
    template!("src/tureen.js", None, "javascript/tureen.js"),
    template!("src/plugin.js", Some(Kind::Filter), "javascript/filter/plugin.js"),
    template!("src/plugin.js", Some(Kind::Transformer), "javascript/transformer/plugin.js"),
    template!("src/plugin.js", Some(Kind::Activity), "javascript/activity/plugin.js"),
];

/// Names that npm takes for no package.
const RESERVED: [&str; 1] = ["node-modules"];

fn refuses(name: &str) -> Option<String> {
    RESERVED.contains(&name).then(|| "the word is reserved".to_owned())
}

fn carried(_project: &Project<'_>) -> Vec<ProjectFile> {
    contract().collect()
}

fn commands(project: &Project<'_>) -> Vec<String> {
    let component = component(project);
    let mut commands: Vec<String> =
        ["npm install", "npm run types", "npm run check", "npm run build"]
            .map(str::to_owned)
            .into();
    commands.push(JAVASCRIPT.trial(project.kind, &component));
    commands
}

fn install(project: &Project<'_>) -> Vec<String> {
    into_a_home(&component(project), project)
}

fn component(project: &Project<'_>) -> String {
    format!("{}.wasm", project.name.as_str())
}
