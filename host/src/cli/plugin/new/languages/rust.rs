//! Rust: the SDK is in no registry and an author has no clone of Tureen, so a project
//! carries the sources of both the SDK and the message code that its test kit runs on.
//! That works from the program alone, the author can read and step into it, and a
//! project stays buildable whatever becomes of anything else.

use tureen_bundle::sdk;
use tureen_sandbox::Kind;

use super::{ActivitySample, Language, Template, into_a_home};
use crate::cli::plugin::new::{Project, ProjectFile};

pub(super) const RUST: Language = Language {
    name: "rust",
    refuses,
    activity: ActivitySample::Notes,
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
            text: include_str!(concat!("../../templates/rust/", $file)),
        }
    };
}

const TEMPLATES: &[Template] = &[
    template!("Cargo.toml", None, "manifest.toml"),
    template!(".cargo/config.toml", None, "cargo-config.toml"),
    template!("rust-toolchain.toml", None, "rust-toolchain.toml"),
    template!(".gitignore", None, "gitignore"),
    template!("README.md", None, "README.md"),
    template!("message.hl7", None, "message.hl7"),
    template!("src/lib.rs", Some(Kind::Filter), "filter/lib.rs"),
    template!("settings.json", Some(Kind::Filter), "filter/settings.json"),
    template!("expected.txt", Some(Kind::Filter), "filter/expected.txt"),
    template!("src/lib.rs", Some(Kind::Transformer), "transformer/lib.rs"),
    template!("settings.json", Some(Kind::Transformer), "transformer/settings.json"),
    template!("expected.hl7", Some(Kind::Transformer), "transformer/expected.hl7"),
    template!("src/lib.rs", Some(Kind::Activity), "activity/lib.rs"),
    template!("settings.json", Some(Kind::Activity), "activity/settings.json"),
    template!("out/.gitignore", Some(Kind::Activity), "activity/out-gitignore"),
];

/// Names that cargo takes for no package: words of the language (those that are no
/// lower-case words cannot come up), and crates that come with the compiler.
const RESERVED: [&str; 54] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "where",
    "while",
];

fn refuses(name: &str) -> Option<String> {
    if RESERVED.contains(&name) {
        return Some("the word is reserved".to_owned());
    }
    let needed = sdk::crates().any(|it| it.replace('_', "-") == name);
    needed.then(|| "a crate that it is built with has that name".to_owned())
}

/// Below `tureen/`, and the versions of the crates that were tested with it.
fn carried(project: &Project<'_>) -> Vec<ProjectFile> {
    let lock =
        ProjectFile { path: "Cargo.lock".to_owned(), text: sdk::lock_of(project.name.as_str()) };
    let sources = sdk::sources().iter().map(|source| ProjectFile {
        path: format!("tureen/{}", source.path),
        text: source.text.to_owned(),
    });
    std::iter::once(lock).chain(sources).collect()
}

fn commands(project: &Project<'_>) -> Vec<String> {
    vec![
        "cargo test".to_owned(),
        "cargo build --release --target wasm32-wasip2".to_owned(),
        RUST.trial(project.kind, &component(project)),
    ]
}

fn install(project: &Project<'_>) -> Vec<String> {
    into_a_home(&component(project), project)
}

fn component(project: &Project<'_>) -> String {
    format!("target/wasm32-wasip2/release/{}.wasm", project.name.underscored())
}
