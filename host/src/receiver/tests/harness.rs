//! A listener with a receiver whose exchange does what the name of its target says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::config;
use crate::listener::{
    ConnectionBudget, DesiredListener, ListenerKey, ListenerTimes, Listeners, Protocol,
};
use crate::receiver::{
    Exchange, HttpLimits, HttpReceiver, Received, Reply, Route, RouteTable, service_segments,
};
use crate::refusals::Refusals;

/// Longer than anything takes; only a hanging test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the exchange saw and is told.
pub(super) struct Script {
    pub(super) received: Mutex<Vec<(&'static str, Received)>>,
    /// One permit for each call that has begun, and that has ended.
    pub(super) begun: Semaphore,
    pub(super) ended: Semaphore,
    /// Calls of the target `wait` take one permit before they reply.
    pub(super) gate: Semaphore,
}

impl Script {
    pub(super) fn calls(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    pub(super) async fn wait_begun(&self) {
        within(self.begun.acquire()).await.unwrap().forget();
    }

    pub(super) async fn wait_ended(&self) {
        within(self.ended.acquire()).await.unwrap().forget();
    }
}

pub(super) struct ScriptedExchange(pub(super) Arc<Script>);

impl Exchange<&'static str> for ScriptedExchange {
    async fn receive(&self, target: &'static str, received: Received) -> Reply {
        let body = received.body.clone();
        self.0.received.lock().unwrap().push((target, received));
        self.0.begun.add_permits(1);
        match target {
            "panic" => panic!("scripted"),
            "wait" => self.0.gate.acquire().await.unwrap().forget(),
            _ => {}
        }
        self.0.ended.add_permits(1);
        match target {
            "teapot" => Reply {
                status: 418,
                content_type: Some("text/plain".to_owned()),
                body,
                headers: vec![
                    ("X-Pot".to_owned(), "tea".to_owned()),
                    ("X-Bad".to_owned(), "a\r\nb: c".to_owned()),
                ],
            },
            "empty" => Reply { body, ..Reply::empty(204) },
            // What it is sent does not come back.
            "taken" | "hidden" => Reply::empty(200),
            "busy" => Reply::empty(503),
            "wild" => Reply::empty(99),
            _ => Reply { body, ..Reply::empty(200) },
        }
    }

    fn health(&self, target: &&'static str) -> u16 {
        if *target == "down" { 503 } else { 200 }
    }
}

pub(super) type Receiver = HttpReceiver<&'static str, ScriptedExchange>;

pub(super) struct Server {
    pub(super) listeners: Listeners<Receiver>,
    pub(super) receiver: Arc<Receiver>,
    pub(super) script: Arc<Script>,
    pub(super) address: SocketAddr,
    pub(super) refusals: Arc<Refusals>,
}

pub(super) const KEY: ListenerKey =
    ListenerKey { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 0 };

pub(super) fn limits() -> HttpLimits {
    HttpLimits::from(&config::Limits::default())
}

/// A route for each target, under its own name.
pub(super) fn routes(targets: &[&'static str]) -> Arc<RouteTable<&'static str>> {
    let routes = targets.iter().map(|target| Route::new(service_segments(target), *target));
    Arc::new(RouteTable::new(routes).unwrap())
}

pub(super) fn desired(
    targets: &[&'static str],
    tls: Option<Arc<rustls::ServerConfig>>,
) -> DesiredListener<Receiver> {
    DesiredListener { key: KEY, tls, proxies: None, routes: routes(targets) }
}

pub(super) async fn serve(limits: HttpLimits) -> Server {
    let targets = ["echo", "wait", "panic", "teapot", "empty", "wild", "down", "busy"];
    serve_listener(limits, desired(&targets, None)).await
}

pub(super) async fn serve_listener(
    limits: HttpLimits,
    desired: DesiredListener<Receiver>,
) -> Server {
    let script = Arc::new(Script {
        received: Mutex::default(),
        begun: Semaphore::new(0),
        ended: Semaphore::new(0),
        gate: Semaphore::new(0),
    });
    let refusals = Arc::new(Refusals::default());
    let receiver =
        Arc::new(HttpReceiver::new(ScriptedExchange(script.clone()), limits, refusals.clone()));
    let mut listeners = listeners(receiver.clone(), refusals.clone());
    listeners.apply(vec![desired]).await.unwrap();
    let address = listeners.local_address(&KEY).unwrap();
    Server { listeners, receiver, script, address, refusals }
}

fn listeners<P: Protocol>(protocol: Arc<P>, refusals: Arc<Refusals>) -> Listeners<P> {
    let times = ListenerTimes { handshake: PATIENCE, drain: PATIENCE };
    Listeners::new(protocol, ConnectionBudget::new(100, 100), times, refusals)
}

pub(super) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("the test hangs")
}

/// A connection that speaks in raw bytes.
pub(super) struct RawClient {
    stream: TcpStream,
}

impl RawClient {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub(super) async fn half_close(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Everything until the server closes. A reset is a failure: it may eat an answer.
    pub(super) async fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        within(self.stream.read_to_end(&mut bytes)).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Everything until the connection ends, however that may be.
    pub(super) async fn read_lossy(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ended = within(self.stream.read_to_end(&mut bytes)).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// One answer with a Content-Length.
    pub(super) async fn read_answer(&mut self) -> String {
        read_answer(&mut self.stream).await
    }
}

/// One answer with a Content-Length.
pub(super) async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0usize);
            if body.len() >= length {
                return text.into_owned();
            }
        }
        let byte = within(stream.read_u8()).await.unwrap();
        answer.push(byte);
    }
}

/// Sends the bytes, closes the sending side, and gives everything that comes back.
pub(super) async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut client = RawClient::connect(address).await;
    client.send(bytes).await;
    client.half_close().await;
    client.read_to_end().await
}

/// The status of each answer in what a server sent.
pub(super) fn statuses(answers: &str) -> Vec<u16> {
    let starts = answers.split("HTTP/1.").skip(1);
    starts.map(|answer| answer.get(2..5).unwrap().parse().unwrap()).collect()
}

pub(super) fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
