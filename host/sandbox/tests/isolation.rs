//! Nothing that one message left in an instance's memory is there for the next.
//!
//! The guest `canary` looks through all of its linear memory for marks that only
//! another message can have left, then leaves its own on the stack, in statics
//! and all over a heap that now and then is larger than what a pool keeps warm.
//! `TUREEN_CANARIES` says how many messages are looked for, with fresh instances,
//! with and without the page-map scan, and with reused ones; without it, enough to use
//! each place of the pool many times.

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
    Engine, EngineOptions, Failure, Grants, Limits, PageMapScan, Plugin, Step, StepOptions, Target,
};
use tureen_template::{Direction, SettingId};

use common::run;

/// Messages without `TUREEN_CANARIES`.
const CANARIES: u32 = 3_000;

/// Places in the pool: few, so that each serves many messages.
const PLACES: usize = 2;

/// What a canary saw of other messages, and of other senders', and how many words it
/// left itself.
struct Sight {
    seen: u32,
    others: u32,
    left: u32,
}

/// The number of a sender's message, as the guest takes it apart.
fn message_of(sender: u32, number: u32) -> u32 {
    sender << 24 | number
}

fn canaries() -> u32 {
    std::env::var("TUREEN_CANARIES").map_or(CANARIES, |it| it.parse().unwrap())
}

async fn plugin(scan: PageMapScan) -> Arc<Plugin> {
    let options = EngineOptions {
        calls: PLACES,
        idle: PLACES,
        activities: 0,
        page_map_scan: scan,
        ..EngineOptions::default()
    };
    let engine = Engine::new(&options).unwrap();
    assert!(engine.is_pooling(), "the machine has too little address space for this test");
    Arc::new(Plugin::load(&engine, components::component("canary")).await.unwrap())
}

async fn step(scan: PageMapScan, limits: Limits, reuse: bool) -> Step {
    step_of(plugin(scan).await, limits, reuse).await
}

async fn step_of(plugin: Arc<Plugin>, limits: Limits, reuse: bool) -> Step {
    let options = StepOptions {
        settings: "{}".to_owned(),
        owner: SettingId::NONE,
        role: "receiver-variables",
        limits,
        grants: Grants::default(),
        reuse,
        ungranted: tureen_sandbox::Ungranted::default(),
        isolation: tureen_sandbox::Isolation::default(),
    };
    Step::prepare(plugin, options).await.unwrap().step
}

async fn sight(step: &Step, number: u32) -> Result<Sight, Failure> {
    let target = Target { setting: SettingId::NONE, direction: Direction::Inbound, writable: true };
    let (run, outcome) = step.transform(run(number), target, Vec::new()).await;
    outcome?;
    let variable = |name| run.variables.get(name).unwrap().parse().unwrap();
    Ok(Sight { seen: variable("Seen"), others: variable("Others"), left: variable("Left") })
}

/// All of them in turn from two tasks, so that both places are used at once.
async fn no_fresh_instance_sees_another_message(scan: PageMapScan) {
    let canaries = canaries();
    let step = Arc::new(step(scan, Limits::default(), false).await);
    let tasks: Vec<_> = (0..2)
        .map(|task| {
            let step = Arc::clone(&step);
            tokio::spawn(async move {
                for number in (task..canaries).step_by(2) {
                    let Sight { seen, left, .. } = sight(&step, number).await.unwrap();
                    assert_eq!(seen, 0, "message {number} saw what another one left");
                    assert!(left > 2_000, "message {number} left only {left} marks");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_instance_sees_no_byte_of_another_message() {
    no_fresh_instance_sees_another_message(PageMapScan::Never).await;
}

/// On a machine that swaps or moves pages this may fail: that is why the scan is
/// not used there. With few instances nothing moves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_instance_sees_no_byte_of_another_message_with_the_page_map_scan() {
    no_fresh_instance_sees_another_message(PageMapScan::Unproven).await;
}

/// These tests can fail: with `reuse` the marks are there, those of another sender too.
#[tokio::test]
async fn a_reused_instance_keeps_its_memory_until_it_runs_over_a_limit() {
    // Message 64 needs more than this; the ones before it need far less.
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    let step = step(PageMapScan::Never, limits, true).await;
    assert_eq!(sight(&step, 1).await.unwrap().seen, 0);
    assert!(sight(&step, 2).await.unwrap().seen > 2_000, "the instance was reused");
    let failure = sight(&step, 64).await.err().expect("48 pages are over the limit");
    assert_eq!(failure.code, "plugin.memory");
    assert_eq!(sight(&step, 65).await.unwrap().seen, 0, "the instance was dropped");
    assert!(sight(&step, 66).await.unwrap().seen > 0, "the new one is reused");
    assert!(sight(&step, message_of(1, 1)).await.unwrap().others > 0, "by whoever comes");
}

/// Two steps of one plugin, as two workflows have them. Each loses its instance now and
/// then, so that the places of the pool go from one to the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reused_instance_sees_no_byte_of_another_steps_messages() {
    let plugin = plugin(PageMapScan::Never).await;
    let canaries = canaries();
    let senders: Vec<_> = [1, 2]
        .map(|sender| {
            let plugin = Arc::clone(&plugin);
            tokio::spawn(async move {
                // Every 64th message needs more than this.
                let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
                let step = step_of(plugin, limits, true).await;
                let (mut own, mut dropped) = (0, 0);
                for number in 0..canaries / 2 {
                    match sight(&step, message_of(sender, number)).await {
                        Ok(sight) => {
                            assert_eq!(sight.others, 0, "sender {sender}, message {number}");
                            own += u32::from(sight.seen > 0);
                        }
                        Err(failure) => {
                            assert_eq!(failure.code, "plugin.memory");
                            dropped += 1;
                        }
                    }
                }
                assert!(own > canaries / 4, "{own} messages found what their own step left");
                assert_eq!(dropped, (canaries / 2).div_ceil(64));
            })
        })
        .into();
    for sender in senders {
        sender.await.unwrap();
    }
}

#[tokio::test]
async fn a_reused_instance_is_dropped_after_a_host_call_too_many() {
    // text, three variables: four host calls in a message.
    let limits = Limits { host_calls: 3, ..Limits::default() };
    let step = step(PageMapScan::Never, limits, true).await;
    for number in 1..4 {
        let failure = sight(&step, number).await.err().expect("over the limit of host calls");
        assert_eq!(failure.code, "plugin.host-calls");
    }
    let limits = Limits { host_calls: 4, ..Limits::default() };
    let step = self::step(PageMapScan::Never, limits, true).await;
    assert_eq!(sight(&step, 1).await.unwrap().seen, 0);
    assert!(sight(&step, 2).await.unwrap().seen > 0, "each call has a budget of its own");
}
