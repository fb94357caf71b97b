//! Saving files while messages flow: nobody is refused, every answer comes from
//! one whole version, and a broken file changes nothing.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::harness::actions::{custom, set_variable, set_variable_to};
use crate::harness::guests::guest;
use crate::harness::home::{workflow_file, workflow_text};
use crate::harness::messages::adt;
use crate::harness::wait::{wait_for, wait_until_equal};
use crate::harness::{Home, Http1, Server, Workflow};

/// Answers with its version, once from its template and once from its variables.
pub(crate) fn version(number: usize) -> Value {
    versioned("Versioned", "in", number)
}

fn versioned(name: &str, service: &str, number: usize) -> Value {
    Workflow::new(name, service)
        .variables(vec![
            set_variable("Control", "MSH-10"),
            set_variable_to("Version", &number.to_string()),
        ])
        .responding(&format!("MSH|^~\\&|T\rMSA|AA|${{Control}}|{number}|${{Version}}\r"))
        .build()
}

/// The version that answers now.
fn live_version(http: &mut Http1) -> String {
    http.post("/in", adt("V", "1")).msa(3)
}

fn serving_first_version() -> (Home, Server) {
    let home = Home::new();
    home.workflow("one", &version(1));
    let server = home.serve();
    (home, server)
}

#[test]
fn a_save_in_the_moment_of_the_start_is_not_lost() {
    for _ in 0..8 {
        let (home, server) = serving_first_version();
        home.workflow("one", &version(2));
        let mut http = server.http1();
        let what = "a file that was saved right after `ready`";
        wait_until_equal(what, &"2".to_owned(), || live_version(&mut http));
    }
}

#[test]
fn every_way_of_saving_is_noticed() {
    let (home, server) = serving_first_version();
    let mut http = server.http1();
    assert_eq!(live_version(&mut http), "1");
    let file = workflow_file("one");
    let mut saved = 1;
    let mut check = |how: &str, save: &dyn Fn(&str)| {
        saved += 1;
        save(&workflow_text(&version(saved)));
        wait_until_equal(how, &saved.to_string(), || live_version(&mut http));
    };
    check("writing in place", &|text| drop(home.write(&file, text)));
    check("a renamed file", &|text| home.replace(&file, text));
    check("a renamed file from outside the folder", &|text| {
        fs::rename(home.write("outside", text), home.path(&file)).unwrap();
    });
    check("delete and write anew", &|text| {
        fs::remove_file(home.path(&file)).unwrap();
        home.write(&file, text);
    });
    check("a backup beside it, as editors make it", &|text| {
        fs::rename(home.path(&file), home.path(&format!("{file}~"))).unwrap();
        home.write(&file, text);
    });
    check("a link instead of the file", &|text| {
        home.write("first", text);
        symlink("../first", home.path("workflows/link")).unwrap();
        fs::rename(home.path("workflows/link"), home.path(&file)).unwrap();
    });
    check("the link leads elsewhere", &|text| {
        home.write("second", text);
        symlink("../second", home.path("workflows/link")).unwrap();
        fs::rename(home.path("workflows/link"), home.path(&file)).unwrap();
    });
    check("a swapped directory of data, as orchestrators do", &|text| {
        fs::create_dir(home.path("workflows/..a")).unwrap();
        home.write("workflows/..a/one", text);
        symlink("..a", home.path("workflows/..data")).unwrap();
        symlink("..data/one", home.path("workflows/link")).unwrap();
        fs::rename(home.path("workflows/link"), home.path(&file)).unwrap();
    });
    check("the data is swapped again", &|text| {
        fs::create_dir(home.path("workflows/..b")).unwrap();
        home.write("workflows/..b/one", text);
        symlink("..b", home.path("workflows/..new")).unwrap();
        fs::rename(home.path("workflows/..new"), home.path("workflows/..data")).unwrap();
    });
    check("the whole folder was deleted and made anew", &|text| {
        fs::remove_dir_all(home.path("workflows")).unwrap();
        fs::create_dir(home.path("workflows")).unwrap();
        home.write(&file, text);
    });
    check("and is watched again", &|text| drop(home.write(&file, text)));
    check("another folder in its place", &|text| {
        fs::create_dir(home.path("prepared")).unwrap();
        home.write("prepared/one.hl7Workflow", text);
        fs::rename(home.path("workflows"), home.path("old")).unwrap();
        fs::rename(home.path("prepared"), home.path("workflows")).unwrap();
    });
    check("which is watched too", &|text| drop(home.write(&file, text)));
    server.stop();
}

