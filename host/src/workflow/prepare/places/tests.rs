use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::diagnostics::Severity;
use crate::workflow::definition::load;
use crate::workflow::purpose::Purpose;

const RECEIVER: &str = "d0000000-0000-4000-8000-000000000001";
const SENDER: &str = "d0000000-0000-4000-8000-000000000002";

const HL7: i64 = 1;
const XML: i64 = 4;
const CSV: i64 = 5;
const JSON: i64 = 11;
const TEXT: i64 = 13;

/// Sets of a workflow whose receiver and sender have these message types.
#[derive(Default)]
struct Sets {
    conditions: Vec<Value>,
    filter: Vec<Value>,
    variables: Vec<Value>,
    sender_filter: Vec<Value>,
    sender: Vec<Value>,
    response: Vec<Value>,
}

fn id(number: usize) -> String {
    format!("d0000000-0000-4000-8000-1000000000{number:02}")
}

fn set(number: usize, actions: Vec<Value>) -> Value {
    json!({
        "$type": "HL7Soup.Functions.Settings.TransformerSetting, HL7SoupWorkflow",
        "Id": id(number), "Name": format!("Set {number}"), "Transformers": actions,
    })
}

fn filter(number: usize, actions: Vec<Value>, conditions: Vec<Value>) -> Value {
    json!({
        "$type": "HL7Soup.Functions.Settings.Filters.FilterHostSetting, HL7SoupWorkflow",
        "Id": id(number), "Name": format!("Filter {number}"), "Transformers": actions,
        "Filters": conditions,
    })
}

/// What is told of them: code, severity, set and place.
fn found(types: [i64; 2], sets: Sets) -> Vec<Diagnostic> {
    let Sets { conditions, filter: pre, variables, sender_filter, sender, response } = sets;
    let receiver = json!({
        "$type": "HL7Soup.Functions.Settings.Receivers.HttpReceiverSetting, HL7SoupWorkflow",
        "Id": RECEIVER, "Name": "In", "ServiceName": "in", "Port": 18080, "MessageType": types[0],
        "Filters": id(1), "VariableTransformers": id(2), "Transformers": id(5),
        "Activities": [SENDER], "ReturnCustomResponse": true, "ResponseMessageTemplate": "x",
    });
    let activity = json!({
        "$type": "Acme.Fax", "Id": SENDER, "Name": "Fax", "MessageType": types[1],
        "Filters": id(3), "Transformers": id(4),
    });
    let pattern = json!([
        receiver,
        filter(1, pre, conditions),
        set(2, variables),
        activity,
        filter(3, sender_filter, Vec::new()),
        set(4, sender),
        set(5, response),
    ]);
    let file = json!({ "Name": "W", "WorkflowId": RECEIVER, "WorkflowPattern": pattern });
    let loaded = load(Path::new("w.hl7Workflow"), file.to_string().into_bytes(), Purpose::Serve);
    check(&loaded.definition.unwrap())
}

fn told(found: &[Diagnostic]) -> Vec<String> {
    let show = |it: &Diagnostic| {
        assert!(it.position.is_some(), "{it}");
        let pointer = it.pointer.as_deref().unwrap_or_default();
        let pointer = pointer.trim_start_matches("/WorkflowPattern/");
        format!("{} {} {pointer}", it.code, it.severity)
    };
    found.iter().map(show).collect()
}

fn action(class: &str, more: &Value) -> Value {
    let mut action =
        json!({ "$type": format!("HL7Soup.Functions.Settings.{class}, HL7SoupWorkflow") });
    for (name, value) in more.as_object().unwrap() {
        action[name] = value.clone();
    }
    action
}

/// A variable from a place of the received message.
fn read(path: &str) -> Value {
    let more = json!({ "VariableName": "A", "FromPath": path, "FromSetting": RECEIVER });
    action("CreateVariableTransformerAction", &more)
}

/// A text written to a place.
fn write(path: &str) -> Value {
    let more = json!({ "FromPath": "x", "FromDirection": 2, "ToPath": path, "ToDirection": 1 });
    action("CreateMappingTransformerAction", &more)
}

/// A variable from a text.
fn named(name: &str) -> Value {
    let more = json!({ "VariableName": name, "FromPath": "x", "FromDirection": 2 });
    action("CreateVariableTransformerAction", &more)
}

fn condition(class: &str, more: &Value) -> Value {
    let mut condition =
        json!({ "$type": format!("HL7Soup.MessageFilters.{class}, HL7SoupWorkflow") });
    for (name, value) in more.as_object().unwrap() {
        condition[name] = value.clone();
    }
    condition
}

fn of_variables(message_type: i64, actions: Vec<Value>) -> Vec<Diagnostic> {
    found([message_type, TEXT], Sets { variables: actions, ..Sets::default() })
}

