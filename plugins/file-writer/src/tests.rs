use super::*;
use serde_json::{Value as Json, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tureen_plugin_sdk::testkit::{Failure, OpenActivity, TestRun};

const ADT: &[u8] = b"MSH|^~\\&|A|B\rPID|1||77\r";

/// A directory that a test may write, and a file writer for paths in it.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.0.path().display())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names in a directory, sorted.
    fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(directory)).unwrap();
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> =
            entries.map(name).map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn settings(&self, path: &str, others: Json) -> TestRun {
        let mut settings = json!({ "FilePathToWrite": self.path(path) });
        for (name, value) in others.as_object().unwrap() {
            settings[name] = value.clone();
        }
        TestRun::new().settings(settings)
    }

    fn writer(&self, path: &str, others: Json) -> OpenActivity<FileWriter> {
        self.settings(path, others).open::<FileWriter>().unwrap()
    }
}

fn text(text: &str) -> TestRun {
    TestRun::new().message(Format::Text, text.as_bytes())
}

#[test]
fn text_is_appended_as_lines_and_directories_are_made() {
    let home = Home::new();
    let mut writer = home.writer("a/b/out.txt", json!({}));
    for line in ["one", "two"] {
        assert_eq!(writer.process(&text(line)).unwrap().response, None);
    }
    assert_eq!(home.read("a/b/out.txt"), "one\ntwo\n");
}

#[test]
fn hl7_ends_with_a_newline_only_where_a_file_holds_several_messages() {
    let home = Home::new();
    let run = TestRun::new().message(Format::Hl7, ADT);
    for (file, records, expected) in [("one", 1, ""), ("many", 2, "\n")] {
        let mut writer = home.writer(file, json!({ "MaxRecordsPerFile": records }));
        writer.process(&run).unwrap();
        assert_eq!(home.read(file), format!("{}{expected}", String::from_utf8_lossy(ADT)));
    }
}

#[test]
fn a_new_file_begins_with_the_header_once() {
    let home = Home::new();
    let options = json!({ "MessageTypeOptions": { "Header": "Id,Name", "HasHeader": false } });
    let csv = |row: &str| TestRun::new().message(Format::Csv, row.as_bytes());
    let mut writer = home.writer("out.csv", options.clone());
    writer.process(&csv("1,a")).unwrap();
    writer.process(&csv("2,b")).unwrap();
    home.writer("out.csv", options).process(&csv("3,c")).unwrap();
    assert_eq!(home.read("out.csv"), "Id,Name\n1,a\n2,b\n3,c\n");
}

#[test]
fn binary_is_decoded_and_replaces_the_file() {
    let home = Home::new();
    let mut writer = home.writer("out.pdf", json!({ "MessageType": 14 }));
    for (run, expected) in [
        (text("AAEC/w=="), &[0, 1, 2, 255][..]),
        (text(" cGRm\r\n"), b"pdf"),
        (TestRun::new().message(Format::Binary, b"raw"), b"raw"),
    ] {
        writer.process(&run).unwrap();
        assert_eq!(fs::read(home.path("out.pdf")).unwrap(), expected);
    }
    let failure = writer.process(&text("no base64!")).unwrap_err();
    assert!(matches!(failure, Failure::Step(StepError::Rejected(_))), "{failure}");
    assert_eq!(failure.code(), "file.base64");
    assert_eq!(home.read("out.pdf"), "raw");
}

#[test]
fn a_full_file_is_moved_under_a_name_of_its_own() {
    let home = Home::new();
    let mut writer = home.writer(
        "out.txt",
        json!({ "MaxRecordsPerFile": 2, "MoveIntoDirectoryOnComplete": true,
                "DirectoryToMoveInto": home.path("done.d/here.txt") }),
    );
    for line in ["1", "2", "3", "4", "5"] {
        writer.process(&text(line)).unwrap();
    }
    assert_eq!(home.read("out.txt"), "5\n");
    assert_eq!(home.names("done.d/here.txt"), ["out-1.txt", "out.txt"]);
    assert_eq!(home.read("done.d/here.txt/out.txt"), "1\n2\n");
    assert_eq!(home.read("done.d/here.txt/out-1.txt"), "3\n4\n");
    assert!(writer.close().is_empty());
    assert_eq!(home.read("done.d/here.txt/out-2.txt"), "5\n");
    assert!(!Path::new(&home.path("out.txt")).exists());
}

