//! What the command line adds to a home's configuration, and how files are read. What
//! a trial shows is tested end to end.

use std::path::Path;

use tureen_message::Format;

use super::candidate::Additions;
use super::given::{SettingsFile, format_of};
use crate::config::{FILE_NAME, ServerConfig};

fn config(text: &str) -> ServerConfig {
    ServerConfig::parse(Path::new(FILE_NAME), text).unwrap().0
}

fn added(home: &str, lines: &[&str]) -> Result<ServerConfig, String> {
    let mut additions = Additions::default();
    for line in lines {
        additions.line(line).map_err(|error| format!("{error:#}"))?;
    }
    additions.to(&config(home), "acme").map_err(|error| format!("{error:#}"))
}

#[test]
fn lists_grow_and_everything_else_is_replaced() {
    let home = "[plugins.acme]\nhost_calls = 7\nlog_lines = 5\ndirectories = [{ path = \"a\" }]\n\
        [globals]\nSite = \"s\"\n";
    let lines = ["host_calls = 9", "directories = [{ path = \"b\", write = true }]"];
    let expected = "[plugins.acme]\nhost_calls = 9\nlog_lines = 5\n\
        directories = [{ path = \"a\" }, { path = \"b\", write = true }]\n[globals]\nSite = \"s\"\n";
    assert_eq!(added(home, &lines), Ok(config(expected)));
    assert_eq!(added(home, &[]), Ok(config(home)));
    assert_eq!(added("", &["reuse = true"]), Ok(config("[plugins.acme]\nreuse = true\n")));
}

#[test]
fn what_tureen_toml_would_refuse_is_refused() {
    for (line, said) in [
        ("host_calls", "is no line of tureen.toml"),
        ("host_calls = 0", "[plugins.acme] is refused"),
        ("hostcalls = 7", "unknown key \"hostcalls\"; did you mean host_calls?"),
        ("memory_bytes = \"much\"", "[plugins.acme] is refused"),
        ("host_calls = 1\nhost_calls = 2", "is no line of tureen.toml"),
    ] {
        let error = added("", &[line]).unwrap_err();
        assert!(error.contains(said), "{line}: {error}");
    }
}

#[test]
fn a_key_is_given_once() {
    let error = added("", &["host_calls = 1", "reuse = true", "host_calls = 2"]).unwrap_err();
    assert!(error.contains("--set gives host_calls twice"), "{error}");
}

#[test]
fn a_message_s_type_is_told_by_its_name_else_by_its_content() {
    for (name, content, format) in [
        ("a.hl7", "", Format::Hl7),
        ("a.JSON", "MSH|^~\\&|A|B", Format::Json),
        ("a.csv", "a,b", Format::Csv),
        ("a.txt", "{}", Format::Text),
        ("a.dcm", "", Format::Dicom),
        ("-", "MSH|^~\\&|A|B", Format::Hl7),
        ("a", "{\"a\": 1}", Format::Json),
        ("a.message", "<a/>", Format::Xml),
        ("a", "words", Format::Text),
        ("a", "\0\u{1}", Format::Binary),
    ] {
        assert_eq!(format_of(Path::new(name), content.as_bytes()), format, "{name} {content}");
    }
}

#[test]
fn settings_are_one_object_as_a_workflow_hands_it_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.json");
    let read = |text: &str| {
        std::fs::write(&file, text).unwrap();
        SettingsFile::read(Some(&file)).map_err(|error| format!("{error:#}"))
    };
    let settings =
        read("{\"A\": 1, \"B\": null, \"A\": 2}").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.text(), "{\"A\":2}");
    assert!(settings.is_given());
    for (text, said) in
        [("[1]", "one JSON object"), ("{\"A\": }", "settings.json:1:"), ("", "are empty")]
    {
        let error = read(text).err().unwrap_or_default();
        assert!(error.contains(said), "{text}: {error}");
    }
    let none = SettingsFile::read(None).unwrap();
    assert_eq!(none.text(), "{}");
    assert!(!none.is_given());
}
