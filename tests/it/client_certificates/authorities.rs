use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use super::{connect, connect_as, guarded, open, refusals, wait_for_refusal};
use crate::harness::certificates::{Authority, Identity, TLS_VERSIONS, params, pem};
use crate::harness::wait::wait_until_equal;
use crate::harness::{Answer, Home, Server};

fn numbered(name: &str, serial: u64) -> rcgen::CertificateParams {
    let mut params = params(name);
    params.serial_number = Some(serial.into());
    params
}

/// `[receivers.NAME]` with a bundle, and more lines.
fn trusting(name: &str, bundle: &str, further: &str) -> String {
    format!("[receivers.\"{name}\"]\nclient_authorities = [\"{bundle}\"]\n{further}\n")
}

fn post(server: &Server, client: Option<&Identity>, name: &str) -> Answer {
    connect_as(server, client).post(&format!("/{name}"), "text")
}

#[test]
fn a_bundle_lets_in_whom_its_authorities_issued_for_and_the_log_says_why_others_stay_out() {
    let root = Authority::root("Clinic root");
    let below = root.intermediate("Clinic below");
    let foreign = Authority::root("Foreign root");
    // The same name and another key.
    let impostor = Authority::root("Clinic root");
    let with_chain = |mut identity: Identity, authority: &Authority| {
        identity.chain.push(authority.der());
        identity
    };
    let mut expired = params("Expired ward");
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut server_only = params("Server ward");
    server_only.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let below_ward = below.issue(&params("Below ward"));
    let rows: Vec<(&str, Option<Identity>, Result<(), &str>)> = vec![
        ("issued", Some(root.issue(&params("Ward"))), Ok(())),
        ("issued below", Some(with_chain(below_ward.clone(), &below)), Ok(())),
        ("intermediate not sent", Some(below_ward), Err("sends its intermediate certificates")),
        (
            "foreign",
            Some(foreign.issue(&params("Foreign"))),
            Err("none of the receiver's client_auth"),
        ),
        ("impostor", Some(impostor.issue(&params("Impostor"))), Err("authority")),
        (
            "self-signed",
            Some(Identity::self_signed(&params("Self"))),
            Err("none of the receiver's"),
        ),
        ("expired", Some(root.issue(&expired)), Err("expired at 2021-01-01")),
        ("server only", Some(root.issue(&server_only)), Err("does not include clientAuth")),
        ("nobody", None, Err("showed no certificate")),
    ];
    let slug = |name: &str| name.replace(' ', "-");
    let tables: String =
        rows.iter().map(|(name, ..)| trusting(name, "trusted/clinic.pem", "")).collect();
    let home = Home::and(&tables);
    std::fs::create_dir(home.path("trusted")).unwrap();
    home.write("trusted/clinic.pem", root.pem());
    for (name, ..) in &rows {
        home.workflow(name, &guarded(name, &slug(name), "").build());
    }
    let server = home.serve();
    assert_eq!(server.addresses().len(), rows.len(), "{}", server.log());
    for (version_name, version) in TLS_VERSIONS {
        for (name, identity, expected) in &rows {
            let mut http = connect(&server, server.socket(), version, identity.as_ref());
            let answer = http.post(&format!("/{}", slug(name)), "text");
            let status = if expected.is_ok() { 200 } else { 403 };
            assert_eq!(answer.status, status, "{version_name}, {name}: {answer:?}");
            if let Err(words) = expected {
                wait_for_refusal(&server, &slug(name), &[words]);
            }
        }
    }
    let log = server.stop();
    for (name, ..) in rows.iter().filter(|(_, _, expected)| expected.is_ok()) {
        assert_eq!(refusals(&log, &slug(name)).next(), None, "{name}");
    }
}

#[test]
fn with_a_list_and_a_bundle_both_must_hold() {
    let root = Authority::root("Clinic root");
    let listed = root.issue(&params("Listed"));
    let unlisted = root.issue(&params("Unlisted"));
    let listed_foreigner = Authority::root("Foreign root").issue(&params("Foreigner"));
    let home = Home::and(&trusting("both", "clinic.pem", ""));
    home.write("clinic.pem", root.pem());
    let list = format!("{},{}", listed.sha256(), listed_foreigner.sha256());
    home.workflow("both", &guarded("both", "both", &list).build());
    let server = home.serve();
    for (name, client, expected, words) in [
        ("listed and issued", &listed, 200, ""),
        ("issued, not listed", &unlisted, 403, "not among the thumbprints"),
        ("listed, not issued", &listed_foreigner, 403, "none of the receiver's client_authorities"),
    ] {
        // Two refusals of one receiver within a second share a line: the first one's.
        let told = || {
            let answer = post(&server, Some(client), "both");
            assert_eq!(answer.status, expected, "{name}: {answer:?}");
            server.log().contains(words)
        };
        wait_until_equal(name, &true, told);
    }
    server.stop();
}

