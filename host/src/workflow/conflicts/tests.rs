use std::path::Path;

use super::conflicts;
use crate::config::ServiceAddress;
use crate::workflow::definition::{WorkflowDefinition, load};
use crate::workflow::purpose::Purpose;

const HTTP: &str = "HL7Soup.Functions.Settings.Receivers.HttpReceiverSetting";

/// A workflow of one receiver, known by a digit, in a file of that name.
fn workflow(digit: u8, receiver: &str) -> WorkflowDefinition {
    let id = format!("d0000000-0000-4000-8000-00000000000{digit}");
    let text = format!(
        r#"{{"Name":"W{digit}","WorkflowId":"{id}","WorkflowPattern":[
{{"$type":"{HTTP}, X","Id":"{id}","Name":"In",{receiver}}}]}}"#
    );
    load(Path::new(&format!("{digit}.hl7Workflow")), text.into_bytes(), Purpose::Serve)
        .definition
        .unwrap()
}

#[track_caller]
fn check(first: &str, second: &str, expected: &[&str]) {
    check_beside(&ServiceAddress::default(), first, second, expected);
}

#[track_caller]
fn check_beside(shared: &ServiceAddress, first: &str, second: &str, expected: &[&str]) {
    let workflows = [workflow(1, first), workflow(2, second)];
    let found = conflicts(&workflows.iter().collect::<Vec<_>>(), shared);
    let codes: Vec<String> = found
        .iter()
        .map(|told| format!("{} {}", told.code, told.pointer.as_deref().unwrap_or("-")))
        .collect();
    assert_eq!(codes, expected, "{first} beside {second}");
    assert!(
        found.iter().all(|told| told.file == Path::new("2.hl7Workflow") && told.position.is_some())
    );
}

#[test]
fn receivers_may_share_a_port_but_neither_path_nor_tls_settings() {
    let a = r#""Port":1000,"ServiceName":"a""#;
    let tls = |more: &str| format!(r#""Port":1000,"ServiceName":"b","UseSsl":true{more}"#);
    let own = |print: &str| {
        tls(&format!(r#","UseDefaultSSLCertificate":false,"CertificateThumbPrint":"{print}""#))
    };
    let (ab, cd) = ("ab".repeat(20), "cd".repeat(20));
    let spelt = format!("\u{200e}{}", "AB ".repeat(20));
    let path = "WF071 /WorkflowPattern/0/ServiceName";
    let mixed = "WF070 /WorkflowPattern/0/UseSsl";
    check(a, r#""Port":1000,"ServiceName":"a/b""#, &[]);
    check(a, r#""Port":1001,"ServiceName":"a""#, &[]);
    check(a, r#""Port":1000,"ServiceName":"A""#, &[path]);
    check(a, r#""Port":"1000","ServiceName":"%61""#, &[path]);
    check(a, &tls(""), &[mixed]);
    check(&tls("").replace("\"b\"", "\"c\""), &tls(""), &[]);
    check(&tls("").replace("\"b\"", "\"c\""), &own(&ab), &[mixed]);
    check(&own(&spelt).replace("\"b\"", "\"c\""), &own(&ab), &[]);
    check(&own(&ab).replace("\"b\"", "\"c\""), &own(&cd), &[mixed]);
    check(a, &format!("{a},\"UseSsl\":true"), &[mixed, path]);
}

#[test]
fn receivers_of_port_zero_share_the_port_that_the_system_chooses() {
    let zero = |name: &str, tls: bool| format!(r#""Port":0,"ServiceName":"{name}","UseSsl":{tls}"#);
    check(&zero("a", true), &zero("b", true), &[]);
    check(&zero("a", true), &zero("a", true), &["WF071 /WorkflowPattern/0/ServiceName"]);
    check(&zero("a", true), &zero("b", false), &["WF070 /WorkflowPattern/0/UseSsl"]);
}

#[test]
fn disabled_receivers_take_no_address() {
    check("\"Port\":5,\"Disabled\":true", "\"Port\":5", &[]);
    check("\"Port\":5", "\"Port\":5,\"Disabled\":true", &[]);
}

#[test]
fn names_at_the_shared_address_are_unique_whatever_the_port() {
    let hosted = |port: u16| {
        format!(r#""Port":{port},"ServiceName":"x","UseIntegrationHostServiceAddress":true"#)
    };
    check(&hosted(1), &hosted(2), &["WF072 /WorkflowPattern/0/ServiceName"]);
    check(&hosted(1), r#""Port":1,"ServiceName":"x""#, &[]);
}

#[test]
fn a_listener_on_the_shared_port_must_fit_the_shared_address() {
    let shared = ServiceAddress { port: Some(7), tls: true };
    let hosted = r#""Port":1,"ServiceName":"x","UseIntegrationHostServiceAddress":true"#;
    let own = |more: &str| format!(r#""Port":7,"ServiceName":"y"{more}"#);
    check_beside(&shared, hosted, &own(",\"UseSsl\":true"), &[]);
    check_beside(&shared, hosted, &own(""), &["WF070 /WorkflowPattern/0/UseSsl"]);
    let turned = "WF070 /WorkflowPattern/0/UseIntegrationHostServiceAddress";
    check_beside(&shared, &own(""), hosted, &[turned]);
    let same_name = r#""Port":7,"UseSsl":true,"ServiceName":"X""#;
    check_beside(&shared, hosted, same_name, &["WF071 /WorkflowPattern/0/ServiceName"]);
    let plain = ServiceAddress { port: Some(7), tls: false };
    check_beside(&plain, hosted, &own(""), &[]);
}

#[test]
fn one_workflow_is_in_one_file_even_when_disabled() {
    let first = workflow(1, "\"Port\":5");
    let mut copy = workflow(1, "\"Port\":6,\"Disabled\":true");
    copy.file = "copy.hl7Workflow".into();
    let told = conflicts(&[&first, &copy], &ServiceAddress::default()).pop().unwrap().to_string();
    let expected = "\
error[WF073]: two files hold the workflow d0000000-0000-4000-8000-000000000001
  at        copy.hl7Workflow:1:27
  field     /WorkflowId
  found     \"W1\" in 1.hl7Workflow has it
  help      remove the older file; a copy that is meant to be another workflow needs new ids";
    assert_eq!(told, expected);
}
