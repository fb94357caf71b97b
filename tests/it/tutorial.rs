//! The tutorials for authors: what they say is typed, in an empty folder, and what they
//! promise is seen.
//!
//! Blocks of a document mean: `sh` commands, `sh server` one that goes on, `sh again`
//! commands that are repeated until they say what is promised; `output` what the
//! commands before it say; `diff FILE` and `json FILE` what is changed and written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::harness::ports::free_port;
use crate::harness::program::{self, Ran};
use crate::harness::project::{Place, shell};
use crate::harness::wait::wait_for;

/// The port that documents show.
const SHOWN_PORT: &str = "8443";

/// The admin address of a new home, and one that the system chooses.
const ADMIN: &str = "port = 8079";
const ADMIN_ANYWHERE: &str = "port = 0";

#[derive(Debug)]
struct Block {
    kind: String,
    text: String,
    at: usize,
}

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (at, line) in document.lines().enumerate() {
        match (line.strip_prefix("```"), inside) {
            (Some(kind), false) => {
                inside = true;
                blocks.push(Block { kind: kind.to_owned(), text: String::new(), at: at + 1 });
            }
            (Some(_), true) => inside = false,
            (None, true) => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!inside, "a block does not end");
    blocks
}

/// An author at a terminal, in a folder that was empty.
struct Author {
    place: Place,
    /// Where the last command left it.
    here: PathBuf,
    port: u16,
    server: Option<Child>,
    said: String,
    /// The last commands, to be repeated.
    again: Option<String>,
}

impl Author {
    fn new() -> Self {
        let place = Place::take();
        let here = place.folder().to_owned();
        Self { place, here, port: free_port(), server: None, said: String::new(), again: None }
    }

    fn follow(&mut self, block: &Block) {
        let text = block.text.replace(SHOWN_PORT, &self.port.to_string());
        let (kind, file) = block.kind.split_once(' ').unwrap_or((&block.kind, ""));
        match (kind, file) {
            ("sh", "server") => self.serve(&text),
            ("sh", "again") => self.again = Some(text),
            ("sh", "") => {
                self.again = None;
                let ran = self.type_in(&text, block.at);
                assert_eq!(ran.code, Some(0), "line {}: {ran:#?}", block.at);
                self.said = ran.said();
            }
            ("output", "") => self.expect(text.trim_end(), block.at),
            ("json", file) if !file.is_empty() => fs::write(self.here.join(file), text).unwrap(),
            ("diff", file) if !file.is_empty() => self.change(file, &text, block.at),
            _ => {}
        }
        self.place.share_builds();
        self.use_own_ports();
    }

    /// A new home shows the usual ports, which others on this machine may use.
    fn use_own_ports(&self) {
        let home = self.place.folder().join("home");
        for (file, shown, own) in [
            ("workflows/admissions.hl7Workflow", SHOWN_PORT, self.port.to_string()),
            ("tureen.toml", ADMIN, ADMIN_ANYWHERE.to_owned()),
        ] {
            let Ok(text) = fs::read_to_string(home.join(file)) else { return };
            if text.contains(shown) {
                fs::write(home.join(file), text.replace(shown, &own)).unwrap();
            }
        }
    }

    fn expect(&mut self, expected: &str, at: usize) {
        let Some(again) = self.again.clone() else {
            assert!(self.said.contains(expected), "line {at}: {expected:?} in {}", self.said);
            return;
        };
        wait_for(&format!("line {at}: {expected:?}"), || {
            let ran = self.type_in(&again, at);
            ran.stdout.contains(expected).then_some(())
        });
    }

    /// Runs commands in one shell, and stays where they lead.
    fn type_in(&mut self, commands: &str, at: usize) -> Ran {
        let place = self.place.folder().join("here");
        let mut shell = shell(&self.here);
        shell.arg(format!("{commands}\npwd > '{}'", place.display()));
        let ran = program::run_command(shell);
        if ran.code == Some(0) {
            let here = fs::read_to_string(&place).unwrap_or_else(|it| panic!("line {at}: {it}"));
            self.here = PathBuf::from(here.trim_end());
        }
        ran
    }

    fn serve(&mut self, command: &str) {
        let mut shell = shell(&self.here);
        shell.arg(format!("exec {command}")).stdout(Stdio::null()).stderr(Stdio::null());
        self.server = Some(shell.spawn().unwrap());
        let port = self.port;
        wait_for("the server", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    }

    /// Replaces the lines with `-` by those with `+`.
    fn change(&self, file: &str, diff: &str, at: usize) {
        let lines = |mark: char| {
            let lines: Vec<&str> =
                diff.lines().filter_map(|line| line.strip_prefix(mark)).collect();
            lines.join("\n")
        };
        let path = self.here.join(file);
        let before = fs::read_to_string(&path).unwrap();
        let (old, new) = (lines('-'), lines('+'));
        assert_eq!(before.matches(&old).count(), 1, "line {at}: {old:?} once in {file}");
        fs::write(path, before.replace(&old, &new)).unwrap();
    }
}

impl Drop for Author {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn document(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/plugins").join(name);
    fs::read_to_string(file).unwrap()
}

fn follow(name: &str, at_least: [usize; 3]) {
    let blocks = blocks(&document(name));
    let count = |kind: &str| blocks.iter().filter(|block| block.kind.starts_with(kind)).count();
    let found = ["sh", "output", "diff"].map(count);
    assert!(found.iter().zip(at_least).all(|(found, least)| *found >= least), "{found:?}");
    let mut author = Author::new();
    for block in &blocks {
        author.follow(block);
    }
}

#[test]
fn the_tutorial_for_rust_leads_from_an_empty_folder_to_live_messages() {
    follow("rust.md", [8, 5, 3]);
}

#[test]
fn the_tutorial_for_javascript_leads_from_an_empty_folder_to_live_messages() {
    follow("javascript.md", [7, 3, 1]);
}

#[test]
fn the_tutorial_for_python_leads_from_an_empty_folder_to_live_messages() {
    follow("python.md", [7, 3, 1]);
}
