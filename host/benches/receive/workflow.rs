//! The workflows that are measured, and the message that they receive.

use serde_json::{Value, json};

const RECEIVER: &str = "b0000000-0000-4000-8000-000000000001";
const FILTER: &str = "b0000000-0000-4000-8000-000000000002";
const MAPPINGS: &str = "b0000000-0000-4000-8000-000000000003";
const VARIABLES: &str = "b0000000-0000-4000-8000-000000000004";

/// A workflow of so many steps; 8 call the measured plugin four times.
pub(crate) fn of_steps(steps: usize) -> Value {
    let mapping = |from: &str, to: &str| {
        json!({
            "$type": class("CreateMappingTransformerAction"),
            "FromPath": from, "FromDirection": 0, "FromType": 8, "FromSetting": RECEIVER,
            "ToPath": to, "ToDirection": 1, "ToType": 8, "ToSetting": RECEIVER,
        })
    };
    let variable = |name: &str, path: &str| {
        json!({
            "$type": class("CreateVariableTransformerAction"), "VariableName": name,
            "FromPath": path, "FromDirection": 0, "FromType": 8, "FromSetting": RECEIVER,
        })
    };
    let before = match steps {
        8 => vec![custom("Test.Measured", json!({})); 4],
        4 => vec![variable("Kind", "MSH-9.2")],
        _ => Vec::new(),
    };
    let mut receiver = receiver();
    let mut pattern = vec![filter(before)];
    if steps > 1 {
        receiver["ReturnCustomResponse"] = true.into();
        receiver["ResponseMessageTemplate"] =
            "MSH|^~\\&|||||${CurrentDateTime}||ACK|${WorkflowInstanceId}|P|2.5\rMSA|AA|\r".into();
        receiver["Transformers"] = MAPPINGS.into();
        pattern.push(json!({
            "$type": class("TransformerSetting"), "Id": MAPPINGS, "Transformers": [
                mapping("MSH-5", "MSH-3"), mapping("MSH-6", "MSH-4"), mapping("MSH-3", "MSH-5"),
                mapping("MSH-4", "MSH-6"), mapping("MSH-10", "MSA-2") ] }));
    } else {
        receiver["ReturnApplicationAccept"] = true.into();
    }
    if steps > 2 {
        receiver["VariableTransformers"] = VARIABLES.into();
        pattern.push(json!({
            "$type": class("TransformerSetting"), "Id": VARIABLES,
            "Transformers": [variable("Patient", "PID-3.1"), variable("Ward", "PV1-3.1")] }));
    }
    pattern.insert(0, receiver);
    file(pattern)
}

/// The standard filter, and one custom transformer before it.
pub(crate) fn with_transformer(type_name: &str, parameters: Value) -> Value {
    let mut receiver = receiver();
    receiver["ReturnApplicationAccept"] = true.into();
    file(vec![receiver, filter(vec![custom(type_name, parameters)])])
}

/// A filter of somebody else, and nothing besides.
pub(crate) fn with_filter(mut setting: Value) -> Value {
    let mut receiver = receiver();
    receiver["ReturnApplicationAccept"] = true.into();
    setting["Id"] = FILTER.into();
    file(vec![receiver, setting])
}

/// A copy that stands beside others: on the port, under a path of its own.
pub(crate) fn beside(workflow: &Value, port: u16, number: usize) -> Value {
    // All ids are alike up to their ends: the number goes into the group before it.
    let text = workflow.to_string().replace("-8000-", &format!("-{:04x}-", 0x8000 + number));
    let mut copy: Value = serde_json::from_str(&text).unwrap();
    copy["Name"] = format!("Benchmark {number}").into();
    let receiver = &mut copy["WorkflowPattern"][0];
    receiver["Port"] = port.into();
    receiver["ServiceName"] = format!("idle/{number}").into();
    copy
}

fn class(name: &str) -> String {
    format!("HL7Soup.Functions.Settings.{name}, HL7SoupWorkflow")
}

fn file(pattern: Vec<Value>) -> Value {
    json!({ "Name": "Benchmark", "WorkflowId": RECEIVER, "WorkflowPattern": pattern })
}

fn receiver() -> Value {
    json!({
        "$type": class("Receivers.HttpReceiverSetting"), "Id": RECEIVER, "Name": "In",
        "MessageType": 1, "ServiceName": "adt/in", "Port": 0, "UseSsl": true,
        "Filters": FILTER, "Activities": [],
    })
}

/// Lets admissions through, after what its transformers do.
fn filter(before: Vec<Value>) -> Value {
    json!({ "$type": class("Filters.FilterHostSetting"), "Id": FILTER,
      "Transformers": before, "Filters": [
        { "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
          "Path": "MSH-9.1", "Comparer": 0, "Value": "ADT", "FromDirection": 0,
          "FromType": 8, "FromSetting": RECEIVER } ] })
}

fn custom(type_name: &str, parameters: Value) -> Value {
    json!({
        "$type": class("CustomTransformerAction"), "CustomTransformerTypeName": type_name,
        "CustomTransformerName": type_name, "Parameters": parameters,
    })
}

/// An admission of about 1 KB; the person is invented.
pub(crate) fn adt() -> Vec<u8> {
    let mut text = String::from(
        "MSH|^~\\&|ADTAPP|NORTHWING|TUREEN|ARCHIVE|20260301101500||ADT^A01^ADT_A01|BENCH-1|P|2.5\r\
         EVN|A01|20260301101500\r\
         PID|1||778899^^^NORTHWING^MR~5551234^^^NATIONAL^NI||Fictitious^Anna^Berta||19710823|F|||12 Elm Street^^Springfield^IL^62701||555-0142|555-0143||M||90001\r\
         NK1|1|Fictitious^Paul|SPO|12 Elm Street^^Springfield^IL^62701|555-0144\r\
         PV1|1|I|4WEST^12^A^NORTHWING||||1234^Adams^Grace|2345^Brook^Henry|||MED||||||||VN-4711|||||||||||||||||||||||||20260301101000\r",
    );
    let mut number = 1;
    while text.len() < 1_000 {
        text.push_str(&format!("OBX|{number}|NM|8302-2^Height^LN||17{number}|cm|||||F\r"));
        number += 1;
    }
    text.into_bytes()
}
