//! What a start costs, and what a snapshot saves.
//!
//! `cargo bench -p tureen-sandbox --bench start`
//!
//! First: a home of 50 plugins, started without compiled code and then with it.
//! Every plugin is the same component with another custom section, so that all are
//! different files. Compiling is done in this process, on all its processors; the
//! server's program does it in a child.
//!
//! Then: one fresh step of the standard filter with a hundred conditions, configured
//! for each message and started from a snapshot, in turn; the first condition decides. The machine may be noisy:
//! the medians of rounds are told, and their ratio.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Zoned;
use tureen_message::{Format, Message, ParseOptions};
use tureen_sandbox::{
    CACHE_BYTES_DEFAULT, CacheOptions, CallFacts, CodeOptions, Engine, EngineOptions, Exchange,
    Grants, Limits, NoTables, Notifications, Plugin, Run, Start, Step, StepOptions, Target,
    Verdict,
};
use tureen_template::{Direction, RunFacts, SettingId, Variables};

const PLUGINS: u8 = 50;
const CONDITIONS: usize = 100;
const ROUNDS: usize = 15;
const CALLS: u32 = 200;
const OWNER: &str = "b0000000-0000-4000-8000-000000000001";

#[tokio::main]
async fn main() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("data/compiled");
    starts(&directory).await;
    fresh_steps(&directory).await;
}

fn engine(directory: &Path) -> Engine {
    let cache = CacheOptions { directory: directory.to_owned(), bytes: CACHE_BYTES_DEFAULT };
    let code = CodeOptions { cache: Some(cache), ..CodeOptions::default() };
    Engine::with_code(&EngineOptions::default(), code).unwrap()
}

fn standard(name: &str) -> &'static [u8] {
    tureen_bundle::bundled().iter().find(|it| it.name == name).unwrap().component
}

async fn starts(directory: &Path) {
    let component = standard("transformer");
    let files: Vec<Arc<[u8]>> =
        (0..PLUGINS).map(|it| [component, &[0, 3, 1, b'n', it]].concat().into()).collect();
    println!("{PLUGINS} plugins of {} KiB:", component.len() >> 10);
    for name in ["first start", "second start"] {
        let engine = engine(directory);
        let started = Instant::now();
        for file in &files {
            Plugin::load(&engine, Arc::clone(file)).await.unwrap();
        }
        let took = started.elapsed();
        let counts = engine.code_counts();
        println!(
            "  {name:<13} {took:>10.1?}   compiled {:>2}   read {:>2}   {:>9.1?} for a plugin",
            counts.compiled,
            counts.read,
            took / u32::from(PLUGINS)
        );
    }
}

async fn fresh_steps(directory: &Path) {
    let (plain, with_snapshots) = (engine(directory), engine(directory));
    with_snapshots.make_snapshots();
    let configured = filter_step(&plain).await;
    let snapshot = filter_step(&with_snapshots).await;
    assert_eq!(snapshot.start(), Start::Snapshot);
    let (mut each, mut kept) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        each.push(round(&configured).await);
        kept.push(round(&snapshot).await);
    }
    let mut ratios: Vec<f64> = each.iter().zip(&kept).map(|(each, kept)| each / kept).collect();
    println!(
        "a fresh step of the filter with {CONDITIONS} conditions, {ROUNDS} rounds of {CALLS}:"
    );
    println!("  configured for each message {:>8.1} µs", median(&mut each));
    println!("  started from a snapshot     {:>8.1} µs", median(&mut kept));
    println!("  ratio                       {:>8.2}", median(&mut ratios));
}

async fn filter_step(engine: &Engine) -> Step {
    let plugin = Arc::new(Plugin::load(engine, standard("filter").into()).await.unwrap());
    let conditions: Vec<String> = (0..CONDITIONS)
        .map(|number| {
            format!(
                r#"{{"$type":"HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow","Path":"MSH-9.1","Comparer":0,"Value":"A{number}","FromDirection":0,"FromType":8,"FromSetting":"{OWNER}"}}"#
            )
        })
        .collect();
    let settings = format!(
        r#"{{"$type":"HL7Soup.Functions.Settings.Filters.FilterHostSetting, HL7SoupWorkflow","Filters":[{}]}}"#,
        conditions.join(",")
    );
    let options = StepOptions {
        settings,
        owner: owner(),
        role: "filter",
        limits: Limits::default(),
        grants: Grants::default(),
        reuse: false,
        ungranted: tureen_sandbox::Ungranted::default(),
        isolation: tureen_sandbox::Isolation::default(),
    };
    let prepared = Step::prepare(plugin, options).await.unwrap();
    assert!(prepared.findings.is_empty(), "{:?}", prepared.findings);
    prepared.step.settled().await;
    prepared.step
}

/// Microseconds of one step.
async fn round(step: &Step) -> f64 {
    let mut run = Box::new(run());
    let target = Target { setting: owner(), direction: Direction::Inbound, writable: false };
    let started = Instant::now();
    for _ in 0..CALLS {
        let (back, verdict) = step.decide(run, target).await;
        assert!(matches!(verdict, Ok(Verdict::Stop(_))), "{verdict:?}");
        run = back;
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
}

fn owner() -> SettingId {
    SettingId::parse(OWNER).unwrap()
}

fn run() -> Run {
    let parse = Arc::new(ParseOptions::default());
    let text = b"MSH|^~\\&|A|B|C|D|20260102||ADT^A01|7|P|2.5\rPID|1||77\r".to_vec();
    let facts = RunFacts { received: Zoned::now(), instance: 1, clock: Zoned::now };
    let mut exchange = Exchange::new(owner(), std::iter::empty());
    let message = Message::parse(Format::Hl7, text, &parse).unwrap();
    exchange.put(owner(), Direction::Inbound, message);
    Run {
        variables: Variables::new(facts, Arc::default()),
        exchange,
        tables: Arc::new(NoTables),
        parse,
        facts: Arc::new(CallFacts {
            workflow: "bench".to_owned(),
            message_id: "bench".to_owned(),
            attempt: 1,
        }),
        log: Vec::new(),
        notifications: Notifications::default(),
        acknowledgements: 0,
        latest: None,
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
