use std::net::SocketAddr;
use std::path::Path;

use super::{Kept, done, impossible, refused, serving, wait_until_shown};
use crate::harness::certificates::{Authority, Identity, params};
use crate::harness::{Home, openssl};

const PASSWORD: &str = "correct horse";

/// A server's certificate below two authorities, and files that hold it.
struct Issued {
    root: Authority,
    between: Authority,
    server: Identity,
}

impl Issued {
    fn new(name: &str) -> Self {
        let root = Authority::root("Clinic root");
        let between = root.intermediate("Clinic below");
        let server = between.issue(&params(name));
        Self { root, between, server }
    }

    /// `openssl pkcs12 -export` with the whole chain.
    fn pfx(&self, home: &Home, name: &str, options: &[&str]) -> String {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let key = text(&home.write("key.pem", self.server.key_pem()));
        let own = text(&home.write("own.pem", self.server.chain_pem()));
        let chain = text(&home.write("chain.pem", self.between.pem() + &self.root.pem()));
        let to = text(&home.path(name));
        let password = format!("pass:{PASSWORD}");
        let fixed = ["pkcs12", "-export", "-inkey", &key, "-in", &own, "-certfile", &chain];
        let ends = ["-out", &to, "-passout", &password];
        openssl::run_with(&[&fixed[..], options, &ends].concat(), "");
        to
    }
}

/// What `openssl s_client` makes of the chain that a port serves, and `openssl verify` of the same.
fn verify(home: &Home, socket: SocketAddr, root: &Authority, name: &str) {
    let trusted = home.write("root.pem", root.pem());
    let trusted = trusted.to_str().unwrap();
    let address = socket.to_string();
    let client = ["s_client", "-connect", &address, "-CAfile", trusted, "-showcerts"];
    let checks = ["-verify_return_error", "-verify_hostname", "localhost"];
    let output = openssl::output(client.iter().chain(&checks), "");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("Verify return code: 0 (ok)"), "{name}: {said}");
    // The certificates as they were sent: the server's own, and those between it and the root.
    let mut sent = Vec::new();
    for part in said.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let (body, _) = part.split_once("-----END CERTIFICATE-----").unwrap();
        sent.push(format!("-----BEGIN CERTIFICATE-----{body}-----END CERTIFICATE-----\n"));
    }
    assert!(sent.len() >= 2, "{name}: {said}");
    let own = home.write("sent.pem", &sent[0]);
    let between = home.write("between.pem", sent[1..].concat());
    let files = [own.to_str().unwrap(), between.to_str().unwrap()];
    let verified = openssl::run_with(
        &["verify", "-CAfile", trusted, "-purpose", "sslserver", "-untrusted", files[1], files[0]],
        "",
    );
    assert!(verified.contains(": OK"), "{name}: {verified}");
}

