//! Plugins that know `wasi:http` only: the same grants and limits.

use super::Outbound;
use super::peers::Peer;
use crate::harness::Home;
use crate::harness::workflow::received;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn of(grants: &str, port: u16, settings: &[(&str, &str)]) -> String {
    let authority = format!("127.0.0.1:{port}");
    let settings: Vec<_> =
        settings.iter().copied().chain([("Authority", authority.as_str())]).collect();
    let outbound = Outbound::of("wasi-http", "Test.WasiHttp", grants, &settings);
    let told = outbound.told();
    outbound.server.stop();
    told
}

#[test]
fn a_granted_server_is_reached_by_wasi_http_with_the_same_limits() {
    let peer = Peer::http(OK);
    let granted = format!("[plugins.wasi-http]\nhttp = [\"http://127.0.0.1:{}\"]\n", peer.port);
    let body = "x".repeat(10_000);
    assert_eq!(of(&granted, peer.port, &[("Body", &body)]), "200 ok");
    let request = peer.request();
    assert!(request.starts_with("POST /wasi?x=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");

    let other = "[plugins.wasi-http]\nhttp = [\"http://127.0.0.1:1\"]\n";
    assert!(of(other, peer.port, &[]).contains("HttpRequestDenied"));
    let few = format!("{granted}outbound_requests = 2\n");
    assert!(of(&few, peer.port, &[("Repeat", "3")]).contains("ConnectionLimitReached"));
    let small = format!("{granted}outbound_bytes = 100\n");
    // The guest sees it where it writes, or where it asks for the answer.
    let refused = of(&small, peer.port, &[("Body", &body)]);
    let seen = ["HttpRequestBodySize", "ConnectionTerminated"];
    assert!(seen.iter().any(|it| refused.contains(it)), "{refused}");
    let short = format!("{granted}response_bytes = 1\n");
    assert!(of(&short, peer.port, &[]).contains("HttpResponseBodySize"));
}

#[test]
fn without_a_grant_wasi_http_is_refused_with_the_lines_to_add() {
    let home = Home::new();
    let checked = {
        home.plugin("wasi-http", crate::harness::guests::guest("wasi-http"));
        let activity = crate::harness::workflow::Activity::of_class("Test.WasiHttp, Test", "Send");
        let workflow =
            crate::harness::Workflow::new("One", "in").activity(activity.template(&received()));
        home.workflow("one", &workflow.build());
        home.run(&["check"])
    };
    let said = checked.said();
    assert!(
        checked.code != Some(0) && said.contains("WF083") && said.contains("http = ["),
        "{said}"
    );
}
