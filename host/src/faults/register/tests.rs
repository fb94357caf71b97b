use std::path::PathBuf;
use std::time::Instant;

use tureen_sandbox::{Admission, Asked, CallFacts, CallOutcome, EndedCall, Failure, Fault, Usage};
use tureen_template::SettingId;

use super::*;

const FILE: [u8; 32] = [1; 32];
const PLAIN: Unlike<'_> = Unlike {
    role: "filter",
    pointer: "/WorkflowPattern/1",
    settings: "{}",
    file_digest: &FILE,
    allowed: "nothing",
};

struct Bench {
    register: FaultRegister,
    now: Arc<Mutex<Instant>>,
}

impl Bench {
    fn new() -> Self {
        let now = Arc::new(Mutex::new(Instant::now()));
        let clock = Arc::clone(&now);
        let timing = Timing::of(move || *clock.lock().unwrap(), || 250);
        Self { register: FaultRegister::new(Arc::new(Metrics::new(10)), timing), now }
    }

    fn wait(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }
}

fn place(workflow: &str, digest: char) -> StepPlace {
    StepPlace {
        workflow: workflow.to_owned(),
        step: "in, filter".to_owned(),
        setting: SettingId::NONE,
        plugin: "acme".to_owned(),
        version: "1.0.0".to_owned(),
        digest: digest.to_string().repeat(64),
        file: PathBuf::new(),
        position: None,
    }
}

/// A call that ends so; whether it was made.
fn call(step: &Arc<dyn Overseer>, outcome: CallOutcome) -> bool {
    let asked = match step.admit() {
        Admission::Admitted => Asked::Admitted,
        Admission::Trial => Asked::Trial,
        Admission::Refused(text) => {
            assert!(text.contains("set aside"), "{text}");
            return false;
        }
    };
    end(step, outcome, asked);
    true
}

fn end(step: &Arc<dyn Overseer>, outcome: CallOutcome, asked: Asked) {
    let usage = Usage {
        outcome,
        wall: Duration::ZERO,
        running: Duration::ZERO,
        host_calls: 0,
        memory_bytes: 0,
        is_reused: false,
        log_lines: 0,
        log_lines_cut: 0,
    };
    let facts = CallFacts { workflow: String::new(), message_id: "1".to_owned(), attempt: 1 };
    let failure = Failure {
        fault: Fault::Plugin,
        code: format!("plugin.{}", outcome.name()),
        text: String::new(),
        place: None,
        plugin: "acme".to_owned(),
        retry_after_ms: None,
        breakdown: None,
    };
    let failure = (outcome != CallOutcome::Ok).then_some(&failure);
    step.ended(&EndedCall { usage: &usage, failure, facts: &facts, asked });
}

fn break_down(step: &Arc<dyn Overseer>) {
    let calls: Vec<bool> = (0..6).map(|_| call(step, CallOutcome::Trap)).collect();
    assert_eq!(calls, [true, true, true, true, true, false]);
}

#[test]
fn a_step_is_set_aside_for_itself_alone() {
    let bench = Bench::new();
    let oversee = |it| bench.register.oversee(place(it, 'a'), Faults::default(), PLAIN);
    let (one, other) = (oversee("One"), oversee("Other"));
    break_down(&one);
    assert!(call(&other, CallOutcome::Ok), "the same plugin in another workflow goes on");
    let aside = bench.register.set_aside();
    assert_eq!(aside.len(), 1);
    assert_eq!((aside[0].workflow.as_str(), aside[0].retry_in), ("One", Duration::from_secs(1)));
    let text = bench.register.metrics().text();
    for (workflow, quarantined, refused) in [("One", 1, 1), ("Other", 0, 0)] {
        let of = format!("{{workflow=\"{workflow}\",step=\"in, filter\",plugin=\"acme\"}}");
        for line in [
            format!("tureen_plugin_quarantined{of} {quarantined}\n"),
            format!("tureen_plugin_quarantine_refused_total{of} {refused}\n"),
        ] {
            assert!(text.contains(&line), "{line} in\n{text}");
        }
    }
    bench.wait(Duration::from_secs(1));
    assert!(call(&one, CallOutcome::Ok));
    assert_eq!(bench.register.set_aside(), []);
    assert!(call(&one, CallOutcome::Ok));
}

