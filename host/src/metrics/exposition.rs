//! The counters as text, in the format OpenMetrics 1.0, which Prometheus reads.
//!
//! Every name here is explained in `docs/metrics.md` (a test compares the two).

mod outbound;

use std::fmt;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::histogram::{Bounds, CALL, Distribution, REQUEST};
use super::step::{StepFigures, StepLabels};
use super::workflow::WorkflowFigures;
use super::{Metrics, OTHER, Source, SourceKind, living};

/// Of what [`Metrics::text`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Metrics {
    /// Everything as it is now.
    pub fn text(self: &Arc<Self>) -> String {
        let mut registry = Registry::with_prefix("tureen");
        registry.register_collector(Box::new(Look(Arc::clone(self))));
        let mut text = String::new();
        match encode(&mut text, &registry) {
            Ok(()) => text,
            // A string takes everything; the comment keeps a scraper from a silent gap.
            Err(error) => format!("# the metrics could not be written: {error}\n"),
        }
    }
}

#[derive(Debug)]
struct Look(Arc<Metrics>);

type Written = Result<(), fmt::Error>;
type Steps = [(StepLabels, StepFigures)];
type Workflows = [(String, WorkflowFigures)];

impl Collector for Look {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Written {
        let out = &mut Out(&mut encoder);
        let metrics = &self.0;
        out.build()?;
        out.workflows(&metrics.workflow_figures())?;
        out.steps(&metrics.step_figures())?;
        if let Some(traffic) = metrics.outbound.get() {
            out.outbound(&traffic.figures())?;
        }
        out.reloads(metrics)?;
        for source in metrics.sources.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            out.source(source)?;
        }
        out.number(
            SourceKind::Counter,
            "metrics_over_limit",
            "Steps and workflows without series of their own (metrics.steps).",
            metrics.over_limit.load(Ordering::Relaxed),
        )
    }
}

impl Metrics {
    /// Also what is beyond the limit, once there is any.
    fn step_figures(&self) -> Vec<(StepLabels, StepFigures)> {
        let own = living(&self.steps);
        let other = (Arc::strong_count(&self.other_step) > 1 || self.is_over()).then(|| {
            let name = || OTHER.to_owned();
            let labels = StepLabels { workflow: name(), step: name(), plugin: name() };
            (labels, Arc::clone(&self.other_step))
        });
        own.into_iter().chain(other).map(|(labels, it)| (labels, it.figures())).collect()
    }

    fn workflow_figures(&self) -> Vec<(String, WorkflowFigures)> {
        let own = living(&self.workflows);
        let is_used = Arc::strong_count(&self.other_workflow) > 1 || self.is_over();
        let other = is_used.then(|| (OTHER.to_owned(), Arc::clone(&self.other_workflow)));
        own.into_iter().chain(other).map(|(name, it)| (name, it.figures())).collect()
    }

    fn is_over(&self) -> bool {
        self.over_limit.load(Ordering::Relaxed) > 0
    }
}

