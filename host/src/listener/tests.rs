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
    DesiredListener { key, tls: None, routes: Arc::new(routes) }
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
    let desired = DesiredListener { key: key(0), tls: None, routes: Arc::new(()) };
    listeners.apply(vec![desired]).await.unwrap();
    let address = listeners.local_address(&key(0)).unwrap();
    let (_, mut open) = greeting(address).await.unwrap();
    listeners.apply(Vec::new()).await.unwrap();
    ends(&mut open).await;
}
