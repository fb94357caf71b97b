//! What plugins do outside, as an operator sees it: figures, and lines of the audit log.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;

use super::peers::Peer;
use crate::harness::admin::{admin_address, get, samples, sum};
use crate::harness::guests::guest;
use crate::harness::messages::adt;
use crate::harness::wait::wait_for;
use crate::harness::workflow::{Activity, received};
use crate::harness::{Home, Server, Workflow};

const STORED: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 6\r\n\r\nstored";

/// What a plugin puts into everything that it asks for, and that may stand nowhere.
const SECRET: &str = "zyxwvut";

const MESSAGES: usize = 3;

/// A home with one workflow for each thing that the plugin asks for.
fn home_of(grants: &str, asked: &[String]) -> Home {
    let home = Home::and(grants);
    home.plugin("outbound", guest("outbound"));
    for (number, to) in asked.iter().enumerate() {
        let activity = Activity::of_class("Test.Outbound, Test", "Send")
            .template(&received())
            .with("To", to.as_str())
            .with("Body", format!("POST / HTTP/1.1\r\nX: {SECRET}\r\n\r\n"));
        let workflow = Workflow::new(&format!("W{number}"), &format!("in{number}"))
            .activity(activity)
            .responding("MSH|^~\\&|T\rMSA|AA|${Outbound}|\r");
        home.workflow(&format!("w{number}"), &workflow.build());
    }
    home
}

fn send(server: &Server, number: usize, expected: &str) {
    let mut http = server.http1();
    for _ in 0..MESSAGES {
        let answer = http.post(&format!("/in{number}"), adt("F", SECRET));
        assert!(answer.msa(2).starts_with(expected), "{expected}: {answer:?}");
    }
}

/// The audit log's lines of one event.
fn audited(home: &Home, event: &str) -> Vec<Value> {
    let text = home.read("data/audit.log").unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["event"] == event).collect()
}

fn count(admin: SocketAddr, family: &str, parts: &[&str]) -> usize {
    let seen = samples(admin);
    let parts: Vec<_> = parts.iter().copied().chain(["plugin=\"outbound\""]).collect();
    format!("{}", sum(&seen, family, &parts)).parse().unwrap()
}

#[test]
fn what_a_plugin_does_outside_is_counted_and_told_once_without_a_word_of_a_message() {
    let peer = Peer::http(STORED);
    let port = peer.port;
    let grants = format!(
        "[plugins.outbound]\nhttp = [\"http://127.0.0.1:{port}\", \"http://localhost:{port}\", \
         \"http://127.0.0.1:1\"]\ntcp = [\"127.0.0.1:{port}\"]\n"
    );
    let asked = [
        format!("http://127.0.0.1:{port}/{SECRET}?{SECRET}={SECRET}"),
        format!("http://{SECRET}.example.org:81/"),
        format!("http://localhost:{port}/{SECRET}"),
        format!("http://127.0.0.1:1/{SECRET}"),
        format!("tcp:127.0.0.1:{port}"),
    ];
    let home = home_of(&grants, &asked);
    let server = home.serve();
    let admin = admin_address(&server);
    let expected =
        ["201 stored", "network.not-granted", "network.address", "network.refused", "read HTTP"];
    for (number, expected) in expected.into_iter().enumerate() {
        send(&server, number, expected);
    }
    for (kind, outcome) in [
        ("http", "ok"),
        ("http", "not-granted"),
        ("http", "address"),
        ("http", "refused"),
        ("tcp", "ok"),
    ] {
        let parts = [format!("kind=\"{kind}\""), format!("outcome=\"{outcome}\"")];
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        assert_eq!(count(admin, "outbound_requests_total", &parts), MESSAGES, "{parts:?}");
    }
    assert_eq!(count(admin, "outbound_requests_total", &[]), 5 * MESSAGES, "and nothing else");
    for (kind, exchanges) in [("http", 4), ("tcp", 1)] {
        let kind = format!("kind=\"{kind}\"");
        let found = count(admin, "outbound_seconds_count", &[&kind]);
        assert_eq!(found, exchanges * MESSAGES, "{kind}");
        let sent = count(admin, "outbound_bytes_total", &[&kind, "direction=\"sent\""]);
        let received = count(admin, "outbound_bytes_total", &[&kind, "direction=\"received\""]);
        // What was refused has left nothing behind.
        assert!((20 * MESSAGES..200 * MESSAGES).contains(&sent), "{kind}: {sent}");
        assert!((20 * MESSAGES..100 * MESSAGES).contains(&received), "{kind}: {received}");
    }

    let (used, refused) = wait_for("the lines of the audit log", || {
        let (used, refused) = (audited(&home, "outbound-used"), audited(&home, "outbound-refused"));
        (used.len() >= 3 && refused.len() >= 2).then_some((used, refused))
    });
    let destinations: Vec<_> =
        used.iter().map(|line| line["destination"].as_str().unwrap().to_owned()).collect();
    let granted = [
        format!("http://127.0.0.1:{port}"),
        "http://127.0.0.1:1".to_owned(),
        format!("tcp://127.0.0.1:{port}"),
    ];
    assert_eq!(BTreeSet::from_iter(&destinations), BTreeSet::from_iter(&granted));
    assert_eq!(destinations.len(), 3, "once each: {destinations:?}");
    assert_eq!(refused.len(), 2, "{refused:#?}");
    assert!(refused.iter().chain(&used).all(|line| line["plugin"] == "outbound"));
    assert!(refused.iter().all(|line| line["occasion"] == "running"), "{refused:#?}");
    let reason = |number: usize| refused[number]["reason"].as_str().unwrap();
    assert!(reason(0).starts_with("network.not-granted") && reason(0).contains("port 81"));
    assert!(reason(1).starts_with("network.address") && reason(1).contains("localhost"));

    // What is granted anew is told anew.
    let config = home.read("tureen.toml").unwrap();
    home.replace("tureen.toml", config.replace("http = [", "environment = [\"PATH\"]\nhttp = ["));
    wait_for("the change of grants", || audited(&home, "grants").pop());
    wait_for("the first use of the new load", || {
        send(&server, 0, "201 stored");
        (audited(&home, "outbound-used").len() > 3).then_some(())
    });

    let metrics = get(admin, "/metrics").text();
    let log = server.stop();
    for (what, text) in
        [("log", &log), ("metrics", &metrics), ("audit log", &home.read("data/audit.log").unwrap())]
    {
        assert!(!text.to_lowercase().contains(SECRET), "{what}: {text}");
    }
    assert!(log.contains("plugin uses a granted server"), "{log}");
    assert!(log.contains("plugin is refused a server"), "{log}");
}
