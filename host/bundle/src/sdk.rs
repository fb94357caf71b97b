//! What a plugin author's project carries of this repository, as text: the SDK, the
//! crates that its test kit runs on, the contract.
//!
//! The SDK is in no registry and an author has no clone, so the program has it all.
//! Deliberately does not know: what else a project holds.

include!(concat!(env!("OUT_DIR"), "/sdk_sources.rs"));

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct SdkSource {
    /// Below the folder of the sources, with slashes: `plugin-sdk/src/lib.rs`,
    /// `wit/types.wit`.
    pub path: &'static str,
    pub text: &'static str,
}

/// All files, by path. They are a workspace; its `Cargo.toml` is among them.
pub fn sources() -> &'static [SdkSource] {
    SDK_SOURCES
}

/// The lock file of a project of that name and version 0.1.0 that needs the SDK and
/// nothing else.
pub fn lock_of(name: &str) -> String {
    const HEAD: &str = "[[package]]\n";
    let mut parts = SDK_LOCK.split(HEAD);
    let head = parts.next().unwrap_or_default();
    let placed = format!("name = {SDK_LOCK_PLACEHOLDER:?}\n");
    let mut packages: Vec<String> =
        parts.map(|part| part.trim_end().replace(&placed, &format!("name = {name:?}\n"))).collect();
    // Cargo keeps them by name, and refuses another order where nothing may change.
    packages.sort_by(|one, other| name_of(one).cmp(name_of(other)));
    let packages: Vec<String> =
        packages.into_iter().map(|package| format!("{HEAD}{package}\n")).collect();
    format!("{head}{}", packages.join("\n"))
}

/// The names of all crates that a project needs: it may not be called like one.
pub fn crates() -> impl Iterator<Item = &'static str> {
    let names = SDK_LOCK.split("[[package]]\n").skip(1).map(name_of);
    names.filter(|name| *name != SDK_LOCK_PLACEHOLDER)
}

fn name_of(package: &str) -> &str {
    package.split('"').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_are_whole_and_hold_nothing_of_the_host() {
        let paths: Vec<&str> = sources().iter().map(|source| source.path).collect();
        for needed in [
            "Cargo.toml",
            "LICENSE",
            "message/Cargo.toml",
            "message/src/lib.rs",
            "plugin-sdk/src/bindings.rs",
            "template/src/lib.rs",
            "wit/types.wit",
            "wit/worlds.wit",
        ] {
            assert!(paths.contains(&needed), "{needed} is missing: {paths:?}");
        }
        for source in sources() {
            assert!(!source.path.contains("tests"), "{}", source.path);
            if source.path.ends_with("Cargo.toml") {
                for unwanted in ["dev-dependencies", "[[bench]]", "wasmtime", "host/"] {
                    assert!(!source.text.contains(unwanted), "{}: {unwanted}", source.path);
                }
            }
        }
    }

    #[test]
    fn a_lock_file_names_its_project_in_the_order_of_names() {
        for name in ["acme-digits", "zzz"] {
            let lock = lock_of(name);
            let names: Vec<&str> = lock.split("[[package]]\n").skip(1).map(name_of).collect();
            assert!(names.contains(&name) && names.contains(&"tureen-plugin-sdk"), "{names:?}");
            assert!(names.is_sorted(), "{names:?}");
            assert!(!lock.contains(SDK_LOCK_PLACEHOLDER));
            assert!(lock.ends_with("]\n") || lock.ends_with("\"\n"), "one line end at the end");
        }
    }

    #[test]
    fn the_crates_of_a_project_are_known_by_name() {
        let crates: Vec<&str> = crates().collect();
        assert!(crates.contains(&"tureen-plugin-sdk") && crates.contains(&"serde_json"));
        assert!(!crates.contains(&"wasmtime") && !crates.contains(&"proptest"), "{crates:?}");
    }
}
