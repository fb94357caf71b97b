//! Rust: the SDK is in no registry and an author has no clone of Tureen, so a project
//! carries the sources of both the SDK and the message code that its test kit runs on.
//! That works from the program alone, the author can read and step into it, and a
//! project stays buildable whatever becomes of anything else.

use tureen_bundle::sdk;
use tureen_sandbox::Kind;

use super::{ActivitySample, Language, Template};
use crate::cli::plugin::new::ProjectFile;
use crate::cli::plugin::new::name::ProjectName;

pub(super) const RUST: Language = Language {
    name: "rust",
    refuses,
    activity: ActivitySample::Notes,
    templates: TEMPLATES,
    carried,
    build,
    component,
};

const TEMPLATES: &[Template] = &[
    template!("Cargo.toml", None, "rust/manifest.toml"),
    template!(".cargo/config.toml", None, "rust/cargo-config.toml"),
    template!("rust-toolchain.toml", None, "rust/rust-toolchain.toml"),
    template!(".gitignore", None, "rust/gitignore"),
    template!("README.md", None, "rust/README.md"),
    template!("src/lib.rs", Some(Kind::Filter), "rust/filter/lib.rs"),
    template!("src/lib.rs", Some(Kind::Transformer), "rust/transformer/lib.rs"),
    template!("src/lib.rs", Some(Kind::Activity), "rust/activity/lib.rs"),
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
fn carried(name: &ProjectName) -> Vec<ProjectFile> {
    let lock = ProjectFile { path: "Cargo.lock".to_owned(), text: sdk::lock_of(name.as_str()) };
    let sources = sdk::sources().iter().map(|source| ProjectFile {
        path: format!("tureen/{}", source.path),
        text: source.text.to_owned(),
    });
    std::iter::once(lock).chain(sources).collect()
}

fn build(_name: &ProjectName) -> Vec<String> {
    vec!["cargo test".to_owned(), "cargo build --release --target wasm32-wasip2".to_owned()]
}

fn component(name: &ProjectName) -> String {
    format!("target/wasm32-wasip2/release/{}.wasm", name.underscored())
}
