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
//! with a fresh one of each plugin for every message. Three more are one step of
//! somebody else's, in Rust, JavaScript and Python: the examples, where they have been
//! built. `wasi-http` is a component that does what the one step does, alone, as
//! `wasmtime serve` runs it. The servers are measured in turn, and the ratios are taken
//! round by round: the machine may be noisy.
//!
//! CPU is the time of the server's own threads per message: what the client costs
//! is not in it. On a busy machine it is the figure to compare.
//!
//! Before that, the memory of a workflow that waits for its first message is measured.
//!
//! Arguments are names of Tureen's servers (`-- reused-1 fresh-1`): only these are
//! measured then, beside the echo and `wasi-http`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "../sandbox/guests/components.rs"]
mod components;
#[path = "receive/echo.rs"]
mod echo;
#[path = "receive/idle.rs"]
mod idle;
#[path = "receive/languages.rs"]
mod languages;
#[path = "receive/wasi_http.rs"]
mod wasi_http;
#[path = "receive/workflow.rs"]
mod workflow;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;
use tureen::app::Server;
use tureen::certificates::{CertificateStore, DEFAULT_NAME, ServedCertificate, https_config};

use echo::Echo;
use wasi_http::WasiHttp;

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

/// Threads of each server, and of the client.
const THREADS: usize = 2;

const STEPS: [usize; 4] = [1, 2, 4, 8];

fn main() {
    let measured = Plugin { name: "measured", component: components::component("measured") };
    let wanted = Wanted::of_arguments();
    if wanted.are_all() {
        idle::report(&measured);
    }
    let languages = languages::Language::all(&measured);
    let mut servers = Vec::new();
    for instances in [Instances::Reused, Instances::Fresh] {
        for steps in STEPS {
            let name = format!("{}-{steps}", instances.name());
            let workflow = workflow::of_steps(steps);
            if wanted.has(&name) {
                servers.push(Running::start(&name, instances, &workflow, &measured));
            }
        }
        for languages::Language { name, workflow, plugin } in &languages {
            // A thread's name has at most 15 characters.
            let name: String = format!("{}-{name}", instances.name()).chars().take(15).collect();
            if wanted.has(&name) {
                servers.push(Running::start(&name, instances, workflow, plugin));
            }
        }
    }
    wanted.check(&servers);
    let home = servers[0].home.path();
    let echo = Echo::start(home);
    let mut all: Vec<Measured> = servers.iter().map(Running::measured).collect();
    let wasi_http = WasiHttp::start(home, &components::component("answering"));
    all.push(Measured::new(wasi_http::NAME, home, wasi_http.address, "/"));
    report(&Measured::new("echo", home, echo.address, "/"), &all);
    servers.into_iter().for_each(Running::stop);
}

/// The servers of Tureen to measure, by name; none for all.
struct Wanted(Vec<String>);

impl Wanted {
    /// Options are for cargo's own harness, which this benchmark does without.
    fn of_arguments() -> Self {
        Self(std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect())
    }

    fn are_all(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, name: &str) -> bool {
        self.are_all() || self.0.iter().any(|it| it == name)
    }

    /// A misspelt name measures nothing: it should not look as if it had.
    fn check(&self, servers: &[Running]) {
        for name in &self.0 {
            assert!(servers.iter().any(|it| it.name == *name), "no server has the name {name}");
        }
    }
}

/// A server to send to.
struct Measured {
    /// Of its threads.
    name: String,
    /// Has the certificate that it shows.
    home: PathBuf,
    address: SocketAddr,
    path: &'static str,
}

impl Measured {
    fn new(name: &str, home: &Path, address: SocketAddr, path: &'static str) -> Self {
        Self { name: name.to_owned(), home: home.to_owned(), address, path }
    }

    fn round(&self, client: &Runtime) -> Cost {
        let before = cpu_of(&self.name);
        let sent = client.block_on(Client::new(&self.home).round(self.address, self.path, ROUND));
        let cpu = (cpu_of(&self.name) - before).as_secs_f64() / sent as f64;
        Cost { cpu: cpu * 1e6, rate: sent as f64 / ROUND.as_secs_f64() }
    }
}

