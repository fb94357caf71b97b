//! Servers that are slow, wrong or too talkative, and plugins that want too much.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::peers::{Peer, read_request};
use super::{Outbound, told};

fn grants(port: u16, more: &str) -> String {
    format!(
        "[plugins.outbound]\nhttp = [\"http://127.0.0.1:{port}\"]\ntcp = [\"127.0.0.1:{port}\"]\n{more}"
    )
}

/// What the plugin tells of a server that does this with the connection.
fn of(more: &str, serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let peer = Peer::start(move |stream, _| serve(stream));
    let to = format!("http://127.0.0.1:{}/", peer.port);
    told(&grants(peer.port, more), &[("To", &to), ("TimeoutMs", "1000")])
}

fn after_the_request(answer: &'static str) -> impl Fn(TcpStream) + Send + Sync {
    move |mut stream| {
        read_request(&mut stream);
        // The client may go away before all is written.
        let _ = stream.write_all(answer.as_bytes());
    }
}

fn until_the_client_goes(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn each_misbehaviour_of_a_server_has_its_own_diagnosis() {
    assert_eq!(of("", until_the_client_goes), "network.timeout maybe");
    let slow = |mut stream: TcpStream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab");
        until_the_client_goes(stream);
    };
    assert_eq!(of("", slow), "network.timeout maybe");
    let oversize = after_the_request("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890");
    assert_eq!(of("response_bytes = 10\n", oversize), "network.size maybe");
    let broken = after_the_request("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
    assert_eq!(of("", broken), "network.protocol maybe");
    let early = after_the_request("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab");
    assert_eq!(of("", early), "network.closed maybe");
    assert_eq!(of("", after_the_request("")), "network.closed maybe");
}

#[test]
fn a_server_that_never_answers_frees_its_place_when_the_call_ends() {
    let peer = Peer::start(|stream, _| until_the_client_goes(stream));
    let to = format!("http://127.0.0.1:{}/", peer.port);
    let more = "call_time_milliseconds = 1000\noutbound_concurrency = 1\n";
    let outbound = Outbound::new(&grants(peer.port, more), &[("To", &to)]);
    for _ in 0..3 {
        // No time-out of its own: it is what is left of the call.
        assert_eq!(outbound.told(), "network.timeout maybe");
    }
    assert_eq!(peer.connections(), 3, "no place was lost");
    outbound.server.stop();
}

#[test]
fn more_than_a_call_may_ends_it_and_the_next_message_starts_anew() {
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (more, repeat, body, part) in [
        ("outbound_requests = 3\n", "4", "x", "outbound_requests"),
        ("outbound_bytes = 1000\n", "1", &"x".repeat(1_001)[..], "outbound_bytes"),
        ("outbound_bytes = 1000\n", "40", "x".repeat(20).as_str(), "outbound_bytes"),
    ] {
        let peer = Peer::http(&ok[..]);
        let to = format!("http://127.0.0.1:{}/", peer.port);
        let settings = [("To", to.as_str()), ("Repeat", repeat), ("Body", body)];
        let outbound = Outbound::new(&grants(peer.port, more), &settings);
        for _ in 0..2 {
            let answer = outbound.answer();
            assert!(answer.text().contains("AE"), "{answer:?}");
        }
        outbound.server.wait_for_log_times("plugin.outbound", 2);
        assert!(outbound.server.log().contains(part), "{}", outbound.server.log());
        outbound.server.stop();
    }
    let peer = Peer::start(|stream, _| until_the_client_goes(stream));
    let to = format!("tcp:127.0.0.1:{}", peer.port);
    let settings = [("To", to.as_str()), ("Repeat", "3"), ("TimeoutMs", "1"), ("Body", "x")];
    let outbound = Outbound::new(&grants(peer.port, "outbound_connections = 2\n"), &settings);
    assert!(outbound.answer().text().contains("AE"));
    outbound.server.wait_for_log("outbound_connections");
    outbound.server.stop();
}
