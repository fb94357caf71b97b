//! The program as a process: what it prints about itself, and a new home.
//!
//! Its being here makes cargo build the program for a plain `cargo test`; the
//! tests of the whole product start that program.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test did not expect ends it")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn tureen(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tureen"));
    command.args(arguments).env_remove("TUREEN_HOME").env_remove("RUST_LOG");
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_help_names_every_command_and_where_to_start() {
    let output = tureen(&["--help"]);
    assert!(output.status.success());
    let help = stdout(&output);
    for word in ["init", "serve", "check", "run", "plugin", "Start here"] {
        assert!(help.contains(word), "{word} is not in:\n{help}");
    }
    let version = stdout(&tureen(&["--version"]));
    assert_eq!(version.trim(), concat!("tureen ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_unknown_command_ends_with_2_and_says_so() {
    let output = tureen(&["searve"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("searve"));
}

#[test]
fn a_new_home_is_without_a_fault() {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("a-new-home");
    if home.exists() {
        fs::remove_dir_all(&home).unwrap();
    }
    let home = home.to_str().unwrap();
    let made = tureen(&["init", home]);
    assert!(made.status.success(), "{made:?}");
    let checked = tureen(&["check", "--home", home, "--json"]);
    let report = stdout(&checked);
    assert!(checked.status.success(), "{report}");
    assert!(report.contains(r#""errors":0"#), "{report}");
    fs::remove_dir_all(home).unwrap();
}
