//! Counts an exchange, and notes what is worth telling of it, whatever way it ends.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tureen_sandbox::outbound::{
    Caller, HttpRequest, HttpResponse, OutboundConnection, OutboundProblem, Sent, Waiting,
};

use super::connect::Progress;
use super::sightings::{Seen, Sightings};
use super::target::Granted;
use crate::metrics::{ExchangeKind, ExchangeOutcome, OutboundTraffic, PluginTraffic};

/// What separates a header field's name, its value and the next field.
const FIELD_BYTES: usize = 4;

/// One exchange on its way. Dropped before its end: the plugin's call is over.
pub(super) struct Watch<'a> {
    plugin: &'a Arc<str>,
    kind: ExchangeKind,
    began: Instant,
    traffic: Arc<PluginTraffic>,
    sightings: &'a Sightings,
    pub(super) progress: Progress,
    /// Whom it may talk to, as the operator granted it.
    destinations: OnceLock<Vec<String>>,
    has_ended: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn begin(
        caller: &'a Caller,
        kind: ExchangeKind,
        traffic: &OutboundTraffic,
        sightings: &'a Sightings,
    ) -> Self {
        let (plugin, traffic) = (&caller.plugin, traffic.of(&caller.plugin));
        Self {
            plugin,
            kind,
            began: Instant::now(),
            traffic,
            sightings,
            progress: Progress::default(),
            destinations: OnceLock::new(),
            has_ended: false,
        }
    }

    /// It may talk to these.
    pub(super) fn may_use<'g>(&self, granted: impl Iterator<Item = &'g Granted>) {
        let _ = self.destinations.set(granted.map(destination).collect());
    }

    /// A request ended that has so many bytes.
    pub(super) fn answered(
        self,
        request_bytes: usize,
        response: Result<HttpResponse, OutboundProblem>,
    ) -> Result<HttpResponse, OutboundProblem> {
        if response.as_ref().map_or_else(|problem| problem.sent == Sent::Maybe, |_| true) {
            self.traffic.sent(self.kind, request_bytes);
        }
        if let Ok(response) = &response {
            self.traffic.received(self.kind, bytes(&response.headers, &response.body));
        }
        self.ended(response)
    }

    /// Connecting ended; what crosses the connection is counted from here on.
    pub(super) fn connected(
        self,
        connection: Result<Box<dyn OutboundConnection>, OutboundProblem>,
    ) -> Result<Box<dyn OutboundConnection>, OutboundProblem> {
        let (traffic, kind) = (Arc::clone(&self.traffic), self.kind);
        let inner = self.ended(connection)?;
        Ok(Box::new(Counted { inner, traffic, kind }))
    }

    fn ended<T>(mut self, exchanged: Result<T, OutboundProblem>) -> Result<T, OutboundProblem> {
        self.has_ended = true;
        match &exchanged {
            Ok(_) => self.tell(ExchangeOutcome::Ok),
            Err(problem) => {
                self.tell(ExchangeOutcome::Failed(problem.fault));
                if let Some(refusal) = Seen::refusal(problem) {
                    self.sightings.note(self.plugin, refusal);
                }
            }
        }
        exchanged
    }

    fn tell(&self, outcome: ExchangeOutcome) {
        self.traffic.ended(self.kind, outcome, self.began.elapsed());
        if self.progress.has_passed_the_checks() {
            for destination in self.destinations.get().into_iter().flatten() {
                let destination = destination.clone();
                self.sightings.note(self.plugin, Seen::Used { destination });
            }
        }
    }
}

/// As the operator granted it, with its scheme: servers of `tcp` and `tls` are granted
/// without one.
fn destination(granted: &Granted) -> String {
    match granted.shown.contains("://") {
        true => granted.shown.clone(),
        false => format!("{}://{}", granted.peer.scheme.name(), granted.shown),
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.tell(ExchangeOutcome::Abandoned);
        }
    }
}

/// Bytes of a request as the plugin wrote it.
pub(super) fn request_bytes(request: &HttpRequest) -> usize {
    request.method.len() + request.url.len() + bytes(&request.headers, &request.body)
}

fn bytes(headers: &[(String, Vec<u8>)], body: &[u8]) -> usize {
    let fields = headers.iter().map(|(name, value)| name.len() + value.len() + FIELD_BYTES);
    fields.sum::<usize>() + body.len()
}

/// A connection whose bytes are counted.
struct Counted {
    inner: Box<dyn OutboundConnection>,
    traffic: Arc<PluginTraffic>,
    kind: ExchangeKind,
}

impl OutboundConnection for Counted {
    fn read(&mut self, max: usize, within: Duration) -> Waiting<'_, Vec<u8>> {
        Box::pin(async move {
            let read = self.inner.read(max, within).await;
            self.traffic.received(self.kind, read.as_ref().map_or(0, Vec::len));
            read
        })
    }

    fn write<'a>(&'a mut self, data: &'a [u8], within: Duration) -> Waiting<'a, ()> {
        Box::pin(async move {
            let written = self.inner.write(data, within).await;
            if written.is_ok() {
                self.traffic.sent(self.kind, data.len());
            }
            written
        })
    }
}
