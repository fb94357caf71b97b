//! Contract 4.2, behaviours 1 to 14, over real sockets and TLS.
//!
//! Here are those of single requests: 1 to 4 and 8 to 11. What a path leads to
//! and what of it is read, 5 to 7 and 12 to 14, is in `addresses`.

use serde_json::{Value, json};

use crate::harness::actions::set_variable;
use crate::harness::basic::basic;
use crate::harness::messages::adt;
use crate::harness::wait::wait_until_equal;
use crate::harness::workflow::received;
use crate::harness::{Activity, Connection, Home, Server, Workflow};

mod addresses;

const XML: i64 = 4;
const CSV: i64 = 5;
const JSON: i64 = 11;
const TEXT: i64 = 13;
const BINARY: i64 = 14;

/// A thumbprint that no certificate has.
const NOBODY: &str = "0000000000000000000000000000000000000000000000000000000000000001";

fn text(name: &str, service: &str) -> Workflow {
    Workflow::new(name, service).with("MessageType", TEXT)
}

fn with_credentials(workflow: Workflow) -> Workflow {
    workflow
        .with("Authentication", true)
        .with("AuthenticationUserName", "lab")
        .with("AuthenticationPassword", "open sesame")
}

fn with_client_certificate(workflow: Workflow) -> Workflow {
    workflow.with("RequireClientCertificate", true).with("ClientCertificateThumbPrint", NOBODY)
}

/// Receivers with checks of every kind.
fn guarded() -> (Home, Server) {
    let home = Home::and(
        "[http]\nrequest_headers = []\n[limits]\nbody_bytes = 1024\nfailed_logins_per_minute = 1000\n\
         [receivers.Healthy]\nhealth_without_credentials = true\n\
         [receivers.Both]\nhealth_without_credentials = true\n",
    );
    let extracting = |workflow: Workflow| {
        workflow
            .with("ExtractParameters", true)
            .with("QueryStringParameters", json!({ "mrn": { "VariableName": "Mrn" } }))
            .responding("${HttpMethod}")
            .activity(Activity::file("Kept", "kept.txt").with("MessageType", TEXT).template("x"))
    };
    home.workflow("basic", &extracting(with_credentials(text("Basic", "basic"))).build());
    home.workflow("healthy", &extracting(with_credentials(text("Healthy", "healthy"))).build());
    let both = with_client_certificate(with_credentials(text("Both", "both")));
    home.workflow("both", &extracting(both).build());
    home.workflow("open", &text("Open", "open").responding("${HttpMethod}").build());
    let server = home.serve();
    assert_eq!(server.addresses().len(), 4, "{}", server.log());
    (home, server)
}

/// A request with what is checked of it, and the status that tells which check it
/// failed.
type Checked<'a> = (&'a str, &'a str, &'a str, Option<&'a str>, usize, u16);

#[test]
fn behaviour_1_checks_come_first_and_in_their_order() {
    let (home, server) = guarded();
    let (right, wrong) = (basic("lab", "open sesame"), basic("lab", "sesame"));
    let (right, wrong) = (right.as_str(), wrong.as_str());
    let cases: &[Checked<'_>] = &[
        ("4.2/1 no credentials", "POST", "/basic", None, 1, 401),
        ("4.2/1 wrong credentials", "POST", "/basic", Some(wrong), 1, 401),
        ("4.2/1 right credentials", "POST", "/basic", Some(right), 1, 200),
        ("4.2/1 credentials before the body", "POST", "/basic", None, 2048, 401),
        ("4.2/1 then the body", "POST", "/basic", Some(right), 2048, 413),
        ("4.2/1 credentials before the query", "POST", "/basic?mrn=%ff", None, 1, 401),
        ("4.2/1 then the query", "POST", "/basic?mrn=%ff", Some(right), 1, 400),
        ("4.2/1 the path before credentials", "POST", "/nowhere", None, 1, 404),
        ("4.2/1 credentials before the certificate", "POST", "/both", None, 1, 401),
        ("4.2/1 then the certificate", "POST", "/both", Some(right), 1, 403),
        ("4.2/1 the certificate before the body", "POST", "/both", Some(right), 2048, 403),
        ("4.2/1 the certificate before the query", "POST", "/both?mrn=%ff", Some(right), 1, 403),
    ];
    for (version, connection) in Connection::both(&server) {
        for (what, method, path, credentials, length, expected) in cases {
            let headers: Vec<_> = credentials.iter().map(|it| ("Authorization", *it)).collect();
            let body = vec![b'x'; *length];
            let mut connection = connection.another(&server);
            let answer = connection.request_with(method, path, &headers, body);
            assert_eq!(answer.status, *expected, "{version}, {what}: {answer:?}");
            assert!(*expected == 200 || answer.body.is_empty(), "{version}, {what}: {answer:?}");
        }
    }
    assert_eq!(home.read("out/kept.txt").as_deref(), Some("x\nx\n"), "two were let in");
    server.stop();
}

