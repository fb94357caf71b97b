//! How many messages are in flight, of all workflows and of each.
//!
//! Knows: names of workflows. Deliberately does not know: what a run is.
//!
//! # Invariants
//! - A message first has a place among those of its workflow, then one among all:
//!   a workflow whose messages are stuck keeps its own waiting, and takes no more
//!   places than it may.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Workflows that are remembered before those without messages are forgotten.
const REMEMBERED_MAX: usize = 1_000;

/// The places of all runs.
pub(super) struct Places {
    all: Arc<Semaphore>,
    count: usize,
    of_one: usize,
    by_workflow: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// How long a message waits for both of its places.
    wait_max: Duration,
}

/// A message's places; given back even when its run panics.
pub(super) struct Place {
    _own: OwnedSemaphorePermit,
    _among_all: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(all: usize, of_one: usize, wait_max: Duration) -> Self {
        let (count, by_workflow) = (all, Mutex::default());
        Self { all: Arc::new(Semaphore::new(all)), count, of_one, by_workflow, wait_max }
    }

    /// A place for a message of that workflow, or nothing when none is free in time.
    pub(super) async fn enter(&self, workflow: &str) -> Option<Place> {
        let own = self.of(workflow);
        let both = async {
            let _own = own.acquire_owned().await.ok()?;
            let _among_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Place { _own, _among_all })
        };
        // A free place is taken at once, however short the wait may be.
        tokio::time::timeout(self.wait_max, both).await.ok()?
    }

    /// Places that messages have at the moment.
    pub(super) fn taken(&self) -> usize {
        self.count.saturating_sub(self.all.available_permits())
    }

    fn of(&self, workflow: &str) -> Arc<Semaphore> {
        let mut known = self.by_workflow.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = known.get(workflow) {
            return Arc::clone(places);
        }
        if known.len() >= REMEMBERED_MAX {
            // Whoever waits or runs holds its workflow's places.
            known.retain(|_, places| Arc::strong_count(places) > 1);
        }
        let places = Arc::new(Semaphore::new(self.of_one));
        known.insert(workflow.to_owned(), Arc::clone(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn one_workflow_leaves_places_to_the_others() {
        let places = Places::new(4, 3, SHORT);
        let mut stuck = Vec::new();
        for _ in 0..3 {
            stuck.push(places.enter("stuck").await.unwrap());
        }
        assert!(places.enter("stuck").await.is_none());
        let one = places.enter("good").await.unwrap();
        assert!(places.enter("other").await.is_none(), "all places are taken");
        drop(one);
        let _other = places.enter("other").await.unwrap();
        assert!(places.enter("stuck").await.is_none());
        stuck.pop();
        assert!(places.enter("stuck").await.is_some());
    }

    #[tokio::test]
    async fn workflows_that_are_gone_are_forgotten_and_those_with_messages_are_not() {
        let places = Places::new(10, 1, SHORT);
        let _held = places.enter("held").await.unwrap();
        for number in 0..3 * REMEMBERED_MAX {
            assert!(places.enter(&number.to_string()).await.is_some());
        }
        assert!(places.by_workflow.lock().unwrap().len() <= REMEMBERED_MAX);
        assert!(places.enter("held").await.is_none(), "it still has its place");
    }
}
