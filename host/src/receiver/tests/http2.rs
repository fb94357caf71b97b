//! HTTP/2, over TLS and with prior knowledge, with hyper's client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::harness::*;
use crate::certificates::{Certificate, CertificateStore, ServedCertificate, https_config};
use crate::listener::Drained;

type Sender = SendRequest<Full<Bytes>>;

fn certificate() -> Certificate {
    let home = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(home.path()).unwrap();
    store.ensure_default(&[]).unwrap().certificate
}

pub(super) async fn connect_tls(
    server: &Server,
    certificate: &Certificate,
    alpn: &[&str],
) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(client_config(certificate, alpn)));
    let name = ServerName::try_from("localhost").unwrap();
    within(connector.connect(name, stream)).await.unwrap()
}

fn client_config(certificate: &Certificate, alpn: &[&str]) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.chain()[0].clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

async fn http2<S>(stream: S) -> Sender
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn post(sender: &mut Sender, path: &str, body: impl Into<Bytes>) -> (u16, Bytes) {
    let response = request(sender, path, body).await.unwrap();
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

async fn request(
    sender: &mut Sender,
    path: &str,
    body: impl Into<Bytes>,
) -> hyper::Result<Response<hyper::body::Incoming>> {
    let uri = format!("https://localhost{path}");
    let request = Request::post(uri).version(Version::HTTP_2).body(Full::new(body.into())).unwrap();
    within(sender.send_request(request)).await
}

pub(super) async fn serve_tls(limits: crate::receiver::HttpLimits) -> (Server, Certificate) {
    let certificate = certificate();
    let tls = https_config(ServedCertificate::new(&certificate), None).unwrap();
    let targets = ["echo", "wait", "panic"];
    (serve_listener(limits, desired(&targets, Some(tls))).await, certificate)
}

#[tokio::test]
async fn both_versions_of_http_are_offered_over_tls() {
    let (server, certificate) = serve_tls(limits()).await;
    let mut sender = http2(connect_tls(&server, &certificate, &["h2", "http/1.1"]).await).await;
    assert_eq!(post(&mut sender, "/echo", "hello").await, (200, "hello".into()));
    for alpn in [&["http/1.1"][..], &[]] {
        let mut stream = connect_tls(&server, &certificate, alpn).await;
        let text = super::harness::post("/echo", "hello");
        tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        within(stream.read_exact(&mut start)).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
    }
}

#[tokio::test]
async fn only_tls_1_2_and_1_3_are_spoken() {
    let (server, certificate) = serve_tls(limits()).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.chain()[0].clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(server.address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
        assert_eq!(stream.unwrap().get_ref().1.protocol_version(), Some(version.version));
    }
    // A client hello of TLS 1.0 and nothing newer: an alert, then the end.
    let mut old = RawClient::connect(server.address).await;
    let hello = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01";
    let rest = [&[7; 32][..], b"\x00\x00\x02\x00\x2f\x01\x00"].concat();
    old.send([&hello[..], &rest].concat()).await;
    let mut answer = Vec::new();
    within(old.stream().read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer.first(), Some(&0x15), "an alert: {answer:?}");
}

#[tokio::test]
async fn http2_is_understood_without_tls() {
    let server = serve(limits()).await;
    let mut sender = http2(TcpStream::connect(server.address).await.unwrap()).await;
    assert_eq!(post(&mut sender, "/echo", "hello").await, (200, "hello".into()));
}

#[tokio::test]
async fn requests_of_one_connection_run_beside_each_other() {
    let (server, certificate) = serve_tls(limits()).await;
    let sender = http2(connect_tls(&server, &certificate, &["h2"]).await).await;
    let slow = tokio::spawn({
        let mut sender = sender.clone();
        async move { post(&mut sender, "/wait", "a").await }
    });
    server.script.wait_begun().await;
    let mut quick = sender.clone();
    assert_eq!(post(&mut quick, "/echo", "b").await, (200, "b".into()));
    assert_eq!(post(&mut quick, "/panic", "c").await.0, 500);
    assert_eq!(post(&mut quick, "/unknown", "d").await.0, 404);
    server.script.gate.add_permits(1);
    assert_eq!(within(slow).await.unwrap(), (200, "a".into()));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let mut limits = limits();
    limits.body_bytes = 1_000;
    let (server, certificate) = serve_tls(limits).await;
    let mut sender = http2(connect_tls(&server, &certificate, &["h2"]).await).await;
    assert_eq!(post(&mut sender, "/echo", vec![b'x'; 1_000]).await.0, 200);
    assert_eq!(post(&mut sender, "/echo", vec![b'x'; 1_001]).await.0, 413);
    assert_eq!(post(&mut sender, "/echo", vec![b'x'; 1_000_000]).await.0, 413);
    assert_eq!(post(&mut sender, "/echo", "b").await.0, 200, "the connection goes on");
    assert_eq!(server.script.calls(), 2);
}

#[tokio::test]
async fn a_request_that_is_reset_never_arrives_and_one_that_has_arrived_is_finished() {
    let (server, certificate) = serve_tls(limits()).await;
    let mut sender = http2(connect_tls(&server, &certificate, &["h2"]).await).await;
    // A body that never ends, given up.
    let (mut write, read) = tokio::io::duplex(64);
    tokio::io::AsyncWriteExt::write_all(&mut write, b"half a message").await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(100), async {
        let body = Endless(read);
        let stream = connect_tls(&server, &certificate, &["h2"]).await;
        let (mut sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let uri = "https://localhost/echo";
        sender.send_request(Request::post(uri).body(body).unwrap()).await
    });
    given_up.await.unwrap_err();
    // A complete request whose client leaves.
    let waiting = tokio::time::timeout(Duration::from_secs(10), post(&mut sender, "/wait", "a"));
    tokio::select! {
        _ = waiting => unreachable!("nobody has opened the gate"),
        () = server.script.wait_begun() => {}
    }
    drop(sender);
    server.script.gate.add_permits(1);
    server.script.wait_ended().await;
    let drained = within(server.listeners.drain(Duration::from_secs(10))).await;
    assert_eq!(drained, Drained { connections_cut: 0, tasks_left: 0 });
    assert_eq!(server.script.calls(), 1);
}

/// What has been written so far, and then nothing for ever.
struct Endless(tokio::io::DuplexStream);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
        let mut bytes = [0; 64];
        let mut buffer = tokio::io::ReadBuf::new(&mut bytes);
        std::pin::Pin::new(&mut self.0).poll_read(context, &mut buffer).map(|read| {
            read.unwrap();
            Some(Ok(hyper::body::Frame::data(Bytes::copy_from_slice(buffer.filled()))))
        })
    }
}

