//! The example plugins in JavaScript and Python, each built once with the commands
//! that their read-me names, in a copy of their folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::program::{self, profile_directory};

static PHONE_NUMBERS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    build("phone-numbers", &["npm install", "npm run types", "npm run check", "npm run build"])
});

static AGE_FILTER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    build(
        "age-filter",
        &[
            "python3 -m venv .venv",
            ".venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt",
            "rm -rf bindings && .venv/bin/componentize-py --wit-path wit --world plugin bindings bindings",
            "MYPYPATH=bindings .venv/bin/mypy --strict --follow-imports silent plugin.py tureen.py",
            ".venv/bin/componentize-py --wit-path wit --world plugin componentize --stub-wasi plugin --output age-filter.wasm",
        ],
    )
});

/// The transformer in JavaScript.
pub(crate) fn phone_numbers() -> &'static [u8] {
    &PHONE_NUMBERS
}

/// The filter in Python.
pub(crate) fn age_filter() -> &'static [u8] {
    &AGE_FILTER
}

/// Builds a copy of the example; what the copy downloaded is there for the next run.
fn build(name: &str, commands: &[&str]) -> Vec<u8> {
    let source = example(name);
    let read_me = fs::read_to_string(source.join("README.md")).unwrap();
    let copy = profile_directory().parent().unwrap().join("other-languages").join(name);
    fs::create_dir_all(&copy).unwrap();
    copy_folder(&source, &copy);
    for command in commands {
        assert!(read_me.contains(command), "the read-me of {name} does not name: {command}");
        run(&copy, command);
    }
    let component = copy.join(format!("{name}.wasm"));
    compile(&component);
    fs::read(component).unwrap()
}

/// The homes of the tests share what is compiled. An engine takes half a minute of
/// processor time, for which no test of a server has to wait.
fn compile(component: &Path) {
    let inspected = program::run(["plugin", "inspect", component.to_str().unwrap()]);
    assert_eq!(inspected.code, Some(0), "{inspected:?}");
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plugins").join(name)
}

fn run(directory: &Path, command: &str) {
    let ran = Command::new("sh").args(["-c", command]).current_dir(directory).output().unwrap();
    assert!(
        ran.status.success(),
        "{command}: {}\n{}\n{}",
        ran.status,
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// Follows links: the contract is one, and the copy stands elsewhere.
fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if is_made(&path) {
            continue;
        }
        if path.is_dir() {
            fs::create_dir_all(&copy).unwrap();
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

/// What the commands make, when somebody ran them in the folder itself.
fn is_made(path: &Path) -> bool {
    let made = ["node_modules", "types", ".venv", "bindings", "__pycache__", ".mypy_cache"];
    path.file_name().is_some_and(|name| made.iter().any(|it| name == *it))
        || path.extension().is_some_and(|it| it == "wasm")
}
