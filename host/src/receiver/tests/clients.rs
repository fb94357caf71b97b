//! Clients that show certificates, and proxies that speak for clients, over real TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use rustls::{HandshakeKind, RootCertStore, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::harness::*;
use crate::client_certificates::tests::pki::*;
use crate::client_certificates::{AskForCertificate, ClientPolicy};
use crate::config::{ClientAddressHeader, ClientCertificateHeader, Proxies};
use crate::listener::DesiredListener;
use crate::proxies::TrustedProxies;
use crate::receiver::{BasicCredentials, Received, Route, RouteTable};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];
/// `aladdin:open`.
const RIGHT: &str = "Authorization: Basic YWxhZGRpbjpvcGVu\r\n";

/// A server whose receiver `echo` has this policy.
struct Guarded {
    server: Server,
    tls: Option<Arc<rustls::ServerConfig>>,
    trusted: RootCertStore,
}

fn route(policy: &Arc<ClientPolicy>) -> Route<&'static str> {
    let mut route = Route::new(vec!["echo".to_owned()], "echo");
    route.client_policy = Some(policy.clone());
    route.request_headers = vec!["X-Sender".to_owned(), "X-Absent".to_owned()];
    route
}

fn listener(
    route: Route<&'static str>,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> DesiredListener<Receiver> {
    let routes = RouteTable::new([route]).unwrap().into();
    DesiredListener { routes, ..desired(&[], tls) }
}

impl Guarded {
    async fn serve(route: Route<&'static str>) -> Self {
        let (config, trusted) = server_config(AskForCertificate::new(32 * 1024, &[]));
        let tls = Some(config);
        let server = serve_listener(limits(), listener(route, tls.clone())).await;
        Self { server, tls, trusted }
    }

    /// As a reload does.
    async fn change(&mut self, route: Route<&'static str>) {
        let desired = listener(route, self.tls.clone());
        let changes = self.server.listeners.apply(vec![desired]).await.unwrap();
        assert_eq!(changes.kept, [KEY]);
    }

    async fn connect(
        &self,
        version: &'static SupportedProtocolVersion,
        client: Option<&Client>,
    ) -> TlsStream<TcpStream> {
        connect(self.server.address, client_config(version, self.trusted.clone(), client)).await
    }

    fn last(&self) -> Received {
        self.server.script.received.lock().unwrap().pop().unwrap().1
    }
}

async fn connect(address: SocketAddr, config: Arc<rustls::ClientConfig>) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    within(TlsConnector::from(config).connect(name, stream)).await.unwrap()
}

