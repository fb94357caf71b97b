//! A pool of instances that is full is a limit of the server, not a fault of the plugin
//! whose turn it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;
#[path = "../guests/components.rs"]
mod components;

use std::sync::Arc;

use tureen_sandbox::{
    CallOutcome, Engine, EngineOptions, Failure, Fault, Grants, Limits, PageMapScan, Plugin, Step,
    StepOptions, Target, Ungranted,
};
use tureen_template::{Direction, SettingId};

use common::run;

/// Instances that wait for their next message.
const IDLE: usize = 5;

/// Core instances that each instance has besides its own few. The pool has eight for
/// each place: 8 * (2 + IDLE + 32) = 312, so that IDLE instances fit and no more.
const FURTHER_CORE_INSTANCES: u8 = 55;

/// The same plugin with core instances that do nothing.
fn larger(component: &[u8]) -> Arc<[u8]> {
    let mut larger = component.to_vec();
    let index = core_modules(component);
    // A core module that is empty, and then instances of it.
    larger.extend([1, 8]);
    larger.extend(b"\0asm\x01\0\0\0");
    let instances: Vec<u8> = (0..FURTHER_CORE_INSTANCES).flat_map(|_| [0, index, 0]).collect();
    larger.extend([2, 0x80 | ((instances.len() + 1) & 0x7f) as u8, (instances.len() >> 7) as u8]);
    larger.push(FURTHER_CORE_INSTANCES);
    larger.extend(instances);
    larger.into()
}

/// How many core modules a component has at its top: the next one's index.
fn core_modules(component: &[u8]) -> u8 {
    let (mut at, mut count) = (8, 0);
    while at < component.len() {
        let (id, mut size, mut shift) = (component[at], 0, 0);
        loop {
            at += 1;
            size |= usize::from(component[at] & 0x7f) << shift;
            shift += 7;
            if component[at] & 0x80 == 0 {
                break;
            }
        }
        at += 1 + size;
        count += u8::from(id == 1);
    }
    count
}

async fn step(plugin: &Arc<Plugin>, reuse: bool) -> Step {
    let options = StepOptions {
        settings: "{}".to_owned(),
        owner: SettingId::NONE,
        role: "receiver-variables",
        limits: Limits::default(),
        grants: Grants::default(),
        reuse,
        ungranted: Ungranted::default(),
        isolation: tureen_sandbox::Isolation::default(),
    };
    Step::prepare(Arc::clone(plugin), options).await.unwrap().step
}

async fn transform(step: &Step) -> Result<(), Failure> {
    let target = Target { setting: SettingId::NONE, direction: Direction::Inbound, writable: true };
    step.transform(run(1), target, Vec::new()).await.1
}

#[tokio::test]
async fn a_full_pool_is_the_server_s_limit_and_room_is_made_by_what_goes() {
    let options = EngineOptions {
        calls: 1,
        idle: IDLE,
        activities: 0,
        page_map_scan: PageMapScan::Never,
        ..EngineOptions::default()
    };
    let engine = Engine::new(&options).unwrap();
    assert!(engine.is_pooling(), "the machine has too little address space for this test");
    let component = larger(&components::component("canary"));
    let plugin = Arc::new(Plugin::load(&engine, component).await.unwrap());
    // Each is set up once in earnest: before the pool is full.
    let last = step(&plugin, false).await;
    let mut kept = Vec::new();
    for _ in 0..IDLE {
        let step = step(&plugin, true).await;
        transform(&step).await.unwrap();
        kept.push(step);
    }
    for _ in 0..3 {
        let failure = transform(&last).await.expect_err("there is no room");
        assert_eq!((failure.fault, failure.code.as_str()), (Fault::Host, "host.pool"));
        assert_eq!(failure.breakdown.unwrap().outcome, CallOutcome::HostLimit);
        assert!(!CallOutcome::HostLimit.is_breakdown());
    }
    // Those that have an instance go on.
    transform(&kept[0]).await.unwrap();
    kept.pop();
    transform(&last).await.unwrap();
}
