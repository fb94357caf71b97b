//! Keys in every form, certificates in PEM and DER, and keys that wait for their certificate.

use super::authority::Authority;
use super::openssl::Bench;
use super::*;

const PASSWORD: &str = "-passout pass:secret";

fn import(bench: &Bench, files: &[&str], existing: Existing) -> Result<Imported, CertificateError> {
    let paths: Vec<_> = files.iter().map(|file| bench.path(file)).collect();
    let password = Password::new("secret".to_owned());
    bench.store.import("it", &paths, Some(&password), existing)
}

#[test]
fn keys_in_every_form_are_taken_and_become_pkcs8() {
    let bench = Bench::new();
    bench.openssl("genrsa -out rsa.pem 2048");
    bench.openssl("req -x509 -key rsa.pem -subj /CN=rsa -addext subjectAltName=DNS:r -out rsa.crt");
    bench.openssl("genpkey -algorithm ed25519 -out ed.pem");
    bench.openssl("req -x509 -key ed.pem -subj /CN=ed -addext subjectAltName=DNS:e -out ed.crt");
    bench.openssl("ecparam -name secp384r1 -genkey -out ec.pem");
    bench.openssl("req -x509 -key ec.pem -subj /CN=ec -addext subjectAltName=DNS:e -out ec.crt");
    let cases = [
        ("pkcs8 -topk8 -nocrypt -in rsa.pem -out K".to_owned(), "rsa.crt"),
        ("rsa -traditional -in rsa.pem -out K".to_owned(), "rsa.crt"),
        ("rsa -traditional -in rsa.pem -outform der -out K".to_owned(), "rsa.crt"),
        ("pkcs8 -topk8 -nocrypt -in rsa.pem -outform der -out K".to_owned(), "rsa.crt"),
        (format!("pkcs8 -topk8 -in rsa.pem {PASSWORD} -out K"), "rsa.crt"),
        (format!("pkcs8 -topk8 -in rsa.pem {PASSWORD} -outform der -out K"), "rsa.crt"),
        (format!("pkcs8 -topk8 -in rsa.pem {PASSWORD} -v2prf hmacWithSHA1 -out K"), "rsa.crt"),
        (format!("pkcs8 -topk8 -in rsa.pem {PASSWORD} -scrypt -out K"), "rsa.crt"),
        ("ecparam -name secp384r1 -in ec.pem -out /dev/null".to_owned(), "ec.crt"),
        ("ec -in ec.pem -out K".to_owned(), "ec.crt"),
        ("ec -in ec.pem -outform der -out K".to_owned(), "ec.crt"),
        (format!("pkcs8 -topk8 -in ec.pem {PASSWORD} -out K"), "ec.crt"),
        ("pkey -in ed.pem -out K".to_owned(), "ed.crt"),
    ];
    for (command, certificate) in cases {
        bench.openssl(&command);
        // As `openssl ecparam` writes it, with its parameters in front.
        let key = if command.ends_with("/dev/null") { "ec.pem" } else { "K" };
        for files in [[key, certificate], [certificate, key]] {
            let imported = import(&bench, &files, Existing::Replace);
            imported.unwrap_or_else(|error| panic!("{command}: {error}"));
            let text = std::fs::read_to_string(bench.path("store/it/key.pem")).unwrap();
            assert!(text.starts_with("-----BEGIN PRIVATE KEY-----"), "{command}");
            let public = |key: &str| bench.openssl(&format!("pkey -in {key} -pubout")).stdout;
            let source = format!("{}.pem", certificate.strip_suffix(".crt").unwrap());
            assert_eq!(public("store/it/key.pem"), public(&source), "{command}");
        }
    }
}

#[test]
fn what_is_not_read_is_told_with_the_command_that_converts_it() {
    let bench = Bench::new();
    bench.openssl("genrsa -out rsa.pem 2048");
    bench.openssl("req -x509 -key rsa.pem -subj /CN=rsa -addext subjectAltName=DNS:r -out rsa.crt");
    let cases = [
        ("rsa -traditional -aes128 -in rsa.pem -passout pass:secret -out K", "rsa.crt"),
        ("pkcs8 -topk8 -v2 des3 -in rsa.pem -passout pass:secret -out K", "rsa.crt"),
    ];
    for (command, certificate) in cases {
        bench.openssl(command);
        let error = import(&bench, &["K", certificate], Existing::Refuse).unwrap_err();
        let CertificateError::Convert { command: converting, .. } = &error else {
            panic!("{command}: {error}")
        };
        // What is told works, when it is given the passwords that it asks for.
        let converting = converting.strip_prefix("openssl ").unwrap();
        bench.openssl(&format!("{converting} -passin pass:secret -passout pass:secret"));
        import(&bench, &["converted.pem", certificate], Existing::Replace).unwrap();
        bench.store.remove("it").unwrap();
    }
    bench.openssl("crl2pkcs7 -nocrl -certfile chain.pem -out bundle.p7b");
    let error = import(&bench, &["bundle.p7b"], Existing::Refuse).unwrap_err().to_string();
    assert!(error.contains("openssl pkcs7 -print_certs -in "), "{error}");
}

