//! Sockets: binds, accepts, does the TLS handshake, and hands connections to a protocol.
//!
//! Stage: operating system → **listener** → receiver. Knows addresses, TLS and the connection
//! budget. Deliberately does not know HTTP, routes or messages: what it is told to serve is a
//! [`Protocol`], and the routes of that protocol pass through unseen.
//!
//! # Invariants
//! - [`Listeners::apply`] binds everything new before it changes anything; if one address cannot be
//!   bound, nothing has changed.
//! - A connection of a listener that stays is never closed by `apply`. A connection of a listener
//!   that goes finishes what is in flight.
//! - A place in the connection budget is taken before a connection is accepted.
//! - Where proxies introduce their clients, a connection of somebody else, or without a PROXY
//!   protocol header, never reaches the protocol. A client counts with its own address then.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Network;
use crate::refusals::Refusals;

pub use accept::Protocol;
pub use bind::{BindError, try_address};
pub use budget::{ConnectionBudget, HANDSHAKES_PER_PROCESSOR, client_network};
pub use connection::{Connection, Stream};
pub use descriptors::make_room;

mod accept;
mod bind;
mod budget;
mod connection;
mod descriptors;
mod proxy_protocol;
#[cfg(test)]
mod tests;

/// The address of one socket. Port 0 lets the system choose; the key stays the same then, and
/// [`Listeners::local_address`] tells the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerKey {
    pub address: IpAddr,
    pub port: u16,
}

/// One listener that should exist.
pub struct DesiredListener<P: Protocol> {
    pub key: ListenerKey,
    /// `None` for plain TCP. A change between plain and TLS keeps the socket and lets the
    /// connections of the other kind finish.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Every connection must come from one of these networks, and start with a PROXY protocol
    /// header that says who its client is. `None`: connections come from clients themselves.
    pub proxies: Option<Arc<[Network]>>,
    /// What the protocol serves here. Connections that are open see it at their next request.
    pub routes: Arc<P::Routes>,
}

/// What [`Listeners::apply`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New sockets, with the address that the system gave.
    pub bound: Vec<(ListenerKey, SocketAddr)>,
    pub kept: Vec<ListenerKey>,
    pub removed: Vec<ListenerKey>,
}

/// How [`Listeners::drain`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that did not end in time and were cut.
    pub connections_cut: usize,
    /// Pieces of work, independent of connections, that were still running.
    pub tasks_left: usize,
}

/// Time limits of the listener.
#[derive(Clone, Copy, Debug)]
pub struct ListenerTimes {
    /// For a complete TLS handshake.
    pub handshake: Duration,
    /// After this, what is in flight on a removed listener is cut.
    pub drain: Duration,
}

/// All sockets of one protocol.
pub struct Listeners<P: Protocol> {
    protocol: Arc<P>,
    budget: Arc<ConnectionBudget>,
    times: ListenerTimes,
    running: BTreeMap<ListenerKey, Running<P>>,
    connections: TaskTracker,
    tasks: TaskTracker,
    cut: CancellationToken,
    refusals: Arc<Refusals>,
}

struct Running<P: Protocol> {
    local: SocketAddr,
    shared: Arc<accept::Shared<P>>,
    close: CancellationToken,
    accepting: JoinHandle<()>,
}

impl<P: Protocol> Listeners<P> {
    /// What is refused is counted in `refusals`.
    pub fn new(
        protocol: Arc<P>,
        budget: Arc<ConnectionBudget>,
        times: ListenerTimes,
        refusals: Arc<Refusals>,
    ) -> Self {
        Self {
            protocol,
            budget,
            times,
            running: BTreeMap::new(),
            connections: TaskTracker::new(),
            tasks: TaskTracker::new(),
            cut: CancellationToken::new(),
            refusals,
        }
    }

