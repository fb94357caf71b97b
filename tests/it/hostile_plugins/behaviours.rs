//! What a transformer can do while it works on a message. The message says what, in
//! PID-3.1; `tests/guests/hostile-transformer` does it.

use super::neighbour::Neighbour;
use super::process::{forget_peak, memory};
use super::{CALLER, GOOD, good};
use crate::harness::actions::custom;
use crate::harness::guests::guest;
use crate::harness::messages::adt;
use crate::harness::{Answer, Home, Server, Workflow};

/// What a sender gets.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// The message went through.
    Accepted,
    /// `AE` with the code of a limit or a trap.
    Contained(&'static str),
    /// `AE` with a code of the plugin's own, or with one for a broken one.
    Failed(&'static str),
    /// `AR` with a text that begins so.
    Rejected(&'static str),
}
use Told::{Accepted, Contained, Failed, Rejected};

/// Each behaviour, with what becomes of its message.
const BEHAVIOURS: &[(&str, Told)] = &[
    ("fine", Accepted),
    ("loop", Contained("plugin.time")),
    ("recursion", Contained("plugin.stack")),
    ("memory", Contained("plugin.memory")),
    ("fill", Contained("plugin.time")),
    ("panic", Contained("plugin.trap")),
    ("handles", Contained("plugin.handles")),
    ("own-messages", Contained("plugin.output")),
    ("log-lines", Accepted),
    ("log-bytes", Accepted),
    ("log-long-line", Accepted),
    ("log-giant-line", Contained("plugin.host-call-bytes")),
    ("stderr", Contained("plugin.time")),
    ("host-calls", Contained("plugin.host-calls")),
    ("costly-calls", Contained("plugin.time")),
    ("variable-count", Failed("variable")),
    ("variable-bytes", Failed("variable")),
    ("variable-giant", Failed("variable")),
    ("output", Failed("edit.read-only")),
    ("output-field", Failed("edit.read-only")),
    ("giant-in", Contained("plugin.host-call-bytes")),
    ("giant-path", Failed("edit.read-only")),
    ("giant-index", Failed("edit.read-only")),
    ("expand", Failed("")),
    ("format", Failed("")),
    ("lookups", Contained("plugin.host-calls")),
    ("notifications", Accepted),
    ("sleep", Contained("plugin.time")),
    ("poll-clock", Contained("plugin.time")),
    ("rejected", Rejected("this message is not wanted")),
    ("failed", Failed("test.failed")),
    ("retryable", Failed("test.later")),
    ("retryable-soon", Failed("test.soon")),
    ("long-code", Failed("step.failed")),
    ("long-text", Rejected("tttt")),
    ("line-feeds", Rejected("one")),
    ("strange-code", Failed("step.failed")),
    ("detail", Failed("test.detail")),
    ("other-messages", Failed("setting.unknown")),
    ("unknown-custom", Failed("custom.unknown")),
    ("no-such-behaviour", Failed("test.unknown")),
];

/// Limits that end the slow ones soon. Host calls are few enough to be over before
/// the time is, on a busy machine too.
const LIMITS: &str = "[plugins.hostile-transformer]\n\
     running_time_milliseconds = 1500\ncall_time_milliseconds = 8000\nhost_calls = 20000\n\
     variables = 500\nvariable_bytes = 1048576\n";

/// KiB that one call may add to the process at most: the memory of the caller and
/// of the called plugin (64 MiB each), the messages that they may hold (64 MiB),
/// and what is copied between the two at a time (32 MiB); and a tenth more.
const PEAK_KIB_MAX: usize = (64 + 64 + 64 + 32) * 1024 * 11 / 10;

/// KiB that may be left resident after each: slots of the pool that are kept warm,
/// and what the allocator keeps.
const LEFT_KIB_MAX: usize = 96 * 1024;

/// The other place where a plugin's instances can live.
const IN_A_PROCESS: &str = "isolation = \"process\"\n";

fn besieged(isolation: &str) -> (Home, Server) {
    // Each is to break down by itself, not to be set aside with the one before.
    let home = Home::and(&format!("{CALLER}{LIMITS}{isolation}[faults]\non = false\n"));
    home.plugin("hostile-transformer", guest("hostile-transformer"));
    let hostile = Workflow::new("Hostile", "hostile").variables(vec![custom("Test.Hostile")]);
    home.workflow("hostile", &hostile.archive("hostile.hl7").build());
    good(&home);
    let server = home.serve();
    assert_eq!(server.addresses().len(), 2, "{}\n{}", server.said(), server.log());
    (home, server)
}

fn check(behaviour: &str, told: Told, answer: &Answer) {
    let text = answer.text();
    let (code, words) = match told {
        Accepted => ("AA", ""),
        Contained(code) | Failed(code) => ("AE", code),
        Rejected(words) => ("AR", words),
    };
    let short: String = text.chars().take(600).collect();
    assert_eq!(answer.status, 200, "{behaviour}: {short}");
    assert_eq!(answer.msa(1), code, "{behaviour}: {short}");
    assert!(text.contains(words), "{behaviour}: expected {words:?} in {short}");
    assert!(text.len() < 4_096, "{behaviour}: an answer of {} bytes", text.len());
    assert_eq!(text.matches("MSA|").count(), 1, "{behaviour}: {short}");
    if let Contained(_) = told {
        assert!(text.contains("hostile-transformer"), "{behaviour}: not named in {short}");
    }
}

#[test]
fn each_behaviour_is_contained_and_has_its_own_diagnosis_while_a_neighbour_goes_on() {
    each_behaviour_is_contained("");
}

#[test]
fn each_behaviour_is_contained_alike_in_a_process_of_its_own() {
    each_behaviour_is_contained(IN_A_PROCESS);
}

fn each_behaviour_is_contained(isolation: &str) {
    let (home, mut server) = besieged(isolation);
    let neighbour = Neighbour::of(&server);
    neighbour.answers(50);
    let mut http = server.http1();
    for (behaviour, told) in BEHAVIOURS {
        forget_peak(&server);
        let before = memory(&server);
        let answer = http.post("/hostile", adt("BAD", behaviour));
        let after = memory(&server);
        check(behaviour, *told, &answer);
        neighbour.answers(5);
        if let (Some(before), Some(after)) = (before, after) {
            let peak = after.peak.saturating_sub(before.now);
            let left = after.now.saturating_sub(before.now);
            println!("{behaviour:>18}: {peak:>7} KiB more at most, {left:>6} KiB afterwards");
            assert!(peak <= PEAK_KIB_MAX, "{behaviour}: {peak} KiB more at the highest");
            assert!(left <= LEFT_KIB_MAX, "{behaviour}: {left} KiB are left");
        }
    }
    assert!(server.is_running());
    println!("the neighbour had {} answers, all its own", neighbour.stop(&home));
    let log = server.stop();
    assert!(log.len() < 1 << 20, "{} bytes of log", log.len());
    assert!(!log.contains("forged"), "no line of a plugin's own:\n{log}");
    assert!(!log.contains("one of many"), "a stranger's lines are for debug output");
}

#[test]
fn the_same_behaviours_again_and_again_leave_no_memory_behind() {
    const ROUNDS: usize = 30;
    let (_home, server) = besieged("");
    let mut http = server.http1();
    let mut round = || {
        for behaviour in ["memory", "own-messages", "handles", "giant-in", "panic", "detail"] {
            http.post("/hostile", adt("BAD", behaviour));
        }
    };
    // What is made once, the warm slots of the pool, and what the allocator keeps for
    // each thread: that much is there after some rounds, and is not to grow with them.
    (0..20).for_each(|_| round());
    let Some(before) = memory(&server) else { return };
    (0..ROUNDS).for_each(|_| round());
    let grown = memory(&server).unwrap().now.saturating_sub(before.now);
    println!("{grown} KiB more after {} contained calls", ROUNDS * 6);
    assert!(grown <= 128 * 1024, "{grown} KiB more after {ROUNDS} rounds");
    server.stop();
}

#[test]
fn a_log_flood_is_cut_to_its_lines_and_bytes() {
    let home = Home::and(&format!("{CALLER}{LIMITS}[log]\nlevel = \"tureen=debug\"\n"));
    home.plugin("hostile-transformer", guest("hostile-transformer"));
    let hostile = Workflow::new("Hostile", "hostile").variables(vec![custom("Test.Hostile")]);
    home.workflow("hostile", &hostile.build());
    let server = home.serve();
    let mut http = server.http1();
    let answer = http.post("/hostile", adt("FLOOD", "log-lines"));
    assert_eq!(answer.msa(1), "AA", "{answer:?}");
    // The call makes 20,000 host calls at most, so that it is the budget that ends
    // the flood where the lines do not; lines are far fewer.
    let answer = http.post("/hostile", adt("FLOOD", "log-bytes"));
    assert_eq!(answer.msa(1), "AA", "{answer:?}");
    let log = server.stop();
    assert_eq!(log.matches("one of many lines").count(), 200, "lines");
    assert!(log.contains("log lines were cut"), "{log}");
    let longest = log.lines().map(str::len).max().unwrap_or(0);
    assert!(longest < (64 << 10) + 1_024, "a line of {longest} bytes");
    assert!(log.matches(&"x".repeat(64 << 10)).count() <= 1, "bytes");
}

#[test]
fn notifications_beyond_their_number_are_refused_one_by_one() {
    let home = Home::and(&format!("{CALLER}{LIMITS}"));
    home.plugin("hostile-transformer", guest("hostile-transformer"));
    let hostile = Workflow::new("Hostile", "hostile").variables(vec![custom("Test.Hostile")]);
    let hostile = hostile.responding("MSH|^~\\&|T\rMSA|AA|${Refused}\r");
    home.workflow("hostile", &hostile.build());
    let server = home.serve();
    let answer = server.http1().post("/hostile", adt("FLOOD", "notifications"));
    assert_eq!(answer.msa(2), "9900", "{answer:?}");
    server.stop();
}

#[test]
fn a_message_has_one_time_for_all_its_steps() {
    a_message_has_one_time("");
    a_message_has_one_time(IN_A_PROCESS);
}

fn a_message_has_one_time(isolation: &str) {
    let limits = "[limits]\nmessage_time_seconds = 1\n";
    let home = Home::and(&format!("{CALLER}{LIMITS}{isolation}{limits}"));
    home.plugin("hostile-transformer", guest("hostile-transformer"));
    let hostile = Workflow::new("Hostile", "hostile").variables(vec![custom("Test.Hostile")]);
    home.workflow("hostile", &hostile.build());
    good(&home);
    let server = home.serve();
    let mut http = server.http1();
    // Its own limit is eight seconds.
    let answer = http.post("/hostile", adt("SLOW", "sleep"));
    assert_eq!(answer.msa(1), "AE", "{answer:?}");
    assert!(answer.text().contains("plugin.message-time"), "{answer:?}");
    assert_eq!(http.post(GOOD, adt("NEXT", "1")).msa(1), "AA");
    server.stop();
}

#[test]
fn all_plugins_together_have_a_memory() {
    let further = format!("{CALLER}{LIMITS}[limits]\nplugin_memory_bytes = 33554432\n");
    let home = Home::and(&further);
    home.plugin("hostile-transformer", guest("hostile-transformer"));
    let hostile = Workflow::new("Hostile", "hostile").variables(vec![custom("Test.Hostile")]);
    home.workflow("hostile", &hostile.build());
    let server = home.serve();
    assert!(server.log().contains("limits.plugin_memory_bytes"), "{}", server.log());
    let mut http = server.http1();
    for _ in 0..3 {
        let answer = http.post("/hostile", adt("BIG", "memory"));
        assert!(answer.text().contains("plugin.memory-budget"), "{answer:?}");
        let answer = http.post("/hostile", adt("FINE", "fine"));
        assert_eq!(answer.msa(1), "AA", "what was taken is given back: {answer:?}");
    }
    server.stop();
}
