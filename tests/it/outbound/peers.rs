//! The servers that plugins talk to: each connection in a thread, plain or TLS.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::harness::certificates::{Authority, Identity};
use crate::harness::wait::PATIENCE;

pub(super) trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// Where something listens, and how often it was come to.
pub(super) struct Peer {
    pub(super) port: u16,
    connections: Arc<AtomicUsize>,
    requests: mpsc::Receiver<String>,
}

impl Peer {
    /// Serves each connection by the function, which may say what it saw.
    pub(super) fn start(
        serve: impl Fn(TcpStream, &mpsc::Sender<String>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counted, serve) = (Arc::clone(&connections), Arc::new(serve));
        let (seen, requests) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let (stream, serve, seen) = (stream.unwrap(), Arc::clone(&serve), seen.clone());
                std::thread::spawn(move || serve(stream, &seen));
            }
        });
        Self { port, connections, requests }
    }

    /// Answers every HTTP request with the bytes.
    pub(super) fn http(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream, seen| answer_all(&mut stream, &answer, seen))
    }

    /// The same over TLS; with an authority, clients must show its certificate.
    pub(super) fn https(
        identity: &Identity,
        clients: Option<&Authority>,
        answer: &'static [u8],
    ) -> Self {
        let config = tls_config(identity, clients);
        Self::start(move |stream, seen| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            answer_all(&mut StreamOwned::new(connection, stream), answer, seen);
        })
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// What the next request was: head, empty line, body.
    pub(super) fn request(&self) -> String {
        self.requests.recv_timeout(PATIENCE).expect("a request")
    }
}

pub(super) fn tls_config(identity: &Identity, clients: Option<&Authority>) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let pem = identity.key_pem();
    let key = pem::parse(pem).unwrap().into_contents();
    let key = PrivatePkcs8KeyDer::from(key).into();
    Arc::new(builder.with_single_cert(identity.chain.clone(), key).unwrap())
}

fn answer_all(stream: &mut dyn Stream, answer: &[u8], seen: &mpsc::Sender<String>) {
    while let Some(request) = read_request(stream) {
        // Nobody listens any more when a test is over.
        let _ = seen.send(request);
        if stream.write_all(answer).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

/// One request with its body; none when the other side closed.
pub(super) fn read_request(stream: &mut dyn Stream) -> Option<String> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => read.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8_lossy(&read).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    read.extend(body);
    Some(String::from_utf8_lossy(&read).into_owned())
}
