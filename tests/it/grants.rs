//! What plugins may reach: nothing that is not granted, and what is granted no
//! further than it is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::actions::custom;
use crate::harness::guests::guest;
use crate::harness::messages::adt;
use crate::harness::wait::{wait_for, wait_until_equal};
use crate::harness::workflow::{Activity, RECEIVER_ID};
use crate::harness::{Home, Server, Workflow};

const TABLES: &str = "[tables]\nwards = \"wards.csv\"\nother = \"other.csv\"\n\
    [data_tables]\nstaff = \"staff.csv\"\nhidden = \"staff.csv\"\n";

/// What `asks` set, by name.
const ASKED: [&str; 8] =
    ["Environment", "Secret", "Lookup", "Formatted", "Rows", "Time", "Written", "Random"];

/// A home with the plugin that asks, and a workflow that answers what it got.
fn asking(further: &str) -> Home {
    let secrets = "[secrets]\nlab = { file = \"lab-word\" }\nother = { file = \"lab-word\" }\n";
    let home = Home::and(&format!("{further}\n{secrets}{TABLES}"));
    home.write("wards.csv", "A,Ward A\n");
    home.write("other.csv", "A,Other A\n");
    home.write("staff.csv", "Id,Name\n1,Moss\n");
    let word = home.write("lab-word", "sesame");
    fs::set_permissions(word, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    home.plugin("asks", guest("asks"));
    home.workflow("one", &asker("Asker", "in"));
    home
}

fn asker(name: &str, service: &str) -> Value {
    let fields = ASKED.map(|name| format!("${{{name}}}")).join("|");
    Workflow::new(name, service)
        .variables(vec![custom("Test.Asks")])
        .responding(&format!("MSH|^~\\&|T\rMSA|{fields}\r"))
        .build()
}

/// Asks for a secret and a table; gives what was set, in the order of `ASKED`.
fn asked(server: &Server, path: &str, secret: &str, table: &str) -> Vec<String> {
    let message = format!("MSH|^~\\&|{secret}|{table}|C|D|20260301||ADT^A01|A1|P|2.5\r");
    let answer = server.http1().post(path, message);
    (1..=ASKED.len()).map(|field| answer.msa(field)).collect()
}

#[test]
fn a_plugin_reads_what_it_is_granted_and_nothing_else() {
    let home = asking(
        "[plugins.asks]\nenvironment = [\"TUREEN_SHOWN\"]\nsecrets = [\"Lab\"]\n\
         tables = [\"Wards\", \"staff\"]\n",
    );
    let environment = [("TUREEN_SHOWN", "shown"), ("TUREEN_HIDDEN", "hidden")];
    let server = Server::start_with(home.root(), &environment);
    let got = asked(&server, "/in", "lab", "wards");
    assert_eq!(got[..4], ["TUREEN_SHOWN:shown", "sesame", "Ward A", "Ward A"]);
    assert_eq!(got[5..7], ["coarse", "coarse"], "{got:?}");
    let got = asked(&server, "/in", "other", "other");
    assert_eq!(got[1..3], ["secret.not-granted", "table.not-granted"], "{got:?}");
    assert_eq!(got[3], "table.not-granted", "a format is no way around: {got:?}");
    assert_eq!(asked(&server, "/in", "lab", "staff")[4], "1");
    assert_eq!(asked(&server, "/in", "lab", "hidden")[4], "table.not-granted");
    let log = server.stop();
    assert!(!log.contains("sesame"), "a secret is in the log:\n{log}");
}

#[test]
fn what_is_granted_more_is_there_at_the_next_message_and_what_is_withdrawn_is_not() {
    let home = asking("[plugins.asks]\nsecrets = [\"lab\"]\n");
    let server = home.serve();
    assert_eq!(asked(&server, "/in", "lab", "wards")[2], "table.not-granted");
    let config = home.read("tureen.toml").unwrap();
    let more = "secrets = [\"lab\"]\ntables = \"all\"\nclock = \"exact\"\nrandom = \"secure\"\n";
    home.replace("tureen.toml", config.replace("secrets = [\"lab\"]\n", more));
    let look = || asked(&server, "/in", "lab", "other");
    wait_until_equal("the grants", &"Other A".to_owned(), || look()[2].clone());
    assert_eq!(look()[5], "exact");
    // One text in ten thousand ends with zeros by chance.
    wait_until_equal("an exact text", &"exact".to_owned(), || look()[6].clone());
    assert_ne!(look()[7], look()[7], "random numbers");
    home.replace("tureen.toml", config);
    wait_until_equal("the withdrawal", &"table.not-granted".to_owned(), || look()[2].clone());
    assert_eq!(look()[5..7], ["coarse", "coarse"]);
    assert_ne!(look()[7], look()[7], "random numbers of two messages");
    server.stop();
}

#[test]
fn a_workflow_whose_rights_are_withdrawn_is_stopped_until_it_has_them_again() {
    let home = asking("[plugins.asks]\nsecrets = [\"lab\"]\n");
    home.workflow("two", &Workflow::new("Two", "two").build());
    let server = home.serve();
    assert_eq!(asked(&server, "/in", "lab", "wards")[1], "sesame");
    let config = home.read("tureen.toml").unwrap();
    // A workflow with a mistake goes on as it was while it may.
    let workflow = home.read("workflows/one.hl7Workflow").unwrap();
    home.replace("workflows/one.hl7Workflow", "{");
    server.wait_for_log("the version that was running before goes on");
    home.replace("tureen.toml", config.replace("[\"lab\"]", "[\"lab\", \"other\"]"));
    server.wait_for_log("the plugins changed");
    assert_eq!(asked(&server, "/in", "lab", "wards")[1], "sesame");
    home.replace("tureen.toml", config.replace("secrets = [\"lab\"]\n", ""));
    server.wait_for_log("the workflow is stopped");
    let status = |path: &str| server.http1().post(path, adt("G1", "1")).status;
    assert_eq!((status("/in"), status("/two")), (503, 200));
    home.replace("tureen.toml", &config);
    home.replace("workflows/one.hl7Workflow", workflow);
    wait_until_equal("the workflow", &200, || status("/in"));
    assert_eq!(asked(&server, "/in", "lab", "wards")[1], "sesame");
    server.stop();
}

#[test]
fn what_is_withdrawn_from_a_plugin_without_its_file_is_withdrawn() {
    let home = asking("[plugins.asks]\nsecrets = [\"lab\"]\n");
    home.workflow("two", &Workflow::new("Two", "two").build());
    let server = home.serve();
    let config = home.read("tureen.toml").unwrap();
    let file = home.path("plugins/asks.wasm");
    let plugin = fs::read(&file).unwrap();
    let status = |path: &str| server.http1().post(path, adt("G1", "1")).status;
    // Gone, it withdraws nothing; nor does what is granted more.
    fs::remove_file(&file).unwrap();
    server.wait_for_log("the version that was running before goes on");
    home.replace("tureen.toml", config.replace("[\"lab\"]", "[\"lab\", \"other\"]"));
    server.wait_for_log_times("the plugins changed", 2);
    assert_eq!(asked(&server, "/in", "lab", "wards")[1], "sesame");
    home.replace("tureen.toml", config.replace("secrets = [\"lab\"]\n", ""));
    server.wait_for_log("the workflow is stopped");
    assert_eq!((status("/in"), status("/two")), (503, 200));
    home.replace("tureen.toml", &config);
    fs::write(&file, &plugin).unwrap();
    wait_until_equal("the workflow", &200, || status("/in"));
    // A pin that the file did not have.
    fs::write(&file, "no component").unwrap();
    server.wait_for_log("this file is no plugin");
    assert_eq!(status("/in"), 200);
    let pinned = format!("[plugins.asks]\nsha256 = \"{}\"\n", "0a".repeat(32));
    home.replace("tureen.toml", config.replace("[plugins.asks]\n", &pinned));
    server.wait_for_log_times("the workflow is stopped", 2);
    assert_eq!((status("/in"), status("/two")), (503, 200));
    server.stop();
}

#[test]
fn a_component_is_refused_by_what_it_imports_with_the_lines_to_add() {
    let home = asking("");
    let ran = home.run(&["check", "--json"]);
    let report = ran.json();
    let found = report["diagnostics"].as_array().unwrap().iter();
    let found: Vec<_> = found.filter(|it| it["code"] == "WF083").collect();
    assert_eq!((found.len(), ran.code), (1, Some(1)), "{report:#}");
    let found = found[0];
    assert!(found["message"].as_str().unwrap().contains("tureen:plugin/secrets@0.1.0"));
    assert!(
        found["position"]["line"].as_u64().unwrap() > 1 && found["pointer"].is_string(),
        "{found:#}"
    );
    let help = found["help"].as_str().unwrap();
    let expected = "[plugins.asks]\nsecrets = [\"name\"]\n# or for this step alone:\n\
        [[plugins.asks.steps]]\nworkflow = \"Asker\"\nstep = \"";
    assert!(help.contains(expected), "{help}");
    let server = home.serve();
    assert!(server.addresses().is_empty(), "{}", server.said());
    server.stop();
}

#[test]
fn a_grant_for_one_step_is_not_one_for_another() {
    let home = asking("");
    home.workflow("two", &asker("Other", "other"));
    let id = receiver_id(&home, "one");
    let config = home.read("tureen.toml").unwrap();
    let step = |workflow: &str, id: &str| {
        format!(
            "[[plugins.asks.steps]]\nworkflow = \"{workflow}\"\nstep = \"{id}\"\n\
             secrets = [\"lab\"]\ntables = [\"wards\"]\n"
        )
    };
    home.write("tureen.toml", format!("{config}\n{}", step("ASKER", &id)));
    let server = home.serve();
    assert_eq!(server.addresses().keys().collect::<Vec<_>>(), ["Asker"], "{}", server.log());
    let got = asked(&server, "/in", "lab", "wards");
    assert_eq!(got[1..3], ["sesame", "Ward A"], "{got:?}");
    server.wait_for_log("WF083");
    // Names that are nobody's are told.
    home.replace(
        "tureen.toml",
        format!(
            "{config}\n[plugins.asks]\nsecrets = [\"lab\"]\n{}{}",
            step("Nobody", &id),
            step("Other", RECEIVER_ID)
        ),
    );
    server.wait_for_log("no workflow has the name \"Nobody\"");
    server.wait_for_log("\"Other\" has no receiver or activity");
    let told = home.run(&["check"]);
    assert_eq!(told.stdout.matches("WF124").count(), 2, "{told:?}");
    server.stop();
}

/// The id that the receiver of a saved workflow has.
fn receiver_id(home: &Home, name: &str) -> String {
    let text = home.read(&format!("workflows/{name}.hl7Workflow")).unwrap();
    let at = text.find("HttpReceiverSetting").unwrap();
    let id = text[at..].split("\"Id\": \"").nth(1).unwrap();
    id.split('"').next().unwrap().to_owned()
}

#[test]
fn a_plugin_says_what_it_asks_for_and_has() {
    let home = asking(
        "[plugins.asks]\nsecrets = [\"lab\"]\ntables = [\"wards\"]\n\
         [[plugins.asks.steps]]\nworkflow = \"Asker\"\n\
         step = \"d0000000-0000-4000-8000-000000000001\"\nclock = \"exact\"\n",
    );
    let shown = home.run(&["plugin", "inspect", "asks"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for words in [
        "asks 1.0.0 (transformer)",
        "contract 0.1.0",
        "signature: none",
        "Test.Asks",
        "tureen:plugin/secrets@0.1.0",
        "read the secrets that it is granted",
        "tureen:plugin/transformer-step@0.1.0",
        "read the secret lab",
        "read the table wards",
        "in step d0000000-0000-4000-8000-000000000001 of Asker: read the exact time",
        "limits: 67108864 bytes of memory",
        "settings: read once, and kept in a snapshot",
        "faults: a step is set aside after 5 breakdowns in a row",
    ] {
        assert!(shown.stdout.contains(words), "{words}: {}", shown.stdout);
    }
    let told = home.run(&["plugin", "inspect", "asks", "--json"]).json();
    assert_eq!(told["name"], "asks");
    assert_eq!(told["trust"], "unsigned");
    assert_eq!(told["ready"], true);
    assert_eq!(told["lines_to_grant"], Value::Null);
    assert_eq!(told["steps"][0]["grants"][0], "read the exact time");
    assert_eq!(told["limits"]["host_calls"], 1_000_000);
    assert_eq!(
        (&told["faults"]["consecutive"], &told["settings"]["snapshot"]),
        (&5.into(), &true.into())
    );
    // A file that is not installed tells the same, and what it would need.
    let other = Home::new();
    let file = home.path("plugins/asks.wasm");
    let told = other.run(&["plugin", "inspect", file.to_str().unwrap(), "--json"]).json();
    assert_eq!(told["installed"], false);
    assert_eq!(told["lines_to_grant"], "[plugins.asks]\nsecrets = [\"name\"]");
    let imports = told["imports"].as_array().unwrap();
    let denied: Vec<_> = imports.iter().filter(|it| it["granted"] == false).collect();
    assert_eq!(denied.len(), 1, "{denied:?}");
    // The standard ones import nothing that is not granted but files.
    let told = other.run(&["plugin", "inspect", "transformer", "--json"]).json();
    assert_eq!((&told["trust"], &told["ready"]), (&"built-in".into(), &true.into()));
    let imports = told["imports"].to_string();
    assert!(!imports.contains("secrets") && !imports.contains("filesystem"), "{imports}");
}

#[test]
fn a_plugin_says_why_it_has_no_snapshot_and_when_its_steps_are_set_aside_in_this_home() {
    let inspected = |further: &str, plugin: &str| {
        let home = asking(further);
        home.run(&["plugin", "inspect", plugin]).stdout
    };
    let own = "[faults]\nconsecutive = 9\n[plugins.asks]\nfaults = { ratio_percent = 77 }\n\
               reuse = true\n";
    let shown = inspected(own, "asks");
    for words in ["9 breakdowns in a row", "77 %", "([faults] and its own faults)", "serves many"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let shown = inspected("[plugins_cache]\nsnapshots = false\n[faults]\non = false\n", "asks");
    for words in ["[plugins_cache] snapshots is false", "faults: never set aside"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let shown = inspected("", "http-sender");
    assert!(shown.contains("settings: read once, when its workflow's version starts"), "{shown}");
}

/// Says for how long, at least, a link takes a directory's place again and again. Without
/// it, for one message.
const RACE_SECONDS: &str = "TUREEN_RACE_SECONDS";

/// A home with directories that a plugin may read and write, and one that it may
/// not touch.
fn prowled(races: u32) -> (Home, PathBuf) {
    let home = Home::with(
        "[plugins.prowler]\ncall_time_milliseconds = 120000\n\
         running_time_milliseconds = 120000\ndirectories = [{ path = \"readable\" }, \
         { path = \"writable\", write = true }]\n",
    );
    for folder in ["readable/deep", "writable", "outside"] {
        fs::create_dir_all(home.path(folder)).unwrap();
    }
    let root = home.root().canonicalize().unwrap();
    home.write("readable/kept.txt", "kept");
    home.write("outside/secret.txt", "outside");
    symlink("kept.txt", home.path("readable/link-in")).unwrap();
    symlink("../outside/secret.txt", home.path("readable/link-out")).unwrap();
    symlink(root.join("outside/secret.txt"), home.path("readable/link-absolute")).unwrap();
    symlink("../outside", home.path("writable/folder-out")).unwrap();
    symlink("folder-out", home.path("writable/chain")).unwrap();
    symlink("../readable/kept.txt", home.path("writable/to-readable")).unwrap();
    home.plugin("prowler", guest("prowler"));
    let text = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let prowler = Activity::of_class("Test.ProwlerSetting, Test", "Prowler")
        .template("MSH|^~\\&|A\r")
        .with("Readable", text("readable"))
        .with("Writable", text("writable"))
        .with("Outside", text("outside"))
        .with("Races", races.to_string());
    let workflow = Workflow::new("Prowl", "in")
        .activity(prowler)
        .responding("MSH|^~\\&|T\rMSA|AA|${Outcomes}\r");
    home.workflow("one", &workflow.build());
    (home, root)
}

/// Everything below a folder: name, content, and when it was changed.
fn state_of(folder: &std::path::Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let kind = entry.file_type().unwrap();
        let content = if kind.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
        found.push((entry.path(), content, entry.metadata().unwrap().modified().unwrap()));
        if kind.is_dir() {
            found.extend(state_of(&entry.path()));
        }
    }
    found.sort();
    found
}

#[test]
fn no_path_leads_out_of_a_granted_directory_and_reading_changes_nothing() {
    let (home, root) = prowled(0);
    let before = (state_of(&root.join("readable")), state_of(&root.join("outside")));
    let server = home.serve();
    let answer = server.http1().post("/in", adt("P1", "1"));
    let outcomes = answer.msa(2);
    server.stop();
    let outcomes: Vec<&str> = outcomes.split(' ').collect();
    assert!(outcomes.len() > 35, "{answer:?}");
    for outcome in &outcomes {
        let expected = if outcome.starts_with("allowed-") { ":DONE" } else { ":refused" };
        assert!(outcome.ends_with(expected), "{outcome} in {outcomes:?}");
    }
    let after = (state_of(&root.join("readable")), state_of(&root.join("outside")));
    assert_eq!(before, after);
    assert_eq!(home.read("writable/new.txt").as_deref(), Some("changed"));
}

#[test]
fn a_link_that_takes_a_directory_s_place_while_it_is_read_leads_nowhere() {
    let (home, root) = prowled(3_000);
    let (race, aside) = (root.join("writable/race"), root.join("writable/aside"));
    fs::create_dir(&race).unwrap();
    fs::write(race.join("secret.txt"), "inside").unwrap();
    let link = root.join("writable/link");
    symlink("../outside", &link).unwrap();
    let server = home.serve();
    let (done, swaps) = (AtomicBool::new(false), AtomicU32::new(0));
    let seconds = std::env::var(RACE_SECONDS).map_or(0, |it| it.parse().unwrap());
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut counts = [0, 0, 0];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                fs::rename(&race, &aside).unwrap();
                fs::rename(&link, &race).unwrap();
                fs::rename(&race, &link).unwrap();
                fs::rename(&aside, &race).unwrap();
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut http = server.http1();
        loop {
            let outcomes = http.post("/in", adt("P1", "1")).msa(2);
            let found: Vec<u32> = outcomes.split(' ').filter_map(|it| it.parse().ok()).collect();
            counts.iter_mut().zip(&found).for_each(|(sum, found)| *sum += found);
            // Also where it fails: nobody else ends the other thread.
            if found.len() != 3 || Instant::now() >= until {
                done.store(true, Ordering::Relaxed);
                assert_eq!(found.len(), 3, "{outcomes}");
                break;
            }
        }
    });
    server.stop();
    let [inside, outside, refused] = counts;
    println!("{counts:?}: inside, outside, refused; {swaps:?} swaps");
    assert_eq!(outside, 0, "{counts:?}");
    assert!(inside > 0 && refused > 0, "nothing was raced for: {counts:?}");
    assert!(swaps.load(Ordering::Relaxed) > 100, "{swaps:?}");
}

#[test]
fn a_directory_that_is_replaced_is_opened_anew_and_a_link_in_its_place_is_told() {
    let (home, root) = prowled(0);
    let server = home.serve();
    let outcome = || {
        let answer = server.http1().post("/in", adt("P1", "1"));
        answer.msa(2).split(' ').next().unwrap_or_default().to_owned()
    };
    assert_eq!(outcome(), "allowed-read:DONE");
    fs::rename(root.join("readable"), root.join("old")).unwrap();
    fs::create_dir(root.join("readable")).unwrap();
    fs::write(root.join("readable/kept.txt"), "new").unwrap();
    // A save in the home makes the server look.
    let config = home.read("tureen.toml").unwrap();
    home.replace("tureen.toml", &config);
    fs::remove_dir_all(root.join("old")).unwrap();
    wait_until_equal("the new directory", &"allowed-read:DONE".to_owned(), outcome);
    // What a plugin could have linked is not granted.
    symlink("../outside", root.join("writable/inner")).unwrap();
    let inner = "{ path = \"writable/inner\", write = true }, { path = \"readable\" }";
    home.replace("tureen.toml", config.replace("{ path = \"readable\" }", inner));
    server.wait_for_log("WF122");
    wait_for("the refusal", || {
        server.log().contains("is a symbolic link where a plugin may write").then_some(())
    });
    server.stop();
}
