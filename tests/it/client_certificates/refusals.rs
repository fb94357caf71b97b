use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose, date_time_ymd};

use super::{connect, guarded, wait_for_refusal};
use crate::harness::Home;
use crate::harness::certificates::{Identity, TLS_VERSIONS, params};

/// Certificates that are listed, and are refused all the same.
fn listed() -> Vec<(&'static str, Identity, [&'static str; 3])> {
    let mut expired = params("Expired ward");
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut early = params("Early ward");
    early.not_before = date_time_ymd(2099, 1, 1);
    let mut server_only = params("Server ward");
    server_only.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut encipherment = params("Encipherment ward");
    encipherment.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    let rows = [
        ("expired", expired, ["CN=Expired ward", "expired at 2021-01-01", "must renew it"]),
        ("early", early, ["CN=Early ward", "not valid before 2099-01-01", "Compare the clocks"]),
        (
            "server-only",
            server_only,
            ["CN=Server ward", "does not include clientAuth", "ask for one with both clientAuth"],
        ),
        (
            "encipherment",
            encipherment,
            ["CN=Encipherment ward", "does not include digitalSignature", "ask its authority"],
        ),
    ];
    rows.map(|(name, params, words)| (name, Identity::self_signed(&params), words)).into()
}

#[test]
fn every_refusal_is_403_and_has_a_line_that_says_what_to_do() {
    let allowed = Identity::self_signed(&params("Allowed ward"));
    let stranger = Identity::self_signed(&params("Strange ward"));
    let rows = listed();
    let home = Home::new();
    for (name, identity, _) in &rows {
        home.workflow(name, &guarded(name, name, &identity.sha256()).build());
    }
    for name in ["missing", "stranger"] {
        home.workflow(name, &guarded(name, name, &allowed.sha256()).build());
    }
    let server = home.serve();
    let mut cases: Vec<(&str, Option<&Identity>, [&str; 3])> =
        rows.iter().map(|(name, identity, words)| (*name, Some(identity), *words)).collect();
    let missing =
        ["showed no certificate", "requires one", "must configure its client certificate"];
    cases.push(("missing", None, missing));
    let not_allowed = ["CN=Strange ward", "not among the thumbprints", "add its SHA-256 to"];
    cases.push(("stranger", Some(&stranger), not_allowed));
    for (version_name, version) in TLS_VERSIONS {
        for (name, identity, words) in &cases {
            let mut http = connect(&server, server.socket(), version, *identity);
            for method in ["POST", "GET", "HEAD"] {
                let answer = http.request(method, &format!("/{name}"), "");
                assert_eq!(answer.status, 403, "{version_name}, {name}, {method}: {answer:?}");
                assert_eq!(answer.text(), "", "{name}: a stranger is told nothing");
            }
            wait_for_refusal(&server, name, words);
        }
    }
    // The thumbprint in the line is what is to be added to the list.
    server.wait_for_log(&format!("SHA-256 {}", stranger.sha256().to_uppercase()));
    server.stop();
}

#[test]
fn the_servers_own_certificate_is_no_admission() {
    let allowed = Identity::self_signed(&params("Allowed ward"));
    let home = Home::new();
    home.workflow("default", &guarded("default", "default", &allowed.sha256()).build());
    let server = home.serve();
    let file = |name: &str| home.read(&format!("certificates/default/{name}.pem")).unwrap();
    let own = Identity::from_pem(&file("certificate"), &file("key"));
    assert_eq!(own.own(), server.certificate());
    for (version_name, version) in TLS_VERSIONS {
        let mut http = connect(&server, server.socket(), version, Some(&own));
        let answer = http.post("/default", "text");
        assert_eq!(answer.status, 403, "T-04, {version_name}: {answer:?}");
    }
    server.wait_for_log("not among the thumbprints");
    server.stop();
}
