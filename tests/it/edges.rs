//! The edges of HTTP: too long, too slow, nowhere. Whatever one client does, the
//! next message is accepted.

use crate::answers::accepts;
use crate::harness::actions::only_adt;
use crate::harness::messages::adt;
use crate::harness::{Connection, Home, Http1, Server, Workflow};

const MEBIBYTE: usize = 1 << 20;

/// Admissions behind short limits.
fn impatient() -> (Home, Server) {
    let home = Home::and(
        "[limits]\nbody_bytes = 1048576\nbody_timeout_seconds = 2\nbody_rate_grace_seconds = 1\n",
    );
    let workflow = Workflow::new("Admissions", "adt/in").filter(only_adt()).archive("kept.hl7");
    home.workflow("admissions", &workflow.build());
    let server = home.serve();
    (home, server)
}

/// Sends as much of a body as the server takes.
fn send_body(http: &mut Http1, mut piece: impl FnMut(&[u8]) -> Vec<u8>, megabytes: usize) {
    let block = vec![b'x'; 64 * 1024];
    for _ in 0..megabytes * 16 {
        if http.try_send(piece(&block)).is_err() {
            return;
        }
    }
}

#[test]
fn a_body_of_100_mebibytes_is_refused_whichever_way_it_comes() {
    let (home, server) = impatient();
    for chunked in [false, true] {
        let mut http = server.http1();
        let framing = match chunked {
            true => "Transfer-Encoding: chunked".to_owned(),
            false => format!("Content-Length: {}", 100 * MEBIBYTE),
        };
        http.send(format!("POST /adt/in HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n"));
        let piece = |block: &[u8]| match chunked {
            true => [format!("{:x}\r\n", block.len()).as_bytes(), block, b"\r\n"].concat(),
            false => block.to_vec(),
        };
        send_body(&mut http, piece, 100);
        let answer = http.answer("POST");
        assert_eq!(answer.status, 413, "chunked: {chunked}, {answer:?}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(http.is_closed_by_server());
        accepts(&mut Connection::one(&server), "after");
    }
    let mut http = Connection::Two(server.http2());
    let answer = http.post("/adt/in", vec![b'x'; 2 * MEBIBYTE]);
    assert_eq!(answer.status, 413, "{answer:?}");
    accepts(&mut http, "same");
    accepts(&mut http.another(&server), "new");
    assert_eq!(home.read("out/kept.hl7").unwrap().matches("MSH|").count(), 4);
    server.stop();
}

#[test]
fn a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
    let (_home, server) = impatient();
    for (version, mut connection) in Connection::both(&server) {
        let mut message = adt("LIMIT", "1001").into_bytes();
        message.extend_from_slice(b"NTE|1||");
        message.resize(MEBIBYTE - 1, b'n');
        message.push(b'\r');
        let answer = connection.post("/adt/in", &message);
        assert_eq!((answer.status, answer.msa(1)), (200, "AA".to_owned()), "{version}: {answer:?}");
        message.push(b'\n');
        assert_eq!(connection.post("/adt/in", &message).status, 413, "{version}");
        accepts(&mut connection.another(&server), "after");
    }
    server.stop();
}

#[test]
fn a_body_that_does_not_arrive_is_a_timeout() {
    let (home, server) = impatient();
    let message = adt("SLOW", "1001");
    let half = &message[..message.len() / 2];
    for framing in [
        format!("Content-Length: {}\r\n\r\n{half}", message.len()),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{half}\r\n", half.len()),
        format!("Content-Length: {}\r\n\r\n", message.len()),
    ] {
        let mut http = server.http1();
        http.send(format!("POST /adt/in HTTP/1.1\r\nHost: localhost\r\n{framing}"));
        let answer = http.answer("POST");
        assert_eq!(answer.status, 408, "{framing:?}: {answer:?}");
        assert!(http.is_closed_by_server());
        accepts(&mut Connection::one(&server), "after");
    }
    assert_eq!(home.read("out/kept.hl7").unwrap().matches("MSH|").count(), 3);
    server.stop();
}

#[test]
fn a_body_that_is_cut_short_reaches_no_workflow() {
    let (home, server) = impatient();
    let message = adt("CUT", "1001");
    let half = &message[..message.len() / 2];
    for framing in [
        format!("Content-Length: {}\r\n\r\n{half}", message.len()),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{half}\r\n", half.len()),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{half}\r\nzz\r\n", half.len()),
    ] {
        let mut http = server.http1();
        http.send(format!("POST /adt/in HTTP/1.1\r\nHost: localhost\r\n{framing}"));
        drop(http);
        accepts(&mut Connection::one(&server), "after");
    }
    let kept = home.read("out/kept.hl7").unwrap();
    assert!(!kept.contains("CUT"), "half a message reached the workflow");
    server.stop();
}

#[test]
fn what_is_nowhere_is_not_found_and_health_is_asked_with_head() {
    let (home, server) = impatient();
    for (version, mut connection) in Connection::both(&server) {
        let message = adt("A1", "1");
        for path in ["/", "/adt", "/adt/inn", "/other", "/adt/in%2Fx", "/..", "/%2e%2e/adt/in"] {
            let answer = connection.another(&server).post(path, &message);
            assert!(matches!(answer.status, 400 | 404), "{version} {path}: {answer:?}");
            assert!(answer.body.is_empty(), "{version} {path}: {answer:?}");
            accepts(&mut connection, "after");
        }
        let answer = connection.request("HEAD", "/adt/in", "");
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{version}");
        assert_eq!(connection.request("HEAD", "/nowhere", "").status, 404, "{version}");
        accepts(&mut connection, "after");
    }
    assert_eq!(home.read("out/kept.hl7").unwrap().matches("MSH|").count(), 2 * 8);
    server.stop();
}

#[test]
fn requests_in_one_piece_are_answered_one_by_one_in_order() {
    let (_home, server) = impatient();
    let mut http = server.http1();
    let bodies = ["P1", "P2", "P3"].map(|id| adt(id, "1"));
    let requests =
        bodies.map(|body| crate::harness::http1::request("POST", "/adt/in", body.as_bytes()));
    http.send(requests.concat());
    for id in ["P1", "P2", "P3"] {
        let answer = http.answer("POST");
        assert_eq!((answer.msa(1), answer.msa(2)), ("AA".to_owned(), id.to_owned()));
    }
    server.stop();
}

#[test]
fn a_plain_client_on_a_tls_port_harms_nobody() {
    let (_home, server) = impatient();
    let mut plain = Http1::plain(server.socket());
    // The server may close before it has all of it.
    let _ = plain.try_send(crate::harness::http1::request("POST", "/adt/in", b"MSH|"));
    assert!(plain.try_answer("POST").is_err(), "no HTTP on a TLS port");
    accepts(&mut Connection::one(&server), "after");
    server.stop();
}
