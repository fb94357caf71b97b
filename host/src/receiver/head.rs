//! Checks of a request that need its head only.

use std::net::IpAddr;
use std::time::Instant;

use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Version};

use super::credentials::PresentedCredentials;
use super::guessing::Guessing;
use super::refusal::Refusal;
use super::{HttpLimits, Route};

const MULTIPART: &[u8] = b"multipart/";

/// What HTTP itself asks for, before anybody looks for a receiver. Gives the host that the request
/// names, without port; HTTP/1.0 may name none.
///
/// # Errors
/// One kind of refusal for each check.
pub(super) fn check_head(head: &Parts, limits: &HttpLimits) -> Result<Option<String>, Refusal> {
    if head.method == Method::CONNECT || head.method == Method::TRACE {
        return Err(Refusal::Method);
    }
    let url_bytes = head.uri.path_and_query().map_or(0, |text| text.as_str().len());
    if url_bytes > limits.url_bytes {
        return Err(Refusal::LongUrl);
    }
    let host = check_host(head)?;
    check_expectation(head)?;
    check_body(head)?;
    Ok(host)
}

/// Exactly one valid host (RFC 9112, 3.2; RFC 9113, 8.3.1), told once or told twice the same.
fn check_host(head: &Parts) -> Result<Option<String>, Refusal> {
    let mut fields = head.headers.get_all(HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(Refusal::Malformed("more than one Host field"));
    }
    let field = match field {
        Some(value) => Some(
            Authority::try_from(value.as_bytes())
                .map_err(|_| Refusal::Malformed("the Host field is not a host"))?,
        ),
        None => None,
    };
    let authority = match (field, head.uri.authority()) {
        (Some(field), Some(target)) if !same_authority(&field, target) => {
            return Err(Refusal::Malformed("the Host field and the URL name different hosts"));
        }
        (Some(field), _) => field,
        (None, Some(target)) if head.version == Version::HTTP_2 => target.clone(),
        (None, _) if head.version == Version::HTTP_10 => return Ok(None),
        (None, _) => return Err(Refusal::Malformed("no Host field")),
    };
    let host = authority.host();
    let port = authority.as_str().strip_prefix(host);
    if host.is_empty() || !port.is_some_and(is_port) {
        return Err(Refusal::Malformed("the Host field is not a host"));
    }
    Ok(Some(host.to_owned()))
}

/// What may follow a host: nothing, or a colon and a number that may be missing.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':').map_or(text.is_empty(), |digits| {
        digits.is_empty()
            || digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
    })
}

fn same_authority(one: &Authority, other: &Authority) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

fn check_expectation(head: &Parts) -> Result<(), Refusal> {
    let known =
        |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"100-continue");
    if head.headers.get_all(EXPECT).iter().all(known) { Ok(()) } else { Err(Refusal::Expectation) }
}

/// A body whose end cannot be known, or that holds the message among other things.
fn check_body(head: &Parts) -> Result<(), Refusal> {
    let has_body = [Method::POST, Method::PUT, Method::PATCH].contains(&head.method);
    let old = head.version == Version::HTTP_10;
    if old && has_body && !head.headers.contains_key(CONTENT_LENGTH) {
        // It would end with the connection, as it does when it is cut short.
        return Err(Refusal::LengthRequired);
    }
    let is_multipart = |value: &HeaderValue| {
        let start = value.as_bytes().trim_ascii_start().get(..MULTIPART.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(MULTIPART))
    };
    if head.headers.get_all(CONTENT_TYPE).iter().any(is_multipart) {
        return Err(Refusal::Multipart);
    }
    Ok(())
}

/// Health may be asked for without credentials where the receiver allows it. A request without any
/// is refused and is no guess.
///
/// # Errors
/// The receiver wants credentials and the request does not carry them, or too many from this client
/// were wrong.
pub(super) fn check_credentials<T>(
    head: &Parts,
    route: &Route<T>,
    client: IpAddr,
    guessing: &Guessing,
) -> Result<(), Refusal> {
    let Some(credentials) = &route.credentials else { return Ok(()) };
    if head.method == Method::HEAD && route.health_without_credentials {
        return Ok(());
    }
    let presented = head.headers.get(AUTHORIZATION).ok_or(Refusal::Unauthorized)?;
    let presented = PresentedCredentials::read(presented.as_bytes());
    let user_name = presented.user_name();
    let right = guessing.attempt(client, user_name, Instant::now(), || credentials.are(&presented));
    match right {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refusal::Unauthorized),
        Err(wait) => {
            let wait_seconds = wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX);
            if let Some(left_out) = route.refusals_told.turn(Instant::now()) {
                let receiver = route.service_name.join("/");
                tracing::info!(
                    receiver, %client, wait_seconds, left_out,
                    "too many wrong credentials: refused whatever it sends \
                     (limits.failed_logins_per_minute)"
                );
            }
            Err(Refusal::TooManyLogins { wait_seconds })
        }
    }
}
