//! JSON against public files: JSONTestSuite, FHIR bundles, large documents.
//!
//! They are not part of the repository. The folder that holds them is named by
//! `TUREEN_CORPORA`; without it each test says that it was skipped.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test helpers fail the test"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Tree;
use tureen_message::Limits;
use tureen_message::json::{Json, JsonPath};

fn corpus(folder: &str) -> Option<PathBuf> {
    match std::env::var_os("TUREEN_CORPORA") {
        Some(corpora) => Some(Path::new(&corpora).join(folder)),
        None => {
            println!("skipped: TUREEN_CORPORA does not name the folder of test files ({folder})");
            None
        }
    }
}

/// Name and content of every file with the ending, by name.
fn files(folder: &Path, ending: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no {ending} files", folder.display());
    files
}

fn parse(name: &str, bytes: &[u8]) -> Json {
    Json::parse(bytes.to_vec(), &Limits::default())
        .unwrap_or_else(|problem| panic!("{name}: {problem}"))
}

fn path(text: &str) -> JsonPath {
    JsonPath::parse(text).unwrap()
}

fn tree(bytes: &[u8]) -> Tree {
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).unwrap()
}

#[test]
fn the_json_test_suite_is_accepted_and_refused_as_it_asks() {
    let Some(folder) = corpus("json/JSONTestSuite/test_parsing") else { return };
    let (mut valid, mut invalid, mut either) = (0, 0, 0);
    for (name, bytes) in files(&folder, ".json") {
        let parsed = Json::parse(bytes.clone(), &Limits::default());
        match name.split('_').next() {
            Some("y") => {
                valid += 1;
                assert_eq!(parsed.unwrap_or_else(|p| panic!("{name}: {p}")).bytes(), bytes);
            }
            Some("n") => {
                invalid += 1;
                assert!(parsed.is_err(), "{name} was accepted");
            }
            _ => either += usize::from(parsed.is_ok()),
        }
    }
    println!("{valid} accepted, {invalid} refused, {either} of those left open accepted");
    assert_eq!((valid, invalid), (95, 188));
}

#[test]
fn every_leaf_of_a_fhir_bundle_reads_as_serde_json_reads_it() {
    let Some(folder) = corpus("json/fhir") else { return };
    let mut leaves = 0;
    for (name, bytes) in files(&folder, ".json") {
        let message = parse(&name, &bytes);
        assert_eq!(message.bytes(), bytes, "{name}");
        let tree = tree(&bytes);
        let entries = tree["entry"].as_array().unwrap();
        assert_eq!(message.count(&path("entry")), entries.len(), "{name}");
        let found = message.find(&path("newtonsoft:$.entry[*].resource.resourceType"));
        assert_eq!(found.len(), entries.len(), "{name}");
        // The first entries suffice: each read passes the text from its start.
        for (number, entry) in entries.iter().take(3).enumerate() {
            let mut open = vec![(entry, format!("newtonsoft:$.entry[{number}]"))];
            while let Some((value, place)) = open.pop() {
                let expected = match value {
                    Tree::Object(members) => {
                        open.extend(members.iter().map(|(k, v)| (v, format!("{place}['{k}']"))));
                        continue;
                    }
                    Tree::Array(items) => {
                        let items = items.iter().enumerate();
                        open.extend(items.map(|(at, item)| (item, format!("{place}[{at}]"))));
                        continue;
                    }
                    Tree::String(text) => text.clone(),
                    Tree::Null => String::new(),
                    other => other.to_string(),
                };
                leaves += 1;
                assert_eq!(message.text(&path(&place)), expected, "{name} {place}");
            }
        }
    }
    println!("{leaves} leaves compared");
    assert!(leaves > 1_000);
}

#[test]
fn edits_of_a_fhir_bundle_change_what_they_name_and_nothing_else() {
    let Some(folder) = corpus("json/fhir") else { return };
    for (name, bytes) in files(&folder, ".json") {
        let mut message = parse(&name, &bytes);
        let mut expected = tree(&bytes);
        message.set(&path("entry[1]/resource/id"), "new \"id\"").unwrap();
        message.set(&path("Patient/name[1]/family"), "Example").unwrap();
        message.set_structure(&path("total"), "1.50").unwrap();
        let removed = message.remove(&path("entry[*]/fullUrl")).unwrap();
        expected["entry"][0]["resource"]["id"] = Tree::from("new \"id\"");
        expected["Patient"]["name"] = serde_json::json!([{ "family": "Example" }]);
        expected["total"] = Tree::from(1.5);
        let mut removed_there = 0;
        for entry in expected["entry"].as_array_mut().unwrap() {
            removed_there +=
                usize::from(entry.as_object_mut().unwrap().remove("fullUrl").is_some());
        }
        assert_eq!(removed, removed_there, "{name}");
        assert_eq!(message.text(&path("total")), "1.50", "{name}");
        assert_eq!(tree(message.bytes()), expected, "{name}");
        parse(&name, message.bytes());
    }
}

#[test]
fn large_documents_are_kept_and_read_as_serde_json_reads_them() {
    let Some(folder) = corpus("json/bench") else { return };
    for (name, bytes) in files(&folder, ".json") {
        let message = parse(&name, &bytes);
        assert_eq!(message.bytes(), bytes, "{name}");
        let compact: Tree = serde_json::from_str(&message.text(&path(""))).unwrap();
        assert_eq!(compact, tree(&bytes), "{name}");
    }
}
