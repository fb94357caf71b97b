//! What plugins do outside, in the audit log: a line for the first use of each granted
//! destination, and one for each kind of refusal, since a plugin was loaded.
//!
//! Knows: sightings, and the log. Deliberately does not know: single requests, which metrics
//! count.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{AuditLog, Entry, Occasion, tell};
use crate::diagnostics::{Diagnostic, codes};
use crate::outbound::{Seen, Sighting};

pub(super) const USED: &str = "outbound-used";
pub(super) const REFUSED: &str = "outbound-refused";

/// Lines that are written at once.
const AT_ONCE: usize = 64;

/// Tells what is seen until `ending`, and then what is still there.
pub(super) fn follow(
    log: Arc<AuditLog>,
    mut seen: Receiver<Sighting>,
    ending: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut is_told = false;
        loop {
            let mut sightings = Vec::new();
            tokio::select! {
                biased;
                _ = seen.recv_many(&mut sightings, AT_ONCE) => {}
                () = ending.cancelled() => {}
            }
            if sightings.is_empty() {
                return;
            }
            if let Err(error) = write(&log, sightings.into_iter().map(entry).collect()).await {
                // Once: it goes on failing for the same reason.
                if !std::mem::replace(&mut is_told, true) {
                    let found = Diagnostic::new(codes::AUDIT, log.unwritable(&error));
                    tracing::warn!("{found}");
                }
            }
        }
    })
}

async fn write(log: &Arc<AuditLog>, entries: Vec<Entry>) -> io::Result<()> {
    entries.iter().for_each(tell);
    let log = Arc::clone(log);
    let written = move || log.append(Occasion::Running, &entries);
    tokio::task::spawn_blocking(written).await.map_err(io::Error::other)?
}

fn entry(Sighting { plugin, seen }: Sighting) -> Entry {
    let plugin = plugin.to_string();
    match seen {
        Seen::Used { destination } => {
            Entry { event: USED, plugin, destination, ..Entry::default() }
        }
        Seen::Refused { code, text } => {
            Entry { event: REFUSED, plugin, reason: format!("{code}: {text}"), ..Entry::default() }
        }
        Seen::More => {
            let reason = "it uses, or is refused, more than is told; metrics count on".to_owned();
            Entry { event: REFUSED, plugin, reason, ..Entry::default() }
        }
    }
}
