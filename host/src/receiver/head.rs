//! Checks of a request that need its head only.

use hyper::header::{AUTHORIZATION, EXPECT, HOST};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Version};

use super::refusal::Refusal;
use super::{HttpLimits, Route};

/// What HTTP itself asks for, before anybody looks for a receiver.
///
/// # Errors
/// One kind of refusal for each check.
pub(super) fn check_head(head: &Parts, limits: &HttpLimits) -> Result<(), Refusal> {
    if head.method == Method::CONNECT || head.method == Method::TRACE {
        return Err(Refusal::Method);
    }
    let url_bytes = head.uri.path_and_query().map_or(0, |text| text.as_str().len());
    if url_bytes > limits.url_bytes {
        return Err(Refusal::LongUrl);
    }
    check_host(head)?;
    check_expectation(head)
}

/// Exactly one valid host (RFC 9112, 3.2; RFC 9113, 8.3.1), told once or told twice the same.
fn check_host(head: &Parts) -> Result<(), Refusal> {
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
        (None, _) if head.version == Version::HTTP_10 => return Ok(()),
        (None, _) => return Err(Refusal::Malformed("no Host field")),
    };
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return Err(Refusal::Malformed("the Host field is not a host"));
    }
    Ok(())
}

fn same_authority(one: &Authority, other: &Authority) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

fn check_expectation(head: &Parts) -> Result<(), Refusal> {
    let known = |value: &hyper::header::HeaderValue| {
        value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"100-continue")
    };
    if head.headers.get_all(EXPECT).iter().all(known) { Ok(()) } else { Err(Refusal::Expectation) }
}

/// # Errors
/// The receiver wants credentials and the request does not carry them.
pub(super) fn check_credentials<T>(head: &Parts, route: &Route<T>) -> Result<(), Refusal> {
    let Some(credentials) = &route.credentials else { return Ok(()) };
    let presented = head.headers.get(AUTHORIZATION);
    if presented.is_some_and(|value| credentials.match_header(value.as_bytes())) {
        Ok(())
    } else {
        Err(Refusal::Unauthorized)
    }
}
