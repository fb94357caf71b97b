//! What came back, counted.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::RequestResult;
use super::message::Acknowledgement;

/// The account of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub requests: usize,
    /// Requests that got an answer, whatever it says.
    pub answered: usize,
    pub statuses: BTreeMap<u16, usize>,
    /// By MSA-1.
    pub acknowledgements: BTreeMap<String, usize>,
    /// Answers whose MSA-2 is not the MSH-10 of their message.
    pub unmatched: usize,
    /// Answers with a status from 400 on that are not an acknowledgement.
    pub refused: usize,
    /// Requests without an answer, by kind.
    pub errors: BTreeMap<String, usize>,
    pub seconds: f64,
    pub per_second: f64,
    pub p50_milliseconds: f64,
    pub p99_milliseconds: f64,
    #[serde(skip)]
    times: Vec<Duration>,
}

impl Summary {
    /// Every request got an answer that is for it and is no refusal.
    pub fn is_success(&self) -> bool {
        self.answered == self.requests && self.unmatched == 0 && self.refused == 0
    }

    pub(super) fn count(&mut self, result: &RequestResult, control_id: Option<&str>) {
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => {
                *self.errors.entry(error.kind().to_owned()).or_default() += 1;
                return;
            }
        };
        self.answered += 1;
        self.times.push(answer.time);
        *self.statuses.entry(answer.status.as_u16()).or_default() += 1;
        match Acknowledgement::read(&answer.body) {
            Some(acknowledgement) => {
                let other = control_id.is_some_and(|sent| sent != acknowledgement.control_id);
                self.unmatched += usize::from(other);
                *self.acknowledgements.entry(acknowledgement.code).or_default() += 1;
            }
            None => self.refused += usize::from(answer.status.as_u16() >= 400),
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        fn add<K: Ord>(sum: &mut BTreeMap<K, usize>, part: BTreeMap<K, usize>) {
            for (key, count) in part {
                *sum.entry(key).or_default() += count;
            }
        }
        self.answered += other.answered;
        self.unmatched += other.unmatched;
        self.refused += other.refused;
        add(&mut self.statuses, other.statuses);
        add(&mut self.acknowledgements, other.acknowledgements);
        add(&mut self.errors, other.errors);
        self.times.extend(other.times);
    }

    pub(super) fn finish(&mut self, requests: usize, elapsed: Duration) {
        self.requests = requests;
        self.seconds = elapsed.as_secs_f64();
        self.per_second = self.answered as f64 / self.seconds.max(f64::MIN_POSITIVE);
        self.times.sort_unstable();
        self.p50_milliseconds = self.percentile(50);
        self.p99_milliseconds = self.percentile(99);
    }

    /// The time that this part of the answered requests did not take longer than (nearest rank).
    fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.times.len() * percent).div_ceil(100).saturating_sub(1);
        self.times.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    }

    pub(super) fn print_json(&self, output: &mut (dyn Write + Send)) -> io::Result<()> {
        serde_json::to_writer(&mut *output, self)?;
        writeln!(output)
    }

    pub(super) fn print(&self, output: &mut (dyn Write + Send)) -> io::Result<()> {
        writeln!(
            output,
            "{} requests, {} answered in {:.2} s, {:.0} per second, p50 {:.1} ms, p99 {:.1} ms",
            self.requests,
            self.answered,
            self.seconds,
            self.per_second,
            self.p50_milliseconds,
            self.p99_milliseconds
        )?;
        for (status, count) in &self.statuses {
            writeln!(output, "status {status}: {count}")?;
        }
        for (code, count) in &self.acknowledgements {
            writeln!(output, "acknowledgement {code}: {count}")?;
        }
        if self.unmatched > 0 {
            writeln!(output, "acknowledgements of another message: {}", self.unmatched)?;
        }
        for (kind, count) in &self.errors {
            writeln!(output, "no answer, {kind}: {count}")?;
        }
        Ok(())
    }
}
