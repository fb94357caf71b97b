//! Small servers that answer with bytes of the test's own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Listens on an address of this machine; each connection has a thread.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// What each request's head was.
    pub(super) heads: mpsc::Receiver<String>,
    /// A line for each connection that the other side ended.
    pub(super) ends: mpsc::Receiver<()>,
}

impl Server {
    /// Answers each request of each connection with what the function makes of its head; nothing
    /// at all where it is empty.
    pub(super) fn start(
        at: &str,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(at).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let (head_sender, heads) = mpsc::channel();
        let (end_sender, ends) = mpsc::channel();
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let (stream, answer) = (stream.unwrap(), Arc::clone(&answer));
                let (heads, ends) = (head_sender.clone(), end_sender.clone());
                std::thread::spawn(move || serve(stream, &*answer, &heads, &ends));
            }
        });
        Self { address, connections, heads, ends }
    }

    pub(super) fn ok(at: &str) -> Self {
        Self::start(at, |_| b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec())
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn wait_for_an_end(&self) {
        self.ends.recv_timeout(Duration::from_secs(60)).expect("the connection is closed");
    }
}

fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&str) -> Vec<u8> + Send + Sync),
    heads: &mpsc::Sender<String>,
    ends: &mpsc::Sender<()>,
) {
    let mut read = Vec::new();
    let mut part = [0; 4_096];
    loop {
        while let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            read.drain(..end + 4);
            let answer = answer(&head);
            // Nobody listens any more when a test is over.
            let _ = heads.send(head);
            if stream.write_all(&answer).is_err() {
                let _ = ends.send(());
                return;
            }
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => {
                let _ = ends.send(());
                return;
            }
            Ok(count) => read.extend_from_slice(&part[..count]),
        }
    }
}