#[test]
fn pfx_and_pem_files_are_imported_and_served_with_a_chain_that_openssl_verifies() {
    let (home, server, [socket]) = serving(["first"]);
    let mut kept = Kept::open(&server, &[socket]);
    let password = home.write("password", format!("{PASSWORD}\n"));
    let password = password.to_str().unwrap();
    let of = |issued: &Issued| {
        let Issued { root, between, server } = issued;
        (server.key_pem(), server.chain_pem(), between.pem(), root.pem())
    };
    let pem = |parts: &[&str]| parts.concat();
    type Make<'m> = &'m dyn Fn(&Issued) -> String;
    let rows: [(&str, &str, Make<'_>); 8] = [
        ("pfx AES-256", "a.pfx", &|it| it.pfx(&home, "a.pfx", &[])),
        ("pfx legacy RC2 and 3DES", "b.pfx", &|it| it.pfx(&home, "b.pfx", &["-legacy"])),
        ("pfx 3DES only", "c.p12", &|it| {
            let weak = ["-legacy", "-descert", "-keypbe", "PBE-SHA1-3DES"];
            it.pfx(&home, "c.p12", &weak)
        }),
        ("pfx named", "d.pfx", &|it| it.pfx(&home, "d.pfx", &["-name", "Kl\u{ee}nik"])),
        ("pem key first", "e.pem", &|it| {
            let (key, own, between, _) = of(it);
            pem(&[&key, &own, &between])
        }),
        ("pem key last", "f.pem", &|it| {
            let (key, own, between, root) = of(it);
            pem(&[&own, &between, &root, &key])
        }),
        ("pem out of order", "g.pem", &|it| {
            let (key, own, between, root) = of(it);
            pem(&[&root, &between, &key, &own])
        }),
        ("pem with Windows line ends", "h.crt", &|it| {
            let (key, own, between, _) = of(it);
            pem(&[&own, &between, &key]).replace('\n', "\r\n")
        }),
    ];
    for (number, (row, file, make)) in rows.iter().enumerate() {
        let issued = Issued::new(&format!("Server {number}"));
        let made = make(&issued);
        let is_pfx = row.starts_with("pfx");
        let path = if is_pfx { made } else { home.write(file, made).to_str().unwrap().to_owned() };
        let name = format!("cert{number}");
        let mut arguments = vec!["import", path.as_str(), "--name", name.as_str()];
        if is_pfx {
            arguments.extend(["--password-file", password]);
        }
        done(&home, &arguments, "chain    2 certificate(s) are sent");
        done(&home, &["default", &name], "the default certificate is");
        wait_until_shown(row, socket, &issued.server.own());
        verify(&home, socket, &issued.root, row);
        kept.all_answer(row);
    }
    server.stop();
}

#[test]
fn a_wrong_password_is_told_apart_from_a_broken_file_and_neither_changes_anything() {
    let (home, server, [socket]) = serving(["first"]);
    let issued = Issued::new("Server");
    let wrong = home.write("wrong", "not this one\n");
    let right = home.write("right", PASSWORD);
    let (wrong, right) = (wrong.to_str().unwrap(), right.to_str().unwrap());
    for (kind, options) in [("aes", &[][..]), ("legacy", &["-legacy"])] {
        let file = format!("{kind}.pfx");
        let pfx = issued.pfx(&home, &file, options);
        let bytes = std::fs::read(&pfx).unwrap();
        let half = home.write(&format!("{kind}-half.pfx"), &bytes[..bytes.len() / 2]);
        let half = half.to_str().unwrap();
        impossible(
            &home,
            &["import", &pfx, "--password-file", wrong],
            "the password does not open",
        );
        impossible(&home, &["import", &pfx], "is protected by a password");
        impossible(&home, &["import", half, "--password-file", right], "is damaged");
    }
    let strange = home.write("strange.pem", Issued::new("Other").server.key_pem());
    let own = home.write("own.pem", issued.server.chain_pem());
    let (strange, own) = (strange.to_str().unwrap(), own.to_str().unwrap());
    impossible(
        &home,
        &["import", own, strange, "--name", "mixed"],
        "belongs to another certificate",
    );
    impossible(
        &home,
        &["import", own, "--name", "keyless"],
        "no private key of the store belongs to",
    );
    let listed = home.run(&["cert", "list", "--json"]).json();
    let names: Vec<_> = listed["certificates"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 1, "only the default one: {listed:#}");
    wait_until_shown("what was shown before", socket, &server.certificate());
    server.stop();
}

#[test]
fn a_renewed_certificate_under_the_same_name_is_shown_at_once() {
    let (home, server, [socket]) = serving(["first"]);
    let mut kept = Kept::open(&server, &[socket]);
    done(&home, &["create", "www", "--host", "localhost"], "made");
    done(&home, &["default", "www"], "is \"www\" now");
    for round in 0..3 {
        let issued = Issued::new(&format!("Renewed {round}"));
        let whole = issued.server.whole_pem() + &issued.between.pem();
        let file = home.write("renewed.pem", whole);
        let import = ["import", file.to_str().unwrap(), "--name", "www"];
        refused(&home, &import, "--replace");
        done(&home, &[&import[..], &["--replace"]].concat(), "the former one is kept at");
        wait_until_shown("the renewed certificate", socket, &issued.server.own());
        verify(&home, socket, &issued.root, "renewed");
        kept.all_answer("after the renewal");
    }
    done(&home, &["create", "www", "--host", "localhost", "--replace"], "is kept at");
    let made = home.read("certificates/www/certificate.pem").unwrap();
    let made = openssl::output(["x509", "-outform", "DER"], made).stdout;
    wait_until_shown("a self-signed successor", socket, &made);
    kept.all_answer("at the end");
    server.stop();
}
