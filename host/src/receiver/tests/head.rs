//! What the head of a request decides.

use super::harness::*;
use crate::receiver::{BasicCredentials, DeclaredParameter, DeclaredSection, Route, RouteTable};

/// Each request alone on a connection: the statuses that come back, and how often the exchange is
/// called.
#[tokio::test]
async fn requests_are_answered_by_their_head() {
    let server = serve(limits()).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let with = |fields: &str| format!("POST /echo HTTP/1.1\r\n{fields}\r\n\r\n");
    let cases: Vec<(String, &[u16], usize)> = vec![
        (get("/echo"), &[200], 1),
        (get("/ECHO/a/b?x=1"), &[200], 1),
        (post("/echo", "hello"), &[200], 1),
        ("DELETE /echo HTTP/1.1\r\nHost: a\r\n\r\n".into(), &[200], 1),
        ("PROPFIND /echo HTTP/1.1\r\nHost: a\r\n\r\n".into(), &[200], 1),
        // Health: answered without the exchange, and it tells the truth.
        ("HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n".into(), &[200], 0),
        ("HEAD /down HTTP/1.1\r\nHost: a\r\n\r\n".into(), &[503], 0),
        ("HEAD /unknown HTTP/1.1\r\nHost: a\r\n\r\n".into(), &[404], 0),
        // Paths.
        (get("/"), &[404], 0),
        (get("/echoes"), &[404], 0),
        (get("/unknown"), &[404], 0),
        (get("/echo/%00"), &[400], 0),
        (get("/echo%2fa"), &[400], 0),
        (get("/x/%2e%2e/echo"), &[400], 0),
        (get("/x/../echo"), &[400], 0),
        (get("/x/..%5cecho"), &[400], 0),
        (get("/echo/%zz"), &[400], 0),
        (get("/echo/%ff"), &[400], 0),
        (get("/%65cho"), &[200], 1),
        (get("/%2565cho"), &[404], 0),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".into(), &[400], 0),
        // Methods that change what HTTP is.
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n".into(), &[405], 0),
        ("TRACE /echo HTTP/1.1\r\nHost: a\r\n\r\n".into(), &[405], 0),
        // Exactly one valid host.
        (with("X: y"), &[400], 0),
        (with("Host: a\r\nHost: a"), &[400], 0),
        (with("Host: a\r\nHost: b"), &[400], 0),
        (with("Host:"), &[400], 0),
        (with("Host: a b"), &[400], 0),
        (with("Host: a/b"), &[400], 0),
        (with("Host: user@a"), &[400], 0),
        (with("Host: [::1]:80"), &[200], 1),
        ("GET http://a/echo HTTP/1.1\r\nHost: A\r\n\r\n".into(), &[200], 1),
        ("GET http://b/echo HTTP/1.1\r\nHost: a\r\n\r\n".into(), &[400], 0),
        ("GET http://b/echo HTTP/1.1\r\n\r\n".into(), &[400], 0),
        ("GET /echo HTTP/1.0\r\n\r\n".into(), &[200], 1),
        ("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".repeat(2), &[200], 1),
        ("POST /echo HTTP/1.0\r\nContent-Length: 1\r\n\r\na".into(), &[200], 1),
        ("POST /echo HTTP/1.0\r\n\r\na".into(), &[411], 0),
        ("PUT /echo HTTP/1.0\r\n\r\n".into(), &[411], 0),
        // Other fields.
        (with("Host: a\r\nExpect: magic"), &[417], 0),
        (with("Host: a\r\nContent-Type: multipart/form-data; boundary=x"), &[415], 0),
        (with("Host: a\r\nContent-Type:  Multipart/mixed"), &[415], 0),
        (with("Host: a\r\nContent-Type: multipart"), &[200], 1),
        (with("Host: a\r\nContent-Encoding: br"), &[415], 0),
        (with("Host: a\r\nContent-Encoding: gzip, gzip"), &[415], 0),
        (with("Host: a\r\nContent-Encoding: identity"), &[200], 1),
        // Framing that others may read differently: hyper alone accepts all of these.
        ("GET /echo HTTP/1.1\nHost: a\n\n".into(), &[400], 0),
        ("GET /echo HTTP/1.1\r\nHost: a\n\r\n".into(), &[400], 0),
        ("GET /echo HTTP/1.1\r\nHost: a\r\n\n".into(), &[400], 0),
        (with("Host: a\r\nContent-Length: 0\r\nContent-Length: 0"), &[400], 0),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                .into(),
            &[400],
            0,
        ),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
             Content-Length: 5\r\n\r\n0\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
                .into(),
            &[400],
            0,
        ),
        (with("Host: a\r\nTransfer-Encoding: gzip, chunked"), &[400], 0),
        // What hyper refuses itself.
        (with("Host: a\r\nContent-Length: +5"), &[400], 0),
        (with("Host: a\r\nContent-Length : 5"), &[400], 0),
        (with("Host: a\r\n X: folded"), &[400], 0),
        (with("Host: a\r\nX: a\0b"), &[400], 0),
        ("GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n".into(), &[400], 0),
        ("GET /echo HTTP/3.0\r\nHost: a\r\n\r\n".into(), &[400], 0),
        ("\u{16}\u{3}\u{1}\u{2} TLS to a plain port\r\n\r\n".into(), &[400], 0),
        // Pipelining: in order, and nothing after a broken one.
        (get("/echo").repeat(3), &[200, 200, 200], 3),
        (post("/echo", "a") + &post("/unknown", "b") + &get("/echo"), &[200, 404], 1),
        (get("/echo") + "GET /echo HTTP/1.1\nHost: a\n\n" + &get("/echo"), &[200, 400], 1),
        ("\r\n\r\n".to_owned() + &get("/echo"), &[200], 1),
    ];
    for (request, expected, calls) in cases {
        let before = server.script.calls();
        let answers = exchange(server.address, &request).await;
        assert_eq!(statuses(&answers), expected, "{request:?}");
        assert_eq!(server.script.calls() - before, calls, "{request:?}");
        assert!(!answers.contains("400") || answers.contains("connection: close"), "{answers}");
    }
}