#[test]
fn each_wrong_set_of_files_has_its_own_reason() {
    let bench = Bench::new();
    bench.put("other.key", Authority::root("Other").issue("x").key_pem());
    bench.put("text", "hello");
    bench.put("cut.pem", bench.own.pem().chars().take(200).collect::<String>());
    bench.put("bad.pem", bench.own.pem().replace("MII", "M*I"));
    bench.openssl("genrsa -out short.key 1024");
    bench.openssl("req -x509 -key short.key -subj /CN=x -out short.pem");
    bench.openssl("pkcs8 -topk8 -in key.pem -passout pass:Secret -out wrong.key");
    let cases: [(&[&str], &str); 9] = [
        (&["own.pem", "other.key"], "belongs to another certificate"),
        (&["own.pem"], "no private key of the store belongs to"),
        (&["key.pem"], "holds no certificate"),
        (&["text"], "neither in PEM nor in DER"),
        (&["cut.pem", "key.pem"], "a block of PEM has no proper end"),
        (&["bad.pem", "key.pem"], "bad.pem is damaged"),
        (&["short.pem", "short.key"], "has 1024 bits"),
        (&["own.pem", "wrong.key"], "the password does not open"),
        (&["nowhere"], "cannot read"),
    ];
    for (files, expected) in cases {
        let error = import(&bench, files, Existing::Refuse).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!bench.path("store/it").exists());
    }
    let paths = ["own.pem", "wrong.key"].map(|file| bench.path(file));
    let error = bench.store.import("it", &paths, None, Existing::Refuse).unwrap_err();
    assert!(matches!(error, CertificateError::PasswordNeeded { .. }), "{error}");
}

#[test]
fn a_signed_request_finds_its_key() {
    let bench = Bench::new();
    let wanted = SelfSigned {
        hosts: vec!["hl7.example".to_owned(), "10.0.0.1".to_owned()],
        organization: None,
        days: 1,
        client_auth: true,
    };
    let request = bench.store.request("it", &wanted).unwrap();
    assert_eq!(bench.store.scan().unwrap().requests, ["it"]);
    assert!(bench.store.scan().unwrap().problems.is_empty());
    assert!(matches!(bench.store.request("it", &wanted), Err(CertificateError::Exists { .. })));
    let text = bench.openssl(&format!("req -in {} -noout -text -verify", request.display()));
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    for expected in ["DNS:hl7.example", "IP Address:10.0.0.1", "Server Authentication", "Client"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // An authority signs it as it is.
    bench.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=CA -keyout ca.key -out ca.crt");
    let request = request.display();
    let sign = "-CA ca.crt -CAkey ca.key -CAcreateserial -copy_extensions copyall -days 30";
    bench.openssl(&format!("x509 -req -in {request} {sign} -out signed.crt"));
    // One for another key does not take its place, and the key is not lost.
    let stranger = import(&bench, &["own.pem", "key.pem"], Existing::Replace).unwrap_err();
    assert!(matches!(stranger, CertificateError::RequestWaits { .. }), "{stranger}");
    let imported = import(&bench, &["signed.crt", "ca.crt"], Existing::Refuse).unwrap();
    assert_eq!(imported.key_of.as_deref(), Some("it"));
    assert_eq!(imported.certificate.names, wanted.hosts);
    assert!(bench.store.scan().unwrap().requests.is_empty());
    // The same key, certified again, by an authority that makes certificates of version 1: a
    // renewal that comes without its key.
    bench.openssl("x509 -x509toreq -in signed.crt -signkey store/it/key.pem -out again.csr");
    bench.openssl(&format!("x509 -req -in again.csr {sign} -out again.crt"));
    let error = import(&bench, &["again.crt", "ca.crt"], Existing::Refuse).unwrap_err();
    assert!(matches!(error, CertificateError::Exists { .. }), "{error}");
    let again = import(&bench, &["again.crt", "ca.crt"], Existing::Replace).unwrap();
    assert_eq!(again.key_of.as_deref(), Some("it"));
    assert_ne!(again.certificate.sha256, imported.certificate.sha256);
}

#[test]
fn texts_in_pem_become_a_certificate_that_can_be_saved() {
    let bench = Bench::new();
    let chain = authority::pem(&[&bench.lower.der, &bench.own.der]);
    let new = NewCertificate::from_pem(&chain, &bench.own.key_pem()).unwrap();
    bench.store.save("acme-made", &new, Existing::Refuse).unwrap();
    assert_eq!(bench.store.load("acme-made").unwrap().own(), bench.own.der.as_ref());
    assert!(NewCertificate::from_pem(&chain, "").is_err());
    assert!(NewCertificate::from_pem("", &bench.own.key_pem()).is_err());
}

#[test]
fn hosts_that_cannot_be_in_a_certificate_are_refused() {
    let label = format!("{}.example", "a".repeat(64));
    let long = format!("{}example", "a.".repeat(124));
    let impossible = ["a..b", ".", "lab.example.", "-a.example", "a-.example", "*", "*.", "a.*.b"];
    let others = ["http://lab.example", "a@b.example", "300.1.2.3", "10.1.2.3/24", "7", "[::1]"];
    for host in ["", "two words", "müller.example", &label, &long]
        .into_iter()
        .chain(impossible)
        .chain(others)
    {
        let hosts = vec!["fine.example".to_owned(), host.to_owned()];
        let wanted = SelfSigned { hosts, organization: None, days: 1, client_auth: false };
        let error = self_signed(&wanted).unwrap_err();
        assert!(matches!(error, CertificateError::Host { .. }), "{host:?}: {error}");
    }
}

#[test]
fn hosts_that_can_be_in_a_certificate_are() {
    let label = format!("{}.example", "a".repeat(63));
    let long = format!("{}examples", "a.".repeat(122));
    let named = ["localhost", "Lab-1.Example.org", "xn--mller-kva.example", "*.lab.example"];
    let others = ["host_1", "3com.example", "1.example", "10.1.2.3", "::1", "2001:db8::7"];
    let hosts = named.into_iter().chain(others).chain([label.as_str(), &long]);
    let hosts: Vec<String> = hosts.map(str::to_owned).collect();
    let wanted = SelfSigned { hosts, organization: None, days: 1, client_auth: false };
    self_signed(&wanted).unwrap();
}
