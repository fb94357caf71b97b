//! Python: componentize-py makes a component of modules and their interpreter. Packages
//! of PyPI build it; a project carries the contract.

use tureen_sandbox::Kind;

use super::{ActivitySample, Language, Template, contract, into_a_home};
use crate::cli::plugin::new::{Project, ProjectFile};

pub(super) const PYTHON: Language = Language {
    name: "python",
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
    template!(".gitignore", None, "python/gitignore"),
    template!("README.md", None, "python/README.md"),
    template!("message.hl7", None, "rust/message.hl7"),
    template!("settings.json", Some(Kind::Filter), "rust/filter/settings.json"),
    template!("expected.txt", Some(Kind::Filter), "rust/filter/expected.txt"),
    template!("settings.json", Some(Kind::Transformer), "rust/transformer/settings.json"),
    template!("expected.hl7", Some(Kind::Transformer), "rust/transformer/expected.hl7"),
    template!("settings.json", Some(Kind::Activity), "counting/settings.json"),
    template!("expected.txt", Some(Kind::Activity), "counting/expected.txt"),
    template!("requirements.txt", None, "python/requirements.txt"),
    template!("tureen.py", None, "python/tureen.py"),
    template!("plugin.py", Some(Kind::Filter), "python/filter/plugin.py"),
    template!("plugin.py", Some(Kind::Transformer), "python/transformer/plugin.py"),
    template!("plugin.py", Some(Kind::Activity), "python/activity/plugin.py"),
];

/// No name becomes a module, so none is refused.
fn refuses(_name: &str) -> Option<String> {
    None
}

fn carried(_project: &Project<'_>) -> Vec<ProjectFile> {
    contract().collect()
}

fn commands(project: &Project<'_>) -> Vec<String> {
    let component = component(project);
    vec![
        "python3 -m venv .venv".to_owned(),
        ".venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt"
            .to_owned(),
        "rm -rf bindings && .venv/bin/componentize-py --wit-path wit --world plugin bindings bindings".to_owned(),
        "MYPYPATH=bindings .venv/bin/mypy --strict --follow-imports silent plugin.py tureen.py"
            .to_owned(),
        format!(
            ".venv/bin/componentize-py --wit-path wit --world plugin componentize --stub-wasi plugin --output {component}"
        ),
        PYTHON.trial(project.kind, &component),
    ]
}

fn install(project: &Project<'_>) -> Vec<String> {
    into_a_home(&component(project), project)
}

fn component(project: &Project<'_>) -> String {
    format!("{}.wasm", project.name.as_str())
}
