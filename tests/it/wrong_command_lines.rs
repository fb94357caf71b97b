//! Command lines and keys of `tureen.toml` that cannot be meant: each is told with what is
//! wrong, where, and what to do; nothing is made, and no secret is repeated.

use std::fs::{self, File};

use crate::harness::guests::{CORE_MODULE, guest};
use crate::harness::messages::adt;
use crate::harness::program::{self, Ran};
use crate::harness::{Home, Workflow};

/// One byte more than is read of a plugin's file.
const TOO_LARGE: u64 = (64 << 20) + 1;

/// Ends with the code, and says all of this on standard error.
fn assert_told(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for words in words {
        assert!(ran.stderr.contains(words), "{words:?} is not in {ran:?}");
    }
}

#[test]
fn a_project_is_made_nowhere_where_something_is() {
    let home = Home::new();
    let at = |name: &str| home.path(name).to_str().unwrap().to_owned();
    home.write("file", "mine");
    let new = |name: &str, directory: &str| {
        program::run(["plugin", "new", name, "--kind", "filter", "--directory", directory])
    };
    let folder = at("out");
    assert_told(
        &new("acme", &folder),
        2,
        &[
            &format!("the folder {folder} cannot be made: File exists"),
            "; nothing was changed\n  help: name another folder with --directory, or another plugin",
        ],
    );
    assert_told(&new("acme", &at("file")), 2, &["File exists", "nothing was changed"]);
    assert_told(
        &new("acme", &at("file/in/it")),
        2,
        &["/file/in/it cannot be made: Not a directory"],
    );
    assert_told(
        &new("Acme", &at("new")),
        2,
        &["'A' is in it", "lower-case words joined by dashes"],
    );
    assert_eq!(home.read("file").unwrap(), "mine");
    assert!(!home.path("new").exists() && fs::read_dir(home.path("out")).unwrap().next().is_none());
}

#[test]
fn a_plugin_that_is_none_is_told_by_its_name_with_what_is_there() {
    let home = Home::new();
    let whole = guest("marker");
    home.write("core.wasm", CORE_MODULE);
    home.write("cut.wasm", &whole[..whole.len() / 2]);
    home.write("empty.wasm", "");
    File::create(home.path("large.wasm")).unwrap().set_len(TOO_LARGE).unwrap();
    home.write("a.hl7", adt("1", "1"));
    let message = home.path("a.hl7");
    for (name, words) in [
        ("core.wasm", &["core.wasm is no plugin that can run here: it is a core module"][..]),
        ("cut.wasm", &["cut.wasm is no plugin that can run here: ", "unexpected end-of-file"]),
        ("empty.wasm", &["empty.wasm is no plugin that can run here: it is empty"]),
        ("large.wasm", &["large.wasm cannot be read: it has 67108865 bytes, at most 67108864"]),
        (
            "out",
            &["out\" is a directory, and no installed plugin", "help: name the .wasm file in it"],
        ),
        (
            "none.wasm",
            &["no plugin and no file is called ", "installed: deidentify, ", "\n  help: "],
        ),
    ] {
        let path = home.path(name);
        let path = path.to_str().unwrap();
        assert_told(&home.run(&["plugin", "inspect", path]), 2, words);
        let message = message.to_str().unwrap();
        assert_told(&home.run(&["plugin", "test", path, "--message", message]), 2, words);
    }
}

