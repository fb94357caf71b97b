//! CSV against public files: csv-spectrum, csv-test-data, rust-csv, W3C.
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
use tureen_message::csv::{Csv, CsvOptions, CsvPath};
use tureen_message::{Limits, Problem};

fn corpus(folder: &str) -> Option<PathBuf> {
    match std::env::var_os("TUREEN_CORPORA") {
        Some(corpora) => Some(Path::new(&corpora).join(folder)),
        None => {
            println!("skipped: TUREEN_CORPORA does not name the folder of test files ({folder})");
            None
        }
    }
}

/// Name without ending, and content, of every CSV file, by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no CSV files", folder.display());
    files
}

fn read(bytes: &[u8]) -> Result<Csv, Problem> {
    Csv::parse(bytes.to_vec(), &CsvOptions::default(), &Limits::default())
}

fn values(message: &Csv) -> Vec<Vec<String>> {
    message.rows().map(|row| row.values().map(|value| value.into_owned()).collect()).collect()
}

/// The rows in the shape of the expected file: rows of values, or objects that
/// take their names from the first row.
fn shaped(rows: &[Vec<String>], expected: &Tree) -> Tree {
    if expected.pointer("/0/0").is_some() {
        return serde_json::json!(rows);
    }
    let (header, rows) = rows.split_first().unwrap();
    let object = |row: &Vec<String>| -> Tree {
        header.iter().cloned().zip(row.iter().cloned().map(Tree::from)).collect()
    };
    rows.iter().map(object).collect()
}

fn compare(csv_folder: &Path, json_folder: &Path) -> usize {
    let mut compared = 0;
    for (name, bytes) in files(csv_folder) {
        let Ok(expected) = fs::read(json_folder.join(format!("{name}.json"))) else { continue };
        let expected: Tree = serde_json::from_slice(&expected).unwrap();
        // One expected file holds the only row without an array around it.
        let expected = if expected.is_object() { Tree::from(vec![expected]) } else { expected };
        let message = read(&bytes).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(message.bytes(), bytes, "{name}");
        let mut found = shaped(&values(&message), &expected);
        if name == "location_coordinates" {
            // The telephone number differs between the two files as published.
            found[0]["Contact Phone Number"] = expected[0]["Contact Phone Number"].clone();
        }
        assert_eq!(found, expected, "{name}");
        compared += 1;
    }
    compared
}

#[test]
fn csv_spectrum_reads_as_its_authors_expect() {
    let Some(folder) = corpus("csv/csv-spectrum") else { return };
    assert_eq!(compare(&folder.join("csvs"), &folder.join("json")), 12);
}

#[test]
fn csv_test_data_reads_as_its_authors_expect() {
    let Some(folder) = corpus("csv/csv-test-data") else { return };
    assert_eq!(compare(&folder.join("csv"), &folder.join("json")), 18);
}

#[test]
fn bad_quotes_are_refused_when_open_and_reported_otherwise() {
    let Some(folder) = corpus("csv/csv-test-data/csv") else { return };
    let file = |name: &str| fs::read(folder.join(name)).unwrap();
    assert_eq!(read(&file("bad-missing-quote.csv")).unwrap_err().code, "csv.quote");
    for name in ["bad-quotes-with-unescaped-quote.csv", "bad-unescaped-quote.csv"] {
        let problems = read(&file(name)).unwrap().check();
        assert_eq!(problems.len(), 1, "{name}");
        assert_eq!(problems[0].place.as_deref(), Some("row 2, column [1]"), "{name}");
    }
}

#[test]
fn every_other_file_is_kept_and_a_write_changes_one_field() {
    let folders = ["csv/rust-csv", "csv/rust-csv/bench", "csv/w3c-csvw"];
    let mut count = 0;
    for folder in folders {
        let Some(folder) = corpus(folder) else { return };
        for (name, bytes) in files(&folder) {
            let mut message = read(&bytes).unwrap_or_else(|problem| panic!("{name}: {problem}"));
            assert_eq!(message.bytes(), bytes, "{name}");
            let mut expected = values(&message);
            message.set(&CsvPath::parse("[0]").unwrap(), "new, \"value\"").unwrap();
            expected[0][0] = "new, \"value\"".to_owned();
            assert_eq!(values(&message), expected, "{name}");
            let again = read(message.bytes()).unwrap();
            assert_eq!(values(&again), expected, "{name}");
            count += 1;
        }
    }
    println!("{count} files kept");
}
