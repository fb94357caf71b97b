//! How much of the network one plugin uses at the same time, all its instances together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tureen_sandbox::outbound::{Caller, OutboundFault, OutboundProblem};

/// A plugin and its limit: a changed limit counts anew.
type Key = (Arc<str>, usize);

/// Places by plugin.
#[derive(Default)]
pub(super) struct Slots(Mutex<HashMap<Key, Arc<Semaphore>>>);

impl Slots {
    /// Waits for a place; giving it back is dropping it.
    pub(super) async fn take(
        &self,
        caller: &Caller,
    ) -> Result<OwnedSemaphorePermit, OutboundProblem> {
        let places = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let limit = caller.limits.concurrent;
            // Where nobody has or wants a place, none has to be remembered.
            known.retain(|_, places| Arc::strong_count(places) > 1);
            let key = (Arc::clone(&caller.plugin), limit);
            Arc::clone(known.entry(key).or_insert_with(|| Arc::new(Semaphore::new(limit))))
        };
        let closed = |_| OutboundProblem::before(OutboundFault::Closed, "the server is ending");
        places.acquire_owned().await.map_err(closed)
    }
}
