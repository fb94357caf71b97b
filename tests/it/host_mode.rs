//! Receivers in host mode: `UseIntegrationHostServiceAddress` and `[service_address]`.

use std::net::SocketAddr;

use crate::harness::basic::basic;
use crate::harness::guests::guest;
use crate::harness::http1::request;
use crate::harness::messages::adt;
use crate::harness::ports::free_port;
use crate::harness::wait::{wait_for, wait_until_equal};
use crate::harness::{Activity, Findings, Home, Http1, Server, Workflow};

const TEXT: i64 = 13;

/// A receiver at the shared address that answers with its name. What it says of an
/// address of its own has no effect.
fn hosted(name: &str, service: &str) -> Workflow {
    own(name, service, 1).with("UseIntegrationHostServiceAddress", true)
}

/// A receiver with a listener of its own.
fn own(name: &str, service: &str, port: u16) -> Workflow {
    Workflow::new(name, service).with("MessageType", TEXT).with("Port", port).responding(name)
}

fn shared(port: u16, tls: bool) -> String {
    format!("[service_address]\nport = {port}\ntls = {tls}\n")
}

/// Workflows that run, with port and TLS.
fn running(server: &Server) -> Vec<(&str, u16, bool)> {
    let addresses = server.addresses().iter();
    addresses.map(|(name, at)| (name.as_str(), at.socket.port(), at.tls)).collect()
}

#[test]
fn receivers_attach_to_the_shared_address_whose_tls_the_server_decides() {
    for tls in [true, false] {
        for own_tls in [true, false] {
            let port = free_port();
            let home = Home::and(&shared(port, tls));
            for (name, service) in [("First", "first"), ("Second", "second/deep")] {
                home.workflow(name, &hosted(name, service).with("UseSsl", own_tls).build());
            }
            let findings = Findings::of(&home);
            assert_eq!(findings.errors(), [] as [&str; 0], "tls {tls}, UseSsl {own_tls}");
            let server = home.serve();
            let expected = [("First", port, tls), ("Second", port, tls)];
            assert_eq!(running(&server), expected, "{}", server.log());
            for (name, path) in [("First", "/first"), ("Second", "/second/deep/x")] {
                let answer = server.http1_to(name).post(path, "x");
                let found = (answer.status, answer.text());
                assert_eq!(found, (200, name.to_owned()), "tls {tls}, UseSsl {own_tls}");
            }
            assert_eq!(server.http1_to("First").post("/other", "x").status, 404);
            server.stop();
        }
    }
}

#[test]
fn without_a_shared_address_such_a_workflow_is_refused_and_others_run() {
    let home = Home::new();
    home.workflow("hosted", &hosted("Hosted", "hosted").build());
    home.workflow("own", &own("Own", "own", 0).build());
    let findings = Findings::of(&home);
    assert_eq!(findings.errors(), ["WF058"]);
    let told = findings.only("WF058");
    assert!(told["expected"].as_str().unwrap().contains("[service_address]"), "{told:#}");
    assert!(told["pointer"].as_str().unwrap().ends_with("/UseIntegrationHostServiceAddress"));
    let server = home.serve();
    assert_eq!(server.addresses().keys().collect::<Vec<_>>(), ["Own"], "{}", server.log());
    server.wait_for_log("WF058");
    assert_eq!(server.http1().post("/own", "x").text(), "Own");
    server.stop();
}

#[test]
fn two_receivers_cannot_have_one_service_name_there() {
    let port = free_port();
    let home = Home::and(&shared(port, true));
    home.workflow("a", &hosted("First", "lab/in").build());
    home.workflow("b", &hosted("Second", "LAB/in").build());
    let findings = Findings::of(&home);
    assert_eq!(findings.errors(), ["WF072"]);
    let told = findings.only("WF072").to_string();
    for name in ["b.hl7Workflow", "First", "a.hl7Workflow"] {
        assert!(told.contains(name), "both are named: {told}");
    }
    let server = home.serve();
    assert_eq!(running(&server), [("First", port, true)], "{}", server.log());
    assert_eq!(server.http1().post("/lab/in", "x").text(), "First");
    server.stop();
}

