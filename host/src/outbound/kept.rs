//! Connections that are kept for the next request of the same plugin to the same server.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use tokio::task::JoinHandle;

use crate::certificates::Thumbprint;

/// Whose connection it is, and to whom. Nothing is shared between two keys.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) plugin: Arc<str>,
    /// Scheme, host and port.
    pub(super) server: String,
    pub(super) proxy: Option<(String, Option<String>)>,
    pub(super) identity: Option<Thumbprint>,
}

/// An HTTP/1.1 connection. Dropping it closes it, whatever it was doing.
pub(super) struct Conversation {
    pub(super) sender: SendRequest<Full<Bytes>>,
    /// Whom it really reached: the server, or the proxy.
    pub(super) address: SocketAddr,
    pub(super) _driver: Driver,
}

/// The task that moves the bytes of one connection.
pub(super) struct Driver(pub(super) JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Idle connections, so many and so long.
pub(super) struct Kept {
    most: usize,
    most_of_one: usize,
    age: Duration,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    by_key: HashMap<Key, Vec<(Instant, Conversation)>>,
    count: usize,
    is_swept: bool,
}

impl Kept {
    pub(super) fn new(most: usize, most_of_one: usize, age: Duration) -> Self {
        Self { most, most_of_one, age, idle: Mutex::default() }
    }

    /// The one that was used last, if it is not too old.
    pub(super) fn take(&self, key: &Key) -> Option<Conversation> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, conversation) = idle.by_key.get_mut(key)?.pop()?;
        idle.count = idle.count.saturating_sub(1);
        // Those below it are older still; the sweep takes them.
        (since.elapsed() < self.age).then_some(conversation)
    }

    /// Keeps it where there is room; else it is closed.
    pub(super) fn keep(self: &Arc<Self>, key: Key, conversation: Conversation) {
        if conversation.sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one = idle.by_key.get(&key).map_or(0, Vec::len);
        if of_one >= self.most_of_one || idle.count >= self.most {
            return;
        }
        idle.by_key.entry(key).or_default().push((Instant::now(), conversation));
        idle.count += 1;
        if !idle.is_swept {
            idle.is_swept = true;
            tokio::spawn(sweep(Arc::downgrade(self), self.age));
        }
    }

    /// Closes what is too old; tells whether anything is left.
    fn close_old(&self) -> bool {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for kept in idle.by_key.values_mut() {
            kept.retain(|(since, it)| since.elapsed() < self.age && !it.sender.is_closed());
        }
        idle.by_key.retain(|_, kept| !kept.is_empty());
        idle.count = idle.by_key.values().map(Vec::len).sum();
        idle.is_swept = idle.count > 0;
        idle.is_swept
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.idle.lock().unwrap().count
    }
}

/// Runs while something is kept.
async fn sweep(kept: Weak<Kept>, age: Duration) {
    loop {
        tokio::time::sleep(age.max(Duration::from_secs(1)) / 2).await;
        let Some(kept) = kept.upgrade() else { return };
        if !kept.close_old() {
            return;
        }
    }
}
