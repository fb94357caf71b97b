//! Servers on this machine that write down what they get. They end with the
//! test run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A connection with or without TLS.
pub(super) trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// Plays something with every connection, each in a thread of its own; gives the
/// port.
pub(super) fn listen(
    tls: Option<ServerConfig>,
    play: impl Fn(Box<dyn Stream>) + Send + Sync + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tls, play) = (tls.map(Arc::new), Arc::new(play));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (tls, play) = (tls.clone(), Arc::clone(&play));
            std::thread::spawn(move || play(encrypted(stream, tls)));
        }
    });
    port
}

fn encrypted(stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> Box<dyn Stream> {
    match tls {
        None => Box::new(stream),
        Some(config) => Box::new(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)),
    }
}

/// A request as a server got it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Request line and header fields, one in a line.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// An HTTP server.
pub(super) struct HttpServer {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl HttpServer {
    /// Answers each request by the function, which gives the whole response.
    pub(super) fn start(
        tls: Option<ServerConfig>,
        answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let kept = Arc::clone(&seen);
        let port = listen(tls, move |stream| {
            let mut stream = BufReader::new(stream);
            while let Some(request) = read(&mut stream) {
                kept.lock().unwrap().push(request.clone());
                if stream.get_mut().write_all(&answer(&request)).is_err() {
                    return;
                }
            }
        });
        Self { port, seen }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// A request with its body; `None` when the client is done.
fn read(stream: &mut BufReader<Box<dyn Stream>>) -> Option<Seen> {
    let head = read_head(stream)?;
    let mut seen = Seen { head, body: Vec::new() };
    let length = seen.field("content-length").map_or(0, |length| length.parse().unwrap());
    seen.body = vec![0; length];
    stream.read_exact(&mut seen.body).ok()?;
    Some(seen)
}

fn read_head(stream: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => return Some(head),
            line => head = head + line + "\n",
        }
    }
}

/// A whole response.
pub(super) fn response(status: u16, fields: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// An HTTP proxy for CONNECT that wants these credentials (already in base64);
/// gives the port and what it was asked.
pub(super) fn proxy(credentials: &'static str) -> (u16, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::<Mutex<Vec<Seen>>>::default();
    let kept = Arc::clone(&seen);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || tunnel(stream, credentials, &kept));
        }
    });
    (port, seen)
}

fn tunnel(stream: TcpStream, credentials: &str, kept: &Mutex<Vec<Seen>>) -> Option<()> {
    let mut client = BufReader::new(stream.try_clone().unwrap());
    let asked = Seen { head: read_head(&mut client)?, body: Vec::new() };
    kept.lock().unwrap().push(asked.clone());
    let mut stream = stream;
    let wanted = format!("Basic {credentials}");
    if asked.field("proxy-authorization") != Some(&wanted) {
        return stream.write_all(&response(407, &[], "")).ok();
    }
    let target = asked.line().strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    let mut server = TcpStream::connect(target).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut to_server, mut to_client) = (server.try_clone().unwrap(), stream);
    let back = std::thread::spawn(move || std::io::copy(&mut server, &mut to_client));
    // Either direction may end first.
    let _ = std::io::copy(&mut client, &mut to_server);
    let _ = to_server.shutdown(std::net::Shutdown::Write);
    let _ = back.join();
    Some(())
}

/// One message in its frame; `None` when the client is done.
pub(super) fn frame(stream: &mut dyn Stream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\x1c\r") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    assert_eq!(bytes[0], 0x0b, "{bytes:?}");
    Some(String::from_utf8(bytes[1..bytes.len() - 2].to_vec()).unwrap())
}

/// An MLLP peer that answers each message by the function, which gives the bytes;
/// `None` closes. Gives the port and what it was sent, by connection.
pub(super) fn mllp(
    tls: Option<ServerConfig>,
    answer: impl Fn(usize, &str) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> (u16, Arc<Mutex<Vec<Vec<String>>>>) {
    let seen = Arc::<Mutex<Vec<Vec<String>>>>::default();
    let kept = Arc::clone(&seen);
    let port = listen(tls, move |mut stream| {
        let mut connection = None;
        while let Some(message) = frame(&mut *stream) {
            let (connection, count) = {
                let mut all = kept.lock().unwrap();
                let at = *connection.get_or_insert_with(|| {
                    all.push(Vec::new());
                    all.len() - 1
                });
                all[at].push(message.clone());
                (at, all.iter().map(Vec::len).sum())
            };
            let _ = connection;
            let Some(bytes) = answer(count, &message) else { return };
            if stream.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    (port, seen)
}

/// An acknowledgement of a message, in its frame.
pub(super) fn acknowledgement(code: &str, message: &str) -> Vec<u8> {
    let id = message.split('|').nth(9).unwrap_or_default();
    format!("\x0bMSH|^~\\&|LAB|X|WARD|NORTH|20260102||ACK^A01|9|P|2.5.1\rMSA|{code}|{id}\r\x1c\r")
        .into_bytes()
}