#[test]
fn a_file_is_moved_when_the_path_changes() {
    let home = Home::new();
    let mut writer = home.writer(
        "${Day}.txt",
        json!({ "MoveIntoDirectoryOnComplete": true,
                "DirectoryToMoveInto": home.path("done/${Ward}") }),
    );
    let on = |day: &str, ward: &str| text(day).variable("Day", day).variable("Ward", ward);
    writer.process(&on("mon", "n")).unwrap();
    writer.process(&on("mon", "n")).unwrap();
    writer.process(&on("tue", "s")).unwrap();
    assert_eq!(home.read("done/n/mon.txt"), "mon\nmon\n");
    assert_eq!(home.names("done"), ["n"]);
    writer.close();
    assert_eq!(home.read("done/s/tue.txt"), "tue\n");
}

#[test]
fn without_move_mode_nothing_is_moved() {
    let home = Home::new();
    let mut writer = home.writer("out.txt", json!({ "MaxRecordsPerFile": 1 }));
    for line in ["1", "2"] {
        writer.process(&text(line)).unwrap();
    }
    writer.close();
    assert_eq!(home.read("out.txt"), "1\n2\n");
}

#[test]
fn a_full_file_that_cannot_be_moved_is_told_and_kept() {
    let home = Home::new();
    fs::write(home.path("blocked"), "a file where a directory should be").unwrap();
    let mut writer = home.writer(
        "out.txt",
        json!({ "MaxRecordsPerFile": 1, "MoveIntoDirectoryOnComplete": true,
                "DirectoryToMoveInto": home.path("blocked") }),
    );
    let outcome = writer.process(&text("1")).unwrap().outcome;
    assert_eq!(outcome.log[0].level, Level::Warn);
    let told = &outcome.log[0].text;
    assert!(told.contains("DirectoryToMoveInto: a file stands where"), "{told}");
    assert!(told.ends_with(&format!("(at {})", home.path("blocked"))), "{told}");
    assert_eq!(home.read("out.txt"), "1\n");
    fs::remove_file(home.path("blocked")).unwrap();
    writer.process(&text("2")).unwrap();
    assert_eq!(home.read("blocked/out.txt"), "1\n2\n");
}

#[test]
fn a_value_that_makes_a_name_too_long_is_rejected_before_anything_is_written() {
    let home = Home::new();
    let mut writer = home.writer(
        "${Mrn}.txt",
        json!({ "MoveIntoDirectoryOnComplete": true, "MaxRecordsPerFile": 2,
                "DirectoryToMoveInto": home.path("done/${Ward}") }),
    );
    let on = |mrn: &str, ward: &str| text("x").variable("Mrn", mrn).variable("Ward", ward);
    writer.process(&on("1", "n")).unwrap();
    let long = "W".repeat(300);
    // With the extension 255 bytes, which leaves no room for a number.
    let full = "W".repeat(251);
    for (mrn, ward, setting) in [
        (long.as_str(), "n", "FilePathToWrite: "),
        (full.as_str(), "n", "FilePathToWrite: "),
        ("2", &long, "DirectoryToMoveInto: "),
    ] {
        let failure = writer.process(&on(mrn, ward)).unwrap_err();
        let Failure::Step(StepError::Rejected(problem)) = failure else { panic!("{failure}") };
        assert_eq!(problem.code, "file.path");
        assert!(problem.text.starts_with(setting), "{problem}");
        assert!(!problem.to_string().contains("WW"), "{problem}");
    }
    assert_eq!(home.names(""), ["1.txt"]);
    // The count of the file that is being filled goes on.
    writer.process(&on("1", "n")).unwrap();
    assert_eq!(home.read("done/n/1.txt"), "x\nx\n");
}

