//! Wrong credentials over real sockets.

use super::harness::*;
use crate::listener::DesiredListener;
use crate::receiver::{BasicCredentials, Route, RouteTable};

/// `aladdin` with the right and a wrong password.
const RIGHT: &str = "Authorization: Basic YWxhZGRpbjpvcGVu\r\n";
const WRONG: &str = "Authorization: Basic YWxhZGRpbjpzaHV0\r\n";
const UNKNOWN_USER: &str = "Authorization: Basic amFmYXI6b3Blbg==\r\n";

async fn protected(health_without_credentials: bool) -> Server {
    let mut route = Route::new(vec!["echo".to_owned()], "echo");
    route.credentials = Some(BasicCredentials::new("aladdin", "open"));
    route.health_without_credentials = health_without_credentials;
    let routes = RouteTable::new([route]).unwrap().into();
    let mut limits = limits();
    limits.failed_logins_per_minute = 3;
    serve_listener(limits, DesiredListener { routes, ..desired(&[], None) }).await
}

async fn ask(server: &Server, method: &str, fields: &str) -> String {
    let request = format!("{method} /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    exchange(server.address, request).await
}

#[tokio::test]
async fn after_too_many_wrong_credentials_the_right_ones_have_to_wait_too() {
    let server = protected(false).await;
    for _ in 0..10 {
        assert_eq!(statuses(&ask(&server, "POST", "").await), [401], "no credentials, no guess");
    }
    assert_eq!(statuses(&ask(&server, "POST", RIGHT).await), [200]);
    let wrong = ask(&server, "POST", WRONG).await;
    let unknown = ask(&server, "POST", UNKNOWN_USER).await;
    let without_date = |answer: &str| -> Vec<String> {
        answer.lines().filter(|line| !line.starts_with("date")).map(str::to_owned).collect()
    };
    assert_eq!(statuses(&wrong), [401]);
    assert_eq!(without_date(&wrong), without_date(&unknown), "the answer tells nothing");
    assert_eq!(statuses(&ask(&server, "HEAD", WRONG).await), [401]);
    for fields in [RIGHT, WRONG] {
        let answer = ask(&server, "POST", fields).await;
        assert_eq!(statuses(&answer), [429]);
        let wait = answer.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
        assert!((1..=20).contains(&wait.parse::<u64>().unwrap()), "{wait}");
    }
    assert_eq!(statuses(&ask(&server, "POST", "").await), [401]);
    assert_eq!(server.script.calls(), 1);
}

#[tokio::test]
async fn health_needs_credentials_unless_the_receiver_says_otherwise() {
    let server = protected(false).await;
    assert_eq!(statuses(&ask(&server, "HEAD", "").await), [401]);
    assert_eq!(statuses(&ask(&server, "HEAD", RIGHT).await), [200]);
    let server = protected(true).await;
    assert_eq!(statuses(&ask(&server, "HEAD", "").await), [200]);
    assert_eq!(statuses(&ask(&server, "POST", "").await), [401]);
}
