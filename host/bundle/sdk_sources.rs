//! Gathers what a plugin author's project carries of this repository: the SDK, the
//! message and template code that its test kit runs on, and the contract.
//!
//! Part of the build script. Knows: which files those are, and how their manifests
//! look outside of this workspace. Deliberately does not know: what a project
//! otherwise holds. The manifests are this repository's own, so they are cut by
//! lines; whatever that leaves wrong, the lock file's making would show.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates: where they are here, and in a project beside `wit`.
const CRATES: [(&str, &str); 3] =
    [("host/message", "message"), ("plugin-sdk", "plugin-sdk"), ("host/template", "template")];

/// The name of the project whose lock file is made; not that of any crate.
const PLACEHOLDER: &str = "tureen-plugin-placeholder";

/// One file of a project: its path below the folder of the sources, and its text.
type Source = (String, String);

/// Writes the list of sources, and the lock file of a project that uses them.
pub(super) fn write(
    root: &Path,
    out_dir: &Path,
    cargo: impl FnOnce(&Path) -> Command,
) -> Result<(), Box<dyn Error>> {
    let sources = sources(root)?;
    let mut text = String::from("static SDK_SOURCES: &[SdkSource] = &[\n");
    for (path, content) in &sources {
        text.push_str(&format!("    SdkSource {{ path: {path:?}, text: {content:?} }},\n"));
    }
    text.push_str("];\n");
    let lock = lock(root, &out_dir.join("sdk-lock"), &sources, cargo)?;
    text.push_str(&format!("static SDK_LOCK: &str = {lock:?};\n"));
    text.push_str(&format!("static SDK_LOCK_PLACEHOLDER: &str = {PLACEHOLDER:?};\n"));
    fs::write(out_dir.join("sdk_sources.rs"), text)?;
    Ok(())
}

/// Tells cargo what the sources are made from.
pub(super) fn watch(root: &Path) {
    for (folder, _) in CRATES {
        for part in ["src", "Cargo.toml"] {
            println!("cargo::rerun-if-changed={}", root.join(folder).join(part).display());
        }
    }
    for path in ["wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    println!("cargo::rerun-if-changed=sdk_sources.rs");
}

fn sources(root: &Path) -> Result<Vec<Source>, Box<dyn Error>> {
    let mut sources = Vec::new();
    let mut manifests = String::new();
    for (folder, name) in CRATES {
        let folder = root.join(folder);
        let manifest = without_tests(&fs::read_to_string(folder.join("Cargo.toml"))?);
        manifests.push_str(&manifest);
        sources.push((format!("{name}/Cargo.toml"), manifest));
        collect(&folder.join("src"), &format!("{name}/src"), "rs", &mut sources)?;
    }
    collect(&root.join("wit"), "wit", "wit", &mut sources)?;
    let readme = fs::read_to_string(root.join("LICENSE"))?;
    sources.push(("LICENSE".to_owned(), readme));
    let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
    sources.push(("Cargo.toml".to_owned(), workspace_of(&workspace, &manifests)));
    sources.sort();
    Ok(sources)
}

/// The files of a folder, at any depth, without those of tests: they are compiled
/// for this repository only.
fn collect(
    folder: &Path,
    name: &str,
    extension: &str,
    sources: &mut Vec<Source>,
) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if file_name == "tests" || file_name == "tests.rs" {
            continue;
        }
        let name = format!("{name}/{file_name}");
        if path.is_dir() {
            collect(&path, &name, extension, sources)?;
        } else if path.extension().is_some_and(|it| it == extension) {
            sources.push((name, fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// A crate's manifest without what only its own tests and benchmarks need.
fn without_tests(manifest: &str) -> String {
    sections(manifest)
        .filter(|(head, _)| !head.starts_with("[[bench]]") && !head.contains("dev-dependencies]"))
        .map(|(_, section)| section)
        .collect()
}

/// The workspace of the crates: what of this one they inherit.
fn workspace_of(manifest: &str, manifests: &str) -> String {
    let inherited: BTreeSet<&str> = manifests
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once([' ', '.'])?;
            rest.contains("workspace").then_some(name)
        })
        .collect();
    let members: Vec<String> = CRATES.iter().map(|(_, name)| format!("{name:?}")).collect();
    let mut text = format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", "));
    for (head, section) in sections(manifest) {
        if head.starts_with("[workspace.dependencies]") {
            text.push_str("\n[workspace.dependencies]\n");
            for line in section.lines().skip(1) {
                let name = line.split_once(" = ").map_or("", |(name, _)| name);
                if inherited.contains(name) {
                    text.push_str(&with_own_path(line));
                    text.push('\n');
                }
            }
        } else if head.starts_with("[workspace.package]") || head.starts_with("[workspace.lints") {
            text.push('\n');
            for line in section.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

/// The line of a dependency, with the path that it has in a project.
fn with_own_path(line: &str) -> String {
    CRATES.iter().fold(line.to_owned(), |line, (here, there)| {
        line.replace(&format!("path = {here:?}"), &format!("path = {there:?}"))
    })
}

/// The sections of a manifest, each with the line that names it. What stands before
/// the first one is left out.
fn sections(manifest: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    for line in manifest.split_inclusive('\n') {
        if line.starts_with('[') {
            starts.push(at);
        }
        at += line.len();
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([manifest.len()]).collect();
    starts.into_iter().zip(ends).filter_map(|(start, end)| {
        let section = manifest.get(start..end)?;
        Some((section.lines().next().unwrap_or_default(), section))
    })
}

/// The lock file of a project that uses the SDK: the versions that this repository is
/// tested with, so that a project builds from what a machine already has, and builds
/// the same next year.
fn lock(
    root: &Path,
    scratch: &Path,
    sources: &[Source],
    cargo: impl FnOnce(&Path) -> Command,
) -> Result<String, Box<dyn Error>> {
    // One from before may hold files that are gone.
    let _ = fs::remove_dir_all(scratch);
    for (path, text) in sources {
        put(&scratch.join("tureen").join(path), text)?;
    }
    let manifest = format!(
        "[package]\nname = {PLACEHOLDER:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [dependencies]\ntureen-plugin-sdk = {{ path = \"tureen/plugin-sdk\" }}\n\n\
         [workspace]\nexclude = [\"tureen\"]\n"
    );
    put(&scratch.join("Cargo.toml"), &manifest)?;
    put(&scratch.join("src/lib.rs"), "")?;
    fs::copy(root.join("Cargo.lock"), scratch.join("Cargo.lock"))?;
    // Every crate that is needed was looked up for this very build.
    let made = cargo(scratch).args(["update", "--workspace", "--offline"]).output()?;
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        return Err(format!("the lock file of plugin projects cannot be made:\n{said}").into());
    }
    Ok(fs::read_to_string(scratch.join("Cargo.lock"))?)
}

fn put(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = path.parent().map(Path::to_path_buf).unwrap_or_default();
    fs::create_dir_all(folder)?;
    fs::write(path, text)?;
    Ok(())
}
