//! Which receiver a path belongs to: the longest registered prefix, segment by segment.
//!
//! # Invariants
//! - Both sides are compared decoded and without regard to case, so a space in a service name is
//!   found however it is written in the URL (trap T-56).
//! - A path is percent-decoded once. What would be read differently by someone who decodes again,
//!   or as a file path, is refused.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::Route;
use super::refusal::Refusal;

/// All receivers of one listener. Immutable: a reload makes a new one.
#[derive(Debug)]
pub struct RouteTable<T> {
    routes: HashMap<String, Route<T>>,
    /// Segments of the longest service name.
    depth_max: usize,
}

/// Two receivers have the same service name on one listener (contract 4.2, behaviour 13).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two receivers on one port have the service name \"{service_name}\"")]
pub struct DuplicateRoute {
    pub service_name: String,
}

impl<T> Default for RouteTable<T> {
    fn default() -> Self {
        Self { routes: HashMap::new(), depth_max: 0 }
    }
}

impl<T> RouteTable<T> {
    /// # Errors
    /// Two routes with the same service name; case does not count.
    pub fn new(routes: impl IntoIterator<Item = Route<T>>) -> Result<Self, DuplicateRoute> {
        let mut table = Self::default();
        for route in routes {
            let service_name = route.service_name.join("/");
            table.depth_max = table.depth_max.max(route.service_name.len());
            if table.routes.insert(service_name.to_lowercase(), route).is_some() {
                return Err(DuplicateRoute { service_name });
            }
        }
        Ok(table)
    }

    /// The route with the longest service name that the decoded segments start with, and the
    /// segments after it.
    pub fn lookup<'s>(&self, segments: &'s [String]) -> Option<(&Route<T>, &'s [String])> {
        let known = segments.len().min(self.depth_max);
        let (head, _) = segments.split_at_checked(known)?;
        let mut prefix = head.join("/").to_lowercase();
        for depth in (0..=known).rev() {
            if let Some(route) = self.routes.get(&prefix) {
                return segments.split_at_checked(depth).map(|(_, rest)| (route, rest));
            }
            prefix.truncate(prefix.rfind('/').unwrap_or(0));
        }
        None
    }

    pub fn routes(&self) -> impl Iterator<Item = &Route<T>> {
        self.routes.values()
    }
}

/// The decoded segments of a `ServiceName` as it stands in a workflow. Slashes at the ends and
/// empty segments do not count.
pub fn service_segments(service_name: &str) -> Vec<String> {
    service_name
        .split('/')
        .map(|segment| percent_decode_str(segment.trim()).decode_utf8_lossy().into_owned())
        .filter(|segment| !segment.is_empty())
        .collect()
}

/// The decoded segments of the path of a request. One slash at the end does not count.
///
/// # Errors
/// Anything that is not a plain path of text: a broken escape, bytes that are not UTF-8, a control
/// character, a slash or backslash inside a segment, a dot segment.
pub(super) fn decode_path(path: &str) -> Result<Vec<String>, Refusal> {
    let Some(path) = path.strip_prefix('/') else {
        return Err(Refusal::Malformed("the path does not start with a slash"));
    };
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split('/').map(decode_segment).collect()
}

fn decode_segment(segment: &str) -> Result<String, Refusal> {
    let text = decode(segment)?;
    if text == "." || text == ".." {
        return Err(Refusal::Malformed("dot segment in the path"));
    }
    if text.contains(['/', '\\']) {
        return Err(Refusal::Malformed("slash or backslash inside a path segment"));
    }
    Ok(text)
}

/// Decodes percent escapes once.
///
/// # Errors
/// A broken escape, bytes that are not UTF-8, a control character.
pub(super) fn decode(text: &str) -> Result<String, Refusal> {
    let mut after_percent = text.split('%');
    after_percent.next();
    let whole =
        after_percent.all(|rest| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2);
    if !whole {
        return Err(Refusal::Malformed("broken percent escape"));
    }
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| Refusal::Malformed("escaped bytes are not UTF-8"))?;
    if decoded.chars().any(char::is_control) {
        return Err(Refusal::Malformed("control character in the URL"));
    }
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests;
