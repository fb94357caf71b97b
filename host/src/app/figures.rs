//! Wires to the metrics what the server's parts count themselves.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use tureen_sandbox::{CodeCounts, Engine, PoolUsage};

use crate::listener::ConnectionBudget;
use crate::metrics::{Metrics, Source, SourceKind};
use crate::pipeline::Pipeline;
use crate::refusals::Refusals;

use super::Home;

/// The parts are asked when somebody looks; none is kept alive for that.
pub(super) fn wire(
    metrics: &Metrics,
    home: &Home,
    pipeline: &Arc<Pipeline>,
    budget: &Arc<ConnectionBudget>,
    refusals: &Arc<Refusals>,
) {
    let weak = Arc::downgrade(pipeline);
    metrics.ask(gauge("messages_in_flight", "Messages inside workflows.", &weak, |pipeline| {
        number(pipeline.in_flight())
    }));
    metrics.ask(Source::by(
        SourceKind::Counter,
        "plugin_log_lines_over_minute",
        "Log lines of a plugin that were cut by log_lines_per_minute.",
        "plugin",
        move || {
            let cut = weak.upgrade().map(|pipeline| pipeline.lines_cut()).unwrap_or_default();
            cut.into_iter().map(|(plugin, count)| (Cow::Owned(plugin), count)).collect()
        },
    ));
    let free = Arc::downgrade(budget);
    metrics.ask(gauge("connections", "Connections to receivers.", &free, |budget| {
        number(budget.taken())
    }));
    let refusals = Arc::clone(refusals);
    metrics.ask(Source::by(
        SourceKind::Counter,
        "refusals",
        "What was turned away before it was a message, by the limit or the rule.",
        "kind",
        move || {
            let counts = refusals.snapshot().into_iter().filter(|(_, count)| *count > 0);
            counts.map(|(kind, count)| (Cow::Borrowed(kind.name()), count)).collect()
        },
    ));
    pool(metrics, &home.engine);
    code(metrics, &home.engine);
    metrics.show_outbound(Arc::clone(home.outbound().traffic()));
}

fn code(metrics: &Metrics, engine: &Engine) {
    let asked = engine.clone();
    metrics.ask(Source::by(
        SourceKind::Counter,
        "compiled_code",
        "Native code of plugins and of their snapshots, by where it came from.",
        "event",
        move || {
            let CodeCounts { compiled, read, refused, failed, .. } = asked.code_counts();
            let counts =
                [("compiled", compiled), ("failed", failed), ("read", read), ("refused", refused)];
            counts.map(|(event, count)| (Cow::Borrowed(event), count)).to_vec()
        },
    ));
    let asked = engine.clone();
    metrics.ask(Source::one(
        SourceKind::Counter,
        "compiled_snapshots",
        "Snapshots of settings among the code that was compiled or read.",
        move || Some(asked.code_counts().snapshots),
    ));
}

fn pool(metrics: &Metrics, engine: &Engine) {
    type Of = fn(&PoolUsage) -> u64;
    let figures: [(&'static str, &'static str, Of); 5] = [
        ("pool_instances", "Live instances of plugins.", |pool| pool.component_instances),
        ("pool_memories", "Linear memories in use.", |pool| pool.memories),
        ("pool_stacks", "Stacks in use.", |pool| pool.stacks),
        ("pool_warm_memories", "Places for memories that were used before.", |pool| {
            pool.unused_warm_memories
        }),
        ("pool_resident_bytes", "What unused places keep in memory.", |pool| {
            pool.unused_resident_bytes
        }),
    ];
    for (name, help, of) in figures {
        let engine = engine.clone();
        let read = move || engine.pool_usage().map(|pool| of(&pool));
        metrics.ask(Source::one(SourceKind::Gauge, name, help, read));
    }
    let is_pooling = u64::from(engine.is_pooling());
    let help = "1 where instances come from a pool, 0 where each is mapped on demand.";
    metrics.ask(Source::one(SourceKind::Gauge, "pool_on", help, move || Some(is_pooling)));
}

fn gauge<T: Send + Sync + 'static>(
    name: &'static str,
    help: &'static str,
    of: &Weak<T>,
    read: fn(&T) -> u64,
) -> Source {
    let of = Weak::clone(of);
    Source::one(SourceKind::Gauge, name, help, move || of.upgrade().map(|it| read(&it)))
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
