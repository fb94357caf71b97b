//! Clients that are slow on purpose, and one that is very quick.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::harness::*;
use crate::refusals::RefusalKind;

const SHORT: Duration = Duration::from_millis(200);

/// Sends a start, then one byte after the other for as long as it is let, and gives the answer.
async fn trickle(server: &Server, start: &str, byte: u8) -> String {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    write.write_all(start.as_bytes()).await.unwrap();
    let trickling = tokio::spawn(async move {
        while write.write_all(&[byte]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut answer = Vec::new();
    // It may end with a reset, since bytes are still coming.
    let _ended = within(read.read_to_end(&mut answer)).await;
    trickling.abort();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_hold_a_head_open() {
    let mut limits = limits();
    limits.header_timeout = SHORT;
    let server = serve(limits).await;
    for start in ["G", "GET /", "GET /echo HTTP/1.1\r\nHost: a\r\nX: "] {
        assert_eq!(statuses(&trickle(&server, start, b'x').await), [408], "{start:?}");
    }
    assert_eq!(server.refusals.of(RefusalKind::SlowHead), 3);
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_hold_a_body_open() {
    let mut limits = limits();
    limits.body_rate_grace = SHORT;
    limits.body_rate_bytes_per_second = 10_000;
    let server = serve(limits).await;
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\n";
    let starts = [
        format!("{head}Content-Length: 1000000\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nfffff\r\n"),
    ];
    for start in starts {
        assert_eq!(statuses(&trickle(&server, &start, b'x').await), [408], "{start:?}");
    }
    assert_eq!(server.refusals.of(RefusalKind::SlowBody), 2);
    assert_eq!((server.script.calls(), server.receiver.requests_in_flight()), (0, 0));
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let mut limits = limits();
    limits.write_timeout = SHORT;
    let server = serve(limits).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let body = "x".repeat(12 << 20);
    within(stream.write_all(post("/echo", &body).as_bytes())).await.unwrap();
    within(async {
        while server.refusals.of(RefusalKind::SlowReader) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let mut read = Vec::new();
    let _ended = within(stream.read_to_end(&mut read)).await;
    assert!(read.len() < body.len(), "cut in the middle: {} bytes", read.len());
    assert_eq!(statuses(&exchange(server.address, post("/echo", "a")).await), [200]);
}

#[tokio::test]
async fn a_hundred_thousand_pipelined_requests_do_not_keep_others_waiting() {
    const REQUESTS: usize = 100_000;
    let server = serve(limits()).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let sending = tokio::spawn(async move {
        let some = "HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000);
        for _ in 0..REQUESTS / 1_000 {
            write.write_all(some.as_bytes()).await.unwrap();
        }
        write
    });
    let answered = Arc::new(AtomicUsize::new(0));
    let counted = answered.clone();
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while counted.load(Ordering::Relaxed) < REQUESTS {
            let length = read.read(&mut buffer).await.unwrap();
            assert_ne!(length, 0, "all are answered");
            // Only a status line has this letter: names and values of the fields are other ones.
            let heads = buffer[..length].iter().filter(|byte| **byte == b'H').count();
            counted.fetch_add(heads, Ordering::Relaxed);
        }
    });
    within(async {
        while answered.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for _ in 0..10 {
        assert_eq!(statuses(&exchange(server.address, post("/echo", "a")).await), [200]);
    }
    let meanwhile = answered.load(Ordering::Relaxed);
    assert!(meanwhile < REQUESTS, "others were answered only after all of them");
    within(reading).await.unwrap();
    within(sending).await.unwrap();
}

#[tokio::test]
async fn bodies_that_arrive_slowly_take_no_place_from_others() {
    let mut limits = limits();
    limits.requests_in_flight = 1;
    let server = serve(limits).await;
    let mut slow = Vec::new();
    for _ in 0..5 {
        let mut client = RawClient::connect(server.address).await;
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx").await;
        slow.push(client);
    }
    within(async {
        while server.receiver.requests_in_flight() < slow.len() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(statuses(&exchange(server.address, post("/echo", "a")).await), [200]);
    let mut busy = RawClient::connect(server.address).await;
    busy.send(post("/wait", "a")).await;
    server.script.wait_begun().await;
    server.script.wait_begun().await;
    let mut late = slow.pop().unwrap();
    late.send("y").await;
    assert_eq!(statuses(&late.read_to_end().await), [503], "complete, and no place to answer");
    server.script.gate.add_permits(1);
    assert_eq!(statuses(&busy.read_answer().await), [200]);
    for mut client in slow {
        client.send("y").await;
        assert_eq!(statuses(&client.read_answer().await), [200]);
    }
}
