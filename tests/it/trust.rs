//! Which plugin files run: pins, signatures, and what the audit log says.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::actions::custom;
use crate::harness::guests::guest;
use crate::harness::messages::adt;
use crate::harness::minisign::Signer;
use crate::harness::openssl;
use crate::harness::wait::{wait_for, wait_until_equal};
use crate::harness::{Home, Server, Workflow};

/// The marker guest with another text in it: another file of the same plugin.
fn marker(text: &str) -> Vec<u8> {
    let mut bytes = guest("marker").to_vec();
    let original = b"marker-version-1";
    assert_eq!(text.len(), original.len());
    let at = bytes.windows(original.len()).position(|window| window == original).unwrap();
    bytes[at..at + original.len()].copy_from_slice(text.as_bytes());
    bytes
}

fn sha256(bytes: &[u8]) -> String {
    openssl::digest("-sha256", bytes)
}

/// A home whose workflow answers with the marker of the plugin that runs.
fn marked(further: &str) -> Home {
    let home = Home::and(further);
    let workflow = Workflow::new("Marked", "in")
        .variables(vec![custom("Test.Marker")])
        .responding("MSH|^~\\&|T\rMSA|AA|${Marker}\r");
    home.workflow("one", &workflow.build());
    home
}

fn answered(server: &Server) -> String {
    server.http1().post("/in", adt("T1", "1")).msa(2)
}

fn configure(home: &Home, from: &str, to: &str) {
    let config = home.read("tureen.toml").unwrap();
    assert!(config.contains(from), "{config}");
    home.replace("tureen.toml", config.replace(from, to));
}

/// The audit log's lines of one event.
fn audited(home: &Home, event: &str) -> Vec<Value> {
    let text = home.read("data/audit.log").unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["event"] == event).collect()
}

fn audited_of(home: &Home, event: &str, plugin: &str) -> Vec<Value> {
    audited(home, event).into_iter().filter(|line| line["plugin"] == plugin).collect()
}

#[test]
fn a_changed_file_without_a_changed_pin_is_refused_and_the_version_before_goes_on() {
    let (first, second) = (marker("marker-version-1"), marker("marker-version-2"));
    let home = marked(&format!("[plugins.marker]\nsha256 = \"{}\"\n", sha256(&first)));
    home.plugin("marker", &first);
    let server = home.serve();
    assert_eq!(answered(&server), "marker-version-1");

    home.replace("plugins/marker.wasm", &second);
    server.wait_for_log("WF120");
    server.wait_for_log("the version before goes on");
    assert_eq!(answered(&server), "marker-version-1");
    // A workflow that is saved meanwhile still finds the plugin.
    let workflow = Workflow::new("Second", "second")
        .variables(vec![custom("Test.Marker")])
        .responding("MSH|^~\\&|T\rMSA|AA|${Marker}\r");
    home.workflow("two", &workflow.build());
    server.wait_for_log("workflow=\"Second\" url=");

    configure(&home, &sha256(&first), &sha256(&second));
    wait_until_equal("the new pin", &"marker-version-2".to_owned(), || answered(&server));
    server.stop();
    let changed = audited_of(&home, "changed", "marker");
    assert_eq!(changed.len(), 1, "{changed:#?}");
    assert_eq!(changed[0]["before"], sha256(&first));
    assert_eq!(changed[0]["sha256"], sha256(&second));
    let refused = audited(&home, "refused");
    assert_eq!(refused.len(), 1, "{refused:#?}");
    assert!(refused[0]["reason"].as_str().unwrap().contains(&sha256(&second)), "{refused:#?}");
}

#[test]
fn a_file_that_is_not_the_pinned_one_does_not_run_at_start() {
    let home = marked(&format!("[plugins.marker]\nsha256 = \"{}\"\n", "0".repeat(64)));
    home.plugin("marker", guest("marker"));
    let server = home.serve();
    assert!(server.addresses().is_empty(), "{}", server.said());
    server.wait_for_log("WF120");
    server.stop();
    let listed = home.run(&["plugin", "list"]);
    assert_eq!(listed.code, Some(1), "{listed:?}");
    assert!(listed.stdout.contains("WF120"), "{listed:?}");
    let file = home.path("plugins/marker.wasm");
    let inspected = home.run(&["plugin", "inspect", file.to_str().unwrap()]);
    assert_eq!(inspected.code, Some(1), "{inspected:?}");
    assert!(inspected.stdout.contains("NOT TRUSTED: another digest is pinned"), "{inspected:?}");
}