#[tokio::test]
async fn heads_that_are_too_long_are_refused() {
    let mut limits = limits();
    limits.header_bytes = 4_096;
    limits.url_bytes = 100;
    let server = serve(limits).await;
    let long = "x".repeat(4_096);
    let fields: String = (0..101).map(|index| format!("X-{index}: y\r\n")).collect();
    let cases = [
        (format!("GET /echo HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431),
        (format!("GET /echo HTTP/1.1\r\nHost: a\r\nX: {long}"), 431),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 431),
        (format!("GET /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n"), 431),
        (format!("GET /echo/{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(95)), 414),
        (format!("GET /echo/{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(94)), 200),
        (format!("GET /echo?{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(95)), 414),
    ];
    for (request, expected) in cases {
        let answers = exchange(server.address, &request).await;
        assert_eq!(statuses(&answers), [expected], "{} bytes", request.len());
    }
    assert_eq!(server.script.calls(), 1);
}

#[tokio::test]
async fn a_request_carries_its_facts_and_its_variables() {
    let route = Route {
        query: vec![DeclaredParameter {
            key: "ward".to_owned(),
            variable: "Ward".to_owned(),
            default: Some("A1".to_owned()),
        }],
        sections: vec![DeclaredSection { variable: "Patient".to_owned(), default: None }],
        extract_parameters: true,
        extract_sections: true,
        ..Route::new(vec!["api".to_owned()], "echo")
    };
    let mut desired = desired(&[], None);
    desired.routes = std::sync::Arc::new(RouteTable::new([route]).unwrap());
    let server = serve_listener(limits(), desired).await;
    let request = "PUT /api/P%207?x=1&WARD=B%202 HTTP/1.1\r\nHost: a\r\n\
                   Content-Type: text/csv; charset=utf-8\r\nContent-Length: 3\r\n\r\na,b";
    exchange(server.address, request).await;
    let received = server.script.received.lock().unwrap();
    let (target, received) = &received[0];
    assert_eq!((*target, received.method.as_str()), ("echo", "PUT"));
    assert_eq!(received.body, "a,b");
    assert_eq!(received.client_ip, std::net::Ipv4Addr::LOCALHOST);
    assert_eq!(received.content_type.as_deref(), Some("text/csv; charset=utf-8"));
    let text = |text: &str| text.to_owned();
    let expected = [(text("Ward"), text("B 2")), (text("Patient"), text("P 7"))];
    assert_eq!(received.variables, expected);
    let shown = format!("{received:?}");
    assert!(!shown.contains("B 2") && !shown.contains("a,b"), "{shown}");
}

#[tokio::test]
async fn credentials_are_checked_before_anything_else_is_told() {
    let route = Route {
        credentials: Some(BasicCredentials::new("user", "secret")),
        ..Route::new(vec!["api".to_owned()], "echo")
    };
    let mut desired = desired(&[], None);
    desired.routes = std::sync::Arc::new(RouteTable::new([route]).unwrap());
    let server = serve_listener(limits(), desired).await;
    let cases = [
        ("POST", "X: y", 401),
        ("HEAD", "X: y", 401),
        ("POST", "Authorization: Basic dXNlcjpvdGhlcg==", 401),
        ("POST", "X: y\r\nContent-Length: 99999999999", 401),
        ("POST", "Authorization: Basic dXNlcjpzZWNyZXQ=", 200),
        ("HEAD", "Authorization: Basic dXNlcjpzZWNyZXQ=", 200),
    ];
    for (method, field, expected) in cases {
        let request = format!("{method} /api HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
        let answers = exchange(server.address, &request).await;
        assert_eq!(statuses(&answers), [expected], "{request:?}");
        assert_eq!(answers.contains("www-authenticate: Basic realm="), expected == 401);
    }
    assert_eq!(server.script.calls(), 1);
}

#[tokio::test]
async fn replies_are_written_as_they_are_and_invalid_parts_are_left_out() {
    let server = serve(limits()).await;
    let teapot = exchange(server.address, post("/teapot", "short")).await;
    assert!(teapot.starts_with("HTTP/1.1 418 "), "{teapot}");
    assert!(teapot.contains("content-type: text/plain\r\n") && teapot.contains("x-pot: tea\r\n"));
    assert!(!teapot.to_lowercase().contains("x-bad"), "{teapot}");
    assert!(teapot.ends_with("\r\n\r\nshort"), "{teapot}");
    let empty = exchange(server.address, post("/empty", "not sent back")).await;
    assert!(empty.starts_with("HTTP/1.1 204 ") && !empty.contains("not sent"), "{empty}");
    let wild = exchange(server.address, post("/wild", "")).await;
    assert_eq!(statuses(&wild), [500]);
}
