//! Requests to the authority: HTTPS with the system's roots and the operator's, all of it bounded.
//!
//! Deliberately does not know ACME: what is in a request or an answer is instant-acme's. Each
//! request has a connection of its own, since an order takes about twenty of them twice in a
//! quarter of a year.
//!
//! # Invariants
//! - Only `https` is spoken, also where the authority's answers lead elsewhere.
//! - No answer is longer than [`ANSWER_BYTES_MAX`], no request takes longer than
//!   [`REQUEST_TIME_MAX`]. Redirects are not followed.

use std::io::Read;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::handshake;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::AcmeError;

/// The longest answer that is read; a chain is some KiB.
pub(super) const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// From the look-up of the name to the end of the answer.
pub(super) const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
const EXTRA_ROOTS_BYTES_MAX: u64 = 1024 * 1024;
/// The longest `Retry-After` that is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    #[error("{url:?} is not an https:// URL")]
    Url { url: String },
    #[error("cannot look up {host}. Check the DNS settings of this machine and acme.directory_url")]
    LookUp {
        host: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot connect to {host}:{port}. Check that a firewall lets this machine reach it")]
    Connect {
        host: String,
        port: u16,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "the TLS handshake with {host} failed. For a private authority, name its root in \
         acme.extra_roots; check the clock of this machine"
    )]
    Handshake {
        host: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{host} did not answer within {} s", REQUEST_TIME_MAX.as_secs())]
    TooSlow { host: String },
    #[error("the answer of {host} is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong { host: String },
    #[error("the connection to {host} broke")]
    Broken {
        host: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{host} answered with status {status} and no ACME problem. {}", status_advice(*status))]
    Status { host: String, status: StatusCode, retry_after: Option<Duration> },
}

impl TransportError {
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// The way to one authority.
#[derive(Clone)]
pub(super) struct Transport {
    tls: TlsConnector,
    /// Of the last answer that was an error; instant-acme does not pass it on.
    retry_after: Arc<Mutex<Option<Duration>>>,
}

impl Transport {
    /// # Errors
    /// The file of extra roots cannot be used.
    pub(super) fn new(extra_roots: Option<&Path>) -> Result<Self, AcmeError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|source| AcmeError::Tls { source })?
            .with_root_certificates(roots(extra_roots)?)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), retry_after: Arc::default() })
    }

    /// What the last answer that was an error said about when to come again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn exchange(
        &self,
        target: &Target,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Full<Bytes>>, TransportError> {
        let host = || target.host.clone();
        let stream = target.connect().await?;
        let stream = self.tls.connect(target.server_name.clone(), stream).await;
        let stream = stream.map_err(|source| TransportError::Handshake { host: host(), source })?;
        let broken = |source: hyper::Error| TransportError::Broken {
            host: target.host.clone(),
            source: source.into(),
        };
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let response = async move {
            let (parts, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|source| match source.downcast_ref::<LengthLimitError>() {
                Some(_) => TransportError::TooLong { host: host() },
                None => TransportError::Broken { host: host(), source },
            })?;
            Ok(Response::from_parts(parts, Full::new(body.to_bytes())))
        };
        tokio::pin!(response);
        tokio::select! {
            result = &mut response => result,
            // The connection ends after the answer, and may be seen to end before it.
            _ended = connection => response.await,
        }
    }

    async fn send(
        self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<BytesResponse, TransportError> {
        let is_post = request.method() == Method::POST;
        let (target, request) = Target::of(request)?;
        let answer = tokio::time::timeout(REQUEST_TIME_MAX, self.exchange(&target, request)).await;
        let answer = answer
            .unwrap_or_else(|_| Err(TransportError::TooSlow { host: target.host.clone() }))?;
        let status = answer.status();
        if status.is_client_error() || status.is_server_error() {
            let retry_after = retry_after(answer.headers(), Timestamp::now());
            *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner) = retry_after;
            // instant-acme looks for a problem in the answers to POST alone.
            if !is_post || !is_json(answer.headers()) {
                return Err(TransportError::Status { host: target.host, status, retry_after });
            }
        }
        Ok(BytesResponse::from(answer))
    }
}

