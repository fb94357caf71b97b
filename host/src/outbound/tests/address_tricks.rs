//! Spellings of URLs, and names that lead elsewhere: nothing reaches what is not granted.

use super::servers::Server;
use super::*;

/// What a plugin may write to get to a server on this machine that it is not granted. `PORT` is
/// that server's.
const SPELLINGS: [&str; 72] = [
    "http://127.0.0.1:PORT/",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7f.0.0.1:PORT/",
    "http://0x7f.1:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://017700000001:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://127.000.000.001:PORT/",
    "http://%31%32%37.0.0.1:PORT/",
    "http://①②⑦.⓪.⓪.①:PORT/",
    "http://１２７.０.０.１:PORT/",
    "http://127。0。0。1:PORT/",
    "http://0.0.0.0:PORT/",
    "http://0:PORT/",
    "http://00000:PORT/",
    "http://[::1]:PORT/",
    "http://[0:0:0:0:0:0:0:1]:PORT/",
    "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[64:ff9b::7f00:1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://[::1%25lo]:PORT/",
    "http://[fe80::1%lo]:PORT/",
    "http://localhost:PORT/",
    "http://LOCALHOST:PORT/",
    "http://localhost.:PORT/",
    "http://localhost.localdomain:PORT/",
    "http://LocalHost%00.example.org:PORT/",
    "http://ⓛocalhost:PORT/",
    "http://lab.example.org@127.0.0.1:PORT/",
    "http://lab.example.org:80@127.0.0.1:PORT/",
    "http://lab.example.org%40127.0.0.1:PORT/",
    "http://127.0.0.1:PORT@lab.example.org/",
    "http://@127.0.0.1:PORT/",
    "http://:@127.0.0.1:PORT/",
    "http://lab.example.org\\@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT\\@lab.example.org/",
    "http://127.0.0.1:PORT#@lab.example.org/",
    "http://127.0.0.1:PORT?@lab.example.org/",
    "http://127.0.0.1:PORT/@lab.example.org/",
    "http://lab.example.org#@127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT\\",
    "http:/127.0.0.1:PORT/",
    "http:127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT",
    " http://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/ HTTP/1.1\r\nX: y",
    "ht\ntp://127.0.0.1:PORT/",
    "http://127.0\t.0.1:PORT/",
    "http://lab.example.org\r\n@127.0.0.1:PORT/",
    "HTTP://127.0.0.1:PORT/",
    "ftp://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/",
    "unix:/run/docker.sock",
    "http+unix://127.0.0.1:PORT/",
    "https://127.0.0.1:PORT/",
    "http://lab.example.org.evil.test:PORT/",
    "http://evil-lab.example.org.:PORT1/",
    "http://xlab.example.org:PORT/",
    "http://lab.example.org:0/",
    "http://.lab.example.org:PORT/",
    "http://lab..example.org:PORT/",
    "http://*.example.org:PORT/",
    "http://lаb.example.org:PORT/",
];

#[tokio::test]
async fn no_spelling_reaches_a_server_that_is_not_granted() {
    let server = Server::ok("0.0.0.0:0");
    let port = server.port().to_string();
    let names = Names::leading_to(&[&["127.0.0.1"]]);
    let outbound = outbound(names.clone(), &OutboundConfig::default());
    let plugin = caller("p", &["http://lab.example.org:80".to_owned()], &[]);
    for spelling in SPELLINGS {
        let url = spelling.replace("PORT", &port);
        let refused = status(&outbound, &plugin, &url).await.unwrap_err();
        let expected = ["network.not-granted no", "network.protocol no", "network.address no"];
        assert!(expected.contains(&refused.as_str()), "{spelling:?}: {refused}");
    }
    assert_eq!(server.connections(), 0);
    assert!(names.asked() <= 2, "only the granted name is looked up: {}", names.asked());
}

