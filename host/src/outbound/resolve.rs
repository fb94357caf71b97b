//! From a name to addresses.

use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Addresses of one name that are looked at.
pub(super) const ADDRESSES_MAX: usize = 16;

/// What a look-up gives.
pub(super) type Resolving<'a> =
    Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Looks names up. Tests give one of their own.
pub(super) trait Resolve: Send + Sync {
    fn addresses<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

/// Asks the operating system, so many times at once.
///
/// A look-up cannot be ended: one that nobody waits for any more keeps its place until the system
/// gives up, so that a name server that does not answer costs so many threads and no more.
pub(super) struct SystemResolver {
    places: Arc<Semaphore>,
}

impl SystemResolver {
    pub(super) fn new(lookups_in_flight: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(lookups_in_flight)) }
    }
}

impl Resolve for SystemResolver {
    fn addresses<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let place = place.map_err(std::io::Error::other)?;
            let name = name.to_owned();
            let looked_up = tokio::task::spawn_blocking(move || {
                let _place = place;
                let found = (name.as_str(), 0).to_socket_addrs()?;
                Ok(found.map(|found| found.ip()).take(ADDRESSES_MAX).collect())
            });
            looked_up.await.map_err(std::io::Error::other)?
        })
    }
}