#[test]
fn behaviour_1_what_is_refused_by_its_head_is_not_asked_for_its_body() {
    let (_home, server) = guarded();
    let right = basic("lab", "open sesame");
    for (what, path, credentials, expected) in [
        ("4.2/1 unknown path", "/nowhere", None, 404),
        ("4.2/1 no credentials", "/basic", None, 401),
        ("4.2/1 no certificate", "/both", Some(&right), 403),
        ("4.2/1 too long", "/open", None, 413),
    ] {
        for expect in ["", "Expect: 100-continue\r\n"] {
            let credentials =
                credentials.map(|it| format!("Authorization: {it}\r\n")).unwrap_or_default();
            let mut http = server.http1();
            http.send(format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4096\r\n{credentials}{expect}\r\n"
            ));
            // Not one byte of the body was sent, and no 100 comes first.
            assert_eq!(http.next_status(), expected, "{what}, {expect:?}");
            assert!(http.is_closed_by_server(), "{what}, {expect:?}: the body may still come");
        }
    }
    server.stop();
}

#[test]
fn behaviour_2_head_is_a_health_check_that_reaches_no_workflow() {
    let (home, server) = guarded();
    let (right, wrong) = (basic("lab", "open sesame"), basic("lab", "sesame"));
    let (right, wrong) = (right.as_str(), wrong.as_str());
    let cases: &[(&str, &str, &str, Option<&str>, u16)] = &[
        ("4.2/2 open", "HEAD", "/open", None, 200),
        ("4.2/2 below the path", "HEAD", "/open/further?mrn=%ff", None, 200),
        ("4.2/2 nowhere", "HEAD", "/nowhere", None, 404),
        ("4.2/2 without credentials", "HEAD", "/basic", None, 401),
        ("4.2/2 with wrong credentials", "HEAD", "/basic", Some(wrong), 401),
        ("4.2/2 with credentials", "HEAD", "/basic", Some(right), 200),
        ("4.2/2 health_without_credentials, none", "HEAD", "/healthy", None, 200),
        ("4.2/2 health_without_credentials, wrong", "HEAD", "/healthy", Some(wrong), 200),
        ("4.2/2 health_without_credentials is for HEAD", "GET", "/healthy", None, 401),
        ("4.2/2 health_without_credentials is for HEAD", "POST", "/healthy", None, 401),
        ("4.2/2 a client certificate all the same", "HEAD", "/both", None, 403),
        ("4.2/2 a client certificate with credentials", "HEAD", "/both", Some(right), 403),
    ];
    for (version, mut connection) in Connection::both(&server) {
        for (what, method, path, credentials, expected) in cases {
            let headers: Vec<_> = credentials.iter().map(|it| ("Authorization", *it)).collect();
            let answer = connection.request_with(method, path, &headers, "");
            assert_eq!(answer.status, *expected, "{version}, {what}: {answer:?}");
            assert!(answer.body.is_empty(), "{version}, {what}");
            let asked = answer.header("www-authenticate").is_some();
            assert_eq!(asked, *expected == 401, "{version}, {what}: {answer:?}");
        }
    }
    assert_eq!(home.read("out/kept.txt"), None, "no workflow ran");
    server.stop();
}

/// Trap T-31: health tells whether the workflow runs.
#[test]
fn behaviour_2_head_is_503_while_the_workflow_is_stopped() {
    let home = Home::new();
    let stopped = || text("Stopped", "stopped").with("Disabled", true);
    home.workflow("runs", &text("Runs", "runs").responding("x").build());
    home.workflow("stopped", &stopped().responding("x").build());
    let server = home.serve();
    for (version, mut connection) in Connection::both(&server) {
        for (what, method, path, status) in [
            ("T-31 it runs", "HEAD", "/runs", 200),
            ("T-31 it is disabled", "HEAD", "/stopped", 503),
            ("T-31 no message goes there", "POST", "/stopped", 503),
        ] {
            let answer = connection.request(method, path, "");
            assert_eq!(answer.status, status, "{version}, {what}: {answer:?}");
            let again = answer.header("retry-after").is_some();
            assert!(again || method == "HEAD" || status == 200, "{version}, {what}: {answer:?}");
        }
    }
    let mut http = server.http1();
    let mut health = |path: &str| http.request("HEAD", path, "").status;
    home.workflow("stopped", &text("Stopped", "stopped").responding("x").build());
    wait_until_equal("T-31 an enabled workflow", &200, || health("/stopped"));
    home.workflow("runs", &text("Runs", "runs").with("Disabled", true).responding("x").build());
    wait_until_equal("T-31 a disabled workflow", &503, || health("/runs"));
    server.stop();
}

