//! One connection to the server after another, each for as many requests as it takes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::{SendError, SendOptions, tls};
use crate::certificates::Thumbprint;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What came back for one request.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
    pub time: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    #[error("TLS handshake failed: {0}")]
    Handshake(std::io::Error),
    #[error("no answer in time")]
    Timeout,
    #[error("the connection broke: {0}")]
    Broken(hyper::Error),
    #[error("the answer is broken or longer than {ANSWER_BYTES_MAX} bytes: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
}

impl RequestError {
    /// The kind, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Connect(_) => "cannot connect",
            Self::Handshake(_) => "TLS handshake failed",
            Self::Timeout => "timed out",
            Self::Broken(_) => "connection broke",
            Self::Body(_) => "answer broken",
        }
    }
}

/// Where requests go.
#[derive(Clone)]
pub(super) struct Target {
    host: String,
    port: u16,
    authority: HeaderValue,
    path: Uri,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    method: Method,
    timeout: Duration,
}

impl Target {
    pub(super) fn new(
        options: &SendOptions,
        method: Method,
        thumbprint: Option<Thumbprint>,
    ) -> Result<Self, SendError> {
        let wrong = |reason| SendError::Url { url: options.url.clone(), reason };
        let uri: Uri = options.url.parse().map_err(|_| wrong("it is not a URL"))?;
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it carries credentials"));
        }
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("it does not begin with http:// or https://")),
        };
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let tls = if secure {
            let name = ServerName::try_from(host.clone());
            let name = name.map_err(|_| wrong("its host is not a name or an address"))?;
            Some((TlsConnector::from(Arc::new(tls::client_config(options, thumbprint)?)), name))
        } else {
            None
        };
        Ok(Self {
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            authority: HeaderValue::try_from(authority.as_str())
                .map_err(|_| wrong("its host is not valid in HTTP"))?,
            path: path.parse().map_err(|_| wrong("its path is not valid in HTTP"))?,
            host,
            tls,
            method,
            timeout: options.timeout,
        })
    }
}

/// Sends one request after the other, over one connection as long as it lasts.
pub(super) struct Worker {
    target: Target,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Worker {
    pub(super) fn new(target: Target) -> Self {
        Self { target, sender: None }
    }

    pub(super) async fn request(
        &mut self,
        body: Bytes,
        content_type: HeaderValue,
    ) -> Result<Answer, RequestError> {
        let limit = self.target.timeout;
        let result = tokio::time::timeout(limit, self.exchange(body, content_type)).await;
        let result = result.unwrap_or(Err(RequestError::Timeout));
        if result.is_err() {
            // What comes on this connection now could be the answer to this request.
            self.sender = None;
        }
        result
    }

    async fn exchange(
        &mut self,
        body: Bytes,
        content_type: HeaderValue,
    ) -> Result<Answer, RequestError> {
        let start = Instant::now();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = self.target.method.clone();
        *request.uri_mut() = self.target.path.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.target.authority.clone());
        headers.insert(CONTENT_TYPE, content_type);
        let response = self.send(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(RequestError::Body)?.to_bytes();
        Ok(Answer { status, body, time: start.elapsed() })
    }

    /// A server may close an idle connection at any moment: then hyper gives the request back
    /// unsent, and it goes over a new connection.
    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<hyper::Response<hyper::body::Incoming>, RequestError> {
        let mut request = request;
        if let Some(mut sender) = self.sender.take()
            && sender.ready().await.is_ok()
        {
            match sender.try_send_request(request).await {
                Ok(response) => {
                    self.sender = Some(sender);
                    return Ok(response);
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(RequestError::Broken(error.into_error())),
                },
            }
        }
        let mut sender = self.connect().await?;
        let response = sender.send_request(request).await.map_err(RequestError::Broken)?;
        self.sender = Some(sender);
        Ok(response)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, RequestError> {
        let address = (self.target.host.as_str(), self.target.port);
        let stream = TcpStream::connect(address).await.map_err(RequestError::Connect)?;
        stream.set_nodelay(true).map_err(RequestError::Connect)?;
        let Some((connector, name)) = &self.target.tls else {
            return drive(stream).await;
        };
        let stream = connector.connect(name.clone(), stream).await;
        drive(stream.map_err(RequestError::Handshake)?).await
    }
}

async fn drive<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, RequestError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(RequestError::Broken)?;
    tokio::spawn(async move {
        // An error is seen by the request that it concerns.
        let _ended = connection.await;
    });
    Ok(sender)
}
