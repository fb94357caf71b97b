//! Requests through a proxy.

use tureen_sandbox::outbound::HttpProxy;

use super::servers::Server;
use super::*;

fn through(proxy: &Server, url: &str) -> HttpRequest {
    let proxy = HttpProxy {
        url: format!("http://127.0.0.1:{}", proxy.port()),
        user_name: Some("anna".to_owned()),
        password: Some("sesame".to_owned()),
    };
    HttpRequest { proxy: Some(proxy), ..get(url) }
}

#[tokio::test]
async fn a_proxy_needs_a_grant_of_its_own_and_gets_the_whole_url() {
    let proxy = Server::ok("127.0.0.1:0");
    let outbound = outbound(Names::leading_to(&[&[]]), &OutboundConfig::default());
    let url = "http://lab.example.org/a?b";
    let server = "http://lab.example.org".to_owned();
    let address = format!("http://127.0.0.1:{}", proxy.port());
    for granted in [&[server.clone()][..], &[address.clone()][..]] {
        let refused = outbound.http(&caller("p", granted, &[]), through(&proxy, url)).await;
        assert_eq!(refused.unwrap_err().fault.code(), "network.not-granted");
    }
    assert_eq!(proxy.connections(), 0);
    let plugin = caller("p", &[server, address], &[]);
    let answer = outbound.http(&plugin, through(&proxy, url)).await.unwrap();
    assert_eq!(answer.status, 200);
    let head = proxy.heads.recv_timeout(PATIENCE).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("get http://lab.example.org/a?b http/1.1"), "{head}");
    assert!(head.contains("host: lab.example.org"), "{head}");
    assert!(head.contains("proxy-authorization: basic yw5uytpzzxnhbwu="), "{head}");
}

#[tokio::test]
async fn a_tunnel_that_the_proxy_refuses_is_told_and_nothing_was_sent() {
    for (answer, part) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "password"),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403"),
    ] {
        let proxy = Server::start("127.0.0.1:0", move |_| answer.as_bytes().to_vec());
        let outbound = outbound(Names::leading_to(&[&[]]), &OutboundConfig::default());
        let granted =
            ["https://lab.example.org".to_owned(), format!("http://127.0.0.1:{}", proxy.port())];
        let plugin = caller("p", &granted, &[]);
        let refused = outbound.http(&plugin, through(&proxy, "https://lab.example.org/x")).await;
        let problem = refused.unwrap_err();
        assert_eq!((problem.fault.code(), problem.sent.name()), ("network.refused", "no"));
        assert!(problem.text.contains(part) && !problem.text.contains("sesame"), "{problem}");
        let head = proxy.heads.recv_timeout(PATIENCE).unwrap();
        assert!(head.starts_with("CONNECT lab.example.org:443 HTTP/1.1"), "{head}");
        assert!(!head.contains("/x"), "{head}");
    }
}
