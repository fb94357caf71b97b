//! The status table of contract 4.2 in both profiles, for a server and for single
//! receivers; acknowledgement modes (MSH-15, MSH-16); the type of HL7 answers.

use crate::harness::actions::{only_adt, set_variable_to};
use crate::harness::basic::basic;
use crate::harness::guests::guest;
use crate::harness::http1::request;
use crate::harness::messages::{adt, oru};
use crate::harness::wait::wait_for;
use crate::harness::workflow::activity_id;
use crate::harness::{Activity, Answer, Connection, Home, Server, Workflow};

mod acknowledgements;

const JSON: i64 = 11;
const TEXT: i64 = 13;
const SLOW: &str = "Test.SlowActivitySetting, Test";
const HL7: &str = "x-application/hl7-v2+er7";
const PLAIN: &str = "text/plain; charset=utf-8";
const PROBLEM: &str = "application/problem+json";

/// The workflows that between them know every situation of the table.
fn workflows() -> Vec<(&'static str, Workflow)> {
    let hl7 = |name: &'static str| (name, Workflow::new(name, name));
    let other = |name: &'static str, number: i64| {
        (name, Workflow::new(name, name).with("MessageType", number).responding("{\"a\": 1}"))
    };
    let map = |(name, workflow): (&'static str, Workflow), with: fn(Workflow) -> Workflow| {
        (name, with(workflow))
    };
    let erring =
        |workflow: Workflow| workflow.variables(vec![set_variable_to("WorkflowError", "true")]);
    let relaying = |workflow: Workflow| {
        let workflow = workflow
            .with("ReturnApplicationAccept", false)
            .with("ReturnResponseFromActivity", true)
            .with("ReturnResponseFromActivityId", activity_id(1));
        let partner =
            Activity::of_class(SLOW, "Partner").with("Response", "MSH|^~\\&|P\rMSA|AA|1\r");
        workflow.activity(partner.template("MSH|^~\\&|A\r").filter(only_adt()))
    };
    let guarded = |workflow: Workflow| {
        workflow
            .with("Authentication", true)
            .with("AuthenticationUserName", "lab")
            .with("AuthenticationPassword", "open sesame")
    };
    vec![
        map(hl7("accept"), |it| it.filter(only_adt())),
        map(hl7("custom"), |it| it.responding("MSH|^~\\&|T\rMSA|AA|1\r")),
        map(hl7("relay"), relaying),
        map(hl7("silent"), |it| it.with("ReturnNoResponse", true)),
        map(hl7("error"), erring),
        map(other("json", JSON), |it| {
            it.filter(vec![crate::harness::actions::equals("kind", "ADT")])
        }),
        map(other("json-error", JSON), erring),
        map(other("text-error", TEXT), erring),
        map(hl7("guarded"), guarded),
        map(hl7("certified"), |it| {
            it.with("RequireClientCertificate", true)
                .with("ClientCertificateThumbPrint", "0".repeat(63) + "1")
        }),
        map(hl7("stopped"), |it| it.with("Disabled", true)),
    ]
}

