//! Which host a request asks for, told in two or three places.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::harness::*;
use super::http2::{connect_tls, serve_tls};
use crate::receiver::{HostRules, Hosts, Route, RouteTable};
use crate::refusals::RefusalKind;

/// The target, the Host fields, and the status.
#[tokio::test]
async fn exactly_one_host_is_named_and_it_is_one() {
    let server = serve(limits()).await;
    let cases: [(&str, &[&str], u16); 36] = [
        ("/echo", &["a"], 200),
        ("/echo", &["a:80"], 200),
        ("/echo", &["a:"], 200),
        ("/echo", &["a."], 200),
        ("/echo", &["A.EXAMPLE"], 200),
        ("/echo", &["[::1]"], 200),
        ("/echo", &["[::1]:8443"], 200),
        ("/echo", &["10.0.0.1:65535"], 200),
        ("/echo", &[], 400),
        ("/echo", &[""], 400),
        ("/echo", &["a", "a"], 400),
        ("/echo", &["a", "b"], 400),
        ("/echo", &["a", ""], 400),
        ("/echo", &["a, b"], 400),
        ("/echo", &["a b"], 400),
        ("/echo", &["a\tb"], 400),
        ("/echo", &["a/b"], 400),
        ("/echo", &["a?b"], 400),
        ("/echo", &["a#b"], 400),
        ("/echo", &["user@a"], 400),
        ("/echo", &["a@"], 400),
        ("/echo", &["http://a"], 400),
        ("/echo", &[":80"], 400),
        ("/echo", &["a:b"], 400),
        ("/echo", &["a:80:80"], 400),
        ("/echo", &["a:-1"], 400),
        ("/echo", &["a:65536"], 400),
        ("/echo", &["[::1"], 400),
        ("/echo", &["::1]"], 400),
        ("/echo", &["a\\b"], 400),
        ("http://a/echo", &["a"], 200),
        ("http://A/echo", &["a"], 200),
        ("http://b/echo", &["a"], 400),
        ("http://a:81/echo", &["a"], 400),
        ("http://a/echo", &[], 400),
        ("http://b@a/echo", &["a"], 400),
    ];
    for (target, hosts, expected) in cases {
        let fields: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
        let before = server.script.calls();
        let answers =
            exchange(server.address, format!("GET {target} HTTP/1.1\r\n{fields}\r\n")).await;
        assert_eq!(statuses(&answers), [expected], "{target} {hosts:?}");
        assert_eq!(server.script.calls() - before, usize::from(expected == 200));
    }
}

#[tokio::test]
async fn only_allowed_hosts_are_served_and_a_receiver_may_have_its_own() {
    let own = Route {
        hosts: Some(["lab.example".to_owned()].into_iter().collect()),
        ..Route::new(vec!["lab".to_owned()], "echo")
    };
    let any = Route { hosts: Some(Hosts::default()), ..Route::new(vec!["any".to_owned()], "echo") };
    let mut desired = desired(&[], None);
    let routes = [own, any, Route::new(vec!["echo".to_owned()], "echo")];
    desired.routes = std::sync::Arc::new(RouteTable::new(routes).unwrap());
    let server = serve_listener(limits(), desired).await;
    let hosts = ["main.example", "10.0.0.1"].into_iter().collect();
    server.receiver.set_host_rules(HostRules { hosts, must_match_tls_name: true });
    let cases = [
        ("/echo", "main.example", 200),
        ("/echo", "MAIN.example.:8443", 200),
        ("/echo", "10.0.0.1", 200),
        ("/echo", "lab.example", 421),
        ("/echo", "other.example", 421),
        ("/lab", "lab.example", 200),
        ("/lab", "main.example", 421),
        ("/any", "whatever.example", 200),
        ("/unknown", "main.example", 404),
        ("/unknown", "other.example", 421),
    ];
    for (path, host, expected) in cases {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(
            statuses(&exchange(server.address, &request).await),
            [expected],
            "{path} {host}"
        );
    }
    assert_eq!(server.refusals.of(RefusalKind::WrongHost), 4);
    server.receiver.set_host_rules(HostRules::default());
    let request = "GET /echo HTTP/1.1\r\nHost: other.example\r\n\r\n";
    assert_eq!(statuses(&exchange(server.address, request).await), [200], "after a reload");
}

#[tokio::test]
async fn a_request_asks_for_the_host_of_its_handshake() {
    let (server, certificate) = serve_tls(limits()).await;
    for must_match_tls_name in [true, false] {
        server.receiver.set_host_rules(HostRules { must_match_tls_name, ..HostRules::default() });
        let cases =
            [("localhost", 200), ("LOCALHOST:8443", 200), ("other", 421), ("10.0.0.1", 421)];
        for (host, expected) in cases {
            let mut stream = connect_tls(&server, &certificate, &["http/1.1"]).await;
            let request = format!("GET /echo HTTP/1.1\r\nHost: {host}\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut start = [0; 12];
            within(stream.read_exact(&mut start)).await.unwrap();
            let expected = if must_match_tls_name { expected } else { 200 };
            assert_eq!(start, *format!("HTTP/1.1 {expected}").as_bytes(), "{host}");
        }
    }
}
