//! Servers that take their time, say too much, or say it wrongly.

use super::servers::Server;
use super::*;
use crate::metrics::Metrics;

/// A name server that never answers.
struct Silence;

impl Resolve for Silence {
    fn addresses<'a>(&'a self, _name: &'a str) -> Resolving<'a> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn every_wait_ends_with_the_request_s_own_time() {
    let server = Server::start("127.0.0.1:0", |_| Vec::new());
    let url = format!("http://127.0.0.1:{}/", server.port());
    let named = "http://lab.example.org/".to_owned();
    let plugin = caller("p", &[url.clone(), named.clone()], &[]);
    let outbound = outbound(Arc::new(Silence), &OutboundConfig::default());
    for (url, sent, part) in [(url, "maybe", "did not answer"), (named, "no", "not resolved")] {
        let request = HttpRequest { within: Duration::from_millis(200), ..get(&url) };
        let problem = outbound.http(&plugin, request).await.unwrap_err();
        assert_eq!((problem.fault.code(), problem.sent.name()), ("network.timeout", sent));
        assert!(problem.text.contains(part), "{}", problem.text);
    }
    tokio::task::spawn_blocking(move || server.wait_for_an_end()).await.unwrap();
}

#[tokio::test]
async fn a_request_whose_call_ends_in_the_middle_is_counted_too() {
    let named = "http://lab.example.org/".to_owned();
    let plugin = caller("p", std::slice::from_ref(&named), &[]);
    let outbound = outbound(Arc::new(Silence), &OutboundConfig::default());
    let metrics = Arc::new(Metrics::new(10));
    metrics.show_outbound(Arc::clone(outbound.traffic()));
    let mut seen = outbound.sightings().listen();
    let asked = outbound.http(&plugin, get(&named));
    assert!(tokio::time::timeout(Duration::from_millis(20), asked).await.is_err());
    let text = metrics.text();
    let line = "outbound_requests_total{plugin=\"p\",kind=\"http\",outcome=\"abandoned\"} 1\n";
    assert!(text.contains(line), "{text}");
    assert!(seen.try_recv().is_err(), "nobody was connected to");
}

#[tokio::test]
async fn a_look_up_has_a_time_of_its_own() {
    let named = "http://lab.example.org/".to_owned();
    let plugin = caller("p", std::slice::from_ref(&named), &[]);
    let config = OutboundConfig { resolve_timeout_milliseconds: 20, ..OutboundConfig::default() };
    let outbound = outbound(Arc::new(Silence), &config);
    let problem = outbound.http(&plugin, get(&named)).await.unwrap_err();
    assert_eq!((problem.fault.code(), problem.sent.name()), ("network.timeout", "no"));
    assert!(problem.text.contains("20 ms"), "{}", problem.text);
}

#[tokio::test]
async fn a_wrong_answer_has_its_own_diagnosis() {
    let cases: [(&str, &str); 10] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", "network.size"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nBIG", "network.size"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "network.protocol"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "network.protocol"),
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n", "network.protocol"),
        ("HTTP/1.1 200 OK\r\nX: HEADERS\r\n\r\n", "network.size"),
        ("HTTP/1.1 200 OK\r\nMANY\r\n", "network.size"),
        ("CLOSE", "network.closed"),
        ("CLOSEHTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "network.closed"),
        ("CLOSEHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "network.closed"),
    ];
    for (answer, expected) in cases {
        let answer = answer
            .replace("BIG", &format!("200000\r\n{}\r\n0\r\n\r\n", "x".repeat(0x0020_0000)))
            .replace("HEADERS", &"x".repeat(200_000))
            .replace("MANY", &"X-One: 1\r\n".repeat(101));
        let problem = answered(answer.clone()).await.unwrap_err();
        let shown: String = answer.chars().take(60).collect();
        assert_eq!(problem.fault.code(), expected, "{shown:?}: {}", problem.text);
        assert_eq!(problem.sent.name(), "maybe", "{shown:?}");
    }
    let fine = answered("HTTP/1.1 204 No Content\r\n\r\n".to_owned()).await.unwrap();
    assert_eq!((fine.status, fine.body.len()), (204, 0));
}

/// What comes of a request to a server that says this; with `CLOSE` before it, it then closes.
async fn answered(answer: String) -> Result<HttpResponse, OutboundProblem> {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4_096];
        let _ = stream.read(&mut head).unwrap();
        let (closes, answer) = match answer.strip_prefix("CLOSE") {
            Some(answer) => (true, answer),
            None => (false, answer.as_str()),
        };
        // The client may have read enough before all is written.
        let _ = stream.write_all(answer.as_bytes());
        if !closes {
            let _ = wait.recv();
        }
    });
    let mut plugin = caller("p", std::slice::from_ref(&url), &[]);
    plugin.limits.response_bytes = 1 << 20;
    let outbound = outbound(Names::leading_to(&[&[]]), &OutboundConfig::default());
    let answered = outbound.http(&plugin, get(&url)).await;
    drop(done);
    drop(outbound);
    tokio::task::spawn_blocking(move || server.join().unwrap()).await.unwrap();
    answered
}

#[tokio::test]
async fn nobody_listening_is_told_as_such() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("http://127.0.0.1:{port}/");
    let plugin = caller("p", std::slice::from_ref(&url), &[]);
    let outbound = outbound(Names::leading_to(&[&[]]), &OutboundConfig::default());
    assert_eq!(status(&outbound, &plugin, &url).await, Err("network.refused no".to_owned()));
}
