use tureen_template::SettingId;

use super::{RECEIVER_ID, check, defined, id, loaded, sender, shown, told, workflow};
use crate::workflow::definition::ReceiverKind;

#[test]
fn the_minimal_workflow_loads_without_a_finding() {
    let text = workflow("", &[]);
    check(&text, &[]);
    let definition = defined(&text);
    assert_eq!(definition.id, RECEIVER_ID.parse::<SettingId>().unwrap());
    assert_eq!(definition.name, "Test");
    assert_eq!(definition.receiver.name, "In");
    assert_eq!(definition.modified, None);
    assert!(definition.activities.is_empty());
    assert_eq!(definition.steps().count(), 0);
    assert_eq!(definition.digest, definition.document.digest());
    assert_ne!(definition.digest, [0; 32]);
}

#[test]
fn what_is_no_workflow_says_what_one_is() {
    check("{}", &["WF009 "]);
    check("5", &["WF009 "]);
    check("null", &["WF009 "]);
    check(r#"{"WorkflowPattern":{"a":1}}"#, &["WF009 /WorkflowPattern"]);
    check(r#"{"WorkflowPattern":[]}"#, &["WF026 /WorkflowPattern"]);
    check("[]", &["WF026 ", "(WF010 )"]);
    check(r#"{"WorkflowPattern":[5]}"#, &["WF026 /WorkflowPattern", "WF020 #0"]);
    check("{\"a\":", &["WF007 -"]);
}

#[test]
fn a_bare_array_is_read_with_a_warning() {
    let text = workflow("", &[]);
    let array = text.split_once("\"WorkflowPattern\":").unwrap().1.trim_end_matches('}');
    let array = format!("{}}}]", array.trim_end_matches(']').trim_end_matches('}'));
    assert_eq!(told(&array), ["(WF010 )"]);
    let definition = defined(&array);
    assert_eq!(definition.id, definition.receiver.id);
    assert_eq!((definition.name.as_str(), definition.receiver.pointer.as_str()), ("In", "/0"));
}

#[test]
fn the_whole_file_may_be_wrapped_repeated_and_written_in_other_cases() {
    let text = workflow("", &[])
        .replace("\"WorkflowPattern\":[", "\"WorkflowPattern\":{\"$type\":\"x\",\"$values\":[")
        .replace("}]}", "}]}}")
        .replace("\"Name\":\"In\"", "\"name\":\"In\"");
    check(&text, &["(WF014 #0/name)"]);
    assert_eq!(defined(&text).receiver.name, "In");
    let renamed = workflow("\"Name\":\"Again\"", &[]);
    check(&renamed, &["(WF011 #0/Name)"]);
    assert_eq!(defined(&renamed).receiver.name, "Again");
}

#[test]
fn names_fall_back_from_the_wrapper_to_the_receiver() {
    let without = |name: &str| workflow(name, &[]).replace("\"Name\":\"Test\",", "");
    assert_eq!(defined(&without("")).name, "In");
    assert_eq!(defined(&without("\"WorkflowPatternName\":\"Pattern\"")).name, "Pattern");
    let nameless = without("").replace(",\"Name\":\"In\"", "");
    assert_eq!(defined(&nameless).name, "HttpReceiverSetting");
}

#[test]
fn unknown_properties_are_told_with_the_one_that_was_meant() {
    let text = workflow(r#""ServiecName":"x","Colour":1,"$meta":2"#, &[])
        .replace("\"Name\":\"Test\"", "\"Name\":\"Test\",\"Comment\":\"c\"");
    check(&text, &["(WF013 /Comment)", "(WF013 #0/ServiecName)", "(WF013 #0/Colour)"]);
    let diagnostics = loaded(&text).diagnostics;
    assert_eq!(diagnostics[1].help.as_deref(), Some("did you mean \"ServiceName\"?"));
    assert_eq!(diagnostics[2].help, None);
}

#[test]
fn a_file_needs_exactly_one_receiver() {
    let second = super::setting("Receivers.HttpReceiverSetting", 9, "Second", "");
    check(&workflow("", &[second]), &["WF027 #1"]);
    let named = workflow("", &[super::setting("Receivers.HttpReceiverSetting", 9, "Second", "")])
        .replacen(RECEIVER_ID, &id(9), 1);
    check(&named, &["WF027 #0"]);
    assert_eq!(loaded(&named).definition.unwrap().receiver.name, "Second");
}

#[test]
fn another_workflow_id_is_kept_and_told() {
    let text = workflow("", &[]).replacen(RECEIVER_ID, &id(9), 1);
    check(&text, &["(WF028 /WorkflowId)"]);
    assert_eq!(defined(&text).id, id(9).parse::<SettingId>().unwrap());
    let none = workflow("", &[]).replacen(RECEIVER_ID, "", 1);
    check(&none, &[]);
    assert_eq!(defined(&none).id, defined(&none).receiver.id);
    let bad = workflow("", &[]).replacen(RECEIVER_ID, "12", 1);
    check(&bad, &["WF025 /WorkflowId"]);
}

#[test]
fn ids_are_read_in_every_form_of_a_guid() {
    let digits = RECEIVER_ID.replace('-', "");
    for form in [
        RECEIVER_ID.to_uppercase(),
        digits.clone(),
        format!("{{{RECEIVER_ID}}}"),
        format!("({RECEIVER_ID})"),
        format!("  {RECEIVER_ID} "),
    ] {
        let text = workflow("", &[]).replacen(RECEIVER_ID, &form, 1);
        check(&text, &[]);
    }
}

#[test]
fn a_setting_without_type_or_with_the_old_property_is_told() {
    let text = workflow("", &[]).replace("$type", "kind");
    // Nothing tells that it is a receiver.
    check(&text, &["WF026 /WorkflowPattern", "WF021 #0"]);
    let guessed = workflow("\"Activities\":[]", &[]).replace("$type", "$kind");
    check(&guessed, &["WF021 #0"]);
    let kind = &loaded(&guessed).definition.unwrap().receiver.kind;
    assert!(matches!(kind, ReceiverKind::Unsupported { class } if class.is_empty()), "{kind:?}");
    for (old, class) in [
        ("SettingType", "HttpReceiverSetting"),
        ("FunctionProviderType", "HL7Soup.Functions.Settings.Receivers.HttpReceiverSetting, X"),
    ] {
        let text = workflow("", &[]).replace(
            &format!("\"$type\":\"{}, HL7SoupWorkflow\"", super::HTTP),
            &format!("\"{old}\":\"{class}\""),
        );
        check(&text, &[&format!("(WF017 #0/{old})")]);
        super::http(&defined(&text));
    }
}

#[test]
fn a_misspelt_class_is_told_and_read_as_what_was_meant() {
    let text =
        workflow("", &[]).replace("Receivers.HttpReceiverSetting", "Receivers.HttpReciverSetting");
    check(&text, &["WF022 #0/$type"]);
    let expected = "\
error[WF022]: the $type of \"In\" is misspelt
  at        test.hl7Workflow:2:10
  field     /WorkflowPattern/0/$type
  expected  HL7Soup.Functions.Settings.Receivers.HttpReceiverSetting
  found     \"HL7Soup.Functions.Settings.Receivers.HttpReciverSetting\"
  help      did you mean \"HL7Soup.Functions.Settings.Receivers.HttpReceiverSetting\"?";
    assert_eq!(shown(&text, "WF022"), expected);
    super::http(&loaded(&text).definition.unwrap());
}

#[test]
fn every_id_is_there_and_unique() {
    let activities = format!(r#""Activities":["{}"]"#, id(2));
    let twice = workflow(&activities, &[sender(2, "A", ""), sender(2, "B", "")]);
    check(&twice, &["(WF033 #2)", "WF024 #2/Id"]);
    assert!(shown(&twice, "WF024").contains("found     \"A\" on line 3 has it too"));
    let missing = workflow(
        &activities,
        &[sender(2, "A", ""), sender(3, "B", "").replace("\"Id\"", "\"$id\"")],
    );
    check(&missing, &["WF023 #2", "(WF033 #2)"]);
    let zero =
        workflow("", &[sender(0, "A", "").replace(&id(0), "00000000-0000-0000-0000-000000000000")]);
    check(&zero, &["WF023 #1", "(WF033 #1)"]);
    let bad = workflow("", &[sender(0, "A", "").replace(&id(0), "nonsense")]);
    check(&bad, &["(WF033 #1)", "WF025 #1/Id"]);
}

#[test]
fn the_number_of_settings_is_limited() {
    let many: Vec<String> = (0..super::super::settings::SETTINGS_MAX)
        .map(|index| {
            format!(r#"{{"$type":"A.B","Id":"{index:032x}"}}"#)
                .replace(&"0".repeat(32), RECEIVER_ID)
        })
        .collect();
    let codes = told(&workflow("", &many));
    assert!(codes.contains(&"WF029 /WorkflowPattern".to_owned()));
    assert!(codes.contains(&"WF099 -".to_owned()) || codes.contains(&"(WF099 -)".to_owned()));
    assert!(codes.len() <= super::super::findings::FINDINGS_MAX + 1, "{}", codes.len());
}

#[test]
fn an_error_that_is_not_shown_still_forbids_to_run() {
    let many: Vec<String> =
        (0..400).map(|index| format!(r#"{{"$type":"A.B","Id":"{index}x"}}"#)).collect();
    let loaded = loaded(&workflow("", &many));
    assert!(loaded.runnable().is_none());
    let last = loaded.diagnostics.iter().find(|told| told.code.as_str() == "WF099").unwrap();
    assert!(last.is_error(), "{last}");
}
