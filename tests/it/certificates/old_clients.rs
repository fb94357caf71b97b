use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::serving;
use crate::harness::http1::patient;
use crate::harness::openssl;

/// A record and a message of TLS: type, version, length of 16 bits.
fn record(kind: u8, version: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind][..], &version.to_be_bytes(), &length, body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&kind.to_be_bytes()[..], &length, body].concat()
}

/// A first message of an old client: this version at most, these cipher suites, and all that a
/// server could need of such a client (groups, point format, signatures).
fn client_hello(version: u16, suites: &[u16]) -> Vec<u8> {
    let extensions = [
        extension(10, &[0, 4, 0, 23, 0, 29]),
        extension(11, &[1, 0]),
        extension(13, &[0, 8, 4, 3, 4, 1, 8, 4, 2, 1]),
    ]
    .concat();
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let body = [
        &version.to_be_bytes()[..],
        &[7; 32],
        &[0],
        &length(&suites),
        &suites,
        &[1, 0],
        &length(&extensions),
        &extensions,
    ]
    .concat();
    record(22, 0x0301, &[&[1, 0][..], &length(&body), &body].concat())
}

/// What the server says first.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    ServerHello,
    /// A fatal alert (RFC 5246, 7.2).
    Alert(u8),
    Other(Vec<u8>),
}

fn hello(socket: SocketAddr, message: &[u8]) -> Said {
    let mut stream = patient(TcpStream::connect(socket).unwrap());
    stream.write_all(message).unwrap();
    let mut start = [0; 7];
    let mut read = 0;
    while read < start.len() {
        match stream.read(&mut start[read..]).unwrap() {
            0 => return Said::Other(start[..read].to_vec()),
            more => read += more,
        }
    }
    match start {
        [22, _, _, _, _, 2, _] => Said::ServerHello,
        [21, _, _, 0, 2, 2, alert] => Said::Alert(alert),
        other => Said::Other(other.to_vec()),
    }
}

const HANDSHAKE_FAILURE: Said = Said::Alert(40);
const PROTOCOL_VERSION: Said = Said::Alert(70);

const TLS_1_0: u16 = 0x0301;
const TLS_1_1: u16 = 0x0302;
const TLS_1_2: u16 = 0x0303;

/// Names and numbers of the IANA registry. The certificate of a new home has an ECDSA key, so that
/// each kind is offered for such a key, and for RSA where there is no other.
const ECDHE_ECDSA_AES_128_GCM: u16 = 0xc02b;

#[test]
fn old_versions_and_broken_cipher_suites_are_refused_in_the_handshake() {
    let (_home, server, [socket]) = serving(["first"]);
    let gcm = &[ECDHE_ECDSA_AES_128_GCM][..];
    for (name, version, suites, expected) in [
        ("control: TLS 1.2 with AES-GCM", TLS_1_2, gcm, Said::ServerHello),
        ("SSL 3", 0x0300, gcm, PROTOCOL_VERSION),
        ("TLS 1.0", TLS_1_0, gcm, PROTOCOL_VERSION),
        ("TLS 1.0 with CBC", TLS_1_0, &[0xc009, 0xc013, 0x002f], PROTOCOL_VERSION),
        ("TLS 1.1", TLS_1_1, gcm, PROTOCOL_VERSION),
        ("TLS 1.1 with CBC", TLS_1_1, &[0xc009, 0xc013, 0x002f], PROTOCOL_VERSION),
        ("RC4", TLS_1_2, &[0xc007, 0xc011, 0x0005, 0x0004], HANDSHAKE_FAILURE),
        ("3DES", TLS_1_2, &[0xc008, 0xc012, 0x000a, 0x0016], HANDSHAKE_FAILURE),
        (
            "CBC only",
            TLS_1_2,
            &[0xc009, 0xc00a, 0xc023, 0xc024, 0xc013, 0xc014, 0xc027, 0xc028, 0x002f, 0x0035],
            HANDSHAKE_FAILURE,
        ),
        ("RSA key exchange with AES-GCM", TLS_1_2, &[0x009c, 0x009d], HANDSHAKE_FAILURE),
        ("finite field Diffie-Hellman", TLS_1_2, &[0x009e, 0x009f, 0x0033], HANDSHAKE_FAILURE),
        ("anonymous", TLS_1_2, &[0xc018, 0x0034, 0x00a6], HANDSHAKE_FAILURE),
        ("export and NULL", TLS_1_2, &[0x0003, 0x0008, 0x0001, 0x003b], HANDSHAKE_FAILURE),
    ] {
        assert_eq!(hello(socket, &client_hello(version, suites)), expected, "{name}");
    }
    server.wait_for_log("TLS handshake failed");
    server.stop();
}

#[test]
fn openssl_is_told_so_too() {
    let (home, server, [socket]) = serving(["first"]);
    let trusted = home.path("certificates/default/certificate.pem");
    let trusted = trusted.to_str().unwrap();
    let address = socket.to_string();
    let all = "ALL:@SECLEVEL=0";
    for (name, options, words) in [
        ("TLS 1.3", &["-tls1_3"][..], Ok("Verify return code: 0 (ok)")),
        ("TLS 1.2", &["-tls1_2"], Ok("Verify return code: 0 (ok)")),
        ("TLS 1.1", &["-tls1_1", "-cipher", all], Err("SSL alert number")),
        ("TLS 1.0", &["-tls1", "-cipher", all], Err("SSL alert number")),
        (
            "CBC only",
            &["-tls1_2", "-cipher", "AES128-SHA:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"],
            Err("SSL alert number 40"),
        ),
    ] {
        let fixed = ["s_client", "-connect", &address, "-CAfile", trusted];
        let output = openssl::output(fixed.iter().chain(options), "");
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        match words {
            Ok(words) => assert!(said.contains(words), "{name}: {said}{errors}"),
            Err(words) => assert!(errors.contains(words), "{name}: {errors}{said}"),
        }
        assert_eq!(output.status.success(), words.is_ok(), "{name}: {said}{errors}");
    }
    server.stop();
}
