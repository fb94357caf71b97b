//! Conditions and transformer actions.

use serde_json::{Value, json};

use super::workflow::{RECEIVER_ID, activity_id};

fn class(name: &str) -> String {
    format!("HL7Soup.Functions.Settings.{name}, HL7SoupWorkflow")
}

/// A place of the received message equals a text.
pub(crate) fn equals(path: &str, value: &str) -> Value {
    json!({
        "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow", "Path": path,
        "Comparer": 0, "Value": value, "FromDirection": 0, "FromType": 8,
        "FromSetting": RECEIVER_ID,
    })
}

/// Only admissions.
pub(crate) fn only_adt() -> Vec<Value> {
    vec![equals("MSH-9.1", "ADT")]
}

/// A variable from a place of the received message.
pub(crate) fn set_variable(name: &str, path: &str) -> Value {
    json!({
        "$type": class("CreateVariableTransformerAction"), "VariableName": name, "FromPath": path,
        "FromDirection": 0, "FromType": 8, "FromSetting": RECEIVER_ID,
    })
}

/// A variable from a text with placeholders.
pub(crate) fn set_variable_to(name: &str, text: &str) -> Value {
    json!({
        "$type": class("CreateVariableTransformerAction"), "VariableName": name, "FromPath": text,
        "FromDirection": 2, "FromType": 7,
    })
}

/// A mapping from the received message into the first activity's message.
pub(crate) fn map(from: &str, to: &str) -> Value {
    json!({
        "$type": class("CreateMappingTransformerAction"), "FromPath": from, "FromDirection": 0,
        "FromType": 8, "FromSetting": RECEIVER_ID, "ToPath": to, "ToDirection": 1, "ToType": 8,
        "ToSetting": activity_id(1),
    })
}

/// A mapping from a text with placeholders into the first activity's message.
pub(crate) fn map_text(text: &str, to: &str) -> Value {
    json!({
        "$type": class("CreateMappingTransformerAction"), "FromPath": text, "FromDirection": 2,
        "FromType": 7, "ToPath": to, "ToDirection": 1, "ToType": 8, "ToSetting": activity_id(1),
    })
}

/// Lets a mapping bring separators of its own.
pub(crate) fn structure(mut mapping: Value) -> Value {
    mapping["AllowMessageStructureToChange"] = json!(true);
    mapping
}

pub(crate) fn begin_if(conditions: Vec<Value>) -> Value {
    json!({ "$type": class("BeginConditionalTransformerAction"), "Filters": conditions })
}

pub(crate) fn end_if() -> Value {
    json!({ "$type": class("EndConditionalTransformerAction") })
}

/// A loop over the siblings of a place of the received message.
pub(crate) fn for_each(path: &str) -> Value {
    json!({
        "$type": class("ForEachTransformerAction"), "FromPath": path, "FromDirection": 0,
        "FromType": 11, "FromSetting": RECEIVER_ID,
    })
}

pub(crate) fn next() -> Value {
    json!({ "$type": class("NextTransformerAction") })
}

/// Appends a text with placeholders to the first activity's message.
pub(crate) fn append_line(text: &str) -> Value {
    json!({
        "$type": class("AppendLineTransformerAction"), "FromPath": text, "FromDirection": 2,
        "FromType": 7, "ToDirection": 1, "ToSetting": activity_id(1),
    })
}

/// A notification with a text with placeholders.
pub(crate) fn notification(text: &str, critical: bool) -> Value {
    json!({
        "$type": class("NotificationTransformerAction"), "FromPath": text, "FromDirection": 2,
        "FromType": 7, "Critical": critical,
    })
}

/// Calls a transformer plugin by its type name.
pub(crate) fn custom(type_name: &str) -> Value {
    json!({
        "$type": class("CustomTransformerAction"), "CustomTransformerTypeName": type_name,
        "CustomTransformerName": type_name, "Parameters": {},
    })
}
