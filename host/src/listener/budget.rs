//! How many connections there may be: in all, from one peer, and in their TLS handshake.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// TLS handshakes at the same time for each processor: they are work, most of it of the processor.
/// More at once would only make all of them late.
pub const HANDSHAKES_PER_PROCESSOR: usize = 4;

/// The budget that all listeners share.
#[derive(Debug)]
pub struct ConnectionBudget {
    total: Arc<Semaphore>,
    per_peer_max: usize,
    handshakes: Semaphore,
    peers: Mutex<HashMap<IpAddr, usize>>,
}

/// A place in the whole budget, not yet given to a peer.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// One connection's part of the budget, given back when dropped.
pub(super) struct ConnectionPermit {
    budget: Arc<ConnectionBudget>,
    peer: IpAddr,
    _place: Place,
}

impl ConnectionBudget {
    /// With [`HANDSHAKES_PER_PROCESSOR`] handshakes.
    pub fn new(total: usize, per_peer_max: usize) -> Arc<Self> {
        Self::with_handshakes(total, per_peer_max, 0)
    }

    /// `total` is capped at what a semaphore can hold. No handshakes are
    /// [`HANDSHAKES_PER_PROCESSOR`] of them.
    pub fn with_handshakes(total: usize, per_peer_max: usize, handshakes: usize) -> Arc<Self> {
        let handshakes = if handshakes == 0 {
            let processors = std::thread::available_parallelism().map_or(1, usize::from);
            processors * HANDSHAKES_PER_PROCESSOR
        } else {
            handshakes
        };
        let total = total.min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            total: Arc::new(Semaphore::new(total)),
            per_peer_max,
            handshakes: Semaphore::new(handshakes.min(Semaphore::MAX_PERMITS)),
            peers: Mutex::new(HashMap::new()),
        })
    }

    /// Connections that could be accepted now.
    pub fn free(&self) -> usize {
        self.total.available_permits()
    }

    /// Connections that there are.
    pub fn taken(&self) -> usize {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Waits until there is room for one more connection.
    pub(super) async fn place(&self) -> Option<Place> {
        let permit = self.total.clone().acquire_owned().await.ok()?;
        Some(Place { _permit: permit })
    }

    /// Waits for a turn to do a handshake; it ends when what this gives is dropped.
    pub(super) async fn handshake(&self) -> Option<SemaphorePermit<'_>> {
        self.handshakes.acquire().await.ok()
    }

    /// Gives a place to a peer, unless that peer has its full share already.
    pub(super) fn admit(self: &Arc<Self>, place: Place, peer: IpAddr) -> Option<ConnectionPermit> {
        let peer = client_network(peer);
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = peers.entry(peer).or_insert(0);
        if *count >= self.per_peer_max {
            return None;
        }
        *count += 1;
        Some(ConnectionPermit { budget: self.clone(), peer, _place: place })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut peers = self.budget.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = peers.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}

/// Whom limits for each client count as one: an IPv6 host chooses among the 2^64 addresses of its
/// network, so the network counts.
pub fn client_network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_peer_gets_its_share_and_no_more_and_gives_it_back() {
        let budget = ConnectionBudget::new(10, 2);
        let first = budget.admit(budget.place().await.unwrap(), peer("10.0.0.1"));
        let second = budget.admit(budget.place().await.unwrap(), peer("::ffff:10.0.0.1"));
        assert!(first.is_some() && second.is_some());
        assert!(budget.admit(budget.place().await.unwrap(), peer("10.0.0.1")).is_none());
        assert!(budget.admit(budget.place().await.unwrap(), peer("10.0.0.2")).is_some());
        drop(first);
        assert!(budget.admit(budget.place().await.unwrap(), peer("10.0.0.1")).is_some());
        drop(second);
        assert_eq!(budget.free(), 10);
        assert!(budget.peers.lock().unwrap().is_empty(), "peers without connections are forgotten");
    }

    #[test]
    fn addresses_of_one_ipv6_network_share() {
        assert_eq!(client_network(peer("2001:db8::1")), client_network(peer("2001:db8::ffff:2")));
        assert_ne!(client_network(peer("2001:db8::1")), client_network(peer("2001:db8:0:1::1")));
    }
}
