use std::path::Path;

use serde_json::{Value, json};

use super::super::collected::FINDINGS_MAX;
use super::*;
use crate::config::ServerConfig;
use crate::tables::HomeTables;
use crate::workflow::definition::load;
use crate::workflow::purpose::Purpose as LoadedFor;

const RECEIVER: &str = "d0000000-0000-4000-8000-000000000001";
const VARIABLES: &str = "d0000000-0000-4000-8000-000000000002";
const SENDER: &str = "d0000000-0000-4000-8000-000000000003";

fn vocabulary(config: &str) -> Vocabulary {
    let (config, _) = ServerConfig::parse(Path::new("tureen.toml"), config).unwrap();
    let (globals, _) = crate::secrets::globals(Path::new("/nonexistent"), &config);
    Vocabulary::new(&config, &globals, &HomeTables::default())
}

/// Judges a workflow: properties of its receiver, actions of its variables, and
/// an activity of somebody else's class.
fn judged(receiver: Value, actions: &[Value], activity: Value, config: &str) -> Vec<Diagnostic> {
    let mut root = json!({
        "$type": "HL7Soup.Functions.Settings.Receivers.HttpReceiverSetting, HL7SoupWorkflow",
        "Id": RECEIVER, "Name": "In", "ServiceName": "in", "Port": 18080,
        "VariableTransformers": VARIABLES, "Activities": [SENDER],
        "ReturnCustomResponse": false,
    });
    let mut sender = json!({ "$type": "Acme.Fax", "Id": SENDER, "Name": "Fax" });
    for (whole, part) in [(&mut root, receiver), (&mut sender, activity)] {
        for (name, value) in part.as_object().unwrap() {
            whole[name] = value.clone();
        }
    }
    let transformers = json!({
        "$type": "HL7Soup.Functions.Settings.TransformerSetting, HL7SoupWorkflow",
        "Id": VARIABLES, "Name": "Variables", "Transformers": actions,
    });
    let file = json!({
        "Name": "W", "WorkflowId": RECEIVER, "WorkflowPattern": [root, sender, transformers],
    });
    let loaded = load(Path::new("w.hl7Workflow"), file.to_string().into_bytes(), LoadedFor::Serve);
    check(&loaded.definition.unwrap(), &vocabulary(config))
}

/// Code, severity and place of each finding.
fn told(found: &[Diagnostic]) -> Vec<String> {
    let show = |it: &Diagnostic| {
        let pointer = it.pointer.as_deref().unwrap_or_default();
        format!("{} {} {}", it.code, it.severity, pointer.trim_start_matches("/WorkflowPattern/"))
    };
    let mut told: Vec<String> = found.iter().map(show).collect();
    told.sort();
    told
}

fn from(text: &str) -> Value {
    json!({
        "$type": "HL7Soup.Functions.Settings.CreateVariableTransformerAction, HL7SoupWorkflow",
        "VariableName": "A", "FromPath": text, "FromDirection": 2,
    })
}

#[test]
fn texts_of_the_formats_own_classes_are_errors_and_those_of_others_are_warnings() {
    let wrong = "${A:Truncate(x)}";
    let mut sample = from("${A}");
    for never in ["SampleVariableValue", "Comment", "Replace", "VariableName"] {
        sample[never] = json!(wrong);
    }
    let fax = json!({ "Number": wrong, "Lines": [{ "Text": "${Key}" }], "Name": wrong });
    let found =
        judged(json!({}), &[from(wrong), sample], fax, "[secrets]\nKey = { file = \"k\" }\n");
    assert_eq!(
        told(&found),
        [
            "WF102 warning 1/Lines/0/Text",
            "WF103 error 2/Transformers/0/FromPath",
            "WF103 warning 1/Number",
        ]
    );
    assert!(found.iter().all(|it| it.position.is_some()));
}

