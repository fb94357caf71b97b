//! Our own workflows after the description of the two that the format's vendor
//! publishes: each line of it is looked at, in the file and in what comes out.

use std::fs;

use serde_json::{Value, json};

use super::examples;
use crate::harness::program;

const TO_CSV: &str = "files-to-csv/files-to-csv.hl7workflow";
const TO_HL7: &str = "json-to-hl7/json-to-hl7.hl7workflow";

fn text(name: &str) -> String {
    fs::read_to_string(examples().join(name)).unwrap()
}

fn workflow(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

/// What `tureen run` makes of a case's message.
fn run(workflow: &str, message: &str) -> Value {
    let path = |name: &str| examples().join(name).to_str().unwrap().to_owned();
    let ran = program::run(["run", &path(workflow), "--message", &path(message), "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.json()
}

fn class(setting: &Value) -> &str {
    let full = setting["$type"].as_str().unwrap().strip_suffix(", HL7SoupWorkflow").unwrap();
    full.rsplit('.').next().unwrap()
}

#[test]
fn all_examples_pass() {
    let ran = program::run(["test", examples().to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for case in
        ["files-to-csv/tests/patient", "forwarding/tests/admission", "json-to-hl7/tests/married"]
    {
        assert!(ran.stdout.contains(&format!("ok      {case}")), "{}", ran.stdout);
    }
}

#[test]
fn both_files_have_the_published_form() {
    for (name, sender) in [(TO_CSV, "FileWriterSenderSetting"), (TO_HL7, "MLLPSenderSetting")] {
        let text = text(name);
        assert!(!text.contains('\r') && text.ends_with("}\n") && text.starts_with("{\n  \""));
        assert!(!text.starts_with('\u{feff}'));
        let file = workflow(name);
        let mut keys: Vec<&String> = file.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["Comments", "Modified", "Name", "WorkflowId", "WorkflowPattern"]);
        let pattern = file["WorkflowPattern"].as_array().unwrap();
        let classes: Vec<&str> = pattern.iter().map(class).collect();
        assert_eq!(classes, ["DirectoryScanReceiverSetting", sender, "TransformerSetting"]);
        assert_eq!(pattern[0]["Id"], file["WorkflowId"]);
        let ids: Vec<&str> = pattern.iter().map(|it| it["Id"].as_str().unwrap()).collect();
        assert!(ids.iter().all(|id| id[..34] == ids[0][..34]), "{ids:?}");
        for setting in pattern {
            assert_eq!(setting["Version"], 2);
            for absent in ["Filters", "Disabled", "ImportedDate"] {
                assert!(setting.get(absent).is_none(), "{absent}");
            }
        }
        assert!(pattern[0]["DirectoryPath"].as_str().unwrap().contains(":\\"));
    }
}

#[test]
fn hl7_files_become_rows_of_five_values() {
    let file = workflow(TO_CSV);
    let [receiver, sender, set] = file["WorkflowPattern"].as_array().unwrap().as_slice() else {
        panic!("{file:#}")
    };
    assert_eq!(
        (&receiver["DirectoryFilter"], &receiver["MessageType"]),
        (&json!("*.hl7"), &json!(1))
    );
    assert_eq!(receiver["ReceivedMessageTemplate"], "");
    assert_eq!(receiver["VariableTransformers"], set["Id"]);
    assert_eq!((&sender["MessageType"], &sender["MaxRecordsPerFile"]), (&json!(5), &json!(5000)));
    assert_eq!(sender["MessageTemplate"].as_str().unwrap().matches("${").count(), 5);
    let options = sender["MessageTypeOptions"].as_object().unwrap();
    assert_eq!(options.keys().collect::<Vec<_>>(), ["$type", "Header"]);
    let actions = set["Transformers"].as_array().unwrap();
    let read = ["PID-3.1", "PID-5.1", "PID-5.2", "PID-7.1", "PID-8.1"];
    for (action, path) in actions.iter().zip(read) {
        assert_eq!(class(action), "CreateVariableTransformerAction");
        assert_eq!((&action["FromPath"], &action["FromType"]), (&json!(path), &json!(1)));
    }
    assert_eq!(actions.len(), 5);

    let record = run(TO_CSV, "files-to-csv/tests/patient/message.hl7");
    let expected = ["778899", "Fictitious", "Anna", "19710823", "F"];
    let variables = record["variables"].as_object().unwrap();
    assert_eq!(variables.values().collect::<Vec<_>>(), expected);
    assert_eq!(record["activities"][0]["message"], expected.join(","));
    assert_eq!(record["response"], Value::Null, "a directory answers nobody");
    let written = text("files-to-csv/tests/patient/expected/files/patients.csv");
    assert_eq!(written, format!("Mrn,Family,Given,Born,Sex\n{}\n", expected.join(",")));
}

#[test]
fn json_files_become_hl7_by_fifteen_actions() {
    let file = workflow(TO_HL7);
    let [receiver, sender, set] = file["WorkflowPattern"].as_array().unwrap().as_slice() else {
        panic!("{file:#}")
    };
    let sample = receiver["ReceivedMessageTemplate"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(sample).unwrap().is_object(), "a text that holds JSON");
    assert_eq!(sender["FrameStart"], json!(["\u{b}"]));
    assert_eq!(sender["FrameEnd"], json!(["\u{1c}", "\r"]));
    assert_eq!(
        (&sender["TimeoutSeconds"], &sender["WaitForResponse"]),
        (&json!(30), &json!(false))
    );
    let actions = set["Transformers"].as_array().unwrap();
    let classes: Vec<&str> =
        actions.iter().map(|it| class(it).strip_suffix("TransformerAction").unwrap()).collect();
    assert_eq!(
        classes,
        [
            "CreateMapping",
            "CreateMapping",
            "CreateMapping",
            "CreateVariable",
            "CreateVariable",
            "CreateVariable",
            "CreateMapping",
            "BeginConditional",
            "CreateMapping",
            "EndConditional",
            "ForEach",
            "CreateVariable",
            "CreateVariable",
            "AppendLine",
            "Next",
        ]
    );
    for mapping in &actions[..3] {
        assert_eq!((&mapping["FromType"], &mapping["ToType"]), (&json!(11), &json!(1)));
        assert_eq!((&mapping["ToDirection"], &mapping["FromNamespaces"]), (&json!(1), &json!({})));
    }
    let full = &actions[5];
    assert_eq!((&full["FromType"], &full["FromDirection"]), (&json!(7), &json!(2)));
    assert!(full.get("FromSetting").is_none());
    assert!(actions[6].get("AllowMessageStructureToChange").is_none());
    assert_eq!((&actions[7]["PairId"], &actions[9]["PairId"]), (&json!(8), &json!(8)));
    assert_eq!(actions[7]["FromType"], 1, "the stray one");
    let condition = &actions[7]["Filters"][0];
    assert_eq!(condition["Value"], condition["ToPath"]);
    assert_eq!((&condition["ToType"], &condition["ToDirection"]), (&json!(7), &json!(2)));
    assert_eq!((&actions[10]["PairId"], &actions[14]["PairId"]), (&json!(11), &json!(11)));
    assert!(actions[11]["FromPath"].as_str().unwrap().contains("[1]/"));

    let married = run(TO_HL7, "json-to-hl7/tests/married/message.json");
    let message = married["activities"][0]["message"].as_str().unwrap();
    let segments: Vec<&str> = message.split('\r').filter(|it| !it.is_empty()).collect();
    let fields: Vec<&str> = segments[0].split('|').collect();
    assert_eq!(fields[6].len(), 14, "CurrentDateTime: {message}");
    assert_eq!(fields[9], "1", "WorkflowInstanceId");
    // PID-5 is one component: the ^ is escaped (T-41); PID-16.1 is conditional.
    assert_eq!(segments[1], "PID|1||4711||Ekholm\\S\\Siri||19800102|F||||||||M");
    let day = &fields[6][..8];
    assert_eq!(
        segments[2..],
        [
            format!("RXA|1||{day}||N02BE01^Paracetamol"),
            format!("RXA|2||{day}||C07AB02^Metoprolol"),
            format!("RXA|3||{day}||A10BA02^Metformin"),
        ]
    );
    assert_eq!(married["activities"][0]["performed"], false, "nobody sends MLLP here");
    assert_eq!(married["variables"].get("ForEachIterator"), None);

    let single = run(TO_HL7, "json-to-hl7/tests/single/message.json");
    let message = single["activities"][0]["message"].as_str().unwrap();
    let segments: Vec<&str> = message.split('\r').filter(|it| !it.is_empty()).collect();
    assert_eq!(segments.len(), 2, "no drugs, no RXA: {message}");
    assert_eq!(segments[1], "PID|1||12||Lind\\S\\Bo||1999|M");
}
