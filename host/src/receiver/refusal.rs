//! Requests that are answered without reaching what stands behind the receiver.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use crate::refusals::RefusalKind;

/// Why a request is refused. The answer has no body (contract 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    #[error("the body is cut short or broken")]
    BrokenBody,
    #[error("credentials are missing or wrong")]
    Unauthorized,
    #[error("too many wrong credentials (limits.failed_logins_per_minute)")]
    TooManyLogins { wait_seconds: u64 },
    #[error("the client certificate is missing or not accepted")]
    ClientCertificate,
    #[error(
        "the host is not one that requests may ask for (http.hosts), or not that of the handshake"
    )]
    WrongHost,
    #[error("the body has no length, which HTTP/1.0 needs")]
    LengthRequired,
    #[error(
        "the body is multipart, as forms are: send the message itself as the body, with its own \
         Content-Type (curl: --data-binary @FILE, not --form)"
    )]
    Multipart,
    #[error("no receiver has this path")]
    UnknownPath,
    #[error("the method cannot be used")]
    Method,
    #[error("the body did not arrive in time")]
    SlowBody,
    #[error("the body is longer than the limit")]
    LongBody,
    #[error("the URL is longer than the limit")]
    LongUrl,
    #[error(
        "the body is compressed in a way that is not read, or more than once: gzip and deflate are"
    )]
    Encoding,
    #[error("the expectation is unknown")]
    Expectation,
    #[error("too many requests from this client (limits.requests_per_second_per_client)")]
    TooManyRequests { wait_seconds: u64 },
    #[error("the workflow behind this path is stopped")]
    Stopped,
    #[error("too many requests or bytes are in flight")]
    Overloaded,
}

/// In the extensions of an answer whose request ended in the middle of its body: on HTTP/2, the
/// client took it back.
#[derive(Clone, Copy)]
pub(super) struct BodyEndedEarly;

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::BrokenBody => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooManyLogins { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::ClientCertificate => StatusCode::FORBIDDEN,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::LengthRequired => StatusCode::LENGTH_REQUIRED,
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::LongBody => StatusCode::PAYLOAD_TOO_LARGE,
            Self::LongUrl => StatusCode::URI_TOO_LONG,
            Self::Encoding | Self::Multipart => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Stopped | Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Under which name it is counted.
    pub(super) fn kind(self) -> RefusalKind {
        match self {
            Self::Malformed(_) => RefusalKind::Malformed,
            Self::BrokenBody => RefusalKind::BrokenBody,
            Self::Unauthorized => RefusalKind::Unauthorized,
            Self::WrongHost => RefusalKind::WrongHost,
            Self::LengthRequired => RefusalKind::LengthRequired,
            Self::Multipart => RefusalKind::Multipart,
            Self::UnknownPath => RefusalKind::UnknownPath,
            Self::Method => RefusalKind::Method,
            Self::SlowBody => RefusalKind::SlowBody,
            Self::LongBody => RefusalKind::LongBody,
            Self::LongUrl => RefusalKind::LongUrl,
            Self::Encoding => RefusalKind::Encoding,
            Self::Expectation => RefusalKind::Expectation,
            Self::TooManyRequests { .. } => RefusalKind::TooManyRequests,
            Self::ClientCertificate => RefusalKind::ClientCertificate,
            Self::TooManyLogins { .. } => RefusalKind::TooManyLogins,
            Self::Stopped => RefusalKind::Unavailable,
            Self::Overloaded => RefusalKind::Overloaded,
        }
    }

    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        *response.status_mut() = self.status();
        let further = match self {
            Self::Unauthorized => Some((
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"Tureen\", charset=\"UTF-8\""),
            )),
            Self::Method => Some((ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE"))),
            Self::Encoding => Some((ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"))),
            Self::TooManyRequests { wait_seconds } | Self::TooManyLogins { wait_seconds } => {
                Some((RETRY_AFTER, HeaderValue::from(wait_seconds)))
            }
            Self::Stopped | Self::Overloaded => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => None,
        };
        if self == Self::BrokenBody {
            response.extensions_mut().insert(BodyEndedEarly);
        }
        if let Some((name, value)) = further {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
