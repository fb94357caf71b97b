//! Certificates by ACME from a real authority, pebble, which verifies hosts over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test did not expect ends it"
)]

#[path = "acme/failures.rs"]
mod failures;
#[path = "acme/pebble.rs"]
mod pebble;
#[path = "acme/renewal.rs"]
mod renewal;
#[path = "acme/scripted.rs"]
mod scripted;
#[path = "acme/served.rs"]
mod served;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use pebble::{EXTERNAL_HMAC_KEY, EXTERNAL_KEY_ID, Pebble};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use scripted::Scripted;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tureen::acme::{
    AcmeError, Challenge, ExternalAccount, Fault, Order, Settings, TLS_ALPN_PROTOCOL,
    TlsAlpnChallenges, obtain,
};

fn settings(pebble: &Pebble) -> Settings {
    Settings {
        directory_url: pebble.directory_url.clone(),
        contact: vec!["mailto:operator@hospital.example".into()],
        agree_to_terms: true,
        extra_roots: Some(pebble.extra_roots.clone()),
        external_account: None,
        challenge: Challenge::Http01,
        http_address: pebble.http_address,
        certificates: Vec::new(),
        renew_before_days: 30,
        profile: None,
    }
}

fn order(name: &str, hosts: &[&str]) -> Order {
    Order { name: name.into(), hosts: hosts.iter().map(|&host| host.into()).collect() }
}

/// The chain is trusted under pebble's root and is for the host.
fn assert_verifies(pebble: &Pebble, store: &Path, name: &str, host: &str) {
    let chain = store.join(name).join("certificate.pem");
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    let verified = Command::new("openssl")
        .arg("verify")
        .arg("-CAfile")
        .arg(pebble.issuing_root())
        .arg("-untrusted")
        .arg(&chain)
        .args([if is_address { "-verify_ip" } else { "-verify_hostname" }, host])
        .arg(&chain)
        .output()
        .expect("openssl is missing: apt-get install openssl");
    assert!(verified.status.success(), "{verified:?}");
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn pair(store: &Path, name: &str) -> (String, String) {
    let folder = store.join(name);
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    (read("certificate.pem"), read("key.pem"))
}

/// The account's file of the one authority.
fn account_file(store: &Path) -> std::path::PathBuf {
    let files = fs::read_dir(store.join("acme")).unwrap().map(|entry| entry.unwrap().path());
    let mut accounts: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    assert_eq!(accounts.len(), 1, "{accounts:?}");
    accounts.remove(0)
}

#[tokio::test]
async fn http_01_obtains_a_certificate_that_verifies() {
    let pebble = Pebble::start();
    let store = tempfile::tempdir().unwrap();
    let order = order("front", &["hl7.example", "ADT.hl7.example", "hl7.example"]);
    let outcome = obtain(&settings(&pebble), &order, store.path(), None).await.unwrap();
    assert_eq!(outcome.hosts, ["adt.hl7.example", "hl7.example"]);
    assert!(outcome.account_registered);
    assert_eq!(outcome.folder, store.path().join("front"));
    assert_verifies(&pebble, store.path(), "front", "hl7.example");
    assert_verifies(&pebble, store.path(), "front", "adt.hl7.example");
    #[cfg(unix)]
    for (path, expected) in [
        (store.path().join("front"), 0o700),
        (store.path().join("front/key.pem"), 0o600),
        (store.path().join("acme"), 0o700),
        (account_file(store.path()), 0o600),
    ] {
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
    // The responder is gone.
    TcpListener::bind(pebble.http_address).await.expect("the address of http-01 is free");
}

#[tokio::test]
async fn the_account_is_reused_and_the_pair_is_replaced() {
    let pebble = Pebble::start();
    let store = tempfile::tempdir().unwrap();
    let order = order("front", &["hl7.example"]);
    let mut settings = settings(&pebble);
    obtain(&settings, &order, store.path(), None).await.unwrap();
    let first = pair(store.path(), "front");
    let account = fs::read(account_file(store.path())).unwrap();

    let outcome = obtain(&settings, &order, store.path(), None).await.unwrap();
    assert!(!outcome.account_registered);
    assert_eq!(fs::read(account_file(store.path())).unwrap(), account);
    let second = pair(store.path(), "front");
    assert_ne!(first.0, second.0, "another certificate");
    assert_ne!(first.1, second.1, "another key");
    assert_verifies(&pebble, store.path(), "front", "hl7.example");

    // A new contact is told to the authority, under the same account.
    settings.contact = vec!["mailto:night-shift@hospital.example".into()];
    let outcome = obtain(&settings, &order, store.path(), None).await.unwrap();
    assert!(!outcome.account_registered);
    let updated = fs::read_to_string(account_file(store.path())).unwrap();
    assert!(updated.contains("night-shift"), "the new contact is kept");
}

#[tokio::test]
async fn an_authority_that_forgot_the_account_gets_a_new_one() {
    let mut pebble = Pebble::start();
    let store = tempfile::tempdir().unwrap();
    let order = order("front", &["hl7.example"]);
    obtain(&settings(&pebble), &order, store.path(), None).await.unwrap();
    let account = fs::read(account_file(store.path())).unwrap();
    pebble.restart();
    let outcome = obtain(&settings(&pebble), &order, store.path(), None).await.unwrap();
    assert!(outcome.account_registered);
    assert_ne!(fs::read(account_file(store.path())).unwrap(), account);
    assert_verifies(&pebble, store.path(), "front", "hl7.example");
}

/// A listener that answers tls-alpn-01 with what it was told to show.
#[derive(Debug, Default)]
struct TlsListener {
    shown: Mutex<HashMap<String, Arc<CertifiedKey>>>,
    ever_shown: Mutex<Vec<String>>,
}

impl TlsAlpnChallenges for TlsListener {
    fn set(&self, server_name: &str, key: Arc<CertifiedKey>) {
        self.shown.lock().unwrap().insert(server_name.to_owned(), key);
        self.ever_shown.lock().unwrap().push(server_name.to_owned());
    }

    fn remove(&self, server_name: &str) {
        self.shown.lock().unwrap().remove(server_name);
    }
}

impl ResolvesServerCert for TlsListener {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.shown.lock().unwrap().get(hello.server_name()?).cloned()
    }
}

async fn serve_tls(pebble: &Pebble) -> Arc<TlsListener> {
    let listener = Arc::new(TlsListener::default());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let resolver: Arc<TlsListener> = Arc::clone(&listener);
    let mut config = config.with_cert_resolver(resolver);
    config.alpn_protocols = vec![TLS_ALPN_PROTOCOL.to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let socket = TcpListener::bind(pebble.tls_address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(stream).await.map(drop) });
        }
    });
    listener
}

