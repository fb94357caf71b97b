//! More than the server takes: it says so at once, and goes on.

/// What only Linux lets a test set or see of a process.
#[cfg(target_os = "linux")]
mod process;

use crate::harness::guests::guest;
use crate::harness::http1::request;
use crate::harness::messages::adt;
use crate::harness::wait::wait_for;
use crate::harness::{Activity, Connection, Home, Server, Workflow};

/// An activity that works on its message until `out/go` exists.
fn slow(limits: &str) -> (Home, Server) {
    let plugin = "[plugins.slow-activity]\ndirectories = [{ path = \"out\" }]";
    let home = Home::and(&format!("{plugin}\n[limits]\n{limits}\n"));
    home.plugin("slow-activity", guest("slow-activity"));
    let wait = Activity::of_class("Test.SlowActivitySetting, Test", "Slow")
        .template("MSH|^~\\&|A\r")
        .with("WaitForFile", "go");
    let workflow = Workflow::new("Slow", "in").archive("begun.hl7").activity(wait);
    home.workflow("one", &workflow.archive("kept.hl7").build());
    let server = home.serve();
    (home, server)
}

#[test]
fn a_message_does_not_wait_for_its_turn_without_end() {
    let (home, server) = slow("messages_in_flight = 1\nmessage_wait_seconds = 1");
    let mut first = server.http1();
    first.send(request("POST", "/in", adt("FIRST", "1").as_bytes()));
    wait_for("the first message to be worked on", || home.read("out/begun.hl7"));
    for mut other in Connection::both(&server).map(|(_, other)| other) {
        let answer = other.post("/in", adt("SECOND", "2"));
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    }
    home.write("out/go", "");
    assert_eq!(first.answer("POST").msa(1), "AA");
    let answer = server.http1().post("/in", adt("THIRD", "3"));
    assert_eq!(answer.msa(1), "AA", "{answer:?}");
    let kept = home.read("out/begun.hl7").unwrap();
    assert!(kept.contains("FIRST") && kept.contains("THIRD") && !kept.contains("SECOND"), "{kept}");
    server.stop();
}
