//! What the server counts about itself: `/metrics` at the admin address.

use std::collections::BTreeSet;

use crate::harness::actions::custom;
use crate::harness::admin::{admin_address, get, samples, sum};
use crate::harness::guests::guest;
use crate::harness::home::workflow_file;
use crate::harness::messages::{adt, oru};
use crate::harness::wait::wait_until_equal;
use crate::harness::{Home, Http1, Server, Workflow};

/// Stands in messages, and may stand nowhere else.
const SECRET: &str = "Zyxwvut";

const DOCUMENT: &str = include_str!("../../docs/metrics.md");

/// Limits that every way of going over one is quick with, and nothing else meets.
const LIMITS: &str = "\
[faults]
on = false
[plugins.transformer]
call_time_milliseconds = 60000
running_time_milliseconds = 60000
[plugins.fickle]
call_time_milliseconds = 9000
running_time_milliseconds = 300
memory_bytes = 8388608
host_calls = 20000
output_bytes = 1000000
log_lines = 4
";

fn fickle(name: &str) -> Workflow {
    Workflow::new(name, name).variables(vec![custom("Test.Fickle")])
}

fn home_with(further: &str, workflows: &[&str]) -> Home {
    let home = Home::and(further);
    home.plugin("fickle", guest("fickle"));
    for name in workflows {
        home.workflow(name, &fickle(name).build());
    }
    home
}

fn ask(http: &mut Http1, workflow: &str, what: &str) -> String {
    http.post(&format!("/{workflow}"), adt("1", &format!("{what}-{SECRET}"))).msa(1)
}

/// A sum of samples that must be a whole number.
fn count(seen: &[(String, f64)], family: &str, parts: &[&str]) -> u64 {
    format!("{}", sum(seen, family, parts)).parse().unwrap()
}

#[test]
fn every_way_in_which_a_call_ends_is_counted_and_no_word_of_a_message_is_there() {
    let home = home_with(LIMITS, &["one"]);
    let server = home.serve();
    let admin = admin_address(&server);
    let mut http = server.http1();
    let asked = [
        ("FINE", "ok"),
        ("REJECT", "rejected"),
        ("FAIL", "failed"),
        ("RETRY", "retryable"),
        ("TRAP", "trap"),
        ("SLEEP", "timeout"),
        ("LOOP", "running"),
        ("MEMORY", "memory"),
        ("CALLS", "host-calls"),
        ("OUTPUT", "output"),
        ("HANDLES", "handles"),
    ];
    let calls_of_fickle =
        || count(&samples(admin), "plugin_host_calls_total", &["plugin=\"fickle\""]);
    for (what, outcome) in asked {
        let before = calls_of_fickle();
        let code = ask(&mut http, "one", what);
        assert_eq!(code == "AA", outcome == "ok", "{what}: {code}");
        let outcome = format!("outcome=\"{outcome}\"");
        let seen = samples(admin);
        let found = count(&seen, "plugin_calls_total", &["plugin=\"fickle\"", &outcome]);
        assert_eq!(found, 1, "{what}: {}", server.log());
        if what == "HANDLES" {
            // One call for each handle that it may have, and a few for what it was asked.
            let calls = calls_of_fickle() - before;
            assert!((250..=262).contains(&calls), "{calls} calls for 256 handles");
        }
    }
    let seen = samples(admin);
    let total = u64::try_from(asked.len()).unwrap();
    let of_fickle = |family: &str| count(&seen, family, &["plugin=\"fickle\""]);
    for family in
        ["plugin_calls_total", "plugin_call_seconds_count", "plugin_running_seconds_count"]
    {
        assert_eq!(of_fickle(family), total, "{family}");
    }
    // The step that calls it only answers: none of this is its own breakdown.
    for (outcome, expected) in [("ok", 1), ("rejected", 1), ("retryable", 1), ("failed", 8)] {
        let parts = ["plugin=\"transformer\"", &format!("outcome=\"{outcome}\"")];
        assert_eq!(count(&seen, "plugin_calls_total", &parts), expected, "{outcome}: {seen:?}");
    }
    assert!(of_fickle("plugin_host_calls_total") >= 20_000);
    let peak = of_fickle("plugin_memory_peak_bytes");
    assert!((1 << 20..=8 << 20).contains(&peak), "{peak}");
    let slept = sum(&seen, "plugin_call_seconds_sum", &["plugin=\"fickle\""]);
    let ran = sum(&seen, "plugin_running_seconds_sum", &["plugin=\"fickle\""]);
    assert!(slept >= 9.3 && ran >= 0.3 && slept - ran >= 8.0, "{slept} {ran}");
    assert_eq!(of_fickle("plugin_instances"), 0, "each message had its own");
    let text = get(admin, "/metrics").text();
    assert!(!text.contains(SECRET), "{text}");
    assert!(!server.stop().contains(SECRET));
}

