//! Files of authorities and revocation lists.

use jiff::Timestamp;
use rcgen::date_time_ymd;

use super::pki::*;
use crate::client_certificates::*;

fn now() -> Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

fn error(bundles: &[std::path::PathBuf], lists: &[std::path::PathBuf]) -> String {
    let error = Authorities::load(bundles, lists, now()).unwrap_err();
    let text = error.to_string();
    let variant = format!("{error:?}");
    let variant = variant.split([' ', '{']).next().unwrap_or_default().to_owned();
    format!("{variant}: {text}")
}

#[test]
fn bundles_and_lists_are_read_in_every_form() {
    let (root, other) = (authority("root"), authority("other"));
    let list = revocation_list(&root, 2100, &[]);
    let two = format!("# ours\n{}{}", root.pem(), other.pem());
    let files = Files::new();
    let bundles = [files.write(&two), files.write(der(&root))];
    let other_list = revocation_list(&other, 2100, &[]);
    let lists = format!("{}{}", pem("X509 CRL", &list), pem("X509 CRL", &other_list));
    let lists = [files.write(lists), files.write(&list)];
    let (authorities, warnings) = Authorities::load(&bundles, &lists, now()).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(format!("{authorities:?}"), "Authorities { authorities: 3, revocation_lists: 3 }");
}

#[test]
fn each_problem_names_its_file() {
    let root = authority("root");
    let files = Files::new();
    let good = files.write(root.pem());
    let missing = good.with_file_name("missing");
    let broken_certificate = format!("{}{}", root.pem(), pem("CERTIFICATE", b"\x30\x01\x00"));
    let broken_list = revocation_list(&root, 2100, &[]);
    let broken_list = &broken_list[..broken_list.len() - 1];
    let half = root.pem().replace("-----END CERTIFICATE-----", "");
    let cases = [
        (missing.clone(), None, "Read"),
        (files.write(""), None, "Nothing"),
        (files.write("hello"), None, "Nothing"),
        (files.write(pem("PRIVATE KEY", b"secret")), None, "Nothing"),
        (files.write(half), None, "Pem"),
        (files.write(broken_certificate), None, "Certificate"),
        (files.write(self_signed(&params("client")).chain[0].clone()), None, "NoAuthority"),
        (good.clone(), Some(missing), "Read"),
        (good.clone(), Some(files.write(root.pem())), "Nothing"),
        (good.clone(), Some(files.write(broken_list)), "RevocationList"),
    ];
    for (bundle, list, expected) in cases {
        let wrong = list.clone().unwrap_or_else(|| bundle.clone());
        let lists: Vec<_> = list.into_iter().collect();
        let found = error(&[bundle], &lists);
        assert!(found.starts_with(expected), "expected {expected}, found {found}");
        let named = found.contains(&wrong.display().to_string());
        assert!(named || expected == "NoAuthority", "{found}");
    }
    assert!(error(&[], &[]).starts_with("NoAuthority"));
}

#[test]
fn a_file_that_is_too_long_is_not_read_to_its_end() {
    let files = Files::new();
    let path = files.write("");
    std::fs::File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(FILE_BYTES_MAX + 1))
        .unwrap();
    assert!(error(&[path], &[]).starts_with("TooLong"));
}

#[test]
fn what_will_cease_to_work_is_told_before() {
    let (root, other) = (authority("root"), authority("other"));
    let mut old = authority_params("old");
    old.not_after = date_time_ymd(2025, 1, 1);
    let old = rcgen::CertifiedIssuer::self_signed(old, rcgen::KeyPair::generate().unwrap());
    let files = Files::new();
    let client = self_signed(&params("client"));
    let bundles =
        [files.write(der(&root)), files.write(der(&old.unwrap())), files.write(&client.chain[0])];
    let lists = [revocation_list(&root, 2027, &[]), revocation_list(&other, 2100, &[])]
        .map(|list| files.write(&list));
    let (authorities, warnings) = Authorities::load(&bundles, &lists, now()).unwrap();
    let kinds = |warnings: &[AuthorityWarning]| -> Vec<(String, bool)> {
        let kind = |warning: &AuthorityWarning| {
            let text = format!("{warning:?}");
            (text.split(' ').next().unwrap().to_owned(), warning.is_alarm())
        };
        warnings.iter().map(kind).collect()
    };
    let standing = [("NotAnAuthority", false), ("AuthorityExpired", false)];
    let check = |warnings: &[AuthorityWarning], of_root: &[(&str, bool)]| {
        let expected = standing.iter().chain(of_root).chain(&[("ListOfUnknownIssuer", false)]);
        let expected: Vec<_> = expected.map(|(kind, alarm)| ((*kind).to_owned(), *alarm)).collect();
        assert_eq!(kinds(warnings), expected);
    };
    check(&warnings, &[]);
    let at = |text: &str| authorities.warnings(text.parse().unwrap());
    check(&at("2026-12-28T23:59:59Z"), &[]);
    check(&at("2026-12-29T00:00:01Z"), &[("ListExpiresSoon", false)]);
    check(&at("2027-01-01T00:00:00Z"), &[("ListExpired", true)]);
}

proptest::proptest! {
    /// Whatever a client or a file holds: it is read or refused, and the rest goes on.
    #[test]
    fn changed_bytes_are_read_or_refused(
        changes in proptest::collection::vec((0_usize..2_000, proptest::prelude::any::<u8>()), 1..8)
    ) {
        let (root, certificate, list) = &*SAMPLES;
        let change = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            for (at, value) in &changes {
                let at = at % bytes.len();
                bytes[at] = *value;
            }
            bytes
        };
        let changed = change(certificate);
        let differs = changed != *certificate;
        if let Ok(parsed) = ClientCertificate::parse(vec![changed.into()], usize::MAX) {
            let policy = issued_by_files(root, list);
            let accepted = policy.judge(Some(&parsed), now()).is_ok();
            proptest::prop_assert!(!(accepted && differs), "a changed certificate was accepted");
        }
        let files = Files::new();
        let (root, list) = (files.write(change(root)), files.write(change(list)));
        // Read or refused: both are fine, a panic is not.
        let _ = Authorities::load(&[root], &[list], now());
    }
}

static SAMPLES: std::sync::LazyLock<(Vec<u8>, Vec<u8>, Vec<u8>)> = std::sync::LazyLock::new(|| {
    let root = authority("root");
    let certificate = client(&client_params("partner", 1), &root, &[]).chain[0].to_vec();
    (der(&root).to_vec(), certificate, revocation_list(&root, 2100, &[7]).to_vec())
});

fn issued_by_files(root: &[u8], list: &[u8]) -> ClientPolicy {
    let files = Files::new();
    let (root, list) = (files.write(root), files.write(list));
    let authorities = Authorities::load(&[root], &[list], now()).unwrap().0;
    ClientPolicy::new(Vec::new(), Some(authorities)).unwrap()
}
