//! `tureen test`: cases kept beside workflows.

/// The examples in `examples/`, against what the format's vendor says of its own.
mod examples;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::actions::{equals, only_adt, set_variable, set_variable_to};
use crate::harness::home::workflow_text;
use crate::harness::messages::{adt, oru};
use crate::harness::program::{self, Ran};
use crate::harness::workflow::{activity_id, received};
use crate::harness::{Activity, Home, Workflow};

/// A folder with cases of one workflow.
struct Cases {
    home: Home,
}

impl Cases {
    fn of(workflow: &Workflow) -> Self {
        let cases = Self { home: Home::with("") };
        cases.write("one.hl7Workflow", workflow_text(&workflow.clone().build()));
        cases
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.home.path("cases").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn read(&self, name: &str) -> Option<String> {
        self.home.read(&format!("cases/{name}"))
    }

    fn run(&self, further: &[&str]) -> Ran {
        let folder = self.home.path("cases");
        program::run(["test", folder.to_str().unwrap()].into_iter().chain(further.iter().copied()))
    }

    /// The one case's entry in the JSON report.
    fn only(&self) -> Value {
        let report = self.run(&["--json"]).json();
        assert_eq!(report["cases"].as_array().unwrap().len(), 1, "{report:#}");
        report["cases"][0].clone()
    }
}

/// Keeps admissions in a file that is named after the day.
fn keeping() -> Workflow {
    let template = "MSH|^~\\&|T|U|||${CurrentDateTime}||ADT^A01|${WorkflowInstanceId}|P|2.5\r\
                    ZZZ|${UUID}|${UUID}|${Mrn}\r";
    Workflow::new("Keeping", "in")
        .filter(only_adt())
        .variables(vec![set_variable("Mrn", "PID-3.1")])
        .activity(Activity::file("Keep all", "${CurrentDateTime:yyyy}/kept.hl7").template(template))
}

#[test]
fn a_case_is_written_on_request_and_passes_from_then_on() {
    let cases = Cases::of(&keeping());
    cases.write("a01/message.hl7", adt("T1", "1001"));
    let refused = cases.run(&[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stdout.contains("nothing is expected"), "{refused:?}");
    assert_eq!(cases.read("a01/expected/result.toml"), None, "never without being asked");

    let updated = cases.run(&["--update"]);
    assert_eq!(updated.code, Some(0), "{updated:?}");
    let message = "MSH|^~\\&|T|U|||20260102030405||ADT^A01|1|P|2.5\n\
                   ZZZ|00000000-0000-8000-8000-000000000001|00000000-0000-8000-8000-000000000002|1001\n";
    assert_eq!(cases.read("a01/expected/activities/1-keep-all.hl7").as_deref(), Some(message));
    let written = cases.read("a01/expected/files/2026/kept.hl7").unwrap();
    assert_eq!(written, format!("{}\n", message.replace('\n', "\r")));
    assert!(cases.read("a01/expected/response.hl7").unwrap().contains("MSA|AA|T1"));
    let result = cases.read("a01/expected/result.toml").unwrap();
    for line in [
        "outcome = \"accepted\"",
        "status = 200",
        "files = [\"2026/kept.hl7\"]",
        "activities = [\"Keep all: performed\"]",
        "Mrn = \"1001\"",
    ] {
        assert!(result.contains(line), "{line}: {result}");
    }
    let first = cases.run(&[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stdout.contains("1 case(s): 1 passed"), "{first:?}");
    assert_eq!(cases.run(&[]).stdout, first.stdout, "the second run gives the same");
    assert_eq!(
        cases.home.written(),
        vec![
            "cases/a01/expected/activities/1-keep-all.hl7",
            "cases/a01/expected/files/2026/kept.hl7",
            "cases/a01/expected/response.hl7",
            "cases/a01/expected/result.toml",
            "cases/a01/message.hl7",
            "cases/one.hl7Workflow",
        ]
    );
}

#[test]
fn what_differs_is_told_place_by_place() {
    let cases = Cases::of(&keeping());
    cases.write("a01/message.hl7", adt("T1", "1001"));
    cases.write("b-oru/message.hl7", oru("T2", "1001"));
    cases.write("c-none/message.hl7", adt("T3", ""));
    assert_eq!(cases.run(&["--update"]).code, Some(0));
    assert!(cases.read("b-oru/expected/result.toml").unwrap().contains("\"filtered\""));
    let changed = workflow_text(&keeping().build())
        .replace("PID-3.1", "PID-3.4")
        .replace("\"ADT\"", "\"ORU\"")
        .replace("yyyy}/kept", "yyyy}/gone");
    let changed_paths = workflow_text(&keeping().build()).replace("|${Mrn}", "|${Mrn}|x");
    cases.write("one.hl7Workflow", changed_paths);
    let ran = cases.run(&[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("FAILED  a01"), "{ran:?}");
    let line = "activity 1 \"Keep all\", ZZZ-4: expected nothing, found \"x\"";
    assert!(ran.stdout.contains(line), "{ran:?}");
    assert!(ran.stdout.contains("file 2026/kept.hl7, ZZZ-4:"), "{ran:?}");
    assert!(ran.stdout.contains("ok      b-oru"), "{ran:?}");
    assert!(ran.stdout.contains("3 case(s): 1 passed, 2 failed"), "{ran:?}");

    cases.write("one.hl7Workflow", changed);
    let report = cases.run(&["--json"]).json();
    let told: Vec<String> = report["cases"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|case| case["differences"].as_array().unwrap())
        .map(|it| format!("{}: {} -> {}", it["what"], it["expected"], it["found"]))
        .collect();
    for expected in [
        "\"outcome\": \"accepted\" -> \"filtered (",
        "\"outcome\": \"filtered\" -> \"accepted\"",
        "\"file 2026/kept.hl7\": ",
        "\"file 2026/gone.hl7\": null -> \"written\"",
        "\"activity 1\": \"Keep all: not reached\" -> \"Keep all: performed\"",
    ] {
        assert!(told.iter().any(|line| line.starts_with(expected)), "{expected}: {told:#?}");
    }
    assert_eq!((report["passed"].as_u64(), report["failed"].as_u64()), (Some(0), Some(3)));
    // What was asked for is written, and is then so.
    assert_eq!(cases.run(&["--update"]).code, Some(0));
    assert_eq!(cases.run(&[]).code, Some(0));
    assert_eq!(cases.read("a01/expected/files/2026/kept.hl7"), None, "no longer written");
}

#[test]
fn only_what_is_expected_is_compared_and_updated() {
    let cases = Cases::of(&keeping());
    cases.write("a/message.hl7", adt("T1", "1001"));
    cases.write("a/expected/result.toml", "[variables]\nMrn = \"1\"\n");
    let only = cases.only();
    assert_eq!(
        only["differences"],
        json!([
            { "what": "variable Mrn", "place": null, "expected": "1", "found": "1001" }
        ])
    );
    assert_eq!(cases.run(&["--update"]).code, Some(0));
    assert_eq!(cases.read("a/expected/response.hl7"), None);
    assert_eq!(cases.only()["state"], "passed");
    // A refused message is a difference unless it is expected.
    cases.write("a/message.hl7", "no HL7");
    assert_eq!(cases.only()["differences"][0]["what"], "outcome");
    cases.write("a/expected/result.toml", "outcome = \"rejected\"\n");
    assert_eq!(cases.only()["state"], "passed");
    cases.write("a/expected/result.toml", "outcome = \"rejected\"\nerror = \"other\"\n");
    assert_eq!(cases.only()["differences"][0]["what"], "error");
}

/// Writes a text into a file.
fn writing(file: &str) -> Activity {
    Activity::file("Keep", file).with("MessageType", 13).template("new")
}

/// Writes a file for `WANTED`, and none for `UNWANTED`.
fn choosing() -> Workflow {
    Workflow::new("Choosing", "in")
        .with("MessageType", 11)
        .responding("{\"a\": [1, 2], \"id\": 5}")
        .activity(writing("kept.txt").filter(vec![equals("x", "1")]))
}

const WANTED: &str = "{\"x\": \"1\"}";
const UNWANTED: &str = "{\"x\": \"2\"}";

#[test]
fn an_update_writes_nothing_that_does_not_differ() {
    let cases = Cases::of(&choosing());
    cases.write("a/message.json", WANTED);
    cases.write("a/case.toml", "[ignore]\nresponse = [\"id\"]\n");
    let response = "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"id\": 77\n}\n";
    let result = "# why it is accepted\noutcome = \"accepted\"\n";
    cases.write("a/expected/response.json", response);
    cases.write("a/expected/activities/1-mine.txt", "old\n");
    assert_eq!(cases.run(&["--update"]).code, Some(0));
    assert_eq!(cases.read("a/expected/response.json").as_deref(), Some(response));
    assert_eq!(cases.read("a/expected/activities/1-keep.txt").as_deref(), Some("new\n"));
    assert_eq!(cases.read("a/expected/activities/1-mine.txt"), None);
    assert_eq!(cases.read("a/expected/result.toml"), None, "the outcome is as expected");

    cases.write("a/expected/result.toml", result);
    cases.write("a/expected/activities/1-keep.txt", "old\n");
    assert_eq!(cases.run(&["--update"]).code, Some(0));
    assert_eq!(cases.read("a/expected/result.toml").as_deref(), Some(result));
    assert_eq!(cases.only()["differences"], json!([]));
}

#[test]
fn an_update_keeps_expecting_what_is_no_longer_written() {
    for (file, content, key) in [
        ("files/kept.txt", "new\n", "files = []"),
        ("activities/1-keep.txt", "new\n", "activities = [\"Keep: filtered\"]"),
    ] {
        let cases = Cases::of(&choosing());
        cases.write("a/message.json", UNWANTED);
        cases.write(&format!("a/expected/{file}"), content);
        assert_eq!(cases.only()["state"], "failed", "{file}");
        assert_eq!(cases.run(&["--update"]).code, Some(0), "{file}");
        assert_eq!(cases.read(&format!("a/expected/{file}")), None);
        let result = cases.read("a/expected/result.toml").unwrap();
        assert!(result.contains(key), "{key}: {result}");
        assert_eq!(cases.only()["state"], "passed", "{file}");
        cases.write("a/message.json", WANTED);
        assert_eq!(cases.only()["state"], "failed", "{file}: written again");
    }
}

#[test]
fn hidden_files_are_no_expectations() {
    let cases = Cases::of(&choosing());
    cases.write("a/message.json", UNWANTED);
    cases.write("a/expected/response.json", "{\"a\":[1,2],\"id\":5}");
    for name in [".DS_Store", "activities/.gitkeep", "files/.gitkeep", "files/b/.DS_Store"] {
        cases.write(&format!("a/expected/{name}"), "x");
    }
    assert_eq!(cases.only()["differences"], json!([]));
    cases.write("a/expected/files/kept.txt", "new\n");
    assert_eq!(cases.run(&["--update"]).code, Some(0));
    assert_eq!(cases.read("a/expected/files/.gitkeep").as_deref(), Some("x"));
    assert_eq!(cases.only()["differences"], json!([]));
}

#[test]
fn a_hidden_file_that_is_written_is_expected_by_its_name() {
    let cases = Cases::of(&Workflow::new("Hiding", "in").activity(writing("out/.done")));
    cases.write("a/message.hl7", adt("T1", "1001"));
    cases.write("a/expected/files/kept.txt", "new\n");
    assert_eq!(cases.run(&["--update"]).code, Some(0));
    assert_eq!(cases.read("a/expected/result.toml").as_deref(), Some("files = [\"out/.done\"]\n"));
    assert_eq!(cases.only()["differences"], json!([]));
}

#[test]
fn a_message_that_is_no_utf_8_is_compared_byte_by_byte() {
    let cases = Cases::of(&Workflow::new("Echo", "in").responding(&received()));
    let message = |name: &[u8]| {
        [b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5||||||8859/1\rPID|1||7||".as_slice(), name, b"\r"]
            .concat()
    };
    cases.write("a/message.hl7", message(b"M\xfcller"));
    cases.write("a/expected/response.hl7", message(b"M\xfcller"));
    assert_eq!(cases.only()["differences"], json!([]));
    cases.write("a/expected/response.hl7", message(b"M\xe4ller"));
    assert_eq!(cases.only()["differences"][0]["place"], "PID-5");
}

#[test]
fn a_case_says_what_its_receiver_and_its_clock_say() {
    let workflow = Workflow::new("Asking", "in").with("MessageType", 11).responding(
        "{\"at\":\"${CurrentDateTime:yyyy-MM-ddTHH:mm:sszzz}\",\"id\":\"${HttpHeader:X-Id}\",\
         \"who\":\"${Who}\",\"from\":\"${ClientIP}\",\"by\":\"${HttpMethod}\"}",
    );
    let cases = Cases::of(&workflow);
    cases.write(
        "get/case.toml",
        "method = \"GET\"\nnow = \"2026-03-01T10:15:00+02:00\"\nclient_ip = \"10.0.0.7\"\n\
         [headers]\nX-Id = \"r-1\"\n[variables]\nWho = \"Anna\"\n",
    );
    cases.write(
        "get/expected/response.json",
        "{\n  \"at\": \"2026-03-01T10:15:00+02:00\", \"id\": \"r-1\",\n  \"who\": \"Anna\", \
         \"from\": \"10.0.0.7\", \"by\": \"GET\"\n}\n",
    );
    assert_eq!(cases.only()["differences"], json!([]));
    cases.write("get/expected/response.json", "{\"at\": 1}");
    assert!(cases.only()["differences"].as_array().unwrap().len() > 3);
}

#[test]
fn places_may_be_ignored_and_nothing_else_is() {
    let cases = Cases::of(&keeping());
    cases.write("a/message.hl7", adt("T1", "1001"));
    cases.run(&["--update"]);
    cases.write("a/case.toml", "now = \"2027-05-06T07:08:09Z\"");
    let report = cases.only();
    let places: Vec<&str> = report["differences"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["place"].as_str())
        .collect();
    assert!(places.contains(&"MSH-7"), "{report:#}");
    let ignore = "[ignore]\nresponse = [\"MSH-7\", \"MSH-10\"]\nactivities = [\"MSH-7\"]\n";
    cases.write("a/case.toml", format!("now = \"2026-05-06T07:08:09Z\"\n{ignore}"));
    let report = cases.only();
    let left = report["differences"].as_array().unwrap();
    assert!(left.iter().all(|it| it["what"].as_str().unwrap().starts_with("file ")), "{report:#}");
    let ignore = format!("{ignore}files = [\"MSH-7\"]\n");
    cases.write("a/case.toml", format!("now = \"2026-05-06T07:08:09Z\"\n{ignore}"));
    assert_eq!(cases.only()["state"], "passed");
}

#[test]
fn a_sender_is_shown_and_its_reply_is_the_case_s() {
    let send = Activity::of_class(
        "HL7Soup.Functions.Settings.Senders.MLLPSenderSetting, HL7SoupWorkflow",
        "Send",
    );
    let workflow = Workflow::new("Passing on", "in")
        .with("ReturnApplicationAccept", false)
        .with("ReturnResponseFromActivity", true)
        .with("ReturnResponseFromActivityId", activity_id(1))
        .activity(send.template("MSH|^~\\&|T\r"));
    let cases = Cases::of(&workflow);
    cases.write("a/message.hl7", adt("T1", "1001"));
    cases.write("a/replies/1-send.hl7", "MSH|^~\\&|THERE||||2026||ACK|9|P|2.5\rMSA|AA|T1\r");
    cases.write("a/expected/response.hl7", "MSH|^~\\&|THERE||||2026||ACK|9|P|2.5\nMSA|AA|T1\n");
    cases.write("a/expected/activities/1.hl7", "MSH|^~\\&|T\n");
    cases.write("a/expected/result.toml", "activities = [\"Send: shown\"]");
    assert_eq!(cases.only()["differences"], json!([]));
    cases.write("a/replies/2-nobody.hl7", "");
    assert!(cases.only()["error"].as_str().unwrap().contains("no activity 2"));
}

#[test]
fn files_stay_in_the_case_s_own_folder() {
    let cases = Cases::of(&keeping());
    let outside = cases.home.path("out/outside.hl7");
    let home = Home::new();
    let absolute = Activity::file("Outside", outside.to_str().unwrap()).template("MSH|^~\\&|T\r");
    cases.write(
        "one.hl7Workflow",
        workflow_text(&Workflow::new("Out", "in").activity(absolute).build()),
    );
    cases.write("a/message.hl7", adt("T1", "1"));
    cases.write("a/expected/result.toml", "outcome = \"failed\"\nerror = \"file.not-granted\"\n");
    // Whatever the home grants.
    let ran = cases.run(&["--home", home.root().to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!outside.exists());
}

#[test]
fn a_case_uses_the_tables_and_globals_of_its_home() {
    let workflow = Workflow::new("Asking", "in")
        .variables(vec![set_variable_to("Ward", "${Facility} ${Code:Lookup(wards)}")]);
    let cases = Cases::of(&workflow);
    let home = Home::with("[globals]\nFacility = \"North\"\n[tables]\nwards = \"wards.csv\"\n");
    home.write("wards.csv", "4W,Surgery\n");
    cases.write("a/message.hl7", adt("T1", "1"));
    cases.write("a/expected/result.toml", "[variables]\nWard = \"North Surgery\"\n");
    let case = |further: &str| format!("{further}\n[variables]\nCode = \"4W\"\n");
    cases.write("a/case.toml", case(""));
    assert_eq!(cases.run(&["--home", home.root().to_str().unwrap()]).code, Some(0));
    let without = cases.only();
    assert!(without["error"].as_str().unwrap().contains("WF101"), "no such table: {without:#}");
    cases.write("a/case.toml", case(&format!("home = {:?}", home.root())));
    assert_eq!(cases.only()["state"], "passed");
    home.write("wards.csv", "alone\n");
    let only = cases.only();
    assert!(only["error"].as_str().unwrap().contains("WF092"), "{only:#}");
}

#[test]
fn what_cannot_be_run_ends_with_2_and_the_others_run() {
    let cases = Cases::of(&keeping());
    for name in ["good", "bad"] {
        cases.write(&format!("{name}/message.hl7"), adt("T1", "1"));
        cases.write(&format!("{name}/expected/result.toml"), "outcome = \"accepted\"\n");
    }
    for (file, content, words) in [
        ("case.toml", "colour = 1", "colour"),
        ("case.toml", "workflow = \"nowhere.hl7Workflow\"", "nowhere"),
        ("case.toml", "home = \"nowhere\"", "nowhere"),
        ("own.hl7Workflow", "{", "WF007"),
        ("expected/respons.hl7", "x", "respons.hl7"),
    ] {
        cases.write(&format!("bad/{file}"), content);
        let ran = cases.run(&[]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(
            ran.stdout.contains("ERROR   bad") && ran.stdout.contains(words),
            "{words}: {ran:?}"
        );
        assert!(ran.stdout.contains("ok      good"), "{ran:?}");
        fs::remove_file(cases.home.path("cases/bad").join(file)).unwrap();
    }
    assert_eq!(cases.run(&[]).code, Some(0));
    for arguments in [&["--filter", "nothing"][..], &["--filter", "GOO"]] {
        let ran = cases.run(arguments);
        let good = arguments[1] == "GOO";
        assert_eq!(ran.code, Some(if good { 0 } else { 2 }), "{ran:?}");
        assert!(ran.said().contains(if good { "1 case(s)" } else { "no test case" }), "{ran:?}");
    }
    let empty = Home::with("");
    assert_eq!(program::run(["test", empty.path("out").to_str().unwrap()]).code, Some(2));
    assert_eq!(program::run(["test", empty.path("nowhere").to_str().unwrap()]).code, Some(2));
}

#[test]
fn links_are_not_followed() {
    let cases = Cases::of(&keeping());
    cases.write("a/message.hl7", adt("T1", "1"));
    cases.write("a/expected/result.toml", "");
    symlink(cases.home.path("cases/a"), cases.home.path("cases/b")).unwrap();
    symlink(cases.home.path("cases"), cases.home.path("cases/circle")).unwrap();
    assert_eq!(cases.only()["name"], "a");
    // Nor by an update.
    let kept = cases.home.write("kept.hl7", "kept");
    let activities = cases.home.path("cases/a/expected/activities");
    fs::create_dir(&activities).unwrap();
    symlink(&kept, activities.join("1-link.hl7")).unwrap();
    cases.write("a/expected/result.toml", "status = 500");
    assert_eq!(cases.run(&["--update"]).code, Some(0));
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
}

#[test]
fn a_build_server_gets_its_report() {
    let cases = Cases::of(&keeping());
    cases.write("good/message.hl7", adt("T1", "1"));
    cases.write("good/expected/result.toml", "");
    cases.write("differs/message.hl7", adt("T1", "1"));
    cases.write("differs/expected/result.toml", "status = 500\n[variables]\nMrn = \"<&>\"\n");
    cases.write("broken/message.hl7", adt("T1", "1"));
    let file = cases.home.path("report.xml");
    let ran = cases.run(&["--junit", file.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let report = fs::read_to_string(&file).unwrap();
    for part in [
        "tests=\"3\"",
        "failures=\"1\"",
        "errors=\"1\"",
        "<testcase name=\"good\"",
        "<failure message=\"2 difference(s)\"",
        "&lt;&amp;&gt;",
        "<error message=\"the case cannot be run\"",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    cases.run(&["--junit", file.to_str().unwrap()]);
    let again = fs::read_to_string(&file).unwrap();
    assert_eq!(again, report, "no times in it");
    let none = cases.run(&["--junit", file.to_str().unwrap(), "--filter", "nothing"]);
    assert_eq!(none.code, Some(2), "{none:?}");
    let empty = fs::read_to_string(&file).unwrap();
    assert!(empty.contains("tests=\"0\""), "not that of the run before: {empty}");
    let nowhere = cases.home.path("nowhere/report.xml");
    let nowhere = cases.run(&["--junit", nowhere.to_str().unwrap()]);
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
}

#[test]
fn the_help_has_an_example() {
    let ran = program::run(["test", "--help"]);
    for words in ["Example", "--update", "--junit", "case.toml", "expected/"] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
}

/// The folder of the examples.
fn examples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples"))
}
