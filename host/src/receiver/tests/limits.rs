//! Time, and how much may be in flight.

use std::time::Duration;

use super::harness::*;
use crate::refusals::RefusalKind;

const SHORT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_slow_head_is_answered_with_408() {
    let mut limits = limits();
    limits.header_timeout = SHORT;
    let server = serve(limits).await;
    for head in ["G", "GET /echo HTTP/1.1\r\n", "GET /echo HTTP/1.1\r\nHost: a\r\nX: "] {
        let mut client = RawClient::connect(server.address).await;
        client.send(head).await;
        assert_eq!(statuses(&client.read_to_end().await), [408], "{head:?}");
    }
    let mut client = RawClient::connect(server.address).await;
    client.send(post("/echo", "a") + "GET /ec").await;
    assert_eq!(statuses(&client.read_to_end().await), [200, 408], "after a good request");
    assert_eq!(server.script.calls(), 1);
}

#[tokio::test]
async fn a_silent_client_is_closed_without_a_word() {
    let mut limits = limits();
    limits.header_timeout = SHORT;
    limits.idle_timeout = SHORT;
    let server = serve(limits).await;
    let mut client = RawClient::connect(server.address).await;
    assert_eq!(client.read_to_end().await, "");
    let mut client = RawClient::connect(server.address).await;
    client.send(post("/echo", "a")).await;
    assert_eq!(statuses(&client.read_to_end().await), [200], "after a good request");
    let mut client = RawClient::connect(server.address).await;
    client.send("PRI * HT").await;
    assert_eq!(client.read_to_end().await, "", "undecided between two versions of HTTP");
}

#[tokio::test]
async fn silence_between_requests_may_be_longer_than_a_head() {
    let mut limits = limits();
    limits.header_timeout = SHORT;
    let server = serve(limits).await;
    let mut client = RawClient::connect(server.address).await;
    client.send(post("/echo", "a")).await;
    client.read_answer().await;
    tokio::time::sleep(SHORT * 2).await;
    client.send(post("/echo", "b")).await;
    assert!(client.read_answer().await.ends_with('b'));
}

#[tokio::test]
async fn a_stalled_body_is_answered_with_408() {
    let mut by_deadline = limits();
    by_deadline.body_timeout = SHORT;
    let mut by_rate = limits();
    by_rate.body_rate_grace = SHORT;
    for limits in [by_deadline, by_rate] {
        let server = serve(limits).await;
        let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe";
        let with_length = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        for request in [chunked, with_length] {
            let mut client = RawClient::connect(server.address).await;
            client.send(request).await;
            let answers = client.read_answer().await;
            assert_eq!(statuses(&answers), [408], "{request:?}");
            assert!(answers.contains("connection: close"), "{answers}");
        }
        assert_eq!(server.script.calls(), 0);
        assert_eq!(server.receiver.requests_in_flight(), 0);
    }
}

#[tokio::test]
async fn requests_over_the_limit_are_told_to_come_again() {
    let mut limits = limits();
    limits.requests_in_flight = 1;
    let server = serve(limits).await;
    let mut first = RawClient::connect(server.address).await;
    first.send(post("/wait", "a")).await;
    server.script.wait_begun().await;
    let answers = exchange(server.address, post("/echo", "b")).await;
    assert_eq!(statuses(&answers), [503]);
    assert!(answers.contains("retry-after: 1"), "{answers}");
    server.script.gate.add_permits(1);
    assert_eq!(statuses(&first.read_answer().await), [200]);
    assert_eq!(statuses(&exchange(server.address, post("/echo", "b")).await), [200]);
}

#[tokio::test]
async fn bodies_share_a_budget_that_is_given_back() {
    let mut limits = limits();
    limits.body_bytes_in_flight = 10;
    let server = serve(limits).await;
    let mut first = RawClient::connect(server.address).await;
    first.send(post("/wait", "123456")).await;
    server.script.wait_begun().await;
    let refused = exchange(server.address, post("/echo", "12345")).await;
    assert_eq!(statuses(&refused), [503]);
    assert_eq!(statuses(&exchange(server.address, post("/echo", "1234")).await), [200]);
    server.script.gate.add_permits(1);
    first.read_answer().await;
    assert_eq!(statuses(&exchange(server.address, post("/echo", "1234567890")).await), [200]);
}