#[test]
fn a_revocation_list_is_honoured_and_its_successor_too_on_an_open_connection() {
    let root = Authority::root("Clinic root");
    let (good, bad) = (root.issue(&numbered("Good", 7)), root.issue(&numbered("Bad", 8)));
    let lists = "client_revocation_lists = [\"clinic.crl\"]";
    let home = Home::and(&trusting("listed", "clinic.pem", lists));
    home.write("clinic.pem", root.pem());
    home.write("clinic.crl", root.revocation_list(2090, &[8]));
    home.workflow("listed", &guarded("listed", "listed", "").build());
    home.workflow("open", &open("open", "open").build());
    let server = home.serve();
    let mut kept: Vec<_> =
        [&good, &bad].iter().map(|client| connect_as(&server, Some(client))).collect();
    let statuses = |kept: &mut Vec<crate::harness::Http1>| {
        kept.iter_mut().map(|http| http.post("/listed", "").status).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&mut kept), [200, 403]);
    server.wait_for_log("which its authority has revoked. The partner must get a new one");
    for (revoked, expected) in
        [(&[7_u64, 8][..], vec![403, 403]), (&[7], vec![403, 200]), (&[], vec![200, 200])]
    {
        home.replace("clinic.crl", root.revocation_list(2090, revoked));
        let what = format!("the answers with {revoked:?} revoked");
        wait_until_equal(&what, &expected, || statuses(&mut kept));
        let new = [&good, &bad].map(|client| post(&server, Some(client), "listed").status);
        assert_eq!(new.to_vec(), expected, "new connections, {revoked:?} revoked");
    }
    // A list that cannot be read leaves the one before in force.
    home.replace("clinic.crl", root.revocation_list(2090, &[7]));
    wait_until_equal("the last good list", &vec![403, 200], || statuses(&mut kept));
    home.replace("clinic.crl", "broken");
    server.wait_for_log("those that were read before stay in force");
    assert_eq!(statuses(&mut kept), [403, 200]);
    // One that is out of date refuses everybody of its authority.
    home.replace("clinic.crl", root.revocation_list(2024, &[7]));
    wait_until_equal("the outdated list", &vec![403, 403], || statuses(&mut kept));
    server.wait_for_log("clinic.crl is out of date since 2024-01-01");
    // None of these connections was ever closed.
    for http in &mut kept {
        assert_eq!(http.post("/open", "").status, 200);
    }
    server.stop();
}

#[test]
fn a_certificate_that_no_list_covers_is_refused_where_lists_are_configured() {
    let root = Authority::root("Clinic root");
    let other = Authority::root("Other root");
    let covered = root.issue(&numbered("Covered", 7));
    let uncovered = other.issue(&numbered("Uncovered", 7));
    let lists = "client_revocation_lists = [\"clinic.crl\"]";
    let home = Home::and(&trusting("listed", "both.pem", lists));
    home.write("both.pem", root.pem() + &pem(&other.der()));
    home.write("clinic.crl", root.revocation_list(2090, &[]));
    home.workflow("listed", &guarded("listed", "listed", "").build());
    let server = home.serve();
    assert_eq!(post(&server, Some(&covered), "listed").status, 200);
    assert_eq!(post(&server, Some(&uncovered), "listed").status, 403);
    server.wait_for_log("no revocation list covers it");
    server.stop();
}

#[test]
fn authorities_that_cannot_be_read_start_no_receiver() {
    let root = Authority::root("Clinic root");
    let leaf = root.issue(&params("Ward"));
    for (name, bundle, list, words) in [
        ("missing", None, None, "cannot read"),
        ("empty", Some(String::new()), None, "holds no certificate"),
        ("no authority", Some(leaf.chain_pem()), None, "belongs to an authority"),
        (
            "a list that is none",
            Some(root.pem()),
            Some("none".to_owned()),
            "holds no revocation list",
        ),
    ] {
        let further = if list.is_some() { "client_revocation_lists = [\"list.crl\"]" } else { "" };
        let home = Home::and(&trusting("guarded", "clinic.pem", further));
        for (file, content) in [("clinic.pem", bundle), ("list.crl", list)] {
            if let Some(content) = content {
                home.write(file, content);
            }
        }
        home.workflow("guarded", &guarded("guarded", "guarded", "").build());
        let checked = home.run(&["check"]);
        assert_eq!(checked.code, Some(1), "{name}: {checked:?}");
        assert!(checked.stdout.contains("error[WF094]"), "{name}: {checked:?}");
        assert!(checked.stdout.contains(words), "{name}: {checked:?}");
        let server = home.serve();
        server.wait_for_log("error[WF094]");
        assert!(server.log().contains(words), "{name}: {}", server.log());
        assert!(server.addresses().is_empty(), "{name}: {}", server.said());
        server.stop();
    }
}
