//! C# code cannot run: the operator binds it to plugins, by the digest of its
//! text.

use serde_json::{Value, json};

use crate::harness::actions::set_variable;
use crate::harness::findings::Findings;
use crate::harness::guests::guest;
use crate::harness::messages::adt;
use crate::harness::workflow::activity_id;
use crate::harness::{Activity, Home, Workflow};

const CODE: &str = "// keeps digits\r\nworkflowInstance.SetVariable(\"Digits\", \"1\");\r\n";

fn code(text: &str) -> Value {
    json!({
        "$type": "HL7Soup.Functions.Settings.CodeTransformerAction, HL7SoupWorkflow",
        "Comment": "Digits", "Code": text, "VariableNames": ["Digits"],
    })
}

/// A workflow that keeps what its code sets.
fn with_code(text: &str) -> Workflow {
    let copy = Activity::file("Copy", "kept").with("MessageType", 13).template("${Marker}");
    Workflow::new("Scripted", "in")
        .variables(vec![set_variable("Mrn", "PID-3.1"), code(text)])
        .activity(copy)
}

/// The lines that a finding offers for `tureen.toml`, completed.
fn offered(finding: &Value, instead_of: &str, type_name: &str) -> String {
    let help = finding["help"].as_str().unwrap();
    let lines = help.lines().skip_while(|line| !line.starts_with("[[")).map(|line| {
        if line.starts_with(instead_of) {
            format!("{instead_of} = {type_name:?}")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn configure(home: &Home, lines: &str) {
    let config = home.read("tureen.toml").unwrap();
    home.replace("tureen.toml", format!("{config}\n{lines}\n"));
}

#[test]
fn code_that_nothing_stands_in_for_is_refused_with_the_lines_to_add() {
    let home = Home::new();
    home.plugin("marker", guest("marker"));
    let workflow = with_code(CODE).build();
    home.workflow("one", &workflow);
    let found = Findings::of(&home);
    assert_eq!(found.errors(), ["WF110"]);
    let finding = found.only("WF110");
    let pointer = finding["pointer"].as_str().unwrap();
    assert_eq!(workflow.pointer(pointer), Some(&json!(CODE)), "{pointer}");
    let listed = home.run(&["check", "--json"]).json()["code"][0].clone();
    let digest = listed["sha256"].as_str().unwrap().to_owned();
    assert_eq!(listed["boundTo"], Value::Null);
    assert_eq!(format!("{}/Code", listed["pointer"].as_str().unwrap()), pointer);
    assert!(finding["found"].as_str().unwrap().contains(&digest), "{finding:#}");

    let server = home.serve();
    assert!(server.addresses().is_empty(), "{}", server.said());
    server.wait_for_log("WF110");
    // The lines, added while the server runs, are enough.
    configure(&home, &offered(finding, "transformer", "Test.Marker"));
    server.wait_for_log("Scripted");
    server.wait_for_log("live");
    server.stop();
    assert_eq!(Findings::of(&home).errors(), [""; 0]);
    let listed = home.run(&["check"]);
    assert!(listed.stdout.contains("Test.Marker") && listed.stdout.contains(&digest), "{listed:?}");
    let server = home.serve();
    assert_eq!(server.http1().post("/in", adt("C1", "1")).status, 200);
    server.stop();
    assert_eq!(home.read("out/kept").unwrap(), "marker-version-1\n");
}

#[test]
fn edited_code_is_no_longer_bound_and_other_line_ends_are_no_edit() {
    let home = Home::new();
    home.plugin("marker", guest("marker"));
    home.workflow("one", &with_code(CODE).build());
    configure(&home, &offered(Findings::of(&home).only("WF110"), "transformer", "Test.Marker"));
    for (text, errors, warnings) in [
        (CODE.to_owned(), vec![], 0),
        (CODE.replace("\r\n", "\n"), vec![], 0),
        (CODE.replace("\"1\"", "\"2\""), vec!["WF110"], 1),
    ] {
        home.workflow("one", &with_code(&text).build());
        let found = Findings::of(&home);
        assert_eq!(found.errors(), errors, "{text}");
        assert_eq!(found.all("WF112").len(), warnings, "{text}");
    }
}

#[test]
fn code_of_comments_alone_needs_nothing() {
    let home = Home::new();
    home.workflow("one", &with_code("// not any more\n/* x(); */").build());
    assert_eq!(Findings::of(&home).errors(), [""; 0]);
    assert_eq!(home.run(&["check", "--json"]).json()["code"], json!([]));
}

#[test]
fn a_binding_to_what_is_not_installed_is_told() {
    let home = Home::new();
    home.workflow("one", &with_code(CODE).build());
    configure(&home, &offered(Findings::of(&home).only("WF110"), "transformer", "Test.Marker"));
    let found = Findings::of(&home);
    assert_eq!(found.errors(), ["WF111"]);
    assert!(found.only("WF111")["message"].as_str().unwrap().contains("Test.Marker"));
}

#[test]
fn code_of_an_activity_is_bound_by_its_id() {
    let home = Home::with("[plugins.slow-activity]\ndirectories = [{ path = \"out\" }]\n");
    home.plugin("slow-activity", guest("slow-activity"));
    let class = "HL7Soup.Functions.Settings.Senders.CodeSenderSetting, HL7SoupWorkflow";
    let scripted = Activity::of_class(class, "Script")
        .with("Code", "Send();")
        .with("Response", "MSH|^~\\&|ANSWER||||2026||ACK|1|P|2.5\rMSA|AA|${Mrn}\r");
    let workflow = Workflow::new("Scripted activity", "in")
        .with("ReturnApplicationAccept", false)
        .with("ReturnResponseFromActivity", true)
        .with("ReturnResponseFromActivityId", activity_id(1))
        .variables(vec![set_variable("Mrn", "PID-3.1")])
        .activity(scripted.template("MSH|^~\\&|T\r"));
    home.workflow("one", &workflow.build());
    let found = Findings::of(&home);
    assert_eq!(found.errors(), ["WF110"]);
    configure(&home, &offered(found.only("WF110"), "component", "Test.SlowActivitySetting"));
    assert_eq!(Findings::of(&home).errors(), [""; 0]);
    let server = home.serve();
    let answer = server.http1().post("/in", adt("C2", "77"));
    assert!(answer.text().contains("MSA|AA|77"), "{answer:?}");
    server.stop();
}
