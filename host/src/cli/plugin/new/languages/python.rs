//! Python: componentize-py makes a component of modules and their interpreter. Packages
//! of PyPI build it; a project carries the contract.

use tureen_sandbox::Kind;

use super::{ActivitySample, Language, Template, WORLD, contract, named_component};
use crate::cli::plugin::new::name::ProjectName;

pub(super) const PYTHON: Language = Language {
    name: "python",
    refuses,
    activity: ActivitySample::Counts,
    templates: TEMPLATES,
    carried: contract,
    build,
    component: named_component,
};

const TEMPLATES: &[Template] = &[
    WORLD,
    template!(".gitignore", None, "python/gitignore"),
    template!("README.md", None, "python/README.md"),
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

fn build(name: &ProjectName) -> Vec<String> {
    let component = named_component(name);
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
    ]
}