#[tokio::test]
async fn a_route_may_have_a_lower_limit_of_its_own() {
    let mut route = crate::receiver::Route::new(vec!["low".to_owned()], "echo");
    route.body_bytes_max = Some(3);
    let mut desired = desired(&[], None);
    desired.routes = std::sync::Arc::new(crate::receiver::RouteTable::new([route]).unwrap());
    let server = serve_listener(limits(), desired).await;
    assert_eq!(statuses(&exchange(server.address, post("/low", "123")).await), [200]);
    assert_eq!(statuses(&exchange(server.address, post("/low", "1234")).await), [413]);
}

#[tokio::test]
async fn every_refusal_is_counted_under_its_name() {
    let mut limits = limits();
    limits.header_timeout = SHORT;
    limits.idle_timeout = SHORT;
    limits.body_timeout = SHORT;
    limits.body_bytes = 10;
    limits.url_bytes = 64;
    let server = serve(limits).await;
    let fields = |fields: &str| format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
    let cases = [
        (String::new(), RefusalKind::SlowHead),
        ("GET".to_owned(), RefusalKind::SlowHead),
        (post("/echo", ""), RefusalKind::Idle),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(64)), RefusalKind::LongUrl),
        (fields(&format!("X: {}", "x".repeat(20_000))), RefusalKind::LongHead),
        (fields("X y"), RefusalKind::Malformed),
        (fields("Host: b"), RefusalKind::Malformed),
        (fields("Expect: magic"), RefusalKind::Expectation),
        (fields("Content-Length: 11"), RefusalKind::LongBody),
        (fields("Content-Length: 1"), RefusalKind::SlowBody),
        (fields("Transfer-Encoding: chunked") + "x", RefusalKind::BrokenBody),
        (post("/unknown", ""), RefusalKind::UnknownPath),
        ("TRACE /echo HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), RefusalKind::Method),
    ];
    for (request, kind) in cases {
        let before = server.refusals.of(kind);
        let mut client = RawClient::connect(server.address).await;
        client.send(&request).await;
        client.read_to_end().await;
        within(async {
            while server.refusals.of(kind) == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_client_over_its_rate_is_told_how_long_to_wait() {
    let mut limits = limits();
    // One in a second, so that nothing comes back while this test runs its first part.
    limits.requests_per_second_per_client = 1;
    limits.request_burst_per_client = 3;
    let server = serve(limits).await;
    let head = "HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n";
    let unknown = post("/unknown", "");
    let requests = [head, &post("/echo", "a"), &unknown, head, &unknown, &post("/echo", "b")];
    let mut client = RawClient::connect(server.address).await;
    client.send(requests[..5].concat()).await;
    client.half_close().await;
    let answers = client.read_to_end().await;
    assert_eq!(statuses(&answers), [200, 200, 404, 429, 429], "whatever is asked for counts");
    assert_eq!(answers.matches("retry-after: 1\r\n").count(), 2, "{answers}");
    assert_eq!(server.refusals.of(RefusalKind::TooManyRequests), 2);
    within(async { while statuses(&exchange(server.address, requests[5]).await) != [200] {} })
        .await;
    assert_eq!(server.script.calls(), 2);
}

#[tokio::test]
async fn rates_are_not_limited_unless_asked_for() {
    let server = serve(limits()).await;
    let answers = exchange(server.address, post("/echo", "a").repeat(1_000)).await;
    assert_eq!(statuses(&answers), [200; 1_000]);
}

#[tokio::test]
async fn who_is_told_that_nobody_has_time_is_told_when_to_come_again() {
    let server = serve(limits()).await;
    let answers = exchange(server.address, post("/busy", "a")).await;
    assert_eq!(statuses(&answers), [503]);
    assert!(answers.contains("retry-after: 1\r\n"), "{answers}");
    assert_eq!(server.refusals.of(RefusalKind::Unavailable), 1);
}
