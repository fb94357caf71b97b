use super::{TEXT, connect, connect_as, guarded, open};
use crate::harness::certificates::{Authority, Identity, TLS_VERSIONS, params};
use crate::harness::openssl;
use crate::harness::ports::free_port;
use crate::harness::{Home, Http1, Workflow};

#[test]
fn of_two_receivers_on_a_port_only_the_one_that_requires_a_certificate_looks_at_it() {
    let client = Identity::self_signed(&params("Ward"));
    let stranger = Identity::self_signed(&params("Stranger"));
    let home = Home::new();
    home.workflow("guarded", &guarded("guarded", "guarded", &client.sha256()).build());
    home.workflow("open", &open("open", "open").build());
    let server = home.serve();
    for (version_name, version) in TLS_VERSIONS {
        for (who, identity, guarded) in [
            ("nobody", None, 403),
            ("stranger", Some(&stranger), 403),
            ("known", Some(&client), 200),
        ] {
            // On one connection, in both orders.
            for paths in [["/guarded", "/open"], ["/open", "/guarded"]] {
                let mut http = connect(&server, server.socket(), version, identity);
                for path in paths {
                    let expected = if path == "/open" { 200 } else { guarded };
                    for method in ["POST", "HEAD"] {
                        let answer = http.request(method, path, "");
                        assert_eq!(
                            answer.status, expected,
                            "{version_name}, {who}, {method} {path} of {paths:?}: {answer:?}"
                        );
                    }
                }
            }
        }
    }
    server.stop();
}

#[test]
fn a_workflow_reads_who_the_client_is_in_variables() {
    let authority = Authority::root("Clinic authority");
    let mut client = params("Ward \"7\", north");
    client.distinguished_name.push(rcgen::DnType::OrganizationName, "Clinic");
    client.serial_number = Some(0x0a1b_2c3d_u64.into());
    let client = authority.issue(&client);
    let home = Home::new();
    let names = ["Subject", "Issuer", "SerialNumber", "Sha1", "Sha256"];
    let template = names.map(|name| format!("${{ClientCertificate{name}}}")).join("|");
    let workflow =
        guarded("who", "who", &client.sha256()).with("ResponseMessageTemplate", template);
    home.workflow("who", &workflow.build());
    let unguarded = Workflow::new("any", "any")
        .with("MessageType", TEXT)
        .responding("[${ClientCertificateSubject}][${ClientCertificateSha256}]");
    home.workflow("any", &unguarded.build());
    let server = home.serve();
    let told = connect_as(&server, Some(&client)).post("/who", "text").text();
    let told: Vec<&str> = told.split('|').collect();
    let of = |option: &str| {
        let said = openssl::run_with(
            &["x509", "-inform", "DER", "-noout", "-nameopt", "RFC2253", option],
            client.own(),
        );
        said.trim_end().split_once('=').unwrap().1.to_owned()
    };
    assert_eq!(told[0], of("-subject"));
    assert_eq!(told[1], of("-issuer"));
    assert_eq!(told[2], of("-serial"));
    assert_eq!(told[3..], [client.sha1().to_uppercase(), client.sha256().to_uppercase()]);
    let nobody = connect_as(&server, None).post("/any", "text");
    assert_eq!(nobody.text(), "[][]", "no certificate, no variables");
    server.stop();
}

#[test]
fn a_certificate_that_plain_http_cannot_have_is_never_ignored() {
    let client = Identity::self_signed(&params("Ward"));
    let home = Home::new();
    let port = free_port();
    let plain = guarded("plain", "in", &client.sha256()).with("UseSsl", false).with("Port", port);
    home.workflow("plain", &plain.build());
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(1), "T-02: {checked:?}");
    assert!(checked.stdout.contains("error[WF051]"), "{checked:?}");
    let server = home.serve();
    server.wait_for_log("error[WF051]");
    assert!(server.addresses().is_empty(), "{}", server.said());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "nobody listens");
    server.stop();
}

#[test]
fn a_client_that_speaks_plain_http_to_a_guarded_port_gets_nothing() {
    let client = Identity::self_signed(&params("Ward"));
    let home = Home::new();
    home.workflow("guarded", &guarded("guarded", "guarded", &client.sha256()).build());
    let server = home.serve();
    let mut http = Http1::plain(server.socket());
    http.send(crate::harness::http1::request("POST", "/guarded", b"text"));
    assert!(http.try_answer("POST").is_err(), "an answer came over plain HTTP");
    server.stop();
}
