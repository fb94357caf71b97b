//! A server whose configuration asks for a certificate gets it, and shows it where it is bound.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tureen::app::Server;
use tureen::certificates::Assignments;

use super::Pebble;

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

fn home(pebble: &Pebble, challenge: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let configuration = format!(
        "[listen]\naddress = \"127.0.0.1\"\n[admin]\nenabled = false\n\
         [reload]\ndebounce_milliseconds = 20\n\
         [acme]\ndirectory_url = \"{}\"\nagree_to_terms = true\nchallenge = \"{challenge}\"\n\
         http_address = \"{}\"\nroots = \"{}\"\n\
         [acme.certificates.public]\nhosts = [\"hl7.example\"]\n",
        pebble.directory_url,
        pebble.http_address,
        pebble.extra_roots.display(),
    );
    fs::write(home.path().join("tureen.toml"), configuration).unwrap();
    fs::create_dir(home.path().join("workflows")).unwrap();
    let workflow = format!(
        r#"{{"Name":"Served","WorkflowId":"d0000000-0000-4000-8000-000000000001","WorkflowPattern":[
        {{"$type":"HL7Soup.Functions.Settings.Receivers.HttpReceiverSetting, HL7SoupWorkflow",
        "Id":"d0000000-0000-4000-8000-000000000001","Name":"In","ServiceName":"in","UseSsl":true,
        "Port":{},"ReturnCustomResponse":false,"ReturnApplicationAccept":true}}]}}"#,
        pebble.tls_address.port(),
    );
    fs::write(home.path().join("workflows/served.hl7Workflow"), workflow).unwrap();
    home
}

/// Whether a client that trusts only the authority connects to the server.
async fn is_trusted(pebble: &Pebble, roots: &Path) -> bool {
    let mut store = rustls::RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(roots).unwrap() {
        store.add(root.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(store).with_no_client_auth();
    let Ok(stream) = TcpStream::connect(pebble.tls_address).await else { return false };
    let name = ServerName::try_from("hl7.example").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.is_ok()
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_obtains_its_certificate_and_shows_it_where_it_is_bound() {
    for challenge in ["tls-alpn-01", "http-01"] {
        let pebble = Pebble::start();
        let home = home(&pebble, challenge);
        let store = home.path().join("certificates");
        let server = Server::start(home.path()).await.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(server.run_until(stop.clone()));
        until(challenge, async || store.join("public/certificate.pem").exists()).await;
        let root = pebble.issuing_root();
        assert!(!is_trusted(&pebble, &root).await, "the default one is shown until it is bound");
        let bind = |all: &mut Assignments| all.bind(pebble.tls_address.port(), "public", false);
        Assignments::change(&store, bind).unwrap();
        until("the next handshakes show it", async || is_trusted(&pebble, &root).await).await;
        stop.cancel();
        assert!(running.await.unwrap().is_clean());
    }
}
