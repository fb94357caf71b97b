//! HTTPS requests per second through the whole server, beside a bare echo.
//!
//! `cargo bench -p tureen --bench receive`
//!
//! Both servers run in this process with the same TLS settings and the same
//! client: some keep-alive connections, each sending a 1 KB ADT^A01 as soon as
//! the last answer came. The server parses it, runs a sandboxed filter, builds
//! the acknowledgement by five sandboxed mappings and answers; the echo (hyper
//! and rustls, nothing else) gives the body back. A second server makes a fresh
//! instance of each plugin for every message (`reuse = false`), as it does for
//! third-party plugins by default. All are measured in turn, and the ratios are
//! taken round by round: the machine may be noisy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;
use tureen::app::Server;
use tureen::certificates::{CertificateStore, DEFAULT_NAME, ServedCertificate, https_config};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

const RECEIVER: &str = "b0000000-0000-4000-8000-000000000001";
const FILTER: &str = "b0000000-0000-4000-8000-000000000002";
const MAPPINGS: &str = "b0000000-0000-4000-8000-000000000003";

#[tokio::main]
async fn main() {
    let (reusing, fresh) = (Running::start("").await, Running::start(FRESH).await);
    let echo = start_echo(reusing.home.path()).await;
    let client = Client::new(reusing.home.path());
    let fresh_client = Client::new(fresh.home.path());

    let bytes = adt().len();
    println!(
        "HTTPS, {CONNECTIONS} keep-alive connections, {bytes} byte ADT^A01, {ROUNDS} rounds of {ROUND:?} each"
    );
    // Warm-up: instances, tickets, caches.
    let warm_up = Duration::from_secs(1);
    client.round(reusing.address, "/adt/in", warm_up).await;
    fresh_client.round(fresh.address, "/adt/in", warm_up).await;
    client.round(echo, "/", warm_up).await;
    let mut ratios = [Vec::new(), Vec::new()];
    for round in 1..=ROUNDS {
        let bare = client.round(echo, "/", ROUND).await;
        let through = client.round(reusing.address, "/adt/in", ROUND).await;
        let isolated = fresh_client.round(fresh.address, "/adt/in", ROUND).await;
        println!(
            "round {round}: bare echo {bare:>8.0}/s   tureen {through:>8.0}/s ({:.3})   fresh instances {isolated:>8.0}/s ({:.3})",
            through / bare,
            isolated / bare
        );
        ratios[0].push(through / bare);
        ratios[1].push(isolated / bare);
    }
    for (name, mut ratios) in ["tureen", "fresh instances"].into_iter().zip(ratios) {
        ratios.sort_by(f64::total_cmp);
        println!("{name}: median ratio {:.3} of a bare hyper+rustls echo", ratios[ROUNDS / 2]);
    }
    reusing.stop().await;
    fresh.stop().await;
}

/// No instance serves a second message.
const FRESH: &str = "[plugins.filter]\nreuse = false\n[plugins.transformer]\nreuse = false\n";

struct Running {
    home: tempfile::TempDir,
    address: SocketAddr,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<tureen::app::Stopped>,
}

impl Running {
    async fn start(configuration: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        prepare_home(home.path(), configuration);
        let server = Server::start(home.path()).await.unwrap();
        let address = server.addresses()[0].socket;
        let stop = CancellationToken::new();
        let server = tokio::spawn(server.run_until(stop.clone()));
        Self { home, address, stop, server }
    }

    async fn stop(self) {
        self.stop.cancel();
        assert!(self.server.await.unwrap().is_clean());
    }
}

fn prepare_home(home: &Path, configuration: &str) {
    std::fs::create_dir(home.join("workflows")).unwrap();
    let text = format!("[listen]\naddress = \"127.0.0.1\"\n{configuration}");
    std::fs::write(home.join("tureen.toml"), text).unwrap();
    let workflow = serde_json::to_vec_pretty(&workflow()).unwrap();
    std::fs::write(home.join("workflows/bench.hl7Workflow"), workflow).unwrap();
}

