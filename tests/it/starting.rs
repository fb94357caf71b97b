//! Starting and ending: homes that are not there, ports that are taken, signals.

use std::net::TcpListener;
use std::process::Command;

use crate::harness::messages::adt;
use crate::harness::program;
use crate::harness::wait::wait_until_equal;
use crate::harness::{Home, Http1, Server, Workflow};

#[test]
fn a_home_that_does_not_exist_is_an_error_with_advice() {
    for command in ["serve", "check"] {
        let ran = program::run([command, "--home", "/nowhere/at/all"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("there is no home at /nowhere/at/all"), "{ran:?}");
        assert!(ran.stderr.contains("tureen init"), "{ran:?}");
    }
}

#[test]
fn a_home_is_made_once_and_then_left_as_it_is() {
    let outer = tempfile::tempdir().unwrap();
    let home = outer.path().join("a/new home");
    let home_text = home.to_str().unwrap();
    let first = program::run(["init", home_text]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stdout.contains("tureen serve"), "{first:?}");
    let certificate = std::fs::read(home.join("certificates/default/certificate.pem")).unwrap();
    std::fs::write(home.join("tureen.toml"), "[listen]\naddress = \"127.0.0.1\"\n").unwrap();
    let workflow = home.join("workflows/admissions.hl7Workflow");
    std::fs::remove_file(&workflow).unwrap();
    std::fs::write(home.join("workflows/mine.hl7Workflow"), "mine").unwrap();

    let second = program::run(["init", home_text]);
    assert_eq!(second.code, Some(0), "{second:?}");
    assert!(second.stdout.contains("nothing was changed"), "{second:?}");
    assert_eq!(
        std::fs::read(home.join("certificates/default/certificate.pem")).unwrap(),
        certificate
    );
    let config = std::fs::read_to_string(home.join("tureen.toml")).unwrap();
    assert_eq!(config, "[listen]\naddress = \"127.0.0.1\"\n");
    assert!(!workflow.exists(), "the example does not come back beside other workflows");
}

#[cfg(unix)]
#[test]
fn the_private_key_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    home.workflow("one", &Workflow::new("One", "in").build());
    let server = home.serve();
    let keys = std::fs::read_dir(home.path("certificates/default")).unwrap();
    let mut seen = 0;
    for entry in keys.map(Result::unwrap) {
        let content = std::fs::read_to_string(entry.path()).unwrap_or_default();
        if content.contains("PRIVATE KEY") {
            seen += 1;
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0);
        }
    }
    assert_eq!(seen, 1);
    server.stop();
}

#[test]
fn a_certificate_stays_the_same_over_restarts_and_is_not_that_of_another_home() {
    let home = Home::new();
    home.workflow("one", &Workflow::new("One", "in").build());
    let first = home.serve();
    let certificate = first.certificate();
    first.stop();
    let second = home.serve();
    assert_eq!(second.certificate(), certificate);
    assert_eq!(second.http1().post("/in", adt("C", "1")).msa(1), "AA");
    let other = Home::new();
    other.workflow("one", &Workflow::new("One", "in").build());
    let other = other.serve();
    assert_ne!(other.certificate(), certificate);
    let mut stranger = Http1::over_tls(other.socket(), certificate);
    assert!(stranger.try_send("GET / HTTP/1.1\r\n").is_err(), "another home's key is trusted");
}

/// However the first one ended.
#[cfg(unix)]
#[test]
fn a_home_is_served_by_one_server_at_a_time() {
    let home = Home::new();
    home.workflow("one", &Workflow::new("One", "in").build());
    let mut first = home.serve();
    let second = home.run(&["serve"]);
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.stderr.contains("another server serves the home at "), "{second:?}");
    assert_eq!(home.run(&["check"]).code, Some(0), "looking is free");
    assert_eq!(first.http1().post("/in", adt("S1", "1")).msa(1), "AA");
    first.signal("KILL");
    first.wait();
    let third = home.serve();
    assert_eq!(third.http1().post("/in", adt("S2", "1")).msa(1), "AA");
    third.stop();
}

/// Two workflows: one at the taken port, one at a free one.
fn beside_a_taken_port() -> (Home, Server, TcpListener) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let home = Home::new();
    home.workflow("blocked", &Workflow::new("Blocked", "in").with("Port", port).build());
    home.workflow("free", &Workflow::new("Free", "in").build());
    let server = home.serve();
    (home, server, taken)
}

#[test]
fn a_port_that_is_taken_is_told_and_the_other_workflows_run() {
    let (_home, server, taken) = beside_a_taken_port();
    let names: Vec<&String> = server.addresses().keys().collect();
    assert_eq!(names, ["Free"], "{}", server.said());
    assert!(server.said().contains("1 workflow(s) do not run"), "{}", server.said());
    let port = taken.local_addr().unwrap().port().to_string();
    let told = format!("cannot listen on 127.0.0.1:{port}: another program uses this port");
    server.wait_for_log(&format!("error[WF090]: {told}"));
    server.wait_for_log("blocked.hl7Workflow");
    assert_eq!(server.http1().post("/in", adt("F", "1")).msa(1), "AA");
    server.stop();
}

