//! Loading, by tables: what stands in a file and what is told about it.

mod examples;
mod links;
mod properties;
mod receiver;
mod response;
mod wrapper;

use std::path::Path;

use super::load;
use crate::workflow::definition::{HttpReceiver, Loaded, ReceiverKind, WorkflowDefinition};
use crate::workflow::purpose::Purpose;

pub(super) const RECEIVER_ID: &str = "d0000000-0000-4000-8000-000000000001";

const HTTP: &str = "HL7Soup.Functions.Settings.Receivers.HttpReceiverSetting";

const SETTINGS: &str = "HL7Soup.Functions.Settings.";

/// What every test receiver answers unless the test says otherwise.
const ACCEPT: &str = r#""ReturnApplicationAccept":true"#;

/// The id that ends in these digits.
fn id(end: u8) -> String {
    format!("d0000000-0000-4000-8000-0000000000{end:02x}")
}

/// A workflow of one HTTP receiver, with further properties and settings.
fn workflow(receiver: &str, others: &[String]) -> String {
    let others: String = others.iter().map(|other| format!(",\n{other}")).collect();
    format!(
        r#"{{"Name":"Test","WorkflowId":"{RECEIVER_ID}","WorkflowPattern":[
{{"$type":"{HTTP}, HL7SoupWorkflow","Id":"{RECEIVER_ID}","Name":"In",{ACCEPT}{}}}{others}]}}"#,
        comma(receiver)
    )
}

fn setting(class: &str, end: u8, name: &str, more: &str) -> String {
    format!(
        r#"{{"$type":"{SETTINGS}{class}, HL7SoupWorkflow","Id":"{}","Name":"{name}"{}}}"#,
        id(end),
        comma(more)
    )
}

fn sender(end: u8, name: &str, more: &str) -> String {
    setting("Senders.FileWriterSenderSetting", end, name, more)
}

fn filter(end: u8, more: &str) -> String {
    setting("Filters.FilterHostSetting", end, "Filter", more)
}

fn transformers(end: u8, more: &str) -> String {
    setting("TransformerSetting", end, "Set", more)
}

fn comma(more: &str) -> String {
    if more.is_empty() { String::new() } else { format!(",{more}") }
}

fn loaded(text: &str) -> Loaded {
    loaded_to(Purpose::Serve, text)
}

fn loaded_to(purpose: Purpose, text: &str) -> Loaded {
    load(Path::new("test.hl7Workflow"), text.as_bytes().to_vec(), purpose)
}

/// What is told, in the order of positions: code and pointer, warnings in
/// brackets.
fn told(text: &str) -> Vec<String> {
    let describe = |diagnostic: &crate::diagnostics::Diagnostic| {
        let pointer = diagnostic.pointer.as_deref().unwrap_or("-");
        let pointer = pointer.replace("/WorkflowPattern/", "#");
        let line = format!("{} {pointer}", diagnostic.code);
        if diagnostic.is_error() { line } else { format!("({line})") }
    };
    loaded(text).diagnostics.iter().map(describe).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(told(text), expected, "{text}");
}

/// The definition of a file that loads without an error.
#[track_caller]
fn defined(text: &str) -> WorkflowDefinition {
    let loaded = loaded(text);
    assert!(loaded.runnable().is_some(), "{:#?}", loaded.diagnostics);
    loaded.definition.unwrap()
}

fn http(definition: &WorkflowDefinition) -> &HttpReceiver {
    match &definition.receiver.kind {
        ReceiverKind::Http(http) => http,
        other => panic!("{other:?}"),
    }
}

/// The text of the only diagnostic of a code.
#[track_caller]
fn shown(text: &str, code: &str) -> String {
    let loaded = loaded(text);
    let mut of_code = loaded.diagnostics.iter().filter(|told| told.code.as_str() == code);
    let first = of_code.next().unwrap_or_else(|| panic!("{code} in {:#?}", loaded.diagnostics));
    assert!(of_code.next().is_none(), "{code} more than once");
    first.to_string()
}
