//! The way of plugins to other servers: the host's half of `tureen_sandbox::outbound`.
//!
//! Knows grants, names, addresses, TLS, HTTP as a client. Deliberately does not know workflows,
//! messages, or what a plugin is for.
//!
//! # Invariants
//! - What is not granted is refused before a name is looked up. What a name leads to is checked
//!   before a byte leaves, and only what was checked is connected to.
//! - Connections are kept for the same plugin, server, proxy and client certificate only, and are
//!   checked against the present grants before they are used again.
//! - Every wait is bounded by what the plugin asked for and what is left of its call. A future that
//!   is dropped closes its connection.
//! - No path, header value or content is in any text.

mod address;
mod connect;
mod connection;
mod http;
mod kept;
mod resolve;
mod slots;
mod target;
#[cfg(test)]
mod tests;
mod trust;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tureen_sandbox::outbound::{
    Caller, ConnectTarget, HttpRequest, HttpResponse, Outbound, OutboundConnection, Waiting,
};

use crate::config::Outbound as OutboundConfig;
use crate::diagnostics::Diagnostic;

use connect::{ConnectTimes, Progress};
use kept::Kept;
use resolve::{Resolve, SystemResolver};
use slots::Slots;
use trust::Trust;

/// Talks to servers for the plugins of one home.
pub struct HostOutbound {
    home: PathBuf,
    settings: ArcSwap<Settings>,
    slots: Slots,
}

/// What one version of the configuration means.
struct Settings {
    trust: Trust,
    resolver: Arc<dyn Resolve>,
    kept: Arc<Kept>,
    times: ConnectTimes,
}

impl Settings {
    fn new(
        home: &Path,
        config: &OutboundConfig,
        resolver: Arc<dyn Resolve>,
    ) -> (Self, Vec<Diagnostic>) {
        let (trust, diagnostics) = Trust::load(home, config);
        let times = ConnectTimes {
            resolve: Duration::from_millis(config.resolve_timeout_milliseconds),
            connect: Duration::from_millis(config.connect_timeout_milliseconds),
        };
        let kept = Arc::new(Kept::new(
            config.kept_connections,
            config.kept_connections_per_destination,
            Duration::from_secs(config.kept_seconds),
        ));
        (Self { trust, resolver, kept, times }, diagnostics)
    }
}

impl HostOutbound {
    /// For the plugins of a home. What is wrong with its authorities is told; the others count.
    pub fn new(home: &Path, config: &OutboundConfig) -> (Arc<Self>, Vec<Diagnostic>) {
        Self::with_resolver(home, config, Arc::new(SystemResolver::new(config.lookups_in_flight)))
    }

    fn with_resolver(
        home: &Path,
        config: &OutboundConfig,
        resolver: Arc<dyn Resolve>,
    ) -> (Arc<Self>, Vec<Diagnostic>) {
        let (settings, diagnostics) = Settings::new(home, config, resolver);
        let settings = ArcSwap::from_pointee(settings);
        let made = Self { home: home.to_owned(), settings, slots: Slots::default() };
        (Arc::new(made), diagnostics)
    }

    /// Takes a changed configuration, or changed authorities, over: kept connections are closed,
    /// exchanges under way end as they began.
    pub fn apply(&self, config: &OutboundConfig) -> Vec<Diagnostic> {
        let resolver = Arc::new(SystemResolver::new(config.lookups_in_flight));
        let (settings, diagnostics) = Settings::new(&self.home, config, resolver);
        self.settings.store(Arc::new(settings));
        diagnostics
    }
}

impl Outbound for HostOutbound {
    fn http<'a>(&'a self, caller: &'a Caller, request: HttpRequest) -> Waiting<'a, HttpResponse> {
        Box::pin(async move {
            let (within, progress) = (request.within, Progress::default());
            let exchange = async {
                let settings = self.settings.load_full();
                let prepared = http::Prepared::new(&settings, caller, request).await?;
                let _slot = self.slots.take(caller).await?;
                http::exchange(&settings, caller, prepared, &progress).await
            };
            let exchanged = tokio::time::timeout(within, exchange).await;
            exchanged.unwrap_or_else(|_| Err(progress.timed_out(within)))
        })
    }

    fn connect<'a>(
        &'a self,
        caller: &'a Caller,
        target: ConnectTarget,
    ) -> Waiting<'a, Box<dyn OutboundConnection>> {
        Box::pin(async move {
            let (within, progress) = (target.within, Progress::default());
            let connecting = async {
                let settings = self.settings.load_full();
                let prepared = connection::Prepared::new(&settings, caller, target).await?;
                let slot = self.slots.take(caller).await?;
                connection::connect(&settings, caller, prepared, slot, &progress).await
            };
            let connected = tokio::time::timeout(within, connecting).await;
            connected.unwrap_or_else(|_| Err(progress.timed_out(within)))
        })
    }
}
