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
//! - Every exchange is counted, whatever way it ends.

mod address;
mod connect;
mod connection;
mod http;
mod kept;
mod resolve;
mod sightings;
mod slots;
mod target;
#[cfg(test)]
mod tests;
mod trust;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tureen_sandbox::outbound::{
    Caller, ConnectTarget, HttpRequest, HttpResponse, Outbound, OutboundConnection, Waiting,
};

use crate::config::Outbound as OutboundConfig;
use crate::diagnostics::Diagnostic;
use crate::metrics::{ExchangeKind, OutboundTraffic};

use connect::ConnectTimes;
use kept::Kept;
use resolve::{Resolve, SystemResolver};
use slots::Slots;
use trust::Trust;
use watch::{Watch, request_bytes};

pub use sightings::{Seen, Sighting, Sightings};

/// Talks to servers for the plugins of one home.
pub struct HostOutbound {
    home: PathBuf,
    settings: ArcSwap<Settings>,
    slots: Slots,
    traffic: Arc<OutboundTraffic>,
    sightings: Arc<Sightings>,
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
        let made = Self {
            home: home.to_owned(),
            settings,
            slots: Slots::default(),
            traffic: Arc::default(),
            sightings: Arc::default(),
        };
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

impl HostOutbound {
    /// What plugins' exchanges are counted in.
    pub fn traffic(&self) -> &Arc<OutboundTraffic> {
        &self.traffic
    }

    /// What of them is worth telling.
    pub fn sightings(&self) -> &Arc<Sightings> {
        &self.sightings
    }

    fn watch<'a>(&'a self, caller: &'a Caller, kind: ExchangeKind) -> Watch<'a> {
        Watch::begin(caller, kind, &self.traffic, &self.sightings)
    }
}

impl Outbound for HostOutbound {
    fn http<'a>(&'a self, caller: &'a Caller, request: HttpRequest) -> Waiting<'a, HttpResponse> {
        Box::pin(async move {
            let (within, bytes) = (request.within, request_bytes(&request));
            let watch = self.watch(caller, ExchangeKind::Http);
            let exchange = async {
                let settings = self.settings.load_full();
                let prepared = http::Prepared::new(&settings, caller, request).await?;
                watch.may_use(prepared.servers());
                let _slot = self.slots.take(caller).await?;
                http::exchange(&settings, caller, prepared, &watch.progress).await
            };
            let exchanged = tokio::time::timeout(within, exchange).await;
            let response = exchanged.unwrap_or_else(|_| Err(watch.progress.timed_out(within)));
            watch.answered(bytes, response)
        })
    }

    fn connect<'a>(
        &'a self,
        caller: &'a Caller,
        target: ConnectTarget,
    ) -> Waiting<'a, Box<dyn OutboundConnection>> {
        Box::pin(async move {
            let within = target.within;
            let kind = if target.tls { ExchangeKind::Tls } else { ExchangeKind::Tcp };
            let watch = self.watch(caller, kind);
            let connecting = async {
                let settings = self.settings.load_full();
                let prepared = connection::Prepared::new(&settings, caller, target).await?;
                watch.may_use(prepared.server());
                let slot = self.slots.take(caller).await?;
                connection::connect(&settings, caller, prepared, slot, &watch.progress).await
            };
            let connected = tokio::time::timeout(within, connecting).await;
            let connection = connected.unwrap_or_else(|_| Err(watch.progress.timed_out(within)));
            watch.connected(connection)
        })
    }
}
