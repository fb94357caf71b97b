//! The file writer stays in what it is granted, whatever a message says; and
//! every row of its table in the contract (5.4).

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::harness::actions::set_variable;
use crate::harness::messages::adt;
use crate::harness::wait::wait_until_equal;
use crate::harness::workflow::received;
use crate::harness::{Activity, Home, Workflow};

/// Writes the message to a path that holds the patient id.
fn by_patient(path: &str) -> serde_json::Value {
    Workflow::new("Writer", "in")
        .variables(vec![set_variable("Mrn", "PID-3.1")])
        .activity(Activity::file("Archive", path).template(&received()))
        .build()
}

#[test]
fn a_value_may_name_a_file_but_never_a_directory() {
    let home = Home::new();
    home.workflow("one", &by_patient("${Mrn}.hl7"));
    let server = home.serve();
    let mut http = server.http1();
    for value in
        ["../escape", "/etc/escape", "a/b", "..", "a\\T\\b/../../x", ".\\E\\escape", "x\\X00\\y"]
    {
        let answer = http.post("/in", adt("E1", value));
        assert!(matches!(answer.msa(1).as_str(), "AA" | "AE" | "AR"), "{value}: {answer:?}");
        let outside: Vec<String> =
            home.written().into_iter().filter(|name| !name.starts_with("out/")).collect();
        assert_eq!(outside, Vec::<String>::new(), "{value}");
        assert!(
            !home.written().iter().any(|name| name[4..].contains('/')),
            "{value}: a folder was made"
        );
    }
    assert_eq!(http.post("/in", adt("E2", "..%2fescape")).msa(1), "AA");
    assert!(
        home.read("out/..%2fescape.hl7").is_some(),
        "an odd name is a name: {:?}",
        home.written()
    );
    assert!(!home.root().parent().unwrap().join("escape.hl7").exists());
    server.stop();
}

#[test]
fn a_format_makes_directories_of_a_date_and_of_nothing_else() {
    let home = Home::new();
    let paths = ["day/${Mrn:yyyy/MM/dd}.hl7", "in/${Mrn:Replace(-,/)}.hl7"];
    for (number, path) in paths.iter().enumerate() {
        let workflow = Workflow::new(&format!("Writer {number}"), &format!("w{number}"))
            .variables(vec![set_variable("Mrn", "PID-3.1")])
            .activity(Activity::file("Archive", path).template(&received()));
        home.workflow(&format!("w{number}"), &workflow.build());
    }
    let server = home.serve();
    let mut http = server.http1();
    for (service, value, expected) in [
        ("/w0", "19700102", "AA"),
        ("/w0", "77", "AA"),
        ("/w0", "evil/dir", "AR"),
        ("/w0", "a/b/c", "AR"),
        ("/w1", "a/b", "AR"),
        ("/w1", "a-b", "AR"),
        ("/w1", "77", "AA"),
    ] {
        let answer = http.post(service, adt("E1", value));
        assert_eq!(answer.msa(1), expected, "{service} {value}: {answer:?}");
    }
    assert_eq!(home.written(), ["out/day/1970/01/02.hl7", "out/day/77.hl7", "out/in/77.hl7"]);
    drop(http);
    let log = server.stop();
    assert!(log.matches("file.path").count() >= 4, "{log}");
}

#[test]
fn an_authored_path_that_leads_out_is_refused_before_the_start() {
    for path in ["../escape.hl7", "a/../../escape.hl7", "C:\\out\\x.hl7", "\\\\server\\share\\x"] {
        let home = Home::new();
        home.workflow("one", &by_patient(path));
        let ran = home.run(&["check", "--json"]);
        assert_eq!(ran.code, Some(1), "{path}: {ran:?}");
        assert!(ran.stdout.contains("FilePathToWrite"), "{path}: {ran:?}");
    }
}

#[test]
fn an_absolute_path_that_is_not_granted_fails_instead_of_landing_elsewhere() {
    let outside = tempfile::tempdir().unwrap();
    let absolute = outside.path().join("absolute.hl7");
    let home = Home::new();
    let activity = Activity::file("Archive", absolute.to_str().unwrap()).template(&received());
    home.workflow("one", &Workflow::new("Writer", "in").activity(activity).build());
    let server = home.serve();
    let answer = server.http1().post("/in", adt("A1", "1"));
    assert!(!absolute.exists());
    assert_eq!(home.written(), Vec::<String>::new(), "{answer:?}");
    assert_eq!(answer.msa(1), "AE", "{answer:?}");
    server.stop();
}

#[test]
fn an_absolute_path_that_is_granted_is_written() {
    let home = Home::new();
    let absolute = home.path("out/absolute.hl7");
    let activity = Activity::file("Archive", absolute.to_str().unwrap()).template(&received());
    home.workflow("one", &Workflow::new("Writer", "in").activity(activity).build());
    let server = home.serve();
    assert_eq!(server.http1().post("/in", adt("A1", "1")).msa(1), "AA");
    assert_eq!(home.written(), ["out/absolute.hl7"]);
    server.stop();
}

