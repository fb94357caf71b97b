//! The task that writes down what plugins do outside, from the start of the server to its end.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::outbound::Sightings;
use crate::plugins::audit::Audit;

pub(super) struct Auditing {
    ending: CancellationToken,
    task: JoinHandle<()>,
}

impl Auditing {
    pub(super) fn start(audit: &Audit, sightings: &Sightings) -> Self {
        let ending = CancellationToken::new();
        let task = audit.follow(sightings.listen(), ending.clone());
        Self { ending, task }
    }

    /// Writes what is left. After the last call of a plugin.
    pub(super) async fn stop(self) {
        self.ending.cancel();
        // An error: it panicked, which was reported.
        let _ = self.task.await;
    }
}
