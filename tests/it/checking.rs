//! `tureen check`: everything that is wrong, at its place, with what to do.

use std::fs;
use std::os::unix::fs::symlink;

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::answers::accepts;
use crate::harness::actions::{begin_if, custom, equals, map, set_variable};
use crate::harness::guests::{CORE_MODULE, guest, of_another_contract};
use crate::harness::home::{workflow_file, workflow_text};
use crate::harness::workflow::RECEIVER_ID;
use crate::harness::{Activity, Connection, Home, Workflow};

/// The report of `tureen check --json`, and the exit code.
fn check(home: &Home) -> (Value, Option<i32>) {
    let ran = home.run(&["check", "--json"]);
    (ran.json(), ran.code)
}

/// The one diagnostic of a code.
fn only<'r>(report: &'r Value, code: &str) -> &'r Value {
    let all = report["diagnostics"].as_array().unwrap();
    let mut found = all.iter().filter(|diagnostic| diagnostic["code"] == code);
    match (found.next(), found.next()) {
        (Some(one), None) => one,
        (none, _) => panic!("expected {code} once, found {}: {report:#}", none.is_some()),
    }
}

/// One-based line and column of a text in another.
fn position(text: &str, part: &str) -> (u64, u64) {
    let at = text.find(part).unwrap_or_else(|| panic!("{part:?} is not in the file"));
    let before = &text[..at];
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() as u64 + 1;
    (line, column)
}

#[test]
fn a_home_without_a_fault_is_told_so() {
    let home = Home::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let workflow = Workflow::new("Good", "in").with("Port", port).archive("kept.hl7");
    home.workflow("good", &workflow.build());
    let (report, code) = check(&home);
    assert_eq!(
        (report["errors"].as_u64(), report["warnings"].as_u64(), code),
        (Some(0), Some(0), Some(0)),
        "{report:#}"
    );
    let ran = home.run(&["check"]);
    assert!(ran.stdout.contains("1 workflow file(s) checked: 0 error(s), 0 warning(s)"), "{ran:?}");
}

#[test]
fn four_faults_are_all_told_at_their_places() {
    let home = Home::new();
    let lost = "00000000-1111-4222-8333-444444444444";
    let mut workflow = Workflow::new("Faulty", "in")
        .filter(vec![equals("MSH-9.1", "ADT")])
        .variables(vec![
            begin_if(vec![equals("PID-8", "F")]),
            set_variable("Mrn", "PID-3.1"),
            custom("Nobody.Made.This"),
        ])
        .archive("kept.hl7")
        .build();
    workflow["WorkflowPattern"][0]["Activities"][0] = lost.into();
    let misspelt = "HL7Soup.Functions.Settings.Filters.FilterHostSeting, HL7SoupWorkflow";
    workflow["WorkflowPattern"][1]["$type"] = misspelt.into();
    let text = workflow_text(&workflow);
    home.write(&workflow_file("faulty"), &text);
    let (report, code) = check(&home);
    assert_eq!(code, Some(1), "{report:#}");
    let begin = "\"HL7Soup.Functions.Settings.BeginConditionalTransformerAction";
    for (code, place, words) in [
        ("WF030", format!("\"{lost}\""), "Activities names a setting"),
        ("WF022", format!("\"{misspelt}\""), "misspelt"),
        ("WF081", begin.to_owned(), "does not end"),
        ("WF080", "\"Nobody.Made.This\"".to_owned(), "no installed plugin"),
    ] {
        let diagnostic = only(&report, code);
        let found = (
            diagnostic["position"]["line"].as_u64().unwrap_or_default(),
            diagnostic["position"]["column"].as_u64().unwrap_or_default(),
        );
        assert_eq!(found, position(&text, &place), "{diagnostic:#}");
        assert_eq!(diagnostic["severity"], "error");
        assert!(diagnostic["file"].as_str().unwrap().ends_with("faulty.hl7Workflow"));
        assert!(diagnostic["message"].as_str().unwrap().contains(words), "{diagnostic:#}");
        let advice = ["help", "expected"].map(|name| diagnostic[name].as_str().unwrap_or_default());
        // The transformer's message says itself which action to add.
        assert!(code == "WF081" || advice.iter().any(|text| !text.is_empty()), "{diagnostic:#}");
        // The pointer leads to the place.
        let pointer = diagnostic["pointer"].as_str().unwrap();
        assert!(workflow.pointer(pointer).is_some(), "{pointer}");
    }
    let ran = home.run(&["check"]);
    assert_eq!(ran.code, Some(1));
    let (line, column) = position(&text, &format!("\"{misspelt}\""));
    assert!(ran.stdout.contains(&format!("faulty.hl7Workflow:{line}:{column}")), "{}", ran.stdout);
    assert!(ran.stdout.contains("did you mean"), "{}", ran.stdout);
}