#[test]
fn a_listener_of_its_own_may_share_the_port_when_its_tls_is_the_same() {
    for (what, tls, own_tls, service, expected) in [
        ("both TLS", true, true, "own", None),
        ("both plain", false, false, "own", None),
        ("TLS and plain", true, false, "own", Some("WF070")),
        ("plain and TLS", false, true, "own", Some("WF070")),
        ("one name", true, true, "hosted", Some("WF071")),
    ] {
        let port = free_port();
        let home = Home::and(&shared(port, tls));
        home.workflow("a", &hosted("Hosted", "hosted").build());
        home.workflow("b", &own("Own", service, port).with("UseSsl", own_tls).build());
        let findings = Findings::of(&home);
        assert_eq!(findings.errors(), expected.as_slice(), "{what}");
        let server = home.serve();
        let both = [("Hosted", port, tls), ("Own", port, tls)];
        let run = if expected.is_none() { &both[..] } else { &both[..1] };
        assert_eq!(running(&server), run, "{what}: {}", server.log());
        for (name, _, _) in run {
            let path = format!("/{}", name.to_lowercase());
            assert_eq!(server.http1_to(name).post(&path, "x").text(), *name, "{what}");
        }
        server.stop();
    }
}

/// Trap T-01.
#[test]
fn basic_authentication_holds_in_host_mode() {
    let guarded = |name: &str| {
        hosted(name, name)
            .with("Authentication", true)
            .with("AuthenticationUserName", "lab")
            .with("AuthenticationPassword", "open sesame")
    };
    let port = free_port();
    let home = Home::and(&shared(port, true));
    home.workflow("guarded", &guarded("guarded").build());
    home.workflow("open", &hosted("open", "open").build());
    let server = home.serve();
    let (right, wrong) = (basic("lab", "open sesame"), basic("lab", "sesame"));
    for (what, path, credentials, status) in [
        ("T-01 none", "/guarded", None, 401),
        ("T-01 wrong", "/guarded", Some(&wrong), 401),
        ("T-01 right", "/guarded", Some(&right), 200),
        ("T-01 below the path", "/guarded/deeper", None, 401),
        ("T-01 a neighbour", "/open", None, 200),
    ] {
        let headers: Vec<_> =
            credentials.map(|it| ("Authorization", it.as_str())).into_iter().collect();
        let answer = server.http1().request_with("POST", path, &headers, "");
        assert_eq!(answer.status, status, "{what}: {answer:?}");
    }
    server.stop();
    // Where TLS is off, it is refused instead.
    let home = Home::and(&shared(port, false));
    home.workflow("guarded", &guarded("guarded").build());
    let findings = Findings::of(&home);
    assert_eq!(findings.errors(), ["WF050"], "T-01");
    let help = findings.only("WF050");
    assert!(help["expected"].as_str().unwrap().contains("service_address.tls"), "T-01 {help:#}");
    let server = home.serve();
    assert!(server.addresses().is_empty(), "T-01 {}", server.said());
    server.stop();
}

/// A request that is worked on while the address changes.
fn serving_slowly(configuration: &str) -> (Home, Server) {
    let slow = "[plugins.slow-activity]\ndirectories = [{ path = \"out\" }]\n";
    let home = Home::and(&format!("{slow}{configuration}"));
    home.plugin("slow-activity", guest("slow-activity"));
    let wait = Activity::of_class("Test.SlowActivitySetting, Test", "Slow");
    let wait = wait.template("MSH|^~\\&|A\r").with("WaitForFile", "go");
    let slow = Workflow::new("Slow", "slow").with("UseIntegrationHostServiceAddress", true);
    home.workflow("slow", &slow.archive("begun.hl7").activity(wait).build());
    home.workflow("quick", &hosted("Quick", "quick").build());
    let server = home.serve();
    assert_eq!(server.addresses().len(), 2, "{}", server.log());
    (home, server)
}

