//! What isolation costs: one step of a plugin, fresh and reused.
//!
//! `cargo bench -p tureen-sandbox --bench step`, with `-- 'NAME'` for one case
//! alone, again and again, as a profiler wants it.
//!
//! A step is a transformer that reads one field of a 1 KB ADT^A01 and writes
//! another. *naive* is the same component in a plain wasmtime host: default
//! configuration, instances mapped on demand, a WASI context and a parsed path
//! each time. All cases run in turn in each round, so that a noisy machine hits
//! all of them; what is printed is the median round. CPU is the time of the
//! thread (or of both threads) that ran the steps; on a busy machine it is the
//! figure to compare. *Least* is the round that took the least of it: what a step
//! costs where nobody else uses the caches. Ratios are of that.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "../guests/components.rs"]
mod components;
#[path = "step/naive.rs"]
mod naive;
#[path = "step/tureen.rs"]
mod tureen;

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tureen_sandbox::PageMapScan;

const ROUNDS: usize = 25;

/// Rounds of a case that is run alone.
const PROFILED: usize = 60;

/// Field reads of the step that measures a host call, above those of the others.
const READS: u32 = 1_000;

/// One measured way to run steps.
struct Case {
    name: &'static str,
    /// Steps of one message; times are per step.
    steps: u32,
    /// Messages of one round, on each thread.
    messages: u32,
    threads: u32,
    /// Against which case the ratio is taken.
    naive: &'static str,
    run: Box<dyn Fn(u32) + Sync>,
    rounds: Vec<Cost>,
}

#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

impl Case {
    fn new(
        name: &'static str,
        naive: &'static str,
        [steps, messages, threads]: [u32; 3],
        run: impl Fn(u32) + Sync + 'static,
    ) -> Self {
        Self { name, steps, messages, threads, naive, run: Box::new(run), rounds: Vec::new() }
    }

    /// Microseconds per step, of one round.
    fn round(&mut self) {
        let started = Instant::now();
        let run = &self.run;
        let messages = self.messages;
        let cpu: f64 = std::thread::scope(|scope| {
            let one = || {
                let before = thread_time();
                run(messages);
                (thread_time() - before).as_secs_f64()
            };
            let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let per_thread = f64::from(self.steps * self.messages);
        let steps = per_thread * f64::from(self.threads);
        let wall = started.elapsed().as_secs_f64() / steps * 1e6;
        self.rounds.push(Cost { wall, cpu: cpu / steps * 1e6 });
    }

    fn median(&self) -> Cost {
        let median = |of: fn(&Cost) -> f64| {
            let mut values: Vec<f64> = self.rounds.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Cost { wall: median(|cost| cost.wall), cpu: median(|cost| cost.cpu) }
    }

    /// The processor time of the round that took the least.
    fn least(&self) -> f64 {
        self.rounds.iter().map(|cost| cost.cpu).fold(f64::INFINITY, f64::min)
    }
}

/// Processor time of this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

fn main() {
    let component = components::component("measured");
    let naive = naive::Host::new(&component);
    let host = tureen::Host::new(&component, PageMapScan::Never);
    let scanning = tureen::Host::new(&component, PageMapScan::Unproven);
    println!("page-map scan: {}", scanning.page_map_scan());
    let mut cases = cases(naive, host, scanning);
    if let Some(name) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) {
        let case = cases.iter_mut().find(|case| case.name == name).expect("the name of a case");
        (0..PROFILED).for_each(|_| case.round());
        let (median, least) = (case.median().cpu, case.least());
        println!("{name}: {median:.2} µs CPU per step, at least {least:.2}");
        return;
    }
    for round in 0..=ROUNDS {
        for case in &mut cases {
            case.round();
        }
        if round == 0 {
            // The first one fills caches.
            cases.iter_mut().for_each(|case| case.rounds.clear());
        }
    }
    report(&cases);
}

fn cases(naive: naive::Host, host: tureen::Host, scanning: tureen::Host) -> Vec<Case> {
    let naive: &'static naive::Host = Box::leak(Box::new(naive));
    let host: &'static tureen::Host = Box::leak(Box::new(host));
    let scanning: &'static tureen::Host = Box::leak(Box::new(scanning));
    let (fresh, reused, reads) = ("naive fresh", "naive reused", "naive 1,001 reads");
    vec![
        Case::new(reused, reused, [1, 4_000, 1], |times| naive.reused(1, times)),
        Case::new(fresh, fresh, [1, 400, 1], |times| naive.fresh(1, times)),
        Case::new(reads, reads, [1, 20, 1], |times| naive.reused(READS + 1, times)),
        Case::new("naive fresh, 2 threads", fresh, [1, 400, 2], |times| naive.fresh(1, times)),
        Case::new("reused", reused, [1, 4_000, 1], |times| host.reused(1, 1, times)),
        Case::new("reused, 2 steps", reused, [2, 2_000, 1], |times| host.reused(2, 1, times)),
        Case::new("reused, 4 steps", reused, [4, 1_000, 1], |times| host.reused(4, 1, times)),
        Case::new("reused, 8 steps", reused, [8, 500, 1], |times| host.reused(8, 1, times)),
        Case::new("reused, 2 threads", reused, [1, 4_000, 2], |times| host.reused(1, 1, times)),
        Case::new("1,001 reads", reads, [1, 20, 1], |times| host.reused(1, READS + 1, times)),
        Case::new("fresh", fresh, [1, 800, 1], |times| host.fresh(1, times)),
        Case::new("fresh, 2 steps", fresh, [2, 400, 1], |times| host.fresh(2, times)),
        Case::new("fresh, 4 steps", fresh, [4, 200, 1], |times| host.fresh(4, times)),
        Case::new("fresh, 8 steps", fresh, [8, 100, 1], |times| host.fresh(8, times)),
        Case::new("fresh, 2 threads", fresh, [1, 800, 2], |times| host.fresh(1, times)),
        Case::new("fresh, scan", fresh, [1, 800, 1], |times| scanning.fresh(1, times)),
        Case::new("fresh, scan, 2 threads", fresh, [1, 800, 2], |times| scanning.fresh(1, times)),
    ]
}

fn report(cases: &[Case]) {
    let of = |name: &str| cases.iter().find(|case| case.name == name).unwrap();
    let head = ["wall", "CPU", "least CPU", "naive / this"];
    println!("{:<28}{:>12}{:>12}{:>12}{:>14}", "µs per step", head[0], head[1], head[2], head[3]);
    for case in cases {
        let (cost, least, naive) = (case.median(), case.least(), of(case.naive).least());
        let (name, times) = (case.name, naive / least);
        println!("{name:<28}{:>12.2}{:>12.2}{least:>12.2}{times:>13.1}x", cost.wall, cost.cpu);
    }
    let read =
        |many: &str, one: &str| (of(many).least() - of(one).least()) * 1_000.0 / f64::from(READS);
    let (naive, ours) = (read("naive 1,001 reads", "naive reused"), read("1,001 reads", "reused"));
    println!("a host call that reads a field: {ours:.0} ns CPU (naive: {naive:.0} ns)");
    let scale = |name: &str, two: &str| of(name).median().wall / of(two).median().wall;
    println!(
        "two threads do {:.2} times the work of one: fresh; {:.2} times: reused",
        scale("fresh", "fresh, 2 threads"),
        scale("reused", "reused, 2 threads")
    );
}