#[test]
fn files_that_are_no_plugins_are_told_one_by_one() {
    let home = Home::new();
    let cases: [(&str, &[u8], &str); 5] = [
        ("random", b"\x13\x37 random bytes, no wasm", "not WebAssembly"),
        ("empty", b"", "empty"),
        ("core", CORE_MODULE, "core module"),
        ("cut", &guest("trap")[..20_000], "no plugin that can run here"),
        ("other", &of_another_contract("trap"), "9.9.9"),
    ];
    for (name, content, _) in &cases {
        home.plugin(name, content);
    }
    fs::create_dir(home.path("plugins/folder.wasm")).unwrap();
    symlink("loop.wasm", home.path("plugins/loop.wasm")).unwrap();
    let (report, code) = check(&home);
    assert_eq!((report["errors"].as_u64(), code), (Some(7), Some(1)), "{report:#}");
    for (name, _, words) in &cases {
        let diagnostics = report["diagnostics"].as_array().unwrap();
        let of_file =
            |it: &&Value| it["file"].as_str().unwrap().ends_with(&format!("/{name}.wasm"));
        let found =
            diagnostics.iter().find(of_file).unwrap_or_else(|| panic!("{name}: {report:#}"));
        assert_eq!(found["code"], "WF084");
        assert!(found["message"].as_str().unwrap().contains(words), "{found:#}");
        assert!(found["help"].as_str().is_some_and(|help| !help.is_empty()), "{found:#}");
    }
}

#[test]
fn files_that_are_no_workflows_are_told_and_harm_no_running_one() {
    let home = Home::new();
    let good = Workflow::new("Admissions", "adt/in").archive("kept.hl7").build();
    home.workflow("good", &good);
    let server = home.serve();
    let mut connection = Connection::one(&server);
    accepts(&mut connection, "before");

    let text = workflow_text(&Workflow::new("Bad", "bad").build());
    home.write(&workflow_file("empty"), "");
    home.write(&workflow_file("zeros"), vec![0; 10_000]);
    home.write(&workflow_file("half"), &text[..text.len() / 2]);
    home.write(&workflow_file("bytes"), b"\xff\xfe\x00{");
    home.write(&workflow_file("deep"), "[".repeat(200_000));
    fs::File::create(home.path(&workflow_file("sparse"))).unwrap().set_len(200 << 20).unwrap();
    fs::create_dir(home.path(&workflow_file("folder"))).unwrap();
    symlink("circle.hl7Workflow", home.path(&workflow_file("circle"))).unwrap();
    symlink("/nowhere/at/all", home.path(&workflow_file("dangling"))).unwrap();
    let pipe = home.path(&workflow_file("pipe"));
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let expected = [
        ("empty", "WF002"),
        ("zeros", "WF005"),
        ("half", "WF007"),
        ("bytes", "WF006"),
        ("deep", "WF008"),
        ("sparse", "WF003"),
        ("folder", "WF004"),
        ("circle", "WF001"),
        ("dangling", "WF001"),
        ("pipe", "WF004"),
    ];
    for (name, _) in expected {
        server.wait_for_log(&format!("{name}.hl7Workflow"));
        accepts(&mut connection, "same connection");
        accepts(&mut Connection::one(&server), "new connection");
    }
    let (report, code) = check(&home);
    assert_eq!(code, Some(1));
    for (name, code) in expected {
        let diagnostics = report["diagnostics"].as_array().unwrap();
        let file = workflow_file(name);
        let found = diagnostics.iter().find(|it| it["file"].as_str().unwrap().ends_with(&file));
        let found = found.unwrap_or_else(|| panic!("{name}: {report:#}"));
        assert_eq!(found["code"], code, "{found:#}");
        let advice = ["help", "expected"].map(|name| found[name].as_str().unwrap_or_default());
        assert!(advice.iter().any(|text| !text.is_empty()), "{found:#}");
    }
    server.stop();
}

