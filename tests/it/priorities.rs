//! When the answer is given: on arrival, after validation, after all.
//!
//! The activity waits for a file, so that each order is forced, not hoped for.

use std::sync::mpsc;

use crate::harness::actions::{only_adt, set_variable};
use crate::harness::guests::guest;
use crate::harness::messages::{adt, oru};
use crate::harness::wait::{PATIENCE, wait_for};
use crate::harness::{Activity, Answer, Home, Server, Workflow};

const SLOW: &str = "Test.SlowActivitySetting, Test";

/// A slow activity, and a file writer after it.
fn slow(priority: i64, responding: &str) -> (Home, Server) {
    let home = Home::and("[plugins.slow-activity]\ndirectories = [{ path = \"out\" }]\n");
    home.plugin("slow-activity", guest("slow-activity"));
    let wait = Activity::of_class(SLOW, "Slow").template("MSH|^~\\&|A\r").with("WaitForFile", "go");
    let workflow = Workflow::new("Slow", "in")
        .with("ReponsePriority", priority)
        .with("MessageType", 1)
        .filter(only_adt())
        .variables(vec![set_variable("Mrn", "PID-3.1")])
        .activity(wait)
        .archive("kept.hl7");
    let workflow = match responding {
        "" => workflow,
        template => workflow.responding(template),
    };
    home.workflow("one", &workflow.build());
    let server = home.serve();
    (home, server)
}

const TEMPLATE: &str = "MSH|^~\\&|T\rMSA|AA|1|${Mrn}\r";

#[test]
fn on_arrival_the_answer_comes_before_filter_variables_and_work() {
    let (home, server) = slow(0, TEMPLATE);
    let mut http = server.http1();
    let answer = http.post("/in", adt("P0", "1001"));
    assert_eq!(answer.text(), "MSH|^~\\&|T\rMSA|AA|1|\r", "no variable is set yet");
    let unwanted = http.post("/in", oru("P1", "1001"));
    assert_eq!(unwanted.msa(1), "AA", "the filter has not been asked yet");
    assert_eq!(home.read("out/kept.hl7"), None, "the work is still going on");
    home.write("out/go", "");
    wait_for("the work in the background", || home.read("out/kept.hl7"));
    server.stop();
    let kept = home.read("out/kept.hl7").unwrap();
    assert!(kept.contains("P0") && !kept.contains("P1"), "{kept:?}");
}

#[test]
fn on_arrival_what_cannot_be_read_is_still_an_error() {
    let (home, server) = slow(0, "");
    home.write("out/go", "");
    let mut http = server.http1();
    assert_eq!(http.post("/in", "MSH||1\r").msa(1), "AE");
    assert_eq!(http.post("/in", "no HL7").status, 400);
    server.stop();
}

#[test]
fn after_validation_the_answer_knows_filter_and_variables_but_not_the_work() {
    let (home, server) = slow(1, TEMPLATE);
    let mut http = server.http1();
    assert_eq!(http.post("/in", adt("P0", "1001")).text(), "MSH|^~\\&|T\rMSA|AA|1|1001\r");
    assert_eq!(http.post("/in", oru("P1", "1001")).msa(1), "AR", "the filter was asked");
    assert_eq!(home.read("out/kept.hl7"), None, "the work is still going on");
    home.write("out/go", "");
    wait_for("the work in the background", || home.read("out/kept.hl7"));
    server.stop();
}

#[test]
fn after_all_the_answer_waits_for_the_work() {
    let (home, server) = slow(2, "");
    let (send, answered) = mpsc::channel::<Answer>();
    let mut http = server.http1();
    let client = std::thread::spawn(move || {
        send.send(http.post("/in", adt("P2", "1001"))).unwrap();
    });
    // While another message goes all the way through, this one is not answered:
    // the work of the first cannot end.
    assert_eq!(server.http1().post("/in", oru("P3", "1")).msa(1), "AR");
    assert!(answered.try_recv().is_err(), "answered before the work was done");
    assert_eq!(home.read("out/kept.hl7"), None);
    home.write("out/go", "");
    let answer = answered.recv_timeout(PATIENCE).unwrap();
    assert_eq!(answer.msa(1), "AA");
    assert!(home.read("out/kept.hl7").unwrap().contains("P2"), "written before the answer");
    client.join().unwrap();
    server.stop();
}

#[test]
fn a_server_that_is_asked_to_end_finishes_the_work_in_the_background() {
    let (home, mut server) = slow(0, "");
    let mut http = server.http1();
    for number in 1..=5 {
        assert_eq!(http.post("/in", adt(&format!("D{number}"), "1")).msa(1), "AA");
    }
    server.terminate();
    // From here on no new connection is taken; the work is still there.
    wait_for("the listener to be closed", || {
        std::net::TcpStream::connect(server.socket()).is_err().then_some(())
    });
    assert!(server.is_running(), "the server waits for its work: {}", server.log());
    assert_eq!(home.read("out/kept.hl7"), None);
    home.write("out/go", "");
    let status = server.wait();
    assert!(status.success(), "{status}: {}", server.log());
    let kept = home.read("out/kept.hl7").unwrap();
    for number in 1..=5 {
        assert_eq!(kept.matches(&format!("|D{number}|")).count(), 1, "{kept:?}");
    }
}

#[test]
fn an_answer_that_is_being_waited_for_is_given_before_the_server_ends() {
    let (home, mut server) = slow(2, "");
    let mut http = server.http1();
    http.send(crate::harness::http1::request("POST", "/in", adt("W1", "1").as_bytes()));
    // The request is inside when a later one has been answered.
    assert_eq!(server.http1().post("/in", oru("W2", "1")).msa(1), "AR");
    server.terminate();
    wait_for("the listener to be closed", || {
        std::net::TcpStream::connect(server.socket()).is_err().then_some(())
    });
    home.write("out/go", "");
    assert_eq!(http.answer("POST").msa(1), "AA");
    assert!(server.wait().success(), "{}", server.log());
}
