use proptest::prelude::*;

use super::*;

fn settings() -> Settings {
    Settings {
        directory_url: "https://ca.example/directory".into(),
        contact: vec!["mailto:operator@hospital.example".into()],
        agree_to_terms: true,
        extra_roots: None,
        external_account: None,
        challenge: Challenge::Http01,
        http_address: "[::]:80".parse().unwrap(),
        certificates: vec![order("front", &["hl7.example"])],
        renew_before_days: 30,
        profile: None,
    }
}

fn order(name: &str, hosts: &[&str]) -> Order {
    Order { name: name.into(), hosts: hosts.iter().map(|&host| host.into()).collect() }
}

#[test]
fn settings_that_cannot_be_used_are_told_by_name() {
    assert!(settings().check().is_ok());
    let external =
        |hmac_key: &str| Some(ExternalAccount { key_id: "kid".into(), hmac_key: hmac_key.into() });
    let many_hosts: Vec<String> = (0..=HOSTS_MAX).map(|n| format!("h{n}.example")).collect();
    let cases: Vec<(&str, Settings)> = vec![
        ("directory_url", Settings { directory_url: "http://ca.example/".into(), ..settings() }),
        ("directory_url", Settings { directory_url: "ca.example".into(), ..settings() }),
        (
            "directory_url",
            Settings { directory_url: "https://a:b@ca.example/".into(), ..settings() },
        ),
        ("contact", Settings { contact: vec!["operator@hospital.example".into()], ..settings() }),
        ("contact", Settings { contact: vec!["mailto:operator".into()], ..settings() }),
        ("contact", Settings { contact: vec!["mailto:a@b.example".into(); 11], ..settings() }),
        ("renew_before_days", Settings { renew_before_days: 0, ..settings() }),
        ("renew_before_days", Settings { renew_before_days: 366, ..settings() }),
        ("hmac_key", Settings { external_account: external("not base64!"), ..settings() }),
        ("hmac_key", Settings { external_account: external(""), ..settings() }),
        ("hosts", Settings { certificates: vec![order("front", &[])], ..settings() }),
        (
            "hosts",
            Settings {
                certificates: vec![Order { name: "front".into(), hosts: many_hosts }],
                ..settings()
            },
        ),
        (
            "certificates",
            Settings {
                certificates: vec![order("front", &["a.example"]), order("front", &["b.example"])],
                ..settings()
            },
        ),
        (
            "certificates",
            Settings { certificates: vec![order("front", &["a.example"]); 101], ..settings() },
        ),
    ];
    for (setting, settings) in cases {
        let error = settings.check().unwrap_err();
        assert!(matches!(error, AcmeError::Setting { .. }), "{setting}: {error}");
        assert!(error.to_string().contains(setting), "{setting}: {error}");
    }
    let silent = Settings { agree_to_terms: false, ..settings() };
    assert!(matches!(silent.check().unwrap_err(), AcmeError::TermsNotAgreed { .. }));
}

#[test]
fn a_name_of_a_certificate_is_a_folder_inside_the_store() {
    for name in ["front", "default", "hl7.example.org", "A-1_b", "0"] {
        assert!(order(name, &["a.example"]).check().is_ok(), "{name}");
    }
    let long = "n".repeat(65);
    for name in
        ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "-x", "a.", "acme", "ACME", "ü", &long]
    {
        assert!(order(name, &["a.example"]).check().is_err(), "{name:?}");
    }
}

#[test]
fn a_host_is_a_dns_name_or_an_address() {
    let cases = [
        ("HL7.Example", "hl7.example", "hl7.example"),
        ("localhost", "localhost", "localhost"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("192.0.2.7", "192.0.2.7", "7.2.0.192.in-addr.arpa"),
        (
            "2001:DB8::1",
            "2001:db8::1",
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
        ),
    ];
    for (text, shown, server_name) in cases {
        let host = Host::parse(text).unwrap();
        assert_eq!((host.to_string().as_str(), host.server_name().as_str()), (shown, server_name));
    }
    let long_label = format!("{}.example", "a".repeat(64));
    let long_name = ["abcdefgh."; 32].concat() + "example";
    let wrong = [
        ("*.example", "wildcard"),
        ("münchen.example", "ASCII"),
        ("", "expected a DNS name"),
        ("0", "a number"),
        ("192.0.2.999", "a number"),
        ("a..example", "expected a DNS name"),
        ("a.example.", "expected a DNS name"),
        ("-a.example", "expected a DNS name"),
        ("a_b.example", "expected a DNS name"),
        ("a.example:443", "expected a DNS name"),
        ("https://a.example", "expected a DNS name"),
        (&long_label, "expected a DNS name"),
        (&long_name, "expected a DNS name"),
    ];
    for (text, expected) in wrong {
        let error = Host::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}

#[test]
fn the_key_of_an_external_account_is_read_but_never_shown() {
    let account = ExternalAccount { key_id: "kid".into(), hmac_key: " c2VjcmV0IQ== ".into() };
    assert_eq!(account.key().unwrap(), b"secret!");
    let shown = format!("{account:?}");
    assert!(shown.contains("kid") && !shown.contains("c2Vj"), "{shown}");
}

proptest! {
    #[test]
    fn any_text_is_a_host_that_reads_as_itself_or_is_refused(text in "[a-zA-Z0-9.:*_-]{0,40}|\\PC{0,40}") {
        if let Ok(host) = Host::parse(&text) {
            prop_assert_eq!(Host::parse(&host.to_string()).unwrap(), host.clone());
            let server_name = host.server_name();
            prop_assert!(rustls::pki_types::DnsName::try_from(server_name).is_ok());
        }
    }
}