#[test]
fn behaviour_3_every_method_enters_the_workflow_which_branches_on_it() {
    let home = Home::new();
    let only_delete = json!({
        "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
        "Path": "${HttpMethod}", "Comparer": 0, "Value": "DELETE", "FromDirection": 2, "FromType": 7,
    });
    let deleted = Activity::file("Deleted", "deleted.txt").with("MessageType", TEXT);
    let workflow = text("Methods", "in").responding("${HttpMethod} ${ClientIP}");
    let workflow = workflow.activity(deleted.template("${HttpMethod}").filter(vec![only_delete]));
    home.workflow("methods", &workflow.build());
    let server = home.serve();
    for (version, connection) in Connection::both(&server) {
        for method in
            ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "LAB-CHECK", "get"]
        {
            let answer = connection.another(&server).request(method, "/in", "body");
            let expected = (200, format!("{method} 127.0.0.1"));
            assert_eq!((answer.status, answer.text()), expected, "{version}, 4.2/3 {method}");
        }
    }
    assert_eq!(home.read("out/deleted.txt").as_deref(), Some("DELETE\nDELETE\n"), "4.2/3");
    for (what, request) in [
        ("4.2/3 TRACE", "TRACE /in HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("4.2/3 CONNECT", "CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n"),
    ] {
        let mut http = server.http1();
        http.send(request);
        let answer = http.answer("GET");
        assert_eq!(answer.status, 405, "{what}: {answer:?}");
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("POST")), "{what}");
    }
    server.stop();
}

#[test]
fn behaviour_4_headers_change_neither_method_nor_address_and_are_not_exposed() {
    let home = Home::new();
    let template = "${HttpMethod} ${ClientIP} [${HttpHeader:X-Request-ID}][${X-Request-ID}]";
    home.workflow("who", &text("Who", "who").responding(template).build());
    let server = home.serve();
    let headers = [
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Forwarded-For", "192.0.2.7"),
        ("Forwarded", "for=192.0.2.7"),
        ("X-Request-ID", "r-1"),
    ];
    for (version, mut connection) in Connection::both(&server) {
        let answer = connection.request_with("PUT", "/who", &headers, "x");
        assert_eq!(answer.text(), "PUT 127.0.0.1 [][]", "{version}, 4.2/4");
    }
    server.stop();
}

#[test]
fn behaviour_9_an_empty_body_is_no_fault_unless_the_message_is_hl7() {
    let home = Home::new();
    for (name, number) in [("xml", XML), ("csv", CSV), ("json", JSON), ("text", TEXT)] {
        let workflow = Workflow::new(name, name).with("MessageType", number);
        let template = match number {
            XML => "<a>${HttpMethod} [${mrn}][${Id}]</a>",
            JSON => "{\"a\": \"${HttpMethod} [${mrn}][${Id}]\"}",
            _ => "${HttpMethod} [${mrn}][${Id}]",
        };
        let path = if number == CSV { "[0]" } else { "patient/id" };
        let workflow = workflow.variables(vec![set_variable("Id", path)]);
        let parameters = json!({ "mrn": { "VariableName": "mrn" } });
        let workflow = workflow.with("ExtractParameters", true);
        let workflow = workflow.with("QueryStringParameters", parameters);
        home.workflow(name, &workflow.responding(template).build());
    }
    let binary = Workflow::new("binary", "binary").with("MessageType", BINARY);
    home.workflow("binary", &binary.responding("").build());
    home.workflow("hl7", &Workflow::new("hl7", "hl7").build());
    let server = home.serve();
    for (version, mut connection) in Connection::both(&server) {
        for (path, expected) in [
            ("/xml", "<a>GET [7][]</a>"),
            ("/csv", "GET [7][]"),
            ("/json", "{\"a\": \"GET [7][]\"}"),
            ("/text", "GET [7][]"),
            ("/binary", ""),
        ] {
            let answer = connection.request("GET", &format!("{path}?mrn=7"), "");
            let found = (answer.status, answer.text());
            assert_eq!(found, (200, expected.to_owned()), "{version}, 4.2/9 {path}");
        }
        for (path, expected) in [("/json", 400), ("/xml", 400), ("/text", 200), ("/csv", 200)] {
            let answer = connection.post(path, "");
            let what = "4.2/9 a POST must bring a message";
            assert_eq!(answer.status, expected, "{version}, {what}: {path} {answer:?}");
        }
        // What a browser gets.
        let answer = connection.request("GET", "/hl7", "");
        let found = (answer.status, answer.content_type.as_deref());
        assert_eq!(found, (400, Some("text/plain; charset=utf-8")), "{version}, 4.2/9 HL7");
        assert!(answer.text().contains("MSH"), "{version}, 4.2/9 HL7 is told why: {answer:?}");
    }
    server.stop();
}

