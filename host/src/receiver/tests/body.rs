//! Only a complete body reaches the exchange.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use super::harness::*;
use crate::refusals::RefusalKind;

#[tokio::test]
async fn a_body_that_is_cut_anywhere_is_refused() {
    let server = serve(limits()).await;
    let text = "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5\r".repeat(6);
    let with_length = post("/echo", &text);
    let (first, second) = text.split_at(20);
    let chunked = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
         14;note=1\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\nTrailer: 1\r\n\r\n",
        second.len()
    );
    for request in [&with_length, &chunked] {
        assert_eq!(statuses(&exchange(server.address, request).await), [200]);
        assert_eq!(server.script.received.lock().unwrap().pop().unwrap().1.body, text);
        let head = request.find("\r\n\r\n").unwrap() + 4;
        let mut checked = 0;
        for cut in 1..request.len() {
            let answers = exchange(server.address, &request.as_bytes()[..cut]).await;
            // Before the end of the head there is nobody to answer.
            let expected: &[u16] = if cut < head { &[] } else { &[400] };
            assert_eq!(statuses(&answers), expected, "cut after {cut} bytes");
            assert_eq!(server.script.calls(), 0, "cut after {cut} bytes");
            checked += usize::from(cut >= head);
        }
        assert!(checked > 200, "{checked}");
    }
}

#[tokio::test]
async fn a_broken_chunked_body_is_refused() {
    let server = serve(limits()).await;
    let bodies = [
        "5\r\nhello0\r\n\r\n",
        "5\r\nhel",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "x\r\nhello\r\n0\r\n\r\n",
        "-1\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "11111111111111111\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX\r\n\r\n",
    ];
    for body in bodies {
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answers = exchange(server.address, format!("{head}{body}")).await;
        let found = statuses(&answers);
        assert!(found == [400] || found == [413], "{body:?}: {found:?}");
        assert_eq!(server.script.calls(), 0, "{body:?}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_answered_so_that_the_client_can_read_it() {
    let mut limits = limits();
    limits.body_bytes = 1_000;
    let server = serve(limits).await;
    // Far more than the buffers of the sockets hold: without lingering the client gets a reset.
    let long = "x".repeat(8 * 1024 * 1024);
    let chunked = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    let exactly = "y".repeat(1_000);
    let cases = [(post("/echo", &long), 413), (chunked, 413), (post("/echo", &exactly), 200)];
    for (request, expected) in cases {
        // The client does not look at the answer before it has sent everything.
        let answers = exchange(server.address, &request).await;
        assert_eq!(statuses(&answers), [expected], "{} bytes", request.len());
    }
    assert_eq!(server.script.calls(), 1);
}

#[tokio::test]
async fn a_client_that_expects_to_continue_is_told_only_after_the_checks() {
    let mut limits = limits();
    limits.body_bytes = 10;
    let server = serve(limits).await;
    let head = |path: &str, length: usize| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    for (path, length, expected) in [("/echo", 11, 413), ("/unknown", 5, 404)] {
        let mut client = RawClient::connect(server.address).await;
        client.send(head(path, length)).await;
        client.half_close().await;
        assert_eq!(statuses(&client.read_to_end().await), [expected]);
    }
    let mut client = RawClient::connect(server.address).await;
    client.send(head("/echo", 5)).await;
    assert_eq!(statuses(&client.read_answer().await), [100]);
    client.send("hello").await;
    assert!(client.read_answer().await.ends_with("hello"));
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn compressed(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_compressed_body_arrives_as_it_was_before() {
    let server = serve(limits()).await;
    let text = "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5\r".repeat(1_000);
    let whole = gzip(text.as_bytes());
    for coding in ["gzip", "x-gzip", "GZIP"] {
        let answers = exchange(server.address, compressed(coding, &whole)).await;
        assert_eq!(statuses(&answers), [200], "{coding}");
        let (_, received) = server.script.received.lock().unwrap().pop().unwrap();
        assert_eq!(received.body, text);
    }
    for cut in [1, 10, whole.len() - 9, whole.len() - 1] {
        let answers = exchange(server.address, compressed("gzip", &whole[..cut])).await;
        assert_eq!(statuses(&answers), [400], "{cut} bytes");
    }
    let refused = exchange(server.address, compressed("br", &whole)).await;
    assert_eq!(statuses(&refused), [415]);
    assert!(refused.contains("accept-encoding: gzip, deflate"), "{refused}");
    assert_eq!(server.script.calls(), 0);
}

#[tokio::test]
async fn a_decompressed_body_counts_among_the_bodies_in_flight() {
    let mut limits = limits();
    limits.body_bytes_in_flight = 1_000;
    let server = serve(limits).await;
    for (length, expected) in [(1_001, 503), (1_000, 200), (1_000, 200)] {
        let body = gzip(&vec![b'x'; length]);
        let answers = exchange(server.address, compressed("gzip", &body)).await;
        assert_eq!(statuses(&answers), [expected], "{length}");
    }
}

#[tokio::test]
async fn a_gzip_bomb_is_refused_in_the_middle() {
    let server = serve(limits()).await;
    // 10 MB that would be 10 GB: one block of zeros after another, never finished.
    let block = {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![0; 64 << 20]).unwrap();
        encoder.flush().unwrap();
        encoder.get_ref().clone()
    };
    let mut bomb = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    while bomb.len() < 10_000_000 {
        bomb.extend_from_slice(&block);
    }
    let answers = exchange(server.address, compressed("gzip", &bomb)).await;
    assert_eq!(statuses(&answers), [413]);
    assert_eq!(server.refusals.of(RefusalKind::LongBody), 1);
    assert_eq!(server.script.calls(), 0);
}