#[tokio::test]
async fn hosts_of_connections_are_read_as_strictly() {
    let server = Server::ok("0.0.0.0:0");
    let mut plugin = caller("p", &[], &[]);
    let grants = NetworkGrants {
        tcp: vec![Destination::tcp(&format!("lis.example.org:{}", server.port())).unwrap()],
        ..NetworkGrants::default()
    };
    plugin.grants = Arc::new(grants);
    let outbound = outbound(Names::leading_to(&[&["127.0.0.1"]]), &OutboundConfig::default());
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "[::1]",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "",
        ".",
        "lis.example.org\0",
        "lis.example.org/",
        "user@lis.example.org",
        "lis.example.org:1",
        " lis.example.org",
        "*.example.org",
        // Granted, but where it leads is not.
        "lis.example.org",
        "LIS.example.org.",
    ];
    for host in hosts {
        let target = tureen_sandbox::outbound::ConnectTarget {
            host: host.to_owned(),
            port: server.port(),
            within: PATIENCE,
            ..Default::default()
        };
        let refused = outbound.connect(&plugin, target).await.err().expect(host);
        let is_name = host.to_ascii_lowercase().trim_end_matches('.') == "lis.example.org";
        let expected = if is_name { "network.address" } else { "" };
        assert!(refused.fault.code().starts_with(expected), "{host:?}: {refused:?}");
        assert_eq!(refused.sent.name(), "no", "{host:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_checked_each_time_and_looked_up_once() {
    let good = Server::start("127.0.0.2:0", |_| {
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
    });
    let secret = Server::ok(&format!("127.0.0.1:{}", good.port()));
    let names = Names::leading_to(&[
        &["127.0.0.2"],
        &["127.0.0.1"],
        &["127.0.0.2", "127.0.0.1"],
        &["169.254.169.254"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["0.0.0.0"],
        &[],
    ]);
    let outbound = outbound(names.clone(), &OutboundConfig::default());
    let url = format!("http://lab.example.org:{}/", good.port());
    let plugin = caller("p", std::slice::from_ref(&url), &["127.0.0.2"]);
    assert_eq!(status(&outbound, &plugin, &url).await, Ok(200));
    assert_eq!(names.asked(), 1, "the address that was checked is the one that is used");
    for _ in 0..6 {
        let refused = status(&outbound, &plugin, &url).await;
        assert_eq!(refused, Err("network.address no".to_owned()));
    }
    assert_eq!(status(&outbound, &plugin, &url).await, Err("network.name no".to_owned()));
    assert_eq!((good.connections(), secret.connections()), (1, 0));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let secret = Server::ok("127.0.0.1:0");
    let location = format!("http://127.0.0.1:{}/latest/meta-data", secret.port());
    let good = Server::start("127.0.0.2:0", move |_| {
        format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into()
    });
    let outbound = outbound(Names::leading_to(&[&[]]), &OutboundConfig::default());
    let url = format!("http://127.0.0.2:{}/", good.port());
    let plugin = caller("p", std::slice::from_ref(&url), &[]);
    let response = outbound.http(&plugin, get(&url)).await.unwrap();
    assert_eq!(response.status, 302);
    assert!(response.headers.iter().any(|(name, _)| name == "location"));
    assert_eq!(secret.connections(), 0);
}

#[tokio::test]
async fn a_request_cannot_say_what_belongs_to_the_host() {
    let server = Server::ok("127.0.0.1:0");
    let url = format!("http://127.0.0.1:{}/a%20b?c=d#e", server.port());
    let plugin = caller("p", &[format!("http://127.0.0.1:{}", server.port())], &[]);
    let outbound = outbound(Names::leading_to(&[&[]]), &OutboundConfig::default());
    for (name, value) in [
        ("Host", "evil.test"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Upgrade", "h2c"),
        ("Expect", "100-continue"),
        ("Proxy-Authorization", "Basic eA=="),
        ("X\r\nHost", "evil.test"),
        ("X-One", "1\r\nHost: evil.test"),
        ("", "1"),
    ] {
        let headers = vec![(name.to_owned(), value.as_bytes().to_vec())];
        let refused = outbound.http(&plugin, HttpRequest { headers, ..get(&url) }).await;
        assert_eq!(refused.unwrap_err().fault.code(), "network.protocol", "{name:?}");
    }
    for method in ["CONNECT", "TRACE", "GET /x HTTP/1.1\r\n", ""] {
        let request = HttpRequest { method: method.to_owned(), ..get(&url) };
        let refused = outbound.http(&plugin, request).await;
        assert_eq!(refused.unwrap_err().fault.code(), "network.protocol", "{method:?}");
    }
    let headers = vec![("X".to_owned(), b"1".to_vec()); 101];
    let refused = outbound.http(&plugin, HttpRequest { headers, ..get(&url) }).await;
    assert_eq!(refused.unwrap_err().fault.code(), "network.size");
    assert_eq!(server.connections(), 0);

    let headers = vec![("X-One".to_owned(), b"1".to_vec())];
    let body = b"text".to_vec();
    let method = "POST".to_owned();
    outbound.http(&plugin, HttpRequest { headers, body, method, ..get(&url) }).await.unwrap();
    let head = server.heads.recv_timeout(PATIENCE).unwrap().to_ascii_lowercase();
    let mut lines: Vec<&str> = head.lines().collect();
    lines[1..].sort_unstable();
    let host = format!("host: 127.0.0.1:{}", server.port());
    assert_eq!(lines, ["post /a%20b?c=d http/1.1", "content-length: 4", host.as_str(), "x-one: 1"]);
}
