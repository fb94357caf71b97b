//! `tureen serve`: the server.

use std::io;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Ended, HomeArgument, output};
use crate::app::Server;
use crate::config::ServerConfig;
use crate::telemetry;

/// Receives messages for the workflows of a home.
///
/// Prints one line per address when it is ready. Workflow files, plugins and
/// most of tureen.toml are taken over while it runs; a file with a fault is
/// reported and the version that ran before goes on. SIGINT or SIGTERM ends it:
/// no new request is taken, what is in flight is finished (limits.drain_timeout_seconds),
/// a second signal ends it at once.
#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    home: HomeArgument,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<Ended> {
        // Before the home is opened, so that what is wrong with it is logged.
        let log = ServerConfig::load(&self.home.home).map(|(config, _)| config.log);
        telemetry::start(&log.unwrap_or_default());
        forbid_core_dumps();
        // From here on a signal ends the server in order, however early it comes.
        let stop = CancellationToken::new();
        stop_on_signal(stop.clone())?;
        let server = Server::start(&self.home.home).await?;
        let addresses = server.addresses();
        for address in &addresses {
            output::line(&format!("{} receives at {}", address.workflow, address.url()));
        }
        if addresses.iter().any(|address| address.tls) {
            output::line(&format!("its certificate: {}", server.certificate_file().display()));
        }
        let refused = server.registry().standings().filter(|it| it.live.is_none()).count();
        if refused > 0 {
            output::line(&format!(
                "{refused} workflow(s) do not run; the log and `tureen check` say why"
            ));
        }
        output::line("ready; Ctrl-C ends it");
        let stopped = server.run_until(stop).await;
        if stopped.is_clean() {
            output::line("stopped; everything in flight was finished");
            return Ok(Ended::Well);
        }
        output::line(&format!(
            "stopped; cut short: {} connection(s), {} message(s)",
            stopped.connections_cut, stopped.runs_left
        ));
        Ok(Ended::Badly)
    }
}

/// What is in memory, messages and private keys, is not written to the disk by a crash, nor read
/// by other programs of the same user.
fn forbid_core_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!("core dumps cannot be turned off: {error}");
        }
    }
}

/// The first SIGINT or SIGTERM asks for an orderly end, the second does not
/// wait. Listens from the moment it returns.
///
/// # Errors
/// The system gives no signal handlers.
pub(super) fn stop_on_signal(stop: CancellationToken) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        for last in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if last {
                std::process::exit(130);
            }
            stop.cancel();
        }
    });
    Ok(())
}