#[test]
fn links_that_lead_out_of_the_grant_write_nothing() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target.hl7");
    fs::write(&target, "untouched").unwrap();
    let home = Home::new();
    symlink(outside.path(), home.path("out/folder")).unwrap();
    symlink(&target, home.path("out/file.hl7")).unwrap();
    symlink(outside.path().join("new.hl7"), home.path("out/new.hl7")).unwrap();
    let paths = ["folder/x.hl7", "file.hl7", "new.hl7"];
    for (number, path) in paths.iter().enumerate() {
        let workflow = Workflow::new(&format!("Writer {number}"), &format!("w{number}"));
        let activity = Activity::file("Archive", path).template(&received());
        home.workflow(&format!("w{number}"), &workflow.activity(activity).build());
    }
    let server = home.serve();
    for (number, path) in paths.iter().enumerate() {
        let answer = server.http1().post(&format!("/w{number}"), adt("L1", "1"));
        assert_eq!(answer.msa(1), "AE", "{path}: {answer:?}");
        assert!(answer.text().contains("file-writer"), "{path}: {answer:?}");
    }
    let names: Vec<_> =
        fs::read_dir(outside.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["target.hl7"], "nothing came into being outside");
    assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
    server.stop();
}

#[test]
fn a_directory_that_may_only_be_read_is_not_written() {
    let home = Home::with("[plugins.file-writer]\ndirectories = [{ path = \"out\" }]\n");
    home.workflow("one", &by_patient("x.hl7"));
    let server = home.serve();
    if let Some(address) = server.addresses().values().next() {
        let answer = server.http1().post(&address.path, adt("R1", "1"));
        assert_eq!(answer.msa(1), "AE", "{answer:?}");
    }
    assert_eq!(home.written(), Vec::<String>::new());
    server.stop();
}

#[test]
fn full_files_are_moved_away_and_the_last_one_at_the_end() {
    let home = Home::new();
    let activity = Activity::file("Archive", "current.hl7")
        .template(&received())
        .with("MaxRecordsPerFile", 2)
        .with("MoveIntoDirectoryOnComplete", true)
        .with("DirectoryToMoveInto", "done");
    home.workflow("one", &Workflow::new("Mover", "in").activity(activity).build());
    let server = home.serve();
    let mut http = server.http1();
    for number in 1..=3 {
        assert_eq!(http.post("/in", adt(&format!("M{number}"), "1")).msa(1), "AA");
    }
    assert_eq!(home.written(), ["out/current.hl7", "out/done/current.hl7"]);
    drop(http);
    server.stop();
    assert_eq!(home.written(), ["out/done/current-1.hl7", "out/done/current.hl7"]);
    assert!(home.read("out/done/current-1.hl7").unwrap().contains("M3"));
}

#[test]
fn many_clients_append_whole_records() {
    let home = Home::new();
    let text = Activity::file("Lines", "lines.txt")
        .with("MessageType", 13)
        .with("MessageTypeOptions", json!({ "Header": "id" }))
        .template("${Mrn}-${Mrn}-${Mrn}");
    let workflow =
        Workflow::new("Lines", "in").variables(vec![set_variable("Mrn", "PID-3.1")]).activity(text);
    home.workflow("one", &workflow.build());
    let server = home.serve();
    std::thread::scope(|scope| {
        for client in 0..8 {
            let mut http = server.http1();
            scope.spawn(move || {
                for number in 0..50 {
                    let answer = http.post("/in", adt("A", &format!("{client}x{number}")));
                    assert_eq!(answer.msa(1), "AA");
                }
            });
        }
    });
    server.stop();
    let lines = home.read("out/lines.txt").unwrap();
    let mut lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.remove(0), "id");
    lines.sort_unstable();
    let mut expected: Vec<String> = (0..8)
        .flat_map(|client| (0..50).map(move |number| format!("{client}x{number}")))
        .map(|id| format!("{id}-{id}-{id}"))
        .collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

/// A home whose workflow writes with these settings.
fn writing(workflow: Workflow, activity: Activity) -> Home {
    let home = Home::new();
    home.workflow("one", &workflow.activity(activity).build());
    home
}

#[test]
fn binary_and_dicom_replace_the_file_and_text_is_appended() {
    let binary = Activity::file("Keep", "kept.bin").with("MessageType", 14).template("${Data}");
    let workflow = Workflow::new("Writer", "in").variables(vec![set_variable("Data", "PID-3.1")]);
    let home = writing(workflow, binary);
    let server = home.serve();
    let mut http = server.http1();
    for (id, base64, expected) in [("B1", "AAEC/w==", &[0, 1, 2, 255][..]), ("B2", "cGRm", b"pdf")]
    {
        assert_eq!(http.post("/in", adt(id, base64)).msa(1), "AA");
        assert_eq!(fs::read(home.path("out/kept.bin")).unwrap(), expected, "{id}");
    }
    drop(http);
    server.stop();
}

