//! One HTTP request and its response, directly or through a proxy.
//!
//! It is sent once. Only where a kept connection was closed before anything of the request left is
//! it given to a new one.

use std::error::Error as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tureen_sandbox::Scheme;
use tureen_sandbox::outbound::{
    Caller, HttpProxy, HttpRequest, HttpResponse, OutboundFault, OutboundProblem,
};

use super::Settings;
use super::connect::{self, Progress, Stage, Stream, tls_reason};
use super::kept::{Conversation, Driver, Key};
use super::target::{self, Granted, Peer};
use super::trust::Identity;

/// Fields of a response.
const HEADERS_MAX: usize = 100;

/// The smallest buffer that hyper has.
const BUFFER_BYTES_MIN: usize = 8_192;

/// A request that may be sent.
pub(super) struct Prepared {
    request: Request<Full<Bytes>>,
    server: Granted,
    proxy: Option<Proxy>,
    identity: Option<Identity>,
}

/// A proxy that the plugin may use.
struct Proxy {
    granted: Granted,
    /// Of the field `Proxy-Authorization`.
    credentials: Option<HeaderValue>,
}

fn before(fault: OutboundFault, text: impl Into<String>) -> OutboundProblem {
    OutboundProblem::before(fault, text)
}

impl Prepared {
    /// # Errors
    /// It cannot be sent as it is, or is not granted.
    pub(super) async fn new(
        settings: &Settings,
        caller: &Caller,
        request: HttpRequest,
    ) -> Result<Self, OutboundProblem> {
        let (grants, plugin) = (&caller.grants, &caller.plugin);
        let address = target::address(&request.url)?;
        let (method, mut headers) = (target::method(&request)?, target::headers(&request)?);
        let server = target::granted(address.peer, grants, plugin)?;
        let proxy = match &request.proxy {
            Some(proxy) => Some(Proxy::new(proxy, caller)?),
            None => None,
        };
        let identity = match &request.client_certificate {
            None => None,
            Some(_) if server.peer.scheme != Scheme::Https => {
                let text = "a client certificate can be shown with https only";
                return Err(before(OutboundFault::Certificate, text));
            }
            Some(asked) => Some(settings.trust.identity(asked, grants, plugin).await?),
        };
        let unusable = || before(OutboundFault::Protocol, "the URL cannot be sent");
        let host = HeaderValue::try_from(host_of(&server.peer)).map_err(|_| unusable())?;
        headers.insert(HOST, host);
        let target = match &proxy {
            Some(proxy) if server.peer.scheme == Scheme::Http => {
                if let Some(credentials) = &proxy.credentials {
                    headers.insert(PROXY_AUTHORIZATION, credentials.clone());
                }
                format!("http://{}{}", host_of(&server.peer), address.target)
            }
            _ => address.target,
        };
        let uri = Uri::try_from(target).map_err(|_| unusable())?;
        let request = request_of(method, uri, headers, request.body);
        Ok(Self { request, server, proxy, identity })
    }

    fn key(&self, caller: &Caller) -> Key {
        let proxy = self.proxy.as_ref().map(|proxy| {
            let credentials = proxy.credentials.as_ref().and_then(|it| it.to_str().ok());
            (proxy.granted.peer.to_string(), credentials.map(str::to_owned))
        });
        Key {
            plugin: Arc::clone(&caller.plugin),
            server: self.server.peer.to_string(),
            proxy,
            identity: self.identity.as_ref().map(|it| it.thumbprint.clone()),
        }
    }

    /// The server, and the proxy where there is one.
    pub(super) fn servers(&self) -> impl Iterator<Item = &Granted> {
        [&self.server].into_iter().chain(self.proxy.as_ref().map(|proxy| &proxy.granted))
    }

    /// Whom the connection is made to.
    fn reached(&self) -> &Granted {
        self.proxy.as_ref().map_or(&self.server, |proxy| &proxy.granted)
    }
}

