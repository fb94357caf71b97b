//! TLS by the host: whom it trusts, and which certificates it shows.

use std::io::{Read, Write};
use std::sync::Arc;

use rcgen::date_time_ymd;
use rustls::{ServerConnection, StreamOwned};

use super::peers::{Peer, tls_config};
use super::{Outbound, told};
use crate::harness::Home;
use crate::harness::certificates::{Authority, params};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Grants for one server by its name, with an authority of the home.
fn grants(port: u16, more: &str) -> String {
    format!(
        "[outbound]\ncertificate_authorities = [\"ca.pem\"]\n[plugins.outbound]\nhttp = [\"https://localhost:{port}\"]\ntls = [\"localhost:{port}\"]\nprivate_addresses = [\"127.0.0.0/8\", \"::1\"]\n{more}"
    )
}

fn home_trusting(authority: &Authority, port: u16, more: &str) -> Home {
    let home = Home::and(&grants(port, more));
    home.write("ca.pem", authority.pem());
    home
}

fn told_in(home: Home, settings: &[(&str, &str)]) -> String {
    let outbound = Outbound::in_home(home, "outbound", "Test.Outbound", settings);
    let told = outbound.told();
    outbound.server.stop();
    told
}

#[test]
fn an_authority_of_the_home_is_trusted_for_its_own_names_only() {
    let authority = Authority::root("Outbound CA");
    let peer = Peer::https(&authority.issue(&params("server")), None, OK);
    let to = format!("https://localhost:{}/x", peer.port);
    assert_eq!(told_in(home_trusting(&authority, peer.port, ""), &[("To", &to)]), "200 ok");
    assert!(peer.request().starts_with("POST /x "));

    let stranger = Peer::https(&Authority::root("Other").issue(&params("server")), None, OK);
    let to = format!("https://localhost:{}/x", stranger.port);
    let home = home_trusting(&authority, stranger.port, "");
    assert_eq!(told_in(home, &[("To", &to)]), "network.tls no");

    let mut other_name = params("server");
    other_name.subject_alt_names = vec![rcgen::SanType::DnsName("lab.example".try_into().unwrap())];
    let mut expired = params("server");
    expired.not_after = date_time_ymd(2021, 1, 1);
    for wrong in [other_name, expired] {
        let peer = Peer::https(&authority.issue(&wrong), None, OK);
        let to = format!("https://localhost:{}/x", peer.port);
        let home = home_trusting(&authority, peer.port, "");
        assert_eq!(told_in(home, &[("To", &to)]), "network.tls no");
    }
    // Plain HTTP where TLS is expected.
    let plain = Peer::start(|mut stream, _| {
        // Nobody listens any more when the handshake has failed.
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let to = format!("https://localhost:{}/x", plain.port);
    assert_eq!(
        told_in(home_trusting(&authority, plain.port, ""), &[("To", &to)]),
        "network.tls no"
    );
}

#[test]
fn authorities_that_cannot_be_used_are_told() {
    let home = Home::and(&grants(1, ""));
    let checked = home.run(&["check"]);
    let said = checked.said();
    assert!(said.contains("WF096") && said.contains("ca.pem"), "{said}");
    assert!(checked.code != Some(0), "{said}");
}

#[test]
fn a_granted_certificate_of_the_home_is_shown() {
    let authority = Authority::root("Outbound CA");
    let client = authority.issue(&params("client"));
    let peer = Peer::https(&authority.issue(&params("server")), Some(&authority), OK);
    let to = format!("https://localhost:{}/x", peer.port);
    let spelled = client.sha1().to_ascii_lowercase();
    let granted = format!("client_certificates = [\"{}\"]\n", client.sha256());
    let with_client = |more: &str| {
        let home = home_trusting(&authority, peer.port, more);
        std::fs::create_dir_all(home.path("certificates")).unwrap();
        let file = home.write("certificates/client.pem", client.whole_pem());
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
        home
    };
    // The grant has the SHA-256, the settings the SHA-1: both mean this certificate.
    let shown = [("To", to.as_str()), ("ClientCertificate", spelled.as_str())];
    assert_eq!(told_in(with_client(&granted), &shown), "200 ok");
    assert_eq!(told_in(with_client(""), &shown), "network.not-granted no");
    let unknown = "AB".repeat(32);
    let granted = format!("client_certificates = [\"{unknown}\"]\n");
    let asked = [("To", to.as_str()), ("ClientCertificate", unknown.as_str())];
    assert_eq!(told_in(with_client(&granted), &asked), "network.certificate no");
    // Without one the server refuses.
    let refused = told_in(with_client(&granted), &[("To", &to)]);
    assert!(
        refused.starts_with("network.tls") || refused.starts_with("network.closed"),
        "{refused}"
    );
}

#[test]
fn a_connection_with_tls_carries_any_protocol() {
    let authority = Authority::root("Outbound CA");
    let config = tls_config(&authority.issue(&params("server")), None);
    let peer = Peer::start(move |stream, _| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let mut asked = [0; 4];
        if stream.read_exact(&mut asked).is_ok() {
            stream.write_all(b"pong").unwrap();
        }
    });
    let home = home_trusting(&authority, peer.port, "");
    let to = format!("tls:localhost:{}", peer.port);
    assert_eq!(told_in(home, &[("To", &to), ("Body", "ping")]), "read pong");
}

#[test]
fn a_connection_without_tls_carries_any_protocol() {
    let peer = Peer::start(|mut stream, _| {
        let mut asked = [0; 4];
        if stream.read_exact(&mut asked).is_ok() {
            stream.write_all(b"pong").unwrap();
        }
    });
    let grants = format!(
        "[plugins.outbound]\nhttp = [\"http://127.0.0.1:1\"]\ntcp = [\"127.0.0.1:{}\"]\n",
        peer.port
    );
    let to = format!("tcp:127.0.0.1:{}", peer.port);
    assert_eq!(told(&grants, &[("To", &to), ("Body", "ping")]), "read pong");
    let silent = Peer::start(|mut stream, _| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let grants = format!(
        "[plugins.outbound]\nhttp = [\"http://127.0.0.1:1\"]\ntcp = [\"127.0.0.1:{}\"]\n",
        silent.port
    );
    let to = format!("tcp:127.0.0.1:{}", silent.port);
    let settings = [("To", to.as_str()), ("Body", "ping"), ("TimeoutMs", "200")];
    assert_eq!(told(&grants, &settings), "network.timeout maybe");
}
