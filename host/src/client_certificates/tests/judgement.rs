//! Judgements over time, and what they say.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rcgen::date_time_ymd;
use rustls::server::danger::ClientCertVerifier;

use super::pki::*;
use crate::certificates::Thumbprint;
use crate::client_certificates::*;

fn parse(client: &Client) -> Arc<ClientCertificate> {
    Arc::new(ClientCertificate::parse(client.chain.clone(), usize::MAX).unwrap())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_certificate_tells_its_names_and_digits() {
    let root = authority("root, of \"all\"");
    let certificate = parse(&client(&client_params("partner", 0x00ab_cdef), &root, &[]));
    assert_eq!(certificate.subject, "CN=partner");
    assert_eq!(certificate.issuer, "CN=root\\, of \\\"all\\\"");
    assert_eq!(certificate.serial, "ABCDEF");
    assert_eq!(certificate.sha1, Thumbprint::sha1(certificate.der()));
    assert_eq!(certificate.sha256, Thumbprint::sha256(certificate.der()));
    assert_eq!(certificate.not_after, at("2100-01-01T00:00:00Z"));
    assert_eq!(certificate.issuers().len(), 0);
}

#[test]
fn a_certificate_without_an_end_does_not_end() {
    let mut params = client_params("partner", 1);
    params.not_after = date_time_ymd(9999, 12, 31);
    let client = self_signed(&params);
    let certificate = parse(&client);
    assert_eq!(certificate.not_after, Timestamp::MAX);
    assert_eq!(pinned(&client).judge(Some(&certificate), Timestamp::now()), Ok(()));
}

/// Certificates that a proxy forwards see no handshake: reading them must refuse as much.
#[test]
fn what_a_handshake_would_refuse_is_not_read() {
    let mut params = client_params("partner", 1);
    let mut unknown = rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    unknown.set_criticality(true);
    params.custom_extensions = vec![unknown];
    let critical = self_signed(&params).chain;
    let good = self_signed(&client_params("partner", 1)).chain;
    let mut first_version = good[0].to_vec();
    let version = [0xa0, 3, 2, 1, 2];
    let at = first_version.windows(version.len()).position(|window| window == version).unwrap();
    first_version[at + version.len() - 1] = 0;
    let second = |der: &[u8]| vec![good[0].clone(), der.to_vec().into()];
    let cases = [
        (good.clone(), None),
        (critical, Some("UnsupportedCriticalExtension")),
        (second(&first_version), None),
        (vec![first_version.into()], Some("its version is 1")),
        (second(b"garbage"), Some("")),
        (Vec::new(), Some("there is none")),
    ];
    for (chain, expected) in cases {
        let found = ClientCertificate::parse(chain, usize::MAX);
        match (found, expected) {
            (Ok(_), None) => {}
            (Err(ClientRefusal::Malformed { reason }), Some(part)) => {
                assert!(reason.contains(part), "{reason}");
            }
            (found, expected) => panic!("expected {expected:?}, found {found:?}"),
        }
    }
}

#[test]
fn no_policy_expects_nothing() {
    assert_eq!(ClientPolicy::new(Vec::new(), None).unwrap_err(), EmptyPolicy);
}

#[test]
fn dates_hold_to_the_second() {
    let client = self_signed(&client_params("partner", 1));
    let (policy, certificate) = (pinned(&client), parse(&client));
    let judged = JudgedClient::default();
    let cases = [
        ("2019-12-31T23:59:59Z", false),
        ("2020-01-01T00:00:00Z", true),
        ("2050-01-01T00:00:00Z", true),
        ("2100-01-01T00:00:00Z", true),
        ("2100-01-01T00:00:00.5Z", true),
        ("2100-01-01T00:00:01Z", false),
        // The clock goes back.
        ("2100-01-01T00:00:00Z", true),
        ("2019-12-31T23:59:59Z", false),
    ];
    for (now, expected) in cases {
        let direct = policy.judge(Some(&certificate), at(now));
        assert_eq!(direct.is_ok(), expected, "{now}: {direct:?}");
        let remembered = judged.judge(&policy, Some(&certificate), at(now));
        assert_eq!(remembered.map_err(|it| (*it).clone()), direct, "{now}");
    }
}

#[test]
fn a_remembered_judgement_ends_with_the_list_that_it_rests_on() {
    let root = authority("root");
    let client = client(&client_params("partner", 1), &root, &[]);
    let certificate = parse(&client);
    let policy = issued_by(&[&root], &[revocation_list(&root, 2030, &[])]);
    let judged = JudgedClient::default();
    let judge = |now| judged.judge(&policy, Some(&certificate), at(now));
    assert_eq!(judge("2029-12-31T23:59:58Z"), Ok(()));
    assert_eq!(judge("2029-12-31T23:59:59Z"), Ok(()));
    let refusal = judge("2030-01-01T00:00:00Z").unwrap_err();
    assert_eq!(variant(&refusal), "RevocationListExpired");
}

#[test]
fn another_policy_or_certificate_is_judged_anew() {
    let root = authority("root");
    let (one, two) = (
        client(&client_params("one", 1), &root, &[]),
        client(&client_params("two", 2), &root, &[]),
    );
    let (one_parsed, two_parsed) = (parse(&one), parse(&two));
    let before = issued_by(&[&root], &[revocation_list(&root, 2100, &[])]);
    let after = issued_by(&[&root], &[revocation_list(&root, 2100, &[1])]);
    let judged = JudgedClient::default();
    let now = Timestamp::now();
    assert_eq!(judged.judge(&before, Some(&one_parsed), now), Ok(()));
    let first = judged.judge(&after, Some(&one_parsed), now).unwrap_err();
    assert_eq!(variant(&first), "Revoked");
    let again = judged.judge(&after, Some(&one_parsed), now + SignedDuration::from_secs(1));
    assert!(Arc::ptr_eq(&first, &again.unwrap_err()), "the same judgement, not a new one");
    assert_eq!(judged.judge(&after, Some(&two_parsed), now), Ok(()));
    let between = judged.judge(&after, Some(&one_parsed), now).unwrap_err();
    assert!(Arc::ptr_eq(&first, &between), "a few are remembered");
    for _ in 0..2 {
        for policy in [issued_by(&[&root], &[]), issued_by(&[&root], &[])] {
            assert_eq!(judged.judge(&policy, Some(&one_parsed), now), Ok(()));
        }
    }
    let later = judged.judge(&after, Some(&one_parsed), now).unwrap_err();
    assert!(!Arc::ptr_eq(&first, &later) && first == later, "not all of them are");
    assert_eq!(*judged.judge(&after, None, now).unwrap_err(), ClientRefusal::Missing);
    assert_eq!(judged.judge(&before, Some(&one_parsed), now), Ok(()));
}

#[test]
fn a_refusal_says_what_was_shown_and_what_to_do() {
    let root = authority("root");
    let mut params = client_params("partner\nERROR forged", 1);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let client = client(&params, &root, &[]);
    let certificate = parse(&client);
    let refusal = pinned(&client).judge(Some(&certificate), Timestamp::now()).unwrap_err();
    let text = refusal.to_string();
    let sha256 = certificate.sha256.to_string();
    for part in ["CN=partner\\0AERROR forged", "CN=root", &sha256, "both clientAuth and serverAuth"]
    {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    assert!(!text.contains('\n'));
}

#[test]
fn authorities_are_named_to_clients_only_where_all_go_by_them() {
    let (root, other) = (authority("root"), authority("other"));
    let (first, second) = (issued_by(&[&root], &[]), issued_by(&[&root, &other], &[]));
    let pin = pinned(&self_signed(&client_params("partner", 1)));
    let hints = |policies: &[_]| AskForCertificate::new(1_024, policies).root_hint_subjects().len();
    assert_eq!(hints(&[first.clone(), second.clone()]), 2);
    assert_eq!(hints(&[first, second, pin.clone()]), 0);
    assert_eq!(hints(&[pin]), 0);
    assert_eq!(hints(&[]), 0);
    let long = authority(&"x".repeat(AUTHORITY_HINT_BYTES_MAX));
    assert_eq!(hints(&[issued_by(&[&long], &[])]), 0);
}