#[test]
fn a_modifier_that_is_misspelt_or_lacks_its_arguments_is_an_error_with_what_was_meant() {
    for (text, help) in [
        ("${Dob:Upercase}", "did you mean UpperCase?"),
        ("${Dob:Truncate}", "write Truncate(20)"),
        ("${Dob:Substring(0,4)}", "there is no modifier Substring"),
        ("${Dob:Pad(12)}", "did you mean Padding(10)?"),
        ("${Dob:Replace}", "write Replace(old,new)"),
        ("${Dob:Lookup}", "write Lookup(table)"),
    ] {
        let found = judged(json!({}), &[from(text)], json!({}), "");
        assert_eq!(told(&found), ["WF103 error 2/Transformers/0/FromPath"], "{text}");
        assert!(
            found[0].help.as_deref().unwrap_or_default().contains(help),
            "{text}: {}",
            found[0]
        );
    }
    for text in ["${Dob:yyyy-MM-dd}", "${Dob:dd MMM (ddd)}", "${Dob:HH:mm}", "${Dob:0.00 mg}"] {
        assert_eq!(
            told(&judged(json!({}), &[from(text)], json!({}), "")),
            [] as [&str; 0],
            "{text}"
        );
    }
}

#[test]
fn the_template_of_a_response_counts_only_where_it_is_sent() {
    let response = |sent: bool| {
        json!({
            "ReturnCustomResponse": sent, "MessageType": 11,
            "ResponseMessageTemplate": "{\"a\":\"${Key}\",\"b\":\"${B:Lookup(Sex)}\"}",
        })
    };
    let config = "[secrets]\nKey = { file = \"k\" }\n";
    let fax = json!({});
    assert_eq!(told(&judged(response(false), &[], fax.clone(), config)), [] as [&str; 0]);
    assert_eq!(
        told(&judged(response(true), &[], fax, config)),
        [
            "WF101 error 0/ResponseMessageTemplate",
            "WF102 error 0/ResponseMessageTemplate",
            "WF104 warning 0/ResponseMessageTemplate",
        ]
    );
}

#[test]
fn values_as_they_are_are_told_once_for_a_template_and_only_where_they_are_data() {
    for (message_type, template, warned) in [
        (11, "{\"a\":\"${A}\",\"b\":\"${B}\"}", true),
        (11, "{\"a\":\"${A:JSONEncode}\",\"b\":${B:Raw}}", false),
        (11, "{\"a\":\"${CurrentDateTime:yyyy}${UUID}${Site}\"}", false),
        (11, "{\"a\":\"${DATATABLE>T.F}\"}", true),
        (4, "<a>${A}</a>", true),
        (5, "${A},x", true),
        (1, "MSH|^~\\&|${A:HL7Encode}${CR}PID|${ForEachIterator}", false),
        (13, "${A}", false),
    ] {
        let fax = json!({ "MessageType": message_type, "MessageTemplate": template });
        for (config, expected) in [
            ("[globals]\nSite = \"x\"\n", warned),
            ("[globals]\nSite = \"x\"\n[templates]\nencode = \"by-format\"\n", false),
            ("[globals]\nSite = \"x\"\n[receivers.w]\nencode = \"by-format\"\n", false),
        ] {
            let found = judged(json!({}), &[], fax.clone(), config);
            let found = found.iter().filter(|it| it.code == codes::WRITTEN_AS_IT_IS).count();
            assert_eq!(found, usize::from(expected), "{template} {config}");
        }
    }
}

#[test]
fn no_more_findings_are_told_than_the_limit() {
    let actions: Vec<Value> = (0..FINDINGS_MAX + 5).map(|_| from("${A:Padding(x)}")).collect();
    let found = judged(json!({}), &actions, json!({}), "");
    assert_eq!(found.len(), FINDINGS_MAX + 1);
    let last = found.last().unwrap();
    assert_eq!(last.code, codes::MORE_FINDINGS);
    assert!(last.message.starts_with("5 more"), "{last}");
}
