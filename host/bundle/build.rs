//! Builds the workspace in `plugins/` for wasm32-wasip2 and lists what came out.
//!
//! It has a target directory of its own: sharing the outer one would wait for
//! the lock that the outer build holds. What the outer build set for the native
//! target (`RUSTFLAGS`, `CARGO_*`) is taken out of the environment. Where the
//! target is not installed and rustup does not install it by itself, it is
//! added once; without rustup the build says what to do.
//!
//! What authors build plugins with is gathered beside it (`sdk_sources.rs`).

mod sdk_sources;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

fn main() {
    if let Err(error) = build() {
        println!("cargo::error={error}");
    }
}

fn build() -> Result<(), Box<dyn Error>> {
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = here.join("../..").canonicalize()?;
    let plugins = root.join("plugins");
    let folders = plugin_folders(&plugins)?;
    watch(&root, &plugins, &folders);
    sdk_sources::watch(&root);
    sdk_sources::write(&root, &out_dir, inner_cargo)?;
    ensure_target()?;
    let target_dir = out_dir.join("plugins");
    compile(&plugins, &target_dir)?;
    write_list(&target_dir.join(TARGET).join("release"), &folders, &out_dir.join("bundled.rs"))
}

/// The folders that are plugins: those whose manifest makes a component.
fn plugin_folders(plugins: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(plugins)? {
        let path = entry?.path();
        let Ok(manifest) = fs::read_to_string(path.join("Cargo.toml")) else { continue };
        if manifest.contains("cdylib") {
            names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

fn watch(root: &Path, plugins: &Path, folders: &[String]) {
    println!("cargo::rerun-if-changed=build.rs");
    for path in ["plugin-sdk/src", "plugin-sdk/Cargo.toml", "wit"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    for path in ["Cargo.toml", "Cargo.lock", ".cargo", "conditions", "sending"] {
        println!("cargo::rerun-if-changed={}", plugins.join(path).display());
    }
    for folder in folders {
        println!("cargo::rerun-if-changed={}", plugins.join(folder).display());
    }
}

fn ensure_target() -> Result<(), Box<dyn Error>> {
    if has_target() {
        return Ok(());
    }
    println!("cargo::warning=adding the Rust target {TARGET} (once, by rustup)");
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    if added.is_ok_and(|status| status.success()) && has_target() {
        return Ok(());
    }
    Err(format!(
        "the Rust target {TARGET} is missing, the standard plugins cannot be built; run: rustup target add {TARGET}"
    )
    .into())
}

/// Asks the compiler itself, which works without rustup too.
fn has_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let Ok(asked) = asked else { return false };
    let directory = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
    asked.status.success() && Path::new(&directory).is_dir()
}

fn compile(plugins: &Path, target_dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut command = inner_cargo(plugins);
    command
        .args(["build", "--release", "--locked", "--target", TARGET, "--target-dir"])
        .arg(target_dir);
    let built = command.output()?;
    if built.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&built.stderr);
    let tail: Vec<&str> = said.lines().rev().take(40).collect();
    for line in tail.into_iter().rev() {
        println!("cargo::warning={line}");
    }
    Err("the standard plugins in plugins/ do not build; what cargo said stands above".into())
}

/// Cargo for a workspace of its own.
fn inner_cargo(folder: &Path) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(folder);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        // CARGO_HOME says where crates are; all else belongs to the outer build.
        let inherited = text.starts_with("CARGO_") && text != "CARGO_HOME";
        if inherited || text == "RUSTFLAGS" || text.starts_with("RUSTC") {
            command.env_remove(&name);
        }
    }
    command
}

fn write_list(release: &Path, folders: &[String], list: &Path) -> Result<(), Box<dyn Error>> {
    let mut text = String::from("static BUNDLED: &[Bundled] = &[\n");
    for folder in folders {
        let file = release.join(format!("{}.wasm", folder.replace('-', "_")));
        if !file.is_file() {
            return Err(format!("plugins/{folder} built no component at {}", file.display()).into());
        }
        text.push_str(&format!(
            "    Bundled {{ name: {folder:?}, component: include_bytes!({file:?}) }},\n"
        ));
    }
    text.push_str("];\n");
    fs::write(list, text)?;
    Ok(())
}
