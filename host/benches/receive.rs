//! What a message costs through the whole server, beside a bare echo.
//!
//! `cargo bench -p tureen --bench receive`
//!
//! All servers run in this process, each on threads of its own, with the same TLS
//! settings and the same client: some keep-alive connections, each sending a 1 KB
//! ADT^A01 as soon as the last answer came. The echo (hyper and rustls, nothing
//! else) gives the body back. Tureen parses the message, runs sandboxed steps,
//! builds an acknowledgement and answers: 1 step is a filter; 2 a filter and five
//! mappings; 4 has variables and actions before the filter, too; 8 calls four
//! third-party transformers besides. Each is measured with reused instances and
//! with a fresh one of each plugin for every message. The servers are measured in
//! turn, and the ratios are taken round by round: the machine may be noisy.
//!
//! CPU is the time of the server's own threads per message: what the client costs
//! is not in it. On a busy machine it is the figure to compare.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "../sandbox/guests/components.rs"]
mod components;

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
use tokio::runtime::Runtime;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;
use tureen::app::Server;
use tureen::certificates::{CertificateStore, DEFAULT_NAME, ServedCertificate, https_config};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

/// Threads of each server, and of the client.
const THREADS: usize = 2;

const RECEIVER: &str = "b0000000-0000-4000-8000-000000000001";
const FILTER: &str = "b0000000-0000-4000-8000-000000000002";
const MAPPINGS: &str = "b0000000-0000-4000-8000-000000000003";
const VARIABLES: &str = "b0000000-0000-4000-8000-000000000004";

const STEPS: [usize; 4] = [1, 2, 4, 8];

fn main() {
    let component = components::component("measured");
    let mut servers = Vec::new();
    for (kind, configuration) in [("reused", REUSED), ("fresh", FRESH)] {
        for steps in STEPS {
            let name = format!("{kind}-{steps}");
            servers.push(Running::start(&name, configuration, steps, &component));
        }
    }
    let echo = Echo::start(servers[0].home.path());
    let client = threads("client");
    let bytes = adt().len();
    println!(
        "HTTPS, {CONNECTIONS} keep-alive connections, {bytes} byte ADT^A01, {ROUNDS} rounds of {ROUND:?} each"
    );
    let mut bare = Vec::new();
    let mut costs = vec![Vec::new(); servers.len()];
    for round in 0..=ROUNDS {
        let measure = |name: &str, home: &Path, address, path| {
            let before = cpu_of(name);
            let sent = client.block_on(Client::new(home).round(address, path, ROUND));
            let cpu = (cpu_of(name) - before).as_secs_f64() / sent as f64;
            Cost { cpu: cpu * 1e6, rate: sent as f64 / ROUND.as_secs_f64() }
        };
        let echoed = measure("echo", servers[0].home.path(), echo.address, "/");
        for (server, costs) in servers.iter().zip(&mut costs) {
            let cost = measure(&server.name, server.home.path(), server.address, "/adt/in");
            // The first round is warm-up: instances, tickets, caches.
            if round > 0 {
                costs.push((cost, echoed));
            }
        }
        if round > 0 {
            bare.push(echoed);
        }
    }
    let cpu = median(bare.iter().map(|cost| cost.cpu));
    let rate = median(bare.iter().map(|cost| cost.rate));
    println!(
        "{:<12}{:>16}{:>12}{:>14}{:>12}",
        "median", "µs CPU/message", "of bare", "messages/s", "of bare"
    );
    println!("{:<12}{cpu:>16.1}{:>12}{rate:>14.0}{:>12}", "bare echo", "", "");
    for (server, costs) in servers.iter().zip(&costs) {
        println!(
            "{:<12}{:>16.1}{:>12.3}{:>14.0}{:>12.3}",
            server.name,
            median(costs.iter().map(|(cost, _)| cost.cpu)),
            median(costs.iter().map(|(cost, echoed)| echoed.cpu / cost.cpu)),
            median(costs.iter().map(|(cost, _)| cost.rate)),
            median(costs.iter().map(|(cost, echoed)| cost.rate / echoed.rate)),
        );
    }
    servers.into_iter().for_each(Running::stop);
}

#[derive(Clone, Copy)]
struct Cost {
    /// Microseconds of a message.
    cpu: f64,
    /// Messages per second.
    rate: f64,
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A runtime whose threads can be told from others.
fn threads(name: &str) -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name(name)
        .enable_all()
        .build()
        .unwrap()
}

/// Processor time of all threads of that name so far, as the kernel counts it.
fn cpu_of(name: &str) -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let of = |thread: std::fs::DirEntry| {
        let comm = std::fs::read_to_string(thread.path().join("comm")).ok()?;
        if comm.trim_end() != name {
            return None;
        }
        let times = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        times.split_whitespace().next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads.filter_map(of).sum())
}

const REUSED: &str = "[plugins.measured]\nreuse = true\n";

/// No instance serves a second message.
const FRESH: &str = "[plugins.filter]\nreuse = false\n[plugins.transformer]\nreuse = false\n";

