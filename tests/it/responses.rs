//! The response modes.

use serde_json::{Value, json};

use crate::harness::actions::{only_adt, set_variable, set_variable_to};
use crate::harness::guests::guest;
use crate::harness::messages::{adt, oru};
use crate::harness::workflow::{RECEIVER_ID, activity_id, received};
use crate::harness::{Activity, Home, Server, Workflow};

const JSON: i64 = 11;
const CSV: i64 = 5;
const SLOW: &str = "Test.SlowActivitySetting, Test";

/// Its one workflow answers at `/in`.
fn serving(workflow: Workflow) -> (Home, Server) {
    let home = Home::and("[plugins.slow-activity]\ndirectories = [{ path = \"out\" }]\n");
    home.workflow("one", &workflow.build());
    let server = home.serve();
    (home, server)
}

#[test]
fn a_custom_response_is_built_from_variables_and_then_transformed() {
    let write = json!({
        "$type": "HL7Soup.Functions.Settings.CreateMappingTransformerAction, HL7SoupWorkflow",
        "FromPath": "${Mrn}|x^y", "FromDirection": 2, "FromType": 7, "ToPath": "MSA-3",
        "ToDirection": 1, "ToType": 8, "ToSetting": RECEIVER_ID,
    });
    let template =
        "MSH|^~\\&|T|U|||${ReceivedDate:yyyy}||ACK|${Control}|P|2.5\rMSA|AA|${Control}\r";
    let (_home, server) = serving(
        Workflow::new("Custom", "in")
            .variables(vec![set_variable("Control", "MSH-10"), set_variable("Mrn", "PID-3.1")])
            .responding(template)
            .response_transformers(vec![write]),
    );
    let answer = server.http1().post("/in", adt("C7", "1001"));
    assert_eq!(answer.content_type.as_deref(), Some("x-application/hl7-v2+er7"));
    let text = answer.text();
    let expected_end = "||ACK|C7|P|2.5\rMSA|AA|C7|1001\\F\\x\\S\\y\r";
    assert!(text.starts_with("MSH|^~\\&|T|U|||20") && text.ends_with(expected_end), "{text:?}");
    server.stop();
}

