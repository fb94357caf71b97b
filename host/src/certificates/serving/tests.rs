use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use handshake::{exchange, shown, trusting_anybody};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConnection};

use super::*;
use crate::certificates::tests::authority::{Authority, Issued, write_private};
use crate::certificates::{Bound, CERTIFICATE_FILE, Existing, KEY_FILE, https_config};

mod handshake;

const PORT: u16 = 8443;

struct Home {
    directory: tempfile::TempDir,
    store: CertificateStore,
    serving: Arc<Serving>,
    root: Authority,
}

fn home() -> Home {
    let directory = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(directory.path()).unwrap();
    let serving = Serving::open(directory.path()).unwrap();
    Home { directory, store, serving, root: Authority::root("Root") }
}

impl Home {
    /// Puts a new certificate in the store, in the place of the one that has its name.
    fn put(&self, name: &str) -> Issued {
        let issued = self.root.issue("localhost");
        let new = issued.new_certificate(&[&self.root.der]);
        self.store.save(name, &new, Existing::Replace).unwrap();
        issued
    }

    fn file(&self, name: &str, file: &str) -> PathBuf {
        self.directory.path().join(name).join(file)
    }

    fn bind(&self, name: &str) {
        let change = |all: &mut Assignments| all.bind(PORT, name, true);
        assert_ne!(Assignments::change(self.directory.path(), change).unwrap(), Bound::AlreadyThis);
    }

    fn default_to(&self, name: &str) {
        Assignments::change(self.directory.path(), |all| all.set_default(name)).unwrap();
    }

    fn resolver(&self, wanted: Wanted) -> Arc<dyn ResolvesServerCert> {
        self.serving.resolver(PORT, wanted).unwrap()
    }
}

fn thumbprint(issued: &Issued) -> Wanted {
    Wanted::Thumbprint(Thumbprint::sha256(&issued.der))
}

#[test]
fn the_default_is_made_when_a_port_needs_it_and_not_before() {
    let home = home();
    assert!(home.serving.reload().changed.is_empty());
    assert_eq!(std::fs::read_dir(home.directory.path()).unwrap().count(), 0);
    let resolver = home.resolver(Wanted::Default);
    let default = home.store.load(DEFAULT_NAME).unwrap();
    assert_eq!(shown(&resolver, &[]).unwrap(), default.own());
    assert_eq!(home.serving.bound(PORT), None);
}

#[test]
fn a_port_shows_what_it_is_bound_to_then_what_its_receivers_ask_for_then_the_default() {
    let home = home();
    let (bound, asked, default) = (home.put("bound"), home.put("asked"), home.put("main"));
    home.default_to("main");
    let by_default = home.resolver(Wanted::Default);
    let by_thumbprint = home.resolver(thumbprint(&asked));
    assert_eq!(shown(&by_default, &[]).unwrap(), default.der.as_ref());
    assert_eq!(shown(&by_thumbprint, &[]).unwrap(), asked.der.as_ref());
    home.bind("bound");
    let reloaded = home.serving.reload();
    assert_eq!((reloaded.changed, reloaded.problems.len()), (vec!["bound".to_owned()], 0));
    assert_eq!(home.serving.bound(PORT).as_deref(), Some("bound"));
    assert_eq!(shown(&by_default, &["h2"]).unwrap(), bound.der.as_ref());
    assert_eq!(shown(&by_thumbprint, &["http/1.1"]).unwrap(), bound.der.as_ref());
    Assignments::change(home.directory.path(), |all| all.unbind(PORT)).unwrap();
    home.serving.reload();
    assert_eq!(shown(&by_thumbprint, &[]).unwrap(), asked.der.as_ref());
}

#[test]
fn what_is_not_there_is_refused_when_a_port_asks_for_it() {
    let home = home();
    home.put("one");
    let refused = |wanted| home.serving.resolver(PORT, wanted).unwrap_err().to_string();
    let unknown = Wanted::Thumbprint(Thumbprint::sha1(b"nothing"));
    assert!(refused(unknown).contains("no certificate has the thumbprint"));
    home.bind("two");
    home.serving.reload();
    assert!(refused(Wanted::Default).contains("no certificate is called \"two\""));
    home.bind("one");
    home.serving.reload();
    home.resolver(Wanted::Default);
}