#[test]
fn an_answer_of_any_kind_is_no_breakdown() {
    let bench = Bench::new();
    let step = bench.register.oversee(place("One", 'a'), Faults::default(), PLAIN);
    for outcome in CallOutcome::ALL.into_iter().filter(|it| !it.is_breakdown()).cycle().take(100) {
        assert!(call(&step, outcome), "{outcome:?}");
    }
    for outcome in CallOutcome::ALL.into_iter().filter(|it| it.is_breakdown()) {
        let once = Faults { consecutive: 1, ..Faults::default() };
        let unlike = Unlike { settings: outcome.name(), ..PLAIN };
        let step = bench.register.oversee(place("One", 'a'), once, unlike);
        assert!(call(&step, outcome) && !call(&step, CallOutcome::Ok), "{outcome:?}");
    }
}

#[test]
fn that_the_server_has_no_room_decides_nothing() {
    let bench = Bench::new();
    let step = bench.register.oversee(place("One", 'a'), Faults::default(), PLAIN);
    // Between breakdowns it is no answer, which would begin the row anew.
    for _ in 0..4 {
        assert!(call(&step, CallOutcome::Trap));
        assert!(call(&step, CallOutcome::HostLimit));
    }
    assert!(call(&step, CallOutcome::Trap));
    assert!(!call(&step, CallOutcome::Ok), "five breakdowns in a row");
    // A trial that finds no room is no trial: the next one may be made at once.
    bench.wait(Duration::from_secs(1));
    for _ in 0..3 {
        assert!(call(&step, CallOutcome::HostLimit));
        assert_eq!(bench.register.set_aside().len(), 1);
    }
    assert!(call(&step, CallOutcome::Ok));
    assert_eq!(bench.register.set_aside(), []);
    let text = bench.register.metrics().text();
    assert!(text.contains("outcome=\"host-limit\"} 7\n"), "{text}");
}

#[test]
fn hooks_of_an_activity_are_counted_and_decide_nothing() {
    let bench = Bench::new();
    let step = bench.register.oversee(place("One", 'a'), Faults::default(), PLAIN);
    for _ in 0..10 {
        end(&step, CallOutcome::Trap, Asked::Not);
    }
    for _ in 0..5 {
        end(&step, CallOutcome::Ok, Asked::Not);
        assert!(call(&step, CallOutcome::Trap), "opening well between does not begin anew");
    }
    assert!(!call(&step, CallOutcome::Ok));
    let text = bench.register.metrics().text();
    assert!(text.contains("outcome=\"trap\"} 15\n"), "{text}");
}

#[test]
fn a_reload_keeps_the_state_unless_something_about_the_step_is_new() {
    let bench = Bench::new();
    let register = &bench.register;
    let before = register.oversee(place("One", 'a'), Faults::default(), PLAIN);
    break_down(&before);
    let same = register.oversee(place("One", 'a'), Faults::default(), PLAIN);
    assert!(Arc::ptr_eq(&before, &same) && !call(&same, CallOutcome::Ok));
    let (digest, budget) = ([2; 32], Faults { consecutive: 6, ..Faults::default() });
    for (what, place, budget, unlike) in [
        ("plugin", place("One", 'b'), Faults::default(), PLAIN),
        ("budget", place("One", 'a'), budget, PLAIN),
        ("settings", place("One", 'a'), Faults::default(), Unlike { settings: "[]", ..PLAIN }),
        ("file", place("One", 'a'), Faults::default(), Unlike { file_digest: &digest, ..PLAIN }),
        ("grants", place("One", 'a'), Faults::default(), Unlike { allowed: "", ..PLAIN }),
        ("place", place("One", 'a'), Faults::default(), Unlike { pointer: "", ..PLAIN }),
    ] {
        let step = register.oversee(place, budget, unlike);
        assert!(call(&step, CallOutcome::Ok), "{what}");
    }
    assert_eq!(register.set_aside().len(), 1, "the version before still is");
    drop((before, same));
    assert_eq!(register.set_aside(), [], "and is gone with it");
    let text = register.metrics().text();
    let quarantined = text.lines().filter(|line| line.starts_with("tureen_plugin_quarantined{"));
    assert_eq!(quarantined.count(), 0, "{text}");
}

#[test]
fn the_parts_of_a_key_do_not_run_into_each_other() {
    let keys = [("ab", "c"), ("a", "bc"), ("", "abc")].map(|(settings, allowed)| {
        key(&place("One", 'a'), &Faults::default(), Unlike { settings, allowed, ..PLAIN })
    });
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
}
