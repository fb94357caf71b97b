//! Which receiver a request reaches, and what of the request it sees.

use serde_json::json;

use crate::harness::{Connection, Home, Workflow};

const TEXT: i64 = 13;

fn names_itself(name: &str, service: &str) -> serde_json::Value {
    let workflow = Workflow::new(name, service).with("MessageType", TEXT);
    workflow.responding(&format!("{name} ${{HttpMethod}}")).build()
}

#[test]
fn the_longest_prefix_of_a_port_wins_by_whole_segments() {
    let home = Home::new();
    for (name, service) in [("short", "a"), ("middle", "a/b"), ("long", "a/b/c"), ("blank", "x y")]
    {
        home.workflow(name, &names_itself(name, service));
    }
    let server = home.serve();
    assert_eq!(server.addresses().len(), 4, "{}", server.said());
    let ports: std::collections::BTreeSet<u16> =
        server.addresses().values().map(|address| address.socket.port()).collect();
    assert_eq!(ports.len(), 1, "they share a port");
    for (version, connection) in Connection::both(&server) {
        for (path, expected) in [
            ("/a", Some("short")),
            ("/a/", Some("short")),
            ("/a/x/b", Some("short")),
            ("/a/bc", Some("short")),
            ("/a/b", Some("middle")),
            ("/A/B", Some("middle")),
            ("/a/b/d?x=1", Some("middle")),
            ("/a/b/c/d/e", Some("long")),
            ("/x%20y", Some("blank")),
            ("/b", None),
            ("/", None),
        ] {
            let answer = connection.another(&server).post(path, "text");
            let expected = expected.map(|name| format!("{name} POST"));
            let found = (answer.status == 200).then(|| answer.text());
            assert_eq!(found, expected, "{version} {path}: {answer:?}");
            assert!(matches!(answer.status, 200 | 404));
        }
    }
    server.stop();
}

#[test]
fn a_separator_in_disguise_is_refused_instead_of_guessed() {
    let home = Home::new();
    home.workflow("short", &names_itself("short", "a"));
    home.workflow("middle", &names_itself("middle", "a/b"));
    let server = home.serve();
    for path in ["/a%2Fb", "/a/%2e%2e/b", "/a/../a/b", "/a/%00", "/a/%ff", "/a/%zz"] {
        let answer = Connection::one(&server).post(path, "text");
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        assert_eq!(Connection::one(&server).post("/a/b", "text").text(), "middle POST");
    }
    server.stop();
}

#[test]
fn query_parameters_and_path_sections_become_variables_with_defaults() {
    let home = Home::new();
    let default = |name: &str, value: &str| json!({ "VariableName": name, "SampleVariableValue": value, "SampleValueIsDefaultValue": true });
    let sample = |name: &str| json!({ "VariableName": name, "SampleVariableValue": "a sample" });
    let workflow = Workflow::new("Query", "q")
        .with("MessageType", TEXT)
        .with("ExtractParameters", true)
        .with(
            "QueryStringParameters",
            json!({ "mrn": sample("Mrn"), "ward": default("Ward", "W0") }),
        )
        .with("ExtractUrlSections", true)
        .with("UrlSections", json!([default("Site", "S0"), sample("Bed")]))
        .responding("[${Mrn}][${Ward}][${Site}][${Bed}][${Other}]");
    home.workflow("query", &workflow.build());
    let server = home.serve();
    for (version, mut connection) in Connection::both(&server) {
        for (path, expected) in [
            ("/q", "[][W0][S0][][]"),
            ("/q?mrn=1&ward=2", "[1][2][S0][][]"),
            ("/q?MRN=1&Ward=2", "[1][2][S0][][]"),
            ("/q?mrn=&ward=", "[][W0][S0][][]"),
            ("/q?mrn=1&mrn=2", "[1,2][W0][S0][][]"),
            ("/q?mrn=a%20b+c%C3%A4", "[a b cä][W0][S0][][]"),
            ("/q?mrn=${Ward}", "[${Ward}][W0][S0][][]"),
            ("/q?Other=1&Site=2", "[][W0][S0][][]"),
            ("/q/north", "[][W0][north][][]"),
            ("/q/north%20wing/12", "[][W0][north wing][12][]"),
            ("/q/north/12/surplus?mrn=7", "[7][W0][north][12][]"),
        ] {
            let answer = connection.post(&path.replace("${Ward}", "%24%7BWard%7D"), "text");
            assert_eq!(answer.status, 200, "{version} {path}: {answer:?}");
            assert_eq!(answer.text(), expected, "{version} {path}");
        }
    }
    server.stop();
}

#[test]
fn the_method_and_the_address_of_the_client_are_variables() {
    let home = Home::new();
    let workflow = Workflow::new("Who", "who").with("MessageType", TEXT);
    home.workflow("who", &workflow.responding("${HttpMethod} from ${ClientIP}").build());
    let server = home.serve();
    for (version, mut connection) in Connection::both(&server) {
        for method in ["POST", "PUT", "DELETE", "GET"] {
            let answer = connection.request(method, "/who", "");
            assert_eq!(answer.text(), format!("{method} from 127.0.0.1"), "{version}");
        }
    }
    server.stop();
}
