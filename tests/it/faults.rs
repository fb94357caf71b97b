//! Steps whose plugin breaks down: what the operator is told, and steps that are set aside while
//! everything else goes on.

use serde_json::json;

use crate::harness::actions::custom;
use crate::harness::admin::{admin_address, readiness, samples, sum};
use crate::harness::guests::guest;
use crate::harness::home::{workflow_file, workflow_text};
use crate::harness::messages::adt;
use crate::harness::wait::{wait_for, wait_until_equal};
use crate::harness::workflow::received;
use crate::harness::{Activity, Answer, Home, Http1, Server, Workflow};

/// Stands in messages, and may stand nowhere else.
const SECRET: &str = "Zyxwvut";

/// A step that is set aside stays so for the whole test.
const FOR_EVER: &str = "back_off_minimum_milliseconds = 86400000\n\
                        back_off_maximum_milliseconds = 86400000\n";

fn workflow(name: &str) -> Workflow {
    Workflow::new(name, name).variables(vec![custom("Test.Fickle")])
}

/// Workflows `one` and `other` with the same plugin, and `plain` without.
fn started(further: &str) -> (Home, Server) {
    let home = Home::and(further);
    home.plugin("fickle", guest("fickle"));
    for name in ["one", "other"] {
        home.workflow(name, &workflow(name).build());
    }
    home.workflow("plain", &Workflow::new("plain", "plain").build());
    let server = home.serve();
    assert_eq!(server.addresses().len(), 3, "{}\n{}", server.said(), server.log());
    (home, server)
}

/// A message that asks the guest for something.
fn ask(http: &mut Http1, workflow: &str, what: &str) -> Answer {
    http.post(&format!("/{workflow}"), adt("1", &format!("{what}-{SECRET}")))
}

fn refused(http: &mut Http1, workflow: &str, what: &str, code: &str) {
    let answer = ask(http, workflow, what);
    assert_eq!(answer.msa(1), "AE", "{workflow} {what}: {answer:?}");
    assert!(answer.text().contains(code), "{workflow} {what}: expected {code}, {answer:?}");
}

fn accepted(http: &mut Http1, workflow: &str) {
    let answer = ask(http, workflow, "FINE");
    assert_eq!(answer.msa(1), "AA", "{workflow}: {answer:?}");
}

/// The text from a line with this start, as long as lines are part of one event.
fn event<'a>(log: &'a str, start: &str) -> &'a str {
    let begin = log.find(start).unwrap_or_else(|| panic!("{start:?} is not in the log:\n{log}"));
    let rest = &log[begin..];
    let end = rest.match_indices('\n').find(|(at, _)| !rest[at + 1..].starts_with("  "));
    end.map_or(rest, |(at, _)| &rest[..at])
}

/// Digits become `N`: what differs from run to run.
fn without_numbers(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        match character {
            '0'..='9' if plain.ends_with('N') => {}
            '0'..='9' => plain.push('N'),
            other => plain.push(other),
        }
    }
    plain
}

#[test]
fn a_breakdown_is_told_with_the_guest_s_stack_and_without_a_word_of_the_message() {
    let (_home, server) = started("");
    refused(&mut server.http1(), "one", "TRAP", "plugin.trap");
    let log = server.stop();
    let report = event(&log, "the plugin fickle 1.0.0 (sha256 ");
    let lines: Vec<&str> = report.lines().collect();
    let digest = lines[0].split("sha256 ").nth(1).unwrap();
    assert!(digest[..12].bytes().all(|it| it.is_ascii_hexdigit()), "{report}");
    assert!(digest[12..].starts_with(") broke down: plugin.trap"), "{report}");
    assert_eq!(lines[1], "  outcome   trap (UnreachableCodeReached)");
    assert_eq!(lines[2], "  workflow  \"one\"");
    assert!(lines[3].starts_with("  step      \"one in, receiver-variables\" ("), "{report}");
    let message = lines[4];
    assert!(message.starts_with("  message   ") && message.ends_with("-1, attempt 1"), "{report}");
    assert!(lines[5].starts_with("  stack     "), "{report}");
    let functions = lines.iter().filter(|line| line.contains("fickle::break_down")).count();
    assert_eq!(functions, 1, "{report}");
    let used = without_numbers(lines.last().unwrap().split(" workflow=").next().unwrap());
    let expected = "  used      N.N ms, N.N ms of them running; N KiB of memory; N host calls";
    assert_eq!(used, expected);
    assert!(!log.contains(SECRET), "{log}");
    assert_eq!(log.matches("broke down: plugin.trap").count(), 1, "{log}");
}