#[test]
fn messages_are_counted_by_what_became_of_them() {
    let home = Home::and("");
    let filtered = Workflow::new("adt", "adt").filter(crate::harness::actions::only_adt());
    home.workflow("adt", &filtered.build());
    let server = home.serve();
    let admin = admin_address(&server);
    let mut http = server.http1();
    for (message, times) in [(adt("1", "1"), 3), (oru("2", "1"), 2), ("no HL7".to_owned(), 1)] {
        for _ in 0..times {
            http.post("/adt", &message);
        }
    }
    let seen = samples(admin);
    for (outcome, expected) in [("accepted", 3), ("filtered", 2), ("rejected", 1), ("failed", 0)] {
        let parts = ["workflow=\"adt\"", &format!("outcome=\"{outcome}\"")];
        assert_eq!(count(&seen, "messages_total", &parts), expected, "{outcome}: {seen:?}");
    }
    assert_eq!(count(&seen, "answer_seconds_count", &["workflow=\"adt\""]), 6);
    assert_eq!(count(&seen, "connections", &[]), 1);
    assert_eq!(count(&seen, "messages_in_flight", &[]), 0);
    let stopped = ["plugin=\"filter\"", "outcome=\"stopped\""];
    assert_eq!(count(&seen, "plugin_calls_total", &stopped), 2);
    for what in ["configuration", "plugins", "workflow"] {
        assert_eq!(count(&seen, "reloads_total", &[what, "taken"]), 1, "{what}");
    }
    server.stop();
}

#[test]
fn a_plugin_file_that_is_refused_is_counted_once() {
    let home = home_with("", &["one"]);
    let server = home.serve();
    let admin = admin_address(&server);
    let counted = || {
        let seen = samples(admin);
        let of = |result| count(&seen, "reloads_total", &["what=\"plugins\"", result]);
        (of("result=\"taken\""), of("result=\"refused\""))
    };
    assert_eq!(counted(), (1, 0));
    for (file, bytes, expected) in [
        ("broken", &b"\0asm no component"[..], (1, 1)),
        ("empty", &b""[..], (1, 2)),
        // The other two are still refused, for the same reasons.
        ("marker", guest("marker"), (2, 2)),
    ] {
        home.replace(&format!("plugins/{file}.wasm"), bytes);
        wait_until_equal(file, &expected, counted);
    }
    server.stop();
}

/// The families that an answer has, by name without suffixes.
fn families(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn the_document_tells_every_family_and_the_answer_is_what_a_scraper_expects() {
    let home = home_with("", &["one"]);
    let server = home.serve();
    let admin = admin_address(&server);
    // One thing that is refused, so that it is there.
    let mut http = server.http1();
    assert_eq!(http.post("/nobody", "").status, 404);
    assert_eq!(ask(&mut http, "one", "FINE"), "AA");
    let answer = get(admin, "/metrics");
    let expected = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((answer.status, answer.content_type.as_deref()), (200, Some(expected)));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let written: BTreeSet<String> = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("| `tureen_")?.split(['`', '{']).next())
        .map(|name| format!("tureen_{}", name.trim_end_matches("_total")))
        .collect();
    // There only once something was cut, or asked for; tests of these are beside theirs.
    let seldom =
        ["plugin_log_lines_over_minute", "outbound_requests", "outbound_seconds", "outbound_bytes"];
    let seldom: BTreeSet<_> = seldom.map(|name| format!("tureen_{name}")).into();
    let mut found = families(&text);
    // The format writes the name of an info without its suffix.
    if found.remove("tureen_build") {
        found.insert("tureen_build_info".to_owned());
    }
    assert_eq!(&found | &seldom, written);
    let head = Http1::plain(admin).request("HEAD", "/metrics", "");
    assert_eq!((head.status, head.text().as_str()), (200, ""));
    assert_eq!(Http1::plain(admin).request("POST", "/metrics", "").status, 405);
    server.stop();
}

