//! HTTP/1.1 in raw bytes over real TLS, so that a test can say anything at all.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream as StreamRef};

use super::wait::PATIENCE;

/// One HTTP answer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        write!(formatter, "{} {:?} {body:?}", self.status, self.headers)
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone())
            .unwrap_or_else(|_| panic!("not UTF-8: {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// A field of the acknowledgement's MSA segment: 1 is the code.
    pub(crate) fn msa(&self, field: usize) -> String {
        let text = self.text();
        let segment = text.split('\r').find(|segment| segment.starts_with("MSA|"));
        let segment = segment.unwrap_or_else(|| panic!("no acknowledgement: {self:?}"));
        segment.split('|').nth(field).unwrap_or_default().to_owned()
    }

    pub(crate) fn is_acknowledgement(&self) -> bool {
        self.text().starts_with("MSH|") && self.text().contains("\rMSA|")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Trusts exactly one certificate.
pub(crate) fn tls_config(certificate: CertificateDer<'static>, alpn: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    Arc::new(config)
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// TLS whose reading does not fail because the server takes no more writes: it
/// may have answered already.
struct Tls {
    connection: ClientConnection,
    socket: TcpStream,
}

impl Read for Tls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            // The first read may still have to send the handshake's own part.
            let _ = self.flush();
            if self.connection.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            self.connection.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        StreamRef::new(&mut self.connection, &mut self.socket).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        StreamRef::new(&mut self.connection, &mut self.socket).flush()
    }
}

pub(crate) struct Http1 {
    stream: Box<dyn Stream>,
    /// Read and not yet used.
    ahead: Vec<u8>,
}

impl Http1 {
    pub(crate) fn over_tls(socket: SocketAddr, certificate: CertificateDer<'static>) -> Self {
        Self::with_tls(socket, tls_config(certificate, "http/1.1"))
    }

    /// With TLS settings of the test's own.
    pub(crate) fn with_tls(socket: SocketAddr, config: Arc<ClientConfig>) -> Self {
        Self::tls_over(tcp(socket), config)
    }

    /// TLS on an open connection, on which a proxy may have said something already.
    pub(crate) fn tls_over(socket: TcpStream, config: Arc<ClientConfig>) -> Self {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(config, name).unwrap();
        let tls = Tls { connection, socket };
        Self { stream: Box::new(tls), ahead: Vec::new() }
    }

    pub(crate) fn plain(socket: SocketAddr) -> Self {
        Self::plain_over(tcp(socket))
    }

    pub(crate) fn plain_over(socket: TcpStream) -> Self {
        Self { stream: Box::new(socket), ahead: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap();
    }

    /// # Errors
    /// The server does not take any more.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// A whole request with its answer, on a connection that stays open.
    pub(crate) fn request(&mut self, method: &str, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.send(request(method, path, body.as_ref()));
        self.answer(method)
    }

    pub(crate) fn post(&mut self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.request("POST", path, body)
    }

    /// As [`Http1::request`], with further header lines.
    pub(crate) fn request_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let plain = request(method, path, body.as_ref());
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let first = plain.windows(2).position(|window| window == b"\r\n").unwrap() + 2;
        self.send([&plain[..first], lines.as_bytes(), &plain[first..]].concat());
        self.answer(method)
    }

    /// The status of the next head, also of an interim answer.
    pub(crate) fn next_status(&mut self) -> u16 {
        let head = self.head().unwrap_or_else(|error| panic!("no answer: {error}"));
        head.map_or(0, |head| head.status)
    }

    /// Reads one answer.
    pub(crate) fn answer(&mut self, method: &str) -> Answer {
        self.try_answer(method).unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// # Errors
    /// The connection ended before the answer was complete.
    pub(crate) fn try_answer(&mut self, method: &str) -> io::Result<Answer> {
        loop {
            if let Some(head) = self.head()? {
                let has_body = method != "HEAD" && head.status != 204;
                let length = head.header("content-length").map_or(Ok(0), str::parse);
                let length: usize = length.map_err(io::Error::other)?;
                assert_eq!(head.header("transfer-encoding"), None, "answers have a length");
                let body = if has_body { self.take(length)? } else { Vec::new() };
                // An interim answer is followed by the real one.
                if head.status != 100 {
                    return Ok(Answer { body, ..head });
                }
            }
        }
    }

    fn head(&mut self) -> io::Result<Option<Answer>> {
        let end = loop {
            if let Some(at) = self.ahead.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more()?;
        };
        let head: Vec<u8> = self.ahead.drain(..end).collect();
        Ok(Some(parse_head(&String::from_utf8(head).unwrap())))
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.ahead.len() < length {
            self.read_more()?;
        }
        Ok(self.ahead.drain(..length).collect())
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let read = self.stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.ahead.extend_from_slice(&buffer[..read]);
        Ok(())
    }

    /// Whether the server closes the connection without another byte.
    pub(crate) fn is_closed_by_server(&mut self) -> bool {
        assert!(self.ahead.is_empty(), "an answer too many: {} bytes", self.ahead.len());
        let mut buffer = [0; 1];
        !matches!(self.stream.read(&mut buffer), Ok(1))
    }
}

/// The bytes of a request with a length.
pub(crate) fn request(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
            .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn tcp(socket: SocketAddr) -> TcpStream {
    patient(TcpStream::connect(socket).unwrap())
}

/// A connection that waits for the server, but not for ever.
pub(crate) fn patient(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn parse_head(head: &str) -> Answer {
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("not an HTTP answer: {first:?}"));
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut answer = Answer { status, content_type: None, headers, body: Vec::new() };
    answer.content_type = answer.header("content-type").map(str::to_owned);
    answer
}