#[test]
fn a_path_that_can_never_be_read_is_an_error_with_what_was_expected_and_where() {
    for (message_type, path, place, help) in [
        (HL7, "pid-8", "\"pid-8\" at byte 1: a letter", "did you mean \"PID-8\"?"),
        (HL7, "", "\"\"", "PID-5.1"),
        (HL7, "PID-5.x", "at byte 7: a letter", "PID-5.1"),
        (HL7, "PID-0", "at byte 5: a number out of range", "PID-5.1"),
        (HL7, "PID[0]-3", "at byte 5: a number out of range", "PID-5.1"),
        (HL7, "PIDX-3", "at byte 4: a letter", "PID-5.1"),
        (HL7, "PID-5..1", "at byte 7", "PID-5.1"),
        (CSV, "abc", "\"abc\"", "Row/Name"),
        (CSV, "[x]", "\"[x]\"", "Row/Name"),
        (CSV, "", "\"\"", "Row/Name"),
        (XML, "xpath:///", "\"xpath:///\"", "xpath://Child"),
        (XML, "Root//Child", "\"Root//Child\"", "xpath://Child"),
        (JSON, "newtonsoft:$.a[", "\"newtonsoft:$.a[\"", "newtonsoft:$.Patient"),
        (JSON, "a//b", "\"a//b\"", "Patient/Names[1]/Given"),
    ] {
        let found = of_variables(message_type, vec![read(path)]);
        assert_eq!(told(&found), ["WF105 error 2/Transformers/0/FromPath"], "{path}");
        let slip = &found[0];
        assert!(slip.found.as_deref().unwrap().contains(place), "{path}: {slip}");
        assert!(slip.help.as_deref().unwrap().contains(help), "{path}: {slip}");
        assert!(slip.expected.as_deref().is_some_and(|text| text.len() > 10), "{path}: {slip}");
    }
}

#[test]
fn a_path_that_may_be_read_is_left_alone() {
    for (message_type, path) in [
        (HL7, "PID"),
        (HL7, "PID.5"),
        (HL7, "OBX[2]-5[3].1.2"),
        (HL7, "PID-5[*]"),
        (HL7, "PID-${Field}"),
        (HL7, "pid-${Field}"),
        (CSV, "[0]"),
        (CSV, "0"),
        (CSV, "Row[2]/Mrn"),
        (XML, ""),
        (XML, "/Root/p:Child[2]/@code"),
        (XML, "xpath://p:Child"),
        (JSON, ""),
        (JSON, "Patient/Names[1]"),
        (JSON, "newtonsoft:$..Code"),
        (TEXT, ""),
        (TEXT, "pid-8"),
    ] {
        assert_eq!(told(&of_variables(message_type, vec![read(path)])), [] as [&str; 0], "{path}");
    }
}

#[test]
fn of_several_segments_the_first_is_read_and_that_is_a_warning() {
    for path in ["OBX[*]-5", "OBX[*]", "PID-3[*].1"] {
        let found = of_variables(HL7, vec![read(path)]);
        assert_eq!(told(&found), ["WF106 warning 2/Transformers/0/FromPath"], "{path}");
    }
    let each = condition(
        "StringMessageFilter",
        &json!({
            "Path": "OBX[*]-5", "Value": "x", "IncludesRepeatFields": true,
        }),
    );
    let sets = Sets { conditions: vec![each], ..Sets::default() };
    assert_eq!(told(&found([HL7, TEXT], sets)), [] as [&str; 0]);
}

#[test]
fn every_action_and_condition_that_reads_a_place_is_looked_at() {
    let from = |class: &str, path: &str| action(class, &json!({ "FromPath": path }));
    let asks = |class: &str, more: Value| condition(class, &more);
    let parameter = |direction: Value| {
        let mut parameter = from("CreateParameterTransformerAction", "pid-8");
        parameter["FromDirection"] = direction;
        parameter
    };
    let operand = |comparer: Value| {
        asks(
            "StringMessageFilter",
            json!({
                "Path": "PID-8", "Comparer": comparer, "ToPath": "pid-8", "ToSetting": RECEIVER,
            }),
        )
    };
    let variables = vec![
        from("NotificationTransformerAction", "pid-8"),
        from("ForEachTransformerAction", "obx"),
        from("ForEachTransformerAction", "OBX[1]"),
        action(
            "BeginConditionalTransformerAction",
            &json!({
                "Filters": [asks("DateMessageFilter", json!({ "Path": "PID-0" }))], "FromPath": "?",
            }),
        ),
        from("CommentTransformerAction", "?"),
        action(
            "CustomTransformerAction",
            &json!({
                "Parameters": {
                    "a": parameter(json!(0)), "b": parameter(json!("variable")),
                    "c": from("CreateParameterTransformerAction", "pid-8"),
                },
            }),
        ),
        // A text, since no message is named.
        action("NotificationTransformerAction", &json!({ "FromPath": "pid-8", "FromType": 7 })),
    ];
    let conditions = vec![
        asks("StringMessageFilter", json!({ "Path": "pid-8" })),
        asks("ValidMessageFilter", json!({ "Path": "?" })),
        operand(json!(0)),
        operand(json!("Contains")),
        operand(json!("Empty")),
        asks("StringMessageFilter", json!({ "Path": "PID-8", "ToPath": "pid-8" })),
    ];
    let sets = Sets { conditions, variables, ..Sets::default() };
    assert_eq!(
        told(&found([HL7, TEXT], sets)),
        [
            "WF105 error 1/Filters/0/Path",
            "WF105 error 1/Filters/2/ToPath",
            "WF105 error 1/Filters/3/ToPath",
            "WF105 error 2/Transformers/0/FromPath",
            "WF105 error 2/Transformers/1/FromPath",
            "WF105 error 2/Transformers/3/Filters/0/Path",
            "WF105 error 2/Transformers/5/Parameters/a/FromPath",
        ]
    );
}