impl HttpClient for Transport {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let transport = self.clone();
        Box::pin(async move {
            let sent = transport.send(request).await;
            sent.map_err(|error| instant_acme::Error::Other(Box::new(error)))
        })
    }
}

struct Target {
    host: String,
    port: u16,
    server_name: ServerName<'static>,
}

impl Target {
    /// Takes the host from the URL of a request, and leaves the request as HTTP/1.1 wants it.
    fn of(
        mut request: Request<BodyWrapper<Bytes>>,
    ) -> Result<(Self, Request<BodyWrapper<Bytes>>), TransportError> {
        let uri = request.uri().clone();
        let wrong = || TransportError::Url { url: super::error::shown(&uri.to_string()) };
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("https"));
        let authority = authority.ok_or_else(wrong)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let server_name = ServerName::try_from(host.clone()).map_err(|_| wrong())?;
        let value = HeaderValue::try_from(authority.as_str()).map_err(|_| wrong())?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse::<Uri>().map_err(|_| wrong())?;
        request.headers_mut().insert(HOST, value);
        Ok((Self { host, port: authority.port_u16().unwrap_or(443), server_name }, request))
    }

    async fn connect(&self) -> Result<TcpStream, TransportError> {
        let addresses = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let addresses = addresses
            .map_err(|source| TransportError::LookUp { host: self.host.clone(), source })?;
        let addresses: Vec<_> = addresses.collect();
        TcpStream::connect(addresses.as_slice()).await.map_err(|source| TransportError::Connect {
            host: self.host.clone(),
            port: self.port,
            source,
        })
    }
}

fn roots(extra: Option<&Path>) -> Result<RootCertStore, AcmeError> {
    let mut roots = RootCertStore::empty();
    // A machine without roots of its own can still reach a private authority.
    let system = rustls_native_certs::load_native_certs();
    let (_usable, _unusable) = roots.add_parsable_certificates(system.certs);
    let Some(path) = extra else { return Ok(roots) };
    let unusable = || AcmeError::ExtraRoots { path: path.to_owned() };
    let mut pem = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(EXTRA_ROOTS_BYTES_MAX).read_to_end(&mut pem))
        .map_err(|source| AcmeError::File { action: "read", path: path.to_owned(), source })?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|_| unusable())?;
    if certificates.is_empty() {
        return Err(unusable());
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|_| unusable())?;
    }
    Ok(roots)
}

fn status_advice(status: StatusCode) -> &'static str {
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        "It is busy or broken: wait"
    } else {
        "It is not an ACME server, or a proxy answers for it: check acme.directory_url"
    }
}

/// A problem document (RFC 7807) or plain JSON, which some authorities send.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    matches!(media_type.trim(), "application/problem+json" | "application/json")
}

/// Seconds or a date (RFC 9110, 10.2.3), at most [`RETRY_AFTER_MAX`].
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(value).ok()?;
            Duration::try_from(date.timestamp().duration_since(now)).ok()?
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let cases = [
            ("120", Some(120)),
            (" 5 ", Some(5)),
            ("0", Some(0)),
            ("Sun, 01 Mar 2026 10:01:30 GMT", Some(90)),
            ("99999999999", Some(7 * 24 * 60 * 60)),
            // In the past, and nonsense.
            ("Sun, 01 Mar 2026 09:00:00 GMT", None),
            ("-5", None),
            ("soon", None),
            ("", None),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            let found = retry_after(&headers, now).map(|wait| wait.as_secs());
            assert_eq!(found, expected, "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn only_https_is_spoken() {
        for url in ["http://ca.example/dir", "ftp://ca.example/", "/dir"] {
            let request = Request::get(url).body(BodyWrapper::default()).unwrap();
            assert!(matches!(Target::of(request), Err(TransportError::Url { .. })), "{url}");
        }
        let request = Request::get("https://ca.example:14000/dir?a=b");
        let (target, request) = Target::of(request.body(BodyWrapper::default()).unwrap()).unwrap();
        assert_eq!((target.host.as_str(), target.port), ("ca.example", 14000));
        assert_eq!(request.uri(), "/dir?a=b");
        assert_eq!(request.headers()[HOST], "ca.example:14000");
    }
}