#[tokio::test]
async fn tls_alpn_01_obtains_for_names_and_addresses() {
    let pebble = Pebble::start();
    let store = tempfile::tempdir().unwrap();
    let listener = serve_tls(&pebble).await;
    let settings = Settings { challenge: Challenge::TlsAlpn01, ..settings(&pebble) };
    let order = order("front", &["hl7.example", "127.0.0.1"]);
    let challenges: Arc<dyn TlsAlpnChallenges> = Arc::clone(&listener) as _;
    obtain(&settings, &order, store.path(), Some(challenges)).await.unwrap();
    assert_verifies(&pebble, store.path(), "front", "hl7.example");
    assert_verifies(&pebble, store.path(), "front", "127.0.0.1");
    let mut shown = listener.ever_shown.lock().unwrap().clone();
    shown.sort();
    assert_eq!(shown, ["1.0.0.127.in-addr.arpa", "hl7.example"]);
    assert!(listener.shown.lock().unwrap().is_empty(), "all proofs are taken back");

    let error = obtain(&settings, &order, store.path(), None).await.unwrap_err();
    assert!(matches!(error, AcmeError::NoTlsListener), "{error}");
}

#[tokio::test]
async fn an_authority_with_external_accounts_registers_who_has_one() {
    let pebble = Pebble::start_with_external_accounts();
    let store = tempfile::tempdir().unwrap();
    let order = order("front", &["hl7.example"]);
    let mut settings = settings(&pebble);
    let error = obtain(&settings, &order, store.path(), None).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().problem_type, "externalAccountRequired", "{error}");
    assert!(error.to_string().contains("acme.external_account"), "{error}");
    assert_eq!(error.fault(), Fault::Operator);

    let external =
        ExternalAccount { key_id: EXTERNAL_KEY_ID.into(), hmac_key: EXTERNAL_HMAC_KEY.into() };
    settings.external_account = Some(external);
    obtain(&settings, &order, store.path(), None).await.unwrap();
    assert_verifies(&pebble, store.path(), "front", "hl7.example");
}

/// For an authority that is not asked to verify anything.
fn settings_of(scripted: &Scripted) -> Settings {
    Settings {
        directory_url: scripted.directory_url.clone(),
        contact: Vec::new(),
        agree_to_terms: true,
        extra_roots: Some(scripted.extra_roots.clone()),
        external_account: None,
        challenge: Challenge::Http01,
        http_address: "127.0.0.1:0".parse().unwrap(),
        certificates: Vec::new(),
        renew_before_days: 30,
        profile: None,
    }
}
