//! Lists of addresses that proxies pass on: `Forwarded` (RFC 7239) and `X-Forwarded-For`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use hyper::header::{FORWARDED, HeaderMap, HeaderName};

/// The most addresses that are looked at, from the right. More proxies in a row than this are a
/// loop.
pub const ADDRESSES_MAX: usize = 32;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// One entry of a list; `None` for what names no address: `unknown`, `_hidden`, or anything else.
type Entry = Option<IpAddr>;

/// Walks from the right over the addresses of trusted proxies to the client. Where all are trusted,
/// the client is one of them: the leftmost.
///
/// # Errors
/// There is no list, or it names no address where the client should stand.
pub(super) fn client(
    from_the_right: impl Iterator<Item = Entry>,
    trusted: impl Fn(IpAddr) -> bool,
) -> Result<IpAddr, &'static str> {
    let mut leftmost = None;
    for (index, entry) in from_the_right.enumerate() {
        if index == ADDRESSES_MAX {
            return Err("the header field lists too many proxies");
        }
        let address = entry.ok_or("the header field names no address")?.to_canonical();
        if !trusted(address) {
            return Ok(address);
        }
        leftmost = Some(address);
    }
    leftmost.ok_or("the header field is missing")
}

/// The entries of all fields of the name, the last one first.
pub(super) fn x_forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Entry> {
    fields_from_the_right(headers, X_FORWARDED_FOR)
        .flat_map(|field| field.unwrap_or("?").rsplit(',').map(|entry| node(entry.trim())))
}

/// The `for` of the elements of all fields of the name, the last one first.
pub(super) fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Entry> {
    fields_from_the_right(headers, FORWARDED).flat_map(|field| {
        // A field that cannot be read to its end says nothing: a client may have opened a quote to
        // hide what the proxy wrote after it.
        let nodes = field.and_then(nodes).unwrap_or_else(|| vec![None]);
        nodes.into_iter().rev()
    })
}

/// `None` for a field that is not text.
fn fields_from_the_right(
    headers: &HeaderMap,
    name: HeaderName,
) -> impl Iterator<Item = Option<&str>> {
    let fields: Vec<_> = headers.get_all(name).iter().collect();
    fields.into_iter().rev().map(|value| value.to_str().ok())
}

/// The node of each element of one field (RFC 7239, 4); `None` when the syntax is broken.
fn nodes(field: &str) -> Option<Vec<Entry>> {
    let mut nodes = Vec::new();
    let mut rest = field;
    loop {
        let (element, after) = element(rest)?;
        nodes.push(element);
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None => return after.is_empty().then_some(nodes),
        }
    }
}

/// Reads `name=value;name=value` up to a comma or the end.
fn element(text: &str) -> Option<(Entry, &str)> {
    let mut found: Option<Entry> = None;
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            return None;
        }
        let (value, after) = value(after)?;
        if name.eq_ignore_ascii_case("for") && found.replace(node(&value)).is_some() {
            return None;
        }
        let after = after.trim_start();
        match after.strip_prefix(';') {
            Some(after) => rest = after,
            None => return Some((found.flatten(), after)),
        }
    }
}

/// A token or a quoted string (RFC 9110, 5.6), and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.bytes().position(|byte| !is_token_byte(byte)).unwrap_or(text.len());
        let (token, rest) = text.split_at_checked(end)?;
        return (!token.is_empty()).then(|| (token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut signs = quoted.chars();
    loop {
        match signs.next()? {
            '"' => return Some((value, signs.as_str())),
            '\\' => value.push(signs.next()?),
            sign => value.push(sign),
        }
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// An address with or without port; IPv6 with or without brackets.
fn node(text: &str) -> Entry {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(with_port) = text.parse::<SocketAddr>() {
        return Some(with_port.ip());
    }
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_once(':')?,
    };
    if !(port.is_empty() || is_port(port)) {
        return None;
    }
    match text.starts_with('[') {
        true => address.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        false => address.parse().ok().map(IpAddr::V4),
    }
}

/// A port may be obfuscated, as an address may (RFC 7239, 6.3).
fn is_port(text: &str) -> bool {
    let port = text.strip_prefix(':').unwrap_or(text);
    let number = port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    !port.is_empty() && (number || port.starts_with('_'))
}