/// Changes the shared address in `tureen.toml`.
fn change(home: &Home, from: &str, to: &str) {
    let text = home.read("tureen.toml").unwrap();
    assert!(text.contains(from), "{text}");
    home.replace("tureen.toml", text.replace(from, to));
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[test]
fn a_new_port_is_opened_and_requests_at_the_old_one_are_finished() {
    let (first, second) = (free_port(), free_port());
    let (home, server) = serving_slowly(&shared(first, true));
    let mut in_flight = server.http1();
    in_flight.send(request("POST", "/slow", adt("LIVE", "1").as_bytes()));
    wait_for("the message to be worked on", || home.read("out/begun.hl7"));
    // Half a request: its head decides where it goes.
    let mut half = server.http1();
    half.send("POST /quick HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab");
    let mut idle = server.http1();
    assert_eq!(idle.post("/quick", "x").text(), "Quick");
    change(&home, &format!("port = {first}\n"), &format!("port = {second}\n"));
    wait_for("the new port", || std::net::TcpStream::connect(at(second)).ok());
    wait_for("the old port to be closed", || std::net::TcpStream::connect(at(first)).err());
    let answer = Http1::over_tls(at(second), server.certificate()).post("/quick", "x");
    assert_eq!(answer.text(), "Quick");
    half.send("cd");
    assert_eq!(half.answer("POST").text(), "Quick", "half a request is not lost");
    home.write("out/go", "");
    let answer = in_flight.answer("POST");
    assert_eq!((answer.msa(1), answer.msa(2)), ("AA".to_owned(), "LIVE".to_owned()));
    assert!(idle.is_closed_by_server(), "an idle connection ends");
    server.stop();
}

#[test]
fn an_address_that_cannot_be_had_or_is_taken_out_changes_nothing() {
    let (first, taken) = (free_port(), free_port());
    let (home, server) = serving_slowly(&shared(first, true));
    let _taken = std::net::TcpListener::bind(at(taken)).unwrap();
    let mut http = server.http1();
    change(&home, &format!("port = {first}\n"), &format!("port = {taken}\n"));
    server.wait_for_log("WF090");
    assert_eq!(http.post("/quick", "x").text(), "Quick", "it goes on at the old port");
    change(&home, &format!("port = {taken}\n"), "");
    server.wait_for_log("WF058");
    assert_eq!(server.http1().post("/quick", "x").text(), "Quick", "it goes on as before");
    server.stop();
}

#[test]
fn tls_of_the_shared_address_can_be_turned_on_while_the_server_runs() {
    let port = free_port();
    let (home, server) = serving_slowly(&shared(port, false));
    assert_eq!(server.http1_to("Quick").post("/quick", "x").text(), "Quick");
    change(&home, "tls = false", "tls = true");
    let certificate = home.path("certificates/default/certificate.pem");
    wait_for("the certificate", || std::fs::read(&certificate).ok());
    wait_until_equal("HTTP in plain is over", &true, || {
        let mut plain = Http1::plain(at(port));
        let _ = plain.try_send(request("POST", "/quick", b"x"));
        plain.try_answer("POST").is_err()
    });
    server.stop();
}

#[test]
fn legacy_certificate_fields_are_warned_about_and_not_used() {
    let home = Home::new();
    let legacy = own("Legacy", "legacy", 0)
        .with("CertificateFromFile", true)
        .with("CertificatePath", "C:\\certificates\\lab.pfx")
        .with("CertificatePassword", "legacy-password")
        .with("CertificateStoreLocation", 2)
        .with("CertificateStoreName", 5)
        .with("CertificateX509FindType", 0);
    home.workflow("legacy", &legacy.build());
    let findings = Findings::of(&home);
    assert_eq!(findings.errors(), [] as [&str; 0]);
    let told = findings.only("WF018");
    assert_eq!(told["severity"], "warning");
    for field in ["CertificateFromFile", "CertificatePassword", "CertificateX509FindType"] {
        assert!(told["found"].as_str().unwrap().contains(field), "{told:#}");
    }
    let server = home.serve();
    // The client trusts the default certificate and no other.
    assert_eq!(server.http1().post("/legacy", "x").text(), "Legacy");
    let log = server.stop();
    assert!(log.contains("WF018") && !log.contains("legacy-password"), "{log}");
}
