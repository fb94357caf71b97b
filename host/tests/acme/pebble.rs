//! A real authority for a test: pebble, with a DNS server of its own.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A start that takes longer has failed.
const START_TIME_MAX: Duration = Duration::from_secs(60);
const START_ATTEMPTS: usize = 5;
/// The key of the one external account, for pebbles that want one.
pub(crate) const EXTERNAL_KEY_ID: &str = "kid-1";
pub(crate) const EXTERNAL_HMAC_KEY: &str =
    "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// An authority that verifies hosts at its own ports, and for which every name is at 127.0.0.1.
pub(crate) struct Pebble {
    pub(crate) directory_url: String,
    /// What a client must trust to speak to it.
    pub(crate) extra_roots: PathBuf,
    /// Where it asks for http-01 and tls-alpn-01.
    pub(crate) http_address: SocketAddr,
    pub(crate) tls_address: SocketAddr,
    management: u16,
    dns_management: u16,
    authority: Child,
    dns: Child,
    config: PathBuf,
    dns_address: String,
    home: tempfile::TempDir,
}

impl Pebble {
    pub(crate) fn start() -> Self {
        Self::start_with(false)
    }

    /// One that registers nobody without an external account.
    pub(crate) fn start_with_external_accounts() -> Self {
        Self::start_with(true)
    }

    fn start_with(external: bool) -> Self {
        for program in ["pebble", "pebble-challtestsrv"] {
            let mut command = Command::new(program);
            let shown = command.arg("-help").stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(shown.is_ok(), "{program} is missing: apt-get install pebble");
        }
        // Another program may take a port between its choice and its use.
        let started = (0..START_ATTEMPTS).find_map(|_| Self::try_start(external));
        started.expect("pebble does not start")
    }

    fn try_start(external: bool) -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let [listen, management, http, tls, dns, dns_management] = free_ports();
        write_server_certificate(home.path());
        let config = home.path().join("pebble.json");
        let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
        let settings = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{listen}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": path("server.pem"),
            "privateKey": path("server.key"),
            "httpPort": http,
            "tlsPort": tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": external,
            "externalAccountMACKeys": { EXTERNAL_KEY_ID: EXTERNAL_HMAC_KEY },
        }});
        fs::write(&config, settings.to_string()).unwrap();
        let dns_address = format!("127.0.0.1:{dns}");
        let dns = start_dns(&dns_address, dns_management);
        let authority = start_authority(&config, &dns_address);
        let mut pebble = Self {
            directory_url: format!("https://localhost:{listen}/dir"),
            extra_roots: home.path().join("root.pem"),
            http_address: format!("127.0.0.1:{http}").parse().unwrap(),
            tls_address: format!("127.0.0.1:{tls}").parse().unwrap(),
            management,
            dns_management,
            authority,
            dns,
            config,
            dns_address,
            home,
        };
        let ready = [listen, management].iter().all(|port| answers(&mut pebble.authority, *port))
            && answers(&mut pebble.dns, dns_management);
        ready.then_some(pebble)
    }

    /// Starts it anew: it has forgotten everything.
    pub(crate) fn restart(&mut self) {
        end(&mut self.authority);
        self.authority = start_authority(&self.config, &self.dns_address);
        assert!(answers(&mut self.authority, self.management));
        let listen = self.directory_url.split([':', '/']).nth(4).unwrap().parse().unwrap();
        assert!(answers(&mut self.authority, listen));
    }

    /// From now on `host` is at this address.
    pub(crate) fn set_address(&self, host: &str, address: &str) {
        let body = serde_json::json!({ "host": format!("{host}."), "addresses": [address] });
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.dns_management)).unwrap();
        let length = body.len();
        write!(stream, "POST /add-a HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
    }

    /// Writes the root under which certificates are issued, and says where.
    pub(crate) fn issuing_root(&self) -> PathBuf {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.extra_roots).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let socket = TcpStream::connect(("127.0.0.1", self.management)).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        stream.write_all(b"GET /roots/0 HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        // The server closes without a close_notify.
        let _ended = stream.read_to_string(&mut answer);
        let (_, pem) = answer.split_once("\r\n\r\n").unwrap();
        assert!(pem.contains("BEGIN CERTIFICATE"), "{answer}");
        let path = self.home.path().join("issuing-root.pem");
        fs::write(&path, pem).unwrap();
        path
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        end(&mut self.authority);
        end(&mut self.dns);
    }
}

fn start_dns(address: &str, management: u16) -> Child {
    let management = format!("127.0.0.1:{management}");
    let mut command = Command::new("pebble-challtestsrv");
    command.args(["-dns01", address, "-management", &management]);
    command.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn start_authority(config: &Path, dns_address: &str) -> Child {
    let mut command = Command::new("pebble");
    command.arg("-strict").arg("-config").arg(config).args(["-dnsserver", dns_address]);
    // Verified at once, always, and with the nonces refused that a client must cope with.
    command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0");
    command.env("PEBBLE_WFE_NONCEREJECT", "15");
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn end(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Whether the program listens there; false when it has ended.
fn answers(child: &mut Child, port: u16) -> bool {
    let start = Instant::now();
    while start.elapsed() < START_TIME_MAX {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Ports that are free for TCP and UDP, and that no other test of this process was given.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut held = Vec::new();
    std::array::from_fn(|_| {
        loop {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            held.push(listener);
            if UdpSocket::bind(("127.0.0.1", port)).is_ok() && given.insert(port) {
                return port;
            }
        }
    })
}

/// `server.pem` and `server.key` for localhost, under `root.pem`.
pub(crate) fn write_server_certificate(directory: &Path) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::new([]).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_certificate = root.self_signed(&root_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
    fs::write(directory.join("root.pem"), root_certificate.pem()).unwrap();
    fs::write(directory.join("server.pem"), server.pem()).unwrap();
    fs::write(directory.join("server.key"), key.serialize_pem()).unwrap();
}
