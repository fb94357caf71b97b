//! Plugins that loop, take memory, trap or keep what they saw: their message
//! fails, and nobody else's.

use std::time::Instant;

use crate::answers::accepts;
use crate::harness::actions::custom;
use crate::harness::guests::guest;
use crate::harness::http1::request;
use crate::harness::messages::adt;
use crate::harness::{Connection, Home, Server, Workflow};

/// The guests that fail, their types, and what the answer says of why.
const HOSTILE: [(&str, &str, &str); 3] = [
    ("loop-forever", "Test.LoopForever", "time"),
    ("allocate-forever", "Test.AllocateForever", "memory"),
    ("trap", "Test.Trap", "trap"),
];

/// A workflow for every hostile guest, and one for messages that are to go on.
fn besieged() -> (Home, Server) {
    let home = Home::and("[plugins.loop-forever]\nrunning_time_milliseconds = 1500\n");
    for (name, type_name, _) in HOSTILE {
        home.plugin(name, guest(name));
        let workflow = Workflow::new(name, name).variables(vec![custom(type_name)]);
        home.workflow(name, &workflow.archive("hostile.hl7").build());
    }
    let good = Workflow::new("Admissions", "adt/in").archive("kept.hl7");
    home.workflow("admissions", &good.build());
    let server = home.serve();
    assert_eq!(server.addresses().len(), 4, "{}\n{}", server.said(), server.log());
    (home, server)
}

#[test]
fn a_hostile_plugin_fails_its_message_by_name_and_others_go_on_meanwhile() {
    let (home, mut server) = besieged();
    for (name, _, why) in HOSTILE {
        let mut hostile = server.http1();
        hostile.send(request("POST", &format!("/{name}"), adt("BAD", "1").as_bytes()));
        let answered = std::thread::spawn(move || (hostile.answer("POST"), Instant::now()));
        let mut good = Connection::one(&server);
        accepts(&mut good, "meanwhile");
        let accepted_at = Instant::now();
        for _ in 0..20 {
            accepts(&mut good, "meanwhile");
        }
        let (answer, answered_at) = answered.join().unwrap();
        assert_eq!((answer.status, answer.msa(1)), (200, "AE".to_owned()), "{name}: {answer:?}");
        assert_eq!(answer.msa(2), "BAD");
        assert!(answer.text().contains(name), "{name} is not named: {}", answer.text());
        assert!(answer.text().contains(why), "{name}: {}", answer.text());
        if name == "loop-forever" {
            assert!(accepted_at < answered_at, "others had to wait for the loop");
        }
        accepts(&mut Connection::one(&server), "after");
    }
    assert_eq!(home.read("out/hostile.hl7"), None, "no activity ran after the failure");
    assert!(server.is_running());
    server.stop();
}

#[test]
fn more_looping_plugins_than_processors_do_not_stop_the_others() {
    let (_home, server) = besieged();
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let mut looping: Vec<_> = (0..processors + 2).map(|_| server.http1()).collect();
    for http in &mut looping {
        http.send(request("POST", "/loop-forever", adt("BAD", "1").as_bytes()));
    }
    let mut good = Connection::one(&server);
    for _ in 0..20 {
        accepts(&mut good, "meanwhile");
    }
    for mut http in looping {
        let answer = http.answer("POST");
        assert_eq!((answer.msa(1), answer.msa(2)), ("AE".to_owned(), "BAD".to_owned()));
    }
    server.stop();
}

#[test]
fn the_failing_path_can_be_taken_many_times_and_the_rest_still_works() {
    let (_home, server) = besieged();
    let mut http = server.http1();
    for round in 0..100 {
        let answer = http.post("/trap", adt(&format!("T{round}"), "1"));
        assert_eq!((answer.msa(1), answer.msa(2)), ("AE".to_owned(), format!("T{round}")));
    }
    accepts(&mut Connection::one(&server), "after");
    server.stop();
}

/// Answers with what the stateful guest remembers.
fn remembering(further: &str) -> (Home, Server) {
    let home = Home::and(further);
    home.plugin("stateful", guest("stateful"));
    let workflow = Workflow::new("Stateful", "in")
        .variables(vec![custom("Test.Stateful")])
        .responding("MSH|^~\\&|T\rMSA|AA|${StatefulCount}|${StatefulBefore}\r");
    home.workflow("one", &workflow.build());
    let server = home.serve();
    (home, server)
}

#[test]
fn a_plugin_sees_nothing_that_another_message_left_behind() {
    let (_home, server) = remembering("");
    let mut http = server.http1();
    for number in 0..10 {
        let answer = http.post("/in", adt("F", &format!("patient-{number}")));
        assert_eq!((answer.msa(2), answer.msa(3)), ("1".to_owned(), String::new()));
    }
    server.stop();
}

#[test]
fn a_plugin_is_reused_only_where_the_operator_says_so() {
    let (_home, server) = remembering("[plugins.stateful]\nreuse = true\n");
    let mut http = server.http1();
    let counts: Vec<String> = (1..=5).map(|_| http.post("/in", adt("F", "1")).msa(2)).collect();
    assert_eq!(counts, ["1", "2", "3", "4", "5"]);
    server.stop();
}
