//! The helpers of the SDK, called by a plugin inside the sandbox, and what
//! becomes of notifications.

use serde_json::json;

use crate::harness::actions::{custom, notification};
use crate::harness::guests::guest;
use crate::harness::workflow::received;
use crate::harness::{Activity, Home, Workflow};

const ORU: &str = "MSH|^~\\&|LAB|HOSP|A|B|20260102||ORU^R01|M7|P|2.5\r\
                   PID|1||77^^^ACME&1.2&ISO~88||Zyxwvut^X||\"\"\r\
                   OBX|1|NM|GLU||5.4\rOBX|2|TX|NOTE||a\\T\\b\rOBX|3|NM|K||4.1\rADD|2\r";

/// The plugin changes a copy of the received message.
fn helped() -> Home {
    let home = Home::new();
    home.plugin("helpers", guest("helpers"));
    let copy = Activity::file("Copy", "sent").template(&received());
    let copy = copy.transformers(vec![custom("Test.Helpers")]);
    home.workflow("one", &Workflow::new("Helped", "in").activity(copy).build());
    home
}

#[test]
fn inside_the_sandbox_every_helper_does_what_the_test_kit_says() {
    let home = helped();
    let file = home.path("workflows/one.hl7Workflow");
    let message = home.write("message", ORU);
    let (file, message) = (file.to_str().unwrap(), message.to_str().unwrap());
    let ran = home.run(&["run", file, "--message", message, "--json"]);
    let record = ran.json();
    assert_eq!(record["outcome"], "accepted", "{record:#}");
    for (name, expected) in [
        ("Segments", "MSH PID OBX OBX[2] OBX[3] ADD"),
        ("Observations", "5.4;a&b;4.1"),
        ("Others", "PID-3[2]"),
        ("Universal", "PID-3.4.2 1.2"),
        ("Kinds", "1text 2empty 3text 4empty 5text 6empty 7null"),
        ("Values", "GLU NOTE K"),
        ("Encoded", "R3LDvMOfZQ=="),
        ("Decoded", "Grüße"),
        ("Cased", "McDonald"),
        ("Written", "2 January 1970"),
        ("Spaced", "Patient Name"),
        ("SameYear", "true"),
        ("Accept", "AA M7"),
        ("Error", "AE M7"),
        ("Location", "PV1^1^19^1"),
        ("ControlIdsDiffer", "true"),
        ("Refused", "acknowledgement.of-acknowledgement"),
        ("Noisy", "notification.count"),
        ("Elements", "R/a[1] <a>1</a>; R/b[1] <b/>; R/a[2] <a>2</a>"),
        ("Members", "newtonsoft:$.p[0]['a/b'] 1; p[1]/c {\"d\":2}"),
        ("Joined", "1 one two"),
        ("Continued", "p2 I"),
        ("Ended", "none"),
        ("OwnJoined", "1"),
        ("NotContinued", "continuation.format"),
    ] {
        assert_eq!(record["variables"][name], expected, "{name}");
    }
    let changed = "MSH|^~\\&|LAB|HOSP|A|B|20260102||ORU^R01|M7|P|2.5\r\
                   PID|1||77^^^ACME&1.2&ISO~88~99^^^NEW||Zyxwvut^A\\S\\B||\"\"\r\
                   OBX|1|NM|GLU||5.4||||||F\rOBX|3|NM|K||4.12||||||F\r";
    assert_eq!(record["activities"][0]["message"], changed);
    let told: Vec<(bool, &str)> = record["notifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["critical"].as_bool().unwrap(), it["text"].as_str().unwrap()))
        .collect();
    let expected = [(false, "Zyxwvut came"), (true, "Zyxwvut came back"), (false, "again")];
    assert_eq!(told, expected, "each key once");
    let shown = home.run(&["run", file, "--message", message]).stdout;
    assert!(shown.contains("    critical: Zyxwvut came back (Copy"), "{shown}");
}

#[test]
fn the_log_tells_of_a_notification_and_has_its_text_at_debug_only() {
    for (level, text_expected) in [("info", false), ("debug", true)] {
        let home = Home::and(&format!("[log]\nlevel = \"{level}\"\n"));
        home.plugin("helpers", guest("helpers"));
        let actions = vec![custom("Test.Helpers"), notification("call ${Others}", true)];
        let workflow = Workflow::new("Told", "in").response_transformers(actions);
        home.workflow("one", &workflow.responding(&received()).build());
        let server = home.serve();
        for _ in 0..2 {
            let answer = server.http1().post("/in", ORU);
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let log = server.stop();
        let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count();
        // Without a key each message tells; with one, the workflow does so once.
        assert_eq!(lines("a notification; its text may hold"), 2 + 1 + 1, "{level}:\n{log}");
        assert_eq!(lines("notification: call ${Others}"), 2, "{level}:\n{log}");
        let texts = ["Zyxwvut came", "Zyxwvut came back", "call PID-3[2]"];
        assert_eq!(texts.map(|text| lines(text) > 0), [text_expected; 3], "{level}:\n{log}");
    }
}

#[test]
fn a_plugin_may_be_forbidden_to_notify() {
    let home = helped();
    let forbidding = "[plugins.helpers]\nnotifications = 0\n";
    let config = home.read("tureen.toml").unwrap();
    home.write("tureen.toml", format!("{config}\n{forbidding}"));
    let file = home.path("workflows/one.hl7Workflow");
    let message = home.write("message", ORU);
    let (file, message) = (file.to_str().unwrap(), message.to_str().unwrap());
    let record = home.run(&["run", file, "--message", message, "--json"]).json();
    assert_eq!(record["outcome"], "failed", "{record:#}");
    assert_eq!(record["error"]["code"], "notification.count", "{record:#}");
    assert_eq!(record["notifications"], json!([]));
}