#[test]
fn a_file_that_cannot_be_moved_fails_no_message_to_another_one() {
    let home = Home::new();
    fs::write(home.path("blocked"), "").unwrap();
    let mut writer = home.writer(
        "${Mrn}.txt",
        json!({ "MoveIntoDirectoryOnComplete": true, "MaxRecordsPerFile": 2,
                "DirectoryToMoveInto": home.path("${Ward}") }),
    );
    let mut process = |mrn: &str, ward: &str| {
        let run = text(ward).variable("Mrn", mrn).variable("Ward", ward);
        writer.process(&run).unwrap().outcome.log
    };
    assert_eq!(process("1", "blocked"), []);
    let told = process("2", "done");
    assert_eq!((told.len(), told[0].level), (1, Level::Warn));
    assert!(told[0].text.contains("DirectoryToMoveInto: a file stands where"), "{}", told[0].text);
    assert!(!told[0].text.contains("blocked"), "{}", told[0].text);
    // Only once: it waits, and the others are written and moved.
    assert_eq!(process("3", "done"), []);
    assert_eq!(process("4", "blocked"), []);
    // Filled again, it is moved where its last message wants it.
    assert_eq!(process("1", "done").len(), 1, "the fourth one waits now");
    assert_eq!(home.names("done"), ["1.txt", "2.txt", "3.txt"]);
    assert_eq!(home.read("done/1.txt"), "blocked\ndone\n");
    fs::remove_file(home.path("blocked")).unwrap();
    assert!(writer.close().is_empty());
    assert_eq!(home.read("blocked/4.txt"), "blocked\n");
}

#[test]
fn a_file_that_cannot_be_moved_at_the_end_is_told() {
    let home = Home::new();
    fs::write(home.path("blocked"), "").unwrap();
    let mut writer = home.writer(
        "out.txt",
        json!({ "MoveIntoDirectoryOnComplete": true, "DirectoryToMoveInto": home.path("blocked") }),
    );
    writer.process(&text("1")).unwrap();
    let told = writer.close();
    assert_eq!((told.len(), told[0].level), (1, Level::Error));
    assert!(told[0].text.contains("moved by hand: DirectoryToMoveInto: "), "{}", told[0].text);
}

#[test]
fn a_path_that_is_too_long_without_values_is_not_the_fault_of_a_message() {
    let home = Home::new();
    let mut writer = home.writer(
        &format!("{}.txt", "n".repeat(248)),
        json!({ "MoveIntoDirectoryOnComplete": true, "DirectoryToMoveInto": "done" }),
    );
    let failure = writer.process(&text("x")).unwrap_err();
    assert!(matches!(&failure, Failure::Step(StepError::Failed(_))), "{failure}");
    let mut writer = home.writer(&"${Long}/".repeat(16), json!({}));
    let failure = writer.process(&text("x").variable("Long", &"n".repeat(255))).unwrap_err();
    let Failure::Step(StepError::Rejected(problem)) = failure else { panic!("{failure}") };
    assert!(problem.text.contains("makes a path of"), "{problem}");
    assert_eq!(home.names(""), [""; 0]);
}

#[test]
fn a_value_that_would_lead_elsewhere_is_rejected_without_being_told() {
    let home = Home::new();
    let mut writer = home.writer("in/${Name}.txt", json!({}));
    for name in ["../secret", "a/secret", "..", "/secret", "a\\secret", "secret\u{0}"] {
        let failure = writer.process(&text("x").variable("Name", name));
        match failure {
            Err(Failure::Step(StepError::Rejected(problem))) => {
                assert_eq!(problem.code, "file.path");
                assert!(!problem.to_string().contains("secret"), "{problem}");
            }
            // With the extension behind it, a name of dots is an ordinary one.
            other => assert!(name == ".." && other.is_ok(), "{name:?}: {other:?}"),
        }
    }
    assert_eq!(home.names(""), ["in"]);
    writer.process(&text("x").variable("Name", "77")).unwrap();
    assert_eq!(home.read("in/77.txt"), "x\n");
}

#[test]
fn directories_by_date_are_the_authors_own_separators() {
    let home = Home::new();
    let mut writer = home.writer("${CurrentDateTime:yyyy/MM}/x.txt", json!({}));
    writer.process(&text("x")).unwrap();
    assert_eq!(home.read("2026/01/x.txt"), "x\n");
}

