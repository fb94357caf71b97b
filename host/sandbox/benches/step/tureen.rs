//! The measured steps in Tureen's sandbox.

use std::sync::Arc;

use jiff::Zoned;
use tokio::runtime::Runtime;
use tureen_message::{Format, Message, ParseOptions};
use tureen_sandbox::{
    CallFacts, Engine, EngineOptions, Exchange, Grants, Limits, NoTables, Notifications,
    PageMapScan, Plugin, Run, Step, StepOptions, Target,
};
use tureen_template::{Direction, Globals, RunFacts, SettingId, Variables};

pub(crate) struct Host {
    engine: Engine,
    fresh: Vec<Step>,
    reused: Vec<Step>,
    /// Reads a thousand fields more.
    reading: Step,
}

impl Host {
    pub(crate) fn new(component: &Arc<[u8]>, page_map_scan: PageMapScan) -> Self {
        let runtime = runtime();
        runtime.block_on(async {
            let options = EngineOptions { page_map_scan, ..EngineOptions::default() };
            let engine = Engine::new(&options).unwrap();
            let plugin = Plugin::load(&engine, Arc::clone(component)).await.unwrap();
            let plugin = Arc::new(plugin);
            let mut fresh = Vec::new();
            let mut reused = Vec::new();
            for _ in 0..8 {
                fresh.push(step(&plugin, 1, false).await);
                reused.push(step(&plugin, 1, true).await);
            }
            let reading = step(&plugin, crate::READS + 1, true).await;
            Self { engine, fresh, reused, reading }
        })
    }

    pub(crate) fn page_map_scan(&self) -> String {
        self.engine.page_map_scan().to_string()
    }

    pub(crate) fn fresh(&self, steps: usize, times: u32) {
        runtime().block_on(repeat(&self.fresh[..steps], times));
    }

    pub(crate) fn reused(&self, steps: usize, reads: u32, times: u32) {
        match reads {
            1 => runtime().block_on(repeat(&self.reused[..steps], times)),
            _ => runtime().block_on(repeat(std::slice::from_ref(&self.reading), times)),
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

async fn step(plugin: &Arc<Plugin>, reads: u32, reuse: bool) -> Step {
    let options = StepOptions {
        settings: format!("{{\"Reads\": \"{reads}\"}}"),
        owner: SettingId::NONE,
        role: "receiver-variables",
        limits: Limits::default(),
        grants: Grants::default(),
        reuse,
        ungranted: tureen_sandbox::Ungranted::default(),
        isolation: tureen_sandbox::Isolation::default(),
    };
    Step::prepare(Arc::clone(plugin), options).await.unwrap().step
}

async fn repeat(steps: &[Step], times: u32) {
    let target = Target { setting: SettingId::NONE, direction: Direction::Inbound, writable: true };
    let mut run = run();
    for _ in 0..times {
        for step in steps {
            let (back, outcome) = step.transform(run, target, Vec::new()).await;
            outcome.unwrap();
            run = back;
        }
    }
    let message = run.exchange.message(SettingId::NONE, Direction::Inbound).unwrap().unwrap();
    assert!(message.bytes().windows(14).any(|part| part == b"PID|1|778899|7"));
}

fn run() -> Box<Run> {
    let facts = RunFacts { received: Zoned::now(), instance: 1, clock: Zoned::now };
    let mut exchange = Exchange::new(SettingId::NONE, std::iter::empty());
    exchange.put(SettingId::NONE, Direction::Inbound, message());
    Box::new(Run {
        variables: Variables::new(facts, Arc::new(Globals::default())),
        exchange,
        tables: Arc::new(NoTables),
        parse: Arc::new(ParseOptions::default()),
        facts: Arc::new(CallFacts {
            workflow: "Benchmark".to_owned(),
            message_id: "1".to_owned(),
            attempt: 1,
        }),
        log: Vec::new(),
        notifications: Notifications::default(),
        acknowledgements: 0,
        latest: None,
    })
}

/// An admission of about 1 KB; the person is invented.
pub(crate) fn message() -> Message {
    let mut text = String::from(
        "MSH|^~\\&|ADTAPP|NORTHWING|TUREEN|ARCHIVE|20260301101500||ADT^A01^ADT_A01|BENCH-1|P|2.5\r\
         EVN|A01|20260301101500\r\
         PID|1||778899^^^NORTHWING^MR~5551234^^^NATIONAL^NI||Fictitious^Anna^Berta||19710823|F\r",
    );
    while text.len() < 1_000 {
        text.push_str("OBX|1|NM|8302-2^Height^LN||171|cm|||||F\r");
    }
    Message::parse(Format::Hl7, text.into_bytes(), &ParseOptions::default()).unwrap()
}
