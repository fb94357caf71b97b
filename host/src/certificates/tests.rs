use std::collections::HashSet;
use std::path::Path;

use super::*;

mod archives;
pub(crate) mod authority;
mod keys;
pub(crate) mod openssl;
mod store;

fn store() -> (tempfile::TempDir, CertificateStore) {
    let home = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(&home.path().join("certificates")).unwrap();
    (home, store)
}

fn made() -> (tempfile::TempDir, CertificateStore, Certificate) {
    let (home, store) = store();
    let certificate = store.ensure_default(&["server1.example".to_owned()]).unwrap().certificate;
    (home, store, certificate)
}

fn default_file(home: &tempfile::TempDir, name: &str) -> PathBuf {
    home.path().join("certificates").join(DEFAULT_NAME).join(name)
}

#[test]
fn the_default_certificate_is_made_once() {
    let (_home, store) = store();
    let hosts = ["server1.example".to_owned(), "10.1.2.3".to_owned(), "not a name".to_owned()];
    let first = store.ensure_default(&hosts).unwrap();
    let second = store.ensure_default(&hosts).unwrap();
    assert!(first.created && !second.created);
    assert_eq!(first.certificate.sha256, second.certificate.sha256);
    let names = ["localhost", "127.0.0.1", "::1", "server1.example", "10.1.2.3"];
    assert_eq!(second.certificate.names, names);
    assert!(second.certificate.subject.contains("CN=server1.example"), "{second:?}");
    assert_eq!(second.certificate.warning(jiff::Timestamp::now()), None);
}

#[test]
fn the_default_certificate_is_a_server_certificate_of_a_year_and_no_authority() {
    let (_home, _store, certificate) = made();
    let der = certificate.chain()[0].as_ref();
    let (_, parsed) = x509_parser::parse_x509_certificate(der).unwrap();
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth);
    assert!(!parsed.basic_constraints().unwrap().unwrap().value.ca);
    let seconds = certificate.not_after.as_second() - certificate.not_before.as_second();
    assert_eq!(seconds, 365 * 24 * 60 * 60);
    assert_eq!(parsed.public_key().parsed().unwrap().key_size(), 256);
    assert!(parsed.raw_serial().len() == 16 && parsed.raw_serial()[0] < 0x80);
}

#[test]
fn every_home_has_its_own_key_and_serial_number() {
    let mut keys = HashSet::new();
    let mut serials = HashSet::new();
    for _ in 0..3 {
        let (_home, _store, certificate) = made();
        let der = certificate.chain()[0].as_ref();
        let (_, parsed) = x509_parser::parse_x509_certificate(der).unwrap();
        keys.insert(parsed.public_key().raw.to_vec());
        serials.insert(parsed.raw_serial().to_vec());
    }
    assert_eq!((keys.len(), serials.len()), (3, 3));
}

#[test]
fn processes_that_start_together_agree_on_one_certificate() {
    let (home, store) = store();
    let thumbprints: HashSet<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| store.ensure_default(&[]).unwrap().certificate.sha256))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(thumbprints.len(), 1);
    let left = std::fs::read_dir(home.path().join("certificates")).unwrap().count();
    assert_eq!(left, 1, "unfinished directories are removed");
}

#[cfg(unix)]
#[test]
fn keys_are_private_and_shared_ones_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (home, store, _) = made();
    let key = default_file(&home, KEY_FILE);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&key), mode(key.parent().unwrap())), (0o600, 0o700));
    for shared in [0o640, 0o604, 0o660, 0o644, 0o610] {
        std::fs::set_permissions(&key, PermissionsExt::from_mode(shared)).unwrap();
        let error = store.load(DEFAULT_NAME).unwrap_err();
        assert!(matches!(error, CertificateError::KeyMode { mode, .. } if mode == shared));
        assert!(error.to_string().contains("chmod 600 "), "{error}");
    }
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o400)).unwrap();
    store.load(DEFAULT_NAME).unwrap();
}