impl Proxy {
    fn new(proxy: &HttpProxy, caller: &Caller) -> Result<Self, OutboundProblem> {
        let address = target::address(&proxy.url)?;
        let granted = target::granted(address.peer, &caller.grants, &caller.plugin)?;
        let credentials = match (&proxy.user_name, &proxy.password) {
            (None, None) => None,
            (name, password) => {
                let name = name.as_deref().unwrap_or_default();
                if name.contains(':') {
                    let text = "the proxy's user name holds a colon, which Basic cannot carry";
                    return Err(before(OutboundFault::Protocol, text));
                }
                let pair = format!("{name}:{}", password.as_deref().unwrap_or_default());
                let value = format!("Basic {}", STANDARD.encode(pair));
                let value = HeaderValue::try_from(value);
                let mut value = value.map_err(|_| {
                    before(OutboundFault::Protocol, "the proxy's credentials cannot be sent")
                })?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self { granted, credentials })
    }
}

fn request_of(method: Method, uri: Uri, headers: HeaderMap, body: Vec<u8>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request
}

/// As the field `Host` has it: without the usual port.
fn host_of(peer: &Peer) -> String {
    match (peer.scheme, peer.port) {
        (Scheme::Http, 80) | (Scheme::Https, 443) => peer.host.to_string(),
        (_, port) => format!("{}:{port}", peer.host),
    }
}

/// # Errors
/// The server cannot be reached, does not speak HTTP, or says too much.
pub(super) async fn exchange(
    settings: &Settings,
    caller: &Caller,
    prepared: Prepared,
    progress: &Progress,
) -> Result<HttpResponse, OutboundProblem> {
    let key = prepared.key(caller);
    let kept = kept(settings, caller, &prepared, &key).await;
    let mut is_kept = kept.is_some();
    let mut conversation = match kept {
        Some(conversation) => conversation,
        None => connected(settings, caller, &prepared, progress).await?,
    };
    let mut request = prepared.request.clone();
    let shown = prepared.server.shown.as_str();
    let response = loop {
        progress.at(Stage::Answering);
        match conversation.sender.try_send_request(request).await {
            Ok(response) => break response,
            Err(mut error) => match error.take_message() {
                // The server closed it meanwhile, and has nothing of this request.
                Some(unsent) if is_kept => {
                    is_kept = false;
                    request = unsent;
                    conversation = connected(settings, caller, &prepared, progress).await?;
                }
                unsent => {
                    let problem = problem_of(error.error(), shown);
                    return Err(match unsent {
                        Some(_) => OutboundProblem::before(problem.fault, problem.text),
                        None => problem,
                    });
                }
            },
        }
    };
    progress.at(Stage::Reading);
    let response = read(response, caller, shown).await?;
    settings.kept.keep(key, conversation);
    Ok(response)
}

/// A connection of an earlier request, if it is still one that would be made today.
async fn kept(
    settings: &Settings,
    caller: &Caller,
    prepared: &Prepared,
    key: &Key,
) -> Option<Conversation> {
    while let Some(mut conversation) = settings.kept.take(key) {
        let address = conversation.address.ip();
        let networks = &caller.grants.private_addresses;
        let allowed = connect::check(address, networks, prepared.reached()).is_ok();
        if allowed && conversation.sender.ready().await.is_ok() {
            return Some(conversation);
        }
    }
    None
}

async fn connected(
    settings: &Settings,
    caller: &Caller,
    prepared: &Prepared,
    progress: &Progress,
) -> Result<Conversation, OutboundProblem> {
    let reached = prepared.reached();
    progress.at(Stage::Resolving);
    let networks = &caller.grants.private_addresses;
    let resolver = settings.resolver.as_ref();
    let addresses = connect::addresses(reached, networks, resolver, settings.times).await?;
    progress.at(Stage::Connecting);
    let (stream, address) = connect::tcp(reached, &addresses, settings.times).await?;
    let mut stream: Box<dyn Stream> = Box::new(stream);
    if let Some(proxy) = &prepared.proxy {
        if proxy.granted.peer.scheme == Scheme::Https {
            stream = encrypted(settings, caller, &proxy.granted, None, stream, progress).await?;
        }
        if prepared.server.peer.scheme == Scheme::Https {
            stream = tunnel(proxy, &prepared.server.peer, stream).await?;
        }
    }
    if prepared.server.peer.scheme == Scheme::Https {
        let identity = prepared.identity.as_ref();
        stream = encrypted(settings, caller, &prepared.server, identity, stream, progress).await?;
    }
    let shown = reached.shown.as_str();
    let broken = |error| {
        let problem = problem_of(&error, shown);
        OutboundProblem::before(problem.fault, problem.text)
    };
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(caller.limits.header_bytes.max(BUFFER_BYTES_MIN))
        .max_headers(HEADERS_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Its end is seen where the request is.
    let driver = Driver(tokio::spawn(async move { drop(connection.await) }));
    Ok(Conversation { sender, address, _driver: driver })
}

async fn encrypted(
    settings: &Settings,
    caller: &Caller,
    granted: &Granted,
    identity: Option<&Identity>,
    stream: Box<dyn Stream>,
    progress: &Progress,
) -> Result<Box<dyn Stream>, OutboundProblem> {
    progress.at(Stage::Encrypting);
    let config = settings.trust.client_config(&caller.plugin, identity, true)?;
    Ok(Box::new(connect::encrypt(granted, stream, config, settings.times.connect).await?))
}

/// Asks the proxy for a way to the server.
async fn tunnel(
    proxy: &Proxy,
    server: &Peer,
    stream: Box<dyn Stream>,
) -> Result<Box<dyn Stream>, OutboundProblem> {
    let shown = &proxy.granted.shown;
    let refused = |what: &str| before(OutboundFault::Refused, format!("{shown}: the proxy {what}"));
    let handshake = http1::Builder::new().max_headers(HEADERS_MAX).handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|_| refused("does not speak HTTP"))?;
    let _driver = Driver(tokio::spawn(async move { drop(connection.with_upgrades().await) }));
    let authority = format!("{}:{}", server.host, server.port);
    let mut asked = Request::connect(&authority).header(HOST, &authority);
    if let Some(credentials) = &proxy.credentials {
        asked = asked.header(PROXY_AUTHORIZATION, credentials);
    }
    let asked = asked.body(Empty::<Bytes>::new()).map_err(|_| refused("cannot be asked"))?;
    let answer = sender.send_request(asked).await.map_err(|_| refused("did not answer"))?;
    match answer.status().as_u16() {
        200..=299 => {}
        407 => return Err(refused("wants a user name and password, or others")),
        status => return Err(refused(&format!("refused the way to the server with {status}"))),
    }
    let upgraded = hyper::upgrade::on(answer).await;
    let upgraded = upgraded.map_err(|_| refused("closed the way to the server"))?;
    Ok(Box::new(TokioIo::new(upgraded)))
}

async fn read(
    response: Response<Incoming>,
    caller: &Caller,
    shown: &str,
) -> Result<HttpResponse, OutboundProblem> {
    let limit = caller.limits.response_bytes;
    let too_long = || {
        let text = format!("{shown}: the response has more than {limit} bytes (response_bytes)");
        OutboundProblem::after(OutboundFault::Size, text)
    };
    let (head, body) = response.into_parts();
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > limit) {
        return Err(too_long());
    }
    let body = Limited::new(body, limit).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return too_long();
        }
        match error.downcast_ref::<hyper::Error>() {
            Some(error) => problem_of(error, shown),
            None => OutboundProblem::after(OutboundFault::Protocol, format!("{shown}: unreadable")),
        }
    })?;
    let headers = head.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    Ok(HttpResponse {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body: body.to_bytes().to_vec(),
    })
}

/// What hyper tells, in words and codes of the contract.
fn problem_of(error: &hyper::Error, shown: &str) -> OutboundProblem {
    let after = |fault, what: &str| OutboundProblem::after(fault, format!("{shown}: {what}"));
    let source = error.source().and_then(|it| it.downcast_ref::<std::io::Error>());
    if let Some(source) = source {
        if source.get_ref().is_some_and(|it| it.is::<rustls::Error>()) {
            return after(OutboundFault::Tls, &tls_reason(source));
        }
        if matches!(
            source.kind(),
            std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData
        ) {
            return after(
                OutboundFault::Protocol,
                "the response's body is not framed as HTTP frames it",
            );
        }
    }
    if error.is_parse_too_large() {
        return after(OutboundFault::Size, "the response's header fields are too many or too long");
    }
    if error.is_parse() {
        return after(OutboundFault::Protocol, "what the server says is not HTTP");
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() || source.is_some()
    {
        return after(
            OutboundFault::Closed,
            "the server closed the connection before its answer was whole",
        );
    }
    after(OutboundFault::Protocol, "the exchange did not go as HTTP goes")
}
