//! Takes from this process everything but computing, for good.
//!
//! Knows: the order in which that has to happen. Deliberately does not know: what
//! the process is for.
//!
//! # Invariants
//! - Either all of it holds or the process is told that it does not, and must not go
//!   on: there is no half.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod system_calls;

use super::WorkerLimits;

/// Why the process could not be confined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unconfined(pub(crate) String);

/// Confines this process: no files, no network, no other process, no descriptor but
/// its standard ones, no new program, no new machine code, no privileges.
///
/// `prepare` runs in between: without files and descriptors already, but still
/// able to start threads and to make code executable. It must not run what is
/// confined here. Called before the process has any other thread.
///
/// # Errors
/// The system has no Landlock or no seccomp, or refused. The process is then
/// confined in parts at most.
pub fn confine<T>(limits: &WorkerLimits, prepare: impl FnOnce() -> T) -> Result<T, Unconfined> {
    #[cfg(target_os = "linux")]
    {
        linux::give_up_the_outside(limits)?;
        let prepared = prepare();
        linux::only_compute()?;
        Ok(prepared)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (limits, prepare);
        Err(Unconfined("only Linux has Landlock and seccomp".to_owned()))
    }
}