#[test]
fn a_renewed_certificate_is_shown_to_who_asks_for_the_old_thumbprint() {
    let home = home();
    let old = home.put("one");
    let resolver = home.resolver(thumbprint(&old));
    let new = home.put("one");
    assert_eq!(home.serving.reload().changed, ["one"]);
    assert_eq!(shown(&resolver, &[]).unwrap(), new.der.as_ref());
    let warnings = home.serving.warnings(Timestamp::now());
    assert!(matches!(&warnings[..], [CertificateWarning::Renewed { .. }]), "{warnings:?}");
    assert!(home.serving.warnings(Timestamp::now()).is_empty(), "told once");
    // A new process has not seen it happen; the store has.
    let again = Serving::open(home.directory.path()).unwrap();
    let resolver = again.resolver(PORT, thumbprint(&old)).unwrap();
    assert_eq!(shown(&resolver, &[]).unwrap(), new.der.as_ref());
}

#[test]
fn a_certificate_that_is_copied_over_by_hand_is_a_renewal_too() {
    let home = home();
    let old = home.put("one");
    let resolver = home.resolver(thumbprint(&old));
    let new = home.root.issue("localhost");
    std::fs::write(home.file("one", CERTIFICATE_FILE), new.pem()).unwrap();
    // Between the two files the state is a broken one.
    let reloaded = home.serving.reload();
    assert!(reloaded.changed.is_empty());
    assert!(reloaded.problems[0].to_string().contains("belongs to another"), "{reloaded:?}");
    assert_eq!(shown(&resolver, &[]).unwrap(), old.der.as_ref());
    write_private(&home.file("one", KEY_FILE), new.key_pem());
    assert_eq!(home.serving.reload().changed, ["one"]);
    assert_eq!(shown(&resolver, &[]).unwrap(), new.der.as_ref());
}

#[test]
fn a_state_that_cannot_be_used_changes_nothing() {
    let home = home();
    let one = home.put("one");
    home.default_to("one");
    let resolver = home.resolver(Wanted::Default);
    let assignments = home.directory.path().join("assignments.toml");
    let good = std::fs::read(&assignments).unwrap();
    let key = std::fs::read(home.file("one", KEY_FILE)).unwrap();
    let aside = home.directory.path().join(".aside");
    type Step<'a> = (&'a str, Box<dyn Fn() + 'a>, Box<dyn Fn() + 'a>);
    let steps: [Step<'_>; 4] = [
        (
            "unknown field `prots`",
            Box::new(|| write_private(&assignments, "[prots]\n")),
            Box::new(|| write_private(&assignments, &good)),
        ),
        (
            "no certificate is called \"tow\"",
            Box::new(|| write_private(&assignments, "default = \"tow\"")),
            Box::new(|| write_private(&assignments, &good)),
        ),
        (
            "key.pem holds no unencrypted private key",
            Box::new(|| write_private(&home.file("one", KEY_FILE), "")),
            Box::new(|| write_private(&home.file("one", KEY_FILE), &key)),
        ),
        (
            "has gone from the store",
            Box::new(|| std::fs::rename(home.directory.path().join("one"), &aside).unwrap()),
            Box::new(|| std::fs::rename(&aside, home.directory.path().join("one")).unwrap()),
        ),
    ];
    for (expected, spoil, mend) in steps {
        spoil();
        for _ in 0..2 {
            let reloaded = home.serving.reload();
            let problems: Vec<_> = reloaded.problems.iter().map(ToString::to_string).collect();
            assert!(problems.iter().any(|it| it.contains(expected)), "{expected}: {problems:?}");
            assert!(reloaded.changed.is_empty());
            assert_eq!(shown(&resolver, &[]).unwrap(), one.der.as_ref(), "{expected}");
        }
        mend();
        let reloaded = home.serving.reload();
        assert!(reloaded.problems.is_empty() && reloaded.changed.is_empty(), "{reloaded:?}");
    }
}

#[test]
fn an_expiry_is_told_once_at_each_threshold() {
    let home = home();
    home.put("one");
    home.default_to("one");
    home.resolver(Wanted::Default);
    let end = home.store.load("one").unwrap().not_after;
    let day = jiff::SignedDuration::from_hours(24);
    let second = jiff::SignedDuration::from_secs(1);
    let told: Vec<usize> = [40, 30, 29, 20, 10, 6, 5, 3, 1, 0]
        .iter()
        .map(|days| home.serving.warnings(end - day * *days + second).len())
        .collect();
    // Just under 30 days, just under 7 (6 days are the first seen below it), and so on.
    assert_eq!(told, [0, 1, 0, 0, 1, 1, 0, 0, 1, 1]);
    assert!(home.serving.warnings(end + day).is_empty());
}