#[test]
fn broken_certificates_are_refused_with_their_reason() {
    let (_other_home, _, other) = made();
    let other_pem = {
        let der = other.chain()[0].as_ref();
        pem("CERTIFICATE", der)
    };
    let cases: [(&str, Option<String>, &str); 7] = [
        (CERTIFICATE_FILE, Some(other_pem), "belongs to another certificate"),
        (CERTIFICATE_FILE, Some("nothing".to_owned()), "holds no certificate in PEM"),
        (CERTIFICATE_FILE, Some(pem("CERTIFICATE", b"\x30\x03abc")), "is not a certificate"),
        (CERTIFICATE_FILE, Some("#".repeat(300_000)), "is longer than"),
        (CERTIFICATE_FILE, None, "is missing"),
        (KEY_FILE, Some("nothing".to_owned()), "holds no unencrypted private key"),
        (KEY_FILE, None, "is missing"),
    ];
    for (file, text, expected) in cases {
        let (home, store, _) = made();
        let path = default_file(&home, file);
        match &text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let error = store.ensure_default(&[]).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(file), "{expected}: {error}");
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[test]
fn expiry_is_warned_about_from_thirty_days_on() {
    let (_home, _store, certificate) = made();
    let day = jiff::SignedDuration::from_hours(24);
    let second = jiff::SignedDuration::from_secs(1);
    let end = certificate.not_after;
    assert_eq!(certificate.warning(end - day * 30), None);
    let soon = certificate.warning(end - day * 30 + second).unwrap();
    assert!(matches!(soon, CertificateWarning::ExpiresSoon { days: 29, .. }), "{soon}");
    let last = certificate.warning(end).unwrap();
    assert!(matches!(last, CertificateWarning::ExpiresSoon { days: 0, .. }), "{last}");
    let past = certificate.warning(end + second).unwrap();
    assert!(matches!(past, CertificateWarning::Expired { .. }), "{past}");
    let early = certificate.warning(certificate.not_before - second).unwrap();
    assert!(matches!(early, CertificateWarning::NotYetValid { .. }), "{early}");
}

#[test]
fn thumbprints_are_read_in_any_spelling_and_never_in_part() {
    let sha1 = Thumbprint::sha1(b"abc");
    assert_eq!(sha1.to_string(), "A9993E364706816ABA3E25717850C26C9CD0D89D");
    let cases = [
        ("a9993e364706816aba3e25717850c26c9cd0d89d", Ok(true)),
        ("\u{200e}A9 99 3E 36 47 06 81 6A BA 3E 25 71 78 50 C2 6C 9C D0 D8 9D ", Ok(true)),
        ("A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D", Ok(true)),
        ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", Ok(true)),
        ("a9993e364706816aba3e25717850c26c9cd0d89e", Ok(false)),
        ("", Err(ThumbprintError::Length { digits: 0 })),
        ("a9993e364706816aba3e25717850c26c9cd0d8", Err(ThumbprintError::Length { digits: 38 })),
        (
            "a9993e364706816aba3e25717850c26c9cd0d89d,a9993e364706816aba3e25717850c26c9cd0d89d",
            Err(ThumbprintError::Digit { position: 41 }),
        ),
        ("z9993e364706816aba3e25717850c26c9cd0d89d", Err(ThumbprintError::Digit { position: 1 })),
    ];
    for (text, expected) in cases {
        let found = text.parse::<Thumbprint>().map(|thumbprint| thumbprint.is_of(b"abc"));
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn a_machine_has_at_most_one_name_and_it_can_be_in_a_certificate() {
    let (_home, store) = store();
    let names = machine_host_names();
    let certificate = store.ensure_default(&names).unwrap().certificate;
    for name in names {
        assert!(certificate.names.contains(&name), "{name} is not in {:?}", certificate.names);
    }
}