fn workflow() -> serde_json::Value {
    let class = |name: &str| format!("HL7Soup.Functions.Settings.{name}, HL7SoupWorkflow");
    let mapping = |from: &str, to: &str| {
        serde_json::json!({
            "$type": class("CreateMappingTransformerAction"),
            "FromPath": from, "FromDirection": 0, "FromType": 8, "FromSetting": RECEIVER,
            "ToPath": to, "ToDirection": 1, "ToType": 8, "ToSetting": RECEIVER,
        })
    };
    serde_json::json!({ "Name": "Benchmark", "WorkflowId": RECEIVER, "WorkflowPattern": [
        { "$type": class("Receivers.HttpReceiverSetting"), "Id": RECEIVER, "Name": "In",
          "MessageType": 1, "ServiceName": "adt/in", "Port": 0, "UseSsl": true,
          "ReturnCustomResponse": true,
          "ResponseMessageTemplate": "MSH|^~\\&|||||${CurrentDateTime}||ACK|${WorkflowInstanceId}|P|2.5\rMSA|AA|\r",
          "Filters": FILTER, "Transformers": MAPPINGS, "Activities": [] },
        { "$type": class("Filters.FilterHostSetting"), "Id": FILTER, "Filters": [
            { "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
              "Path": "MSH-9.1", "Comparer": 0, "Value": "ADT", "FromDirection": 0,
              "FromType": 8, "FromSetting": RECEIVER } ] },
        { "$type": class("TransformerSetting"), "Id": MAPPINGS, "Transformers": [
            mapping("MSH-5", "MSH-3"), mapping("MSH-6", "MSH-4"), mapping("MSH-3", "MSH-5"),
            mapping("MSH-4", "MSH-6"), mapping("MSH-10", "MSA-2") ] },
    ]})
}

/// An admission of about 1 KB; the person is invented.
fn adt() -> Vec<u8> {
    let mut text = String::from(
        "MSH|^~\\&|ADTAPP|NORTHWING|TUREEN|ARCHIVE|20260301101500||ADT^A01^ADT_A01|BENCH-1|P|2.5\r\
         EVN|A01|20260301101500\r\
         PID|1||778899^^^NORTHWING^MR~5551234^^^NATIONAL^NI||Fictitious^Anna^Berta||19710823|F|||12 Elm Street^^Springfield^IL^62701||555-0142|555-0143||M||90001\r\
         NK1|1|Fictitious^Paul|SPO|12 Elm Street^^Springfield^IL^62701|555-0144\r\
         PV1|1|I|4WEST^12^A^NORTHWING||||1234^Adams^Grace|2345^Brook^Henry|||MED||||||||VN-4711|||||||||||||||||||||||||20260301101000\r",
    );
    let mut number = 1;
    while text.len() < 1_000 {
        text.push_str(&format!("OBX|{number}|NM|8302-2^Height^LN||17{number}|cm|||||F\r"));
        number += 1;
    }
    text.into_bytes()
}

async fn start_echo(home: &Path) -> SocketAddr {
    let store = CertificateStore::open(&home.join("certificates")).unwrap();
    let certificate = store.load(DEFAULT_NAME).unwrap();
    let tls = TlsAcceptor::from(https_config(ServedCertificate::new(&certificate), None).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            let tls = tls.clone();
            tokio::spawn(async move {
                let Ok(stream) = tls.accept(socket).await else { return };
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(echo))
                    .await;
            });
        }
    });
    address
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Full::new(body)))
}

struct Client {
    tls: TlsConnector,
    body: Bytes,
}

impl Client {
    fn new(home: &Path) -> Self {
        let store = CertificateStore::open(&home.join("certificates")).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(store.load(DEFAULT_NAME).unwrap().chain()[0].clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { tls: TlsConnector::from(Arc::new(config)), body: Bytes::from(adt()) }
    }

    /// Requests per second; every answer must be a whole 200.
    async fn round(&self, address: SocketAddr, path: &'static str, time: Duration) -> f64 {
        let done = Arc::new(AtomicU64::new(0));
        let mut senders = Vec::new();
        for _ in 0..CONNECTIONS {
            senders.push(self.connect(address).await);
        }
        let started = Instant::now();
        let tasks: Vec<_> = senders
            .into_iter()
            .map(|mut sender| {
                let (done, body) = (Arc::clone(&done), self.body.clone());
                tokio::spawn(async move {
                    while started.elapsed() < time {
                        let request = Request::post(path)
                            .header("host", "localhost")
                            .header("content-type", "x-application/hl7-v2+er7")
                            .body(Full::new(body.clone()))
                            .unwrap();
                        let response = sender.send_request(request).await.unwrap();
                        assert_eq!(response.status(), 200);
                        let answer = response.into_body().collect().await.unwrap().to_bytes();
                        assert!(answer.starts_with(b"MSH|"));
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
    }

    async fn connect(
        &self,
        address: SocketAddr,
    ) -> hyper::client::conn::http1::SendRequest<Full<Bytes>> {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let stream = self.tls.connect(name, socket).await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}