#[test]
fn a_second_file_with_the_name_never_takes_it() {
    let home = marked("");
    home.plugin("marker", &marker("marker-version-1"));
    let server = home.serve();
    assert_eq!(answered(&server), "marker-version-1");
    // Of the names of files this one comes first.
    home.plugin("another", &marker("marker-version-2"));
    server.wait_for_log("WF085");
    assert_eq!(answered(&server), "marker-version-1");
    server.stop();
    assert_eq!(audited_of(&home, "changed", "marker"), Vec::<Value>::new());

    // Nothing tells which was first: neither gets the name, until a pin says which.
    let server = home.serve();
    assert!(server.addresses().is_empty(), "{}", server.said());
    let log = server.stop();
    let told = log.lines().filter(|line| line.contains("error[WF085]"));
    assert_eq!(told.filter(|line| line.contains("neither is used")).count(), 2, "{log}");
    let first = sha256(&marker("marker-version-1"));
    let config = home.read("tureen.toml").unwrap();
    home.replace("tureen.toml", format!("{config}\n[plugins.marker]\nsha256 = \"{first}\"\n"));
    let server = home.serve();
    assert_eq!(answered(&server), "marker-version-1");
    server.stop();
}

#[test]
fn a_pin_that_forbids_what_runs_stops_it() {
    let first = sha256(&marker("marker-version-1"));
    let home = marked(&format!("[plugins.marker]\nsha256 = \"{first}\"\n"));
    home.plugin("marker", &marker("marker-version-1"));
    home.workflow("two", &Workflow::new("Two", "two").build());
    let server = home.serve();
    assert_eq!(answered(&server), "marker-version-1");
    configure(&home, &first, &"0".repeat(64));
    server.wait_for_log("the workflow is stopped");
    assert_eq!(server.http1().post("/in", adt("T1", "1")).status, 503);
    configure(&home, &"0".repeat(64), &first);
    server.wait_for_log("the plugins changed");
    wait_for("the workflow", || {
        (server.http1().post("/in", adt("T1", "1")).status == 200).then_some(())
    });
    assert_eq!(answered(&server), "marker-version-1");
    server.stop();
}

#[test]
fn where_signatures_are_required_only_signed_plugins_run() {
    let (vendor, stranger) = (Signer::new(1), Signer::new(2));
    let trust = format!("[trust]\nkeys = [\"{}\"]\nrequire_signatures = true\n", vendor.public());
    let home = marked(&trust);
    let first = marker("marker-version-1");
    home.plugin("marker", &first);
    let server = home.serve();
    assert!(server.addresses().is_empty(), "unsigned: {}", server.said());
    server.wait_for_log("it has no signature");

    home.replace("plugins/marker.wasm.minisig", stranger.sign(&first, "hello"));
    server.wait_for_log("by none of the keys");
    home.replace("plugins/marker.wasm.minisig", "not a signature");
    server.wait_for_log("none of minisign's");
    home.replace("plugins/marker.wasm.minisig", "x".repeat(5_000));
    server.wait_for_log("more than 4096 bytes");
    home.replace("plugins/marker.wasm.minisig", vendor.sign(b"another file", "hello"));
    server.wait_for_log("does not fit the file");

    home.replace("plugins/marker.wasm.minisig", vendor.sign(&first, "marker 1.0.0"));
    server.wait_for_log("receives");
    server.stop();

    // A restart judges the same; a file that is changed afterwards does not run.
    let server = home.serve();
    assert_eq!(answered(&server), "marker-version-1");
    home.replace("plugins/marker.wasm", marker("marker-version-2"));
    server.wait_for_log("the version before goes on");
    assert_eq!(answered(&server), "marker-version-1");
    home.replace(
        "plugins/marker.wasm.minisig",
        vendor.sign(&marker("marker-version-2"), "marker 2"),
    );
    wait_until_equal("the signed file", &"marker-version-2".to_owned(), || answered(&server));
    server.stop();
    let inspected = home.run(&["plugin", "inspect", "marker", "--json"]).json();
    assert_eq!(inspected["trust"], "signed");
    assert!(inspected["signature"].as_str().unwrap().contains("(marker 2)"), "{inspected:#}");
}

