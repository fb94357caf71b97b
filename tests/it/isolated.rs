//! Plugins with `isolation = "process"`: the same answers as in the server's process,
//! from processes that can do nothing else.

use std::fs;
use std::process::Command;
use std::thread::JoinHandle;

use serde_json::Value;

use crate::harness::actions::{custom, map, map_text, only_adt, set_variable, set_variable_to};
use crate::harness::guests::guest;
use crate::harness::messages::{adt, oru};
use crate::harness::wait::wait_for;
use crate::harness::{Activity, Answer, Home, Server, Workflow};

/// Has the process of that number ended? A zombie has not been waited for.
fn is_gone(process: u32) -> bool {
    !fs::exists(format!("/proc/{process}")).unwrap()
}

/// The processes that serve plugins to this one, by number.
fn workers_of(server: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        entry.unwrap().file_name().to_str().and_then(|name| name.parse::<u32>().ok())
    });
    let is_worker = |process: &u32| {
        let read = |name: &str| fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
        let line = String::from_utf8_lossy(&read("cmdline")).into_owned();
        line.ends_with("plugin\0work\0") && status(*process, "PPid:") == server.to_string()
    };
    let mut workers: Vec<u32> = processes.filter(is_worker).collect();
    workers.sort_unstable();
    workers
}

/// A line of a process's status; nothing when it has ended.
fn status(process: u32, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().trim().to_owned()
}

fn isolated(plugins: &[&str]) -> String {
    let table = |name: &&str| format!("[plugins.{name}]\nisolation = \"process\"\n");
    plugins.iter().map(table).collect()
}

