//! Several messages in one body: each has its own run, the sender gets one answer.

use crate::answers::admissions;
use crate::harness::actions::{begin_if, end_if, equals, set_variable_to};
use crate::harness::messages::{adt, oru};
use crate::harness::{Connection, Home, Workflow};

/// MSA-1 and MSA-2 of every acknowledgement in a text.
fn acknowledged(text: &str) -> Vec<(String, String)> {
    let lines = text.split('\r').filter(|line| line.starts_with("MSA|"));
    let fields = lines.map(|line| line.split('|').map(str::to_owned).collect::<Vec<_>>());
    fields.map(|fields| (fields[1].clone(), fields[2].clone())).collect()
}

fn pair(code: &str, id: &str) -> (String, String) {
    (code.to_owned(), id.to_owned())
}

#[test]
fn each_message_of_a_body_is_answered_and_written() {
    let (home, server) = admissions();
    for (version, mut connection) in Connection::both(&server) {
        let messages = ["1", "2", "3"].map(|number| adt(&format!("{version}-{number}"), "1001"));
        let answer = connection.post("/adt/in", messages.concat());
        assert_eq!(answer.status, 200, "{version}: {answer:?}");
        assert_eq!(answer.content_type.as_deref(), Some("x-application/hl7-v2+er7"));
        let expected = ["1", "2", "3"].map(|number| pair("AA", &format!("{version}-{number}")));
        assert_eq!(acknowledged(&answer.text()), expected);
        let kept: String = messages.iter().map(|message| format!("{message}\n")).collect();
        assert_eq!(home.read("out/kept.hl7"), Some(kept));
        std::fs::remove_file(home.path("out/kept.hl7")).unwrap();
    }
    server.stop();
}

#[test]
fn a_batch_is_answered_by_a_batch() {
    let (home, server) = admissions();
    let batch = format!(
        "FHS|^~\\&|LAB|NORTH|TUREEN|WARD|20260101||night|||F1\rBHS|^~\\&|LAB|NORTH|TUREEN|WARD|20260101||||B1\r{}{}BTS|2\rFTS|1\r",
        adt("A1", "1"),
        oru("R1", "1"),
    );
    let answer = server.http1().post("/adt/in", batch);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(acknowledged(&answer.text()), [pair("AA", "A1"), pair("AR", "R1")]);
    let text = answer.text();
    let names: Vec<&str> = text.split('\r').filter_map(|line| line.get(..3)).collect();
    assert_eq!(names[..2], ["FHS", "BHS"], "{text:?}");
    assert_eq!(names[names.len() - 2..], ["BTS", "FTS"], "{text:?}");
    assert!(text.contains("\rBTS|2"), "it counts the messages: {text:?}");
    assert_eq!(home.read("out/kept.hl7"), Some(format!("{}\n", adt("A1", "1"))));
    server.stop();
}

#[test]
fn one_that_fails_keeps_no_other_from_running() {
    for (profile, status) in [("hoh", 200), ("rest", 500)] {
        let home = Home::and(&format!("[http]\nstatus_profile = \"{profile}\""));
        let fail = vec![
            begin_if(vec![equals("MSH-10", "BAD")]),
            set_variable_to("WorkflowError", "true"),
            end_if(),
        ];
        let workflow = Workflow::new("Admissions", "adt/in").variables(fail).archive("kept.hl7");
        home.workflow("admissions", &workflow.build());
        let server = home.serve();
        let body = [adt("A1", "1"), adt("BAD", "2"), adt("A3", "3")].concat();
        let answer = server.http1().post("/adt/in", body);
        let expected = [pair("AA", "A1"), pair("AE", "BAD"), pair("AA", "A3")];
        assert_eq!((answer.status, acknowledged(&answer.text())), (status, expected.to_vec()));
        server.stop();
    }
}

#[test]
fn early_answers_are_one_for_each_message_too() {
    for priority in [0, 1] {
        let home = Home::new();
        let workflow = Workflow::new("Admissions", "adt/in")
            .with("ReponsePriority", priority)
            .archive("kept.hl7");
        home.workflow("admissions", &workflow.build());
        let server = home.serve();
        let answer = server.http1().post("/adt/in", [adt("A1", "1"), adt("A2", "2")].concat());
        assert_eq!(acknowledged(&answer.text()), [pair("AA", "A1"), pair("AA", "A2")]);
        server.stop();
        let kept = home.read("out/kept.hl7").unwrap_or_default();
        assert_eq!(kept.matches("MSH|").count(), 2, "the work is done before the server ends");
    }
}

#[test]
fn what_holds_no_message_or_too_many_is_refused_before_any_runs() {
    let (home, server) = admissions();
    let empty = "BHS|^~\\&|LAB|NORTH|TUREEN|WARD|20260101||||B1\rBTS|0\r".to_owned();
    let many = adt("A1", "1").repeat(10_001);
    let answer = server.http1().post("/adt/in", empty);
    assert_eq!(answer.status, 400, "there is no message to acknowledge: {answer:?}");
    assert!(answer.text().contains("the batch holds no message"), "{answer:?}");
    let answer = server.http1().post("/adt/in", many);
    assert_eq!((answer.status, answer.msa(1)), (200, "AE".to_owned()), "{answer:?}");
    assert!(answer.text().contains("10000"), "the limit is told: {answer:?}");
    assert_eq!(home.read("out/kept.hl7"), None);
    server.stop();
}

#[test]
fn one_message_is_tried_at_a_time() {
    let home = Home::new();
    let workflow = Workflow::new("Admissions", "adt/in").archive("kept.hl7");
    let file = home.workflow("admissions", &workflow.build());
    let message = home.write("two.hl7", [adt("A1", "1"), adt("A2", "2")].concat());
    let ran = home.run(&["run", file.to_str().unwrap(), "--message", message.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("2 messages"), "{ran:?}");
}
