//! Client certificates: who is let in, who is not, and what an operator reads about it.

/// Certificates of authorities, chains and revocation lists.
mod authorities;
/// What becomes of open connections and kept sessions when the file changes.
mod changes;
/// Lists of thumbprints.
mod lists;
/// Each reason has its line in the log.
mod refusals;
/// Receivers beside each other, and what a workflow sees.
mod sides;

use std::net::SocketAddr;

use rustls::SupportedProtocolVersion;

use crate::harness::certificates::{Identity, TLS_VERSIONS, client_config};
use crate::harness::wait::wait_for;
use crate::harness::{Http1, Server, Workflow};

const TEXT: i64 = 13;

/// A receiver of texts that answers "let in".
fn open(name: &str, service: &str) -> Workflow {
    Workflow::new(name, service).with("MessageType", TEXT).responding("let in")
}

/// The same for these clients only. Without thumbprints `tureen.toml` must name authorities.
fn guarded(name: &str, service: &str, thumbprints: &str) -> Workflow {
    let workflow = open(name, service).with("RequireClientCertificate", true);
    match thumbprints {
        "" => workflow,
        thumbprints => workflow.with("ClientCertificateThumbPrint", thumbprints),
    }
}

/// A new connection with this client's certificate.
fn connect(
    server: &Server,
    socket: SocketAddr,
    version: &'static SupportedProtocolVersion,
    client: Option<&Identity>,
) -> Http1 {
    Http1::with_tls(socket, client_config(version, server.certificate(), client))
}

/// A new TLS 1.3 connection to the server's one socket.
fn connect_as(server: &Server, client: Option<&Identity>) -> Http1 {
    connect(server, server.socket(), TLS_VERSIONS[1].1, client)
}

/// The lines of a log about refused clients of a receiver.
fn refusals<'l>(log: &'l str, service: &str) -> impl Iterator<Item = &'l str> {
    let receiver = format!(" receiver=\"{service}\" ");
    let lines = log.lines().filter(|line| line.contains("client certificate refused: "));
    lines.filter(move |line| line.contains(&receiver))
}

/// Waits until a line about a receiver has all of these words.
fn wait_for_refusal(server: &Server, service: &str, words: &[&str]) {
    wait_for(&format!("a refusal by {service:?} with {words:?}"), || {
        let log = server.log();
        let told = refusals(&log, service).any(|line| words.iter().all(|part| line.contains(part)));
        told.then_some(())
    });
}
