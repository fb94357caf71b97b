//! The task that keeps certificates: what it obtains and renews, tells, and how it ends.

use std::fs;
use std::io::Write;
use std::path::Path;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tureen::acme::{Challenge, Settings, obtain, run};

use crate::pebble::Pebble;
use crate::scripted::{Script, Scripted, answer};
use crate::{assert_verifies, order, pair, settings, settings_of};

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
