//! Reads the body of a request: whole, clean, in time and within limits, or not at all.
//!
//! hyper has no time limit for bodies: the deadline and the minimum rate here are the only ones.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Duration, Instant, timeout_at};

use super::HttpLimits;
use super::compression::{Coding, Decompressor, Growth, SLICE_BYTES};
use super::flight::InFlight;
use super::refusal::Refusal;

/// Of a refused body: how much more is taken in, and for how long.
const DISCARDED_BYTES_MAX: usize = 32 << 20;
const DISCARD_TIME_MAX: Duration = Duration::from_secs(5);

/// Reads to the clean end, and decompresses on the way.
///
/// # Errors
/// Too long, too slow, cut short or broken, or no room for it among the bodies in flight.
///
/// # Cancellation
/// What was read is lost, as it is when this returns an error.
pub(super) async fn read_body(
    body: &mut Incoming,
    coding: Coding,
    bytes_max: usize,
    limits: &HttpLimits,
    in_flight: &mut InFlight,
) -> Result<Bytes, Refusal> {
    refuse_announced_length(body, bytes_max)?;
    let mut wire = Wire { start: Instant::now(), received: 0, bytes_max, limits, body };
    let growth = Growth { bytes_max, ratio: limits.decompression_ratio };
    if let Some(mut decompressor) = Decompressor::new(coding, growth, in_flight) {
        while let Some(data) = wire.next().await? {
            for slice in data.chunks(SLICE_BYTES) {
                decompressor = decompressor.push(slice)?;
                // Decompression is work: others get their turn in between.
                tokio::task::yield_now().await;
            }
        }
        return decompressor.finish().map(Bytes::from);
    }
    let mut whole = Collected::default();
    while let Some(data) = wire.next().await? {
        if !in_flight.hold(data.len()) {
            return Err(Refusal::Overloaded);
        }
        whole.push(data);
    }
    Ok(whole.into_bytes())
}

/// A body as it is sent, with its limits of time and size.
struct Wire<'a> {
    start: Instant,
    received: usize,
    bytes_max: usize,
    limits: &'a HttpLimits,
    body: &'a mut Incoming,
}

impl Wire<'_> {
    /// The next bytes; `None` at the clean end.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let deadline = self.start + time_allowed(self.received, self.limits);
            let frame = match timeout_at(deadline, self.body.frame()).await {
                Ok(Some(frame)) => frame.map_err(|_| Refusal::BrokenBody)?,
                Ok(None) => return Ok(None),
                Err(_) => return Err(Refusal::SlowBody),
            };
            // Trailers carry nothing that a workflow can read.
            let Ok(data) = frame.into_data() else { continue };
            if data.len() > self.bytes_max.saturating_sub(self.received) {
                return Err(Refusal::LongBody);
            }
            self.received += data.len();
            return Ok(Some(data));
        }
    }
}

/// # Errors
/// The length that the head announces is over the limit.
pub(super) fn refuse_announced_length(body: &Incoming, bytes_max: usize) -> Result<(), Refusal> {
    let announced = body.size_hint().lower();
    if announced > bytes_max as u64 { Err(Refusal::LongBody) } else { Ok(()) }
}

/// Reads on and forgets, so that a client that is still sending can read its
/// answer first: on HTTP/2, letting go of a body at once resets the stream, and
/// some clients then drop the answer too.
///
/// # Cancellation
/// Harmless.
pub(super) async fn discard_rest(mut body: Incoming) {
    let rest = async {
        let mut left = DISCARDED_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    let _elapsed = tokio::time::timeout(DISCARD_TIME_MAX, rest).await;
}

/// How long after the start the next bytes may come: until the rate is too low, at most until the
/// deadline.
fn time_allowed(received: usize, limits: &HttpLimits) -> Duration {
    let by_rate = match limits.body_rate_bytes_per_second {
        0 => Duration::MAX,
        rate => Duration::from_millis((received as u64).saturating_mul(1_000) / rate),
    };
    by_rate.max(limits.body_rate_grace).min(limits.body_timeout)
}

/// The common body comes in one piece and is not copied.
#[derive(Default)]
struct Collected {
    first: Bytes,
    more: BytesMut,
}

impl Collected {
    fn len(&self) -> usize {
        self.first.len() + self.more.len()
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.more.is_empty() {
            self.more.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.more.extend_from_slice(&data);
    }

    fn into_bytes(self) -> Bytes {
        if self.more.is_empty() { self.first } else { self.more.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_for_the_next_bytes_follows_from_the_rate() {
        let mut limits = HttpLimits::from(&crate::config::Limits::default());
        let cases = [(0, 10), (9_000, 10), (15_000, 15), (29_999, 29), (1_000_000, 30)];
        for (received, seconds) in cases {
            assert_eq!(time_allowed(received, &limits).as_secs(), seconds, "{received} bytes");
        }
        limits.body_rate_bytes_per_second = 0;
        assert_eq!(time_allowed(0, &limits).as_secs(), 30, "only the deadline is left");
    }

    #[test]
    fn pieces_are_joined_in_order() {
        for pieces in [vec![], vec!["ab"], vec!["", "a", ""], vec!["a", "bc", "", "d"]] {
            let mut whole = Collected::default();
            for piece in &pieces {
                whole.push(Bytes::from_static(piece.as_bytes()));
            }
            assert_eq!(whole.into_bytes(), pieces.concat());
        }
    }
}
