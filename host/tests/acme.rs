//! Certificates by ACME from a real authority, pebble, which verifies hosts over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test did not expect ends it"
)]

#[path = "acme/pebble.rs"]
mod pebble;
#[path = "acme/scripted.rs"]
mod scripted;

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pebble::{EXTERNAL_HMAC_KEY, EXTERNAL_KEY_ID, Pebble};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use scripted::{Script, Scripted, answer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tureen::acme::{
    AcmeError, Challenge, ExternalAccount, Fault, Order, Settings, TLS_ALPN_PROTOCOL,
    TlsAlpnChallenges, TransportError, obtain, run,
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

#[tokio::test]
async fn a_host_that_leads_elsewhere_is_named_and_the_old_certificate_stays() {
    let pebble = Pebble::start();
    let store = tempfile::tempdir().unwrap();
    let settings = settings(&pebble);
    obtain(&settings, &order("front", &["hl7.example"]), store.path(), None).await.unwrap();
    let before = pair(store.path(), "front");

    // Nothing listens there.
    pebble.set_address("elsewhere.example", "127.0.0.99");
    let wrong = order("front", &["hl7.example", "elsewhere.example"]);
    let error = obtain(&settings, &wrong, store.path(), None).await.unwrap_err();
    let AcmeError::NotVerified { host, challenge, refusal } = &error else { panic!("{error}") };
    assert_eq!((host.as_str(), *challenge), ("elsewhere.example", Challenge::Http01));
    assert_eq!(refusal.problem_type, "connection", "{error}");
    assert_eq!(error.fault(), Fault::Operator);
    let text = error.to_string();
    for part in ["elsewhere.example", "http-01", "port 80", "DNS records"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(pair(store.path(), "front"), before, "what was there stays");
    TcpListener::bind(pebble.http_address).await.expect("the address of http-01 is free");
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

fn directory_of(url: &str) -> String {
    let directory = serde_json::json!({
        "newNonce": format!("{url}/nonce"),
        "newAccount": format!("{url}/account"),
        "newOrder": format!("{url}/order"),
    });
    answer(200, "", &directory.to_string())
}

#[tokio::test]
async fn an_authority_that_wants_to_be_left_alone_says_how_long() {
    let problem = serde_json::json!({
        "type": "urn:ietf:params:acme:error:rateLimited",
        "detail": "too many registrations from this address",
    });
    let problem = problem.to_string();
    let type_of_problem = "Content-Type: application/problem+json\r\n";
    let limited = format!("{type_of_problem}Retry-After: 3600\r\n");
    let busy = answer(503, "Retry-After: 120\r\n", "<html>busy</html>");
    let cases = [
        (
            "limit",
            "/account",
            answer(429, &limited, &problem),
            Some(3600),
            "wait",
            Fault::Authority,
        ),
        (
            "limit without a time",
            "/account",
            answer(429, type_of_problem, &problem),
            None,
            "too many registrations",
            Fault::Authority,
        ),
        ("busy directory", "/dir", busy.clone(), Some(120), "busy", Fault::Network),
        ("busy nonce", "/nonce", busy.clone(), Some(120), "busy", Fault::Network),
        ("busy account", "/account", busy, Some(120), "busy", Fault::Network),
    ];
    for (case, path, said, seconds, expected, fault) in cases {
        let scripted = Scripted::start(|url| {
            let mut script =
                Script::from([("/dir", directory_of(url)), ("/nonce", answer(200, "", ""))]);
            script.insert(path, said);
            script
        });
        let scripted = scripted.await;
        let store = tempfile::tempdir().unwrap();
        let order = order("front", &["hl7.example"]);
        let placed = obtain(&settings_of(&scripted), &order, store.path(), None).await;
        let error = placed.unwrap_err();
        assert_eq!(error.retry_after(), seconds.map(Duration::from_secs), "{case}: {error:?}");
        assert_eq!(error.fault(), fault, "{case}");
        let text = format!("{:#}", anyhow::Error::from(error));
        assert!(text.contains(expected), "{case}: {text}");
    }
}

/// The first lines of the log of a run, up to the first that has this in it.
async fn log_up_to(
    part: &str,
    level: tracing::Level,
    settings: Settings,
    store: &Path,
) -> Vec<String> {
    let (sender, mut receiver) = mpsc::channel(1000);
    let writer = LogLines(sender);
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(level)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let installed = |name: &str| panic!("{name} was installed");
    let running = run(settings, store.to_owned(), None, CancellationToken::new(), installed);
    tokio::pin!(running);
    let mut lines: Vec<String> = Vec::new();
    while !lines.last().is_some_and(|line| line.contains(part)) {
        tokio::select! {
            line = receiver.recv() => lines.push(line.unwrap()),
            ended = &mut running => panic!("{ended:?}"),
        }
    }
    lines
}

#[tokio::test]
async fn a_certificate_is_renewed_early_when_the_authority_says_so() {
    let scripted = Scripted::start(|url| {
        let directory = serde_json::json!({
            "newNonce": format!("{url}/nonce"),
            "newAccount": format!("{url}/account"),
            "newOrder": format!("{url}/order"),
            "renewalInfo": format!("{url}/renewal"),
        });
        let window = serde_json::json!({ "suggestedWindow": {
            "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z",
        }});
        let location = format!("Location: {url}/account/1\r\n");
        Script::from([
            ("/dir", answer(200, "", &directory.to_string())),
            ("/nonce", answer(200, "", "")),
            ("/account", answer(201, &location, "{}")),
            // The key identifier of the issuer and the serial number, in base64url.
            ("/renewal/AQID.BAUG", answer(200, "Retry-After: 60\r\n", &window.to_string())),
        ])
    });
    let scripted = scripted.await;
    let store = tempfile::tempdir().unwrap();
    let mut settings = settings_of(&scripted);
    settings.certificates = vec![order("front", &["hl7.example"])];
    // Registers the account; the order is refused.
    obtain(&settings, &settings.certificates[0], store.path(), None).await.unwrap_err();
    let front = store.path().join("front");
    fs::create_dir(&front).unwrap();
    let (chain, key) = issued_by_another("hl7.example");
    fs::write(front.join("certificate.pem"), chain).unwrap();
    fs::write(front.join("key.pem"), key).unwrap();
    let origin = serde_json::json!({ "directory": settings.directory_url });
    fs::write(front.join("acme.json"), origin.to_string()).unwrap();
    let part = "the certificate is obtained by ACME: the authority wants it to be renewed already";
    let lines = log_up_to(part, tracing::Level::INFO, settings, store.path()).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
}

/// Far from expiring, under an issuer with the key identifier 01 02 03, with the serial 04 05 06.
fn issued_by_another(host: &str) -> (String, String) {
    let mut issuer = rcgen::CertificateParams::new([]).unwrap();
    issuer.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(vec![1, 2, 3]);
    let issuer = rcgen::Issuer::new(issuer, rcgen::KeyPair::generate().unwrap());
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new([host.to_owned()]).unwrap();
    parameters.serial_number = Some(rcgen::SerialNumber::from_slice(&[4, 5, 6]));
    parameters.use_authority_key_identifier_extension = true;
    (parameters.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let scripted =
        Scripted::start(|_| Script::from([("/dir", answer(200, "", &"x".repeat(257 * 1024)))]));
    let scripted = scripted.await;
    let store = tempfile::tempdir().unwrap();
    let order = order("front", &["hl7.example"]);
    let error = obtain(&settings_of(&scripted), &order, store.path(), None).await.unwrap_err();
    let AcmeError::Unreachable { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(source, TransportError::TooLong { .. }), "{source:?}");
}

#[tokio::test]
async fn stopping_ends_an_order_and_frees_the_address_of_http_01() {
    // Takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let responder = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let store = tempfile::tempdir().unwrap();
    let settings = Settings {
        directory_url: format!("https://{}/dir", silent.local_addr().unwrap()),
        contact: Vec::new(),
        agree_to_terms: true,
        extra_roots: None,
        external_account: None,
        challenge: Challenge::Http01,
        http_address: responder,
        certificates: vec![order("front", &["hl7.example"])],
        renew_before_days: 30,
        profile: None,
    };
    let stop = CancellationToken::new();
    let directory = store.path().to_owned();
    let running = tokio::spawn(run(settings, directory, None, stop.clone(), |_| {}));
    let _order = silent.accept().await.unwrap();
    assert!(TcpListener::bind(responder).await.is_err(), "http-01 is answered");
    stop.cancel();
    running.await.unwrap().unwrap();
    // The responder ends by itself, a moment later.
    while TcpListener::bind(responder).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn nothing_is_sent_before_the_terms_are_agreed_to() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let store = tempfile::tempdir().unwrap();
    let settings = Settings {
        directory_url: format!("https://{}/dir", listener.local_addr().unwrap()),
        contact: Vec::new(),
        agree_to_terms: false,
        extra_roots: None,
        external_account: None,
        challenge: Challenge::Http01,
        http_address: "127.0.0.1:0".parse().unwrap(),
        certificates: vec![order("front", &["hl7.example"])],
        renew_before_days: 30,
        profile: None,
    };
    let stop = CancellationToken::new();
    let directory = store.path().to_owned();
    let placed = obtain(&settings, &settings.certificates[0], store.path(), None).await;
    let kept = run(settings, directory, None, stop, |_| {}).await;
    for error in [placed.unwrap_err(), kept.unwrap_err()] {
        assert!(matches!(error, AcmeError::TermsNotAgreed { .. }), "{error}");
        assert!(error.to_string().contains("acme.agree_to_terms"), "{error}");
    }
    let connection = listener.accept();
    assert_eq!(connection.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert!(fs::read_dir(store.path()).unwrap().next().is_none(), "nothing is written");
}

#[tokio::test]
async fn what_stands_in_the_way_to_the_authority_is_told_apart() {
    let pebble = Pebble::start();
    let store = tempfile::tempdir().unwrap();
    let order = order("front", &["hl7.example"]);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let cases: [(&str, Settings, &str); 6] = [
        ("untrusted", Settings { extra_roots: None, ..settings(&pebble) }, "acme.extra_roots"),
        (
            "nobody",
            Settings { directory_url: format!("https://{nobody}/dir"), ..settings(&pebble) },
            "no usable answer from the authority",
        ),
        (
            "not ACME",
            Settings { directory_url: format!("{}x", pebble.directory_url), ..settings(&pebble) },
            "no usable answer from the authority",
        ),
        (
            "unknown name",
            Settings { directory_url: "https://ca.invalid/dir".into(), ..settings(&pebble) },
            "no usable answer from the authority",
        ),
        (
            "unknown profile",
            Settings { profile: Some("shortlived".into()), ..settings(&pebble) },
            "acme.profile",
        ),
        (
            "port taken",
            Settings { http_address: held.local_addr().unwrap(), ..settings(&pebble) },
            "another program",
        ),
    ];
    for (case, settings, expected) in cases {
        let error = obtain(&settings, &order, store.path(), None).await.unwrap_err();
        let text = format!("{:#}", anyhow::Error::from(error));
        assert!(text.contains(expected), "{case}: {text}");
        assert!(!store.path().join("front").exists(), "{case}");
    }
    let not_acme =
        Settings { directory_url: format!("{}x", pebble.directory_url), ..settings(&pebble) };
    let error = obtain(&not_acme, &order, store.path(), None).await.unwrap_err();
    let AcmeError::Unreachable { source: TransportError::Status { status, .. }, .. } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(status.as_u16(), 404);
    assert_eq!(error.fault(), Fault::Network);
}

/// Runs until it has installed as many certificates as there are.
async fn run_until_installed(settings: &Settings, store: &Path) -> Vec<String> {
    let stop = CancellationToken::new();
    let (sender, mut receiver) = mpsc::channel(8);
    let installed = move |name: &str| sender.try_send(name.to_owned()).unwrap();
    // As the server does: the future goes to another thread.
    let running =
        tokio::spawn(run(settings.clone(), store.to_owned(), None, stop.clone(), installed));
    let mut names = Vec::new();
    for _ in &settings.certificates {
        names.push(receiver.recv().await.expect("it runs"));
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    names
}

#[tokio::test]
async fn what_is_missing_is_obtained_and_what_is_due_is_renewed() {
    let pebble = Pebble::start();
    let store = tempfile::tempdir().unwrap();
    let mut settings = settings(&pebble);
    settings.certificates =
        vec![order("front", &["hl7.example"]), order("back", &["back.example"])];
    let mut names = run_until_installed(&settings, store.path()).await;
    names.sort();
    assert_eq!(names, ["back", "front"]);
    assert_verifies(&pebble, store.path(), "back", "back.example");

    // Other hosts; "back" is not due, and nothing is told of it.
    let back = pair(store.path(), "back");
    settings.certificates = vec![order("front", &["hl7.example", "new.example"])];
    assert_eq!(run_until_installed(&settings, store.path()).await, ["front"]);
    assert_verifies(&pebble, store.path(), "front", "new.example");

    // Nearly expired, and one that an operator put there.
    let front = store.path().join("front");
    let origin = fs::read(front.join("acme.json")).unwrap();
    for (days_left, keeps_origin) in [(5, true), (90, false)] {
        let (chain, key) = self_made(&["hl7.example", "new.example"], days_left);
        fs::write(front.join("certificate.pem"), &chain).unwrap();
        fs::write(front.join("key.pem"), key).unwrap();
        if keeps_origin {
            fs::write(front.join("acme.json"), &origin).unwrap();
        } else {
            fs::remove_file(front.join("acme.json")).unwrap();
        }
        assert_eq!(run_until_installed(&settings, store.path()).await, ["front"]);
        assert_ne!(pair(store.path(), "front").0, chain);
        assert_verifies(&pebble, store.path(), "front", "hl7.example");
    }
    assert_eq!(pair(store.path(), "back"), back);
}

/// A certificate of 90 days.
fn self_made(hosts: &[&str], days_left: i64) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut parameters = rcgen::CertificateParams::new(hosts).unwrap();
    let today = jiff::Zoned::now().date();
    let at = |days: i64| {
        let date = today.saturating_add(jiff::Span::new().days(days));
        let [month, day] = [date.month(), date.day()].map(i8::unsigned_abs);
        rcgen::date_time_ymd(date.year().into(), month, day)
    };
    parameters.not_before = at(days_left - 90);
    parameters.not_after = at(days_left);
    (parameters.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// Where the log goes, line by line.
#[derive(Clone)]
struct LogLines(mpsc::Sender<String>);

impl Write for LogLines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.try_send(String::from_utf8_lossy(line).into_owned()).unwrap();
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failed_renewal_is_told_in_one_line_an_operator_can_act_on() {
    let pebble = Pebble::start();
    let store = tempfile::tempdir().unwrap();
    let mut settings = settings(&pebble);
    let outcome =
        obtain(&settings, &order("front", &["hl7.example"]), store.path(), None).await.unwrap();
    let before = pair(store.path(), "front");
    pebble.set_address("elsewhere.example", "127.0.0.99");
    settings.certificates = vec![order("front", &["hl7.example", "elsewhere.example"])];

    let part = "no certificate was obtained";
    let mut lines = log_up_to(part, tracing::Level::WARN, settings, store.path()).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = lines.remove(0);
    for part in [
        "front",
        "elsewhere.example",
        "http-01",
        "connection: ",
        "DNS records",
        &format!("goes on being served until {}", outcome.not_after),
        "the next attempt is in ",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    assert_eq!(pair(store.path(), "front"), before);
}
