//! `docs/plugins/wit.md` is the contract in `wit/`, set in prose: every interface, type
//! and function with what is said of it there. It is written by this test where
//! `TUREEN_UPDATE_DOCS` is set, and compared otherwise.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes the document instead of comparing it.
const UPDATE: &str = "TUREEN_UPDATE_DOCS";

/// What stands above the first interface.
const HEAD: &str = "\
# The contract, in full

What a plugin of any language imports and exports: the files in [`wit/`](../../wit/) as a
page. `tureen plugin new` puts the files themselves into a project. The [SDK](rust.md)
hides all of it from authors in Rust.

Types are those of the component model. `borrow<message>` is a handle that is lent for
the call; a `message` that a function gives is the plugin's own. `result<_, problem>` is
nothing, or what went wrong. [Compatibility](compatibility.md) says what may change.
(This page is written from the files by a test: change those.)
";

/// A world or an interface.
struct Part {
    /// `interface tables`.
    head: String,
    about: Vec<String>,
    items: Vec<Item>,
}

/// What stands in it.
enum Item {
    /// A plain comment: what the following ones have in common.
    Remark(Vec<String>),
    /// Several lines as they are: a record, a variant, an enum.
    Type { about: Vec<String>, lines: Vec<String> },
    /// A resource: its functions follow.
    Resource { about: Vec<String>, name: String },
    /// A function, an import, an export, in one line.
    Line { about: Vec<String>, text: String },
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|it| it == "wit"));
    // What all others use comes first, what unites them last.
    files.sort_by_key(|file| {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        (name != "types.wit", name == "worlds.wit", name)
    });
    files
}

/// Reads by lines: the files have one item, or one line of a type, on each.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut about: Vec<String> = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if let Some(comment) = trimmed.strip_prefix("///") {
            about.push(comment.trim().to_owned());
        } else if let Some(head) = trimmed.strip_suffix(" {") {
            let about = std::mem::take(&mut about);
            parts.push(Part { head: head.to_owned(), about, items: items(&mut lines) });
        } else {
            assert!(trimmed.is_empty() || trimmed.starts_with("package "), "not read: {line}");
            about.clear();
        }
    }
    parts
}

/// The items up to the end of their part.
fn items<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<Item> {
    let mut items = Vec::new();
    let mut about: Vec<String> = Vec::new();
    let mut remark: Vec<String> = Vec::new();
    let mut is_resource = false;
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if !remark.is_empty() && !trimmed.starts_with("// ") {
            items.push(Item::Remark(std::mem::take(&mut remark)));
        }
        if let Some(comment) = trimmed.strip_prefix("///") {
            about.push(comment.trim().to_owned());
        } else if let Some(comment) = trimmed.strip_prefix("// ") {
            remark.push(comment.to_owned());
        } else if let Some(name) =
            trimmed.strip_prefix("resource ").and_then(|it| it.strip_suffix(" {"))
        {
            is_resource = true;
            items.push(Item::Resource { about: std::mem::take(&mut about), name: name.to_owned() });
        } else if trimmed == "}" {
            if !is_resource {
                return items;
            }
            is_resource = false;
        } else if trimmed.ends_with('{') {
            let mut whole = vec![line.to_owned()];
            for line in lines.by_ref() {
                whole.push(line.to_owned());
                if line.trim() == "}" {
                    break;
                }
            }
            items.push(Item::Type { about: std::mem::take(&mut about), lines: whole });
        } else if trimmed.starts_with("use ") || trimmed.is_empty() {
            about.clear();
        } else {
            let text = trimmed.trim_end_matches(';').to_owned();
            items.push(Item::Line { about: std::mem::take(&mut about), text });
        }
    }
    panic!("a part does not end");
}

/// Paragraphs, each on one line.
fn prose(lines: &[String]) -> String {
    let text: Vec<&str> = lines.iter().map(String::as_str).collect();
    let paragraphs: Vec<String> =
        text.split(|line| line.is_empty()).map(|paragraph| paragraph.join(" ")).collect();
    // Markdown would take it for a tag, but not in code.
    let escape = |(number, part): (usize, &str)| match number % 2 {
        0 => part.replace('<', "&lt;"),
        _ => part.to_owned(),
    };
    let parts: Vec<String> = paragraphs.join("\n\n").split('`').enumerate().map(escape).collect();
    parts.join("`")
}

fn render(text: &str, page: &mut String) {
    for part in parts(text) {
        write!(page, "\n## {}\n\n{}\n", part.head, prose(&part.about)).unwrap();
        for item in &part.items {
            match item {
                Item::Remark(lines) => write!(page, "\n{}\n", prose(lines)).unwrap(),
                Item::Resource { about, name } => {
                    write!(page, "\n### resource {name}\n\n{}\n", prose(about)).unwrap();
                }
                Item::Type { about, lines } => {
                    let indent = lines[0].len() - lines[0].trim_start().len();
                    let lines: Vec<&str> =
                        lines.iter().map(|line| line.get(indent..).unwrap_or_default()).collect();
                    write!(page, "\n{}\n\n```wit\n{}\n```\n", prose(about), lines.join("\n"))
                        .unwrap();
                }
                Item::Line { about, text } => {
                    write!(page, "\n```wit\n{text}\n```\n\n{}\n", prose(about)).unwrap();
                }
            }
        }
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for file in files() {
        render(&fs::read_to_string(file).unwrap(), &mut page);
    }
    // Where nothing is said of an item, there is one empty line.
    while page.contains("\n\n\n") {
        page = page.replace("\n\n\n", "\n\n");
    }
    format!("{}\n", page.trim_end())
}

#[test]
fn the_reference_says_what_the_contract_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/plugins/wit.md");
    let page = page();
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&file, &page).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap();
    let differs = kept.lines().zip(page.lines()).find(|(kept, now)| kept != now);
    assert!(
        kept == page,
        "{} is not what wit/ says, from {differs:?} on; run this test with {UPDATE}=1",
        file.display()
    );
}

#[test]
fn every_part_and_every_kind_of_item_is_read() {
    let text = "package p:q@0.1.0;\n\n/// About it,\n/// at length.\n///\n/// More.\ninterface one {\n    \
        use types.{problem};\n\n    // Of two.\n    /// A shape.\n    record r {\n        /// A field.\n        \
        f: string,\n    }\n    /// Things.\n    resource thing {\n        /// Makes.\n        \
        constructor();\n    }\n    /// Does.\n    act: func(of: borrow<thing>) -> option<r>;\n}\n";
    let mut page = String::new();
    render(text, &mut page);
    for part in [
        "## interface one\n\nAbout it, at length.\n\nMore.\n",
        "Of two.\n",
        "A shape.\n\n```wit\nrecord r {\n    /// A field.\n    f: string,\n}\n```\n",
        "### resource thing\n\nThings.\n\n```wit\nconstructor()\n```\n\nMakes.\n",
        "```wit\nact: func(of: borrow<thing>) -> option<r>\n```\n\nDoes.\n",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
}
