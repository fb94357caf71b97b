//! What a guest may ask of the network: budgets of its calls, and the way to
//! whoever owns sockets.
//!
//! Knows handles, budgets and deadlines. Deliberately does not know what a guest
//! is granted: that is checked where the connection is made.

mod connections;
mod http;
mod wasi_http;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wasmtime::component::{HasSelf, Linker};

use crate::bindings::network::tureen::plugin::{
    connections as connections_bindings, http as http_bindings,
};
use crate::bindings::transformer::tureen::plugin::types;
use crate::guest::Guest;
use crate::limits::Exceeded;
use crate::outbound::{NetworkAccess, OutboundProblem, within};

#[expect(unreachable_pub, reason = "the generated bindings name them in public items")]
pub use connections::{ConnectionHandle, Connector};
#[expect(unreachable_pub, reason = "the generated bindings name them in public items")]
pub use http::{RequestDraft, Response};

/// The network of one instance.
pub(crate) struct Network {
    access: Arc<NetworkAccess>,
    requests_left: u32,
    connects_left: u32,
    /// Connections that the instance holds.
    connections: u32,
    /// Shared with requests of `wasi:http`, which run beside the guest.
    bytes_left: Arc<AtomicUsize>,
    /// Bytes of the requests and responses that the instance holds.
    held: usize,
    /// None: no call is under way, and nothing is allowed.
    deadline: Option<Instant>,
}

impl Network {
    pub(crate) fn new(access: Arc<NetworkAccess>) -> Self {
        Self {
            access,
            requests_left: 0,
            connects_left: 0,
            connections: 0,
            bytes_left: Arc::default(),
            held: 0,
            deadline: None,
        }
    }

    /// A call begins: its budgets are full.
    pub(crate) fn begin(&mut self, deadline: Instant) {
        let limits = self.access.caller.limits;
        self.requests_left = limits.requests;
        self.connects_left = limits.connections;
        match Arc::get_mut(&mut self.bytes_left) {
            Some(left) => *left.get_mut() = limits.bytes,
            // A request of the call before that still runs keeps to its own budget.
            None => self.bytes_left = Arc::new(AtomicUsize::new(limits.bytes)),
        }
        self.deadline = Some(deadline);
    }

    fn within(&self, asked: Option<Duration>) -> Duration {
        self.deadline.map_or(Duration::ZERO, |deadline| within(asked, deadline))
    }

    fn take_request(&mut self) -> Result<(), Exceeded> {
        let allowed = self.access.caller.limits.requests;
        let left = self.requests_left.checked_sub(1);
        self.requests_left = left.ok_or(Exceeded::Requests { allowed })?;
        Ok(())
    }

    fn take_connect(&mut self) -> Result<(), Exceeded> {
        let allowed = self.access.caller.limits.connections;
        let left = self.connects_left.checked_sub(1).filter(|_| self.connections < allowed);
        self.connects_left = left.ok_or(Exceeded::Connections { allowed })?;
        Ok(())
    }

    /// Bytes cross the wire, in either direction.
    fn take_bytes(&self, bytes: usize) -> Result<(), Exceeded> {
        let allowed = self.access.caller.limits.bytes;
        take(&self.bytes_left, bytes).then_some(()).ok_or(Exceeded::NetworkBytes { allowed })
    }

    fn hold(&mut self, bytes: usize) -> Result<(), Exceeded> {
        let allowed = self.access.caller.limits.bytes;
        let held = self.held.saturating_add(bytes);
        if held > allowed {
            return Err(Exceeded::NetworkBytes { allowed });
        }
        self.held = held;
        Ok(())
    }

    fn release(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
    }
}

/// Whether there were as many left.
fn take(left: &AtomicUsize, bytes: usize) -> bool {
    let taken =
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
    taken.is_ok()
}

/// As many as there are, at most so many.
fn take_up_to(left: &AtomicUsize, most: usize) -> usize {
    let before = left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(most)));
    before.unwrap_or(0).min(most)
}

/// Bytes that header fields count for: names, values, and what separates them.
fn header_bytes(headers: &[(String, Vec<u8>)]) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum()
}

/// Gives a guest requests: those of the contract, and `wasi:http` for sending.
pub(crate) fn add_http(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    http_bindings::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}

/// Gives a guest connections.
pub(crate) fn add_connections(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    connections_bindings::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl From<OutboundProblem> for types::Problem {
    fn from(problem: OutboundProblem) -> Self {
        Self {
            code: problem.fault.code().to_owned(),
            text: problem.text,
            place: None,
            detail: vec![("sent".to_owned(), problem.sent.name().to_owned())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::Grants;
    use crate::limits::Limits;
    use crate::outbound::NetworkLimits;

    fn network(limits: NetworkLimits) -> Network {
        let limits = Limits { network: limits, ..Limits::default() };
        Network::new(NetworkAccess::new(&Arc::from("p"), &Grants::default(), &limits, None))
    }

    #[test]
    fn outside_a_call_there_is_no_network_and_each_call_has_a_budget_of_its_own() {
        let mut network =
            network(NetworkLimits { requests: 2, connections: 1, ..Default::default() });
        assert!(network.take_request().is_err() && network.take_connect().is_err());
        assert!(network.take_bytes(1).is_err());
        assert_eq!(network.within(None), Duration::ZERO);
        for _ in 0..2 {
            network.begin(Instant::now() + Duration::from_secs(60));
            assert!(network.take_request().is_ok() && network.take_request().is_ok());
            assert!(matches!(network.take_request(), Err(Exceeded::Requests { allowed: 2 })));
            assert!(network.take_connect().is_ok());
            assert!(matches!(network.take_connect(), Err(Exceeded::Connections { allowed: 1 })));
        }
        network.begin(Instant::now());
        network.connections = 1;
        assert!(network.take_connect().is_err(), "it holds as many as it may");
    }

    #[test]
    fn bytes_are_counted_on_the_wire_and_while_they_are_held() {
        let mut network = network(NetworkLimits { bytes: 100, ..Default::default() });
        network.begin(Instant::now());
        assert!(network.take_bytes(60).is_ok() && network.take_bytes(40).is_ok());
        assert!(matches!(network.take_bytes(1), Err(Exceeded::NetworkBytes { allowed: 100 })));
        assert!(network.hold(100).is_ok() && network.hold(1).is_err());
        let left = AtomicUsize::new(10);
        assert_eq!([take_up_to(&left, 7), take_up_to(&left, 7), take_up_to(&left, 7)], [7, 3, 0]);
        network.release(50);
        assert!(network.hold(50).is_ok());
    }
}
