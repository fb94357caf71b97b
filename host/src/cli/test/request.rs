//! What a case says of its request, and HTTP does not allow.

use std::net::IpAddr;

use anyhow::bail;
use hyper::Method;
use hyper::header::HeaderName;

/// What no request could have: a case that says so tests nothing.
///
/// # Errors
/// Names the key of `case.toml`, what is expected and what is there.
pub(super) fn refuse_impossible<'a>(
    method: &str,
    client_ip: &str,
    headers: impl Iterator<Item = &'a String>,
) -> anyhow::Result<()> {
    if Method::from_bytes(method.as_bytes()).is_err() {
        bail!("case.toml, method: expected a method of HTTP such as GET, found {method:?}");
    }
    if client_ip.parse::<IpAddr>().is_err() {
        bail!("case.toml, client_ip: expected an address such as 10.0.0.7, found {client_ip:?}");
    }
    for name in headers {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            bail!(
                "case.toml, [headers]: expected the name of a field such as X-Request-ID, found {name:?}"
            );
        }
    }
    Ok(())
}
