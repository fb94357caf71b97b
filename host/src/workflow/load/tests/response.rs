use tureen_template::SettingId;

use super::{check, defined, id, loaded, sender, told, transformers, workflow};
use crate::workflow::definition::{ResponseMode, ResponsePriority};

/// A receiver that answers as these properties say, with one activity.
fn answering(properties: &str) -> String {
    let activities = format!(r#""Activities":["{}"],{properties}"#, id(2));
    workflow(&activities, &[sender(2, "Archive", "")])
        .replace("\"ReturnApplicationAccept\":true,\"Act", "\"Act")
}

fn mode(properties: &str) -> ResponseMode {
    loaded(&answering(properties)).definition.unwrap().receiver.response.mode
}

fn flags(names: &[(&str, &str)]) -> String {
    let written: Vec<String> =
        names.iter().map(|(name, value)| format!("\"Return{name}\":{value}")).collect();
    written.join(",")
}

#[test]
fn the_strongest_written_flag_decides_and_a_default_never_beats_it() {
    let error = ResponseMode::Error { message: String::new() };
    let reject = ResponseMode::Reject { message: String::new() };
    let from = format!(r#""ReturnResponseFromActivityId":"{}","Version":2"#, id(2));
    let activity = ResponseMode::FromActivity {
        id: id(2).parse::<SettingId>().unwrap(),
        name: "Archive".to_owned(),
    };
    for (names, expected) in [
        (&[("NoResponse", "true")] as &[(&str, &str)], ResponseMode::None),
        (&[("NoResponse", "true"), ("ApplicationError", "true")], ResponseMode::None),
        (&[("ApplicationError", "true"), ("ApplicationReject", "true")], error),
        (&[("ApplicationReject", "true"), ("ResponseFromActivity", "true")], reject),
        (&[("ResponseFromActivity", "true"), ("CustomResponse", "true")], activity.clone()),
        (&[("ResponseFromActivity", "true")], activity),
        (&[("CustomResponse", "true"), ("ApplicationAccept", "true")], ResponseMode::Custom),
        (&[("CustomResponse", "false"), ("ApplicationAccept", "true")], ResponseMode::Accept),
        (&[("ApplicationAccept", "true")], ResponseMode::Accept),
        (&[("CustomResponse", "false")], ResponseMode::Accept),
        (&[("CustomResponse", "false"), ("ApplicationAccept", "false")], ResponseMode::Accept),
        // A default makes no response of nothing.
        (&[("ApplicationAccept", "false")], ResponseMode::Accept),
        (&[("NoResponse", "false")], ResponseMode::Accept),
        (&[], ResponseMode::Accept),
    ] {
        let written = flags(names);
        let comma = if written.is_empty() { "" } else { "," };
        assert_eq!(mode(&format!("{written}{comma}{from}")), expected, "{written}");
        let by_default = names.iter().all(|(_, value)| *value == "false")
            && !names.iter().any(|(name, _)| *name == "CustomResponse");
        let with_text = if by_default { ResponseMode::Custom } else { expected };
        let template = "\"ResponseMessageTemplate\":\"x\"";
        assert_eq!(mode(&format!("{written}{comma}{template},{from}")), with_text, "{written}");
    }
}

#[test]
fn without_a_mode_only_hl7_is_acknowledged() {
    assert_eq!(mode("\"ReturnCustomResponse\":false"), ResponseMode::Accept);
    assert_eq!(mode("\"ReturnCustomResponse\":false,\"MessageType\":11"), ResponseMode::None);
    let properties = "\"ReturnApplicationError\":true,\"ErrorMessage\":\"closed\"";
    assert_eq!(mode(properties), ResponseMode::Error { message: "closed".to_owned() });
    let properties = "\"ReturnApplicationReject\":true,\"RejectMessage\":\"no\"";
    assert_eq!(mode(properties), ResponseMode::Reject { message: "no".to_owned() });
}

#[test]
fn several_written_modes_are_told() {
    let text = answering("\"ReturnNoResponse\":true,\"ReturnApplicationAccept\":true");
    check(&text, &["(WF060 #0/ReturnApplicationAccept)"]);
    let told = super::shown(&text, "WF060");
    assert!(told.contains("found     ReturnNoResponse, ReturnApplicationAccept"), "{told}");
    assert!(told.contains("help      ReturnNoResponse decides"), "{told}");
}

#[test]
fn priorities_are_numbers_or_names_and_late_by_default() {
    let priority = |written: &str| {
        let properties = format!("\"ReturnNoResponse\":true{written}");
        defined(&answering(&properties)).receiver.response.priority
    };
    assert_eq!(priority(""), ResponsePriority::AfterAllProcessing);
    assert_eq!(priority(",\"ReponsePriority\":0"), ResponsePriority::UponArrival);
    assert_eq!(
        priority(",\"ReponsePriority\":\"aftervalidation\""),
        ResponsePriority::AfterValidation
    );
    assert_eq!(priority(",\"ReponsePriority\":\"2\""), ResponsePriority::AfterAllProcessing);
    check(
        &answering("\"ReturnNoResponse\":true,\"ReponsePriority\":3"),
        &["WF016 #0/ReponsePriority"],
    );
    check(
        &answering("\"ReturnNoResponse\":true,\"ResponsePriority\":0"),
        &["(WF013 #0/ResponsePriority)"],
    );
}

#[test]
fn an_answer_from_an_activity_needs_one_that_has_run() {
    let from = |more: &str| told(&answering(&format!("\"ReturnResponseFromActivity\":true{more}")));
    let linked = format!(",\"ReturnResponseFromActivityId\":\"{}\"", id(2));
    assert_eq!(from(&linked), Vec::<String>::new());
    assert_eq!(from(&format!("{linked},\"ReponsePriority\":1")), ["WF061 #0/ReponsePriority"]);
    assert_eq!(from(""), ["WF062 #0/ReturnResponseFromActivityId"]);
    let lost = format!(",\"ReturnResponseFromActivityId\":\"{}\"", id(9));
    assert_eq!(from(&lost), ["WF030 #0/ReturnResponseFromActivityId"]);
    let properties = format!("\"ReturnResponseFromActivity\":true{linked}");
    let disabled = answering(&properties).replace("\"Archive\"", "\"Archive\",\"Disabled\":true");
    check(&disabled, &["WF062 #0/ReturnResponseFromActivityId"]);
    let unlisted = answering(&properties).replace(&format!("[\"{}\"]", id(2)), "[]");
    check(&unlisted, &["WF062 #0/ReturnResponseFromActivityId"]);
}

#[test]
fn answers_without_a_body_are_told_beforehand() {
    check(&answering("\"Version\":2"), &[]);
    check(&answering("\"MessageType\":11"), &["(WF064 #0)"]);
    check(&answering("\"ReturnCustomResponse\":true"), &["(WF064 #0/ReturnCustomResponse)"]);
    check(&answering("\"ResponseMessageTemplate\":\"ok\""), &[]);
    check(
        &answering("\"MessageType\":11,\"ReturnApplicationAccept\":true"),
        &["(WF063 #0/ReturnApplicationAccept)"],
    );
    check(&answering("\"MessageType\":11,\"ReturnNoResponse\":true"), &[]);
}

#[test]
fn transformers_of_a_generated_response_are_inert() {
    let linked = format!("\"Transformers\":\"{}\"", id(3));
    let text = workflow(&linked, &[transformers(3, "")]);
    check(&text, &["(WF037 #0/Transformers)"]);
    assert!(defined(&text).receiver.response_transformers.is_none());
    let custom = workflow(
        &format!("{linked},\"ReturnCustomResponse\":true,\"ResponseMessageTemplate\":\"x\""),
        &[transformers(3, "")],
    );
    assert!(defined(&custom).receiver.response_transformers.is_some());
}

#[test]
fn a_custom_response_reads_activities_only_after_they_ran() {
    let template = |priority: u8, placeholder: &str| {
        told(&answering(&format!(
            "\"ReponsePriority\":{priority},\"ResponseMessageTemplate\":\"${{{placeholder}}}\""
        )))
    };
    let activity = format!("{} inbound", id(2));
    assert_eq!(template(2, &activity), Vec::<String>::new());
    assert_eq!(template(1, &activity), ["(WF034 #0/ResponseMessageTemplate)"]);
    assert_eq!(template(0, &format!("{} inbound", super::RECEIVER_ID)), Vec::<String>::new());
    assert_eq!(template(2, &format!("{} inbound", id(9))), ["WF030 #0/ResponseMessageTemplate"]);
}
