//! Contract 4.2, behaviours 5 to 7 and 12 to 14: paths, queries, ports.

use serde_json::json;

use super::{default, sample, text};
use crate::harness::ports::free_port;
use crate::harness::wait::wait_until_equal;
use crate::harness::{Connection, Findings, Home, Http1, Server, Workflow};

/// Path and query with what the workflow sees of them.
type Seen<'a> = (&'a str, &'a str, &'a str);

fn sees(server: &Server, cases: &[Seen<'_>]) {
    for (version, mut connection) in Connection::both(server) {
        for (what, path, expected) in cases {
            let answer = connection.post(path, "x");
            let found = (answer.status, answer.text());
            assert_eq!(found, (200, (*expected).to_owned()), "{version}, {what}: {path}");
        }
    }
}

#[test]
fn behaviour_5_declared_query_parameters_become_variables() {
    let home = Home::new();
    let parameters = || {
        json!({
            "mrn": sample("Patient"), "Ward": default("Ward", "W0"), "nothing": default("Nothing", ""),
            "plain": {},
        })
    };
    let template = "[${Patient}][${mrn}][${Ward}][${Nothing}][${plain}][${other}]";
    let on = text("On", "on").with("ExtractParameters", true);
    home.workflow(
        "on",
        &on.with("QueryStringParameters", parameters()).responding(template).build(),
    );
    let off = text("Off", "off").with("ExtractParameters", false);
    let off = off.with("QueryStringParameters", parameters());
    home.workflow("off", &off.responding(template).build());
    let server = home.serve();
    sees(
        &server,
        &[
            ("4.2/5 missing: default or unset", "/on", "[][][W0][][][]"),
            ("4.2/5 the key finds, the name names", "/on?mrn=1", "[1][][W0][][][]"),
            ("4.2/5 the name is no key", "/on?Patient=1", "[][][W0][][][]"),
            ("4.2/5 without a name the key names", "/on?plain=p", "[][][W0][][p][]"),
            ("4.2/5 undeclared", "/on?other=1&x=2", "[][][W0][][][]"),
            ("4.2/5 undeclared and broken", "/on?other=%ff&%zz=1&mrn=1", "[1][][W0][][][]"),
            ("4.2/5 a value over the default", "/on?ward=W9", "[][][W9][][][]"),
            ("4.2/5 an empty value leaves the default", "/on?Ward=", "[][][W0][][][]"),
            ("4.2/5 an empty value is unset", "/on?mrn=&Nothing=", "[][][W0][][][]"),
            ("4.2/5 no equals sign", "/on?mrn&ward", "[][][W0][][][]"),
            ("4.2/5 keys in any case", "/on?MRN=1&wArD=2", "[1][][2][][][]"),
            ("4.2/5 encoded keys", "/on?m%72n=1", "[1][][W0][][][]"),
            ("4.2/5 repeated", "/on?mrn=1&ward=2&mrn=3", "[1,3][][2][][][]"),
            ("4.2/5 repeated in another case", "/on?mrn=1&MRN=2", "[1,2][][W0][][][]"),
            ("4.2/5 repeated and empty", "/on?mrn=&mrn=1&mrn=&mrn=2", "[1,2][][W0][][][]"),
            ("4.2/5 repeated over the default", "/on?ward=1&ward=2", "[][][1,2][][][]"),
            ("4.2/5 an equals sign in a value", "/on?mrn=a=b", "[a=b][][W0][][][]"),
            ("4.2/5 an encoded ampersand", "/on?mrn=a%26ward=b", "[a&ward=b][][W0][][][]"),
            ("4.2/5 a semicolon separates nothing", "/on?mrn=1;ward=2", "[1;ward=2][][W0][][][]"),
            ("4.2/5 decoded once", "/on?mrn=%2541", "[%41][][W0][][][]"),
            ("4.2/5 spaces and letters", "/on?mrn=a+b%20c%C3%A4", "[a b cä][][W0][][][]"),
            ("4.2/5 not extracted", "/off?mrn=1&ward=2", "[][][][][][]"),
        ],
    );
    for (version, connection) in Connection::both(&server) {
        for path in ["/on?mrn=%zz", "/on?mrn=%ff", "/on?mrn=a%00", "/on?mrn=%0D%0A"] {
            let answer = connection.another(&server).post(path, "x");
            assert_eq!(answer.status, 400, "{version}, 4.2/5 {path}: {answer:?}");
        }
    }
    server.stop();
}

#[test]
fn behaviour_6_url_sections_become_variables_by_position() {
    let home = Home::new();
    let sections = || json!([default("Site", "S0"), sample("Bed"), default("Last", "L0")]);
    let template = "[${Site}][${Bed}][${Last}]";
    for (name, service, extract) in
        [("On", "on", true), ("Off", "off", false), ("Deep", "on/deep", true)]
    {
        let workflow = text(name, service).with("ExtractUrlSections", extract);
        let workflow = workflow.with("UrlSections", sections()).responding(template);
        home.workflow(name, &workflow.build());
    }
    let server = home.serve();
    sees(
        &server,
        &[
            ("4.2/6 missing: default or unset", "/on", "[S0][][L0]"),
            ("4.2/6 a slash at the end", "/on/", "[S0][][L0]"),
            ("4.2/6 one", "/on/a", "[a][][L0]"),
            ("4.2/6 all", "/on/a/b/c", "[a][b][c]"),
            ("4.2/6 surplus", "/on/a/b/c/d/e", "[a][b][c]"),
            ("4.2/6 a query after them", "/on/a/b?c", "[a][b][L0]"),
            ("4.2/6 an empty one keeps its position", "/on//b", "[S0][b][L0]"),
            ("4.2/6 decoded", "/on/a%20b/%C3%A4/%2541", "[a b][ä][%41]"),
            ("4.2/6 a plus sign is one", "/on/a+b", "[a+b][][L0]"),
            ("4.2/6 their case is kept", "/ON/AbC", "[AbC][][L0]"),
            ("4.2/6 after a longer service name", "/on/deep/a", "[a][][L0]"),
            ("4.2/6 after an encoded service name", "/o%6E/a", "[a][][L0]"),
            ("4.2/6 not extracted", "/off/a/b", "[][][]"),
        ],
    );
    server.stop();
}

#[test]
fn behaviour_7_the_longest_prefix_wins_in_any_case_and_below_it() {
    let home = Home::new();
    for (name, service) in
        [("short", "api"), ("long", "api/patient"), ("other", "apix"), ("umlaut", "Ärzte")]
    {
        home.workflow(name, &text(name, service).responding(name).build());
    }
    let server = home.serve();
    sees(
        &server,
        &[
            ("4.2/7 the path itself", "/api", "short"),
            ("4.2/7 below it, without ExtractUrlSections", "/api/a/b/c/d", "short"),
            ("4.2/7 a longer one", "/api/patient", "long"),
            ("4.2/7 below the longer one", "/api/patient/7", "long"),
            ("4.2/7 whole segments only", "/api/patients", "short"),
            ("4.2/7 whole segments only", "/apix/patient", "other"),
            ("4.2/7 any case", "/API/Patient", "long"),
            ("4.2/7 encoded", "/%61pi/p%61tient", "long"),
            ("4.2/7 letters of any language", "/%C3%A4rzte", "umlaut"),
        ],
    );
    // The certificate was asked for `localhost`.
    for (host, expected) in
        [("LOCALHOST", 200), ("Localhost:1", 200), ("localhost.", 200), ("other.example.org", 421)]
    {
        let mut http = server.http1();
        http.send(format!("GET /api HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let answer = http.answer("GET");
        assert_eq!(answer.status, expected, "4.2/7 {host}: {answer:?}");
    }
    server.stop();
}

/// Trap T-56 too.
#[test]
fn behaviour_12_service_names_are_compared_decoded() {
    let home = Home::new();
    for (name, service) in [
        ("blank", "lab results"),
        ("encoded", "ward%20list"),
        ("slashes", "/outer/slashes/"),
        ("signs", "a&b=c"),
    ] {
        let workflow = text(name, service).with("ExtractUrlSections", true);
        let workflow = workflow.with("UrlSections", json!([default("Site", "S0")]));
        home.workflow(name, &workflow.responding(&format!("{name} [${{Site}}]")).build());
    }
    let server = home.serve();
    sees(
        &server,
        &[
            ("T-56 a space", "/lab%20results", "blank [S0]"),
            ("T-56 sections after a space", "/lab%20results/north", "blank [north]"),
            ("T-56 both encoded", "/lab%20results/north%20wing", "blank [north wing]"),
            ("T-56 encoded in the file", "/ward%20list/a", "encoded [a]"),
            ("T-56 another spelling", "/w%61rd%20list/a", "encoded [a]"),
            ("4.2/12 outer slashes", "/outer/slashes/a", "slashes [a]"),
            ("4.2/12 stripped by the designer", "/a&b=c/x", "signs [x]"),
            ("4.2/12 the same encoded", "/a%26b%3Dc/x", "signs [x]"),
        ],
    );
    assert_eq!(server.http1().post("/lab+results", "x").status, 404, "T-56 a plus is no space");
    let findings = Findings::of(&home);
    assert_eq!(findings.all("WF045").len(), 2, "4.2/12 outer slashes and signs are warned about");
    server.stop();
}

#[test]
fn behaviour_13_receivers_share_a_port_and_a_prefix_only_once() {
    let (home, port) = (Home::new(), free_port());
    let one = |name: &str, service: &str| text(name, service).with("Port", port).responding(name);
    home.workflow("a-first", &one("First", "same").build());
    home.workflow("b-second", &one("Second", "other").build());
    home.workflow("c-third", &one("Third", "SAME").build());
    let findings = Findings::of(&home);
    assert_eq!(findings.errors(), ["WF071"], "4.2/13");
    let told = findings.only("WF071");
    for (part, words) in [("file", "c-third"), ("found", "First"), ("message", &port.to_string())] {
        assert!(told[part].as_str().unwrap().contains(words), "4.2/13 {part}: {told:#}");
    }
    let server = home.serve();
    let running: Vec<&str> = server.addresses().keys().map(String::as_str).collect();
    assert_eq!(running, ["First", "Second"], "4.2/13 {}", server.log());
    for (path, expected) in [("/same", "First"), ("/other", "Second")] {
        let socket = server.addresses()["First"].socket;
        let answer = Http1::over_tls(socket, server.certificate()).post(path, "x");
        assert_eq!((socket.port(), answer.text().as_str()), (port, expected), "4.2/13");
    }
    server.wait_for_log("WF071");
    server.stop();
}

/// Trap T-57 too.
#[test]
fn behaviour_14_tls_settings_belong_to_the_port() {
    let one = |name: &str, tls: bool, port: u16| {
        text(name, name).with("Port", port).with("UseSsl", tls).responding(name)
    };
    for (what, port, first, second) in [
        ("T-57 TLS, then plain", free_port(), true, false),
        ("T-57 plain, then TLS", free_port(), false, true),
        ("T-57 a port that the system chooses", 0, true, false),
    ] {
        let home = Home::new();
        home.workflow("a", &one("First", first, port).build());
        home.workflow("b", &one("Second", second, port).build());
        let findings = Findings::of(&home);
        assert_eq!(findings.errors(), ["WF070"], "{what}");
        let told = findings.only("WF070").to_string();
        for name in ["b.hl7Workflow", "First", "a.hl7Workflow"] {
            assert!(told.contains(name), "{what}: both are named: {told}");
        }
        let server = home.serve();
        let running: Vec<&str> = server.addresses().keys().map(String::as_str).collect();
        assert_eq!(running, ["First"], "{what}: {}", server.log());
        server.wait_for_log("WF070");
        assert_eq!(server.http1_to("First").post("/first", "x").text(), "First", "{what}");
        // Mended while the server runs.
        home.workflow("b", &one("Second", first, port).build());
        wait_until_equal(what, &200, || server.http1_to("First").post("/second", "x").status);
        server.stop();
    }
}

#[test]
fn behaviour_14_a_workflow_that_cannot_run_takes_no_port_from_others() {
    for port in [0, free_port()] {
        let home = Home::new();
        let refused = super::with_credentials(text("a-refused", "same")).with("UseSsl", false);
        home.workflow("a-refused", &refused.with("Port", port).build());
        for (name, service) in [("b-good", "good"), ("c-same", "same")] {
            let workflow = text(name, service).with("Port", port).responding(name);
            home.workflow(name, &workflow.build());
        }
        let server = home.serve();
        let running: Vec<&str> = server.addresses().keys().map(String::as_str).collect();
        assert_eq!(running, ["b-good", "c-same"], "T-57 port {port}: {}", server.log());
        for (path, expected) in [("/good", "b-good"), ("/same", "c-same")] {
            assert_eq!(server.http1().post(path, "x").text(), expected, "T-57 port {port}");
        }
        let log = server.stop();
        let told = (log.contains("WF050"), log.contains("WF070"));
        assert_eq!(told, (true, false), "T-57 port {port}: {log}");
    }
}

#[test]
fn behaviour_14_two_certificates_on_one_port_conflict() {
    let (home, port) = (Home::new(), free_port());
    let own = |name: &str| Workflow::new(name, name).with("Port", port);
    home.workflow("a", &own("First").build());
    let second = own("Second").with("UseDefaultSSLCertificate", false);
    home.workflow("b", &second.with("CertificateThumbPrint", super::NOBODY).build());
    let told = Findings::of(&home).only("WF070").to_string();
    assert!(told.contains("default certificate") && told.contains("First"), "T-57 {told}");
}
