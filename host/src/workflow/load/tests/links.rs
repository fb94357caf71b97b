use super::{RECEIVER_ID, check, defined, filter, id, sender, shown, told, transformers, workflow};
use crate::workflow::definition::{FILTER_CLASS, Role, TRANSFORMER_CLASS};

fn activities(ends: &[u8]) -> String {
    let ids: Vec<String> = ends.iter().map(|end| format!("\"{}\"", id(*end))).collect();
    format!("\"Activities\":[{}]", ids.join(","))
}

fn linked(name: &str, end: u8) -> String {
    format!("\"{name}\":\"{}\"", id(end))
}

#[test]
fn steps_come_in_the_order_of_execution_with_owner_role_and_place() {
    let receiver = [
        activities(&[5, 4]),
        linked("Filters", 2),
        linked("VariableTransformers", 3),
        linked("Transformers", 7),
        r#""ReturnCustomResponse":true,"ResponseMessageTemplate":"x""#.to_owned(),
        r#""ReturnApplicationAccept":false"#.to_owned(),
    ]
    .join(",");
    let settings = [
        filter(2, r#""Transformers":[{"$type":"T"}],"Filters":[{"$type":"C","Not":null}]"#),
        transformers(3, r#""Transformers":[]"#),
        sender(4, "B", &linked("Transformers", 3)),
        sender(5, "A", &linked("Filters", 6)),
        filter(6, r#""Transformers":[],"Filters":[]"#),
        transformers(7, ""),
    ];
    let text = workflow(&receiver, &settings);
    assert_eq!(told(&text), ["(WF011 #0/ReturnApplicationAccept)"]);
    let definition = defined(&text);
    let steps: Vec<(&str, String, &str, &str)> = definition
        .steps()
        .map(|step| {
            (
                step.role.name(),
                step.owner.to_string(),
                step.type_name.as_str(),
                step.pointer.as_str(),
            )
        })
        .collect();
    let sender_class = "HL7Soup.Functions.Settings.Senders.FileWriterSenderSetting";
    assert_eq!(
        steps,
        [
            ("filter-transformers", id(1), FILTER_CLASS, "/WorkflowPattern/1"),
            ("filter", id(1), FILTER_CLASS, "/WorkflowPattern/1"),
            ("receiver-variables", id(1), TRANSFORMER_CLASS, "/WorkflowPattern/2"),
            ("filter", id(5), FILTER_CLASS, "/WorkflowPattern/5"),
            ("activity", id(5), sender_class, "/WorkflowPattern/4"),
            ("activity-transformers", id(4), TRANSFORMER_CLASS, "/WorkflowPattern/2"),
            ("activity", id(4), sender_class, "/WorkflowPattern/3"),
            ("response-transformers", id(1), TRANSFORMER_CLASS, "/WorkflowPattern/6"),
        ]
    );
    let first = definition.steps().next().unwrap();
    assert!(first.settings.ends_with(r#""Filters":[{"$type":"C"}]}"#), "{}", first.settings);
    let (pointer, position) = definition.locate(first, "/Filters/0/$type");
    assert_eq!(pointer, "/WorkflowPattern/1/Filters/0/$type");
    assert_eq!(position, definition.document.position_of(&pointer));
    let (_, missing) = definition.locate(first, "/Filters/7/Path");
    assert_eq!(missing, definition.document.position_of("/WorkflowPattern/1/Filters"));
}

#[test]
fn a_link_to_nothing_is_told_at_the_link_with_candidates() {
    let text = workflow(&activities(&[2, 9]), &[sender(2, "Archive", "")]);
    check(&text, &["WF030 #0/Activities/1"]);
    let expected = format!(
        "\
error[WF030]: Activities names a setting that the workflow does not have
  at        test.hl7Workflow:2:226
  field     /WorkflowPattern/0/Activities/1
  expected  the Id of an activity
  found     {}
  help      did you mean \"Archive\" ({})?",
        id(9),
        id(2)
    );
    assert_eq!(shown(&text, "WF030"), expected);
    let far =
        workflow(&activities(&[2]).replace(&id(2), &"a".repeat(32)), &[sender(2, "Archive", "")]);
    assert!(shown(&far, "WF030").contains(&format!("help      there is \"Archive\" ({})", id(2))));
    let none = workflow(&linked("Filters", 9), &[]);
    assert!(shown(&none, "WF030").contains("the workflow has none"));
}

#[test]
fn a_link_to_the_wrong_kind_is_told() {
    check(&workflow(&activities(&[2]), &[filter(2, "")]), &["WF031 #0/Activities/0", "(WF033 #1)"]);
    check(&workflow(&activities(&[1]), &[]), &["WF031 #0/Activities/0"]);
    check(
        &workflow(&linked("Filters", 2), &[transformers(2, "")]),
        &["WF031 #0/Filters", "(WF033 #1)"],
    );
    check(
        &workflow(&linked("VariableTransformers", 2), &[sender(2, "A", "")]),
        &["WF031 #0/VariableTransformers", "(WF033 #1)"],
    );
    check(&workflow("\"Filters\":{\"Id\":1}", &[]), &["WF015 #0/Filters"]);
    check(&workflow("\"Filters\":\"abc\"", &[]), &["WF025 #0/Filters"]);
    check(&workflow("\"Activities\":\"abc\"", &[]), &["WF015 #0/Activities"]);
    check(&workflow("\"Activities\":[7]", &[]), &["WF015 #0/Activities/0"]);
}

#[test]
fn empty_and_zero_links_are_no_links() {
    let zero = "00000000-0000-0000-0000-000000000000";
    let receiver = format!(
        r#""Filters":"","Transformers":"{zero}","VariableTransformers":null,"Activities":[""]"#
    );
    check(&workflow(&receiver, &[]), &[]);
}

#[test]
fn what_nothing_links_to_is_told() {
    check(
        &workflow("", &[sender(2, "A", ""), filter(3, ""), transformers(4, "")]),
        &["(WF033 #1)", "(WF033 #2)", "(WF033 #3)"],
    );
}

#[test]
fn an_activity_runs_once_and_has_a_name_of_its_own() {
    check(&workflow(&activities(&[2, 2]), &[sender(2, "A", "")]), &["WF032 #0/Activities/1"]);
    let same = [sender(2, "A", ""), sender(3, "a", "")];
    check(&workflow(&activities(&[2, 3]), &same), &["(WF038 #2/Name)"]);
}

#[test]
fn a_disabled_activity_may_be_invalid_and_has_no_steps() {
    let invalid = r#""MessageType":3,"Filters":"nonsense","Disabled":true"#;
    let text = workflow(&activities(&[2, 3]), &[sender(2, "Off", invalid), sender(3, "On", "")]);
    check(&text, &["(WF041 #1/MessageType)", "(WF025 #1/Filters)"]);
    let definition = defined(&text);
    assert_eq!(definition.activities.len(), 2);
    assert!(definition.activities[0].disabled && !definition.activities[1].disabled);
    assert_eq!(definition.steps().filter(|step| step.role == Role::Activity).count(), 1);
}

#[test]
fn a_disabled_receiver_is_kept_and_forgiven() {
    let text = workflow(r#""Disabled":"true","Port":-5,"Authentication":true"#, &[]);
    let definition = defined(&text);
    assert!(definition.receiver.disabled);
    assert!(told(&text).iter().all(|line| line.starts_with('(')), "{:?}", told(&text));
}

#[test]
fn disabled_and_unavailable_steps_are_left_out_and_told() {
    let receiver = format!(
        "{},{},{}",
        linked("Filters", 2),
        linked("VariableTransformers", 3),
        activities(&[4])
    );
    let available = format!("{},\"TransformersNotAvailable\":true", linked("Transformers", 5));
    let text = workflow(
        &receiver,
        &[
            filter(2, "\"Disabled\":true"),
            transformers(3, "\"Disabled\":1"),
            sender(4, "A", &available),
            transformers(5, ""),
        ],
    );
    check(&text, &["(WF035 #1/Disabled)", "(WF035 #2/Disabled)", "(WF036 #3/Transformers)"]);
    assert_eq!(defined(&text).steps().count(), 1);
}

fn reads(setting: &str, direction: &str) -> String {
    format!(
        r#""Transformers":[
        {{"FromPath":"x","FromSetting":"{setting}","FromDirection":{direction}}}]"#
    )
}

/// What is told about a set of transformers of the first of two activities that
/// reads this message.
fn told_of_reading(setting: &str, direction: &str) -> Vec<String> {
    let text = workflow(
        &activities(&[2, 3]),
        &[
            sender(2, "First", &linked("Transformers", 4)),
            sender(3, "Second", ""),
            transformers(4, &reads(setting, direction)),
            sender(5, "Unlisted", ""),
            filter(6, ""),
        ],
    );
    told(&text).into_iter().filter(|line| !line.contains("WF033")).collect()
}

#[test]
fn reading_a_message_that_is_never_there_is_told() {
    let early: &[&str] = &["(WF034 #3/Transformers/0/FromSetting)"];
    for (setting, direction, expected) in [
        (RECEIVER_ID.to_owned(), "0", &[] as &[&str]),
        (RECEIVER_ID.to_owned(), "\"Outbound\"", early),
        (id(2), "1", &[]),
        (id(2), "0", early),
        (id(3), "1", early),
        (id(5), "0", early),
        (id(9), "0", &["WF030 #3/Transformers/0/FromSetting"]),
        (id(6), "0", &["WF031 #3/Transformers/0/FromSetting"]),
        ("nonsense".to_owned(), "0", &["WF025 #3/Transformers/0/FromSetting"]),
        (id(9), "2", &[]),
        (id(9), "\"variable\"", &[]),
        (String::new(), "0", &[]),
        (id(2), "7", &["WF016 #3/Transformers/0/FromDirection"]),
    ] {
        assert_eq!(told_of_reading(&setting, direction), expected, "{setting} {direction}");
    }
}

#[test]
fn an_earlier_activity_may_be_read_and_a_disabled_one_not() {
    let text = |more: &str| {
        workflow(
            &activities(&[2, 3]),
            &[
                sender(2, "First", more),
                sender(3, "Second", &linked("Filters", 4)),
                filter(4, &format!(r#""Filters":[{{"Path":"x","FromSetting":"{}"}}]"#, id(2))),
            ],
        )
    };
    check(&text(""), &[]);
    check(&text("\"Disabled\":true"), &["(WF034 #3/Filters/0/FromSetting)"]);
}

#[test]
fn receiver_steps_cannot_read_activities() {
    let text = workflow(
        &format!("{},{}", activities(&[2]), linked("VariableTransformers", 3)),
        &[sender(2, "A", ""), transformers(3, &reads(&id(2), "0"))],
    );
    check(&text, &["(WF034 #2/Transformers/0/FromSetting)"]);
}

#[test]
fn parameters_are_texts_unless_they_say_otherwise() {
    let header = |more: &str| {
        let headers =
            format!(r#""Headers":[{{"Name":"X","Value":"y","FromSetting":"{}"{more}}}]"#, id(9));
        told(&workflow(&activities(&[2]), &[sender(2, "A", &headers)]))
    };
    assert_eq!(header(""), Vec::<String>::new());
    assert_eq!(header(",\"FromDirection\":0"), ["WF030 #1/Headers/0/FromSetting"]);
}

#[test]
fn a_foreign_class_keeps_its_own_meaning_of_properties() {
    let foreign = format!(
        r#"{{"$type":"Acme.Fax, Acme","Id":"{}","Name":"Fax","FromSetting":"{}"}}"#,
        id(2),
        id(9)
    );
    let text = workflow(&activities(&[2]), &[foreign]);
    check(&text, &[]);
    assert_eq!(defined(&text).activities[0].step.type_name, "Acme.Fax");
}

#[test]
fn templates_name_messages_that_are_there() {
    let template = |placeholder: &str| {
        let property = format!(r#""MessageTemplate":"a ${{{placeholder}}} b""#);
        told(&workflow(&activities(&[2, 3]), &[sender(2, "A", &property), sender(3, "B", "")]))
    };
    assert_eq!(template(&format!("{RECEIVER_ID} inbound")), Vec::<String>::new());
    assert_eq!(template("00000000-0000-0000-0000-000000000000 inbound"), Vec::<String>::new());
    assert_eq!(template(&format!("{} outbound", id(3))), ["(WF034 #1/MessageTemplate)"]);
    assert_eq!(template(&format!("{} inbound", id(9))), ["WF030 #1/MessageTemplate"]);
    assert_eq!(template("Name:Truncate(x)"), ["WF065 #1/MessageTemplate"]);
}

#[test]
fn two_characters_in_place_of_a_segment_end_are_told() {
    let template = |text: &str, message_type: u8| {
        let property = format!(r#""MessageType":{message_type},"MessageTemplate":"{text}""#);
        told(&workflow(&activities(&[2]), &[sender(2, "A", &property)]))
    };
    assert_eq!(template(r"MSH|^~\\&|A\\rPID|1", 1), ["(WF019 #1/MessageTemplate)"]);
    assert_eq!(template(r"MSH|^~\\&|A\rPID|1", 1), Vec::<String>::new());
    assert_eq!(template(r"MSH|^~\\&|c:\\reports\\rag", 1), Vec::<String>::new());
    assert_eq!(template(r"MSH|^~\\&|A\\rPID|1", 13), Vec::<String>::new());
}

#[test]
fn the_message_type_of_each_class_is_known_when_it_is_not_written() {
    let of = |class: &str| {
        let text =
            workflow(&activities(&[2]), &[super::setting(&format!("Senders.{class}"), 2, "A", "")]);
        told(&text)
    };
    for class in ["HttpSenderSetting", "WebServiceSenderSetting", "DicomSenderSetting"] {
        assert_eq!(of(class), Vec::<String>::new(), "{class}");
    }
    assert_eq!(of("DatabaseSenderSetting"), ["WF041 #1/MessageType"]);
}
