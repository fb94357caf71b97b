//! Workflows of every receiver of the format can be tried with `tureen run`;
//! `check` and `serve` go on telling what serving needs.

use serde_json::{Value, json};

use crate::harness::actions::{set_variable, set_variable_to};
use crate::harness::messages::adt;
use crate::harness::program::Ran;
use crate::harness::{Activity, Home, Workflow};

const SENDERS: &str = "HL7Soup.Functions.Settings.Senders.";

/// A workflow whose receiver is of another class.
fn received_by(class: &str) -> Workflow {
    let class = format!("HL7Soup.Functions.Settings.Receivers.{class}, HL7SoupWorkflow");
    Workflow::new("Tried", "in").with("$type", class)
}

fn sender(class: &str) -> Activity {
    Activity::of_class(&format!("{SENDERS}{class}, HL7SoupWorkflow"), "Send")
}

fn run(home: &Home, workflow: &Workflow, message: &str, further: &[&str]) -> Ran {
    home.workflow("one", &workflow.clone().build());
    let file = home.path("workflows/one.hl7Workflow");
    let message = home.write("received.txt", message);
    let (file, message) = (file.to_str().unwrap(), message.to_str().unwrap());
    home.run(&[&["run", file, "--message", message], further].concat())
}

fn record(home: &Home, workflow: &Workflow, message: &str) -> Value {
    let ran = run(home, workflow, message, &["--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.json()
}

#[test]
fn every_receiver_reads_a_message_and_only_some_answer() {
    let home = Home::new();
    let message = adt("R1", "1001");
    for (class, answer) in [
        ("HttpReceiverSetting", Some("MSA|AA|R1")),
        ("MLLPReceiverSetting", Some("MSA|AA|R1")),
        ("WebServiceReceiverSetting", Some("MSA|AA|R1")),
        ("DirectoryScanReceiverSetting", None),
        ("TimerReceiverSetting", None),
        ("DatabaseReceiverSetting", None),
        ("DicomReceiverSetting", None),
        ("AzureServiceBusReceiverSetting", None),
    ] {
        let workflow = received_by(class).variables(vec![set_variable("Mrn", "PID-3.1")]);
        let record = record(&home, &workflow, &message);
        assert_eq!(record["variables"]["Mrn"], "1001", "{class}: {record:#}");
        let body = record["response"]["body"].as_str();
        assert_eq!(body.is_some(), answer.is_some(), "{class}: {record:#}");
        assert!(body.unwrap_or_default().contains(answer.unwrap_or_default()), "{record:#}");
        if class != "HttpReceiverSetting" {
            let checked = home.run(&["check", "--json"]).json();
            assert_eq!(checked["diagnostics"][0]["code"], "WF040", "{class}: {checked:#}");
        }
    }
    let server = home.serve();
    assert!(server.addresses().is_empty(), "{}", server.said());
    server.wait_for_log("WF040");
    server.stop();
}

#[test]
fn the_class_decides_the_message_type_where_the_file_does_not() {
    let home = Home::new();
    let no_type = |class: &str| {
        received_by(class)
            .with("MessageType", Value::Null)
            .variables(vec![set_variable("V", "[1]")])
    };
    let row = record(&home, &no_type("DatabaseReceiverSetting"), "\"a\",\"b\"");
    assert_eq!(row["variables"]["V"], "b", "{row:#}");
    let tick = record(&home, &no_type("TimerReceiverSetting"), "");
    assert_eq!(tick["variables"]["V"], "", "{tick:#}");
}

#[test]
fn a_directory_scan_tells_the_name_of_the_file() {
    let home = Home::new();
    let name = || vec![set_variable_to("Name", "${DirectoryScannerFileName}")];
    let scanned = received_by("DirectoryScanReceiverSetting").variables(name());
    let message = adt("R2", "1");
    assert_eq!(record(&home, &scanned, &message)["variables"]["Name"], "received.txt");
    let given = ["--json", "--var", "directoryscannerfilename=other.hl7"];
    let ran = run(&home, &scanned, &message, &given);
    assert_eq!(ran.json()["variables"]["Name"], "other.hl7");
    let timed = received_by("MLLPReceiverSetting").variables(name());
    assert_eq!(record(&home, &timed, &message)["variables"]["Name"], "");
    let own = run(&home, &scanned, &message, &["--var", "UUID=1"]);
    assert_eq!(own.code, Some(2), "{own:?}");
    assert!(own.stderr.contains("read-only"), "{own:?}");
}

#[test]
fn transformers_of_a_timer_run_after_the_activities() {
    let home = Home::new();
    let copy = Activity::file("Copy", "kept").with("MessageType", 13).template("before ${Late}");
    let workflow = received_by("TimerReceiverSetting")
        .with("MessageType", 13)
        .activity(copy)
        .response_transformers(vec![set_variable_to("Late", "after")]);
    let record = record(&home, &workflow, "");
    assert_eq!(record["activities"][0]["message"], "before ");
    assert_eq!(record["variables"]["Late"], "after");
}

#[test]
fn senders_without_a_plugin_are_shown_and_never_performed() {
    let home = Home::new();
    let message = adt("R3", "1001");
    let template = "MSH|^~\\&|T|U\rZZZ|${Mrn}\r";
    for (class, message_type) in [
        ("MLLPSenderSetting", 1),
        ("HttpSenderSetting", 1),
        ("DatabaseSenderSetting", 6),
        ("WebServiceSenderSetting", 1),
        ("CodeSenderSetting", 1),
        ("AzureServiceBusSenderSetting", 1),
    ] {
        let workflow = received_by("DirectoryScanReceiverSetting")
            .variables(vec![set_variable("Mrn", "PID-3.1")])
            .activity(sender(class).with("MessageType", message_type).template(template));
        let shown = record(&home, &workflow, &message);
        let expected = json!("MSH|^~\\&|T|U\rZZZ|1001\r");
        assert_eq!(shown["activities"][0]["message"], expected, "{class}: {shown:#}");
        assert_eq!(shown["activities"][0]["performed"], false);
        if !matches!(class, "WebServiceSenderSetting" | "CodeSenderSetting") {
            continue; // Once each way is enough: every start compiles the plugins.
        }
        let ran = run(&home, &workflow, &message, &[]);
        assert!(ran.stdout.contains("shown, not performed"), "{class}: {ran:?}");
        assert!(ran.stderr.contains("WF113") && ran.stderr.contains(class), "{class}: {ran:?}");
        let live = run(&home, &workflow, &message, &["--live"]);
        assert_eq!(live.code, Some(1), "{class}: {live:?}");
        let refused = ["WF080", "WF110", "WF041"].iter().any(|code| live.stdout.contains(code));
        assert!(refused, "{class}: {live:?}");
        let checked = home.run(&["check", "--json"]).json();
        let codes = checked["diagnostics"].as_array().unwrap().iter().map(|it| &it["code"]);
        let codes: Vec<&Value> = codes.collect();
        assert!(codes.contains(&&json!("WF040")), "{class}: {codes:?}");
        assert!(!codes.contains(&&json!("WF113")), "{class}: {codes:?}");
    }
}

#[test]
fn a_sender_whose_settings_do_not_suit_this_machine_is_shown_all_the_same() {
    let home = Home::new();
    let windows =
        Activity::file("Write", "C:\\Messages\\Out\\patients.csv").template("MSH|^~\\&|x\r");
    let workflow = received_by("DirectoryScanReceiverSetting").activity(windows);
    let ran = run(&home, &workflow, &adt("R4", "1"), &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("activity \"Write\": shown"), "{ran:?}");
    assert!(ran.stderr.contains("Windows path"), "{ran:?}");
    assert_eq!(run(&home, &workflow, &adt("R4", "1"), &["--live"]).code, Some(1));
}

#[test]
fn a_filter_of_a_foreign_class_is_still_refused() {
    let home = Home::new();
    let workflow = received_by("MLLPReceiverSetting").filter(Vec::new()).build();
    let text = workflow.to_string().replace("Filters.FilterHostSetting", "Filters.AcmeHostSetting");
    home.write("workflows/one.hl7Workflow", text);
    let message = home.write("message", adt("R5", "1"));
    let file = home.path("workflows/one.hl7Workflow");
    let ran = home.run(&["run", file.to_str().unwrap(), "--message", message.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}
