//! Third-party plugins: the components of `tests/guests` and of the cookbook, each
//! built once, and files that are none.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::program::profile_directory;

const TARGET: &str = "wasm32-wasip2";

/// The contract version that a guest is built with, and one that no host has.
const CONTRACT: (&[u8], &[u8]) = (b"tureen:plugin/", b"@0.1.0");
const OTHER_VERSION: &[u8] = b"@9.9.9";

/// Component bytes by name of the guest.
static GUESTS: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests");
    let guests = folders(&workspace);
    components(&workspace, guests.into_iter().map(|name| (name.clone(), name)))
});

/// The component of a folder of `tests/guests`.
pub(crate) fn guest(name: &str) -> &'static [u8] {
    GUESTS.get(name).unwrap_or_else(|| panic!("tests/guests has no {name}"))
}

/// The component as if built against another version of the contract.
pub(crate) fn of_another_contract(name: &str) -> Vec<u8> {
    let mut bytes = guest(name).to_vec();
    let (package, version) = CONTRACT;
    let mut patched = 0;
    let mut at = 0;
    while let Some(found) = find(&bytes[at..], package) {
        let name_at = at + found + package.len();
        // `types@0.1.0`: the version is within an interface name's length.
        let window = &bytes[name_at..(name_at + 40).min(bytes.len())];
        if let Some(before) = find(window, version) {
            let version_at = name_at + before;
            bytes[version_at..version_at + OTHER_VERSION.len()].copy_from_slice(OTHER_VERSION);
            patched += 1;
        }
        at = name_at;
    }
    assert!(patched > 0, "{name} imports nothing of the contract");
    bytes
}

/// A WebAssembly core module: not a component.
pub(crate) const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// Builds a workspace of plugins; gives the components of the named crates under
/// the names that go with them.
pub(crate) fn components(
    workspace: &Path,
    crates: impl Iterator<Item = (String, String)>,
) -> BTreeMap<String, Vec<u8>> {
    let target_directory = profile_directory().parent().unwrap().join("guests");
    ensure_target();
    compile(workspace, &target_directory);
    let release = target_directory.join(TARGET).join("release");
    crates
        .map(|(name, package)| {
            let file = release.join(format!("{}.wasm", package.replace('-', "_")));
            let bytes = fs::read(&file).unwrap_or_else(|error| panic!("{package}: {error}"));
            (name, bytes)
        })
        .collect()
}

fn folders(source: &Path) -> Vec<String> {
    let entries = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path());
    let guests = entries.filter(|path: &PathBuf| path.join("Cargo.toml").is_file());
    guests.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Where rustup does not install the target by itself, it is added once.
fn ensure_target() {
    if has_target() {
        return;
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    assert!(
        added.is_ok_and(|status| status.success()) && has_target(),
        "the Rust target {TARGET} is missing; run: rustup target add {TARGET}"
    );
}

fn has_target() -> bool {
    let asked =
        Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    asked.is_ok_and(|asked| {
        let directory = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        asked.status.success() && Path::new(&directory).is_dir()
    })
}

fn compile(source: &Path, target_directory: &Path) {
    let mut command = inner_cargo(source);
    command
        .args(["build", "--release", "--locked", "--target", TARGET, "--target-dir"])
        .arg(target_directory);
    let built = command.output().unwrap();
    assert!(
        built.status.success(),
        "{} does not build:\n{}",
        source.display(),
        String::from_utf8_lossy(&built.stderr)
    );
}

/// Cargo for a workspace of its own: what the outer build set is not for it.
pub(crate) fn inner_cargo(source: &Path) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = outside_of_cargo(Command::new(cargo));
    command.current_dir(source);
    command
}

/// A command that does not inherit what the outer build set.
pub(crate) fn outside_of_cargo(mut command: Command) -> Command {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let inherited = text.starts_with("CARGO_") && text != "CARGO_HOME";
        if inherited || text == "RUSTFLAGS" || text.starts_with("RUSTC") {
            command.env_remove(&name);
        }
    }
    command
}