#[test]
fn a_challenge_is_answered_to_who_asks_for_it_and_to_nobody_else() {
    let home = home();
    let own = home.put("one");
    home.default_to("one");
    let resolver = home.resolver(Wanted::Default);
    let answer = home.root.issue("localhost");
    let key = rustls::pki_types::PrivateKeyDer::try_from(answer.key.serialize_der()).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let certified = CertifiedKey::from_der(vec![answer.der.clone()], key, &provider).unwrap();
    assert_eq!(shown(&resolver, &["acme-tls/1"]), None, "no challenge waits");
    let challenges = home.serving.tls_alpn_challenges();
    challenges.insert("LocalHost", Arc::new(certified));
    assert_eq!(shown(&resolver, &["acme-tls/1"]).unwrap(), answer.der.as_ref());
    assert_eq!(shown(&resolver, &["acme-tls/1", "x"]), None, "not exactly one protocol");
    for alpn in [&["h2", "acme-tls/1"][..], &["http/1.1"], &[]] {
        assert_eq!(shown(&resolver, alpn).unwrap(), own.der.as_ref(), "{alpn:?}");
    }
    challenges.remove("localhost");
    assert_eq!(shown(&resolver, &["acme-tls/1"]), None);
}

#[test]
fn no_handshake_fails_during_replacements_and_each_sees_the_newest() {
    const REPLACEMENTS: usize = 100;
    let home = home();
    let issued = Mutex::new(vec![home.put("one").der.to_vec()]);
    home.default_to("one");
    let server = https_config(home.resolver(Wanted::Default), None).unwrap();
    let client = Arc::new(trusting_anybody(&[]));
    let (published, shaken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while published.load(Ordering::SeqCst) < REPLACEMENTS {
                    let newest = published.load(Ordering::SeqCst);
                    let name = ServerName::try_from("localhost").unwrap();
                    let mut client = ClientConnection::new(Arc::clone(&client), name).unwrap();
                    let mut server = ServerConnection::new(Arc::clone(&server)).unwrap();
                    exchange(&mut client, &mut server);
                    assert!(!client.is_handshaking());
                    let shown = client.peer_certificates().unwrap()[0].to_vec();
                    let at = issued.lock().unwrap().iter().position(|one| *one == shown);
                    assert!(at.unwrap() >= newest, "{at:?} is older than {newest}");
                    shaken.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for number in 1..=REPLACEMENTS {
            let new = home.root.issue("localhost");
            issued.lock().unwrap().push(new.der.to_vec());
            let certificate = new.new_certificate(&[]);
            home.store.save("one", &certificate, Existing::Replace).unwrap();
            let reloaded = home.serving.reload();
            assert!(reloaded.problems.is_empty(), "{reloaded:?}");
            published.store(number, Ordering::SeqCst);
        }
    });
    assert!(shaken.into_inner() >= 4);
}

/// Two connections of one client, which would resume; whether the second did.
fn resumes(version: &'static rustls::SupportedProtocolVersion, checks_clients: bool) -> bool {
    let home = home();
    let client = home.root.issue_with("client", |parameters| {
        parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(home.root.der.clone()).unwrap();
    let roots = Arc::new(roots);
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::clone(&roots),
        Arc::clone(&provider),
    );
    let verifier = checks_clients.then(|| verifier.build().unwrap());
    home.put("one");
    home.default_to("one");
    let server = https_config(home.resolver(Wanted::Default), verifier).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(client.key.serialize_der()).unwrap();
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![client.der.clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let kinds = [(); 2].map(|()| {
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::clone(&config), name).unwrap();
        let mut server = ServerConnection::new(Arc::clone(&server)).unwrap();
        exchange(&mut client, &mut server);
        assert_eq!(server.peer_certificates().is_some(), checks_clients);
        client.handshake_kind().unwrap()
    });
    assert_eq!(kinds[0], rustls::HandshakeKind::Full);
    kinds[1] == rustls::HandshakeKind::Resumed
}

#[test]
fn where_clients_show_a_certificate_nothing_is_resumed() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        assert!(resumes(version, false), "else this test shows nothing");
        assert!(!resumes(version, true), "{:?}", version.version);
    }
}
