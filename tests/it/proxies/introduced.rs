use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use super::{ANYBODY, PROXY, TEXT, connect_from};
use crate::harness::certificates::{Identity, TLS_VERSIONS, client_config, params};
use crate::harness::http1::{patient, request, tls_config};
use crate::harness::ports::free_port;
use crate::harness::{Home, Http1, Server, Workflow};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A header of version 2: version and command, family, then addresses, ports and further fields.
fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

/// Headers, and the client that they introduce.
fn introductions() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let v4 = [192, 0, 2, 7, 127, 0, 0, 1, 0x12, 0x34, 0x20, 0xfb];
    let mut v6 = [0; 36];
    v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    v6[15] = 9;
    // A field of type NOOP, three bytes long.
    let with_field = [&v4[..], &[0x04, 0, 3, 1, 2, 3]].concat();
    vec![
        ("v1 IPv4", b"PROXY TCP4 192.0.2.7 127.0.0.1 4660 8443\r\n".to_vec(), "192.0.2.7"),
        ("v1 IPv6", b"PROXY TCP6 2001:db8::9 ::1 4660 8443\r\n".to_vec(), "2001:db8::9"),
        ("v1 unknown", b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.2"),
        ("v2 IPv4", version_2(0x21, 0x11, &v4), "192.0.2.7"),
        ("v2 IPv6", version_2(0x21, 0x21, &v6), "2001:db8::9"),
        ("v2 with a field", version_2(0x21, 0x11, &with_field), "192.0.2.7"),
        ("v2 local", version_2(0x20, 0x00, &[]), "127.0.0.2"),
    ]
}

/// Receivers at a plain and at an HTTPS port, both behind proxies, and one at a port that is not.
fn behind_proxies(further: impl Fn(Workflow) -> Workflow) -> (Home, Server) {
    let [plain, tls, direct] = [free_port(), free_port(), free_port()];
    let home = Home::and(&format!("[proxies]\ntrusted = [\"{PROXY}\"]\n"));
    let config = home.read("tureen.toml").unwrap();
    let ports = format!("[listen]\nproxy_protocol_ports = [{plain}, {tls}]");
    home.write("tureen.toml", config.replacen("[listen]", &ports, 1));
    for (name, port) in [("plain", plain), ("tls", tls), ("direct", direct)] {
        let workflow = Workflow::new(name, "who").with("MessageType", TEXT).with("Port", port);
        let workflow = workflow.with("UseSsl", name == "tls").responding("${ClientIP}");
        let workflow = if name == "tls" { further(workflow) } else { workflow };
        home.workflow(name, &workflow.build());
    }
    let server = home.serve();
    assert_eq!(server.addresses().len(), 3, "{}", server.log());
    (home, server)
}

fn socket(server: &Server, name: &str) -> SocketAddr {
    server.addresses()[name].socket
}

/// A connection from this address that begins with these bytes.
fn introduce(from: Ipv4Addr, socket: SocketAddr, header: &[u8]) -> TcpStream {
    let mut stream = connect_from(from, socket);
    // A server that closes at once may do so before it is written.
    let _ = stream.write_all(header);
    stream
}

#[test]
fn a_header_of_either_version_introduces_the_client_before_tls_and_before_plain_http() {
    let (_home, server) = behind_proxies(|workflow| workflow);
    for (name, header, expected) in introductions() {
        let stream = introduce(PROXY, socket(&server, "plain"), &header);
        let mut plain = Http1::plain_over(stream);
        let stream = introduce(PROXY, socket(&server, "tls"), &header);
        let mut tls = Http1::tls_over(stream, tls_config(server.certificate(), "http/1.1"));
        for (kind, http) in [("plain", &mut plain), ("TLS", &mut tls)] {
            // The connection stays open, and the client stays who it is.
            for _ in 0..2 {
                let answer = http.post("/who", "text");
                assert_eq!(answer.status, 200, "{name}, {kind}: {answer:?}");
                assert_eq!(answer.text(), expected, "{name}, {kind}");
            }
        }
        // In one piece with the request, and byte by byte.
        let whole = [&header[..], &request("POST", "/who", b"text")].concat();
        let stream = introduce(PROXY, socket(&server, "plain"), &whole);
        assert_eq!(Http1::plain_over(stream).answer("POST").text(), expected, "{name}, one piece");
        let mut stream = connect_from(PROXY, socket(&server, "plain"));
        whole.iter().for_each(|byte| stream.write_all(&[*byte]).unwrap());
        assert_eq!(Http1::plain_over(stream).answer("POST").text(), expected, "{name}, in bytes");
    }
    server.stop();
}

#[test]
fn without_a_header_of_a_trusted_proxy_the_connection_is_closed() {
    let (_home, server) = behind_proxies(|workflow| workflow);
    let good = b"PROXY TCP4 192.0.2.7 127.0.0.1 4660 8443\r\n";
    let rows: [(&str, Ipv4Addr, &[u8], &str); 7] = [
        ("a header of anybody", ANYBODY, good, "come from proxies.trusted only"),
        ("nothing of anybody", ANYBODY, b"", "come from proxies.trusted only"),
        ("no header", PROXY, b"", "does not start with a PROXY protocol header"),
        ("broken", PROXY, b"PROXY TCP4 here there 1 2\r\n", "header is broken: an address"),
        ("other protocol", PROXY, b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n", "not TCP4, TCP6"),
        ("other version", PROXY, &version_2(0x31, 0x11, &[0; 12]), "the version or the command"),
        ("too short", PROXY, &version_2(0x21, 0x11, &[0; 4]), "ends within the addresses"),
    ];
    for (name, from, header, words) in rows {
        for kind in ["plain", "tls"] {
            let whole = [header, &request("POST", "/who", b"text")].concat();
            let stream = introduce(from, socket(&server, kind), &whole);
            let mut http = Http1::plain_over(stream);
            assert!(http.is_closed_by_server(), "{name}, {kind}");
        }
        server.wait_for_log(words);
    }
    // The port that is not for proxies takes what comes, and no header.
    let mut direct = Http1::plain_over(connect_from(PROXY, socket(&server, "direct")));
    assert_eq!(direct.post("/who", "text").text(), "127.0.0.2");
    let whole = [&good[..], &request("POST", "/who", b"text")].concat();
    let stream = introduce(PROXY, socket(&server, "direct"), &whole);
    let answer = Http1::plain_over(patient(stream)).try_answer("POST");
    assert!(!answer.is_ok_and(|answer| answer.status == 200), "a header is no request");
    server.stop();
}

#[test]
fn a_client_behind_the_proxy_protocol_shows_its_own_certificate() {
    let ward = Identity::self_signed(&params("Ward"));
    let list = ward.sha256();
    let (_home, server) = behind_proxies(move |workflow| {
        let workflow = workflow.with("RequireClientCertificate", true);
        workflow.with("ClientCertificateThumbPrint", list.as_str())
    });
    let header = b"PROXY TCP4 192.0.2.7 127.0.0.1 4660 8443\r\n";
    for (version_name, version) in TLS_VERSIONS {
        for (name, identity, expected) in [("its own", Some(&ward), 200), ("none", None, 403)] {
            let config = client_config(version, server.certificate(), identity);
            let stream = introduce(PROXY, socket(&server, "tls"), header);
            let answer = Http1::tls_over(stream, config).post("/who", "text");
            assert_eq!(answer.status, expected, "{version_name}, {name}: {answer:?}");
        }
    }
    server.wait_for_log("client=192.0.2.7");
    server.stop();
}