#[test]
fn while_the_folder_is_gone_what_runs_goes_on() {
    let (home, server) = serving_first_version();
    let mut http = server.http1();
    fs::remove_dir_all(home.path("workflows")).unwrap();
    server.wait_for_log("the workflow folder cannot be read");
    assert_eq!(live_version(&mut http), "1");
    assert_eq!(live_version(&mut server.http1()), "1");
    server.stop();
}

#[test]
fn a_new_file_is_live_and_a_deleted_one_is_not_found() {
    let (home, server) = serving_first_version();
    let other = workflow_file("other");
    let status = |path: &str| server.http1().post(path, adt("N", "1")).status;
    assert_eq!(status("/other"), 404);
    home.write(&other, workflow_text(&versioned("Other", "other", 1)));
    wait_until_equal("the new workflow", &200, || status("/other"));
    fs::remove_file(home.path(&other)).unwrap();
    wait_until_equal("the end of the deleted workflow", &404, || status("/other"));
    home.write(&other, workflow_text(&versioned("Other", "elsewhere", 1)));
    wait_until_equal("the workflow at its new address", &200, || status("/elsewhere"));
    assert_eq!(status("/other"), 404);
    assert_eq!(status("/in"), 200);
    server.stop();
}

#[test]
fn a_disabled_receiver_stops_and_an_enabled_one_starts() {
    let (home, server) = serving_first_version();
    let keeps_the_port = versioned("Other", "other", 1);
    home.workflow("other", &keeps_the_port);
    let status = |path: &str| server.http1().post(path, adt("N", "1")).status;
    wait_until_equal("the other workflow", &200, || status("/other"));
    let mut disabled = version(2);
    disabled["WorkflowPattern"][0]["Disabled"] = true.into();
    home.workflow("one", &disabled);
    wait_until_equal("the end of the disabled workflow", &503, || status("/in"));
    assert_eq!(server.http1().request("HEAD", "/in", "").status, 503, "health tells it too");
    home.workflow("one", &version(3));
    wait_until_equal("the enabled workflow", &200, || status("/in"));
    server.stop();
}

/// Files that are not taken, and what the log says of each.
fn broken() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = workflow_text(&version(9));
    let mut lost_link = version(9);
    lost_link["WorkflowPattern"][0]["VariableTransformers"] =
        "00000000-1111-4222-8333-444444444444".into();
    let mut no_plugin = version(9);
    no_plugin["WorkflowPattern"][1]["$type"] = "Nobody.Knows, Test".into();
    vec![
        ("half a file", good.as_bytes()[..good.len() / 2].to_vec(), "WF007"),
        ("an empty file", Vec::new(), "WF002"),
        ("zeros", vec![0; 4096], "WF005"),
        ("no JSON", b"Name: Versioned\n".to_vec(), "WF007"),
        (
            "no UTF-8",
            good.replace("Versioned", "\u{1}")
                .into_bytes()
                .into_iter()
                .map(|byte| if byte == 1 { 0xff } else { byte })
                .collect(),
            "WF00",
        ),
        ("another JSON", b"{\"a\": 1}".to_vec(), "WF009"),
        ("a link to nothing", workflow_text(&lost_link).into_bytes(), "WF030"),
        ("a class that nobody knows", workflow_text(&no_plugin).into_bytes(), "WF0"),
    ]
}

#[test]
fn a_broken_file_is_told_and_the_version_that_runs_goes_on() {
    let (home, server) = serving_first_version();
    let mut http = server.http1();
    let goes_on = "the version that was running before goes on";
    for (told, (what, content, code)) in broken().into_iter().enumerate() {
        home.replace(&workflow_file("one"), content);
        wait_for(what, || (server.log().matches(goes_on).count() > told).then_some(()));
        server.wait_for_log(&format!("error[{code}"));
        assert_eq!(live_version(&mut http), "1", "{what}");
        assert_eq!(live_version(&mut server.http1()), "1", "{what}");
    }
    home.workflow("one", &version(2));
    wait_until_equal("the mended file", &"2".to_owned(), || live_version(&mut http));
    server.stop();
}

