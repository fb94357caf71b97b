//! Connections, reloads and the end.

use std::time::Duration;

use tokio::net::TcpStream;

use super::harness::*;
use crate::listener::Drained;

const NOTHING_LEFT: Drained = Drained { connections_cut: 0, tasks_left: 0 };

#[tokio::test]
async fn a_panic_is_answered_with_500_and_the_connection_goes_on() {
    let server = serve(limits()).await;
    let mut client = RawClient::connect(server.address).await;
    client.send(post("/panic", "a")).await;
    assert_eq!(statuses(&client.read_answer().await), [500]);
    client.send(post("/echo", "b")).await;
    assert!(client.read_answer().await.ends_with('b'));
    assert_eq!(server.receiver.requests_in_flight(), 0);
}

#[tokio::test]
async fn a_client_that_closes_its_side_after_its_request_still_gets_the_answer() {
    let server = serve(limits()).await;
    let mut client = RawClient::connect(server.address).await;
    client.send(post("/wait", "a")).await;
    client.half_close().await;
    server.script.wait_begun().await;
    // A server that takes this for the end of the client closes here.
    let early = tokio::time::timeout(Duration::from_millis(100), client.stream().readable()).await;
    early.unwrap_err();
    server.script.gate.add_permits(1);
    assert_eq!(statuses(&client.read_to_end().await), [200]);
}

#[tokio::test]
async fn work_goes_on_when_its_client_goes_away() {
    let server = serve(limits()).await;
    let mut client = RawClient::connect(server.address).await;
    client.send(post("/wait", "a")).await;
    server.script.wait_begun().await;
    drop(client);
    assert_eq!(server.receiver.requests_in_flight(), 1);
    server.script.gate.add_permits(1);
    server.script.wait_ended().await;
    assert_eq!(within(server.listeners.drain(Duration::from_secs(10))).await, NOTHING_LEFT);
    assert_eq!(server.receiver.requests_in_flight(), 0);
}

#[tokio::test]
async fn a_drain_waits_for_what_is_in_flight_and_closes_what_is_not() {
    let server = serve(limits()).await;
    let mut busy = RawClient::connect(server.address).await;
    busy.send(post("/wait", "a")).await;
    server.script.wait_begun().await;
    let mut idle = RawClient::connect(server.address).await;
    idle.send(post("/echo", "b")).await;
    idle.read_answer().await;
    let mut silent = RawClient::connect(server.address).await;
    let (address, script) = (server.address, server.script.clone());
    let drain = tokio::spawn(server.listeners.drain(Duration::from_secs(10)));
    assert_eq!(idle.read_to_end().await, "");
    assert_eq!(silent.read_to_end().await, "");
    TcpStream::connect(address).await.unwrap_err();
    assert!(!drain.is_finished());
    script.gate.add_permits(1);
    assert_eq!(statuses(&busy.read_to_end().await), [200]);
    assert_eq!(within(drain).await.unwrap(), NOTHING_LEFT);
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline_and_tells_what_was_left() {
    let server = serve(limits()).await;
    let mut client = RawClient::connect(server.address).await;
    client.send(post("/wait", "a")).await;
    server.script.wait_begun().await;
    let drained = within(server.listeners.drain(Duration::from_millis(50))).await;
    assert_eq!(drained, Drained { connections_cut: 1, tasks_left: 1 });
}

#[tokio::test]
async fn a_reload_is_seen_by_open_connections_and_not_by_requests_in_flight() {
    let mut server = serve(limits()).await;
    let mut client = RawClient::connect(server.address).await;
    client.send(post("/echo", "a")).await;
    client.read_answer().await;
    let mut busy = RawClient::connect(server.address).await;
    busy.send("POST /teapot HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx").await;
    eventually(|| server.receiver.requests_in_flight() == 1).await;
    let changes = server.listeners.apply(vec![desired(&["other"], None)]).await.unwrap();
    assert_eq!((changes.kept.as_slice(), changes.removed.len()), ([KEY].as_slice(), 0));
    assert_eq!(server.listeners.local_address(&KEY), Some(server.address));
    client.send(post("/echo", "a")).await;
    assert_eq!(statuses(&client.read_to_end().await), [404]);
    let mut client = RawClient::connect(server.address).await;
    client.send(post("/other", "b")).await;
    assert_eq!(statuses(&client.read_answer().await), [200]);
    busy.send("y").await;
    assert_eq!(statuses(&busy.read_answer().await), [418], "the route of its head");
}

#[tokio::test]
async fn a_removed_listener_finishes_what_is_in_flight() {
    let mut server = serve(limits()).await;
    let mut busy = RawClient::connect(server.address).await;
    busy.send(post("/wait", "a")).await;
    server.script.wait_begun().await;
    let mut idle = RawClient::connect(server.address).await;
    idle.send(post("/echo", "b")).await;
    idle.read_answer().await;
    let changes = server.listeners.apply(Vec::new()).await.unwrap();
    assert_eq!(changes.removed, [KEY]);
    TcpStream::connect(server.address).await.unwrap_err();
    assert_eq!(idle.read_to_end().await, "");
    server.script.gate.add_permits(1);
    assert_eq!(statuses(&busy.read_to_end().await), [200]);
}

async fn eventually(condition: impl Fn() -> bool) {
    within(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_ends_with_its_last_request() {
    let mut limits = limits();
    limits.requests_per_connection = 3;
    let server = serve(limits).await;
    let answers = exchange(server.address, post("/echo", "a").repeat(5)).await;
    assert_eq!(statuses(&answers), [200, 200, 200]);
    assert_eq!(answers.matches("connection: close").count(), 1, "{answers}");
    assert_eq!(server.script.calls(), 3, "what is not answered was not received");
}

#[tokio::test]
async fn an_old_connection_ends_with_an_answer_and_not_while_it_is_idle() {
    let mut limits = limits();
    limits.connection_age = Duration::from_millis(100);
    let server = serve(limits).await;
    let mut client = RawClient::connect(server.address).await;
    client.send(post("/wait", "a")).await;
    server.script.wait_begun().await;
    let mut idle = RawClient::connect(server.address).await;
    idle.send(post("/echo", "b")).await;
    assert!(!idle.read_answer().await.contains("connection: close"), "too young");
    tokio::time::sleep(Duration::from_millis(150)).await;
    server.script.gate.add_permits(1);
    let answers = client.read_to_end().await;
    assert!(statuses(&answers) == [200] && answers.contains("connection: close"), "{answers}");
    idle.send(post("/echo", "c")).await;
    let answers = idle.read_to_end().await;
    assert!(statuses(&answers) == [200] && answers.contains("connection: close"), "{answers}");
}