#[test]
fn a_bad_signature_is_refused_even_where_none_is_required() {
    let vendor = Signer::new(1);
    let home = marked(&format!("[trust]\nkeys = [\"{}\"]\n", vendor.public()));
    home.plugin("marker", guest("marker"));
    home.write("plugins/marker.wasm.minisig", vendor.sign(b"another file", "hello"));
    let server = home.serve();
    assert!(server.addresses().is_empty(), "{}", server.said());
    server.wait_for_log("WF121");
    fs::remove_file(home.path("plugins/marker.wasm.minisig")).unwrap();
    server.wait_for_log("receives");
    server.stop();
}

#[test]
fn every_install_change_and_grant_is_told_once_in_the_audit_log_across_restarts() {
    let home = marked("");
    let first = marker("marker-version-1");
    home.plugin("marker", &first);
    let server = home.serve();
    assert_eq!(answered(&server), "marker-version-1");
    let installed = audited_of(&home, "installed", "marker");
    assert_eq!(installed.len(), 1, "{installed:#?}");
    assert_eq!(installed[0]["occasion"], "start");
    assert_eq!(installed[0]["sha256"], sha256(&first));
    assert_eq!(audited_of(&home, "loaded", "marker").len(), 1);
    let writer = audited_of(&home, "installed", "file-writer");
    let granted = writer[0]["granted"].to_string();
    assert!(granted.contains("read and write below") && granted.contains("/out"), "{granted}");

    let further = "[plugins.marker]\nenvironment = [\"PATH\"]\ntables = [\"wards\"]\n";
    configure(&home, "[plugins.file-writer]", &format!("{further}[plugins.file-writer]"));
    let grants = wait_for("the change of grants", || audited_of(&home, "grants", "marker").pop());
    assert_eq!(grants["occasion"], "reload");
    let told = ["read the table wards", "read the variable PATH"];
    assert_eq!(grants["granted"], serde_json::json!(told));
    let log = home.read("data/audit.log").unwrap();
    assert!(!log.contains(&std::env::var("PATH").unwrap()), "a value is in the log");
    server.stop();

    // What changed while no server ran is told by the next one, and only that.
    configure(&home, "tables = [\"wards\"]\n", "");
    home.plugin("marker", &marker("marker-version-2"));
    let server = home.serve();
    assert_eq!(answered(&server), "marker-version-2");
    let changed = audited_of(&home, "changed", "marker");
    assert_eq!((changed.len(), &changed[0]["occasion"]), (1, &Value::from("start")));
    let grants = audited_of(&home, "grants", "marker");
    assert_eq!(grants[1]["withdrawn"], serde_json::json!(["read the table wards"]));
    assert_eq!(audited_of(&home, "installed", "marker").len(), 1);
    fs::remove_file(home.path("plugins/marker.wasm")).unwrap();
    wait_for("the removal", || audited_of(&home, "removed", "marker").pop());
    server.stop();
    let mode = fs::metadata(home.path("data/audit.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Looking changes nothing.
    let before = home.read("data/audit.log");
    home.run(&["plugin", "list"]);
    assert_eq!(home.read("data/audit.log"), before);
}

#[test]
fn an_audit_log_that_cannot_be_written_is_told_and_stops_nobody() {
    let home = marked("");
    home.plugin("marker", guest("marker"));
    home.write("data", "no folder");
    let server = home.serve();
    server.wait_for_log("WF125");
    assert_eq!(answered(&server), "marker-version-1");
    server.stop();
}