/// The guest that says which version of it runs, as another version.
pub(crate) fn marked(number: u8) -> Vec<u8> {
    let built = b"marker-version-1";
    let mut component = guest("marker").to_vec();
    let mut patched = 0;
    for at in 0..component.len() - built.len() {
        if component[at..].starts_with(built) {
            component[at + built.len() - 1] = b'0' + number;
            patched += 1;
        }
    }
    assert!(patched > 0, "the guest holds its marker");
    component
}

#[test]
fn a_replaced_plugin_is_used_by_the_next_messages_and_a_broken_one_changes_nothing() {
    let home = Home::new();
    home.plugin("marker", &marked(1));
    let workflow = Workflow::new("Marked", "in")
        .variables(vec![custom("Test.Marker")])
        .responding("MSH|^~\\&|T\rMSA|AA|1|${Marker}\r");
    home.workflow("one", &workflow.build());
    let server = home.serve();
    let mut http = server.http1();
    let mut marker = || http.post("/in", adt("M", "1")).msa(3);
    assert_eq!(marker(), "marker-version-1");
    home.replace("plugins/marker.wasm", marked(2));
    wait_until_equal("the second version", &"marker-version-2".to_owned(), &mut marker);
    for (told, broken) in [&b""[..], b"no wasm", &marked(3)[..5000]].into_iter().enumerate() {
        home.replace("plugins/marker.wasm", broken);
        server.wait_for_log_times("error[WF084]", told + 1);
        server.wait_for_log_times("the version that was running before goes on", told + 1);
        assert_eq!(marker(), "marker-version-2");
    }
    home.plugin("marker", &marked(4));
    wait_until_equal("the mended plugin", &"marker-version-4".to_owned(), &mut marker);
    fs::remove_file(home.path("plugins/marker.wasm")).unwrap();
    server.wait_for_log_times("the version that was running before goes on", 4);
    assert_eq!(marker(), "marker-version-4", "what runs is not taken apart");
    server.stop();
}

#[test]
fn a_workflow_that_waits_for_its_plugin_starts_when_it_comes() {
    let home = Home::new();
    home.workflow("one", &version(1));
    let waiting = Workflow::new("Waiting", "waiting").variables(vec![custom("Test.Marker")]);
    home.workflow("waiting", &waiting.build());
    let server = home.serve();
    assert_eq!(server.addresses().len(), 1, "{}", server.said());
    assert!(server.said().contains("1 workflow(s) do not run"), "{}", server.said());
    server.wait_for_log("Test.Marker");
    home.plugin("marker", &marked(1));
    let status = || server.http1().post("/waiting", adt("W", "1")).status;
    wait_until_equal("the waiting workflow", &200, status);
    server.stop();
}

#[test]
fn a_changed_configuration_is_taken_over_and_a_broken_one_is_not() {
    let home = Home::and("[globals]\nSite = \"first\"\n");
    let workflow = Workflow::new("Global", "in").responding("MSH|^~\\&|T\rMSA|AA|1|${Site}\r");
    home.workflow("one", &workflow.build());
    let server = home.serve();
    let mut http = server.http1();
    let mut site = || http.post("/in", adt("G", "1")).msa(3);
    assert_eq!(site(), "first");
    let config = home.read("tureen.toml").unwrap();
    home.write("tureen.toml", config.replace("first", "second"));
    wait_until_equal("the second value", &"second".to_owned(), &mut site);
    home.write("tureen.toml", config.replace("\"first\"", "third"));
    server.wait_for_log("tureen.toml is not taken");
    assert_eq!(site(), "second");
    // Other files of the home change, as a log that is kept there does.
    for name in ["Second", "Third"] {
        let service = name.to_lowercase();
        home.workflow(&service, &Workflow::new(name, &service).build());
        server.wait_for_log(&format!("workflow=\"{name}\" url="));
    }
    home.write("tureen.toml", config.replace("first", "fourth"));
    wait_until_equal("the mended file", &"fourth".to_owned(), &mut site);
    let log = server.stop();
    assert_eq!(log.matches("tureen.toml is not taken").count(), 1, "{log}");
}
