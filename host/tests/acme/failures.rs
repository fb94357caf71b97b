//! What an operator is told when no certificate can be obtained; what was there stays.

use std::fs;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tureen::acme::{AcmeError, Challenge, Fault, Settings, TransportError, obtain, run};

use crate::pebble::Pebble;
use crate::scripted::{Script, Scripted, answer};
use crate::{order, pair, settings, settings_of};

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
