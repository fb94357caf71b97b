//! What one message leaves in a plugin's memory for another, under both ways of
//! isolation.

use super::CALLER;
use crate::harness::actions::custom;
use crate::harness::guests::guest;
use crate::harness::messages::adt;
use crate::harness::{Home, Workflow};

/// The control ids that the guest says it saw before, for each of some messages.
fn seen(behaviour: &str, reuse: bool, evil_between: &str) -> Vec<String> {
    let home = Home::and(&format!("{CALLER}[plugins.hostile-transformer]\nreuse = {reuse}\n"));
    home.plugin("hostile-transformer", guest("hostile-transformer"));
    let hostile = Workflow::new("Hostile", "hostile")
        .variables(vec![custom("Test.Hostile")])
        .responding("MSH|^~\\&|T\rMSA|AA|${Before}\r");
    home.workflow("hostile", &hostile.build());
    let server = home.serve();
    let mut http = server.http1();
    let mut seen = Vec::new();
    for control_id in ["ANNA", "BELA", "CARL"] {
        seen.push(http.post("/hostile", adt(control_id, behaviour)).msa(2));
    }
    http.post("/hostile", adt("DORA", evil_between));
    for control_id in ["EMIL", "FAYE"] {
        seen.push(http.post("/hostile", adt(control_id, behaviour)).msa(2));
    }
    server.stop();
    seen
}

#[test]
fn a_fresh_instance_has_nothing_of_another_message_neither_bytes_nor_handles() {
    for behaviour in ["remember", "keep"] {
        assert_eq!(seen(behaviour, false, "fine"), [""; 5], "{behaviour}");
    }
}

#[test]
fn a_reused_instance_is_gone_after_a_trap_or_a_limit_with_all_that_it_kept() {
    for evil in ["panic", "memory", "loop"] {
        let expected = ["", "ANNA", "ANNA BELA", "", "EMIL"];
        assert_eq!(seen("remember", true, evil), expected, "{evil}");
    }
    // A typed error is no reason to drop an instance.
    let expected = ["", "ANNA", "ANNA BELA", "ANNA BELA CARL", "ANNA BELA CARL EMIL"];
    assert_eq!(seen("remember", true, "failed"), expected);
}