/// A home whose workflows use the standard filter and transformer in every place,
/// on HL7 and JSON, and one plugin that asks for everything.
fn home(further: &str) -> Home {
    let tables = "[secrets]\nlab = { file = \"lab-word\" }\n[tables]\nwards = \"wards.csv\"\n\
         [data_tables]\nstaff = \"staff.csv\"\n[globals]\nCity = \"Ghent\"\n";
    let home = Home::and(&format!("{further}\n{tables}"));
    home.write("wards.csv", "A,Ward A\n");
    home.write("staff.csv", "Id,Name\n1,Moss\n2,Ekholm\n");
    let word = home.write("lab-word", "sesame");
    fs::set_permissions(word, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let message = Workflow::new("Message", "message")
        .filter(only_adt())
        .variables(vec![
            set_variable("Patient", "PID-3.1"),
            set_variable_to("Told", "${Patient} in ${City}, row ${DATATABLE>Staff.Name}"),
        ])
        .activity(
            Activity::file("Keep", "kept.hl7")
                .template("MSH|^~\\&|T|||||ADT^A01\rPID|1\r")
                .transformers(vec![map("PID-3.1", "PID-3.1"), map_text("${Told}", "PID-5.1")]),
        )
        .responding("MSH|^~\\&|T\rMSA|AA|${Patient}|${Told}|${WorkflowError}\r");
    home.workflow("message", &message.build());
    home
}

/// What a sender gets, and what an activity has written.
fn answers(home: &Home) -> (Vec<(u16, String)>, Option<String>) {
    let server = home.serve();
    assert_eq!(server.addresses().len(), 1, "{}\n{}", server.said(), server.log());
    let mut http = server.http1();
    let messages = [adt("A1", "4711"), oru("A2", "4712"), adt("A3", "Z\u{e5}"), "no HL7".into()];
    let answers = messages.map(|message| {
        let answer = http.post("/message", message);
        (answer.status, without_time(&answer.text()))
    });
    server.stop();
    (answers.to_vec(), home.read("out/kept.hl7"))
}

/// The time of an acknowledgement is another one each time, and so is its number.
fn without_time(text: &str) -> String {
    let fields = text.split('|').map(|field| {
        let of_time = |it: char| it.is_ascii_hexdigit() || it == '+';
        if field.len() >= 14 && field.chars().all(of_time) { "(time)" } else { field }
    });
    fields.collect::<Vec<_>>().join("|")
}

#[test]
fn the_standard_plugins_do_the_same_in_processes_of_their_own() {
    let here = answers(&home(""));
    assert_eq!(here.0[0].0, 200, "{here:?}");
    assert!(here.0[0].1.contains("4711 in Ghent, row Moss"), "{here:?}");
    assert!(here.1.as_ref().unwrap().contains("4711"), "{here:?}");
    let there = answers(&home(&isolated(&["filter", "transformer"])));
    assert_eq!(here, there);
    let fresh = "[plugins.filter]\nisolation = \"process\"\nreuse = false\n\
         [plugins.transformer]\nisolation = \"process\"\nreuse = false\nworkers = 1\n";
    assert_eq!(here, answers(&home(fresh)));
}

#[test]
fn a_stranger_has_its_grants_and_no_others_in_a_process_of_its_own() {
    const ASKED: [&str; 7] =
        ["Environment", "Secret", "Lookup", "Formatted", "Rows", "Time", "Written"];
    let fields = ASKED.map(|name| format!("${{{name}}}")).join("|");
    let got = |isolation: &str| {
        let home = home(&format!(
            "[plugins.asks]\nisolation = \"{isolation}\"\nenvironment = [\"TUREEN_SHOWN\"]\n\
             secrets = [\"Lab\"]\ntables = [\"Wards\", \"staff\"]\n"
        ));
        home.plugin("asks", guest("asks"));
        let asker = Workflow::new("Asker", "in").variables(vec![custom("Test.Asks")]);
        let asker = asker.responding(&format!("MSH|^~\\&|T\rMSA|{fields}\r"));
        home.workflow("asker", &asker.build());
        let environment = [("TUREEN_SHOWN", "shown"), ("TUREEN_HIDDEN", "hidden")];
        let server = Server::start_with(home.root(), &environment);
        assert_eq!(server.addresses().len(), 2, "{}\n{}", server.said(), server.log());
        let mut http = server.http1();
        let cases = [("lab", "wards"), ("other", "other"), ("LAB", "staff"), ("", "Wards")];
        let got = cases.map(|(secret, table)| {
            let text = format!("MSH|^~\\&|{secret}|{table}|C|D|20260301||ADT^A01|A1|P|2.5\r");
            http.post("/in", text).text()
        });
        let log = server.stop();
        assert!(!log.contains("sesame"), "a secret is in the log:\n{log}");
        got
    };
    let (here, there) = (got("instance"), got("process"));
    assert!(here[0].contains("TUREEN_SHOWN:shown|sesame|Ward A|Ward A"), "{here:?}");
    assert!(here[1].contains("not-granted"), "{here:?}");
    assert_eq!(here, there);
}

/// A workflow that does what its message says, by a plugin in a process of its own.
fn hostile(further: &str) -> Home {
    let home = Home::and(&format!(
        "[plugins.transformer]\nrunning_time_milliseconds = 50000\n\
         call_time_milliseconds = 60000\n[plugins.hostile-transformer]\n\
         isolation = \"process\"\nworkers = 2\n{further}"
    ));
    home.plugin("hostile-transformer", guest("hostile-transformer"));
    let hostile = Workflow::new("Hostile", "hostile").variables(vec![custom("Test.Hostile")]);
    home.workflow("hostile", &hostile.build());
    home
}

#[test]
fn a_worker_is_confined_and_has_nothing_of_the_server() {
    let home = hostile("");
    let server = Server::start_with(home.root(), &[("TUREEN_HIDDEN", "hidden")]);
    assert_eq!(server.http1().post("/hostile", adt("A1", "fine")).msa(1), "AA");
    let workers = workers_of(server.process_id());
    assert_eq!(workers.len(), 1, "calls that come one after the other share one");
    let worker = workers[0];
    for (name, expected) in [
        ("Seccomp:", "2"),
        ("NoNewPrivs:", "1"),
        ("CapEff:", "0000000000000000"),
        ("CapPrm:", "0000000000000000"),
    ] {
        assert_eq!(status(worker, name), expected, "{name}");
    }
    // Readable by the superuser alone: a process that is confined is no one's to look into.
    if let Ok(environment) = fs::read(format!("/proc/{worker}/environ")) {
        assert!(environment.is_empty(), "{environment:?}");
    }
    if let Ok(open) = fs::read_dir(format!("/proc/{worker}/fd")) {
        let target = |entry: fs::DirEntry| fs::read_link(entry.path()).unwrap_or_default();
        for open in open.filter_map(Result::ok).map(target) {
            let open = open.to_string_lossy().into_owned();
            let own = ["socket:", "pipe:", "/dev/null", "/memfd:"];
            assert!(own.iter().any(|kind| open.starts_with(kind)), "{open} is open in a worker");
        }
    }
    server.stop();
    wait_for("the end of the worker", || is_gone(worker).then_some(()));
}

#[test]
fn a_worker_that_is_killed_takes_its_call_along_and_nothing_else() {
    let home = hostile("call_time_milliseconds = 50000\n[faults]\non = false\n");
    let server = home.serve();
    assert_eq!(server.http1().post("/hostile", adt("A1", "fine")).msa(1), "AA");
    let (asleep, workers) = with_a_sleeper(&server);
    // One of them has the call, the other one has nothing to do.
    workers.iter().for_each(|worker| kill(*worker));
    let answer = asleep.join().unwrap();
    assert_eq!(answer.msa(1), "AE", "{answer:?}");
    assert!(answer.text().contains("plugin.worker"), "{answer:?}");
    assert_eq!(server.http1().post("/hostile", adt("A4", "fine")).msa(1), "AA");
    wait_for_the_end_of(&workers);
    assert_eq!(workers_of(server.process_id()).len(), 1, "a new one");
    let log = server.stop();
    // In the call, or on its way into it where the call had to start its worker.
    assert!(log.contains("it was ended by signal 9"), "{log}");
}

/// A call that sleeps in one of two workers: the call beside it starts the second.
fn with_a_sleeper(server: &Server) -> (JoinHandle<Answer>, Vec<u32>) {
    let mut sleeper = server.http1();
    let asleep = std::thread::spawn(move || sleeper.post("/hostile", adt("SLEEPS", "sleep")));
    let workers = wait_for("a second worker", || {
        server.http1().post("/hostile", adt("BESIDE", "fine"));
        Some(workers_of(server.process_id())).filter(|workers| workers.len() == 2)
    });
    (asleep, workers)
}

/// Kills a process and waits until it is dead: the signal alone may be on its way when
/// the next message arrives.
fn kill(process: u32) {
    let killed = Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap();
    assert!(killed.success());
    wait_for("the end of a killed process", || {
        let state = status(process, "State:");
        (state.is_empty() || state.starts_with(['Z', 'X'])).then_some(())
    });
}

/// Waits until processes have ended and their parent has taken note of it.
fn wait_for_the_end_of(processes: &[u32]) {
    wait_for("the end of workers", || {
        processes.iter().all(|process| is_gone(*process)).then_some(())
    });
}

#[test]
fn workers_that_fail_count_against_their_step() {
    let home = hostile("call_time_milliseconds = 50000\n[faults]\nconsecutive = 1\n");
    let server = home.serve();
    assert_eq!(server.http1().post("/hostile", adt("A1", "fine")).msa(1), "AA");
    let (asleep, workers) = with_a_sleeper(&server);
    workers.iter().for_each(|worker| kill(*worker));
    assert_eq!(asleep.join().unwrap().msa(1), "AE");
    let answer = server.http1().post("/hostile", adt("A4", "fine"));
    assert!(answer.text().contains("plugin.quarantined"), "{answer:?}");
    server.stop();
}

#[test]
fn a_reload_replaces_the_workers_of_what_changed() {
    let home = hostile("");
    let server = home.serve();
    let answers = || server.http1().post("/hostile", adt("A1", "fine")).msa(1);
    assert_eq!(answers(), "AA");
    let before = workers_of(server.process_id());
    // The same plugin, in another file: a custom section more.
    let mut rebuilt = guest("hostile-transformer").to_vec();
    rebuilt.extend([0, 2, 1, b'x']);
    home.replace("plugins/hostile-transformer.wasm", rebuilt);
    let after = wait_for("other workers", || {
        assert_eq!(answers(), "AA");
        let now = workers_of(server.process_id());
        let replaced = !now.is_empty() && now.iter().all(|worker| !before.contains(worker));
        replaced.then_some(now)
    });
    wait_for_the_end_of(&before);
    // Back in the server's process: none is left.
    let config = home.read("tureen.toml").unwrap();
    let here = config.replace("isolation = \"process\"\nworkers = 2\n", "");
    home.replace("tureen.toml", here);
    wait_for("no workers", || {
        assert_eq!(answers(), "AA");
        workers_of(server.process_id()).is_empty().then_some(())
    });
    wait_for_the_end_of(&after);
    server.stop();
}

#[test]
fn a_server_that_is_killed_leaves_no_worker_behind() {
    let home = hostile("");
    let mut server = home.serve();
    assert_eq!(server.http1().post("/hostile", adt("A1", "fine")).msa(1), "AA");
    let workers = workers_of(server.process_id());
    assert!(!workers.is_empty());
    kill(server.process_id());
    server.wait();
    wait_for_the_end_of(&workers);
}

#[test]
fn what_a_process_of_its_own_cannot_do_is_refused_at_load_and_not_run_here() {
    let check = |home: &Home, expected: &[&str]| {
        let ran = home.run(&["check", "--json"]);
        let report = ran.json();
        let found = report["diagnostics"].as_array().unwrap().iter();
        let found: Vec<&Value> = found.filter(|it| it["code"] == "WF087").collect();
        assert_eq!((found.len(), ran.code), (1, Some(1)), "{report:#}");
        assert!(found[0]["position"]["line"].as_u64().unwrap() > 1, "{report:#}");
        let text = found[0].to_string();
        for part in expected {
            assert!(text.contains(part), "{part}: {text}");
        }
        let server = home.serve();
        assert!(server.addresses().is_empty(), "{}", server.said());
        assert!(workers_of(server.process_id()).is_empty());
        server.stop();
    };

    let activity = Home::with(
        "[plugins.file-writer]\nisolation = \"process\"\n\
         directories = [{ path = \"out\", write = true }]\n",
    );
    activity.workflow("one", &Workflow::new("One", "one").archive("kept.hl7").build());
    check(&activity, &["the plugin file-writer", "activities", "isolation = \\\"instance\\\""]);

    let calls = Home::and(&isolated(&["transformer"]));
    calls.plugin("hostile-transformer", guest("hostile-transformer"));
    let hostile = Workflow::new("One", "one").variables(vec![custom("Test.Hostile")]);
    calls.workflow("one", &hostile.build());
    check(&calls, &["the plugin transformer cannot call", "Test.Hostile"]);
}