#[test]
fn series_go_with_their_workflow_and_go_on_with_its_next_version() {
    let home = home_with("", &["one", "other"]);
    let server = home.serve();
    let admin = admin_address(&server);
    let mut http = server.http1();
    assert_eq!(ask(&mut http, "one", "FINE"), "AA");
    home.workflow("one", &fickle("one").with("Description", "another").build());
    server.wait_for_log_times("the workflow is live workflow=\"one\"", 2);
    assert_eq!(ask(&mut http, "one", "FINE"), "AA");
    let accepted = ["workflow=\"one\"", "accepted"];
    assert_eq!(count(&samples(admin), "messages_total", &accepted), 2);
    std::fs::remove_file(home.path(&workflow_file("one"))).unwrap();
    wait_until_equal("the series are gone", &0, || {
        samples(admin).iter().filter(|(name, _)| name.contains("workflow=\"one\"")).count()
    });
    let other = samples(admin).iter().filter(|(it, _)| it.contains("workflow=\"other\"")).count();
    assert!(other > 10, "{other}");
    server.stop();
}

#[test]
fn there_are_no_more_series_than_the_limit_allows() {
    let workflows = ["a", "b", "c", "d"];
    let home = home_with("[metrics]\nsteps = 2\n", &workflows);
    let server = home.serve();
    let admin = admin_address(&server);
    let mut http = server.http1();
    for workflow in workflows {
        assert_eq!(ask(&mut http, workflow, "FINE"), "AA");
    }
    let seen = samples(admin);
    let named = |family: &str| {
        let own = format!("tureen_{family}");
        seen.iter().filter(|(name, _)| name.split('{').next() == Some(&own)).count()
    };
    assert_eq!((named("plugin_calls_total"), named("answer_seconds_count")), (3, 3), "{seen:?}");
    assert_eq!(count(&seen, "messages_total", &["(other)", "accepted"]), 2);
    assert!(count(&seen, "metrics_over_limit_total", &[]) > 0);
    server.stop();
}

fn lines_of_fickle(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("tureen::plugin") && line.contains(" line ")).collect()
}

#[test]
fn a_plugin_s_lines_are_limited_for_each_call_and_for_each_minute_and_say_where_they_come_from() {
    let limits = "[plugins.fickle]\nlog_lines = 4\nlog_lines_per_minute = 6\n";
    let home = home_with(limits, &["one"]);
    let server = Server::start_with(home.root(), &[("TUREEN_LOG", "info,tureen::plugin=debug")]);
    let admin = admin_address(&server);
    let mut http = server.http1();
    for _ in 0..5 {
        assert_eq!(ask(&mut http, "one", "LOG"), "AA");
    }
    let seen = samples(admin);
    let lines = |fate: &str| {
        count(&seen, "plugin_log_lines_total", &["plugin=\"fickle\"", &format!("fate=\"{fate}\"")])
    };
    assert_eq!((lines("written"), lines("dropped")), (20, 30));
    // Each call wrote four lines and one that says how many were cut: 25, of which 6 are shown.
    let over = count(&seen, "plugin_log_lines_over_minute_total", &["plugin=\"fickle\""]);
    assert_eq!(over, 19);
    let log = server.stop();
    let shown = lines_of_fickle(&log);
    assert!(shown.len() <= 6, "{shown:#?}");
    for part in ["plugin=\"fickle\"", "workflow=\"one\"", "id=", "step=\"one in, "] {
        assert!(shown[0].contains(part), "{part}: {}", shown[0]);
    }
    assert!(log.contains("6 log lines were cut: over the limit of one call"), "{log}");
    assert!(log.contains("19 lines of the plugin were cut"), "{log}");
}