#[test]
fn a_receiver_that_asks_for_no_response_acknowledges_and_none_is_made_of_nothing() {
    let unsaid = |name: &str| {
        let workflow = Workflow::new(name, name).archive(&format!("{name}.hl7")).build();
        let text = workflow.to_string();
        let text = text.replace("\"ReturnCustomResponse\":false,", "");
        let text = text.replace("\"ReturnApplicationAccept\":true,", "");
        assert!(!text.contains("Return"), "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let home = Home::new();
    home.workflow("unsaid", &unsaid("unsaid"));
    let empty = Workflow::new("empty", "empty").responding("").archive("empty.hl7");
    home.workflow("empty", &empty.build());
    let server = home.serve();
    let answer = server.http1().post("/unsaid", adt("U1", "1"));
    assert_eq!((answer.status, answer.msa(1).as_str()), (200, "AA"), "{answer:?}");
    // Asked for, and empty: told by `check` (WF064), and done.
    let answer = server.http1().post("/empty", adt("U2", "1"));
    assert_eq!((answer.status, answer.body.len()), (200, 0), "{answer:?}");
    for name in ["unsaid", "empty"] {
        assert!(home.read(&format!("out/{name}.hl7")).is_some(), "{name}");
    }
    server.stop();
}

#[test]
fn an_error_that_a_step_asks_for_ends_the_run_before_the_next_deed_and_an_early_answer() {
    let error = || vec![set_variable_to("WorkflowError", "true")];
    let home = Home::new();
    let archived = |name: &str| Workflow::new(name, name).archive(&format!("{name}.hl7"));
    for priority in [1, 2] {
        let name = format!("variables-{priority}");
        let workflow = archived(&name).with("ReponsePriority", priority);
        home.workflow(&name, &workflow.variables(error()).build());
    }
    let own = Activity::file("Archive", "own.hl7").template(&received()).transformers(error());
    home.workflow("own", &Workflow::new("own", "own").activity(own).build());
    let late = archived("response").responding("MSH|^~\\&|T\rMSA|AA|1\r");
    home.workflow("response", &late.response_transformers(error()).build());
    let server = home.serve();
    for (name, performed) in
        [("variables-1", false), ("variables-2", false), ("own", false), ("response", true)]
    {
        let answer = server.http1().post(&format!("/{name}"), adt("W1", "1"));
        assert_eq!(answer.msa(1), "AE", "{name}: {answer:?}");
        assert_eq!(home.read(&format!("out/{name}.hl7")).is_some(), performed, "{name}");
    }
    server.stop();
}

#[test]
fn no_response_is_an_empty_body_also_when_the_message_was_processed() {
    let (home, server) =
        serving(Workflow::new("Silent", "in").with("ReturnNoResponse", true).archive("kept.hl7"));
    let answer = server.http1().post("/in", adt("N1", "1"));
    assert_eq!((answer.status, answer.body.len(), answer.content_type), (200, 0, None));
    assert!(home.read("out/kept.hl7").unwrap().contains("N1"));
    server.stop();
}

#[test]
fn a_forced_error_or_reject_carries_its_text_and_the_message_is_still_processed() {
    for (flag, text_property, code) in [
        ("ReturnApplicationError", "ErrorMessage", "AE"),
        ("ReturnApplicationReject", "RejectMessage", "AR"),
    ] {
        let workflow = Workflow::new("Forced", "in")
            .with("ReturnApplicationAccept", false)
            .with(flag, true)
            .with(text_property, "come back | tomorrow");
        let (home, server) = serving(workflow.archive("kept.hl7"));
        let answer = server.http1().post("/in", adt("F1", "1"));
        assert_eq!(
            (answer.status, answer.msa(1), answer.msa(2)),
            (200, code.to_owned(), "F1".to_owned())
        );
        assert_eq!(answer.msa(3), "come back \\F\\ tomorrow");
        assert!(home.read("out/kept.hl7").unwrap().contains("F1"), "{flag}");
        server.stop();
    }
}

/// Answers with what the first activity answers.
fn from_activity(response: &str) -> Workflow {
    let activity = Activity::of_class(SLOW, "Partner").with("Response", response);
    Workflow::new("Relay", "in")
        .with("ReturnApplicationAccept", false)
        .with("ReturnResponseFromActivity", true)
        .with("ReturnResponseFromActivityId", activity_id(1))
        .variables(vec![set_variable("Control", "MSH-10")])
        .activity(activity.template("MSH|^~\\&|A\r").filter(only_adt()))
}

#[test]
fn the_response_of_an_activity_is_passed_on() {
    let home = Home::and("[plugins.slow-activity]\ndirectories = [{ path = \"out\" }]\n");
    home.plugin("slow-activity", guest("slow-activity"));
    let relayed = "MSH|^~\\&|PARTNER\rMSA|AA|${Control}|from the partner\r";
    home.workflow("one", &from_activity(relayed).build());
    let server = home.serve();
    let mut http = server.http1();
    let answer = http.post("/in", adt("R1", "1"));
    assert_eq!(answer.text(), "MSH|^~\\&|PARTNER\rMSA|AA|R1|from the partner\r");
    let filtered = http.post("/in", oru("R2", "1"));
    assert_eq!((filtered.msa(1), filtered.msa(2)), ("AR".to_owned(), "R2".to_owned()));
    assert!(filtered.msa(3).contains("Partner"), "{filtered:?}");
    server.stop();
}

#[test]
fn an_activity_without_a_response_is_a_reject_that_names_it() {
    let home = Home::and("[plugins.slow-activity]\ndirectories = [{ path = \"out\" }]\n");
    home.plugin("slow-activity", guest("slow-activity"));
    home.workflow("one", &from_activity("").build());
    let server = home.serve();
    let answer = server.http1().post("/in", adt("R1", "1"));
    assert_eq!(
        (answer.status, answer.msa(1), answer.msa(2)),
        (200, "AR".to_owned(), "R1".to_owned())
    );
    assert!(answer.msa(3).contains("Partner"), "{answer:?}");
    server.stop();
}

#[test]
fn json_is_answered_in_json_also_when_it_is_no_json() {
    let template = r#"{"id":"${Id}","status":"stored","count":${Count}}"#;
    let (home, server) = serving(
        Workflow::new("Json", "in")
            .with("MessageType", JSON)
            .variables(vec![set_variable("Id", "patient/id"), set_variable_to("Count", "3")])
            .responding(template)
            .activity(
                Activity::file("Copy", "kept.json")
                    .with("MessageType", JSON)
                    .template(r#"{"id":"${Id}","n":${Count}}"#),
            ),
    );
    let mut http = server.http1();
    let answer = http.post("/in", r#"{"patient":{"id":"p-7"}}"#);
    assert_eq!((answer.status, answer.content_type.as_deref()), (200, Some("application/json")));
    let body: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!(body, json!({ "id": "p-7", "status": "stored", "count": 3 }));
    assert_eq!(home.read("out/kept.json").as_deref(), Some("{\"id\":\"p-7\",\"n\":3}\n"));
    for broken in ["", "{", r#"{"a":}"#, "MSH|^~\\&|A\r", "\u{feff}"] {
        let answer = http.post("/in", broken);
        assert_eq!(answer.status, 400, "{broken:?}: {answer:?}");
        assert_eq!(answer.content_type.as_deref(), Some("application/problem+json"));
        let problem: Value = serde_json::from_str(&answer.text()).unwrap();
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
    }
    assert_eq!(http.post("/in", r#"{"patient":{"id":"p-8"}}"#).status, 200);
    server.stop();
}

#[test]
fn csv_columns_are_read_and_answered_in_csv() {
    let (home, server) = serving(
        Workflow::new("Csv", "in")
            .with("MessageType", CSV)
            .variables(vec![set_variable("First", "[0]"), set_variable("Third", "[2]")])
            .responding("${Third},${First}")
            .activity(
                Activity::file("Rows", "rows.csv")
                    .with("MessageType", CSV)
                    .with("MessageTypeOptions", json!({ "Header": "third,first" }))
                    .template("${Third},${First}"),
            ),
    );
    let mut http = server.http1();
    let answer = http.post("/in", "7,\"a,b\",\"say \"\"hi\"\"\"");
    assert_eq!(answer.content_type.as_deref(), Some("text/csv; charset=utf-8"));
    assert_eq!((answer.status, answer.text().as_str()), (200, "say \"hi\",7"));
    http.post("/in", "8,b,c");
    assert_eq!(home.read("out/rows.csv").as_deref(), Some("third,first\nsay \"hi\",7\nc,8\n"));
    server.stop();
}

#[test]
fn the_rest_profile_tells_the_outcome_by_status() {
    let home = Home::and("[http]\nstatus_profile = \"rest\"\nhl7_content_type = \"text/plain\"\n");
    let silent = Workflow::new("Silent", "silent").with("ReturnNoResponse", true);
    home.workflow("silent", &silent.build());
    home.workflow("loud", &Workflow::new("Loud", "loud").filter(only_adt()).build());
    let server = home.serve();
    let mut http = server.http1();
    assert_eq!(http.post("/silent", adt("1", "1")).status, 204);
    let answer = http.post("/loud", adt("1", "1"));
    assert_eq!((answer.status, answer.content_type.as_deref()), (200, Some("text/plain")));
    assert_eq!(http.post("/loud", "no HL7").status, 400);
    let unreadable = http.post("/loud", "MSH||1\r");
    assert_eq!((unreadable.status, unreadable.msa(1)), (400, "AE".to_owned()));
    server.stop();
}
