use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// Writes its routes, a byte, and stays until it has to stop or the client leaves.
struct Greeting;

impl Protocol for Greeting {
    type Routes = u8;

    async fn serve(&self, mut connection: Connection, routes: Arc<ArcSwap<u8>>) {
        let greeting = **routes.load();
        if connection.stream.write_all(&[greeting]).await.is_ok() {
            tokio::select! {
                () = connection.stop.cancelled() => {}
                _left = connection.stream.read_u8() => {}
            }
        }
    }
}

fn listeners(total: usize, per_peer: usize, times: ListenerTimes) -> Listeners<Greeting> {
    Listeners::new(
        Arc::new(Greeting),
        ConnectionBudget::new(total, per_peer),
        times,
        Arc::default(),
    )
}

const TIMES: ListenerTimes = ListenerTimes { handshake: PATIENCE, drain: PATIENCE };

fn key(port: u16) -> ListenerKey {
    ListenerKey { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port }
}

fn plain(key: ListenerKey, routes: u8) -> DesiredListener<Greeting> {
    DesiredListener { key, tls: None, proxies: None, routes: Arc::new(routes) }
}

async fn greeting(address: SocketAddr) -> Option<(u8, TcpStream)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let byte = tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap().ok()?;
    Some((byte, stream))
}

async fn ends(stream: &mut TcpStream) {
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut [0])).await;
    assert_eq!(read.unwrap().unwrap(), 0);
}

/// A port that was free a moment ago.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn apply_adds_keeps_and_removes() {
    let mut listeners = listeners(10, 10, TIMES);
    let (first, second) = (key(free_port().await), key(free_port().await));
    let changes = listeners.apply(vec![plain(first, b'a')]).await.unwrap();
    assert_eq!(changes.bound, [(first, first.into())]);
    let (byte, mut open) = greeting(first.into()).await.unwrap();
    assert_eq!(byte, b'a');
    let changes = listeners.apply(vec![plain(second, b'c'), plain(first, b'b')]).await.unwrap();
    assert_eq!((changes.bound.len(), changes.kept, changes.removed.len()), (1, vec![first], 0));
    assert_eq!(greeting(first.into()).await.unwrap().0, b'b');
    assert_eq!(greeting(second.into()).await.unwrap().0, b'c');
    let changes = listeners.apply(vec![plain(second, b'c')]).await.unwrap();
    assert_eq!((changes.kept, changes.removed), (vec![second], vec![first]));
    ends(&mut open).await;
    assert!(greeting(first.into()).await.is_none());
    // The port is really free: it can be bound again at once.
    listeners.apply(vec![plain(first, b'd')]).await.unwrap();
    assert_eq!(greeting(first.into()).await.unwrap().0, b'd');
}

#[tokio::test]
async fn nothing_changes_when_one_address_cannot_be_bound() {
    let mut listeners = listeners(10, 10, TIMES);
    let running = key(0);
    listeners.apply(vec![plain(running, b'a')]).await.unwrap();
    let address = listeners.local_address(&running).unwrap();
    let foreign = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = key(foreign.local_addr().unwrap().port());
    let free = key(free_port().await);
    let not_local = ListenerKey { address: "192.0.2.1".parse().unwrap(), port: 1 };
    let desired = vec![plain(taken, b'b'), plain(free, b'b'), plain(not_local, b'b')];
    let errors = listeners.apply(desired).await.unwrap_err();
    let (in_use, not_local) = match errors.as_slice() {
        [BindError::InUse { address }, BindError::NotLocal { address: other }] => (address, other),
        other => panic!("{other:?}"),
    };
    assert_eq!((*in_use, not_local.port()), (taken.into(), 1));
    assert_eq!(listeners.keys().collect::<Vec<_>>(), [&running]);
    assert_eq!(greeting(address).await.unwrap().0, b'a');
    assert!(greeting(free.into()).await.is_none());
    drop(foreign);
    listeners.apply(vec![plain(taken, b'b')]).await.unwrap();
    assert_eq!(greeting(taken.into()).await.unwrap().0, b'b');
}

#[tokio::test]
async fn one_address_cannot_be_two_listeners() {
    let mut listeners = listeners(10, 10, TIMES);
    let errors = listeners.apply(vec![plain(key(1), b'a'), plain(key(1), b'b')]).await.unwrap_err();
    assert!(matches!(errors.as_slice(), [BindError::Twice { .. }]), "{errors:?}");
}

#[tokio::test]
async fn an_address_that_includes_a_running_one_is_explained() {
    let mut listeners = listeners(10, 10, TIMES);
    let port = free_port().await;
    listeners.apply(vec![plain(key(port), b'a')]).await.unwrap();
    let everywhere = ListenerKey { address: Ipv4Addr::UNSPECIFIED.into(), port };
    let errors = listeners.apply(vec![plain(everywhere, b'b')]).await.unwrap_err();
    let text = errors[0].to_string();
    assert!(matches!(errors.as_slice(), [BindError::Overlaps { .. }]), "{errors:?}");
    assert!(text.contains("this server already listens"), "{text}");
}

