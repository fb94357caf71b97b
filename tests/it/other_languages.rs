//! Plugins that were not written in Rust: the examples in JavaScript and Python, built
//! by their own tools, in one workflow over HTTPS.

use serde_json::{Value, json};

use crate::harness::actions::custom;
use crate::harness::other_languages::{age_filter, phone_numbers};
use crate::harness::{Activity, Findings, Home, Workflow};

fn home() -> Home {
    let home = Home::new();
    home.plugin("phone-numbers", phone_numbers());
    home.plugin("age-filter", age_filter());
    home
}

/// Adults only; their telephone numbers in the archive are international.
fn workflow(minimum_age: Value, parameters: Value) -> Value {
    let mut call = custom("Example.PhoneNumbers");
    call["Parameters"] = parameters;
    let archive = Activity::file("Archive", "adults.hl7")
        .template(&crate::harness::workflow::received())
        .transformers(vec![call]);
    let mut file = Workflow::new("adults", "adults").activity(archive).build();
    let id = "a9e00000-0000-4000-8000-000000000001";
    file["WorkflowPattern"][0]["Filters"] = json!(id);
    file["WorkflowPattern"].as_array_mut().unwrap().push(json!({
        "$type": "Example.AgeFilter, Examples", "Id": id, "Version": 3, "MinimumAge": minimum_age,
    }));
    file
}

/// Texts as they stand.
fn parameters(texts: &[(&str, &str)]) -> Value {
    let literal = |text: &str| json!({ "FromPath": text, "FromDirection": 2 });
    Value::Object(texts.iter().map(|(name, text)| ((*name).to_owned(), literal(text))).collect())
}

fn usual() -> Value {
    workflow(json!(18), parameters(&[("Path", "PID-13[*]"), ("Country", "358")]))
}

fn admission(born: &str, telephones: &str) -> String {
    format!(
        "MSH|^~\\&|WARD|NORTH|TUREEN|LAB|20260102030405||ADT^A01|C-1|P|2.5.1\r\
         PID|1||4711||Ekholm^Siri||{born}|F|||||{telephones}\r"
    )
}

#[test]
fn a_filter_in_python_and_a_transformer_in_javascript_work_on_one_message() {
    let home = home();
    home.workflow("adults", &usual());
    assert_eq!(Findings::of(&home).errors(), [] as [&str; 0]);
    let server = home.serve();
    let mut http = server.http1();
    let mut ask = |born: &str, telephones: &str| {
        let answer = http.post("/adults", admission(born, telephones));
        (answer.msa(1), answer.text())
    };

    let (code, answer) = ask("19800229", "(09) 555-0142~+44 20 7946 0000~0046 8 555 01 43");
    assert_eq!(code, "AA", "{answer}");
    // The day before the birthday, and the day itself.
    assert_eq!(ask("20080103", "09 1234").0, "AR");
    assert_eq!(ask("20080102", "").0, "AA");
    // Typed errors of both: whose fault it is, and where.
    let (code, answer) = ask("yesterday", "");
    assert_eq!(code, "AR", "{answer}");
    assert!(answer.contains("expected a date as YYYYMMDD"), "{answer}");
    let (code, answer) = ask("19800229", "09 1234~call my sister");
    assert_eq!(code, "AR", "{answer}");
    assert!(answer.contains("expected digits with blanks"), "{answer}");
    assert!(!answer.contains("sister"), "{answer}");

    let archived = home.read("out/adults.hl7").unwrap();
    let telephones: Vec<&str> = archived
        .split(['\r', '\n'])
        .filter(|segment| segment.starts_with("PID"))
        .map(|segment| segment.split('|').nth(13).unwrap())
        .collect();
    assert_eq!(telephones, ["+35895550142~+442079460000~+4685550143", ""]);
    server.stop();
}

#[test]
fn their_settings_are_judged_when_the_workflow_is_loaded() {
    let home = home();
    home.workflow("adults", &workflow(json!(200), parameters(&[])));
    let findings = Findings::of(&home);
    let told = findings.only("WF081");
    assert!(told["pointer"].as_str().unwrap().ends_with("/MinimumAge"), "{told:#}");
    assert!(told.to_string().contains("years from 0 to 150"), "{told:#}");
}

#[test]
fn what_an_author_forgot_fails_its_message_only() {
    let home = home();
    home.workflow("adults", &workflow(json!(18), parameters(&[("Path", "PID-13[*]")])));
    let server = home.serve();
    let mut http = server.http1();
    let answer = http.post("/adults", admission("19800229", "09 1234"));
    assert_eq!(answer.msa(1), "AE", "{answer:?}");
    assert!(answer.text().contains("phone.parameter"), "{answer:?}");
    // A date that Python's own library refuses is caught; a place that cannot be is not.
    let answer =
        http.post("/adults", "MSH|^~\\&|WARD|NORTH|T|L|20260102||ADT^A01|C-2|P|2.5.1\rPID|1\r");
    assert_eq!(answer.msa(1), "AR", "{answer:?}");
    server.stop();
}
