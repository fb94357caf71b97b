//! JavaScript: componentize-js makes a component of a module and its engine. Node.js and
//! the packages of npm build it; a project carries the contract.

use tureen_sandbox::Kind;

use super::{ActivitySample, Language, Template, WORLD, contract, named_component};
use crate::cli::plugin::new::name::ProjectName;

pub(super) const JAVASCRIPT: Language = Language {
    name: "javascript",
    refuses,
    activity: ActivitySample::Counts,
    templates: TEMPLATES,
    carried: contract,
    build,
    component: named_component,
};

const TEMPLATES: &[Template] = &[
    WORLD,
    template!(".gitignore", None, "javascript/gitignore"),
    template!("README.md", None, "javascript/README.md"),
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

fn build(_name: &ProjectName) -> Vec<String> {
    ["npm install", "npm run types", "npm run check", "npm run build"].map(str::to_owned).into()
}
