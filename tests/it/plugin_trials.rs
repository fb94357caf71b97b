//! `tureen plugin test`: what a plugin does to one message, under the limits and
//! grants of a server.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::Home;
use crate::harness::actions::custom;
use crate::harness::guests::{CORE_MODULE, guest, of_another_contract};
use crate::harness::messages::{adt, oru};
use crate::harness::minisign::Signer;
use crate::harness::openssl;
use crate::harness::program::Ran;

/// Runs it in a home with the guest `name` beside it, not installed.
fn try_file(home: &Home, name: &str, further: &[&str]) -> Ran {
    let file = home.write(&format!("{name}.wasm"), guest(name));
    try_plugin(home, file.to_str().unwrap(), further)
}

fn try_plugin(home: &Home, plugin: &str, further: &[&str]) -> Ran {
    let message = home.path("message.hl7");
    if !message.exists() {
        fs::write(&message, adt("A", "1001")).unwrap();
    }
    home.run(
        &[&["plugin", "test", plugin, "--message", message.to_str().unwrap()], further].concat(),
    )
}

fn settings(home: &Home, settings: &Value) -> String {
    home.write("settings.json", settings.to_string()).to_str().unwrap().to_owned()
}

#[test]
fn variables_and_figures_are_shown_against_the_limits() {
    let home = Home::with("[plugins.marker]\nhost_calls = 77\n");
    let ran = try_file(&home, "marker", &["--var", "Before=1"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for said in [
        "marker 1.0.0 (transformer)",
        "result: unchanged",
        "Marker = \"marker-version-1\"",
        "1 host calls of 77",
        "running of 1s",
        "instance: fresh for each",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {ran:?}");
    }
    assert!(!ran.stdout.contains("Before"), "what did not change is not shown: {ran:?}");
    let shown = try_file(&home, "marker", &["--json"]).json();
    assert_eq!(shown["outcome"], "unchanged");
    assert_eq!(shown["variables"], json!({ "Marker": "marker-version-1" }));
    assert_eq!(
        (&shown["used"]["hostCalls"], &shown["limits"]["hostCalls"]),
        (&json!(1), &json!(77))
    );
    assert!(shown["used"]["memoryBytes"].as_u64().unwrap() >= 65_536, "{shown:#}");
    assert_eq!(shown["message"], adt("A", "1001"));
}

#[test]
fn what_breaks_down_is_explained_and_ends_with_1() {
    let home = Home::new();
    // Only the limit that is meant is met, however busy the machine is.
    let patient = ["--set", "call_time_milliseconds = 60_000"];
    let slow = ["--set", "running_time_milliseconds = 60_000"];
    for (name, line, code, help) in [
        ("trap", "log_lines = 3", "plugin.trap", "repeat the case in a native test"),
        (
            "loop-forever",
            "running_time_milliseconds = 50",
            "plugin.time",
            "a loop that does not end",
        ),
        (
            "allocate-forever",
            "memory_bytes = 4_000_000",
            "plugin.memory",
            "memory_bytes is the limit",
        ),
        ("marker", "host_calls = 1", "", ""),
        ("stateful", "host_calls = 1", "plugin.host-calls", "ask for whole segments"),
    ] {
        let mut further = [&patient[..], &["--set", line]].concat();
        if code != "plugin.time" {
            further.extend(slow);
        }
        let ran = try_file(&home, name, &further);
        let shown = try_file(&home, name, &[&further[..], &["--json"]].concat());
        let failed = i32::from(!code.is_empty());
        assert_eq!((ran.code, shown.code), (Some(failed), Some(failed)), "{name}: {ran:?}");
        if failed == 0 {
            continue;
        }
        assert!(ran.stdout.contains(&format!("result: failed, {code}")), "{name}: {ran:?}");
        assert!(ran.stdout.contains(help), "{name}: {ran:?}");
        let shown = shown.json();
        assert_eq!((&shown["outcome"], &shown["error"]["code"]), (&json!("failed"), &json!(code)));
        assert_eq!(shown["changes"], json!([]));
    }
    let ran = try_file(&home, "trap", &["--set", "log_lines = 3"]);
    assert!(ran.stdout.contains("debug a third party's line with 1001"), "{ran:?}");
    assert!(ran.stdout.contains("log lines over the limits of 3 lines"), "{ran:?}");
    assert!(!ran.stdout.contains("a panic with"), "{ran:?}");
    assert!(ran.stdout.contains("    in "), "functions are named: {ran:?}");
}

#[test]
fn a_run_that_differs_from_the_first_is_found() {
    let home = Home::new();
    let fresh = try_file(&home, "stateful", &["--repeat", "5"]);
    assert_eq!(fresh.code, Some(0), "{fresh:?}");
    assert!(fresh.stdout.contains("in the middle of 5 runs"), "{fresh:?}");
    let kept = try_file(&home, "stateful", &["--repeat", "5", "--set", "reuse = true"]);
    assert_eq!(kept.code, Some(1), "{kept:?}");
    assert!(kept.stdout.contains("NOT THE SAME: 4 of 5 runs"), "{kept:?}");
    let shown = try_file(&home, "stateful", &["--repeat", "5", "--set", "reuse = true", "--json"]);
    assert_eq!(shown.json()["differingRuns"], json!([2, 3, 4, 5]));
}

#[test]
fn an_activity_lives_its_life_and_reaches_what_it_is_granted() {
    let home = Home::with("");
    let respond = json!({
        "$type": "Test.SlowActivitySetting",
        "WaitForFile": "there", "Response": "MSH|^~\\&|A|B\rMSA|AA|7\r",
    });
    let settings = settings(&home, &respond);
    let refused = try_file(&home, "slow-activity", &["--settings", &settings]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for said in ["error[WF083]", "--grant-directory", "[plugins.slow-activity]", "directories = ["]
    {
        assert!(refused.stdout.contains(said), "{said}: {refused:?}");
    }
    home.write("out/there", "");
    let granted = home.path("out");
    let granted = granted.to_str().unwrap();
    let expected = home.write("expected", "MSH|^~\\&|A|B\nMSA|AA|7\n");
    let expected = expected.to_str().unwrap();
    let arguments = ["--settings", &settings, "--grant-directory", granted];
    let ran = try_file(&home, "slow-activity", &[&arguments[..], &["--expect", expected]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for said in ["result: performed", "    MSA|AA|7", "life: open ", "all-succeeded ", "close "] {
        assert!(ran.stdout.contains(said), "{said}: {ran:?}");
    }
    assert!(ran.stdout.contains(&format!("granted: read below {granted}")), "{ran:?}");
    assert!(ran.stdout.contains("as expected"), "{ran:?}");
    let nothing = home.write("expected", "");
    let further = [&arguments[..], &["--expect", nothing.to_str().unwrap(), "--json"]].concat();
    let other = try_file(&home, "slow-activity", &further);
    assert_eq!(other.code, Some(1), "{other:?}");
    assert_eq!(other.json()["unexpected"].as_array().map(Vec::is_empty), Some(false));
}

#[test]
fn standard_plugins_are_tried_by_name_with_the_grants_of_the_home() {
    let home = Home::new();
    let writer =
        json!({ "$type": "FileWriter", "FilePathToWrite": "kept.hl7", "MaxRecordsPerFile": 9 });
    let ran = try_plugin(&home, "file-writer", &["--settings", &settings(&home, &writer)]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(home.read("out/kept.hl7"), Some(adt("A", "1001") + "\n"));
    let filter = json!({ "$type": "Filter", "Filters": crate::harness::actions::only_adt() });
    // The conditions name a receiver; in a trial it has another id.
    let filter = filter
        .to_string()
        .replace(crate::harness::workflow::RECEIVER_ID, "b0000000-0000-4000-8000-000000000001");
    let filter = home.write("settings.json", filter);
    let filter = filter.to_str().unwrap().to_owned();
    let pass = home.write("expected", "pass\n");
    let arguments = ["--settings", &filter, "--expect", pass.to_str().unwrap()];
    let passed = try_plugin(&home, "filter", &arguments);
    assert_eq!(passed.code, Some(0), "{passed:?}");
    home.write("message.hl7", oru("A", "1001"));
    let stopped = try_plugin(&home, "filter", &arguments);
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert!(stopped.stdout.contains("result: stop, "), "{stopped:?}");
    assert!(stopped.stdout.contains("NOT AS EXPECTED"), "{stopped:?}");
}

#[test]
fn settings_that_call_other_plugins_find_them_in_the_home() {
    let home = Home::new();
    let calls = json!({ "$type": "Transformers", "Transformers": [custom("Test.Marker")] });
    let file = settings(&home, &calls);
    let refused = try_plugin(&home, "transformer", &["--settings", &file]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("error[WF080]"), "{refused:?}");
    assert!(refused.stdout.contains("settings.json:1:"), "its place is told: {refused:?}");
    home.plugin("marker", guest("marker"));
    let ran = try_plugin(&home, "transformer", &["--settings", &file]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("uses: the transformer Test.Marker of marker"), "{ran:?}");
    assert!(ran.stdout.contains("Marker = \"marker-version-1\""), "{ran:?}");
}

#[test]
fn a_file_takes_the_place_of_the_installed_one_of_its_name() {
    let home = Home::and("[plugins.marker]\nlog_lines = 5\n");
    home.plugin("marker", guest("marker"));
    let shown = try_file(&home, "marker", &["--json"]).json();
    assert_eq!(shown["limits"]["logLines"], 5, "the table of its name counts: {shown:#}");
    assert_eq!(try_plugin(&home, "marker", &[]).code, Some(0), "by name, too");
}

#[test]
fn what_cannot_be_tried_ends_with_2_and_says_why() {
    let home = Home::new();
    let marker = home.write("marker.wasm", guest("marker"));
    let marker = marker.to_str().unwrap();
    let core = home.write("core.wasm", CORE_MODULE);
    let other = home.write("other.wasm", of_another_contract("marker"));
    let text = home.write("text.wasm", "no wasm");
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let settings = settings(&home, &json!({ "A": 1 }));
    let nothing = path(&home.path("nothing"));
    let (empty, blank) = (path(&home.write("empty", "")), path(&home.write("blank", " \n")));
    for (plugin, further, said) in [
        ("nobody", &[][..], "no plugin and no file is called \"nobody\""),
        (path(&core).as_str(), &[], "it is a core module"),
        (path(&other).as_str(), &[], "version 9.9.9 of the plugin contract"),
        (path(&text).as_str(), &[], "not WebAssembly"),
        (marker, &["--settings", nothing.as_str()], "cannot be read"),
        (marker, &["--settings", marker], "error[WF0"),
        (marker, &["--settings", &empty], "empty are empty: the settings of a step are one JSON"),
        (marker, &["--settings", &blank], "blank are empty: the settings of a step are one JSON"),
        (marker, &["--parameter", "A=1", "--parameter", "a=2"], "--parameter gives a twice"),
        (marker, &["--set", "log_lines = 1", "--set", "log_lines = 2"], "gives log_lines twice"),
        (marker, &["--expect", &nothing], "what is expected"),
        (marker, &["--type", "json"], "cannot be read as json"),
        (marker, &["--type", "fhir"], "invalid value 'fhir'"),
        (marker, &["--repeat", "0"], "invalid value '0'"),
        (marker, &["--set", "host_calls = \"x\""], "[plugins.marker] is refused"),
        (marker, &["--grant-directory", &nothing], "cannot be granted"),
        (marker, &["--settings", &settings, "--parameter", "A=1"], "cannot be used with"),
        ("file-writer", &["--parameter", "A=1"], "only a transformer has parameters"),
        ("filter", &["--role", "custom"], "--role is for transformers"),
    ] {
        let ran = try_plugin(&home, plugin, further);
        assert_eq!(ran.code, Some(2), "{plugin} {further:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    }
}

/// A trial that is refused with this diagnosis, and in which nothing was run.
fn refused_as(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for words in words.iter().chain(&["result: refused; it was not run"]) {
        assert!(ran.stdout.contains(words), "{words}: {ran:?}");
    }
    assert!(!ran.stdout.contains("marker-version-1"), "{ran:?}");
}

#[test]
fn a_file_that_the_home_does_not_trust_is_not_tried() {
    let marker = guest("marker");
    let digest = openssl::digest("-sha256", marker);
    let pinned = format!("[plugins.marker]\nsha256 = \"{}\"\n", "0".repeat(64));
    let home = Home::with(&pinned);
    let reason = format!("plugins.marker.sha256 is {}, the file's is ", "0".repeat(64));
    let wrong_pin = ["error[WF120]: this file is not trusted: ", reason.as_str(), "marker.wasm"];
    refused_as(&try_file(&home, "marker", &[]), &wrong_pin);
    let shown = try_file(&home, "marker", &["--json"]).json();
    assert_eq!((&shown["outcome"], &shown["good"]), (&json!("refused"), &json!(false)));
    assert_eq!(shown["refused"][0]["code"], "WF120");
    // Nor the one in plugins/ that the home itself leaves out.
    home.plugin("marker", marker);
    refused_as(&try_plugin(&home, "marker", &[]), &wrong_pin);
    // The right digest, for this trial.
    let right = format!("sha256 = \"{}\"", digest.to_uppercase());
    let ran = try_file(&home, "marker", &["--set", &right]);
    assert_eq!(ran.code, Some(0), "{ran:?}");

    // A wrong one for this trial, of a file beside a home and of an installed one.
    let home = Home::new();
    let wrong =
        ["--set", "sha256 = \"1111111111111111111111111111111111111111111111111111111111111111\""];
    refused_as(&try_file(&home, "marker", &wrong), &["error[WF120]"]);
    home.plugin("marker", marker);
    refused_as(&try_plugin(&home, "marker", &wrong), &["error[WF120]"]);
}

#[test]
fn where_signatures_are_required_only_signed_files_are_tried() {
    let (vendor, stranger) = (Signer::new(1), Signer::new(2));
    let trust = format!("[trust]\nkeys = [\"{}\"]\nrequire_signatures = true\n", vendor.public());
    let home = Home::with(&trust);
    let marker = guest("marker");
    refused_as(&try_file(&home, "marker", &[]), &["error[WF121]", "it has no signature"]);
    home.write("marker.wasm.minisig", stranger.sign(marker, "hello"));
    refused_as(&try_file(&home, "marker", &[]), &["error[WF121]", "none of the keys in [trust]"]);
    home.write("marker.wasm.minisig", vendor.sign(b"another file", "hello"));
    refused_as(&try_file(&home, "marker", &[]), &["error[WF121]", "does not fit the file"]);
    home.write("marker.wasm.minisig", vendor.sign(marker, "hello"));
    let ran = try_file(&home, "marker", &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // What is part of the program needs none.
    let filter = settings(&home, &json!({ "$type": "Filter", "Filters": [] }));
    let ran = try_plugin(&home, "filter", &["--settings", &filter]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}