    /// Makes the listeners that exist those that are desired.
    ///
    /// Sockets that stay get the new routes and TLS settings for their next connection or request.
    ///
    /// # Errors
    /// Every address that cannot be bound, or is desired twice. Nothing has changed then.
    ///
    /// # Cancellation
    /// Do not drop this future: a removed socket may be left open.
    pub async fn apply(
        &mut self,
        desired: Vec<DesiredListener<P>>,
    ) -> Result<Changes, Vec<BindError>> {
        let desired = by_key(desired)?;
        let mut fresh = self.bind_missing(desired.keys().copied()).await?;
        let mut changes = Changes::default();
        for key in self.running.keys().filter(|key| !desired.contains_key(key)) {
            changes.removed.push(*key);
        }
        for (key, listener) in desired {
            if let Some(running) = self.running.get(&key) {
                running.shared.update(listener, &self.cut, self.times.drain);
                changes.kept.push(key);
            } else if let Some((socket, local)) = fresh.remove(&key) {
                self.start(listener, socket, local);
                changes.bound.push((key, local));
            }
        }
        for key in &changes.removed {
            self.stop(key).await;
        }
        Ok(changes)
    }

    /// The address a listener really has.
    pub fn local_address(&self, key: &ListenerKey) -> Option<SocketAddr> {
        self.running.get(key).map(|running| running.local)
    }

    pub fn keys(&self) -> impl Iterator<Item = &ListenerKey> {
        self.running.keys()
    }

    /// Stops accepting, lets connections finish what is in flight, and cuts what is left after
    /// `deadline`.
    pub async fn drain(mut self, deadline: Duration) -> Drained {
        let keys: Vec<_> = self.running.keys().copied().collect();
        for key in &keys {
            self.stop(key).await;
        }
        self.connections.close();
        self.tasks.close();
        let finished = async {
            self.connections.wait().await;
            self.tasks.wait().await;
        };
        if tokio::time::timeout(deadline, finished).await.is_ok() {
            return Drained { connections_cut: 0, tasks_left: 0 };
        }
        let connections_cut = self.connections.len();
        self.cut.cancel();
        self.connections.wait().await;
        Drained { connections_cut, tasks_left: self.tasks.len() }
    }

    async fn bind_missing(
        &self,
        keys: impl Iterator<Item = ListenerKey>,
    ) -> Result<BTreeMap<ListenerKey, (TcpListener, SocketAddr)>, Vec<BindError>> {
        let mut fresh = BTreeMap::new();
        let mut errors = Vec::new();
        for key in keys.filter(|key| !self.running.contains_key(key)) {
            match bind::bind(key, self.running.keys()).await {
                Ok(bound) => drop(fresh.insert(key, bound)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(fresh) } else { Err(errors) }
    }

    fn start(&mut self, listener: DesiredListener<P>, socket: TcpListener, local: SocketAddr) {
        let shared = Arc::new(accept::Shared {
            local,
            protocol: self.protocol.clone(),
            routes: Arc::new(ArcSwap::new(listener.routes)),
            mode: ArcSwap::from_pointee(accept::Mode::new(
                listener.tls,
                listener.proxies,
                &self.cut,
            )),
            budget: self.budget.clone(),
            handshake_timeout: self.times.handshake,
            connections: self.connections.clone(),
            tasks: self.tasks.clone(),
            refusals: self.refusals.clone(),
        });
        let close = CancellationToken::new();
        let accepting = tokio::spawn(accept::accept(socket, shared.clone(), close.clone()));
        self.running.insert(listener.key, Running { local, shared, close, accepting });
    }

    /// Closes a socket, at the latest when this returns; connections end by themselves.
    async fn stop(&mut self, key: &ListenerKey) {
        let Some(running) = self.running.remove(key) else { return };
        running.close.cancel();
        if let Err(error) = running.accepting.await {
            tracing::error!(address = %running.local, %error, "the accepting task failed");
        }
        running.shared.mode.load().retire(self.times.drain);
    }
}

/// Dropped without a drain (an error during start-up), sockets must not stay open.
impl<P: Protocol> Drop for Listeners<P> {
    fn drop(&mut self) {
        for running in self.running.values() {
            running.close.cancel();
        }
        self.cut.cancel();
    }
}

fn by_key<P: Protocol>(
    desired: Vec<DesiredListener<P>>,
) -> Result<BTreeMap<ListenerKey, DesiredListener<P>>, Vec<BindError>> {
    let mut by_key = BTreeMap::new();
    let mut errors = Vec::new();
    for listener in desired {
        let key = listener.key;
        if by_key.insert(key, listener).is_some() {
            errors.push(BindError::Twice { address: key.into() });
        }
    }
    if errors.is_empty() { Ok(by_key) } else { Err(errors) }
}

impl From<ListenerKey> for SocketAddr {
    fn from(key: ListenerKey) -> Self {
        Self::new(key.address, key.port)
    }
}
