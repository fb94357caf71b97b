//! The admin address of a server, from outside.

use std::net::SocketAddr;

use serde_json::Value;

use super::wait::wait_for;
use super::{Answer, Http1, Server};

/// Where the log says that health is told.
pub(crate) fn admin_address(server: &Server) -> SocketAddr {
    wait_for("the admin address in the log", || {
        let log = server.log();
        let line = log.lines().find(|line| line.contains("tells its health"))?;
        line.split_once("address=")?.1.parse().ok()
    })
}

pub(crate) fn get(admin: SocketAddr, path: &str) -> Answer {
    Http1::plain(admin).request("GET", path, "")
}

/// The status of `/readyz`, and what it tells.
pub(crate) fn readiness(admin: SocketAddr) -> (u16, Value) {
    let answer = get(admin, "/readyz");
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

/// The samples of `/metrics`: name with labels, and value.
pub(crate) fn samples(admin: SocketAddr) -> Vec<(String, f64)> {
    let text = get(admin, "/metrics").text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The sum of the samples of a family whose labels have all these parts.
pub(crate) fn sum(samples: &[(String, f64)], family: &str, parts: &[&str]) -> f64 {
    let fits = |name: &str| {
        let (own, labels) = name.split_once('{').unwrap_or((name, ""));
        own == format!("tureen_{family}") && parts.iter().all(|part| labels.contains(part))
    };
    // Not `sum`, whose nothing is -0.
    samples.iter().filter(|(name, _)| fits(name)).fold(0.0, |sum, (_, value)| sum + value)
}