/// The answer to one request; the connection stays open unless the server ends it.
async fn ask(stream: &mut TlsStream<TcpStream>, method: &str, fields: &str) -> String {
    let request = format!("{method} /echo HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    read_answer(stream).await
}

async fn status(stream: &mut TlsStream<TcpStream>, method: &str, fields: &str) -> u16 {
    statuses(&ask(stream, method, fields).await)[0]
}

fn variables(received: &Received) -> Vec<(String, String)> {
    received.builtin_variables()
}

#[tokio::test]
async fn the_client_that_is_expected_gets_in_and_is_known_by_its_certificate() {
    let root = authority("root");
    let partner = client(&client_params("partner", 0xab), &root, &[]);
    let stranger = self_signed(&client_params("stranger", 1));
    for policy in [issued_by(&[&root], &[]), pinned(&partner)] {
        let guarded = Guarded::serve(route(&policy)).await;
        for version in VERSIONS {
            let mut stream = guarded.connect(version, Some(&partner)).await;
            let fields = "X-Sender: one\r\nX-Other: 1\r\nx-sender: two\r\nX-Sender: a\tb\r\n";
            assert_eq!(status(&mut stream, "POST", fields).await, 200);
            let received = guarded.last();
            assert!(received.tls);
            assert_eq!(received.headers, [("X-Sender".to_owned(), "one, two".to_owned())]);
            let certificate = received.client_certificate.clone().unwrap();
            assert_eq!(certificate.der(), partner.chain[0].as_ref());
            let expected = [
                ("ClientCertificateSubject", "CN=partner".to_owned()),
                ("ClientCertificateIssuer", "CN=root".to_owned()),
                ("ClientCertificateSerialNumber", "AB".to_owned()),
                ("ClientCertificateSha1", certificate.sha1.to_string()),
                ("ClientCertificateSha256", certificate.sha256.to_string()),
                ("HttpHeader:X-Sender", "one, two".to_owned()),
            ];
            let expected = expected.map(|(name, value)| (name.to_owned(), value));
            assert_eq!(variables(&received), expected);
            assert_eq!(status(&mut stream, "HEAD", "").await, 200);
            for other in [None, Some(&stranger)] {
                let mut stream = guarded.connect(version, other).await;
                let answer = ask(&mut stream, "POST", "").await;
                assert_eq!(statuses(&answer), [403]);
                assert!(answer.ends_with("\r\n\r\n"), "no body: {answer}");
                // A fresh connection: HEAD answers have no body to wait for.
                let mut stream = guarded.connect(version, other).await;
                assert_eq!(status(&mut stream, "HEAD", "").await, 403);
            }
        }
        assert_eq!(guarded.server.script.calls(), 0, "all others were taken by the test");
    }
}

#[tokio::test]
async fn without_a_policy_a_certificate_is_told_and_not_judged() {
    let mut open = route(&pinned(&self_signed(&client_params("other", 1))));
    open.client_policy = None;
    let guarded = Guarded::serve(open).await;
    let stranger = self_signed(&client_params("stranger", 1));
    for (client, expected) in [(Some(&stranger), Some("CN=stranger")), (None, None)] {
        let mut stream = guarded.connect(&rustls::version::TLS13, client).await;
        assert_eq!(status(&mut stream, "POST", "").await, 200);
        let subject = guarded.last().client_certificate.map(|it| it.subject.clone());
        assert_eq!(subject.as_deref(), expected);
    }
}

#[tokio::test]
async fn credentials_come_before_certificates_and_both_before_the_body() {
    let partner = self_signed(&client_params("partner", 1));
    let mut route = route(&pinned(&partner));
    route.credentials = Some(BasicCredentials::new("aladdin", "open"));
    route.health_without_credentials = true;
    route.body_bytes_max = Some(10);
    let guarded = Guarded::serve(route).await;
    let long = "Content-Length: 11\r\nExpect: 100-continue\r\n";
    let cases: [(Option<&Client>, &str, &str, u16); 7] = [
        (None, "POST", "", 401),
        (None, "POST", RIGHT, 403),
        (Some(&partner), "POST", "", 401),
        (Some(&partner), "POST", RIGHT, 200),
        (Some(&partner), "POST", &format!("{RIGHT}{long}"), 413),
        (None, "HEAD", "", 403),
        (Some(&partner), "HEAD", "", 200),
    ];
    for (client, method, fields, expected) in cases {
        let mut stream = guarded.connect(&rustls::version::TLS13, client).await;
        assert_eq!(status(&mut stream, method, fields).await, expected, "{method} {fields:?}");
    }
    for fields in [long.to_owned(), format!("{RIGHT}{long}")] {
        let mut stream = guarded.connect(&rustls::version::TLS13, None).await;
        let answer = ask(&mut stream, "POST", &fields).await;
        assert!(!answer.contains("HTTP/1.1 100"), "the body was asked for: {answer}");
    }
}

#[tokio::test]
async fn a_resumed_session_is_judged_by_the_policy_of_today() {
    let root = authority("root");
    let partner = client(&client_params("partner", 7), &root, &[]);
    let before = issued_by(&[&root], &[revocation_list(&root, 2100, &[])]);
    let after = issued_by(&[&root], &[revocation_list(&root, 2100, &[7])]);
    for version in VERSIONS {
        let mut guarded = Guarded::serve(route(&before)).await;
        let config = client_config(version, guarded.trusted.clone(), Some(&partner));
        let again = || connect(guarded.server.address, config.clone());
        let mut first = again().await;
        assert_eq!(status(&mut first, "POST", "").await, 200);
        let mut second = again().await;
        assert_eq!(second.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
        assert_eq!(status(&mut second, "POST", "").await, 200, "the certificate is resumed too");
        let address = guarded.server.address;
        guarded.change(route(&after)).await;
        let mut third = connect(address, config.clone()).await;
        assert_eq!(third.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
        assert_eq!(status(&mut third, "POST", "").await, 403, "{:?}", version.version);
    }
}

#[tokio::test]
async fn a_revocation_takes_effect_on_open_connections() {
    let root = authority("root");
    let partner = client(&client_params("partner", 7), &root, &[]);
    let policy = |revoked: &[u64]| issued_by(&[&root], &[revocation_list(&root, 2100, revoked)]);
    for version in VERSIONS {
        let mut guarded = Guarded::serve(route(&policy(&[6]))).await;
        let mut stream = guarded.connect(version, Some(&partner)).await;
        assert_eq!(status(&mut stream, "POST", "").await, 200);
        guarded.change(route(&policy(&[6, 7]))).await;
        assert_eq!(status(&mut stream, "POST", "").await, 403);
        guarded.change(route(&policy(&[6]))).await;
        assert_eq!(status(&mut stream, "POST", "").await, 200, "the list was a mistake");
    }
}

fn proxies(trusted: &str, certificate: ClientCertificateHeader) -> TrustedProxies {
    let config = Proxies {
        trusted: vec![trusted.parse().unwrap()],
        client_address: ClientAddressHeader::Forwarded,
        client_certificate: certificate,
    };
    TrustedProxies::new(&config, 32 * 1024)
}

#[tokio::test]
async fn the_certificate_of_a_proxy_is_not_that_of_its_client() {
    let root = authority("root");
    let partner = client(&client_params("partner", 1), &root, &[]);
    let revoked = client(&client_params("revoked", 2), &root, &[]);
    let proxy = client(&client_params("proxy", 3), &root, &[]);
    let policy = issued_by(&[&root], &[revocation_list(&root, 2100, &[2])]);
    let guarded = Guarded::serve(route(&policy)).await;
    let field =
        |client: &Client| format!("Client-Cert: :{}:\r\n", STANDARD.encode(&client.chain[0]));
    let trusting = proxies("127.0.0.0/8", ClientCertificateHeader::ClientCert);
    let distrusting = proxies("192.0.2.0/24", ClientCertificateHeader::ClientCert);
    let twice = field(&partner).repeat(2);
    let cases = [
        (&trusting, field(&partner), 200, "CN=partner"),
        (&trusting, field(&revoked), 403, ""),
        (&trusting, String::new(), 403, ""),
        (&trusting, twice.clone(), 400, ""),
        (&trusting, "Client-Cert: garbage\r\n".to_owned(), 400, ""),
        // Not trusted: its header says nothing, and its own certificate is its own.
        (&distrusting, field(&partner), 200, "CN=proxy"),
        (&distrusting, field(&revoked), 200, "CN=proxy"),
        (&distrusting, twice, 200, "CN=proxy"),
    ];
    for (proxies, fields, expected, subject) in cases {
        guarded.server.receiver.trust(proxies.clone());
        let mut stream = guarded.connect(&rustls::version::TLS13, Some(&proxy)).await;
        assert_eq!(status(&mut stream, "POST", &fields).await, expected, "{subject}");
        if expected == 200 {
            assert_eq!(guarded.last().client_certificate.unwrap().subject, subject);
        }
    }
    // One connection of a proxy, several clients.
    guarded.server.receiver.trust(trusting);
    let mut stream = guarded.connect(&rustls::version::TLS12, Some(&proxy)).await;
    for (client, expected) in
        [(&partner, 200), (&partner, 200), (&revoked, 403), (&partner, 200), (&revoked, 403)]
    {
        assert_eq!(status(&mut stream, "POST", &field(client)).await, expected);
    }
    assert_eq!(status(&mut stream, "POST", "").await, 403);
}

#[tokio::test]
async fn the_address_of_a_client_is_what_a_trusted_proxy_says() {
    let server = serve(limits()).await;
    let request = "GET /echo HTTP/1.1\r\nHost: a\r\nForwarded: for=192.0.2.1\r\n\r\n";
    let cases = [("127.0.0.1", "192.0.2.1"), ("192.0.2.0/24", "127.0.0.1")];
    for (trusted, expected) in cases {
        server.receiver.trust(proxies(trusted, ClientCertificateHeader::None));
        assert_eq!(statuses(&exchange(server.address, request).await), [200]);
        let received = server.script.received.lock().unwrap().pop().unwrap().1;
        assert_eq!(received.client_ip.to_string(), expected);
        assert!(!received.tls && received.client_certificate.is_none());
    }
}

#[tokio::test]
async fn a_proxy_protocol_header_names_the_client_of_every_request() {
    let partner = self_signed(&client_params("partner", 1));
    let (config, trusted) = server_config(AskForCertificate::new(32 * 1024, &[]));
    let routes = listener(route(&pinned(&partner)), Some(config));
    let proxies = Some(Arc::from(["127.0.0.1".parse().unwrap()]));
    let server = serve_listener(limits(), DesiredListener { proxies, ..routes }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n").await.unwrap();
    let config = client_config(&rustls::version::TLS13, trusted, Some(&partner));
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = within(TlsConnector::from(config).connect(name, stream)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(status(&mut stream, "POST", "").await, 200);
    }
    let received = server.script.received.lock().unwrap();
    let addresses: Vec<String> = received.iter().map(|(_, it)| it.client_ip.to_string()).collect();
    assert_eq!(addresses, ["192.0.2.1", "192.0.2.1"]);
}