struct Running {
    name: String,
    home: tempfile::TempDir,
    address: SocketAddr,
    stop: CancellationToken,
    runtime: Runtime,
    server: tokio::task::JoinHandle<tureen::app::Stopped>,
}

impl Running {
    fn start(name: &str, configuration: &str, steps: usize, component: &[u8]) -> Self {
        let home = tempfile::tempdir().unwrap();
        prepare_home(home.path(), configuration, steps, component);
        let runtime = threads(name);
        let server = runtime.block_on(Server::start(home.path())).unwrap();
        let address = server.addresses()[0].socket;
        let stop = CancellationToken::new();
        let server = runtime.spawn(server.run_until(stop.clone()));
        Self { name: name.to_owned(), home, address, stop, runtime, server }
    }

    fn stop(self) {
        self.stop.cancel();
        assert!(self.runtime.block_on(self.server).unwrap().is_clean());
    }
}

fn prepare_home(home: &Path, configuration: &str, steps: usize, component: &[u8]) {
    std::fs::create_dir(home.join("workflows")).unwrap();
    let text = format!("[listen]\naddress = \"127.0.0.1\"\n{configuration}");
    std::fs::write(home.join("tureen.toml"), text).unwrap();
    let workflow = serde_json::to_vec_pretty(&workflow(steps)).unwrap();
    std::fs::write(home.join("workflows/bench.hl7Workflow"), workflow).unwrap();
    std::fs::create_dir(home.join("plugins")).unwrap();
    std::fs::write(home.join("plugins/measured.wasm"), component).unwrap();
}

fn workflow(steps: usize) -> serde_json::Value {
    let class = |name: &str| format!("HL7Soup.Functions.Settings.{name}, HL7SoupWorkflow");
    let mapping = |from: &str, to: &str| {
        serde_json::json!({
            "$type": class("CreateMappingTransformerAction"),
            "FromPath": from, "FromDirection": 0, "FromType": 8, "FromSetting": RECEIVER,
            "ToPath": to, "ToDirection": 1, "ToType": 8, "ToSetting": RECEIVER,
        })
    };
    let variable = |name: &str, path: &str| {
        serde_json::json!({
            "$type": class("CreateVariableTransformerAction"), "VariableName": name,
            "FromPath": path, "FromDirection": 0, "FromType": 8, "FromSetting": RECEIVER,
        })
    };
    let custom = serde_json::json!({
        "$type": class("CustomTransformerAction"), "CustomTransformerTypeName": "Test.Measured",
        "CustomTransformerName": "Test.Measured", "Parameters": {},
    });
    let before = match steps {
        8 => vec![custom; 4],
        4 => vec![variable("Kind", "MSH-9.2")],
        _ => Vec::new(),
    };
    let mut receiver = serde_json::json!({
        "$type": class("Receivers.HttpReceiverSetting"), "Id": RECEIVER, "Name": "In",
        "MessageType": 1, "ServiceName": "adt/in", "Port": 0, "UseSsl": true,
        "Filters": FILTER, "Activities": [],
    });
    let mut pattern =
        vec![serde_json::json!({ "$type": class("Filters.FilterHostSetting"), "Id": FILTER,
          "Transformers": before, "Filters": [
            { "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
              "Path": "MSH-9.1", "Comparer": 0, "Value": "ADT", "FromDirection": 0,
              "FromType": 8, "FromSetting": RECEIVER } ] })];
    if steps > 1 {
        receiver["ReturnCustomResponse"] = true.into();
        receiver["ResponseMessageTemplate"] =
            "MSH|^~\\&|||||${CurrentDateTime}||ACK|${WorkflowInstanceId}|P|2.5\rMSA|AA|\r".into();
        receiver["Transformers"] = MAPPINGS.into();
        pattern.push(serde_json::json!({
            "$type": class("TransformerSetting"), "Id": MAPPINGS, "Transformers": [
                mapping("MSH-5", "MSH-3"), mapping("MSH-6", "MSH-4"), mapping("MSH-3", "MSH-5"),
                mapping("MSH-4", "MSH-6"), mapping("MSH-10", "MSA-2") ] }));
    } else {
        receiver["ReturnApplicationAccept"] = true.into();
    }
    if steps > 2 {
        receiver["VariableTransformers"] = VARIABLES.into();
        pattern.push(serde_json::json!({
            "$type": class("TransformerSetting"), "Id": VARIABLES,
            "Transformers": [variable("Patient", "PID-3.1"), variable("Ward", "PV1-3.1")] }));
    }
    pattern.insert(0, receiver);
    serde_json::json!({ "Name": "Benchmark", "WorkflowId": RECEIVER, "WorkflowPattern": pattern })
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

struct Echo {
    address: SocketAddr,
    /// Lives as long as its threads are to.
    _runtime: Runtime,
}

impl Echo {
    fn start(home: &Path) -> Self {
        let runtime = threads("echo");
        Self { address: runtime.block_on(start_echo(home)), _runtime: runtime }
    }
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

    /// How many requests were answered; every answer must be a whole 200.
    async fn round(&self, address: SocketAddr, path: &'static str, time: Duration) -> u64 {
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
        done.load(Ordering::Relaxed)
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