/// A home whose receivers have the profile that `configuration` gives them.
fn serving(configuration: &str) -> (Home, Server) {
    let home = Home::and(&format!(
        "[plugins.slow-activity]\ndirectories = [{{ path = \"out\" }}]\n\
         [limits]\nbody_bytes = 2048\nbody_timeout_seconds = 2\nbody_rate_grace_seconds = 1\n\
         {configuration}"
    ));
    home.plugin("slow-activity", guest("slow-activity"));
    for (name, workflow) in workflows() {
        home.workflow(name, &workflow.build());
    }
    let server = home.serve();
    assert_eq!(server.addresses().len(), workflows().len() - 1, "{}", server.log());
    (home, server)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Empty,
    /// An acknowledgement with this code.
    Code(&'static str),
    /// Text that is no acknowledgement, of this type.
    Told(&'static str),
}
use Body::{Code, Empty, Told};

/// One row: situation, path, body; status in `hoh` and in `rest`; body of both.
type Row = (&'static str, &'static str, String, u16, u16, Body);

/// The rows of the table that an ordinary request shows.
fn rows() -> Vec<Row> {
    let adt = || adt("S1", "1001");
    let oru = || oru("S1", "1001");
    let unreadable = || adt().replace("|^~\\&|", "|a~\\&|");
    vec![
        ("normal", "accept", adt(), 200, 200, Code("AA")),
        ("custom", "custom", adt(), 200, 200, Code("AA")),
        ("from activity", "relay", adt(), 200, 200, Code("AA")),
        ("from activity that was filtered", "relay", oru(), 200, 500, Code("AR")),
        (
            "normal JSON",
            "json",
            "{\"kind\":\"ADT\"}".to_owned(),
            200,
            200,
            Told("application/json"),
        ),
        ("ReturnNoResponse", "silent", adt(), 200, 204, Empty),
        ("credentials missing", "guarded", adt(), 401, 401, Empty),
        ("client certificate missing", "certified", adt(), 403, 403, Empty),
        ("unknown path", "nowhere", adt(), 404, 404, Empty),
        ("body over the limit", "accept", adt() + &"N".repeat(4096), 413, 413, Empty),
        ("workflow stopped", "stopped", adt(), 503, 503, Empty),
        ("unreadable, but with a header", "accept", unreadable(), 200, 400, Code("AE")),
        ("unreadable", "accept", "hello".to_owned(), 400, 400, Told(PLAIN)),
        ("unreadable JSON", "json", "{".to_owned(), 400, 400, Told(PROBLEM)),
        ("filtered", "accept", oru(), 200, 200, Code("AR")),
        ("filtered JSON", "json", "{}".to_owned(), 200, 200, Empty),
        ("workflow error", "error", adt(), 200, 500, Code("AE")),
        ("workflow error, JSON", "json-error", "{}".to_owned(), 500, 500, Told(PROBLEM)),
        ("workflow error, text", "text-error", "a".to_owned(), 500, 500, Told(PLAIN)),
    ]
}

/// Asserts everything that a row says.
fn holds(what: &str, answer: &Answer, status: u16, body: Body) {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    match body {
        Empty => assert!(answer.body.is_empty(), "{what}: {answer:?}"),
        Code(code) => {
            assert_eq!(
                (answer.msa(1).as_str(), answer.is_acknowledgement()),
                (code, true),
                "{what}"
            );
            assert_eq!(answer.content_type.as_deref(), Some(HL7), "{what}: {answer:?}");
        }
        Told(content_type) => {
            assert_eq!(answer.content_type.as_deref(), Some(content_type), "{what}: {answer:?}");
            assert!(!answer.body.is_empty() && !answer.is_acknowledgement(), "{what}: {answer:?}");
        }
    }
    let challenge = answer.header("www-authenticate");
    assert_eq!(challenge.is_some(), status == 401, "{what}: {answer:?}");
    assert_eq!(answer.header("retry-after").is_some(), status == 503, "{what}: {answer:?}");
}

/// Every receiver of the table, as `[receivers]` names them.
fn for_each_receiver(profile: &str) -> String {
    let one = |(name, _): (&str, Workflow)| {
        format!("[receivers.{name:?}]\nstatus_profile = \"{profile}\"\n")
    };
    workflows().into_iter().map(one).collect()
}

#[test]
fn the_status_table_holds_in_both_profiles_for_the_server_and_for_each_receiver() {
    let hoh = for_each_receiver("hoh");
    let rest = for_each_receiver("rest");
    let server_wide = |profile: &str| format!("[http]\nstatus_profile = \"{profile}\"\n");
    for (where_, configuration, is_rest) in [
        ("by default", String::new(), false),
        ("hoh for the server", server_wide("hoh"), false),
        ("rest for the server", server_wide("rest"), true),
        ("rest for the receivers", rest, true),
        ("hoh for the receivers of a rest server", server_wide("rest") + &hoh, false),
    ] {
        let (_home, server) = serving(&configuration);
        for (version, connection) in Connection::both(&server) {
            for (what, path, message, in_hoh, in_rest, body) in rows() {
                let what = format!("{what}, {where_}, {version}");
                let answer = connection.another(&server).post(&format!("/{path}"), message);
                holds(&what, &answer, if is_rest { in_rest } else { in_hoh }, body);
            }
        }
        let text = server.http1().post("/json-error", "{}").text();
        assert!(!text.contains("WorkflowError"), "no internals: {text}");
        server.stop();
    }
}

#[test]
fn one_receiver_differs_and_its_neighbours_do_not() {
    let (_home, server) = serving("[receivers.ERROR]\nstatus_profile = \"rest\"\n");
    let mut http = server.http1();
    let message = adt("S1", "1");
    assert_eq!(http.post("/error", &message).status, 500, "names are compared in any case");
    let neighbour = http.post("/silent", &message);
    assert_eq!(neighbour.status, 200, "a neighbour has the profile of the server");
    server.stop();
}

#[test]
fn the_rest_profile_may_tell_that_a_message_was_filtered() {
    let (_home, server) =
        serving("[http]\nstatus_profile = \"rest\"\nrest_filtered_status = 422\n");
    for (version, mut connection) in Connection::both(&server) {
        let answer = connection.post("/accept", oru("F1", "1"));
        holds(&format!("filtered, {version}"), &answer, 422, Code("AR"));
        let answer = connection.post("/json", "{}");
        holds(&format!("filtered JSON, {version}"), &answer, 422, Empty);
        assert_eq!(connection.post("/accept", adt("F2", "1")).status, 200, "{version}");
    }
    server.stop();
    let (_home, server) = serving("[http]\nrest_filtered_status = 422\n");
    let answer = server.http1().post("/accept", oru("F1", "1"));
    holds("filtered, hoh", &answer, 200, Code("AR"));
    server.stop();
}

#[test]
fn wrong_credentials_and_slow_bodies_have_their_status_in_both_profiles() {
    for profile in ["hoh", "rest"] {
        let (_home, server) = serving(&format!("[http]\nstatus_profile = \"{profile}\"\n"));
        for (version, mut connection) in Connection::both(&server) {
            let wrong = basic("lab", "sesame");
            let headers = [("Authorization", wrong.as_str())];
            let answer = connection.request_with("POST", "/guarded", &headers, "");
            holds(&format!("credentials wrong, {profile}, {version}"), &answer, 401, Empty);
        }
        let mut http = server.http1();
        http.send("POST /accept HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nMSH|");
        holds(&format!("body too slow, {profile}"), &http.answer("POST"), 408, Empty);
        server.stop();
    }
}

#[test]
fn an_overloaded_server_says_503_in_both_profiles() {
    for profile in ["hoh", "rest"] {
        let home = Home::and(&format!(
            "[plugins.slow-activity]\ndirectories = [{{ path = \"out\" }}]\n\
             [limits]\nrequests_in_flight = 1\n[http]\nstatus_profile = \"{profile}\"\n"
        ));
        home.plugin("slow-activity", guest("slow-activity"));
        let wait = Activity::of_class(SLOW, "Slow").template("MSH|^~\\&|A\r");
        let workflow = Workflow::new("Slow", "in").archive("begun.hl7");
        let workflow = workflow.activity(wait.with("WaitForFile", "go"));
        home.workflow("slow", &workflow.build());
        let server = home.serve();
        let mut first = server.http1();
        first.send(request("POST", "/in", adt("FIRST", "1").as_bytes()));
        wait_for("the first message to be worked on", || home.read("out/begun.hl7"));
        for (version, mut connection) in Connection::both(&server) {
            let answer = connection.post("/in", adt("SECOND", "1"));
            holds(&format!("overloaded, {profile}, {version}"), &answer, 503, Empty);
        }
        home.write("out/go", "");
        assert_eq!(first.answer("POST").msa(1), "AA", "{profile}");
        server.stop();
    }
}
