//! Every link of a document to another, and to a heading in it, leads somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where documents are; the folders that are built or downloaded are not among them.
const PLACES: [&str; 6] =
    ["", "docs", "docs/plugins", "examples", "examples/plugins", "plugin-sdk"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn documents() -> Vec<PathBuf> {
    let entries = PLACES.iter().flat_map(|place| fs::read_dir(root().join(place)).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|it| it == "md")).collect()
}

/// The lines that are no code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Headings, as links name them.
fn anchors(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    let headings = prose(&text).filter_map(|(_, line)| line.strip_prefix('#'));
    headings.map(|heading| anchor(heading.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = |it: &char| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_');
    heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

/// What is wrong with a link of a document, if anything is.
fn wrong_with(document: &Path, link: &str) -> Option<&'static str> {
    if link.starts_with("http") {
        return None;
    }
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => document.to_owned(),
        path => document.parent().unwrap().join(path),
    };
    if !target.exists() {
        return Some("leads to no file");
    }
    let is_document = target.extension().is_some_and(|it| it == "md");
    let is_lost = is_document && !heading.is_empty() && !anchors(&target).contains(heading);
    is_lost.then_some("leads to no heading")
}

#[test]
fn every_link_leads_somewhere() {
    let (mut links, mut wrong) = (0, Vec::new());
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for (number, line) in prose(&text) {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                links += 1;
                let reason = wrong_with(&document, link);
                wrong.extend(reason.map(|it| format!("{document:?}:{}: {link} {it}", number + 1)));
            }
        }
    }
    assert!(links > 100, "only {links} links were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
