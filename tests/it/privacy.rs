//! At the default level, no word of any message is in the log.

use crate::harness::actions::{custom, map_text, only_adt, set_variable, set_variable_to};
use crate::harness::guests::guest;
use crate::harness::messages::{adt, oru};
use crate::harness::workflow::received;
use crate::harness::{Activity, Home, Workflow};

/// Stands in every place of every message, with a number behind it.
const TOKEN: &str = "Zyxwvut";

#[test]
fn no_word_of_any_message_is_in_the_log_whatever_becomes_of_it() {
    let home = Home::new();
    home.plugin("trap", guest("trap"));
    let good = Workflow::new("Good", "good")
        .filter(only_adt())
        .variables(vec![set_variable("Token", "PID-3.1")]);
    home.workflow("good", &good.archive("kept.hl7").build());
    let trapping = Workflow::new("Trapping", "trapping").variables(vec![custom("Test.Trap")]);
    home.workflow("trapping", &trapping.build());
    let bad_path = Activity::file("Archive", "${Token}/x.hl7").template(&received());
    let refused =
        Workflow::new("Bad path", "path").variables(vec![set_variable("Token", "PID-3.1")]);
    home.workflow("path", &refused.activity(bad_path).build());
    let bad_write = Activity::file("Archive", "kept.hl7").template(&received());
    let bad_write = bad_write.transformers(vec![map_text("x", "${Token}")]);
    let failing =
        Workflow::new("Bad write", "write").variables(vec![set_variable("Token", "PID-3.1")]);
    home.workflow("write", &failing.activity(bad_write).build());
    let erring = Workflow::new("Erring", "erring").variables(vec![
        set_variable("Token", "PID-3.1"),
        set_variable_to("WorkflowError", "true"),
    ]);
    home.workflow("erring", &erring.build());
    let json =
        Workflow::new("Json", "json").with("MessageType", 11).responding("{\"a\": \"${Token}\"}");
    home.workflow("json", &json.build());
    let server = home.serve();
    assert_eq!(server.addresses().len(), 6, "{}\n{}", server.said(), server.log());

    let token = |number: usize| format!("{TOKEN}{number}");
    let lengthy = "x".repeat(300_000);
    let cases = [
        ("/good", adt(&token(1), &token(2)), "AA"),
        ("/good", oru(&token(3), &token(4)), "AR"),
        ("/good", token(5), "400"),
        ("/good", format!("{}\rMSH||{}", token(6), token(7)), "AE"),
        ("/good", format!("MSH|^~\\&{}\u{fffd}{lengthy}", token(8)), "A"),
        ("/trapping", adt(&token(9), &token(10)), "AE"),
        ("/path", adt(&token(11), &format!("../{}", token(12))), "A"),
        ("/write", adt(&token(13), &token(14)), "AE"),
        ("/erring", adt(&token(15), &token(16)), "AE"),
        ("/json", format!("{{\"{}\": {}", token(17), token(18)), "400"),
        ("/json", format!("{{\"{0}\": 1, \"{0}\": 2}}", token(19)), "200"),
        ("/nowhere/Zyxwvut20?patient=Zyxwvut21", adt(&token(22), &token(23)), "404"),
        ("/good/Zyxwvut24?patient=Zyxwvut25", adt(&token(26), &token(27)), "AA"),
        ("/good/%Zyxwvut28", adt(&token(29), &token(30)), "400"),
    ];
    for (path, message, expected) in &cases {
        let answer = server.http1().post(path, message);
        let found = match answer.status {
            200 if answer.is_acknowledgement() => answer.msa(1),
            other => other.to_string(),
        };
        assert!(found.starts_with(expected), "{path}: expected {expected}, {answer:?}");
    }
    // A request whose very first line and headers carry such words.
    let mut http = server.http1();
    http.send(format!("{TOKEN}31 {TOKEN}32 {TOKEN}33\r\n{TOKEN}34: {TOKEN}35\r\n\r\n"));
    let _ = http.try_answer("POST");
    let log = server.stop();
    let told: Vec<&str> = log.lines().filter(|line| line.contains(TOKEN)).collect();
    assert!(told.is_empty(), "{} lines with patient data:\n{}", told.len(), told.join("\n"));
    for expected in ["a message was refused", "a message failed"] {
        assert!(log.contains(expected), "the operator is told that {expected}:\n{log}");
    }
}