#[test]
fn hl7_ends_with_a_newline_only_where_a_file_holds_several_and_text_always() {
    for (message_type, records, expected) in
        [(1, 1, "\r"), (1, 2, "\r\n"), (13, 1, "\r\n"), (13, 5000, "\r\n")]
    {
        let activity = Activity::file("Keep", "kept")
            .with("MessageType", message_type)
            .with("MaxRecordsPerFile", records)
            .template(&received());
        let home = writing(Workflow::new("Writer", "in"), activity);
        let server = home.serve();
        assert_eq!(server.http1().post("/in", adt("N1", "1")).msa(1), "AA");
        server.stop();
        let expected = format!("{}{expected}", adt("N1", "1").trim_end());
        assert_eq!(home.read("out/kept").unwrap(), expected, "{message_type} {records}");
    }
}

#[test]
fn a_file_is_moved_when_the_path_changes_and_a_header_begins_each_file() {
    let activity = Activity::file("Keep", "${Mrn}.csv")
        .with("MessageType", 5)
        .with("MessageTypeOptions", json!({ "Header": "id,name", "HasHeader": false }))
        .with("MoveIntoDirectoryOnComplete", true)
        .with("DirectoryToMoveInto", "done.d/${Mrn}.csv")
        .template("${Mrn},x");
    let workflow = Workflow::new("Writer", "in").variables(vec![set_variable("Mrn", "PID-3.1")]);
    let home = writing(workflow, activity);
    let server = home.serve();
    let mut http = server.http1();
    for (id, patient) in [("C1", "a"), ("C2", "a"), ("C3", "b"), ("C4", "a")] {
        assert_eq!(http.post("/in", adt(id, patient)).msa(1), "AA", "{id}");
    }
    assert_eq!(
        home.written(),
        ["out/a.csv", "out/done.d/a.csv/a.csv", "out/done.d/b.csv/b.csv"],
        "a target like a file is a directory"
    );
    assert_eq!(home.read("out/done.d/a.csv/a.csv").unwrap(), "id,name\na,x\na,x\n");
    drop(http);
    server.stop();
    assert_eq!(home.read("out/done.d/a.csv/a-1.csv").unwrap(), "id,name\na,x\n", "unique");
}

#[test]
fn a_file_is_moved_when_its_workflow_is_replaced() {
    let keeping = |name: &str| {
        Workflow::new("Writer", "in")
            .activity(
                Activity::file(name, "kept.hl7")
                    .with("MoveIntoDirectoryOnComplete", true)
                    .with("DirectoryToMoveInto", "done")
                    .template(&received()),
            )
            .build()
    };
    let home = Home::new();
    home.workflow("one", &keeping("Old"));
    let server = home.serve();
    assert_eq!(server.http1().post("/in", adt("R1", "1")).msa(1), "AA");
    home.replace("workflows/one.hl7Workflow", format!("{:#}\n", keeping("New")));
    wait_until_equal("the file to be moved", &true, || {
        home.read("out/done/kept.hl7").is_some_and(|text| text.contains("R1"))
    });
    assert_eq!(server.http1().post("/in", adt("R2", "1")).msa(1), "AA");
    server.stop();
    assert!(home.read("out/done/kept-1.hl7").unwrap().contains("R2"));
}

#[test]
fn a_directory_that_cannot_be_made_fails_the_message_and_the_next_one_works_again() {
    let activity = Activity::file("Keep", "folder/kept.hl7").template(&received());
    let home = writing(Workflow::new("Writer", "in"), activity);
    home.write("out/folder", "a file where a folder should be");
    let server = home.serve();
    let mut http = server.http1();
    let answer = http.post("/in", adt("F1", "Ekholm"));
    assert_eq!(answer.msa(1), "AE", "{answer:?}");
    assert!(answer.text().contains("file.io"), "{answer:?}");
    fs::remove_file(home.path("out/folder")).unwrap();
    assert_eq!(http.post("/in", adt("F2", "1")).msa(1), "AA");
    assert!(home.read("out/folder/kept.hl7").unwrap().contains("F2"));
    drop(http);
    server.stop();
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_as_such() {
    // Whatever is written to this device, there is no space for it.
    let home =
        Home::with("[plugins.file-writer]\ndirectories = [{ path = \"/dev\", write = true }]\n");
    for (name, message_type) in [("appended", 13), ("whole", 14)] {
        let activity = Activity::file("Keep", "/dev/full").with("MessageType", message_type);
        let workflow = Workflow::new(name, name).activity(activity.template("AAEC"));
        home.workflow(name, &workflow.build());
    }
    let server = home.serve();
    let mut http = server.http1();
    for path in ["/appended", "/whole"] {
        let answer = http.post(path, adt("F1", "1"));
        assert_eq!(answer.msa(1), "AE", "{path}: {answer:?}");
        assert!(answer.text().contains("file.io"), "{path}: {answer:?}");
    }
    drop(http);
    let log = server.stop();
    let told = "the file could not be written: no space is left on the device";
    assert!(log.matches(told).count() >= 2, "{log}");
}
