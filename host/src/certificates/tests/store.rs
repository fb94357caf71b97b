//! The forms that a certificate may have in the store, and its life there.

use super::authority::{Authority, pem, set_mode, write_private};
use super::*;

fn messages<T: ToString>(all: &[T]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

#[test]
fn every_permutation_of_a_chain_gives_one_result() {
    let root = Authority::root("Root");
    let upper = root.intermediate("Upper");
    let lower = upper.intermediate("Lower");
    let own = lower.issue("server.example");
    let all = [&own.der, &lower.der, &upper.der, &root.der];
    let mut tried = 0;
    for (a, b, c, d) in (0..256).map(|n| (n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6 & 3)) {
        if [a, b, c, d].iter().collect::<HashSet<_>>().len() < 4 {
            continue;
        }
        tried += 1;
        let (_home, store) = store();
        let text = [own.key_pem(), pem(&[all[a], all[b], all[c], all[d]])].concat();
        write_private(&store.directory().join("one.pem"), text);
        let certificate = store.load("one").unwrap();
        assert_eq!(certificate.chain(), [&own.der, &lower.der, &upper.der].map(Clone::clone));
        assert_eq!(certificate.root.as_ref(), Some(&root.der));
        assert_eq!(certificate.warnings, []);
    }
    assert_eq!(tried, 24);
}

#[test]
fn what_does_not_belong_to_a_chain_is_left_out_and_told() {
    let root = Authority::root("Root");
    let lower = root.intermediate("Lower");
    let namesake = Authority::root("Other").intermediate("Lower");
    let own = lower.issue("server.example");
    let cases: [(&[&CertificateDer<'static>], usize, &[&str]); 6] = [
        (&[&lower.der, &root.der], 2, &[]),
        (&[&lower.der], 2, &[]),
        (&[&lower.der, &lower.der, &root.der], 2, &["1 twice, 0 unrelated"]),
        (&[&lower.der, &namesake.der, &root.der], 2, &["0 twice, 1 unrelated"]),
        (&[], 1, &["without that of its issuer (CN=Lower)"]),
        (&[&root.der], 1, &["without that of its issuer (CN=Lower)", "0 twice, 1 unrelated"]),
    ];
    for (others, length, expected) in cases {
        let (_home, store) = store();
        let new = own.new_certificate(others);
        store.save("one", &new, Existing::Refuse).unwrap();
        let certificate = store.load("one").unwrap();
        assert_eq!(certificate.chain().len(), length);
        let warnings = messages(&certificate.warnings);
        assert_eq!(warnings.len(), expected.len(), "{warnings:?}");
        for (warning, expected) in warnings.iter().zip(expected) {
            assert!(warning.contains(expected), "{expected}: {warning}");
        }
    }
}

#[test]
fn files_that_are_dropped_in_are_taken_in_each_form_and_a_bad_one_hides_none() {
    let (_home, store) = store();
    let root = Authority::root("Root");
    let at = |name: &str| store.directory().join(name);
    let own = root.issue("a.example");
    write_private(&at("together.pem"), own.pem() + &own.key_pem());
    std::fs::write(at("pair.crt"), own.pem()).unwrap();
    write_private(&at("pair.key"), own.key_pem());
    std::fs::write(at("binary.cer"), &own.der).unwrap();
    write_private(&at("binary.key"), own.key.serialize_der());
    store.save("folder", &own.new_certificate(&[&root.der]), Existing::Refuse).unwrap();
    // Each of these is a problem of its own.
    std::fs::write(at("lonely.crt"), own.pem()).unwrap();
    write_private(&at("other.pem"), own.pem() + &root.issue("b.example").key_pem());
    std::fs::write(at("open.pem"), own.pem() + &own.key_pem()).unwrap();
    set_mode(&at("open.pem"), 0o644);
    write_private(&at("cut.pfx"), b"\x30\x82\x09\x01\x02\x01\x03\x30\x82");
    write_private(&at("folder.pem"), own.pem() + &own.key_pem());
    write_private(&at("what is this.pem"), "");
    write_private(&at("trusted.pem"), "");
    // These are nobody's business.
    std::fs::write(at("README"), "").unwrap();
    std::fs::create_dir(at("trusted")).unwrap();
    std::fs::create_dir(at("acme")).unwrap();
    std::fs::create_dir(at("folder.before-20260101")).unwrap();
    let scan = store.scan().unwrap();
    let names: Vec<_> = scan.certificates.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["binary", "folder", "pair", "together"]);
    let problems = messages(&scan.problems);
    let expected = [
        "both called \"folder\"",
        "\"what is this\" cannot be the name",
        "\"trusted\" cannot be the name",
        "cut.pfx is damaged: it ends too early",
        "lonely.key is missing",
        "open.pem (mode 644). Take it from them: chmod 600",
        "belongs to another certificate",
    ];
    for expected in expected {
        assert!(problems.iter().any(|it| it.contains(expected)), "{expected}: {problems:#?}");
    }
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    // What cannot be used can still be replaced and removed.
    for name in ["lonely", "open", "cut"] {
        store.save(name, &own.new_certificate(&[]), Existing::Replace).unwrap().unwrap();
        assert_eq!(store.load(name).unwrap().own(), own.der.as_ref());
    }
    std::fs::write(at("half.crt"), own.pem()).unwrap();
    for name in ["half", "other", "pair", "folder"] {
        store.remove(name).unwrap();
    }
    assert!(!at("half.crt").exists() && !at("pair.key").exists() && !at("folder").exists());
}

#[test]
fn a_pipe_in_the_store_makes_nobody_wait() {
    let (_home, store) = store();
    let pipe = store.directory().join("pipe.pem");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let scan = store.scan().unwrap();
    assert!(messages(&scan.problems)[0].contains("is not a file"), "{:?}", scan.problems);
}

#[test]
fn a_replaced_certificate_is_kept_aside_and_its_thumbprints_remembered() {
    let (_home, store) = store();
    let root = Authority::root("Root");
    let save = |existing| {
        let own = root.issue("a.example").new_certificate(&[&root.der]);
        store.save("one", &own, existing)
    };
    save(Existing::Refuse).unwrap();
    let first = store.load("one").unwrap();
    let refused = save(Existing::Refuse).unwrap_err();
    assert!(matches!(refused, CertificateError::Exists { .. }), "{refused}");
    let aside = save(Existing::Replace).unwrap().unwrap();
    save(Existing::Replace).unwrap().unwrap();
    let third = store.load("one").unwrap();
    assert!(aside.join(KEY_FILE).is_file());
    assert_ne!(first.sha256, third.sha256);
    assert_eq!(third.formerly.len(), 4, "two of each of two");
    assert!(third.formerly.contains(&first.sha1) && third.formerly.contains(&first.sha256));
    assert_eq!(store.scan().unwrap().certificates.len(), 1, "what is aside is not scanned");
    assert_eq!(store.find(&third.sha1).unwrap().name, "one");
    assert!(store.find(&first.sha1).is_err(), "the former one itself is not there");
    store.remove("one").unwrap();
    assert!(matches!(store.remove("one"), Err(CertificateError::NotFound { .. })));
}

#[test]
fn a_dropped_file_is_replaced_by_a_folder_and_kept() {
    let (_home, store) = store();
    let root = Authority::root("Root");
    let old = root.issue("a.example");
    write_private(&store.directory().join("one.pem"), old.pem() + &old.key_pem());
    let new = root.issue("a.example");
    store.save("one", &new.new_certificate(&[]), Existing::Replace).unwrap().unwrap();
    assert_eq!(store.load("one").unwrap().own(), new.der.as_ref());
    let scan = store.scan().unwrap();
    assert_eq!((scan.certificates.len(), scan.problems.len()), (1, 0), "{:?}", scan.problems);
}

#[test]
fn the_newest_of_several_certificates_for_a_key_is_used() {
    let (_home, store) = store();
    let root = Authority::root("Root");
    let own = root.issue("a.example");
    let newer = root.certify("a.example", &own.key, |parameters| {
        parameters.not_before = rcgen::date_time_ymd(2026, 2, 1);
    });
    let new = own.new_certificate(&[&newer]);
    store.save("one", &new, Existing::Refuse).unwrap();
    let newest = store.load("one").unwrap();
    let dates = [&own.der, &newer].map(|der| inspect::facts(der).unwrap().not_before);
    assert_eq!(newest.not_before, *dates.iter().max().unwrap());
}

#[test]
fn what_clients_would_refuse_is_warned_about() {
    let (_home, store) = store();
    let root = Authority::root("Root");
    let own = root.issue_with("a.example", |parameters| {
        parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        parameters.subject_alt_names.clear();
    });
    store.save("one", &own.new_certificate(&[&root.der]), Existing::Refuse).unwrap();
    let warnings = messages(&store.load("one").unwrap().warnings);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("no serverAuth") && warnings[1].contains("names no host"));
}

#[test]
fn an_issuer_that_has_expired_is_warned_about() {
    let (_home, store) = store();
    let root = Authority::root("Root");
    // Two days after the server's own certificate begins.
    let lower = root.intermediate_with("Lower", |parameters| {
        parameters.not_after = rcgen::date_time_ymd(parameters.not_before.year(), 1, 3);
    });
    let own = lower.issue("a.example");
    store.save("one", &own.new_certificate(&[&lower.der]), Existing::Refuse).unwrap();
    let certificate = store.load("one").unwrap();
    let day = |day: i64| {
        certificate.warning(certificate.not_before + jiff::SignedDuration::from_hours(24 * day))
    };
    let issuer = day(3);
    assert!(matches!(issuer, Some(CertificateWarning::IssuerExpired { .. })), "{issuer:?}");
    assert_eq!(day(1), None);
}

#[test]
fn names_are_those_of_files_and_never_thumbprints() {
    let long = "x".repeat(65);
    let thumbprint = "a9993e364706816aba3e25717850c26c9cd0d89d";
    let bad = ["", ".x", "-x", "a/b", "a b", "trusted", "ACME", "x.before-1", &long, thumbprint];
    let files = ["assignments.toml", "Assignments.TOML", "assignments", ".assignments.lock"];
    for name in bad.into_iter().chain(files).chain(["assignments.toml.new-0a"]) {
        assert!(matches!(check_name(name), Err(CertificateError::Name { .. })), "{name:?}");
    }
    for name in ["default", "www.example.org", "server_1", "müller", "a@b"] {
        check_name(name).unwrap();
    }
}

#[test]
fn a_thumbprint_means_a_certificate_wherever_one_is_named() {
    let (_home, store, certificate) = made();
    let spaced: String = certificate.sha1.to_string().chars().flat_map(|it| [it, ' ']).collect();
    for text in [
        "default".to_owned(),
        " default\u{200e}".to_owned(),
        certificate.sha256.to_string().to_lowercase(),
        format!("\u{200e}{spaced}"),
    ] {
        assert_eq!(store.named(&text).unwrap().sha256, certificate.sha256, "{text:?}");
    }
    let other = Thumbprint::sha1(b"other").to_string();
    let error = store.named(&other).unwrap_err().to_string();
    assert!(error.contains(&other), "{error}");
}