struct Out<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Out<'_, '_> {
    fn family<'s>(
        &'s mut self,
        kind: MetricType,
        name: &'s str,
        help: &str,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }

    fn build(&mut self) -> Written {
        let mut info = self.family(MetricType::Info, "build", "The program.")?;
        info.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
    }

    fn workflows(&mut self, workflows: &Workflows) -> Written {
        let help = "Messages whose run ended, by what became of them.";
        let mut family = self.family(MetricType::Counter, "messages", help)?;
        for (workflow, figures) in workflows {
            for (outcome, count) in figures.outcomes {
                let labels = [("workflow", workflow.as_str()), ("outcome", outcome.name())];
                counter(&mut family.encode_family(&labels)?, count)?;
            }
        }
        let help = "From a complete body to its answer, waiting for a place included.";
        let mut family = self.family(MetricType::Histogram, "answer_seconds", help)?;
        for (workflow, figures) in workflows {
            let labels = [("workflow", workflow.as_str())];
            histogram(&mut family.encode_family(&labels)?, &REQUEST, &figures.answers)?;
        }
        Ok(())
    }

    fn steps(&mut self, steps: &Steps) -> Written {
        let help = "Calls of a plugin, by how they ended.";
        let mut family = self.family(MetricType::Counter, "plugin_calls", help)?;
        for (labels, figures) in steps {
            for (outcome, count) in &figures.outcomes {
                let labels = and(labels, ("outcome", outcome.name()));
                counter(&mut family.encode_family(&labels)?, *count)?;
            }
        }
        self.times(
            "plugin_call_seconds",
            "From entering a plugin to its answer, waits and making the instance included.",
            steps,
            |figures| &figures.wall,
        )?;
        self.times(
            "plugin_running_seconds",
            "What the plugin itself ran of that, its calls into the host included.",
            steps,
            |figures| &figures.running,
        )?;
        self.gauges(
            "plugin_memory_peak_bytes",
            "The most linear memory that an instance had.",
            steps,
            |figures| figures.memory_peak_bytes,
        )?;
        self.gauges("plugin_instances", "Live instances, idle ones too.", steps, |figures| {
            figures.instances
        })?;
        self.gauges(
            "plugin_quarantined",
            "1 while the step is set aside, because its plugin broke down again and again.",
            steps,
            |figures| u64::from(figures.is_set_aside),
        )?;
        let help = "Messages that failed without a call, because the step is set aside.";
        self.counters("plugin_quarantine_refused", help, steps, |figures| figures.refused)?;
        let help = "Calls of plugins into the host.";
        self.counters("plugin_host_calls", help, steps, |figures| figures.host_calls)?;
        let help = "Log lines of plugins, by whether the limits of one call let them through.";
        let mut family = self.family(MetricType::Counter, "plugin_log_lines", help)?;
        for (labels, figures) in steps {
            for (fate, count) in
                [("written", figures.log_lines), ("dropped", figures.log_lines_cut)]
            {
                counter(&mut family.encode_family(&and(labels, ("fate", fate)))?, count)?;
            }
        }
        Ok(())
    }

    fn times(
        &mut self,
        name: &str,
        help: &str,
        steps: &Steps,
        of: fn(&StepFigures) -> &Distribution,
    ) -> Written {
        let mut family = self.family(MetricType::Histogram, name, help)?;
        for (labels, figures) in steps {
            histogram(&mut family.encode_family(&plain(labels))?, &CALL, of(figures))?;
        }
        Ok(())
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        steps: &Steps,
        of: fn(&StepFigures) -> u64,
    ) -> Written {
        let mut family = self.family(MetricType::Gauge, name, help)?;
        for (labels, figures) in steps {
            family.encode_family(&plain(labels))?.encode_gauge(&of(figures))?;
        }
        Ok(())
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        steps: &Steps,
        of: fn(&StepFigures) -> u64,
    ) -> Written {
        let mut family = self.family(MetricType::Counter, name, help)?;
        for (labels, figures) in steps {
            counter(&mut family.encode_family(&plain(labels))?, of(figures))?;
        }
        Ok(())
    }

    fn reloads(&mut self, metrics: &Metrics) -> Written {
        let help = "Changed files, by whether they were taken over.";
        let mut family = self.family(MetricType::Counter, "reloads", help)?;
        for (what, result, count) in metrics.reloads.snapshot() {
            counter(&mut family.encode_family(&[("what", what), ("result", result)])?, count)?;
        }
        Ok(())
    }

    fn source(&mut self, source: &Source) -> Written {
        let numbers = (source.read)();
        if numbers.is_empty() {
            return Ok(());
        }
        let mut family = self.family(kind_of(source.kind), source.name, source.help)?;
        for (value, number) in &numbers {
            match source.label {
                None => write_number(&mut family, source.kind, *number)?,
                Some(label) => {
                    let labels = [(label, value.as_ref())];
                    write_number(&mut family.encode_family(&labels)?, source.kind, *number)?;
                }
            }
        }
        Ok(())
    }

    fn number(&mut self, kind: SourceKind, name: &str, help: &str, number: u64) -> Written {
        write_number(&mut self.family(kind_of(kind), name, help)?, kind, number)
    }
}

fn kind_of(kind: SourceKind) -> MetricType {
    match kind {
        SourceKind::Counter => MetricType::Counter,
        SourceKind::Gauge => MetricType::Gauge,
    }
}

fn write_number(encoder: &mut MetricEncoder<'_>, kind: SourceKind, number: u64) -> Written {
    match kind {
        SourceKind::Counter => counter(encoder, number),
        SourceKind::Gauge => encoder.encode_gauge(&number),
    }
}

fn counter(encoder: &mut MetricEncoder<'_>, count: u64) -> Written {
    encoder.encode_counter::<NoLabelSet, u64, f64>(&count, None)
}

fn histogram(encoder: &mut MetricEncoder<'_>, bounds: &Bounds, found: &Distribution) -> Written {
    let buckets = found.buckets(bounds);
    encoder.encode_histogram::<NoLabelSet>(found.seconds(), found.total(), &buckets, None)
}

fn plain(labels: &StepLabels) -> [(&str, &str); 3] {
    [("workflow", &labels.workflow), ("step", &labels.step), ("plugin", &labels.plugin)]
}

fn and<'a>(labels: &'a StepLabels, last: (&'a str, &'a str)) -> [(&'a str, &'a str); 4] {
    let [workflow, step, plugin] = plain(labels);
    [workflow, step, plugin, last]
}