#[test]
fn what_is_beside_the_workflows_is_left_alone() {
    let home = Home::new();
    home.workflow("good", &Workflow::new("Good", "in").with("Port", 18_443).build());
    for name in ["notes.txt", ".hidden.hl7Workflow", "good.hl7Workflow~", "x.json", "README"] {
        home.write(&format!("workflows/{name}"), "no workflow");
    }
    fs::create_dir(home.path("workflows/.git")).unwrap();
    home.write("workflows/.git/x.hl7Workflow", "no workflow");
    home.write(
        "workflows/UPPER.HL7WORKFLOW",
        workflow_text(&Workflow::new("Upper", "up").with("Port", 18_443).build()),
    );
    let ran = home.run(&["check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("2 workflow file(s) checked: 0 error(s)"), "{}", ran.stdout);
}

#[test]
fn two_workflows_at_one_address_or_with_one_id_are_told_by_name() {
    let home = Home::new();
    let at = |name: &str, service: &str| Workflow::new(name, service).with("Port", 18_443);
    home.workflow("a", &at("First", "x/y").build());
    home.workflow("b", &at("Second", "X/Y").build());
    home.workflow("c", &at("First", "z").build());
    home.workflow("d", &at("Plain", "p").with("UseSsl", false).build());
    let (report, code) = check(&home);
    assert_eq!(code, Some(1));
    for code in ["WF070", "WF071", "WF073"] {
        let diagnostic = only(&report, code);
        let text = diagnostic.to_string();
        assert!(text.contains("First"), "the other one is named: {diagnostic:#}");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_told_with_its_place() {
    for (text, place, words) in [
        ("[limits]\nbody_bites = 1\n", "tureen.toml:2:1", "body_bites"),
        ("[limits]\nbody_bytes = \"many\"\n", "tureen.toml:2:14", "body_bytes"),
        ("[limits\n", "tureen.toml:1:", ""),
        ("[listen]\naddress = \"here\"\n", "tureen.toml:2:11", ""),
    ] {
        let home = Home::new();
        home.write("tureen.toml", text);
        for command in ["check", "serve"] {
            let ran = home.run(&[command]);
            assert_eq!(ran.code, Some(2), "{command}: {ran:?}");
            assert!(ran.stderr.contains(place), "{text:?}: {ran:?}");
            let told = ran.stderr.contains(words) || words == "body_bytes";
            assert!(told, "{text:?}: {ran:?}");
        }
    }
}

#[test]
fn a_plugin_that_is_not_granted_what_it_asks_for_does_not_run_and_the_lines_are_shown() {
    let home = Home::with("");
    home.workflow("one", &Workflow::new("Writer", "in").archive("kept.hl7").build());
    let (report, code) = check(&home);
    assert_eq!(code, Some(1), "{report:#}");
    let help = only(&report, "WF083")["help"].as_str().unwrap().to_owned();
    for line in ["[plugins.file-writer]", "directories = [{ path = \"out\", write = true }]"] {
        assert!(help.contains(line), "{help}");
    }
    let server = home.serve();
    assert!(server.addresses().is_empty(), "{}", server.said());
    server.wait_for_log("[plugins.file-writer]");
    server.stop();
    // The lines, taken over as they are shown, are enough.
    let lines: Vec<&str> = help.lines().skip_while(|line| !line.starts_with('[')).collect();
    let config = home.read("tureen.toml").unwrap();
    home.write("tureen.toml", format!("{config}\n{}\n", lines.join("\n")));
    let (report, code) = check(&home);
    assert_eq!((report["errors"].as_u64(), code), (Some(0), Some(0)), "{report:#}");
    assert_eq!(json!(0), report["errors"]);
}

#[test]
fn a_folder_of_workflows_that_cannot_be_read_is_told_as_the_server_tells_it() {
    for what in ["missing", "a file", "a link to nothing"] {
        let home = Home::new();
        fs::remove_dir(home.path("workflows")).unwrap();
        match what {
            "a file" => drop(home.write("workflows", "no folder")),
            "a link to nothing" => symlink("nowhere", home.path("workflows")).unwrap(),
            _ => {}
        }
        let (report, code) = check(&home);
        assert_eq!((report["errors"].as_u64(), code), (Some(1), Some(1)), "{what}: {report:#}");
        let found = only(&report, "WF001");
        assert!(found["file"].as_str().unwrap().ends_with("/workflows"), "{what}: {found:#}");
        let message = found["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("the workflow folder cannot be read: "), "{found:#}");
        assert!(found["help"].as_str().unwrap().contains("create it"), "{found:#}");
        let ran = home.run(&["check"]);
        let counted = "0 workflow file(s) checked: 1 error(s)";
        assert!(ran.stdout.contains(counted), "{what}: {ran:?}");
        let server = home.serve();
        server.wait_for_log(&message);
        server.stop();
    }
}

#[test]
fn a_folder_of_plugins_that_cannot_be_read_is_told_and_none_is_no_fault() {
    let home = Home::new();
    fs::remove_dir(home.path("plugins")).unwrap();
    assert_eq!(check(&home).1, Some(0), "plugins are optional");
    assert_eq!(home.run(&["plugin", "list"]).code, Some(0));
    home.write("plugins", "no folder");
    let (report, code) = check(&home);
    assert_eq!((report["errors"].as_u64(), code), (Some(1), Some(1)), "{report:#}");
    let found = only(&report, "WF084");
    assert!(found["file"].as_str().unwrap().ends_with("/plugins"), "{found:#}");
    let message = found["message"].as_str().unwrap();
    assert!(message.starts_with("the plugin folder cannot be read: "), "{found:#}");
    let listed = home.run(&["plugin", "list"]);
    assert_eq!(listed.code, Some(1), "{listed:?}");
    assert!(listed.stdout.contains(message), "{listed:?}");
    assert!(listed.stdout.contains("file-writer"), "those of the program are there: {listed:?}");
}

/// What every message would fail at, each at its place in the file.
#[test]
fn paths_names_and_writes_that_can_never_be_right_are_told_before_a_message_comes() {
    let home = Home::new();
    let mut write = map("PID-3", "PID-4");
    write["ToSetting"] = json!(RECEIVER_ID);
    let actions = vec![
        set_variable("A", "pid-8"),
        set_variable("A", "PID-5.x"),
        set_variable("UUID", "PID-3"),
        set_variable("Patient ", "PID-3"),
        write,
        set_variable("A", "OBX[*]-5"),
        set_variable("A", "PID-${Field}"),
        set_variable("A", "PID[3"),
    ];
    let file = Activity::file("Kept", "kept.hl7")
        .template("MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5\r")
        .transformers(vec![map("PID-3", "PID-3"), map("PID-3", "pid-4")]);
    let workflow = Workflow::new("Wrong", "in").with("Port", 18_443);
    let workflow = workflow.filter(vec![equals("PIDX-3", "x")]).variables(actions).activity(file);
    let workflow = workflow.build();
    home.workflow("wrong", &workflow);
    let (report, code) = check(&home);
    assert_eq!(code, Some(1), "{report:#}");
    let mut told: Vec<String> = Vec::new();
    for found in report["diagnostics"].as_array().unwrap() {
        let pointer = found["pointer"].as_str().unwrap();
        assert!(workflow.pointer(pointer).is_some(), "{found:#}");
        let (code, severity) = (found["code"].as_str().unwrap(), found["severity"].as_str());
        let place = pointer.splitn(4, '/').last().unwrap();
        told.push(format!("{code} {} {place}", severity.unwrap()));
    }
    told.sort();
    assert_eq!(
        told,
        [
            // Told by the transformer alone.
            "WF081 error Transformers/7/FromPath",
            "WF105 error Filters/0/Path",
            "WF105 error Transformers/0/FromPath",
            "WF105 error Transformers/1/FromPath",
            "WF105 error Transformers/1/ToPath",
            "WF106 warning Transformers/5/FromPath",
            "WF107 error Transformers/2/VariableName",
            "WF107 error Transformers/3/VariableName",
            "WF108 error Transformers/4/ToPath",
        ]
    );
    let first = report["diagnostics"].as_array().unwrap();
    let first = first.iter().find(|it| it["pointer"].as_str().unwrap().ends_with("s/0/FromPath"));
    let first = first.unwrap();
    assert_eq!(first["help"], "did you mean \"PID-8\"?", "{first:#}");
    assert_eq!(first["found"], "\"pid-8\" at byte 1: a letter", "{first:#}");
}