/// A template, and the bytes that are answered; nothing when it is no base64.
type Decoded<'a> = (&'a str, &'a str, Option<&'a [u8]>);

/// Trap T-06 too.
#[test]
fn behaviour_10_a_binary_response_is_decoded_and_what_is_no_base64_is_an_error() {
    let home = Home::new();
    let cases: &[Decoded<'_>] = &[
        ("plain", "AAEC/w==", Some(b"\x00\x01\x02\xff")),
        ("blank", " AAEC/w== \r\n", Some(b"\x00\x01\x02\xff")),
        ("empty", "", Some(b"")),
        ("words", "hello, this is no base64", None),
        ("cut", "AAEC/w=", None),
        ("url", "AAEC_w==", None),
    ];
    for (name, template, _) in cases {
        let workflow = Workflow::new(name, name).with("MessageType", BINARY);
        home.workflow(name, &workflow.responding(template).build());
    }
    let echo = Workflow::new("echo", "echo").with("MessageType", BINARY);
    home.workflow("echo", &echo.responding(&received()).build());
    let server = home.serve();
    for (version, mut connection) in Connection::both(&server) {
        for (name, _, expected) in cases {
            let answer = connection.post(&format!("/{name}"), b"\xff");
            match expected {
                Some(bytes) => {
                    assert_eq!((answer.status, answer.body.as_slice()), (200, *bytes), "{name}");
                    let expected = Some("application/octet-stream");
                    assert_eq!(answer.content_type.as_deref(), expected, "4.2/10 {name}");
                }
                None => {
                    assert_eq!(answer.status, 500, "{version}, 4.2/10, T-06 {name}: {answer:?}");
                    let told = answer.text();
                    assert!(!told.is_empty() && !told.contains("hello"), "T-06 {name}: {told}");
                }
            }
        }
        let every_byte: Vec<u8> = (0..=255).collect();
        assert_eq!(connection.post("/echo", &every_byte).body, every_byte, "{version}, 4.2/10");
    }
    let log = server.stop();
    assert_eq!(log.matches("is not base64").count(), 6, "T-06 each has its reason:\n{log}");
}

#[test]
fn behaviour_11_content_types_follow_from_the_type_of_the_message() {
    let home = Home::new();
    let hl7 = "MSH|^~\\&|A|B|||20260101||ACK|1|P|2.5\rMSA|AA|1\r";
    let cases: &[(&str, i64, &str, &str)] = &[
        ("hl7", 1, hl7, "x-application/hl7-v2+er7"),
        ("json", JSON, "{\"a\":1}", "application/json"),
        ("xml", XML, "<a/>", "application/xml"),
        ("csv", CSV, "a,b", "text/csv; charset=utf-8"),
        ("text", TEXT, "a", "text/plain; charset=utf-8"),
        ("binary", BINARY, "AA==", "application/octet-stream"),
    ];
    for (name, number, template, _) in cases {
        let workflow = Workflow::new(name, name).with("MessageType", *number);
        home.workflow(name, &workflow.responding(template).build());
    }
    let server = home.serve();
    for (version, mut connection) in Connection::both(&server) {
        for (name, _, template, expected) in cases {
            let body = match *name {
                "hl7" => adt("C1", "1"),
                _ => (*template).to_owned(),
            };
            let answer = connection.post(&format!("/{name}"), body);
            let found = (answer.status, answer.content_type.as_deref());
            assert_eq!(found, (200, Some(*expected)), "{version}, 4.2/11 {name}");
        }
    }
    server.stop();
}

/// A descriptor of a variable with a sample (contract 9.6).
fn sample(name: &str) -> Value {
    json!({ "VariableName": name, "SampleVariableValue": "a sample" })
}

/// A descriptor whose sample is the default.
fn default(name: &str, value: &str) -> Value {
    json!({
        "VariableName": name, "SampleVariableValue": value, "SampleValueIsDefaultValue": true,
    })
}
