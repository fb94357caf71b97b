//! `tureen plugin new`: projects that build and pass their own tests with the commands
//! that are printed, from the program alone.

use std::fs;
use std::path::Path;

use crate::harness::program::{self, Ran};
use crate::harness::project::{PROJECT, Place, shell};

fn new(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = program::command(["plugin", "new"].iter().chain(arguments));
    command.current_dir(folder);
    program::run_command(command)
}

/// The lines of a section of what was printed: indented commands.
fn commands(said: &str, section: &str) -> Vec<String> {
    let lines = said.lines().skip_while(|line| *line != section).skip(1);
    lines.map_while(|line| line.strip_prefix("  ").map(str::to_owned)).collect()
}

/// Types commands in a shell, as an author does.
fn type_in(folder: &Path, commands: &[String]) -> Ran {
    let mut shell = shell(folder);
    shell.arg(commands.join("\n"));
    program::run_command(shell)
}

#[test]
fn a_project_of_each_kind_builds_and_passes_with_the_printed_commands() {
    let place = Place::take();
    // Names that are types of the language and of the SDK, too.
    for (kind, name, said) in [
        ("transformer", "result", "result: changed"),
        ("filter", "string", "result: pass"),
        ("activity", "message", "result: performed"),
    ] {
        place.clear();
        let made = new(place.folder(), &[name, "--kind", kind, "--directory", PROJECT]);
        assert_eq!(made.code, Some(0), "{made:?}");
        let next = commands(&made.stdout, "next:");
        assert!(next.len() >= 4 && next[0] == format!("cd {PROJECT}"), "{made:?}");
        let project = place.project();
        let readme = fs::read_to_string(project.join("README.md")).unwrap();
        for command in &next[1..] {
            assert!(readme.contains(command), "{command} is not in README.md");
        }
        place.share_builds();
        let before = fs::read(project.join("Cargo.lock")).unwrap();
        let ran = type_in(place.folder(), &next);
        assert_eq!(ran.code, Some(0), "{kind}: {ran:#?}");
        assert!(ran.stdout.contains("test result: ok. 3 passed"), "{kind}: {ran:#?}");
        assert!(ran.stdout.contains(said), "{kind}: {ran:#?}");
        assert!(!ran.stderr.contains("warning"), "{kind}: {ran:#?}");
        let after = fs::read(project.join("Cargo.lock")).unwrap();
        assert!(before == after, "{kind}: the lock file is complete as it was made");
        installs(&place, &made, name);
    }
}

/// The printed way into a home.
fn installs(place: &Place, made: &Ran, name: &str) {
    let install = commands(&made.stdout, "into a home, also while its server runs:");
    assert!(install.iter().any(|it| it.contains("HOME/plugins/")), "{made:?}");
    let home = place.folder().join("home");
    let home = home.to_str().unwrap();
    let initialised = program::run(["init", home]);
    assert_eq!(initialised.code, Some(0), "{initialised:?}");
    let install: Vec<String> = install.iter().map(|it| it.replace("HOME", "../home")).collect();
    let ran = type_in(&place.project(), &install);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let listed = program::run(["plugin", "list", "--home", home]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let is_listed = |line: &str| line.split(' ').next() == Some(name);
    assert!(listed.stdout.lines().any(is_listed), "{listed:?}");
}

#[test]
fn other_languages_make_their_projects_of_each_kind() {
    let place = Place::take();
    for language in ["javascript", "python"] {
        for (kind, said) in [("filter", "result: pass"), ("activity", "result: performed")] {
            // The tutorials make transformers.
            place.clear();
            let name = format!("acme-own-{kind}");
            let arguments = ["--kind", kind, "--lang", language, "--directory", PROJECT];
            let made = new(place.folder(), &[&[name.as_str()], &arguments[..]].concat());
            assert_eq!(made.code, Some(0), "{made:?}");
            let next = commands(&made.stdout, "next:");
            let ran = type_in(place.folder(), &next);
            assert_eq!(ran.code, Some(0), "{language} {kind}: {ran:#?}");
            assert!(ran.stdout.contains(said), "{language} {kind}: {ran:#?}");
        }
    }
}

#[test]
fn what_cannot_be_made_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("taken")).unwrap();
    fs::write(folder.path().join("taken/mine"), "mine").unwrap();
    for (arguments, said) in [
        (&["taken", "--kind", "filter"][..], "nothing was changed"),
        (&["other", "--kind", "filter", "--directory", "taken"], "nothing was changed"),
        (&["Acme", "--kind", "filter"], "lower-case words joined by dashes"),
        (&["file-writer", "--kind", "activity"], "is a standard plugin"),
        (&["match", "--kind", "filter"], "the word is reserved"),
        (&["acme-x", "--kind", "sender"], "[possible values: filter, transformer, activity]"),
        (&["acme-x", "--kind", "filter", "--lang", "cobol"], "[possible values: rust"),
        (&["acme-x"], "--kind"),
    ] {
        let ran = new(folder.path(), arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(left, [folder.path().join("taken")]);
    assert_eq!(fs::read_to_string(left[0].join("mine")).unwrap(), "mine");
}