#[test]
fn a_step_that_breaks_down_again_and_again_is_set_aside_and_everything_else_goes_on() {
    let (home, server) = started(&format!("[faults]\nconsecutive = 3\n{FOR_EVER}"));
    let admin = admin_address(&server);
    let mut http = server.http1();
    for _ in 0..2 {
        refused(&mut http, "one", "TRAP", "plugin.trap");
    }
    accepted(&mut http, "one");
    for _ in 0..3 {
        refused(&mut http, "one", "TRAP", "plugin.trap");
    }
    // Also a message that would have worked is not tried; others are.
    for _ in 0..3 {
        refused(&mut http, "one", "FINE", "plugin.quarantined");
    }
    for _ in 0..10 {
        accepted(&mut http, "other");
        accepted(&mut http, "plain");
    }
    let (status, told) = readiness(admin);
    assert_eq!((status, &told["status"]), (200, &json!("degraded")), "{told}");
    let aside = &told["quarantined"][0];
    for (name, expected) in [
        ("workflow", "one"),
        ("step", "one in, receiver-variables"),
        ("plugin", "fickle"),
        ("version", "1.0.0"),
    ] {
        assert_eq!(aside[name], expected, "{told}");
    }
    assert!(aside["retry_milliseconds"].as_u64().unwrap() > 60_000_000, "{told}");
    assert_eq!(told["quarantined"].as_array().unwrap().len(), 1, "{told}");
    let seen = samples(admin);
    let of = |workflow: &str, plugin: &str| {
        let parts = [format!("workflow=\"{workflow}\""), format!("plugin=\"{plugin}\"")];
        sum(&seen, "plugin_quarantined", &[&parts[0], &parts[1]])
    };
    assert!((of("one", "fickle") - 1.0).abs() < f64::EPSILON, "{seen:?}");
    let others = of("other", "fickle") + of("one", "transformer") + of("other", "transformer");
    assert!(others.abs() < f64::EPSILON, "the step that calls it is not at fault: {seen:?}");
    let count = sum(&seen, "plugin_quarantine_refused_total", &["workflow=\"one\""]);
    assert!((count - 3.0).abs() < f64::EPSILON, "{seen:?}");

    // The way back by hand: the workflow's file is saved.
    let text = workflow_text(&workflow("one").build());
    home.replace(&workflow_file("one"), format!("{text}\n"));
    wait_until_equal("the step is tried anew", &"AA".to_owned(), || {
        ask(&mut http, "one", "FINE").msa(1)
    });
    wait_until_equal("nothing is set aside", &json!("ready"), || {
        readiness(admin).1["status"].clone()
    });
    let log = server.stop();
    assert_eq!(log.matches("error[WF130]").count(), 1, "told once:\n{log}");
    let told = event(&log, "error[WF130]");
    assert!(told.contains("broke down 3 times in a row, at last with plugin.trap"), "{told}");
    assert!(told.contains("workflows/one.hl7Workflow:"), "{told}");
    assert!(!log.contains(SECRET), "{log}");
}

#[test]
fn a_step_comes_back_when_a_message_that_is_tried_works() {
    let faults = "[faults]\nconsecutive = 2\nback_off_minimum_milliseconds = 1\n\
                  back_off_maximum_milliseconds = 1\n";
    let (_home, server) = started(faults);
    let mut http = server.http1();
    for _ in 0..2 {
        refused(&mut http, "one", "TRAP", "plugin.trap");
    }
    wait_for("a trial that fails", || {
        let answer = ask(&mut http, "one", "TRAP");
        answer.text().contains("plugin.trap").then_some(())
    });
    wait_until_equal("the step works again", &"AA".to_owned(), || {
        ask(&mut http, "one", "FINE").msa(1)
    });
    accepted(&mut http, "one");
    let log = server.stop();
    for told in ["error[WF130]", "stays set aside", "no longer set aside"] {
        assert_eq!(log.matches(told).count(), 1, "{told}:\n{log}");
    }
}

