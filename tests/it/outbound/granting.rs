//! What a plugin is granted, and what it is not.

use super::peers::Peer;
use super::{Outbound, told};
use crate::harness::guests::guest;
use crate::harness::workflow::{Activity, received};
use crate::harness::{Home, Workflow};

const STORED: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 6\r\n\r\nstored";

#[test]
fn a_granted_server_gets_the_request_once_and_its_answer_comes_back() {
    let peer = Peer::http(STORED);
    let address = format!("http://127.0.0.1:{}", peer.port);
    let outbound = Outbound::new(
        &format!("[plugins.outbound]\nhttp = [\"{address}\"]\ntcp = [\"127.0.0.1:1\"]\n"),
        &[
            ("To", &format!("{address}/results?id=1")),
            ("Headers", "Content-Type: text/plain\nX-One: 1"),
            ("Body", "result"),
        ],
    );
    for _ in 0..3 {
        assert_eq!(outbound.told(), "201 stored");
        let request = peer.request();
        assert!(request.starts_with("POST /results?id=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\nresult"), "{request}");
        let lower = request.to_ascii_lowercase();
        assert!(lower.contains(&format!("host: 127.0.0.1:{}\r\n", peer.port)), "{request}");
        assert!(lower.contains("x-one: 1\r\n"), "{request}");
    }
    assert_eq!(peer.connections(), 1, "the connection is kept between messages");
    let log = outbound.server.stop();
    assert!(!log.contains("/results"), "{log}");
}

#[test]
fn a_plugin_without_any_grant_is_refused_with_the_lines_to_add() {
    let home = Home::new();
    home.plugin("outbound", guest("outbound"));
    let activity = Activity::of_class("Test.Outbound, Test", "Send").template(&received());
    home.workflow("one", &Workflow::new("One", "in").activity(activity).build());
    let checked = home.run(&["check"]);
    assert!(checked.code != Some(0), "{checked:?}");
    let said = checked.said();
    for part in ["WF083", "[plugins.outbound]", "http = [", "tls = ["] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn what_is_not_granted_is_refused_before_anything_is_sent() {
    let peer = Peer::http(STORED);
    let port = peer.port;
    let granted = format!(
        "[plugins.outbound]\nhttp = [\"http://localhost:{port}\", \"http://127.0.0.1:1\"]\ntcp = [\"127.0.0.1:1\"]\n"
    );
    let cases = [
        (format!("http://127.0.0.1:{port}/"), "network.not-granted no"),
        (format!("http://[::ffff:127.0.0.1]:{port}/"), "network.not-granted no"),
        (format!("http://2130706433:{port}/"), "network.not-granted no"),
        (format!("https://localhost:{port}/"), "network.not-granted no"),
        (format!("http://localhost@127.0.0.1:{port}/"), "network.protocol no"),
        // The name is granted, where it leads is not.
        (format!("http://localhost:{port}/"), "network.address no"),
        (format!("tcp:127.0.0.1:{port}"), "network.not-granted no"),
        (format!("tls:127.0.0.1:{port}"), "network.not-granted no"),
        ("http://127.0.0.1:1/".to_owned(), "network.refused no"),
    ];
    let home = Home::and(&granted);
    home.plugin("outbound", guest("outbound"));
    for (number, (to, _)) in cases.iter().enumerate() {
        let activity = Activity::of_class("Test.Outbound, Test", "Send")
            .template(&received())
            .with("To", to.as_str());
        let workflow = Workflow::new(&format!("W{number}"), &format!("in{number}"))
            .activity(activity)
            .responding("MSH|^~\\&|T\rMSA|AA|${Outbound}|\r");
        home.workflow(&format!("w{number}"), &workflow.build());
    }
    let server = home.serve();
    let mut http = server.http1();
    for (number, (to, expected)) in cases.iter().enumerate() {
        let answer = http.post(&format!("/in{number}"), crate::harness::messages::adt("F", "1"));
        assert_eq!(answer.msa(2), *expected, "{to}");
    }
    assert_eq!(peer.connections(), 0);
    server.stop();
}

#[test]
fn a_granted_name_may_lead_to_a_granted_network() {
    let peer = Peer::http(STORED);
    let address = format!("http://localhost:{}", peer.port);
    let grants = format!(
        "[plugins.outbound]\nhttp = [\"{address}\"]\ntcp = [\"127.0.0.1:1\"]\nprivate_addresses = [\"127.0.0.0/8\", \"::1\"]\n"
    );
    assert_eq!(told(&grants, &[("To", &address)]), "201 stored");
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    let secret = Peer::http(STORED);
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\n\r\n",
        secret.port
    );
    let peer = Peer::http(redirect);
    let address = format!("http://127.0.0.1:{}", peer.port);
    let grants = format!("[plugins.outbound]\nhttp = [\"{address}\"]\ntcp = [\"127.0.0.1:1\"]\n");
    assert!(told(&grants, &[("To", &address)]).starts_with("302"));
    assert_eq!(secret.connections(), 0);
}

#[test]
fn grants_that_mean_nothing_are_told_with_their_place() {
    let home = Home::and("[plugins.outbound]\nhttp = [\"https://lab.example.org/fhir\"]\n");
    let checked = home.run(&["check"]);
    assert!(checked.code != Some(0));
    assert!(checked.stderr.contains("http") && checked.stderr.contains("path"), "{checked:?}");
}