/// Measures all in turn, round by round, and prints the medians.
fn report(echo: &Measured, servers: &[Measured]) {
    let client = threads("client");
    let bytes = workflow::adt().len();
    println!(
        "HTTPS, {CONNECTIONS} keep-alive connections, {bytes} byte ADT^A01, {ROUNDS} rounds of {ROUND:?} each"
    );
    let mut bare = Vec::new();
    let mut costs = vec![Vec::new(); servers.len()];
    for round in 0..=ROUNDS {
        let echoed = echo.round(&client);
        for (server, costs) in servers.iter().zip(&mut costs) {
            let cost = server.round(&client);
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
        "{:<16}{:>16}{:>12}{:>14}{:>12}",
        "median", "µs CPU/message", "of bare", "messages/s", "of bare"
    );
    println!("{:<16}{cpu:>16.1}{:>12}{rate:>14.0}{:>12}", "bare echo", "", "");
    for (server, costs) in servers.iter().zip(&costs) {
        println!(
            "{:<16}{:>16.1}{:>12.3}{:>14.0}{:>12.3}",
            server.name,
            median(costs.iter().map(|(cost, _)| cost.cpu)),
            median(costs.iter().map(|(cost, echoed)| echoed.cpu / cost.cpu)),
            median(costs.iter().map(|(cost, _)| cost.rate)),
            median(costs.iter().map(|(cost, echoed)| cost.rate / echoed.rate)),
        );
    }
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

/// Takes connections with the certificate of a home, each in a task of its own.
async fn listen<S, F>(home: &Path, serve: S) -> SocketAddr
where
    S: Fn(TlsStream<TcpStream>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let store = CertificateStore::open(&home.join("certificates")).unwrap();
    let certificate = store.load(DEFAULT_NAME).unwrap();
    let tls = TlsAcceptor::from(https_config(ServedCertificate::new(&certificate), None).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            let (tls, serve) = (tls.clone(), serve.clone());
            tokio::spawn(async move {
                if let Ok(stream) = tls.accept(socket).await {
                    serve(stream).await;
                }
            });
        }
    });
    address
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

#[derive(Clone, Copy)]
enum Instances {
    /// One serves many messages.
    Reused,
    /// None serves a second one.
    Fresh,
}

impl Instances {
    fn name(self) -> &'static str {
        match self {
            Self::Reused => "reused",
            Self::Fresh => "fresh",
        }
    }

    fn configuration(self, plugin: &str) -> String {
        match self {
            Self::Reused => format!("[plugins.{plugin}]\nreuse = true\n"),
            Self::Fresh => {
                "[plugins.filter]\nreuse = false\n[plugins.transformer]\nreuse = false\n".to_owned()
            }
        }
    }
}

struct Running {
    name: String,
    home: tempfile::TempDir,
    address: SocketAddr,
    stop: CancellationToken,
    runtime: Runtime,
    server: tokio::task::JoinHandle<tureen::app::Stopped>,
}

impl Running {
    fn start(name: &str, instances: Instances, workflow: &Value, plugin: &Plugin) -> Self {
        let home = tempfile::tempdir().unwrap();
        prepare_home(home.path(), instances, workflow, plugin);
        let runtime = threads(name);
        let server = runtime.block_on(Server::start(home.path())).unwrap();
        let address = server.addresses()[0].socket;
        let stop = CancellationToken::new();
        let server = runtime.spawn(server.run_until(stop.clone()));
        Self { name: name.to_owned(), home, address, stop, runtime, server }
    }

    fn measured(&self) -> Measured {
        Measured::new(&self.name, self.home.path(), self.address, "/adt/in")
    }

    fn stop(self) {
        self.stop.cancel();
        assert!(self.runtime.block_on(self.server).unwrap().is_clean());
    }
}

/// A component as it lies in a home.
pub(crate) struct Plugin {
    name: &'static str,
    component: Arc<[u8]>,
}

/// The homes share what is compiled, with those of the next run, too: an engine of
/// JavaScript takes half a minute.
fn prepare_home(home: &Path, instances: Instances, workflow: &Value, plugin: &Plugin) {
    std::fs::create_dir(home.join("workflows")).unwrap();
    let compiled = languages::target_directory().join("receive-benchmark/compiled");
    std::fs::create_dir_all(compiled.parent().unwrap()).unwrap();
    let cache = format!("[plugins_cache]\ndirectory = {compiled:?}\n");
    let reuse = instances.configuration(plugin.name);
    let text = format!("[listen]\naddress = \"127.0.0.1\"\n{reuse}{cache}");
    std::fs::write(home.join("tureen.toml"), text).unwrap();
    let workflow = serde_json::to_vec_pretty(workflow).unwrap();
    std::fs::write(home.join("workflows/bench.hl7Workflow"), workflow).unwrap();
    std::fs::create_dir(home.join("plugins")).unwrap();
    std::fs::write(
        home.join("plugins").join(plugin.name).with_extension("wasm"),
        &plugin.component,
    )
    .unwrap();
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
        Self { tls: TlsConnector::from(Arc::new(config)), body: Bytes::from(workflow::adt()) }
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
