//! Certificates and revocation lists that `openssl` makes, shown by `curl`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use super::harness::*;
use crate::client_certificates::tests::pki::server_config;
use crate::client_certificates::{AskForCertificate, Authorities, ClientPolicy};
use crate::listener::DesiredListener;
use crate::receiver::{Route, RouteTable};

const CONFIGURATION: &str = "\
[ca]
default_ca = here
[here]
database = index.txt
crlnumber = number
default_md = sha256
default_crl_days = 30
crl_extensions = list
[list]
authorityKeyIdentifier = keyid
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth, serverAuth
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
";

/// A directory with an authority, as an operator would make it.
struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { directory: tempfile::tempdir().unwrap() };
        for (name, text) in [("it.cnf", CONFIGURATION), ("index.txt", ""), ("number", "01")] {
            std::fs::write(desk.path(name), text).unwrap();
        }
        desk.openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 30 -subj /CN=root",
        );
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What is said on the command line is split at blanks.
    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(self.directory.path());
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("this test needs the program openssl: {error}"));
        assert!(output.status.success(), "openssl {arguments}: {output:?}");
    }

    fn issue(&self, name: &str, section: &str) {
        self.openssl(&format!(
            "req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /O=Clinic/CN={name}"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA root.pem -CAkey root.key -CAcreateserial -days 20 \
             -extfile it.cnf -extensions {section} -out {name}.pem"
        ));
    }

    /// The status that `curl` sees with this certificate; 0 when there is no answer.
    fn curl(&self, address: SocketAddr, client: Option<&str>, options: &str) -> u16 {
        let url = format!("https://localhost:{}/echo", address.port());
        let mut command = Command::new("curl");
        // Whether the server can be trusted is tested elsewhere.
        command.args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", "--data", "x", &url]);
        command.args(["--resolve", &format!("localhost:{}:127.0.0.1", address.port())]);
        command.args(options.split(' ')).current_dir(self.directory.path());
        if let Some(client) = client {
            let (certificate, key) = (format!("{client}.pem"), format!("{client}.key"));
            command.args(["--cert", &certificate, "--key", &key]);
        }
        let output =
            command.output().unwrap_or_else(|error| panic!("this test needs curl: {error}"));
        String::from_utf8(output.stdout).unwrap().parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_is_let_in_with_what_openssl_made_until_it_is_revoked() {
    let desk = Desk::new();
    for (name, section) in [("partner", "client"), ("revoked", "client"), ("web", "server")] {
        desk.issue(name, section);
    }
    desk.openssl("ca -config it.cnf -cert root.pem -keyfile root.key -revoke revoked.pem");
    desk.openssl("ca -config it.cnf -cert root.pem -keyfile root.key -gencrl -out list.pem");
    desk.openssl("crl -in list.pem -outform DER -out list.der");
    for list in ["list.pem", "list.der"] {
        let (bundle, list) = ([desk.path("root.pem")], [desk.path(list)]);
        let now = jiff::Timestamp::now();
        let (authorities, warnings) = Authorities::load(&bundle, &list, now).unwrap();
        assert_eq!(warnings, []);
        let mut route = Route::new(vec!["echo".to_owned()], "echo");
        route.client_policy =
            Some(ClientPolicy::new(Vec::new(), Some(authorities)).unwrap().into());
        let policies: Vec<_> = route.client_policy.iter().cloned().collect();
        let (config, _) = server_config(AskForCertificate::new(32 * 1024, &policies));
        let routes = Arc::new(RouteTable::new([route]).unwrap());
        let desired = DesiredListener { routes, ..desired(&[], Some(config)) };
        let server = serve_listener(limits(), desired).await;
        for options in ["--http1.1 --tls-max 1.2", "--http1.1", "--http2"] {
            let clients =
                [(Some("partner"), 200), (Some("revoked"), 403), (Some("web"), 403), (None, 403)];
            for (client, expected) in clients {
                let found =
                    tokio::task::block_in_place(|| desk.curl(server.address, client, options));
                assert_eq!(found, expected, "{client:?} {options}");
            }
        }
        let received = server.script.received.lock().unwrap();
        let certificates = received.iter().map(|(_, it)| it.client_certificate.clone().unwrap());
        let subjects: Vec<String> = certificates.map(|it| it.subject.clone()).collect();
        assert_eq!(subjects, ["CN=partner,O=Clinic"; 3]);
    }
}
