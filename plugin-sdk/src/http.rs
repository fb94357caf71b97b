//! Requests to HTTP servers that the plugin is granted.
//!
//! The host sends them: it resolves the name, checks the address, speaks TLS and
//! keeps connections for later requests. It sends once and follows no redirect.
//!
//! ```
//! use tureen_plugin_sdk::http::{Request, Response};
//! use tureen_plugin_sdk::testkit::ScriptedNetwork;
//!
//! let _network = ScriptedNetwork::http(|request: &Request| {
//!     assert_eq!(request.url(), "https://lab.example.org/results");
//!     Ok(Response::new(201).with_body("stored"))
//! });
//! let response = Request::post("https://lab.example.org/results")
//!     .with_header("Content-Type", "application/json")
//!     .with_body(r#"{"n": 1}"#)
//!     .send()?;
//! assert_eq!((response.status(), response.body()), (201, &b"stored"[..]));
//! # Ok::<(), tureen_plugin_sdk::Problem>(())
//! ```

use std::fmt;
use std::time::Duration;

#[cfg(not(target_family = "wasm"))]
use crate::testkit::native as backend;
#[cfg(target_family = "wasm")]
use crate::wasm as backend;
use crate::{Problem, StepError};

/// One request. Nothing is checked until it is sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) client_certificate: Option<String>,
    pub(crate) proxy: Option<Proxy>,
}

/// An HTTP proxy, which must be granted as the server must.
#[derive(Clone)]
pub struct Proxy {
    pub(crate) url: String,
    pub(crate) credentials: Option<(String, String)>,
}

impl Request {
    /// A request with any method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: None,
            client_certificate: None,
            proxy: None,
        }
    }

    /// A `GET` request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` request.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Appends a header field. `Host`, `Content-Length`, `Transfer-Encoding`,
    /// `Connection` and the like belong to the host: sending refuses them.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The whole body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// For everything from resolving the name to the last byte. At most what is
    /// left of the call; 30 s until it is given.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Shows a certificate of the home, named by its thumbprint (SHA-1 or SHA-256,
    /// any spelling); it must be granted in `client_certificates`.
    #[must_use]
    pub fn with_client_certificate(mut self, thumbprint: impl Into<String>) -> Self {
        self.client_certificate = Some(thumbprint.into());
        self
    }

    /// Goes through an HTTP proxy.
    #[must_use]
    pub fn through(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// The method as it was given.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The URL as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value of the first header field of that name, without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// All header fields, in their order.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body as it was given.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The thumbprint of the certificate to show.
    pub fn client_certificate(&self) -> Option<&str> {
        self.client_certificate.as_deref()
    }

    /// The proxy to go through.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// The time-out, where one was given.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Sends it, once. A redirect or an error status is a response like any
    /// other.
    ///
    /// # Errors
    /// `network.not-granted`, `network.address`, `network.name`,
    /// `network.refused`, `network.timeout`, `network.tls`, `network.closed`,
    /// `network.protocol`, `network.size`, `network.certificate`;
    /// [`may_have_been_sent`] tells whether a repeat is safe.
    pub fn send(&self) -> Result<Response, Problem> {
        backend::send(self)
    }
}

impl Proxy {
    /// A proxy at `http://host:port`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), credentials: None }
    }

    /// With a name and a password for it.
    #[must_use]
    pub fn with_credentials(
        mut self,
        name: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.credentials = Some((name.into(), password.into()));
        self
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Name and password.
    pub fn credentials(&self) -> Option<(&str, &str)> {
        let (name, password) = self.credentials.as_ref()?;
        Some((name, password))
    }
}

/// Shows no password.
impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Proxy").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A response without header fields and body, for tests.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// The same with one more header field.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The status code, 100 to 999.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of the first header field of that name, without regard to case;
    /// `None` also where it is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// All header fields, in their order.
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The whole body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The whole body, taken out.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

/// May the peer have got what was sent, though the exchange failed? Where it
/// surely did not, a repeat is safe.
pub fn may_have_been_sent(problem: &Problem) -> bool {
    !problem.detail.iter().any(|(name, value)| name == "sent" && value == "no")
}

/// A network problem as the answer of a step: what is not granted or not allowed,
/// and a certificate that is not there, are the operator's to change; anything
/// else is outside and may recover.
pub fn step_error(problem: Problem) -> StepError {
    match problem.code.as_str() {
        "network.not-granted" | "network.address" | "network.certificate" => {
            StepError::Failed(problem)
        }
        _ => StepError::Retryable { problem, after: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_surely_was_not_sent_is_safe_to_repeat() {
        let problem = Problem::new("network.refused", "nobody listens");
        assert!(may_have_been_sent(&problem));
        assert!(may_have_been_sent(&problem.clone().with("sent", "maybe")));
        assert!(!may_have_been_sent(&problem.with("sent", "no")));
    }

    #[test]
    fn what_only_the_operator_can_change_is_not_tried_again() {
        let retryable =
            |code: &str| matches!(step_error(Problem::new(code, "")), StepError::Retryable { .. });
        assert!(!retryable("network.not-granted"));
        assert!(!retryable("network.address"));
        assert!(!retryable("network.certificate"));
        assert!(retryable("network.timeout"));
        assert!(retryable("network.tls"));
    }

    #[test]
    fn header_fields_are_found_without_regard_to_case_and_passwords_are_not_shown() {
        let request = Request::get("http://a.example").with_header("X-One", "1");
        assert_eq!(request.header("x-one"), Some("1"));
        let response = Response::new(200).with_header("X-Two", "2");
        assert_eq!(response.header("x-TWO"), Some("2"));
        let proxy = Proxy::new("http://p.example").with_credentials("u", "sesame");
        assert!(!format!("{:?}", request.through(proxy)).contains("sesame"));
    }
}
