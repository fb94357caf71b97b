//! HTTP/2 over real TLS, and keep-alive HTTP/1.1 for load: hyper's client.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Answer;
use super::http1::tls_config;
use super::wait::PATIENCE;

/// Shared: two threads carry every client of every test.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

pub(crate) struct Http2 {
    sender: http2::SendRequest<Full<Bytes>>,
}

impl Http2 {
    pub(crate) fn connect(socket: SocketAddr, certificate: CertificateDer<'static>) -> Self {
        RUNTIME.block_on(async {
            let stream = connect(socket, tls_config(certificate, "h2")).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "ALPN chose");
            let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
            let (sender, connection) = handshake.unwrap();
            tokio::spawn(connection);
            Self { sender }
        })
    }

    pub(crate) fn post(&mut self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.request("POST", path, body)
    }

    pub(crate) fn request(&mut self, method: &str, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.request_with(method, path, &[], body)
    }

    /// As [`Http2::request`], with header fields.
    pub(crate) fn request_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let body = Bytes::copy_from_slice(body.as_ref());
        let uri = format!("https://localhost{path}");
        let request = Request::builder().version(Version::HTTP_2).method(method).uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(name.to_ascii_lowercase(), *value)
        });
        let request = request.body(Full::new(body)).unwrap();
        let sender = &mut self.sender;
        RUNTIME.block_on(async {
            let sent = within(sender.send_request(request)).await;
            within(whole(sent.unwrap())).await.unwrap()
        })
    }
}

/// One keep-alive HTTP/1.1 connection for load.
pub(crate) struct KeptAlive {
    sender: http1::SendRequest<Full<Bytes>>,
    shown: CertificateDer<'static>,
}

impl KeptAlive {
    /// # Errors
    /// The connection is refused or reset: a text, since the load counts them.
    pub(crate) async fn connect(
        socket: SocketAddr,
        certificate: CertificateDer<'static>,
    ) -> Result<Self, String> {
        Self::with_tls(socket, tls_config(certificate, "http/1.1")).await
    }

    /// With TLS settings of the test's own.
    ///
    /// # Errors
    /// As [`KeptAlive::connect`].
    pub(crate) async fn with_tls(
        socket: SocketAddr,
        config: Arc<ClientConfig>,
    ) -> Result<Self, String> {
        let stream = connect(socket, config).await.map_err(|it| it.to_string())?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let shown = shown.cloned().ok_or("the server showed no certificate")?.into_owned();
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(Self { sender, shown })
    }

    /// The certificate that the server showed in the handshake.
    pub(crate) fn shown(&self) -> &CertificateDer<'static> {
        &self.shown
    }

    /// # Errors
    /// As [`KeptAlive::connect`].
    pub(crate) async fn post(&mut self, path: &str, body: Bytes) -> Result<Answer, String> {
        within(self.sender.ready()).await.map_err(|error| error.to_string())?;
        let request = Request::post(path).header("host", "localhost").body(Full::new(body));
        let sent = within(self.sender.send_request(request.unwrap())).await;
        within(whole(sent.map_err(|error| error.to_string())?)).await
    }
}

async fn connect(
    socket: SocketAddr,
    config: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(socket).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").unwrap();
    within(TlsConnector::from(config).connect(name, stream)).await
}

async fn whole(response: Response<hyper::body::Incoming>) -> Result<Answer, String> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes().to_vec();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let mut answer = Answer { status: head.status.as_u16(), content_type: None, headers, body };
    answer.content_type = answer.header("content-type").map(str::to_owned);
    Ok(answer)
}

async fn within<F: Future>(future: F) -> F::Output {
    let limit: Duration = PATIENCE;
    tokio::time::timeout(limit, future).await.expect("the server does not answer")
}
