//! Certificates replaced again and again while clients hold connections and open new ones.
//!
//! A replacement is a file that takes another's place, as a renewal job does it. It counts once a
//! handshake has shown it, so the number of replacements is the number that clients could see.
//! What a client may see is bounded on both sides: nothing older than what anybody had seen before
//! its handshake began, and nothing that had not been written when it ended.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{done, receiver};
use crate::harness::certificates::{Authority, Identity, TLS_VERSIONS, client_config, params};
use crate::harness::http2::{KeptAlive, RUNTIME};
use crate::harness::ports::free_port;
use crate::harness::wait::wait_for;
use crate::harness::{Home, Server};

const CLIENTS: usize = 16;

/// Of so many replacements, each client opens a new connection after one.
const TURNS: usize = 4;

fn replacements() -> usize {
    match std::env::var_os("TUREEN_QUICK") {
        Some(_) => 100,
        None => 1_000,
    }
}

/// What the clients and the one that replaces know of each other.
struct Shared {
    socket: SocketAddr,
    config: Arc<ClientConfig>,
    /// The number of each certificate.
    numbers: HashMap<CertificateDer<'static>, usize>,
    /// The last one that was put into the store.
    written: AtomicUsize,
}

impl Shared {
    /// A new connection, and the number of the certificate that it was made with.
    async fn connect(&self) -> Result<(KeptAlive, usize), String> {
        let connection = KeptAlive::with_tls(self.socket, self.config.clone()).await?;
        let number = self.numbers.get(connection.shown()).ok_or("an unknown certificate")?;
        let number = *number;
        Ok((connection, number))
    }
}

/// What one client did.
struct Did {
    handshakes: usize,
    requests: usize,
}

async fn post(connection: &mut KeptAlive) -> Result<(), String> {
    let answer = connection.post("/in", Bytes::from_static(b"text")).await?;
    if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
}

/// One connection that stays, and new ones until `seen` is closed; clients take turns with these.
async fn client(
    shared: Arc<Shared>,
    mut seen: watch::Receiver<usize>,
    turn: usize,
) -> Result<Did, String> {
    let (mut kept, _) = shared.connect().await?;
    let mut did = Did { handshakes: 1, requests: 0 };
    while seen.changed().await.is_ok() {
        post(&mut kept).await.map_err(|error| format!("the kept connection: {error}"))?;
        did.requests += 1;
        let before = *seen.borrow_and_update();
        if before % TURNS != turn % TURNS {
            continue;
        }
        let (mut new, number) = shared.connect().await?;
        let written = shared.written.load(Ordering::SeqCst);
        if !(before..=written).contains(&number) {
            return Err(format!("showed {number}, {before} was seen and {written} written"));
        }
        post(&mut new).await.map_err(|error| format!("a new connection: {error}"))?;
        did.handshakes += 1;
        did.requests += 1;
    }
    Ok(did)
}

/// A resumed session shows no certificate: a client would count the one of the session before.
fn without_sessions(authority: &Authority) -> Arc<ClientConfig> {
    let mut config = client_config(TLS_VERSIONS[1].1, authority.der(), None);
    Arc::make_mut(&mut config).resumption = Resumption::disabled();
    config
}

fn put(home: &Home, identity: &Identity) {
    let beside = home.write("www.pem.new", identity.whole_pem());
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(beside, home.path("certificates/www.pem")).unwrap();
}

fn serving(first: &Identity) -> (Home, Server) {
    let home = Home::new();
    let config = home.read("tureen.toml").unwrap();
    // The wait for the end of somebody's saving is not what is tested: each file comes whole.
    let quick = config.replace("debounce_milliseconds = 20", "debounce_milliseconds = 1");
    assert_ne!(quick, config);
    home.write("tureen.toml", quick);
    home.workflow("first", &receiver("first", free_port()).build());
    std::fs::create_dir(home.path("certificates")).unwrap();
    put(&home, first);
    done(&home, &["default", "www"], "is \"www\" now");
    let server = home.serve();
    (home, server)
}

#[test]
fn a_thousand_replacements_fail_no_handshake_and_no_request_and_the_next_handshake_shows_them() {
    let authority = Authority::root("Clinic root");
    let issue = |number| authority.issue(&params(&format!("Server {number}")));
    let identities: Vec<Identity> = (0..=replacements()).map(issue).collect();
    let (home, server) = serving(&identities[0]);
    let numbers = identities.iter().enumerate().map(|(number, one)| (one.own(), number));
    let shared = Arc::new(Shared {
        socket: server.socket(),
        config: without_sessions(&authority),
        numbers: numbers.collect(),
        written: AtomicUsize::new(0),
    });
    let (seen, _) = watch::channel(0);
    let clients: Vec<JoinHandle<Result<Did, String>>> = (0..CLIENTS)
        .map(|turn| RUNTIME.spawn(client(Arc::clone(&shared), seen.subscribe(), turn)))
        .collect();
    for (number, identity) in identities.iter().enumerate().skip(1) {
        // Before the file is there: a client may see it at once.
        shared.written.store(number, Ordering::SeqCst);
        put(&home, identity);
        wait_for(&format!("certificate {number} in a handshake"), || {
            let (_, shown) = RUNTIME.block_on(shared.connect()).unwrap();
            (shown == number).then_some(())
        });
        seen.send_replace(number);
    }
    drop(seen);
    let did = clients.into_iter().map(|client| RUNTIME.block_on(client).unwrap().unwrap());
    let (mut handshakes, mut requests) = (0, 0);
    for one in did {
        // A client that hardly ever had its turn would have seen nothing.
        let fewest = replacements() / TURNS / 4;
        assert!(one.handshakes > fewest, "{} handshakes", one.handshakes);
        handshakes += one.handshakes;
        requests += one.requests;
    }
    println!("{handshakes} handshakes and {requests} requests of {CLIENTS} clients");
    server.stop();
}