#[tokio::test]
async fn connections_over_the_budget_wait_for_their_turn() {
    let mut listeners = listeners(2, 10, TIMES);
    listeners.apply(vec![plain(key(0), b'a')]).await.unwrap();
    let address = listeners.local_address(&key(0)).unwrap();
    let first = greeting(address).await.unwrap();
    let _second = greeting(address).await.unwrap();
    let mut third = TcpStream::connect(address).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(100), third.read_u8()).await;
    early.unwrap_err();
    drop(first);
    let byte = tokio::time::timeout(PATIENCE, third.read_u8()).await.unwrap();
    assert_eq!(byte.unwrap(), b'a');
}

#[tokio::test]
async fn a_peer_over_its_share_is_closed_at_once() {
    let mut listeners = listeners(10, 2, TIMES);
    listeners.apply(vec![plain(key(0), b'a')]).await.unwrap();
    let address = listeners.local_address(&key(0)).unwrap();
    let _first = greeting(address).await.unwrap();
    let _second = greeting(address).await.unwrap();
    assert!(greeting(address).await.is_none());
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_ended() {
    let home = tempfile::tempdir().unwrap();
    let store = crate::certificates::CertificateStore::open(home.path()).unwrap();
    let certificate = store.ensure_default(&[]).unwrap().certificate;
    let served = crate::certificates::ServedCertificate::new(&certificate);
    let tls = Some(crate::certificates::https_config(served, None).unwrap());
    let times = ListenerTimes { handshake: Duration::from_millis(100), drain: PATIENCE };
    let mut listeners = listeners(10, 10, times);
    let desired = DesiredListener { tls, ..plain(key(0), b'a') };
    listeners.apply(vec![desired]).await.unwrap();
    let address = listeners.local_address(&key(0)).unwrap();
    ends(&mut TcpStream::connect(address).await.unwrap()).await;
}

#[tokio::test]
async fn what_is_left_of_a_removed_listener_is_cut_after_the_drain_time() {
    /// Never stops by itself.
    struct Stubborn;
    impl Protocol for Stubborn {
        type Routes = ();
        async fn serve(&self, mut connection: Connection, _routes: Arc<ArcSwap<()>>) {
            if connection.stream.write_all(b"x").await.is_ok() {
                std::future::pending::<()>().await;
            }
        }
    }
    let times = ListenerTimes { handshake: PATIENCE, drain: Duration::from_millis(50) };
    let mut listeners =
        Listeners::new(Arc::new(Stubborn), ConnectionBudget::new(10, 10), times, Arc::default());
    let desired = DesiredListener { key: key(0), tls: None, proxies: None, routes: Arc::new(()) };
    listeners.apply(vec![desired]).await.unwrap();
    let address = listeners.local_address(&key(0)).unwrap();
    let (_, mut open) = greeting(address).await.unwrap();
    listeners.apply(Vec::new()).await.unwrap();
    ends(&mut open).await;
}

/// Writes who the client is, then everything that the client sends, back to it.
struct Introducing;

impl Protocol for Introducing {
    type Routes = ();

    async fn serve(&self, mut connection: Connection, _routes: Arc<ArcSwap<()>>) {
        let name = connection.server_name.take().unwrap_or_default();
        let line = format!("{} {name}\n", connection.peer);
        if connection.stream.write_all(line.as_bytes()).await.is_ok() {
            let (mut reader, mut writer) = tokio::io::split(connection.stream);
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
        }
    }
}

/// A listener behind these proxies, with a budget of two connections for each client.
async fn behind(
    proxies: &str,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> (Listeners<Introducing>, SocketAddr) {
    let times = ListenerTimes { handshake: PATIENCE, drain: PATIENCE };
    let budget = ConnectionBudget::new(10, 2);
    let mut listeners = Listeners::new(Arc::new(Introducing), budget, times, Arc::default());
    let proxies = Some(Arc::from([proxies.parse().unwrap()]));
    let desired = DesiredListener { key: key(0), tls, proxies, routes: Arc::new(()) };
    listeners.apply(vec![desired]).await.unwrap();
    let address = listeners.local_address(&key(0)).unwrap();
    (listeners, address)
}

/// Sends these bytes and gives the first line that comes back; empty when there is none.
async fn first_line(address: SocketAddr, bytes: &[u8]) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        match tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap() {
            Ok(byte) => line.push(byte),
            Err(_) => break,
        }
    }
    (String::from_utf8(line).unwrap().trim().to_owned(), stream)
}

const VERSION_2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\x0a\x00\x00\x01\x12\x67\x01\xbb";

