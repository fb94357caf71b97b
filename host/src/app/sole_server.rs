//! One server to a home: a second one would take its messages, renew its certificates and
//! write its audit log.
//!
//! Knows: a lock on the home's directory, which the system gives back however the process
//! ends. Deliberately does not know: what servers do. Commands that only read, or change
//! what a server takes over as it runs, ask for nothing here.

use std::fs::{File, TryLockError};
use std::path::Path;

/// The right to serve a home, until it is dropped.
pub(super) struct SoleServer {
    _directory: Option<File>,
}

impl SoleServer {
    /// Nothing is written: a home may be read-only. Where directories cannot be locked
    /// (some network file systems, other systems than Unix) nobody is refused.
    ///
    /// # Errors
    /// Another server serves this home.
    pub(super) fn of(home: &Path) -> anyhow::Result<Self> {
        let Ok(directory) = File::open(home) else { return Ok(Self { _directory: None }) };
        match directory.try_lock() {
            Ok(()) => Ok(Self { _directory: Some(directory) }),
            Err(TryLockError::WouldBlock) => anyhow::bail!(
                "another server serves the home at {}\n  help: stop that one first, or make another home with `tureen init`; what is changed in this one, it takes over without a restart",
                home.canonicalize().unwrap_or_else(|_| home.to_owned()).display()
            ),
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "the home cannot be locked: nothing tells a second server");
                Ok(Self { _directory: None })
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_home_has_one_server_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let first = SoleServer::of(home.path()).unwrap();
        let refused = SoleServer::of(home.path()).err().unwrap().to_string();
        assert!(refused.starts_with("another server serves the home at "), "{refused}");
        let _other = SoleServer::of(other.path()).unwrap();
        drop(first);
        let _second = SoleServer::of(home.path()).unwrap();
        // That there is none at all is told by whoever reads it.
        assert!(SoleServer::of(&home.path().join("missing")).is_ok());
    }
}
