//! `tureen run`, `send`, `plugin` and `demo`.

use serde_json::json;

use crate::harness::actions::{custom, only_adt, set_variable};
use crate::harness::guests::guest;
use crate::harness::messages::{adt, oru};
use crate::harness::program::{self, Ran};
use crate::harness::{Home, Workflow};

/// A home with the workflow `one`, which keeps admissions.
fn keeping() -> Home {
    let home = Home::new();
    let workflow = Workflow::new("One", "in")
        .filter(only_adt())
        .variables(vec![set_variable("Mrn", "PID-3.1")]);
    home.workflow("one", &workflow.archive("kept.hl7").build());
    home
}

fn run(home: &Home, message: &str, further: &[&str]) -> Ran {
    let file = home.path("workflows/one.hl7Workflow");
    let message = home.write("message", message);
    let (file, message) = (file.to_str().unwrap(), message.to_str().unwrap());
    home.run(&[&["run", file, "--message", message], further].concat())
}

#[test]
fn run_tells_each_outcome_by_word_and_exit_code() {
    let home = keeping();
    for (message, outcome, code, status) in [
        (adt("A", "1001"), "accepted", 0, 200),
        (oru("A", "1001"), "filtered", 0, 200),
        ("no HL7".to_owned(), "rejected", 1, 400),
        ("MSH||1\r".to_owned(), "rejected", 1, 200),
    ] {
        let ran = run(&home, &message, &["--json"]);
        let record = ran.json();
        assert_eq!(record["outcome"], outcome, "{record:#}");
        assert_eq!((ran.code, record["response"]["status"].as_i64()), (Some(code), Some(status)));
        assert_eq!(record["error"].is_null(), code == 0, "{record:#}");
        let shown = run(&home, &message, &[]);
        assert_eq!(shown.code, Some(code));
        assert!(shown.stdout.starts_with(&format!("outcome: {outcome}")), "{shown:?}");
    }
    home.plugin("trap", guest("trap"));
    home.workflow("one", &Workflow::new("One", "in").variables(vec![custom("Test.Trap")]).build());
    let ran = run(&home, &adt("A", "1"), &["--json"]);
    let record = ran.json();
    assert_eq!((record["outcome"].as_str(), ran.code), (Some("failed"), Some(1)), "{record:#}");
    assert_eq!(record["error"]["fault"], "plugin");
    assert!(record["error"]["where"].as_str().unwrap().contains("trap"), "{record:#}");
}

#[test]
fn run_shows_what_it_would_do_and_does_it_only_live() {
    let home = keeping();
    let message = adt("A", "1001");
    let record = run(&home, &message, &["--json", "--var", "Extra=7"]).json();
    assert_eq!(record["activities"][0]["name"], "Archive");
    assert_eq!(record["activities"][0]["message"], json!(message));
    assert_eq!(record["variables"]["Mrn"], "1001");
    assert_eq!(record["variables"]["Extra"], "7");
    assert_eq!(home.read("out/kept.hl7"), None, "only shown");
    let live = run(&home, &message, &["--json", "--live"]);
    assert_eq!(live.json()["outcome"], "accepted");
    assert_eq!(home.read("out/kept.hl7"), Some(format!("{message}\n")));
}

#[test]
fn run_refuses_a_broken_workflow_and_a_missing_message_with_their_reasons() {
    let home = keeping();
    let missing = home.path("nowhere");
    let file = home.path("workflows/one.hl7Workflow");
    let ran = home.run(&["run", file.to_str().unwrap(), "--message", missing.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("nowhere"), "{ran:?}");
    home.write("workflows/one.hl7Workflow", "{");
    let ran = run(&home, "MSH|^~\\&|A\r", &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("WF007") && ran.stdout.contains("was not run"), "{ran:?}");
}

#[test]
fn plugins_are_listed_and_say_what_they_ask_for() {
    let home = keeping();
    home.plugin("slow-activity", guest("slow-activity"));
    let listed = home.run(&["plugin", "list"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    for name in ["filter", "transformer", "file-writer", "slow-activity"] {
        assert!(listed.stdout.contains(name), "{}", listed.stdout);
    }
    let inspected = home.run(&["plugin", "inspect", "slow-activity"]);
    assert!(inspected.stdout.contains("Test.SlowActivitySetting"), "{inspected:?}");
    assert!(inspected.stdout.contains("wasi:filesystem"), "{inspected:?}");
    assert!(inspected.stdout.contains("[plugins.slow-activity]"), "{inspected:?}");
}

#[test]
fn send_shows_the_acknowledgement_and_fails_without_trust() {
    let home = keeping();
    let server = home.serve();
    let message = home.write("message", adt("S1", "1001"));
    let url = format!("https://localhost:{}/in", server.socket().port());
    let certificate = home.path("certificates/default/certificate.pem");
    let (message, certificate) = (message.to_str().unwrap(), certificate.to_str().unwrap());
    let sent = program::run(["send", &url, message, "--cacert", certificate]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert!(sent.stdout.contains("MSA|AA|S1"), "{sent:?}");
    let distrusted = program::run(["send", &url, message]);
    assert_eq!(distrusted.code, Some(1), "{distrusted:?}");
    assert!(distrusted.said().contains("certificate"), "{distrusted:?}");
    let options = ["--cacert", certificate, "--count", "200", "--concurrency", "8", "--json"];
    let many = program::run(["send", &url, message].into_iter().chain(options));
    assert_eq!(many.code, Some(0), "{many:?}");
    drop(many.json());
    let kept = home.read("out/kept.hl7").unwrap();
    assert_eq!(kept.matches("MSH|").count(), 201);
    server.stop();
}

#[test]
fn the_demo_ends_well() {
    let ran = program::run(["demo", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("MSA|AA|"), "{ran:?}");
    assert!(ran.stdout.contains("MSA|AR|"), "{ran:?}");
}

#[test]
fn printed_commands_can_be_typed_whatever_the_folder_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |arguments: &[&str]| {
        let mut command = program::command(arguments);
        command.current_dir(folder.path()).env("TUREEN_HOME", folder.path().join("other"));
        let ran = program::run_command(command);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout
    };
    let made = in_folder(&["init", "home with \u{fc} space"]);
    assert!(made.contains("serve --home 'home with \u{fc} space'\n"), "{made}");
    let certificate = "'home with \u{fc} space/certificates/default/certificate.pem'\n";
    assert!(made.contains(&format!("--cacert {certificate}")), "{made}");
    let new = ["plugin", "new", "acme", "--kind", "filter", "--directory"];
    for (directory, word) in
        [("dir with spaces", "'dir with spaces'"), ("it's", r"'it'\''s'"), ("plain", "plain")]
    {
        let made = in_folder(&[&new[..], &[directory]].concat());
        assert!(made.contains(&format!("  cd {word}\n")), "{made}");
    }
    // `init` makes its home where its argument says.
    assert!(!folder.path().join("other").exists());
}