#[tokio::test]
async fn a_proxy_says_who_the_client_is() {
    let (_listeners, address) = behind("127.0.0.0/8", None).await;
    let version_1 = b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n";
    let version_6 = b"PROXY TCP6 2001:db8::1 ::1 4711 443\r\n";
    let cases: [(&[u8], &str); 5] = [
        (version_1, "192.0.2.1:4711"),
        (version_6, "[2001:db8::1]:4711"),
        (VERSION_2, "192.0.2.1:4711"),
        (b"GET / HTTP/1.1\r\n\r\n", ""),
        (b"PROXY TCP4 192.0.2.1\r\n", ""),
    ];
    for (header, expected) in cases {
        let (line, mut stream) = first_line(address, &[header, b"hello\n"].concat()).await;
        assert_eq!(line, expected);
        if !line.is_empty() {
            let mut echo = [0; 6];
            tokio::time::timeout(PATIENCE, stream.read_exact(&mut echo)).await.unwrap().unwrap();
            assert_eq!(&echo, b"hello\n", "the protocol gets exactly what follows the header");
        }
    }
    let (line, stream) = first_line(address, b"PROXY UNKNOWN\r\n").await;
    assert_eq!(line, stream.local_addr().unwrap().to_string());
}

#[tokio::test]
async fn who_is_no_proxy_is_closed_whatever_it_says() {
    let (_listeners, address) = behind("192.0.2.0/24", None).await;
    let (line, _) = first_line(address, b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n").await;
    assert_eq!(line, "");
}

#[tokio::test]
async fn clients_behind_a_proxy_have_each_their_share() {
    let (_listeners, address) = behind("127.0.0.1", None).await;
    let header = |client: u8| format!("PROXY TCP4 192.0.2.{client} 10.0.0.1 4711 443\r\n");
    let mut open = Vec::new();
    for client in [1, 1, 2, 2, 3] {
        let (line, stream) = first_line(address, header(client).as_bytes()).await;
        assert_eq!(line, format!("192.0.2.{client}:4711"));
        open.push(stream);
    }
    assert_eq!(first_line(address, header(1).as_bytes()).await.0, "", "over its share");
    open.clear();
    // The share is given back when the server has seen the end.
    while first_line(address, header(1).as_bytes()).await.0.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_header_stands_before_the_handshake() {
    use crate::client_certificates::AskForCertificate;
    use crate::client_certificates::tests::pki;
    let (config, trusted) = pki::server_config(AskForCertificate::new(1_024, &[]));
    let (_listeners, address) = behind("127.0.0.1", Some(config)).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = pki::client_config(version, trusted.clone(), None);
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(VERSION_2).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let connecting = tokio_rustls::TlsConnector::from(client).connect(name, stream);
        let mut stream = tokio::time::timeout(PATIENCE, connecting).await.unwrap().unwrap();
        let expected = b"192.0.2.1:4711 localhost\n";
        let mut line = [0; 25];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut line)).await.unwrap().unwrap();
        assert_eq!(&line, expected);
    }
}

#[tokio::test]
async fn a_header_that_does_not_come_is_not_waited_for() {
    let times = ListenerTimes { handshake: Duration::from_millis(100), drain: PATIENCE };
    let mut listeners = listeners(10, 10, times);
    let proxies = Some(Arc::from(["127.0.0.1".parse().unwrap()]));
    let desired = DesiredListener { proxies, ..plain(key(0), b'a') };
    listeners.apply(vec![desired]).await.unwrap();
    let address = listeners.local_address(&key(0)).unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"PROXY ").await.unwrap();
    ends(&mut slow).await;
}

#[tokio::test]
async fn handshakes_over_the_limit_wait_for_their_turn() {
    let home = tempfile::tempdir().unwrap();
    let store = crate::certificates::CertificateStore::open(home.path()).unwrap();
    let certificate = store.ensure_default(&[]).unwrap().certificate;
    let served = crate::certificates::ServedCertificate::new(&certificate);
    let tls = Some(crate::certificates::https_config(served, None).unwrap());
    let budget = ConnectionBudget::with_handshakes(10, 10, 1);
    let mut listeners = Listeners::new(Arc::new(Greeting), budget, TIMES, Arc::default());
    let desired = DesiredListener { tls, ..plain(key(0), b'a') };
    listeners.apply(vec![desired]).await.unwrap();
    let address = listeners.local_address(&key(0)).unwrap();
    let silent = TcpStream::connect(address).await.unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.chain()[0].clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut handshake = Box::pin(connector.connect(name, stream));
    let early = tokio::time::timeout(Duration::from_millis(100), handshake.as_mut()).await;
    assert!(early.is_err(), "the silent client has the turn");
    drop(silent);
    let mut stream = tokio::time::timeout(PATIENCE, handshake).await.unwrap().unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'a');
}
