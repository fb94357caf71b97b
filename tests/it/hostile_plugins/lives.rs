//! An activity that goes wrong at each point of its life. Its setting says how;
//! `tests/guests/hostile-activity` does it.

use super::neighbour::Neighbour;
use super::{GOOD, good};
use crate::harness::guests::guest;
use crate::harness::home::workflow_file;
use crate::harness::messages::adt;
use crate::harness::wait::wait_until_equal;
use crate::harness::{Activity, Connection, Findings, Home, Server, Workflow};

const LIMITS: &str = "[plugins.hostile-activity]\n\
     running_time_milliseconds = 1000\ncall_time_milliseconds = 3000\n";

fn hostile(evil: &str) -> Activity {
    Activity::of_class("Test.HostileActivitySetting, Test", "Hostile")
        .template("MSH|^~\\&|A\r")
        .with("Evil", evil)
}

fn workflow(name: &str, evil: &str) -> Workflow {
    Workflow::new(name, name).activity(hostile(evil)).archive(&format!("{name}.hl7"))
}

fn home(evils: &[&str]) -> Home {
    let home = Home::and(LIMITS);
    home.plugin("hostile-activity", guest("hostile-activity"));
    for evil in evils {
        home.workflow(evil, &workflow(evil, evil).build());
    }
    good(&home);
    home
}

/// What wrongs that show at load are called, and what is said of each.
const AT_LOAD: &[(&str, &str, &str)] = &[
    ("configure-panic", "WF082", "it trapped"),
    ("configure-loop", "WF082", "it ran for more than 1s"),
    ("configure-sleep", "WF082", "did not answer within 3s"),
    ("configure-memory", "WF082", "bytes of memory"),
    ("findings", "WF081", "20000 findings, at most 1000 are read"),
    ("long-findings", "WF081", "one error[WF000]: forged"),
];

#[test]
fn what_goes_wrong_in_configure_keeps_its_workflow_from_starting_and_no_other() {
    let evils: Vec<&str> = AT_LOAD.iter().map(|(evil, ..)| *evil).collect();
    let home = home(&evils);
    let findings = Findings::of(&home);
    for (evil, code, words) in AT_LOAD {
        let file = workflow_file(evil);
        let told = findings.all(code).into_iter().map(ToString::to_string);
        let of_file: Vec<String> = told.filter(|told| told.contains(&file)).collect();
        assert!(of_file.iter().any(|told| told.contains(words)), "{evil}: {of_file:?}");
        assert!(of_file.len() <= 1_001, "{evil}: {} findings", of_file.len());
        let longest = of_file.iter().map(String::len).max().unwrap_or(0);
        assert!(longest < 8_192, "{evil}: a finding of {longest} bytes");
    }
    let server = home.serve();
    assert_eq!(server.addresses().len(), 1, "{}", server.said());
    assert_eq!(server.http1().post(GOOD, adt("ONE", "1")).msa(1), "AA");
    let log = server.stop();
    assert!(!log.lines().any(|line| line.starts_with("error[WF000]")), "{log}");
}

#[test]
fn what_goes_wrong_in_open_keeps_its_workflow_from_starting_and_no_other() {
    let evils = ["open-panic", "open-loop", "open-sleep", "open-error"];
    let home = home(&evils);
    let server = home.serve();
    assert_eq!(server.addresses().len(), 1, "{}", server.said());
    for words in ["it trapped", "it ran for more than", "did not answer within", "the peer is away"]
    {
        server.wait_for_log(words);
    }
    assert_eq!(server.http1().post(GOOD, adt("ONE", "1")).msa(1), "AA");
    server.stop();
}

#[test]
fn a_workflow_whose_activity_takes_long_to_start_holds_up_no_other() {
    let home = Home::and("[plugins.hostile-activity]\ncall_time_milliseconds = 20000\n");
    home.plugin("hostile-activity", guest("hostile-activity"));
    home.workflow("good", &Workflow::new("Good", "good").build());
    let server = home.serve();
    home.workflow("a-slow", &workflow("slow", "open-sleep").build());
    home.workflow("new", &Workflow::new("New", "new").build());
    server.wait_for_log("take long to start");
    let status = |path: &str| server.http1().post(path, adt("ONE", "1")).status;
    wait_until_equal("the new workflow", &200, || status("/new"));
    assert_eq!((status("/good"), status("/slow")), (200, 503));
    assert!(!server.log().contains("did not answer within"), "{}", server.log());
    server.wait_for_log("did not answer within");
    assert_eq!((status("/good"), status("/new"), status("/slow")), (200, 200, 503));
    server.stop();
}

/// A workflow whose second activity fails, so that the first is rolled back.
fn rolled_back(evil: &str) -> Workflow {
    let failing = Activity::of_class("Test.HostileActivitySetting, Test", "Failing")
        .template("MSH|^~\\&|A\r")
        .with("Evil", "failed");
    Workflow::new(evil, evil).activity(hostile(evil)).activity(failing)
}

