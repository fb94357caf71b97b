//! XML against public files: those of roxmltree and quick-xml, and C-CDA.
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

use tureen_message::charset::{Undecodable, decode};
use tureen_message::xml::{Xml, XmlPath};
use tureen_message::{Format, Limits};

fn corpus(folder: &str) -> Option<PathBuf> {
    match std::env::var_os("TUREEN_CORPORA") {
        Some(corpora) => Some(Path::new(&corpora).join(folder)),
        None => {
            println!("skipped: TUREEN_CORPORA does not name the folder of test files ({folder})");
            None
        }
    }
}

/// Name and content of every file of one folder, by name.
fn files(folder: &Path, endings: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no such files", folder.display());
    files
}

/// Reads every element and attribute by path and compares it with roxmltree's;
/// answers how many places that were.
fn compare(name: &str, text: &str) -> usize {
    let message = Xml::parse(text.as_bytes().to_vec(), &Limits::default())
        .unwrap_or_else(|problem| panic!("{name}: {problem}"));
    assert_eq!(message.bytes(), text.as_bytes(), "{name}");
    let read = |place: &str| message.text(&XmlPath::parse(place).unwrap()).into_owned();
    let tree = roxmltree::Document::parse(text).unwrap();
    let root = tree.root_element();
    let mut open = vec![(root, root.tag_name().name().to_owned())];
    let mut places = 0;
    while let Some((element, place)) = open.pop() {
        places += 1;
        let text: String = element
            .descendants()
            .filter(|node| node.is_text())
            .filter_map(|node| node.text())
            .collect();
        assert_eq!(read(&place), text, "{name}: {place}");
        for attribute in element.attributes().filter(|found| found.namespace().is_none()) {
            places += 1;
            let place = format!("{place}/@{}", attribute.name());
            assert_eq!(read(&place), attribute.value(), "{name}: {place}");
        }
        let mut numbers = std::collections::HashMap::new();
        for child in element.children().filter(|node| node.is_element()) {
            let local = child.tag_name().name();
            let number = numbers.entry(local).and_modify(|number| *number += 1).or_insert(1);
            open.push((child, format!("{place}/{local}[{number}]")));
        }
    }
    places
}

#[test]
fn the_files_of_roxmltree_are_accepted_and_refused_as_it_does() {
    let Some(folder) = corpus("xml/roxmltree") else { return };
    let (mut same, mut refused, mut typed) = (0, 0, 0);
    for (name, bytes) in files(&folder, &[".xml"]) {
        let decoded = decode(Format::Xml, bytes, None, Undecodable::Refuse).unwrap();
        let text = String::from_utf8(decoded.bytes).unwrap();
        let ours = Xml::parse(text.clone().into_bytes(), &Limits::default());
        if text.contains("<!DOCTYPE") {
            typed += 1;
            assert!(ours.is_err(), "{name} has a document type");
            continue;
        }
        match (&ours, roxmltree::Document::parse(&text)) {
            (Ok(_), Ok(_)) => {
                same += 1;
                compare(&name, &text);
            }
            (Err(_), Err(_)) => refused += 1,
            (ours, theirs) => {
                panic!("{name}: {:?}, roxmltree {:?}", ours.as_ref().err(), theirs.err())
            }
        }
    }
    println!("{same} the same, {refused} refused by both, {typed} with a document type refused");
    assert!(same > 40 && refused > 5 && typed > 5);
}

#[test]
fn clinical_documents_are_read_as_roxmltree_reads_them_and_written_back_in_one_piece() {
    let Some(folder) = corpus("xml/ccda") else { return };
    for (name, bytes) in files(&folder, &[".xml"]) {
        let decoded = decode(Format::Xml, bytes.clone(), None, Undecodable::Refuse).unwrap();
        let text = String::from_utf8(decoded.bytes).unwrap();
        let places = compare(&name, &text);
        let mut message = Xml::parse(text.clone().into_bytes(), &Limits::default()).unwrap();
        let id = XmlPath::parse("ClinicalDocument/id/@extension").unwrap();
        let before = message.text(&id).into_owned();
        message.set(&id, "other").unwrap();
        assert_eq!(message.text(&id), "other", "{name}");
        message.set(&id, &before).unwrap();
        assert_eq!(message.text(&id), before, "{name}");
        println!("{name}: {places} places, {} bytes", text.len());
    }
}

#[test]
fn texts_in_every_set_are_decoded_by_their_declaration() {
    let Some(folder) = corpus("xml/quick-xml/encoding") else { return };
    let mut read = 0;
    for (name, bytes) in files(&folder, &[".xml"]) {
        let decoded = decode(Format::Xml, bytes.clone(), None, Undecodable::Refuse);
        if name == "x-user-defined.xml" {
            assert_eq!(decoded.unwrap_err().code, "charset.unsupported");
            continue;
        }
        let decoded = decoded.unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let text = String::from_utf8(decoded.bytes).unwrap();
        // Below their first line most of them are no XML.
        let behind = |text: &str| text.split_once("?>").unwrap().1.to_owned();
        let expected = decoded_by_encoding_rs(&bytes, decoded.charset.name());
        assert!(behind(&text) == behind(&expected), "{name} as {}", decoded.charset);
        let declares = text.starts_with("<?xml") && text.contains("encoding=");
        assert!(!declares || text.contains("encoding=\"UTF-8\""), "{name} says another set");
        read += 1;
    }
    println!("{read} character sets");
    assert!(read > 30);
}

fn decoded_by_encoding_rs(bytes: &[u8], name: &str) -> String {
    let encoding = encoding_rs::Encoding::for_label(name.as_bytes()).unwrap();
    encoding.decode(bytes).0.into_owned()
}

#[test]
fn large_public_documents_without_a_type_are_read_as_roxmltree_reads_them() {
    let Some(folder) = corpus("xml/quick-xml") else { return };
    let mut places = 0;
    for (name, bytes) in files(&folder, &[".xml", ".rss", ".fodt"]) {
        let decoded = decode(Format::Xml, bytes, None, Undecodable::Refuse).unwrap();
        let text = String::from_utf8(decoded.bytes).unwrap();
        match Xml::parse(text.clone().into_bytes(), &Limits::default()) {
            Ok(_) if text.len() < 200_000 => places += compare(&name, &text),
            Ok(message) => assert_eq!(message.bytes(), text.as_bytes(), "{name}"),
            Err(problem) => {
                let is_theirs = roxmltree::Document::parse(&text).is_err();
                assert!(is_theirs || problem.code.starts_with("limit."), "{name}: {problem}");
                println!("{name}: {problem}");
            }
        }
    }
    println!("{places} places");
    assert!(places > 1_000);
}
