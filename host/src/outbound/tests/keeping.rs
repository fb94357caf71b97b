//! Which connection is used again, and by whom.

use super::servers::Server;
use super::*;

#[tokio::test]
async fn a_connection_is_kept_for_its_own_plugin_only() {
    let server = Server::ok("127.0.0.1:0");
    let url = format!("http://127.0.0.1:{}/", server.port());
    let outbound = outbound(Names::leading_to(&[&[]]), &OutboundConfig::default());
    let one = caller("one", std::slice::from_ref(&url), &[]);
    for _ in 0..5 {
        assert_eq!(status(&outbound, &one, &url).await, Ok(200));
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(
        status(&outbound, &caller("other", std::slice::from_ref(&url), &[]), &url).await,
        Ok(200)
    );
    assert_eq!(server.connections(), 2);
    outbound.apply(&OutboundConfig::default());
    assert_eq!(status(&outbound, &one, &url).await, Ok(200));
    assert_eq!(server.connections(), 3, "a new configuration starts with new connections");
}

#[tokio::test]
async fn a_kept_connection_to_an_address_that_is_granted_no_more_is_not_used() {
    let server = Server::ok("127.0.0.1:0");
    let url = format!("http://lab.example.org:{}/", server.port());
    let outbound = outbound(Names::leading_to(&[&["127.0.0.1"]]), &OutboundConfig::default());
    let before = caller("p", std::slice::from_ref(&url), &["127.0.0.0/8"]);
    assert_eq!(status(&outbound, &before, &url).await, Ok(200));
    let after = caller("p", std::slice::from_ref(&url), &[]);
    assert_eq!(status(&outbound, &after, &url).await, Err("network.address no".to_owned()));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn no_more_connections_are_kept_than_the_configuration_says() {
    let server = Server::ok("127.0.0.1:0");
    let url = format!("http://127.0.0.1:{}/", server.port());
    let plugin = caller("p", std::slice::from_ref(&url), &[]);
    for (all, of_one, expected) in [(256, 2, 2), (1, 8, 1), (0, 8, 0)] {
        let config = OutboundConfig {
            kept_connections: all,
            kept_connections_per_destination: of_one,
            ..OutboundConfig::default()
        };
        let outbound = outbound(Names::leading_to(&[&[]]), &config);
        let ask = || status(&outbound, &plugin, &url);
        // All at once: each needs a connection of its own.
        let (one, two, three, four) = tokio::join!(ask(), ask(), ask(), ask());
        assert_eq!([one, two, three, four], [Ok(200), Ok(200), Ok(200), Ok(200)]);
        assert!(outbound.settings.load().kept.count() <= expected, "{expected}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let server =
        Server::start("127.0.0.1:0", |_| b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec());
    let url = format!("http://127.0.0.1:{}/", server.port());
    let plugin = caller("p", std::slice::from_ref(&url), &[]);
    let config = OutboundConfig { kept_seconds: 1, ..OutboundConfig::default() };
    let outbound = outbound(Names::leading_to(&[&[]]), &config);
    assert_eq!(status(&outbound, &plugin, &url).await, Ok(200));
    // The sweep closes what is idle for too long; nothing else ends it.
    let waited = tokio::task::spawn_blocking(move || {
        server.wait_for_an_end();
        server
    });
    let server = waited.await.unwrap();
    assert_eq!(outbound.settings.load().kept.count(), 0);
    assert_eq!(status(&outbound, &plugin, &url).await, Ok(200));
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn more_than_the_plugin_s_concurrency_waits_for_its_turn() {
    let server = Server::start("127.0.0.1:0", |_| Vec::new());
    let url = format!("http://127.0.0.1:{}/", server.port());
    let mut plugin = caller("p", std::slice::from_ref(&url), &[]);
    plugin.limits.concurrent = 1;
    let outbound = outbound(Names::leading_to(&[&[]]), &OutboundConfig::default());
    let first = outbound.http(&plugin, get(&url));
    let second = async {
        while server.connections() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let within = Duration::from_millis(100);
        outbound.http(&plugin, HttpRequest { within, ..get(&url) }).await
    };
    tokio::select! {
        answer = first => panic!("{answer:?}"),
        answer = second => {
            let problem = answer.unwrap_err();
            assert_eq!((problem.fault.code(), problem.sent.name()), ("network.timeout", "no"));
            assert!(problem.text.contains("outbound_concurrency"), "{}", problem.text);
        }
    }
    assert_eq!(server.connections(), 1);
    // The first was dropped: its connection is closed, and its place is free.
    let server = tokio::task::spawn_blocking(move || {
        server.wait_for_an_end();
        server
    });
    let server = server.await.unwrap();
    let within = Duration::from_millis(300);
    let problem = outbound.http(&plugin, HttpRequest { within, ..get(&url) }).await.unwrap_err();
    assert_eq!((problem.fault.code(), problem.sent.name()), ("network.timeout", "maybe"));
    assert_eq!(server.connections(), 2);
}
