use std::path::PathBuf;

use tureen_sandbox::{Asked, Breakdown, CallFacts, CallOutcome, Failure, Fault, Usage};
use tureen_template::SettingId;

use super::*;
use crate::diagnostics::Position;

fn place() -> StepPlace {
    StepPlace {
        workflow: "Admissions".to_owned(),
        step: "Admissions in, variable transformers".to_owned(),
        setting: SettingId::parse("b0000000-0000-4000-8000-000000000002").unwrap(),
        plugin: "acme-digits".to_owned(),
        version: "1.2.0".to_owned(),
        digest: "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809".to_owned(),
        file: PathBuf::from("workflows/admissions.hl7Workflow"),
        position: Some(Position { line: 12, column: 3 }),
    }
}

fn failure(code: &str, breakdown: Option<Breakdown>) -> Failure {
    Failure {
        fault: Fault::Plugin,
        code: code.to_owned(),
        // Must not be in a report: it may hold a guest's own words.
        text: "Ekholm 778899".to_owned(),
        place: Some("PID-3".to_owned()),
        plugin: "acme-digits".to_owned(),
        retry_after_ms: None,
        breakdown: breakdown.map(Box::new),
    }
}

fn report(outcome: CallOutcome, failure: &Failure, message_id: &str) -> String {
    let usage = Usage {
        outcome,
        wall: Duration::from_micros(12_340),
        running: Duration::from_micros(1_050),
        host_calls: 7,
        memory_bytes: 1_114_112,
        is_reused: false,
        log_lines: 0,
        log_lines_cut: 0,
    };
    let facts = CallFacts {
        workflow: "Admissions".to_owned(),
        message_id: message_id.to_owned(),
        attempt: 1,
    };
    let call =
        EndedCall { usage: &usage, failure: Some(failure), facts: &facts, asked: Asked::Admitted };
    let text = Report { place: &place(), call }.to_string();
    assert!(!text.contains("Ekholm") && !text.contains("PID"), "{text}");
    text
}

#[test]
fn a_trap_is_told_with_the_stack_of_the_guest() {
    let stack = ["core::panicking::panic_fmt", "acme_digits::Digits::transform", "transform"];
    let breakdown = Breakdown {
        outcome: CallOutcome::Trap,
        trap: Some("UnreachableCodeReached".to_owned()),
        stack: stack.map(str::to_owned).to_vec(),
    };
    let found = report(CallOutcome::Trap, &failure("plugin.trap", Some(breakdown)), "65a1-12");
    assert_eq!(found, include_str!("golden/trap.txt").trim_end());
}

#[test]
fn a_limit_is_told_without_a_trap() {
    let breakdown =
        Breakdown { outcome: CallOutcome::Memory, trap: None, stack: vec!["grow".to_owned()] };
    let found = report(CallOutcome::Memory, &failure("plugin.memory", Some(breakdown)), "65a1-13");
    assert_eq!(found, include_str!("golden/memory.txt").trim_end());
}

#[test]
fn a_call_without_a_message_and_without_an_instance_is_told_as_far_as_it_goes() {
    let found = report(CallOutcome::HostError, &failure("grant.directory", None), "");
    assert_eq!(found, include_str!("golden/host-error.txt").trim_end());
}

#[test]
fn a_step_that_is_set_aside_is_told_as_a_diagnostic() {
    let whys = [Why::InARow(5), Why::Ratio { breakdowns: 12, calls: 22 }];
    let told = whys
        .map(|why| set_aside(&place(), why, "plugin.trap", Duration::from_millis(950)).to_string());
    assert_eq!(told.join("\n"), include_str!("golden/set-aside.txt").trim_end());
}
