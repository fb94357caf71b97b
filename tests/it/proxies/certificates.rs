use rcgen::date_time_ymd;

use super::{ANYBODY, PROXY, TEXT, connect_from};
use crate::harness::certificates::{Authority, Identity, TLS_VERSIONS, client_config, params};
use crate::harness::wait::wait_until_equal;
use crate::harness::{Answer, Home, Http1, Server, Workflow, openssl};

fn proxies(header: &str) -> String {
    format!("[proxies]\ntrusted = [\"{PROXY}\"]\nclient_certificate = \"{header}\"\n")
}

fn guarded(name: &str, tls: bool, thumbprints: &str) -> serde_json::Value {
    let workflow = Workflow::new(name, name)
        .with("MessageType", TEXT)
        .with("UseSsl", tls)
        .with("RequireClientCertificate", true)
        .responding("${ClientCertificateSubject} ${ClientCertificateSha256}");
    match thumbprints {
        "" => workflow.build(),
        list => workflow.with("ClientCertificateThumbPrint", list).build(),
    }
}

/// RFC 9440: base64 of the DER between colons.
fn byte_sequence(identity: &[u8]) -> String {
    format!(":{}:", openssl::run_with(&["base64", "-A"], identity))
}

/// As nginx writes `$ssl_client_escaped_cert`.
fn escaped(identity: &Identity) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    identity.chain_pem().bytes().map(escape).collect()
}

fn post(server: &Server, from: std::net::Ipv4Addr, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut http = Http1::plain_over(connect_from(from, server.socket()));
    http.request_with("POST", path, fields, "text")
}

/// Who is shown, as the name of the header and its values.
type Fields<'f> = Vec<(&'f str, String)>;

