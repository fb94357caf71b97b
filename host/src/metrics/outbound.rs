//! What is counted of plugins' requests and connections to other servers.
//!
//! Knows: how an exchange ended, how long it took, how many bytes went which way. Deliberately
//! does not know: servers, whose names may have been made of a message.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tureen_sandbox::outbound::OutboundFault;

use super::histogram::{Distribution, Histogram, REQUEST};
use super::{OTHER, cut};

/// Plugins with series of their own. Those beyond share one.
const PLUGINS_MAX: usize = 500;

/// What a plugin asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeKind {
    /// One request and its response.
    Http,
    /// A plain connection.
    Tcp,
    /// A connection that is encrypted by the host.
    Tls,
}

impl ExchangeKind {
    /// All of them; the place of each is its number.
    pub(super) const ALL: [Self; 3] = [Self::Http, Self::Tcp, Self::Tls];

    /// A stable name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// How a request, or connecting, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeOutcome {
    Ok,
    /// The plugin's call ended in the middle of it.
    Abandoned,
    Failed(OutboundFault),
}

/// The numbers of those that are no fault.
const BEFORE_FAULTS: usize = 2;

const OUTCOMES: usize = BEFORE_FAULTS + OutboundFault::ALL.len();

impl ExchangeOutcome {
    fn all() -> impl Iterator<Item = Self> {
        [Self::Ok, Self::Abandoned].into_iter().chain(OutboundFault::ALL.map(Self::Failed))
    }

    fn number(self) -> usize {
        match self {
            Self::Ok => 0,
            Self::Abandoned => 1,
            Self::Failed(fault) => BEFORE_FAULTS + fault as usize,
        }
    }

    /// A stable name in lower case: of a fault, its code without `network.`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Abandoned => "abandoned",
            Self::Failed(fault) => {
                let code = fault.code();
                code.strip_prefix("network.").unwrap_or(code)
            }
        }
    }
}

/// Counters of all plugins. They begin with the process and stay while it runs.
pub struct OutboundTraffic {
    plugins_max: usize,
    plugins: Mutex<BTreeMap<String, Arc<PluginTraffic>>>,
    other: Arc<PluginTraffic>,
}

impl Default for OutboundTraffic {
    fn default() -> Self {
        Self::with_room_for(PLUGINS_MAX)
    }
}

/// Counters of one plugin.
#[derive(Default)]
pub struct PluginTraffic {
    kinds: [KindTraffic; ExchangeKind::ALL.len()],
}

#[derive(Default)]
struct KindTraffic {
    outcomes: [AtomicU64; OUTCOMES],
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    took: Histogram,
}

/// The counters of one plugin and kind, for whoever writes them down.
pub(super) struct TrafficFigures {
    pub(super) plugin: String,
    pub(super) kind: ExchangeKind,
    pub(super) outcomes: Vec<(ExchangeOutcome, u64)>,
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
    pub(super) took: Distribution,
}

impl OutboundTraffic {
    fn with_room_for(plugins_max: usize) -> Self {
        Self { plugins_max, plugins: Mutex::default(), other: Arc::default() }
    }

    /// Where a plugin is counted.
    pub fn of(&self, plugin: &str) -> Arc<PluginTraffic> {
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = plugins.get(plugin) {
            return Arc::clone(known);
        }
        if plugins.len() >= self.plugins_max {
            return Arc::clone(&self.other);
        }
        Arc::clone(plugins.entry(cut(plugin)).or_default())
    }

    /// What has been counted, plugins and kinds without any left out.
    pub(super) fn figures(&self) -> Vec<TrafficFigures> {
        let plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let other = (OTHER.to_owned(), Arc::clone(&self.other));
        plugins.into_iter().chain([other]).flat_map(|(name, it)| it.figures(&name)).collect()
    }
}

impl PluginTraffic {
    /// A request, or connecting, ended.
    pub fn ended(&self, kind: ExchangeKind, outcome: ExchangeOutcome, took: Duration) {
        let Some(counts) = self.kinds.get(kind as usize) else { return };
        if let Some(count) = counts.outcomes.get(outcome.number()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        counts.took.count(&REQUEST, took);
    }

    /// Bytes that left for a server: heads and bodies, without TLS.
    pub fn sent(&self, kind: ExchangeKind, bytes: usize) {
        if let Some(counts) = self.kinds.get(kind as usize) {
            super::add(&counts.sent_bytes, bytes);
        }
    }

    /// Bytes that came from a server and were handed to the plugin.
    pub fn received(&self, kind: ExchangeKind, bytes: usize) {
        if let Some(counts) = self.kinds.get(kind as usize) {
            super::add(&counts.received_bytes, bytes);
        }
    }

    fn figures(&self, plugin: &str) -> Vec<TrafficFigures> {
        let of = |(kind, counts): (ExchangeKind, &KindTraffic)| {
            let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
            let outcomes = ExchangeOutcome::all()
                .zip(&counts.outcomes)
                .map(|(outcome, count)| (outcome, read(count)))
                .filter(|(_, count)| *count > 0);
            TrafficFigures {
                plugin: plugin.to_owned(),
                kind,
                outcomes: outcomes.collect(),
                sent_bytes: read(&counts.sent_bytes),
                received_bytes: read(&counts.received_bytes),
                took: Distribution::of(std::iter::once(&counts.took)),
            }
        };
        let all = ExchangeKind::ALL.into_iter().zip(&self.kinds).map(of);
        all.filter(|figures| !figures.outcomes.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_outcome_has_a_number_and_a_name_of_its_own() {
        let numbers: Vec<_> = ExchangeOutcome::all().map(ExchangeOutcome::number).collect();
        assert_eq!(numbers, (0..OUTCOMES).collect::<Vec<_>>());
        let names: BTreeSet<_> = ExchangeOutcome::all().map(ExchangeOutcome::name).collect();
        assert_eq!(names.len(), OUTCOMES);
        for (number, kind) in ExchangeKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
    }

    #[test]
    fn plugins_beyond_the_room_share_one_name() {
        let traffic = OutboundTraffic::with_room_for(2);
        for number in 0..5 {
            let plugin = traffic.of(&format!("p{number}"));
            plugin.ended(ExchangeKind::Tcp, ExchangeOutcome::Ok, Duration::from_millis(1));
            plugin.sent(ExchangeKind::Tcp, 10);
        }
        let figures = traffic.figures();
        let seen: Vec<_> = figures
            .iter()
            .map(|it| (it.plugin.as_str(), it.outcomes.clone(), it.sent_bytes))
            .collect();
        let ok = |count| vec![(ExchangeOutcome::Ok, count)];
        assert_eq!(seen, [("p0", ok(1), 10), ("p1", ok(1), 10), (OTHER, ok(3), 30)]);
    }
}