#[test]
fn a_plugin_that_the_home_does_not_take_can_still_be_looked_at_by_name() {
    let home = Home::and(&format!("[plugins.marker]\nsha256 = \"{}\"\n", "0".repeat(64)));
    home.plugin("marker", guest("marker"));
    let ran = home.run(&["plugin", "inspect", "marker"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for words in ["NOT TRUSTED: another digest is pinned", "not taken: the file is in the home's"] {
        assert!(ran.stdout.contains(words), "{words}: {ran:?}");
    }
    assert!(!ran.stdout.contains("not installed: copy"), "{ran:?}");
}

#[test]
fn a_home_that_is_not_there_is_not_taken_for_none() {
    let home = Home::new();
    let (nowhere, workflow) = (home.path("nowhere"), home.path("none.hl7Workflow"));
    let (nowhere, workflow) = (nowhere.to_str().unwrap(), workflow.to_str().unwrap());
    for command in [
        &["plugin", "list"][..],
        &["plugin", "inspect", "filter"],
        &["check"],
        &["check", workflow],
        &["serve"],
        &["run", workflow, "--message", "-"],
    ] {
        let ran = program::run(command.iter().chain(&["--home", nowhere]));
        let said = format!("there is no home at {nowhere}\n  help: make one with `tureen init ");
        assert_told(&ran, 2, &[&said]);
    }
    assert!(!home.path("nowhere").exists());
}

#[test]
fn a_message_is_not_read_beyond_what_a_server_takes() {
    let home = Home::and("[limits]\nbody_bytes = 4000\n");
    home.workflow("one", &Workflow::new("One", "in").build());
    home.write("long.hl7", "x".repeat(4001));
    let (message, workflow) = (home.path("long.hl7"), home.path("workflows/one.hl7Workflow"));
    let (message, workflow) = (message.to_str().unwrap(), workflow.to_str().unwrap());
    for command in [
        &["run", workflow, "--message", message][..],
        &["plugin", "test", "filter", "--message", message],
    ] {
        assert_told(&home.run(command), 2, &["long.hl7 is too long: at most 4000 bytes are read"]);
    }
}

#[test]
fn a_misspelt_key_comes_with_the_one_that_was_meant() {
    for (further, words) in [
        (
            "[faults]\nconsecutve = 3\n",
            &[
                "unknown key \"consecutve\"; did you mean consecutive?\n  expected  one of on, consecutive, ratio_percent,",
            ][..],
        ),
        ("[fault]\n", &["unknown key \"fault\"; did you mean faults?"]),
        ("[faults]\nconsecutive = -3\n", &["expected a number from 1 to 1000000, found -3"]),
        (
            "[faults]\nconsecutive = \"3\"\n",
            &["string \"3\", expected a whole number from 1 to 1000000"],
        ),
        (
            "[outbound]\nkept_second = 3\n",
            &["unknown key \"kept_second\"; did you mean kept_seconds?"],
        ),
        ("[plugins.a]\nhttp = \"https://b\"\n", &["expected a list, in brackets"]),
        ("[plugins.a]\ndirectories = [\"out\"]\n", &["expected a table such as { path = \"out\""]),
        (
            "[log]\nlevel = \"loud\"\n",
            &["log.level: expected off, error, warn, info, debug or trace"],
        ),
    ] {
        let home = Home::with(further);
        for command in ["check", "serve"] {
            let ran = home.run(&[command]);
            assert_told(&ran, 2, words);
            assert_told(&ran, 2, &["tureen.toml"]);
        }
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated_neither_at_start_nor_at_a_reload() {
    let wrong = "[secrets]\nlab = \"sesame\"\n";
    let home = Home::with(wrong);
    let ran = home.run(&["check"]);
    assert_told(&ran, 2, &["tureen.toml:", "a table that says where the secret is"]);
    assert!(!ran.said().contains("sesame"), "{ran:?}");

    let home = Home::new();
    home.workflow("one", &Workflow::new("One", "in").build());
    let server = home.serve();
    let right = home.read("tureen.toml").unwrap();
    home.replace("tureen.toml", format!("{right}\n{wrong}"));
    server.wait_for_log("a table that says where the secret is");
    let log = server.stop();
    assert!(!log.contains("sesame"), "{log}");
}

#[test]
fn what_grants_name_and_is_not_there_is_told_to_the_operator() {
    let home = Home::with(
        "[plugins.file-writer]\ndirectories = [{ path = \"nowhere\", write = true }]\n\
         [plugins.filtr]\nreuse = true\n\
         [plugins.filter]\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\n\
         tables = [\"wards\"]\n",
    );
    home.workflow("one", &Workflow::new("One", "in").archive("kept.hl7").build());
    let ran = home.run(&["check"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for words in [
        "error[WF122]: plugin file-writer: the granted directory ",
        "/nowhere cannot be opened: No such file or directory",
        "help      make the directory, or correct directories in [plugins.file-writer] of tureen.toml",
        "warning[WF123]: plugins.filtr: no plugin with the name \"filtr\" is installed",
        "help      did you mean filter?",
        "warning[WF123]: plugins.filter: sha256 has no effect: the plugin is part of the program",
        "warning[WF123]: plugins.filter: there is no table \"wards\"",
        // The fourth is of the port, which the system chooses in tests.
        "1 workflow file(s) checked: 1 error(s), 4 warning(s)",
    ] {
        assert!(ran.stdout.contains(words), "{words:?} is not in {ran:?}");
    }
}