#[test]
fn what_goes_wrong_with_a_message_or_after_it_ends_that_call_and_the_next_message_runs() {
    let during = [
        ("process-panic", "plugin.trap"),
        ("process-loop", "plugin.time"),
        ("process-sleep", "plugin.time"),
    ];
    let after = ["all-succeeded-panic", "all-succeeded-loop", "close-panic", "close-loop"];
    let rolled = ["roll-back-panic", "roll-back-loop"];
    let home = home(&[]);
    for evil in during.iter().map(|(evil, _)| *evil).chain(after) {
        home.workflow(evil, &workflow(evil, evil).build());
    }
    for evil in rolled {
        home.workflow(evil, &rolled_back(evil).build());
    }
    let server = home.serve();
    assert_eq!(server.addresses().len(), 10, "{}\n{}", server.said(), server.log());
    let neighbour = Neighbour::of(&server);
    let mut http = server.http1();
    for round in 0..2 {
        for (evil, code) in during {
            let answer = http.post(&format!("/{evil}"), adt("ONE", "1"));
            assert_eq!(answer.msa(1), "AE", "{evil}, {round}: {answer:?}");
            assert!(answer.text().contains(code), "{evil}, {round}: {answer:?}");
        }
        for evil in after {
            let answer = http.post(&format!("/{evil}"), adt("ONE", "1"));
            assert_eq!(answer.msa(1), "AA", "{evil}, {round}: the outcome stands: {answer:?}");
        }
        for evil in rolled {
            let answer = http.post(&format!("/{evil}"), adt("ONE", "1"));
            assert!(answer.text().contains("test.failed"), "{evil}, {round}: {answer:?}");
        }
    }
    neighbour.answers(20);
    neighbour.stop(&home);
    assert_eq!(home.read("out/process-loop.hl7"), None, "nothing ran after the failure");
    // Closing goes wrong, too: the server ends in order nevertheless.
    let log = server.stop();
    assert!(log.matches("after a run:").count() >= 8, "{log}");
    assert!(log.contains("could not be closed"), "{log}");
}

#[test]
fn what_an_activity_keeps_from_message_to_message_is_bounded() {
    for (evil, code) in [("keep-messages", "plugin.output"), ("keep-memory", "plugin.memory")] {
        let home = home(&[evil]);
        let server = home.serve();
        let mut http = server.http1();
        let mut contained = 0;
        for number in 0..20 {
            let answer = http.post(&format!("/{evil}"), adt(&number.to_string(), "1"));
            if answer.msa(1) == "AE" {
                assert!(answer.text().contains(code), "{evil}: {answer:?}");
                contained += 1;
            }
        }
        // Eight MiB each, 64 MiB at most, then a new instance.
        assert!((2..=3).contains(&contained), "{evil}: {contained} of 20");
        server.stop();
    }
}

#[test]
fn a_workflow_whose_activity_hangs_leaves_places_to_the_others() {
    let further = format!("{LIMITS}[limits]\nmessages_in_flight = 8\nmessage_wait_seconds = 1\n");
    let home = Home::and(&further);
    home.plugin("hostile-activity", guest("hostile-activity"));
    home.workflow("stuck", &workflow("stuck", "process-sleep").build());
    good(&home);
    let server = home.serve();
    let bodies = (0..40).map(|number| adt(&format!("S{number}"), "1"));
    let stuck: Vec<_> = bodies
        .map(|body| {
            let mut http = server.http1();
            http.send(crate::harness::http1::request("POST", "/stuck", body.as_bytes()));
            http
        })
        .collect();
    let mut good = Connection::one(&server);
    for number in 0..50 {
        let answer = good.post(GOOD, adt(&format!("G{number}"), "1"));
        assert_eq!((answer.status, answer.msa(1)), (200, "AA".to_owned()), "{number}: {answer:?}");
    }
    let mut told = [0; 3];
    for mut http in stuck {
        let answer = http.answer("POST");
        match answer.status {
            503 => told[0] += 1,
            200 if answer.text().contains("plugin.busy") => told[1] += 1,
            200 if answer.text().contains("plugin.time") => told[2] += 1,
            _ => panic!("{answer:?}"),
        }
    }
    println!("{} had no place, {} no turn, {} no time", told[0], told[1], told[2]);
    assert!(told[0] > 0 && told[2] > 0, "{told:?}");
    server.stop();
}

#[test]
fn a_reload_gets_rid_of_a_hostile_version() {
    let home = home(&["keep-memory"]);
    let server: Server = home.serve();
    let mut http = server.http1();
    assert_eq!(http.post("/keep-memory", adt("ONE", "1")).msa(1), "AA");
    home.workflow("keep-memory", &workflow("keep-memory", "").build());
    server.wait_for_log_times("the workflow is live", 3);
    for number in 0..20 {
        assert_eq!(http.post("/keep-memory", adt(&number.to_string(), "1")).msa(1), "AA");
    }
    server.stop();
}
