//! Configurations that cannot work, or protect less than somebody may believe: one clear diagnosis
//! each, from `tureen check` and in the log at the start.

/// Addresses and ports.
mod addresses;
/// Certificates that receivers show.
mod certificates;
/// Properties of a receiver that contradict each other.
mod fields;
/// Whole texts, as an operator reads them.
mod golden;

use serde_json::Value;

use crate::harness::ports::free_port;
use crate::harness::{Home, Workflow};

const TEXT: i64 = 13;

/// A receiver of texts at a port of its own.
fn receiver(name: &str) -> Workflow {
    let workflow = Workflow::new(name, "in").with("MessageType", TEXT);
    workflow.with("Port", free_port()).responding("text")
}

/// What `tureen check --json` tells, and its exit code.
fn check(home: &Home) -> (Vec<Value>, Option<i32>) {
    let ran = home.run(&["check", "--json"]);
    (ran.json()["diagnostics"].as_array().unwrap().clone(), ran.code)
}

/// The one diagnosis of a home, with the exit code that belongs to it.
fn only_diagnosis(home: &Home, name: &str) -> Value {
    let (all, code) = check(home);
    assert_eq!(all.len(), 1, "{name}: one diagnosis: {all:#?}");
    let is_error = all[0]["severity"] == "error";
    assert_eq!(code, Some(i32::from(is_error)), "{name}: the exit code of {all:#?}");
    all[0].clone()
}

/// A diagnosis has this severity and code, says all of this, and what to do.
fn assert_told(name: &str, found: &Value, kind: (&str, &str), words: &[&str]) {
    let (severity, code) = kind;
    assert_eq!((&found["severity"], &found["code"]), (&severity.into(), &code.into()), "{name}");
    let text = ["message", "expected", "found", "help", "pointer", "file"]
        .map(|part| found[part].as_str().unwrap_or_default());
    for words in words {
        assert!(text.join("\n").contains(words), "{name}: {words:?} is not in {found:#}");
    }
    // Certificates say what to do in the message itself.
    let is_advice = !text[1].is_empty() || !text[3].is_empty() || code == "WF091";
    assert!(is_advice, "{name}: what to do is not told: {found:#}");
}

/// A home with one fault: `tureen check` and the log at the start tell it once, and these run.
fn assert_one_fault(home: &Home, name: &str, kind: (&str, &str), words: &[&str], running: &[&str]) {
    let found = only_diagnosis(home, name);
    assert_told(name, &found, kind, words);
    let server = home.serve();
    let headline = format!("{}[{}]: ", kind.0, kind.1);
    server.wait_for_log(&headline);
    let names: Vec<&str> = server.addresses().keys().map(String::as_str).collect();
    assert_eq!(names, running, "{name}: {}\n{}", server.said(), server.log());
    let log = server.stop();
    assert_eq!(log.matches(&headline).count(), 1, "{name}: told once: {log}");
    let message = found["message"].as_str().unwrap();
    assert!(log.contains(message), "{name}: {message:?} is not in the log: {log}");
}