#[test]
fn a_port_that_becomes_free_is_taken_with_the_next_save() {
    let (home, server, taken) = beside_a_taken_port();
    let socket = taken.local_addr().unwrap();
    drop(taken);
    let moved =
        Workflow::new("Blocked", "in").with("Port", socket.port()).with("Comments", "saved");
    home.workflow("blocked", &moved.build());
    let certificate = server.certificate();
    let answers = || {
        let connects = std::net::TcpStream::connect(socket).is_ok();
        connects
            .then(|| Http1::over_tls(socket, certificate.clone()).post("/in", adt("B", "1")).msa(1))
    };
    wait_until_equal("the workflow at its port", &Some("AA".to_owned()), answers);
    assert_eq!(server.http1().post("/in", adt("F", "1")).msa(1), "AA");
    server.stop();
}

#[test]
fn a_server_ends_in_order_for_both_signals_while_clients_keep_connections_open() {
    for signal in ["TERM", "INT"] {
        let home = Home::new();
        home.workflow("one", &Workflow::new("One", "in").archive("kept.hl7").build());
        let mut server = home.serve();
        let mut kept_open = server.http1();
        let mut also = server.http2();
        assert_eq!(kept_open.post("/in", adt("K1", "1")).msa(1), "AA");
        assert_eq!(also.post("/in", adt("K2", "1")).msa(1), "AA");
        server.signal(signal);
        let status = server.wait();
        assert!(status.success(), "{signal}: {status}\n{}", server.log());
        assert!(kept_open.is_closed_by_server(), "{signal}");
    }
}

/// Ends a server by a signal as soon as its `ready` can be read; gives its exit
/// code. The shell sends the signal itself: another process would be late.
const TERMINATE_WHEN_READY: &str = r#"
mkfifo "$2"
"$0" serve --home "$1" > "$2" 2> "$2.log" &
while read -r line; do case "$line" in ready*) kill -TERM $!; break;; esac; done < "$2"
wait $!
"#;

#[test]
fn a_signal_in_the_moment_of_the_start_ends_the_server_in_order() {
    let home = Home::new();
    home.workflow("one", &Workflow::new("One", "in").build());
    for round in 0..12 {
        let mut shell = Command::new("sh");
        shell.args(["-c", TERMINATE_WHEN_READY]).arg(program::path());
        shell.arg(home.root()).arg(home.path(&format!("said-{round}")));
        let status = shell.status().unwrap();
        let log = home.read(&format!("said-{round}.log")).unwrap();
        assert_eq!(status.code(), Some(0), "round {round}: {status}\n{log}");
    }
}

#[test]
fn a_home_without_workflows_runs_and_waits_for_the_first() {
    let home = Home::new();
    let mut server = home.serve();
    assert!(server.addresses().is_empty());
    assert!(server.is_running());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let workflow = Workflow::new("First", "in").with("UseSsl", false).with("Port", port);
    home.workflow("first", &workflow.build());
    server.wait_for_log("the workflow is live");
    let mut http = Http1::plain(([127, 0, 0, 1], port).into());
    assert_eq!(http.post("/in", adt("F", "1")).msa(1), "AA");
    server.stop();
}

/// The program, with its log to a file of this name.
#[cfg(target_os = "linux")]
fn serve_with_log_to(home: &Home, log: &std::path::Path) -> Server {
    let mut shell = Command::new("sh");
    shell.args(["-c", "log=$0; exec \"$@\" 2>\"$log\""]).arg(log);
    let command = program::command(["serve", "--home"]);
    shell.arg(command.get_program()).args(command.get_args()).arg(home.root());
    shell.env(program::SHARED_CACHE, program::shared_cache());
    Server::run(shell, home.root())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_log_stops_nothing() {
    let home = Home::new();
    home.workflow("one", &Workflow::new("One", "in").build());
    let server = serve_with_log_to(&home, std::path::Path::new("/dev/full"));
    for number in ["1", "2"] {
        assert_eq!(server.http1().post("/in", "no message").status, 400);
        assert_eq!(server.http1().post("/in", adt("D", number)).msa(1), "AA");
    }
    server.stop();
}

#[cfg(target_os = "linux")]
#[test]
fn lines_of_the_log_that_nobody_could_take_are_counted() {
    use std::io::Read as _;
    let home = Home::new();
    home.workflow("one", &Workflow::new("One", "in").build());
    let log = home.path("log");
    assert!(Command::new("mkfifo").arg(&log).status().unwrap().success());
    let reader = std::thread::spawn({
        let log = log.clone();
        move || std::fs::File::open(log).unwrap()
    });
    let server = serve_with_log_to(&home, &log);
    drop(reader.join().unwrap());
    assert_eq!(server.http1().post("/in", "no message").status, 400);
    let mut reader = std::fs::File::open(&log).unwrap();
    assert_eq!(server.http1().post("/in", "no message").status, 400);
    server.stop();
    let mut told = String::new();
    reader.read_to_string(&mut told).unwrap();
    assert!(told.contains("lines of the log could not be written"), "{told}");
    assert!(told.contains("lost="), "{told}");
}
