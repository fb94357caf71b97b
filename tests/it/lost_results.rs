//! Results that cannot be written, and readers that have gone away.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::harness::actions::only_adt;
use crate::harness::messages::adt;
use crate::harness::ports::free_port;
use crate::harness::program::{self, Ran};
use crate::harness::{Home, Workflow};

/// A home, with a workflow and a test case of it.
fn home() -> Home {
    let home = Home::new();
    let workflow = Workflow::new("One", "in").filter(only_adt()).build();
    home.workflow("one", &workflow);
    home.write("message.hl7", adt("A", "1001"));
    home.write("filter.json", r#"{"$type": "Filter", "Filters": []}"#);
    std::fs::create_dir_all(home.path("case/expected")).unwrap();
    home.write("case/message.hl7", adt("A", "1001"));
    home.write("case/case.toml", "workflow = \"../workflows/one.hl7Workflow\"\n");
    home.write("case/expected/result.toml", "outcome = \"accepted\"\n");
    let made = home.run(&["cert", "create", "one", "--host", "one.example"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    home
}

/// Commands that end well where their results are read. Some make something, so that each is
/// run once in a home.
const COMMANDS: &[&[&str]] = &[
    &["--help"],
    &["cert", "--help"],
    &["--version"],
    &["check", "--home", "."],
    &["check", "--home", ".", "--json"],
    &["plugin", "list", "--home", "."],
    &["plugin", "list", "--home", ".", "--json"],
    &["plugin", "inspect", "filter", "--home", "."],
    &["plugin", "inspect", "filter", "--home", ".", "--json"],
    &["plugin", "new", "acme-digits", "--kind", "transformer"],
    &[
        "plugin",
        "test",
        "filter",
        "--message",
        "message.hl7",
        "--settings",
        "filter.json",
        "--home",
        ".",
    ],
    &["cert", "list", "--home", "."],
    &["cert", "list", "--home", ".", "--json"],
    &["cert", "show", "one", "--home", "."],
    &["cert", "export", "one", "--home", "."],
    &["cert", "create", "two", "--host", "two.example", "--home", "."],
    &["cert", "bind", "8443", "one", "--home", "."],
    &["run", "workflows/one.hl7Workflow", "--message", "message.hl7", "--home", "."],
    &["run", "workflows/one.hl7Workflow", "--message", "message.hl7", "--home", ".", "--json"],
    &["test", "case"],
    &["test", "case", "--json"],
    &["init", "new"],
];

fn ran(home: &Home, arguments: &[&str], stdout: impl Into<Stdio>) -> Ran {
    let mut command = program::command(arguments);
    command.current_dir(home.root()).stdout(stdout);
    program::run_command(command)
}

/// Where nothing more fits.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn a_result_that_cannot_be_written_is_an_error_of_every_command() {
    let home = home();
    for arguments in COMMANDS {
        let ran = ran(&home, arguments, full());
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        let told = "error: the result cannot be written to standard output: No space left";
        assert_eq!(ran.stderr.matches(told).count(), 1, "{arguments:?}: {ran:?}");
    }
    // One that ends with 1 otherwise.
    let url = format!("http://127.0.0.1:{}/in", free_port());
    let sent = ran(&home, &["send", &url, "message.hl7"], full());
    assert_eq!(sent.code, Some(2), "{sent:?}");
    assert!(sent.stderr.contains("the result cannot be written"), "{sent:?}");
}

#[test]
fn a_reader_that_has_gone_away_is_no_fault() {
    let home = home();
    for arguments in COMMANDS {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = ran(&home, arguments, writer);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        assert!(!ran.stderr.contains("cannot be written"), "{arguments:?}: {ran:?}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let url = format!("http://127.0.0.1:{}/in", free_port());
    let sent = ran(&home, &["send", &url, "message.hl7"], writer);
    assert_eq!((sent.code, sent.stderr.as_str()), (Some(1), ""), "as with a reader: {sent:?}");
}

#[test]
fn a_home_on_a_full_disk_is_made_by_the_next_init() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let init = |limit: &str| {
        // A file over the limit is cut, as it is on a full disk.
        let script = format!("trap '' XFSZ; {limit} exec \"$0\" init \"$1\"");
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(program::path()).arg(&home).stdin(Stdio::null());
        command.env_remove("TUREEN_HOME");
        program::run_command(command)
    };
    let full = init("ulimit -f 1;");
    assert_eq!(full.code, Some(2), "{full:?}");
    assert!(full.stderr.contains("tureen.toml cannot be written"), "{full:?}");
    let left: Vec<_> = std::fs::read_dir(&home).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(left.iter().all(|path| path.is_dir()), "{left:?}");
    let made = init("");
    assert_eq!(made.code, Some(0), "{made:?}");
    for file in ["tureen.toml", "admissions.hl7Workflow", "certificate.pem"] {
        assert!(made.stdout.contains(file), "{file}: {made:?}");
    }
    let whole = std::fs::read_to_string(home.join("tureen.toml")).unwrap();
    assert!(whole.ends_with("directories = [{ path = \"out\", write = true }]\n"), "{whole}");
    let again = init("");
    assert!(again.stdout.contains("nothing was changed"), "{again:?}");
}