#[test]
fn another_version_of_the_plugin_begins_from_nothing_and_another_reload_changes_nothing() {
    let (home, server) = started(&format!("[faults]\nconsecutive = 1\n{FOR_EVER}"));
    let mut http = server.http1();
    refused(&mut http, "one", "TRAP", "plugin.trap");
    refused(&mut http, "one", "FINE", "plugin.quarantined");
    // Another plugin comes: all workflows are prepared anew.
    home.plugin("stateful", guest("stateful"));
    server.wait_for_log_times("the workflow is live", 6);
    refused(&mut http, "one", "FINE", "plugin.quarantined");
    // A custom section, which changes the file and nothing else.
    let mut bytes = guest("fickle").to_vec();
    bytes.extend([0, 3, 1, b'x', b'y']);
    home.replace("plugins/fickle.wasm", bytes);
    wait_until_equal("the new version", &"AA".to_owned(), || ask(&mut http, "one", "FINE").msa(1));
    server.stop();
}

#[test]
fn what_a_plugin_answers_sets_nothing_aside_and_a_plugin_may_have_a_budget_of_its_own() {
    let faults = "[faults]\nconsecutive = 1\n[plugins.fickle.faults]\nconsecutive = 3\n";
    let (_home, server) = started(&format!("{faults}{FOR_EVER}"));
    let mut http = server.http1();
    for _ in 0..10 {
        for (what, code) in [("FAIL", "AE"), ("RETRY", "AE"), ("REJECT", "AR")] {
            let answer = ask(&mut http, "one", what);
            assert!(answer.msa(1) == code || answer.msa(1) == "AE", "{what}: {answer:?}");
            assert!(!answer.text().contains("plugin.quarantined"), "{what}: {answer:?}");
        }
    }
    for _ in 0..3 {
        refused(&mut http, "one", "TRAP", "plugin.trap");
    }
    refused(&mut http, "one", "FINE", "plugin.quarantined");
    accepted(&mut http, "other");
    server.stop();
}

#[test]
fn nothing_is_set_aside_where_that_is_switched_off() {
    let (_home, server) = started("[faults]\non = false\nconsecutive = 1\n");
    let mut http = server.http1();
    for _ in 0..10 {
        refused(&mut http, "one", "TRAP", "plugin.trap");
    }
    accepted(&mut http, "one");
    server.stop();
}

#[test]
fn a_reused_instance_is_gone_after_a_breakdown_and_its_step_set_aside_like_any_other() {
    let plugin = "[plugins.fickle]\nfaults = { consecutive = 1 }\nreuse = true\n";
    let (_home, server) = started(&format!("{plugin}[faults]\n{FOR_EVER}"));
    let admin = admin_address(&server);
    let mut http = server.http1();
    let instances = |workflow: &str| {
        let seen = samples(admin);
        let parts = [format!("workflow=\"{workflow}\""), "plugin=\"fickle\"".to_owned()];
        sum(&seen, "plugin_instances", &[&parts[0], &parts[1]])
    };
    for workflow in ["one", "other"] {
        accepted(&mut http, workflow);
        accepted(&mut http, workflow);
        assert!((instances(workflow) - 1.0).abs() < f64::EPSILON, "{workflow}");
    }
    refused(&mut http, "one", "TRAP", "plugin.trap");
    refused(&mut http, "one", "FINE", "plugin.quarantined");
    assert!(instances("one").abs() < f64::EPSILON);
    assert!((instances("other") - 1.0).abs() < f64::EPSILON);
    server.stop();
}

#[test]
fn an_activity_that_breaks_down_is_set_aside_although_it_opens_well_each_time() {
    let home = Home::and(&format!("[faults]\nconsecutive = 3\n{FOR_EVER}"));
    home.plugin("fickle-activity", guest("fickle-activity"));
    for name in ["one", "other"] {
        let activity = Activity::of_class("Test.FickleActivitySetting", "Deed");
        let activity = activity.template(&received());
        home.workflow(name, &Workflow::new(name, name).activity(activity).build());
    }
    let server = home.serve();
    assert_eq!(server.addresses().len(), 2, "{}\n{}", server.said(), server.log());
    let mut http = server.http1();
    accepted(&mut http, "one");
    for _ in 0..3 {
        refused(&mut http, "one", "TRAP", "plugin.trap");
    }
    refused(&mut http, "one", "FINE", "plugin.quarantined");
    accepted(&mut http, "other");
    let (status, told) = readiness(admin_address(&server));
    assert_eq!((status, &told["quarantined"][0]["step"]), (200, &json!("Deed")), "{told}");
    let log = server.stop();
    assert!(!log.contains(SECRET), "{log}");
}