fn check(server: &Server, cases: &[(&str, Fields<'_>, u16, &str)]) {
    for (name, fields, status, words) in cases {
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(field, value)| (*field, value.as_str())).collect();
        let answer = post(server, PROXY, "/pinned", &fields);
        assert_eq!(answer.status, *status, "{name}: {answer:?}");
        if *status == 200 {
            let told = answer.text();
            assert!(told.starts_with(words), "{name}: expected {words:?}, found {told:?}");
        } else if !words.is_empty() {
            // One line a second about a receiver: it may have been another refusal's.
            wait_until_equal(name, &true, || {
                post(server, PROXY, "/pinned", &fields);
                server.log().contains(words)
            });
        }
        let untrusted = post(server, ANYBODY, "/pinned", &fields);
        assert_eq!(untrusted.status, 403, "{name}, untrusted: {untrusted:?}");
    }
}

#[test]
fn a_certificate_in_client_cert_is_judged_as_one_of_the_handshake() {
    let ward = Identity::self_signed(&params("Ward"));
    let stranger = Identity::self_signed(&params("Stranger"));
    let mut old = params("Old");
    old.not_after = date_time_ymd(2021, 1, 1);
    let old = Identity::self_signed(&old);
    let home = Home::and(&proxies("client-cert"));
    let list = format!("{},{}", ward.sha256(), old.sha256());
    home.workflow("pinned", &guarded("pinned", false, &list));
    let server = home.serve();
    let shown = |identity: &Identity| ("Client-Cert", byte_sequence(&identity.own()));
    let ward_digits = ward.sha256().to_uppercase();
    check(
        &server,
        &[
            ("allowed", vec![shown(&ward)], 200, &format!("CN=Ward {ward_digits}")),
            ("not allowed", vec![shown(&stranger)], 403, "CN=Stranger"),
            ("expired", vec![shown(&old)], 403, ""),
            ("none", vec![], 403, "the client showed no certificate"),
            ("the other header", vec![("X-SSL-Client-Cert", escaped(&ward))], 403, ""),
            ("twice", vec![shown(&stranger), shown(&ward)], 400, "is there more than once"),
            ("no byte sequence", vec![("Client-Cert", "Ward".to_owned())], 400, ""),
            ("no certificate", vec![("Client-Cert", ":AAAA:".to_owned())], 400, ""),
            ("chain alone", vec![("Client-Cert-Chain", byte_sequence(&ward.own()))], 400, ""),
        ],
    );
    server.stop();
}

#[test]
fn a_certificate_in_the_header_of_nginx_is_judged_as_one_of_the_handshake() {
    let ward = Identity::self_signed(&params("Ward"));
    let stranger = Identity::self_signed(&params("Stranger"));
    let home = Home::and(&proxies("x-ssl-client-cert"));
    home.workflow("pinned", &guarded("pinned", false, &ward.sha1()));
    let server = home.serve();
    let shown = |identity: &Identity| ("X-SSL-Client-Cert", escaped(identity));
    check(
        &server,
        &[
            ("allowed", vec![shown(&ward)], 200, "CN=Ward "),
            ("not allowed", vec![shown(&stranger)], 403, "CN=Stranger"),
            ("empty, as nginx sends it", vec![("X-SSL-Client-Cert", String::new())], 403, ""),
            ("none", vec![], 403, "the client showed no certificate"),
            ("twice", vec![shown(&ward), shown(&ward)], 400, ""),
            ("not escaped", vec![("X-SSL-Client-Cert", "Ward".to_owned())], 400, ""),
            ("the other header", vec![("Client-Cert", byte_sequence(&ward.own()))], 403, ""),
        ],
    );
    server.stop();
}

#[test]
fn a_forwarded_chain_leads_to_an_authority_of_the_bundle() {
    let root = Authority::root("Clinic root");
    let below = root.intermediate("Clinic below");
    let ward = below.issue(&params("Ward"));
    let authorities = "[receivers.issued]\nclient_authorities = [\"clinic.pem\"]\n";
    let home = Home::and(&format!("{}{authorities}", proxies("client-cert")));
    home.write("clinic.pem", root.pem());
    home.workflow("issued", &guarded("issued", false, ""));
    let server = home.serve();
    let (own, chain) = (byte_sequence(&ward.own()), byte_sequence(&below.der()));
    let whole = [("Client-Cert", own.as_str()), ("Client-Cert-Chain", chain.as_str())];
    assert_eq!(post(&server, PROXY, "/issued", &whole).status, 200);
    assert_eq!(post(&server, PROXY, "/issued", &whole[..1]).status, 403, "without its chain");
    server.wait_for_log("sends its intermediate certificates too");
    assert_eq!(post(&server, ANYBODY, "/issued", &whole).status, 403, "untrusted");
    server.stop();
}

#[test]
fn a_proxys_own_certificate_is_never_its_clients() {
    let ward = Identity::self_signed(&params("Ward"));
    let proxy = Identity::self_signed(&params("Proxy"));
    let home = Home::and(&proxies("client-cert"));
    let list = format!("{},{}", ward.sha256(), proxy.sha256());
    home.workflow("pinned", &guarded("pinned", true, &list));
    let server = home.serve();
    let forwarded = byte_sequence(&ward.own());
    for (version_name, version) in TLS_VERSIONS {
        let config = client_config(version, server.certificate(), Some(&proxy));
        let connect = |from| Http1::tls_over(connect_from(from, server.socket()), config.clone());
        for (name, from, fields, expected) in [
            ("for a client without", PROXY, vec![], Err(403)),
            ("for a client", PROXY, vec![("Client-Cert", forwarded.as_str())], Ok("CN=Ward")),
            ("directly", ANYBODY, vec![], Ok("CN=Proxy")),
            (
                "directly, with a lie",
                ANYBODY,
                vec![("Client-Cert", forwarded.as_str())],
                Ok("CN=Proxy"),
            ),
        ] {
            let answer = connect(from).request_with("POST", "/pinned", &fields, "text");
            let found = match answer.status {
                200 => Ok(answer.text().split(' ').next().unwrap().to_owned()),
                status => Err(status),
            };
            assert_eq!(found, expected.map(str::to_owned), "{version_name}, {name}: {answer:?}");
        }
    }
    server.stop();
}
