//! What MSH-15 and MSH-16 ask for (HL7 v2 chapter 2.9), and the type of answers.

use crate::harness::actions::{equals, only_adt, set_variable_to};
use crate::harness::{Connection, Home, Server, Workflow};

/// A message of a type with MSH-15 and MSH-16.
fn asking(kind: &str, accept: &str, application: &str) -> String {
    format!(
        "MSH|^~\\&|WARD|NORTH|T|L|20260102030405||{kind}|E1|P|2.5.1|||{accept}|{application}\r\
         PID|1||1001\r"
    )
}

/// Accepts ADT, fails on ORM, filters everything else.
fn serving(profile: &str) -> (Home, Server) {
    let home = Home::and(&format!("[http]\nstatus_profile = \"{profile}\"\n"));
    home.workflow("adt", &Workflow::new("adt", "accepted").filter(only_adt()).build());
    let failing = vec![set_variable_to("WorkflowError", "true")];
    home.workflow("orm", &Workflow::new("orm", "failing").variables(failing).build());
    let server = home.serve();
    (home, server)
}

/// What is answered: status and MSA-1, or nothing instead.
type Said = (u16, &'static str);

/// MSH-15, MSH-16, and what an accepted, a filtered and a failed message get in `hoh`.
const MODES: &[(&str, &str, Said, Said, Said)] = &[
    // Original mode.
    ("", "", (200, "AA"), (200, "AR"), (200, "AE")),
    // The accept acknowledgement is the one that a request can have.
    ("AL", "", (200, "CA"), (200, "CR"), (200, "CE")),
    ("AL", "NE", (200, "CA"), (200, "CR"), (200, "CE")),
    ("AL", "AL", (200, "CA"), (200, "CR"), (200, "CE")),
    ("ER", "AL", (204, ""), (200, "CR"), (200, "CE")),
    ("SU", "AL", (200, "CA"), (204, ""), (500, "")),
    // Only the application is to answer.
    ("NE", "AL", (200, "AA"), (200, "AR"), (200, "AE")),
    ("", "AL", (200, "AA"), (200, "AR"), (200, "AE")),
    ("NE", "ER", (204, ""), (200, "AR"), (200, "AE")),
    ("NE", "SU", (200, "AA"), (204, ""), (500, "")),
    // Silence; what failed may not look like a success.
    ("NE", "NE", (204, ""), (204, ""), (500, "")),
    ("NE", "", (204, ""), (204, ""), (500, "")),
    // Not in the table: a sender that waits in vain sends again.
    ("XX", "", (200, "CA"), (200, "CR"), (200, "CE")),
];

#[test]
fn enhanced_acknowledgements_are_what_the_message_asks_for() {
    for rest in [false, true] {
        let (_home, server) = serving(if rest { "rest" } else { "hoh" });
        for (version, mut connection) in Connection::both(&server) {
            for (accept, application, accepted, filtered, failed) in MODES {
                for (what, path, kind, said) in [
                    ("accepted", "/accepted", "ADT^A01", accepted),
                    ("filtered", "/accepted", "ORU^R01", filtered),
                    ("failed", "/failing", "ORM^O01", failed),
                ] {
                    let row =
                        format!("MSH-15 {accept:?}, MSH-16 {application:?}, {what}, {version}");
                    let answer = connection.post(path, asking(kind, accept, application));
                    let status = match what {
                        // The status tells, whatever the acknowledgement does.
                        "filtered" if rest => 200,
                        "failed" if rest => 500,
                        _ => said.0,
                    };
                    assert_eq!(answer.status, status, "{row}, rest {rest}: {answer:?}");
                    let acknowledged = answer.text().contains("MSA|");
                    let code = if acknowledged { answer.msa(1) } else { String::new() };
                    assert_eq!(code, said.1, "{row}, rest {rest}: {answer:?}");
                    if acknowledged {
                        assert_eq!(answer.msa(2), "E1", "{row}");
                    }
                }
            }
        }
        server.stop();
    }
}

#[test]
fn an_acknowledgement_is_never_acknowledged() {
    let home = Home::new();
    home.workflow("in", &Workflow::new("In", "in").archive("kept.hl7").build());
    let nothing = Workflow::new("Picky", "picky").filter(vec![equals("MSH-3", "NOBODY")]);
    home.workflow("picky", &nothing.build());
    let server = home.serve();
    let acknowledgement = |kind: &str| asking(kind, "AL", "AL") + "MSA|AA|X1\r";
    for (version, mut connection) in Connection::both(&server) {
        for (what, message) in [
            ("ACK", acknowledgement("ACK")),
            ("ACK^A01", acknowledgement("ACK^A01")),
            ("ACK^A01^ACK", acknowledgement("ACK^A01^ACK")),
            ("MCF", acknowledgement("MCF")),
        ] {
            for path in ["/in", "/picky"] {
                let answer = connection.post(path, &message);
                assert_eq!(
                    (answer.status, answer.body.len()),
                    (200, 0),
                    "{version}, {path} {what}"
                );
            }
        }
    }
    assert_eq!(home.read("out/kept.hl7").unwrap().matches("MSA|AA|X1").count(), 8, "all arrived");
    server.stop();
}

#[test]
fn hl7_answers_have_the_type_of_the_request_when_that_is_one_of_hl7() {
    let home = Home::and("[receivers.Plain]\nhl7_content_type = \"text/plain\"\n");
    home.workflow("in", &Workflow::new("In", "in").filter(only_adt()).build());
    home.workflow("plain", &Workflow::new("Plain", "plain").build());
    let server = home.serve();
    let ours = "x-application/hl7-v2+er7";
    for (version, mut connection) in Connection::both(&server) {
        for (path, sent, expected) in [
            ("/in", None, ours),
            ("/in", Some("application/hl7-v2"), "application/hl7-v2; charset=utf-8"),
            ("/in", Some("application/hl7-v2+er7"), "application/hl7-v2+er7; charset=utf-8"),
            (
                "/in",
                Some("X-Application/HL7-v2+ER7; charset=UTF-8"),
                "x-application/hl7-v2+er7; charset=utf-8",
            ),
            (
                "/in",
                Some("application/hl7-v2; charset=iso-8859-1"),
                "application/hl7-v2; charset=utf-8",
            ),
            ("/in", Some("text/plain"), ours),
            ("/in", Some("application/json"), ours),
            ("/in", Some("no media type"), ours),
            ("/plain", None, "text/plain"),
            ("/plain", Some("application/octet-stream"), "text/plain"),
            ("/plain", Some("application/hl7-v2"), "application/hl7-v2; charset=utf-8"),
        ] {
            let headers: Vec<_> = sent.iter().map(|sent| ("Content-Type", *sent)).collect();
            for kind in ["ADT^A01", "ORU^R01"] {
                let message = asking(kind, "", "");
                let answer = connection.request_with("POST", path, &headers, message);
                let what = format!("{version}, {path} {sent:?} {kind}");
                assert_eq!(answer.content_type.as_deref(), Some(expected), "{what}: {answer:?}");
                assert!(answer.is_acknowledgement(), "{what}");
            }
        }
        // What is no acknowledgement has no HL7 type.
        let headers = [("Content-Type", "application/hl7-v2")];
        let answer = connection.request_with("POST", "/in", &headers, "hello");
        let found = (answer.status, answer.content_type.as_deref());
        assert_eq!(found, (400, Some("text/plain; charset=utf-8")), "{version}");
    }
    server.stop();
}
