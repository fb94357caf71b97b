//! The life of an activity: what it is told, when, how often, and by whom.
//!
//! The guest `recorder` writes each of its calls into `out/calls.txt`.

use crate::harness::guests::guest;
use crate::harness::messages::adt;
use crate::harness::wait::{wait_for, wait_until_equal};
use crate::harness::workflow::received;
use crate::harness::{Activity, Home, Workflow};

const GRANTED: &str = "[plugins.recorder]\ndirectories = [{ path = \"out\", write = true }]\n";

fn home(further: &str) -> Home {
    let home = Home::and(&format!("{further}\n{GRANTED}"));
    home.plugin("recorder", guest("recorder"));
    home
}

fn recorder(name: &str) -> Activity {
    Activity::of_class("Test.RecorderSetting", name).template(&received())
}

/// `first` and `second`, one after the other.
fn two(home: &Home, second: Activity) {
    let workflow = Workflow::new("Life", "in").activity(recorder("first")).activity(second);
    home.workflow("one", &workflow.build());
}

/// The calls so far, one in a line.
fn calls(home: &Home) -> Vec<String> {
    home.read("out/calls.txt").unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Ends of runs that an activity was told of.
fn ends(home: &Home) -> Vec<String> {
    let calls = calls(home).into_iter();
    calls.filter(|call| !call.contains("process") && !call.ends_with("open")).collect()
}

#[test]
fn an_activity_lives_as_long_as_its_workflow_and_remembers_between_messages() {
    let home = home("");
    two(&home, recorder("second"));
    let server = home.serve();
    let mut http = server.http1();
    for id in ["E1", "E2"] {
        assert_eq!(http.post("/in", adt(id, "1")).msa(1), "AA");
    }
    drop(http);
    server.stop();
    assert_eq!(
        calls(&home),
        [
            "first open",
            "second open",
            "first process E1 as number 1",
            "second process E1 as number 1",
            "first all-succeeded E1",
            "second all-succeeded E1",
            "first process E2 as number 2",
            "second process E2 as number 2",
            "first all-succeeded E2",
            "second all-succeeded E2",
            "first close with 0 open",
            "second close with 0 open",
        ]
    );
}

#[test]
fn what_was_performed_before_a_failure_is_rolled_back_the_last_one_first() {
    let home = home("");
    let workflow = Workflow::new("Life", "in").activity(recorder("first"));
    let workflow = workflow.activity(recorder("second"));
    let workflow = workflow.activity(recorder("third").with("FailOn", "E1"));
    home.workflow("one", &workflow.build());
    let server = home.serve();
    let mut http = server.http1();
    let answer = http.post("/in", adt("E1", "1"));
    assert_eq!(answer.msa(1), "AE", "{answer:?}");
    assert_eq!(ends(&home), ["second roll-back E1", "first roll-back E1"]);
    assert_eq!(http.post("/in", adt("E2", "1")).msa(1), "AA", "the workflow goes on");
    assert_eq!(
        ends(&home)[2..],
        ["first all-succeeded E2", "second all-succeeded E2", "third all-succeeded E2"]
    );
    drop(http);
    server.stop();
}

#[test]
fn a_response_that_cannot_be_built_fails_the_run_before_success_is_told() {
    let home = home("");
    let workflow = Workflow::new("Life", "in").activity(recorder("first"));
    // Custom, and no HL7 message.
    home.workflow("one", &workflow.responding("${Missing} is no message").build());
    let server = home.serve();
    let answer = server.http1().post("/in", adt("E1", "1"));
    assert_eq!(answer.msa(1), "AE", "{answer:?}");
    assert_eq!(ends(&home), ["first roll-back E1"]);
    server.stop();
}

#[test]
fn an_activity_that_trapped_is_opened_anew_at_the_next_message() {
    let home = home("");
    two(&home, recorder("second").with("TrapOn", "E2"));
    let server = home.serve();
    let mut http = server.http1();
    for (id, expected) in [("E1", "AA"), ("E2", "AE"), ("E3", "AA")] {
        assert_eq!(http.post("/in", adt(id, "1")).msa(1), expected, "{id}");
    }
    drop(http);
    server.stop();
    let second: Vec<String> =
        calls(&home).into_iter().filter(|call| call.starts_with("second")).collect();
    assert_eq!(
        second,
        [
            "second open",
            "second process E1 as number 1",
            "second all-succeeded E1",
            "second process E2 as number 2",
            "second open",
            "second process E3 as number 1",
            "second all-succeeded E3",
            "second close with 0 open",
        ]
    );
    assert!(calls(&home).contains(&"first roll-back E2".to_owned()));
}

#[test]
fn a_trap_in_a_hook_changes_no_answer_and_costs_the_instance() {
    let home = home("");
    two(&home, recorder("second").with("TrapInHook", true));
    let server = home.serve();
    let mut http = server.http1();
    for id in ["E1", "E2"] {
        assert_eq!(http.post("/in", adt(id, "1")).msa(1), "AA", "{id}");
    }
    drop(http);
    let log = server.stop();
    assert_eq!(log.matches("after a run:").count(), 2, "{log}");
    assert_eq!(calls(&home).iter().filter(|call| *call == "second open").count(), 2);
    assert!(!calls(&home).iter().any(|call| call.starts_with("second close")));
}

#[test]
fn a_step_that_is_cut_off_at_its_time_limit_cancels_what_was_performed_before_it() {
    let home = home("");
    let limit = "[plugins.recorder]\ncall_time_milliseconds = 1000\n";
    let config = home.read("tureen.toml").unwrap().replace("[plugins.recorder]\n", limit);
    home.write("tureen.toml", config);
    two(&home, recorder("second").with("WaitOn", "E1"));
    let server = home.serve();
    let mut http = server.http1();
    let answer = http.post("/in", adt("E1", "1"));
    assert_eq!(answer.msa(1), "AE", "{answer:?}");
    assert!(answer.text().contains("plugin.time"), "{answer:?}");
    assert_eq!(ends(&home), ["first cancel E1"]);
    assert_eq!(http.post("/in", adt("E2", "1")).msa(1), "AA");
    drop(http);
    server.stop();
}

#[test]
fn a_shutdown_cancels_what_is_not_done_in_the_drain_time_and_the_sender_is_told() {
    let home = home("[limits]\ndrain_timeout_seconds = 2\n");
    two(&home, recorder("second").with("WaitOn", "E1"));
    let mut server = home.serve();
    let mut http = server.http1();
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| http.post("/in", adt("E1", "1")));
        wait_for("the message to be in work", || {
            calls(&home).contains(&"second process E1 as number 1".to_owned()).then_some(())
        });
        server.terminate();
        let answer = sent.join().unwrap();
        assert_eq!(answer.msa(1), "AE", "{answer:?}");
        assert!(answer.text().contains("run.cut-off"), "{answer:?}");
    });
    assert!(!server.wait().success(), "something was cut short");
    let expected = ["first cancel E1", "first close with 0 open"];
    assert_eq!(ends(&home), [expected[0]]);
    let last = calls(&home).pop();
    assert_eq!(last.as_deref(), Some(expected[1]), "the instance that was cut off is gone");
}

