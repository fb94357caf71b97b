//! Every seed, and every input that a fuzzer found, again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

#[test]
fn seeds_and_found_inputs_hold() {
    for (name, property) in tureen_properties::ALL {
        let seeds = files(&fuzz().join("seeds").join(name));
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for file in seeds.into_iter().chain(files(&fuzz().join("found").join(name))) {
            let data = fs::read(&file).unwrap();
            let held = std::panic::catch_unwind(|| property(&data));
            assert!(held.is_ok(), "{} does not hold", file.display());
        }
    }
}

/// Without its feature the property of workflows is missing.
#[cfg(feature = "workflow")]
#[test]
fn every_property_has_a_fuzz_target_and_every_folder_a_property() {
    for (name, _) in tureen_properties::ALL {
        assert!(fuzz().join("targets").join(format!("{name}.rs")).is_file(), "{name}");
    }
    for folder in [fuzz().join("seeds"), fuzz().join("found")] {
        for found in files(&folder) {
            let name = found.file_name().unwrap().to_string_lossy().into_owned();
            assert!(tureen_properties::ALL.iter().any(|(known, _)| *known == name), "{name}");
        }
    }
}

/// Real messages, where they are at hand.
#[test]
fn the_corpora_hold() {
    let Some(corpora) = std::env::var_os("TUREEN_CORPORA").map(PathBuf::from) else {
        eprintln!("TUREEN_CORPORA is not set: only the seeds were run");
        return;
    };
    for (folder, name) in [("hl7", "hl7"), ("json", "json"), ("xml", "xml"), ("csv", "csv")] {
        let mut left = vec![corpora.join(folder)];
        let mut count = 0;
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(files(&path));
            } else {
                let data = fs::read(&path).unwrap();
                let held = std::panic::catch_unwind(|| tureen_properties::check(name, &data));
                assert!(held.is_ok(), "{} does not hold", path.display());
                count += 1;
            }
        }
        assert!(count > 0, "{folder} has no files");
    }
}
