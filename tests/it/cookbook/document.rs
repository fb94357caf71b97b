//! `docs/cookbook.md` shows parts of the recipes' files: each block names its file,
//! and stands in it line by line.

use std::fs;
use std::path::Path;

use super::recipes::{cookbook, recipes};

/// Stands for lines that the document leaves out.
const LEFT_OUT: &str = "…";

/// A block of the document that is said to be a part of a file.
struct Shown {
    file: String,
    lines: Vec<String>,
    /// Where it begins in the document.
    at: usize,
}

fn document() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cookbook.md");
    fs::read_to_string(file).unwrap()
}

/// Blocks whose fence names a file behind the language: ` ```json 01-fields/… `.
fn shown(document: &str) -> Vec<Shown> {
    let mut blocks = Vec::new();
    let mut inside = false;
    for (at, line) in document.lines().enumerate() {
        match (line.strip_prefix("```"), inside) {
            (Some(fence), false) => {
                inside = true;
                let file = fence.split_once(' ').map_or("", |(_, file)| file).to_owned();
                blocks.push(Shown { file, lines: Vec::new(), at: at + 1 });
            }
            (Some(_), true) => inside = false,
            (None, true) => blocks.last_mut().unwrap().lines.push(line.trim().to_owned()),
            (None, false) => {}
        }
    }
    assert!(!inside, "a block does not end");
    blocks
}

/// Whether the lines stand together in the file, and parts around what is left out
/// one after the other. Indentation does not matter.
fn stands_in(lines: &[String], text: &str) -> bool {
    let file: Vec<&str> = text.lines().map(str::trim).collect();
    let mut from = 0;
    lines.split(|line| line == LEFT_OUT).all(|part| {
        let found = (from..=file.len().saturating_sub(part.len()))
            .find(|at| file[*at..].iter().zip(part).all(|(have, shown)| have == shown));
        from = found.unwrap_or_default() + part.len();
        found.is_some()
    })
}

#[test]
fn what_the_document_shows_stands_in_the_tested_files() {
    let document = document();
    for Shown { file, lines, at } in shown(&document) {
        if file.is_empty() {
            continue;
        }
        let text = fs::read_to_string(cookbook().join(&file));
        let text = text.unwrap_or_else(|error| panic!("line {at} names {file}: {error}"));
        assert!(!lines.is_empty() && stands_in(&lines, &text), "line {at} is not in {file}");
    }
}

#[test]
fn the_document_shows_every_recipe_in_full() {
    let document = document();
    let blocks = shown(&document);
    for recipe in recipes() {
        assert!(
            document.contains(&format!("examples/cookbook/{}", recipe.name)),
            "{}",
            recipe.name
        );
        for part in
            ["cases/", "workflow.hl7Workflow", "plugin/src/lib.rs", "with-plugin.hl7Workflow"]
        {
            let wanted = format!("{}/{part}", recipe.name);
            assert!(blocks.iter().any(|block| block.file.starts_with(&wanted)), "{wanted}");
        }
    }
}

#[test]
fn a_block_that_differs_from_its_file_is_found() {
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    let file = "a\n  b\nc\nd\ne\n";
    for (text, stands) in [
        ("a\nb", true),
        ("  b\nc", true),
        ("a\n…\nd", true),
        ("…\nd\ne", true),
        ("a\nc", false),
        ("d\n…\na", false),
        ("e\nf", false),
        ("b\nb", false),
    ] {
        assert_eq!(stands_in(&lines(text), file), stands, "{text}");
    }
}
