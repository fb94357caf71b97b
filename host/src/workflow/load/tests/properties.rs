//! No input panics, whatever was done to a workflow file.

use proptest::prelude::*;
use serde_json::Value;

use crate::workflow::purpose::Purpose;

use super::{filter, id, loaded, sender, transformers, workflow};

/// A workflow with one of everything.
fn rich() -> Value {
    let receiver = format!(
        r#""Activities":["{}","{}"],"Filters":"{}","VariableTransformers":"{}","MessageType":5,
        "MessageTypeOptions":{{"Delimiter":";"}},
        "QueryStringParameters":{{"a":{{"VariableName":"b"}}}},
        "UrlSections":[{{"VariableName":"c"}}],"ReponsePriority":2,
        "ReturnResponseFromActivity":true,
        "ReturnResponseFromActivityId":"{}","UseSsl":true,"Authentication":true"#,
        id(2),
        id(3),
        id(4),
        id(5),
        id(2)
    );
    let text = workflow(
        &receiver,
        &[
            sender(
                2,
                "A",
                &format!(r#""MessageTemplate":"${{{} inbound}}","Filters":"{}""#, id(3), id(4)),
            ),
            sender(3, "B", &format!(r#""Transformers":"{}""#, id(5))),
            filter(4, &format!(r#""Transformers":[{{"FromSetting":"{}"}}],"Filters":[]"#, id(2))),
            transformers(
                5,
                &format!(r#""Transformers":[{{"FromSetting":"{}","FromDirection":1}}]"#, id(3)),
            ),
        ],
    );
    serde_json::from_str(&text).unwrap()
}

/// Every place of a value, as JSON pointers.
fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                pointers(
                    member,
                    &format!("{here}/{}", name.replace('~', "~0").replace('/', "~1")),
                    all,
                );
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                pointers(element, &format!("{here}/{index}"), all);
            }
        }
        _ => {}
    }
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        (0_u8..9).prop_map(|end| Value::from(id(end))),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
        Just(serde_json::json!({"$values": [{"$values": [null, 1]}]})),
        Just(rich()),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let loaded = super::load(std::path::Path::new("x"), bytes, Purpose::Serve);
        prop_assert!(loaded.runnable().is_none());
    }

    #[test]
    fn a_workflow_with_values_replaced_never_panics_and_is_told_with_places(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), anything()), 1..4)
    ) {
        let mut value = rich();
        for (which, new) in changes {
            let mut all = Vec::new();
            pointers(&value, "", &mut all);
            if let Some(place) = value.pointer_mut(which.get::<String>(&all)) {
                *place = new;
            }
        }
        let loaded = loaded(&value.to_string());
        if loaded.definition.is_none() {
            prop_assert!(loaded.diagnostics.iter().any(crate::diagnostics::Diagnostic::is_error));
        }
        for told in &loaded.diagnostics {
            prop_assert!(told.position.is_some() || told.code.as_str() == "WF099", "{told}");
            prop_assert!(!told.message.is_empty());
        }
        if let Some(definition) = &loaded.definition {
            for step in definition.steps() {
                let node = definition.document.node(&step.pointer);
                prop_assert_eq!(node.map(|node| node.to_json()), Some(step.settings.to_string()));
            }
        }
    }

    #[test]
    fn a_workflow_with_bytes_changed_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = rich().to_string().into_bytes();
        for (which, byte) in changes {
            let place = which.index(bytes.len());
            bytes[place] = byte;
        }
        super::load(std::path::Path::new("x"), bytes, Purpose::Serve);
    }
}