#[test]
fn only_a_date_brings_the_separators_of_its_format() {
    for (path, value, expected) in [
        ("d/${V:yyyy/MM/dd}.txt", "19700102", Some("d/1970/01/02.txt")),
        ("d/${V:yyyy/MM/dd}.txt", "1970-01-02T03:04:05Z", Some("d/1970/01/02.txt")),
        ("d/${V:yyyy/MM/dd}.txt", "none", Some("d/none.txt")),
        ("d/${V:yyyy/MM/dd}.txt", "evil/dir", None),
        ("d/${V:yyyy/MM/dd}.txt", "1970/01/02", None),
        ("d/${V:yyyy/MM/dd}.txt", "${V:yyyy/MM/dd}", None),
        ("${V:yyyy/MM}/x.txt", "a/b", None),
        ("${V:yyyy/MMM:UpperCase}/${V}.txt", "19700102", Some("1970/JAN/19700102.txt")),
        ("${V:yyyy/MM:Replace(0,/)}/x.txt", "19700102", None),
        ("d/${V:Replace(-,/)}.txt", "a/b", None),
        ("d/${V:Replace(-,/)}.txt", "a-b", None),
        ("d/${V:Replace(-,/)}.txt", "1970-01-02", None),
        ("d/${V:Replace(/,-)}.txt", "a/b", Some("d/a-b.txt")),
        ("d/${V:yyyy/MM:Replace(/,-)}.txt", "a/b", Some("d/a-b.txt")),
    ] {
        let home = Home::new();
        let done = home.writer(path, json!({})).process(&text("x").variable("V", value));
        let what = format!("{path} with {value}: {done:?}");
        match expected {
            Some(file) => assert!(done.is_ok() && home.read(file) == "x\n", "{what}"),
            None => {
                assert!(matches!(done, Err(Failure::Step(StepError::Rejected(_)))), "{what}");
                assert_eq!(done.unwrap_err().code(), "file.path", "{what}");
                assert!(home.names("").is_empty(), "{what}");
            }
        }
    }
}

#[test]
fn settings_that_cannot_work_are_findings() {
    for (settings, expected) in [
        (json!({}), "file.path /FilePathToWrite"),
        (json!({ "FilePathToWrite": "C:\\Out\\x.csv" }), "file.path /FilePathToWrite"),
        (
            json!({ "FilePathToWrite": "x", "MoveIntoDirectoryOnComplete": true }),
            "file.path /DirectoryToMoveInto",
        ),
        (
            json!({ "FilePathToWrite": "x", "MoveIntoDirectoryOnComplete": true,
                    "DirectoryToMoveInto": "y", "MaxRecordsPerFile": 0 }),
            "file.records /MaxRecordsPerFile",
        ),
        (
            json!({ "FilePathToWrite": "x", "MessageTypeOptions": { "Header": [] } }),
            "settings.type /MessageTypeOptions/Header",
        ),
    ] {
        let run = TestRun::new().settings(settings.clone());
        let findings = run.configure::<FileWriter>("activity").findings;
        let problem = &findings.iter().next().unwrap().problem;
        let found = format!("{} {}", problem.code, problem.place.as_deref().unwrap_or_default());
        assert_eq!(found, expected, "{settings}");
    }
}

#[test]
fn what_will_not_work_later_either_is_failed_at_the_authored_path() {
    let home = Home::new();
    fs::write(home.path("file"), "").unwrap();
    let mut writer = home.writer("file/${Name}", json!({}));
    let failure = writer.process(&text("x").variable("Name", "Ekholm")).unwrap_err();
    let Failure::Step(StepError::Failed(problem)) = failure else { panic!("{failure}") };
    assert_eq!(problem.code, "file.io");
    assert_eq!(problem.place, Some(home.path("file/${Name}")));
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    for (settings, expected) in [
        (json!({}), None),
        (json!({ "MaxRecordsPerFile": 1 }), None),
        (json!({ "MaxRecordsPerFile": 5000 }), None),
        (json!({ "MaxRecordsPerFile": 100 }), Some("file.records")),
        (
            json!({ "MessageType": 14, "MoveIntoDirectoryOnComplete": true,
                    "DirectoryToMoveInto": "done" }),
            Some("file.records"),
        ),
    ] {
        let home = Home::new();
        let configured = home.settings("x", settings.clone()).configure::<FileWriter>("activity");
        let found: Vec<_> = configured.findings.iter().collect();
        let codes: Vec<_> = found.iter().map(|it| it.problem.code.as_str()).collect();
        assert_eq!(codes, Vec::from_iter(expected), "{settings}");
        let warning = tureen_plugin_sdk::Severity::Warning;
        assert!(found.iter().all(|it| it.severity == warning), "{settings}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_error_that_may_pass_is_waited_for_once_and_told_by_its_own_name() {
    let started = Instant::now();
    let run = TestRun::new().settings(json!({ "FilePathToWrite": "/dev/full" }));
    let failure = run.open::<FileWriter>().unwrap().process(&text("x")).unwrap_err();
    let Failure::Step(StepError::Retryable { problem, .. }) = failure else { panic!("{failure}") };
    assert_eq!(problem.code, "file.io");
    assert!(problem.text.contains("no space is left on the device"), "{problem}");
    // A device cannot be cut back: half a record may be there, so there is no second attempt.
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}
