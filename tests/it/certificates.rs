//! The server's own certificates, as an operator handles them while it runs: each change counts
//! from the next handshake on, and no connection is lost.

/// `tureen cert bind`, `unbind`, `default`, `remove`, and files dropped in.
mod assigning;
/// PFX and PEM files, and the chain that is served.
mod importing;
/// What is not spoken any more.
mod old_clients;
/// Replaced again and again under load.
mod replacing;
/// Receivers that name their certificate.
mod thumbprints;

use std::net::SocketAddr;

use crate::harness::certificates::{Identity, params, shown};
use crate::harness::ports::free_port;
use crate::harness::wait::wait_until_equal;
use crate::harness::{Home, Http1, Server, Workflow, openssl};

const TEXT: i64 = 13;

/// An HTTPS receiver at a port of its own that answers with its name.
fn receiver(name: &str, port: u16) -> Workflow {
    let workflow = Workflow::new(name, "in").with("MessageType", TEXT).with("Port", port);
    workflow.responding(name)
}

/// A home with receivers of these names, each at a port of its own, that runs.
fn serving<const COUNT: usize>(names: [&str; COUNT]) -> (Home, Server, [SocketAddr; COUNT]) {
    let home = Home::new();
    for name in names {
        home.workflow(name, &receiver(name, free_port()).build());
    }
    let server = home.serve();
    let sockets = names.map(|name| server.addresses()[name].socket);
    (home, server, sockets)
}

/// A certificate for `localhost`, known by its name only.
fn certificate(name: &str) -> Identity {
    Identity::self_signed(&params(name))
}

/// Waits until the next handshake is with this certificate.
fn wait_until_shown(what: &str, socket: SocketAddr, expected: &[u8]) {
    let expected = openssl::digest("-sha256", expected);
    wait_until_equal(what, &expected, || openssl::digest("-sha256", shown(socket)));
}

/// A command that must succeed, and say this.
fn done(home: &Home, arguments: &[&str], words: &str) {
    let ran = home.run(&[&["cert"], arguments].concat());
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    assert!(ran.stdout.contains(words), "{arguments:?}: {words:?} is not in {ran:?}");
}

/// A command that something is in the way of, and that says this.
fn refused(home: &Home, arguments: &[&str], words: &str) {
    ends_with(1, home, arguments, words);
}

/// A command that cannot be done, and says this.
fn impossible(home: &Home, arguments: &[&str], words: &str) {
    ends_with(2, home, arguments, words);
}

fn ends_with(code: i32, home: &Home, arguments: &[&str], words: &str) {
    let ran = home.run(&[&["cert"], arguments].concat());
    assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
    assert!(ran.stderr.contains(words), "{arguments:?}: {words:?} is not in {ran:?}");
}

/// Connections that stay open over all that a test does.
struct Kept(Vec<Http1>);

impl Kept {
    /// Two to each socket, with the certificate that all have at first.
    fn open(server: &Server, sockets: &[SocketAddr]) -> Self {
        let twice = sockets.iter().flat_map(|socket| [*socket, *socket]);
        let open = twice.map(|socket| Http1::over_tls(socket, server.certificate()));
        let mut kept = Self(open.collect());
        // The handshake is made with the first request.
        kept.all_answer("at first");
        kept
    }

    fn all_answer(&mut self, when: &str) {
        for http in &mut self.0 {
            assert_eq!(http.post("/in", "text").status, 200, "{when}");
        }
    }
}
