//! The families about other servers.

use prometheus_client::metrics::MetricType;

use super::super::histogram::REQUEST;
use super::super::outbound::TrafficFigures;
use super::{Out, Written, counter, histogram};

impl Out<'_, '_> {
    pub(super) fn outbound(&mut self, traffic: &[TrafficFigures]) -> Written {
        if traffic.is_empty() {
            return Ok(());
        }
        let help = "Requests of plugins to other servers, and connections, by how they ended.";
        let mut family = self.family(MetricType::Counter, "outbound_requests", help)?;
        for figures in traffic {
            for (outcome, count) in &figures.outcomes {
                let [plugin, kind] = labels(figures);
                let labels = [plugin, kind, ("outcome", outcome.name())];
                counter(&mut family.encode_family(&labels)?, *count)?;
            }
        }
        let help = "From asking to the whole response, or to the open connection.";
        let mut family = self.family(MetricType::Histogram, "outbound_seconds", help)?;
        for figures in traffic {
            let labels = labels(figures);
            histogram(&mut family.encode_family(&labels)?, &REQUEST, &figures.took)?;
        }
        let help = "Bytes that plugins sent to other servers and received from them.";
        let mut family = self.family(MetricType::Counter, "outbound_bytes", help)?;
        for figures in traffic {
            let [plugin, kind] = labels(figures);
            for (direction, bytes) in
                [("sent", figures.sent_bytes), ("received", figures.received_bytes)]
            {
                let labels = [plugin, kind, ("direction", direction)];
                counter(&mut family.encode_family(&labels)?, bytes)?;
            }
        }
        Ok(())
    }
}

fn labels(figures: &TrafficFigures) -> [(&str, &str); 2] {
    [("plugin", &figures.plugin), ("kind", figures.kind.name())]
}