#[tokio::test]
async fn a_drain_lets_streams_finish() {
    let (server, certificate) = serve_tls(limits()).await;
    let mut sender = http2(connect_tls(&server, &certificate, &["h2"]).await).await;
    let slow = tokio::spawn({
        let mut sender = sender.clone();
        async move { post(&mut sender, "/wait", "a").await }
    });
    server.script.wait_begun().await;
    let script = server.script.clone();
    let drain = tokio::spawn(server.listeners.drain(Duration::from_secs(10)));
    within(async {
        while request(&mut sender, "/echo", "late").await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!drain.is_finished());
    script.gate.add_permits(1);
    assert_eq!(within(slow).await.unwrap(), (200, "a".into()));
    assert_eq!(within(drain).await.unwrap(), Drained { connections_cut: 0, tasks_left: 0 });
}

#[tokio::test]
async fn an_idle_or_silent_connection_ends() {
    let mut limits = limits();
    limits.idle_timeout = Duration::from_millis(100);
    limits.header_timeout = Duration::from_millis(100);
    let (server, certificate) = serve_tls(limits).await;
    let mut silent = connect_tls(&server, &certificate, &["h2"]).await;
    let mut bytes = Vec::new();
    // However it ends, it ends.
    let _ended = within(silent.read_to_end(&mut bytes)).await;
    let mut sender = http2(connect_tls(&server, &certificate, &["h2"]).await).await;
    assert_eq!(post(&mut sender, "/echo", "a").await.0, 200);
    within(async {
        while !sender.is_closed() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_replaced_certificate_is_used_by_the_next_handshake() {
    let (old, new) = (certificate(), certificate());
    let served = ServedCertificate::new(&old);
    let tls = https_config(served.clone(), None).unwrap();
    let server = serve_listener(limits(), desired(&["echo"], Some(tls))).await;
    let presented = |stream: &TlsStream<TcpStream>| {
        stream.get_ref().1.peer_certificates().unwrap()[0].as_ref().to_vec()
    };
    let stream = connect_tls(&server, &old, &["h2"]).await;
    assert!(old.sha256.is_of(&presented(&stream)));
    let mut open = http2(stream).await;
    served.replace(&new);
    let stream = connect_tls(&server, &new, &["h2"]).await;
    assert!(new.sha256.is_of(&presented(&stream)));
    assert_eq!(post(&mut open, "/echo", "a").await.0, 200, "open connections stay");
}

#[tokio::test]
async fn a_port_changes_between_plain_and_tls_without_losing_requests() {
    let mut server = serve(limits()).await;
    let mut plain = RawClient::connect(server.address).await;
    plain.send(super::harness::post("/wait", "a")).await;
    server.script.wait_begun().await;
    let certificate = certificate();
    let tls = https_config(ServedCertificate::new(&certificate), None).unwrap();
    let changes = server.listeners.apply(vec![desired(&["echo"], Some(tls))]).await.unwrap();
    assert_eq!(changes.kept, [KEY]);
    let mut sender = http2(connect_tls(&server, &certificate, &["h2"]).await).await;
    assert_eq!(post(&mut sender, "/echo", "b").await.0, 200);
    server.script.gate.add_permits(1);
    assert_eq!(statuses(&plain.read_to_end().await), [200], "answered, then closed");
}

async fn connect_plain(server: &Server) -> Sender {
    let stream = TcpStream::connect(server.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    http2(stream).await
}

/// Sends requests one after the other, on a new connection whenever the old one takes no more.
async fn keep_asking(server: &Server, requests: usize) -> usize {
    let mut connections = 1;
    let mut sender = connect_plain(server).await;
    for number in 0..requests {
        let text = number.to_string();
        if within(sender.ready()).await.is_err() {
            sender = connect_plain(server).await;
            connections += 1;
        }
        let answer = match request(&mut sender, "/echo", text.clone()).await {
            Ok(response) => response.into_body().collect().await.unwrap().to_bytes(),
            // Not taken any more, and the server said so: nothing is lost.
            Err(error) => {
                assert!(error.is_canceled() || is_told_to_go(&error), "{error:?}");
                sender = connect_plain(server).await;
                connections += 1;
                post(&mut sender, "/echo", text.clone()).await.1
            }
        };
        assert_eq!(answer, text);
    }
    connections
}

/// GOAWAY without an error: what it does not cover was not taken.
fn is_told_to_go(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    cause.is_some_and(|cause| cause.contains("not a result of an error"))
}

#[tokio::test]
async fn a_worn_out_connection_is_replaced_without_losing_a_request() {
    let mut by_requests = limits();
    by_requests.requests_per_connection = 10;
    let mut by_age = limits();
    by_age.connection_age = Duration::from_millis(2);
    for limits in [by_requests, by_age] {
        let server = serve(limits).await;
        let connections = keep_asking(&server, 500).await;
        assert!(connections > 1, "{limits:?}");
        assert_eq!(server.script.calls(), 500);
    }
}
