//! Telling a person once what something that takes long is waiting for.
//!
//! Deliberately does not know: what it is.

use std::time::Duration;

use super::output;

/// A person begins to wonder.
const WONDERS_AFTER: Duration = Duration::from_secs(3);

/// Waits for the work; where that takes long, says on standard error what it is.
pub(super) async fn telling<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = Box::pin(work);
    if let Ok(done) = tokio::time::timeout(WONDERS_AFTER, &mut work).await {
        return done;
    }
    output::note(what);
    work.await
}
