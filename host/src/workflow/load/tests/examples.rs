//! Files in the shape of the two that the format's vendor publishes (contract
//! 1.8), and the minimal one of 1.10.

use std::fs;

use tureen_message::Format;

use super::{check, defined, loaded, told};
use crate::workflow::definition::{ReceiverKind, ResponseMode, Role};
use crate::workflow::purpose::Purpose;

const FILES_TO_CSV: &str =
    include_str!("../../../../../examples/files-to-csv/files-to-csv.hl7workflow");
const JSON_TO_HL7: &str =
    include_str!("../../../../../examples/json-to-hl7/json-to-hl7.hl7workflow");
const ECHO_ID: &str = include_str!("examples/echo-id.hl7Workflow");

#[test]
fn the_first_published_shape_is_refused_for_its_receiver_alone() {
    check(FILES_TO_CSV, &["WF040 #0"]);
    let definition = loaded(FILES_TO_CSV).definition.unwrap();
    let ReceiverKind::Unsupported { class } = &definition.receiver.kind else { panic!() };
    assert!(class.ends_with(".DirectoryScanReceiverSetting"), "{class}");
    let variables = definition.receiver.variable_transformers.as_ref().unwrap();
    assert_eq!(variables.settings.matches("CreateVariableTransformerAction").count(), 5);
    assert_eq!(definition.activities[0].message_type, Format::Csv);
    assert_eq!(definition.activities[0].template.placeholders().count(), 5);
    let roles: Vec<Role> = definition.steps().map(|step| step.role).collect();
    assert_eq!(roles, [Role::ReceiverVariables, Role::Activity]);
}

#[test]
fn the_second_published_shape_is_refused_for_its_receiver_alone() {
    check(JSON_TO_HL7, &["WF040 #0"]);
    let definition = loaded(JSON_TO_HL7).definition.unwrap();
    let transformers = definition.activities[0].transformers.as_ref().unwrap();
    let settings: serde_json::Value = serde_json::from_str(&transformers.settings).unwrap();
    assert_eq!(settings["Transformers"].as_array().unwrap().len(), 15);
    let shown = loaded(JSON_TO_HL7).diagnostics[0].to_string();
    let expected = "\
error[WF040]: this version does not run the receiver \"Read JSON\"
  at        test.hl7Workflow:7:5
  field     /WorkflowPattern/0
  expected  an HTTP receiver: HttpReceiverSetting
  found     \"DirectoryScanReceiverSetting\"
  help      let an HTTP receiver take the messages, or keep the workflow in its own system";
    assert_eq!(shown, expected);
}

/// To try one message, the receiver only says how it is read.
#[test]
fn both_published_shapes_load_to_be_tried() {
    for text in [FILES_TO_CSV, JSON_TO_HL7] {
        for purpose in [Purpose::Show, Purpose::Perform, Purpose::Test] {
            let loaded = super::loaded_to(purpose, text);
            assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
            let definition = loaded.definition.unwrap();
            assert!(!definition.receiver.kind.answers());
            assert_eq!(definition.receiver.response.mode, ResponseMode::None);
        }
        let loaded = super::loaded_to(Purpose::Check, text);
        assert_eq!(loaded.diagnostics[0].code.as_str(), "WF040");
    }
}

/// What becomes of a receiver's `Transformers` when it is tried (contract 1.3).
#[test]
fn the_transformers_of_each_receiver_are_used_as_its_class_says() {
    let linked = format!("\"Transformers\":\"{}\"", super::id(2));
    let after_rows = format!("{linked},\"ExecutePostProcessQuery\":true");
    let custom =
        format!("{linked},\"ReturnCustomResponse\":true,\"ResponseMessageTemplate\":\"x\"");
    let off = format!("{linked},\"TransformersNotAvailable\":true");
    for (class, properties, expected) in [
        ("Http", &custom, "response"),
        ("WebService", &custom, "response"),
        ("MLLP", &custom, "response"),
        ("MLLP", &linked, "WF037"),
        ("Timer", &linked, "post"),
        ("Timer", &off, "WF036"),
        ("Database", &linked, "WF037"),
        ("Database", &after_rows, "post"),
        ("DirectoryScan", &linked, "WF037"),
        ("AzureServiceBus", &linked, "WF037"),
    ] {
        let text = super::workflow(properties, &[super::transformers(2, "")])
            .replace("HttpReceiverSetting", &format!("{class}ReceiverSetting"))
            .replace("\"ReturnApplicationAccept\":true", "\"ReturnApplicationAccept\":false");
        let loaded = super::loaded_to(Purpose::Show, &text);
        let receiver = loaded.definition.unwrap().receiver;
        let codes: Vec<&str> = loaded.diagnostics.iter().map(|it| it.code.as_str()).collect();
        let found = match (receiver.response_transformers, receiver.post_transformers) {
            (Some(_), None) => "response",
            (None, Some(_)) => "post",
            _ => codes.first().copied().unwrap_or("nothing"),
        };
        assert_eq!(found, expected, "{class} {properties} {codes:?}");
    }
}

#[test]
fn a_receiver_that_the_format_does_not_name_cannot_be_tried() {
    let text = super::workflow("", &[])
        .replace("Receivers.HttpReceiverSetting", "Receivers.FaxReceiverSetting");
    let loaded = super::loaded_to(Purpose::Show, &text);
    assert_eq!(loaded.diagnostics[0].code.as_str(), "WF040");
}

#[test]
fn the_minimal_http_workflow_runs() {
    check(ECHO_ID, &[]);
    let definition = defined(ECHO_ID);
    assert_eq!(super::http(&definition).service_name, ["adt", "in"]);
    assert_eq!(super::http(&definition).port, 18080);
    assert_eq!(definition.modified.as_deref(), Some("2026-01-01T00:00:00Z"));
    let roles: Vec<Role> = definition.steps().map(|step| step.role).collect();
    assert_eq!(roles, [Role::Filter, Role::ReceiverVariables]);
}

#[test]
fn line_ends_and_byte_order_mark_make_no_difference() {
    let windows = format!("\u{FEFF}{}", ECHO_ID.replace('\n', "\r\n"));
    assert_eq!(told(&windows), told(ECHO_ID));
    let definition = defined(&windows);
    assert_eq!(definition.name, defined(ECHO_ID).name);
    assert_ne!(definition.digest, defined(ECHO_ID).digest);
}

#[test]
fn every_prefix_of_a_file_is_refused_while_it_is_being_copied() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("partial.hl7Workflow");
    let whole = ECHO_ID.trim_end().as_bytes();
    for length in (0..whole.len()).step_by(7) {
        fs::write(&path, &whole[..length]).unwrap();
        match crate::workflow::file::read_bounded(&path, 1 << 20) {
            Ok(bytes) => {
                let loaded = super::load(&path, bytes, Purpose::Serve);
                assert!(loaded.definition.is_none() && !loaded.diagnostics.is_empty(), "{length}");
            }
            Err(diagnostic) => assert_eq!((diagnostic.code.as_str(), length), ("WF002", 0)),
        }
    }
}