#[test]
fn a_path_is_judged_in_the_language_of_the_message_that_it_is_meant_for() {
    let of = |setting: &str, direction: i64| {
        let mut read = read("a/b");
        read["FromSetting"] = json!(setting);
        read["FromDirection"] = json!(direction);
        read
    };
    // What is sent is JSON, what was received HL7; only the plugin knows what it is answered.
    let sender = vec![of(SENDER, 1), of(SENDER, 0), of(RECEIVER, 0), write("a/b"), write("a//b")];
    let response = vec![of(SENDER, 1), of(RECEIVER, 1), write("a/b"), write("MSA-1")];
    let variables = vec![of(SENDER, 1)];
    let sets = Sets { sender, response, variables, ..Sets::default() };
    assert_eq!(
        told(&found([HL7, JSON], sets)),
        [
            "WF105 error 5/Transformers/2/FromPath",
            "WF105 error 5/Transformers/4/ToPath",
            "WF105 error 6/Transformers/1/FromPath",
            "WF105 error 6/Transformers/2/ToPath",
        ]
    );
}

#[test]
fn a_write_needs_one_place() {
    let as_structure = |path: &str| {
        let mut write = write(path);
        write["AllowMessageStructureToChange"] = json!(true);
        write
    };
    let sender = vec![
        write("PID-5[*]"),
        as_structure("PID-5[*]"),
        as_structure("OBX[*]-5"),
        write("OBX[${ForEachIterator}]-5"),
    ];
    let found = found([HL7, HL7], Sets { sender, ..Sets::default() });
    assert_eq!(
        told(&found),
        ["WF105 error 5/Transformers/0/ToPath", "WF105 error 5/Transformers/2/ToPath"]
    );
}

#[test]
fn the_received_message_is_written_in_the_filter_of_the_receiver_alone() {
    let append =
        || action("AppendLineTransformerAction", &json!({ "FromPath": "x", "FromDirection": 2 }));
    let to_variable = || {
        let mut write = write("${A}");
        write["ToDirection"] = json!(2);
        write
    };
    let actions = || vec![write("PID-5.1"), append(), to_variable()];
    let sets = Sets {
        filter: actions(),
        variables: actions(),
        sender_filter: actions(),
        sender: actions(),
        response: actions(),
        ..Sets::default()
    };
    let found = found([HL7, HL7], sets);
    assert_eq!(
        told(&found),
        [
            "WF108 error 2/Transformers/0/ToPath",
            "WF108 error 2/Transformers/1/$type",
            "WF108 error 4/Transformers/0/ToPath",
            "WF108 error 4/Transformers/1/$type",
        ]
    );
    assert!(found.iter().all(|it| it.help.is_some() && it.severity == Severity::Error));
}

#[test]
fn a_variable_that_cannot_be_set_or_read_is_an_error() {
    for (name, words) in [
        ("UUID", "choose another name"),
        ("clientip", "choose another name"),
        ("WorkflowErrorMessage", "choose another name"),
        ("Patient ", "call it \"Patient\""),
        ("a:b", "call it \"a_b\""),
        ("a{b}", "call it \"a_b_\""),
        ("a\nb", "call it \"a_b\""),
        ("", "letters and digits"),
    ] {
        let found = of_variables(TEXT, vec![named(name)]);
        assert_eq!(told(&found), ["WF107 error 2/Transformers/0/VariableName"], "{name:?}");
        assert!(found[0].help.as_deref().unwrap().contains(words), "{name:?}: {}", found[0]);
    }
    for name in ["Patient", "Patient name", "WorkflowError", "Now", "${Dynamic} ", "é"] {
        assert_eq!(told(&of_variables(TEXT, vec![named(name)])), [] as [&str; 0], "{name}");
    }
    let mut mapping = write(" ${UUID} ");
    mapping["ToDirection"] = json!("Variable");
    let found = of_variables(TEXT, vec![mapping]);
    assert_eq!(told(&found), ["WF107 error 2/Transformers/0/ToPath"]);
}