#[test]
fn a_reload_closes_the_old_version_after_its_last_message() {
    let home = home("");
    home.workflow("one", &Workflow::new("Life", "in").activity(recorder("old")).build());
    let server = home.serve();
    let mut http = server.http1();
    assert_eq!(http.post("/in", adt("E1", "1")).msa(1), "AA");
    let new = Workflow::new("Life", "in").activity(recorder("new")).build();
    home.replace("workflows/one.hl7Workflow", format!("{new:#}\n"));
    wait_until_equal("the old activity to be closed", &true, || {
        calls(&home).contains(&"old close with 0 open".to_owned())
    });
    assert_eq!(http.post("/in", adt("E2", "1")).msa(1), "AA");
    drop(http);
    server.stop();
    assert_eq!(
        calls(&home),
        [
            "old open",
            "old process E1 as number 1",
            "old all-succeeded E1",
            "new open",
            "old close with 0 open",
            "new process E2 as number 1",
            "new all-succeeded E2",
            "new close with 0 open",
        ]
    );
}

#[test]
fn the_number_of_open_activities_is_limited() {
    const LIMIT: usize = 256;
    const EACH: usize = 90;
    let home = home("");
    for name in ["a", "b", "c"] {
        let mut workflow = Workflow::new(name, name);
        for number in 0..EACH {
            workflow = workflow.activity(recorder(&format!("{name}{number}")));
        }
        home.workflow(name, &workflow.build());
    }
    let server = home.serve();
    let started: Vec<&String> = server.addresses().keys().collect();
    assert_eq!(started, ["a", "b"], "{}", server.said());
    assert_eq!(server.http1().post("/a", adt("E1", "1")).msa(1), "AA");
    let log = server.stop();
    assert!(log.contains("the limit on open activities is reached"), "{log}");
    let mut open: usize = 0;
    for call in calls(&home) {
        open += usize::from(call.ends_with(" open") && !call.contains("close"));
        open -= usize::from(call.contains(" close "));
        assert!(open <= LIMIT, "{open} at {call}");
    }
}
