use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A responder at a port that was free a moment ago.
async fn responder() -> (HttpResponder, SocketAddr) {
    loop {
        let free = TcpListener::bind(ANY_PORT).await.unwrap().local_addr().unwrap();
        if let Ok(responder) = HttpResponder::bind(free).await {
            responder.set("token-1".into(), "token-1.thumbprint".into());
            return (responder, free);
        }
    }
}

/// Writes `request` and reads until the server closes.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before all of it is written.
    let _written = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn only_a_get_of_a_known_token_is_answered() {
    let (_responder, address) = responder().await;
    let cases = [
        ("GET /.well-known/acme-challenge/token-1", "", "200", "token-1.thumbprint"),
        ("GET /.well-known/acme-challenge/token-2", "", "404", "not found"),
        ("GET /.well-known/acme-challenge/token-1/", "", "404", "not found"),
        ("GET /.well-known/acme-challenge/token-1?a", "", "404", "not found"),
        ("GET /.well-known/acme-challenge/", "", "404", "not found"),
        ("GET /.well-known/acme-challenge/../token-1", "", "404", "not found"),
        ("GET /", "", "404", "not found"),
        ("POST /.well-known/acme-challenge/token-1", "", "404", "not found"),
        ("GET /.well-known/acme-challenge/token-1", "Content-Length: 3\r\n", "400", "no body"),
        (
            "GET /.well-known/acme-challenge/token-1",
            "Transfer-Encoding: chunked\r\n",
            "400",
            "no body",
        ),
    ];
    for (line, header, status, body) in cases {
        let request = format!("{line} HTTP/1.1\r\nHost: a.example\r\n{header}\r\n");
        let answer = exchange(address, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line} {header}: {answer}");
        assert!(answer.contains(body), "{line} {header}: {answer}");
    }
}

#[tokio::test]
async fn a_head_over_8_kib_is_refused() {
    let (_responder, address) = responder().await;
    let long = "x".repeat(HEAD_BYTES_MAX);
    let request = format!("GET / HTTP/1.1\r\nHost: a.example\r\nX-Long: {long}\r\n\r\n");
    let answer = exchange(address, request.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn its_address_is_free_after_close_and_no_connection_is_left() {
    let (mut responder, address) = responder().await;
    let mut open = TcpStream::connect(address).await.unwrap();
    open.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    responder.close().await;
    // Ended or reset, but ended.
    let mut rest = Vec::new();
    let _ended = open.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    HttpResponder::bind(address).await.expect("the address is free");
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_place() {
    let (_responder, address) = responder().await;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        held.push(stream);
    }
    let request = b"GET /.well-known/acme-challenge/token-1 HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let waiting = tokio::spawn(async move { exchange(address, request).await });
    // Far more turns than an answer takes.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished(), "answered beyond the limit");
    let mut last = held.pop().unwrap();
    last.write_all(b"Host: a.example\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(waiting.await.unwrap().ends_with("token-1.thumbprint"));
}
