//! Ports for tests that must name one.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that the system gives to clients, so that no connection takes one meanwhile;
/// above those that tests name without listening there.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port that nobody listens on, and no other test of this run is given.
pub(crate) fn free_port() -> u16 {
    for _ in 0..COUNT {
        // Two runs at the same time start at different places.
        let offset = std::process::id().wrapping_mul(101) % COUNT;
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST + (offset + turn) % COUNT).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("all ports from {FIRST} on are taken");
}
