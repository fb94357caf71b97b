//! What monitors are told: `/healthz` and `/readyz` at the admin address, and HEAD at receivers.

use std::net::{SocketAddr, TcpListener};

use serde_json::{Value, json};

use crate::harness::admin::{admin_address, get};
use crate::harness::home::{workflow_file, workflow_text};
use crate::harness::http1::request;
use crate::harness::ports::free_port;
use crate::harness::wait::{wait_for, wait_until_equal};
use crate::harness::{Connection, Home, Http1, Workflow};

const TEXT: i64 = 13;

fn workflow(name: &str, service: &str) -> Workflow {
    Workflow::new(name, service).with("MessageType", TEXT).responding("received")
}

/// `/readyz`: the status, whether it is ready, and the states by name.
fn readiness(admin: SocketAddr) -> (u16, Value) {
    let answer = get(admin, "/readyz");
    let mut told: Value = serde_json::from_slice(&answer.body).unwrap();
    told.as_object_mut().unwrap().remove("refused").expect("what was refused");
    (answer.status, told)
}

fn told(status: &str, workflows: &[(&str, &str)]) -> Value {
    let workflow = |(name, state): &(&str, &str)| json!({ "name": name, "state": state });
    let workflows: Vec<Value> = workflows.iter().map(workflow).collect();
    json!({ "status": status, "workflows": workflows })
}

#[test]
fn what_is_asked_for_decides_the_answer_of_the_admin_address() {
    let home = Home::new();
    home.workflow("one", &workflow("One", "in").build());
    let server = home.serve();
    let admin = admin_address(&server);
    assert!(admin.ip().is_loopback(), "{admin}");
    let alive = "{\"status\":\"alive\"}\n";
    for (name, method, path, body, status, text) in [
        ("alive", "GET", "/healthz", "", 200, Some(alive)),
        ("alive, HEAD", "HEAD", "/healthz", "", 200, Some("")),
        ("alive, query", "GET", "/healthz?verbose=1", "", 200, Some(alive)),
        ("ready", "GET", "/readyz", "", 200, None),
        ("ready, HEAD", "HEAD", "/readyz", "", 200, Some("")),
        ("unknown path", "GET", "/", "", 404, Some("")),
        ("unknown path below", "GET", "/healthz/x", "", 404, Some("")),
        ("other letter case", "GET", "/HealthZ", "", 404, Some("")),
        ("a receiver's path", "GET", "/in", "", 404, Some("")),
        ("POST", "POST", "/healthz", "", 405, Some("")),
        ("PUT", "PUT", "/readyz", "", 405, Some("")),
        ("DELETE", "DELETE", "/", "", 405, Some("")),
        ("a body", "GET", "/healthz", "text", 413, Some("")),
        ("a body, POST", "POST", "/healthz", "text", 413, Some("")),
    ] {
        let mut http = Http1::plain(admin);
        let answer = http.request(method, path, body);
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        if let Some(text) = text {
            assert_eq!(answer.text(), text, "{name}: {answer:?}");
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        let allow = (status == 405).then_some("GET, HEAD");
        assert_eq!(answer.header("allow"), allow, "{name}");
        let has_content = method == "GET" && status == 200;
        let content_type = has_content.then_some("application/json");
        if method == "GET" {
            assert_eq!(answer.content_type.as_deref(), content_type, "{name}");
        }
    }
    // It speaks no TLS, and receivers know nothing of health.
    let mut receiver = server.http1();
    assert_eq!(receiver.request("GET", "/healthz", "").status, 404);
    server.stop();
}

#[test]
fn ready_follows_what_becomes_of_the_files() {
    let home = Home::new();
    let one = workflow_text(&workflow("One", "one").build());
    home.write(&workflow_file("one"), &one);
    home.workflow("two", &workflow("Two", "two").with("Disabled", true).build());
    let server = home.serve();
    let admin = admin_address(&server);
    let wait = |name: &str, status: u16, ready: &str, workflows: &[(&str, &str)]| {
        wait_until_equal(name, &(status, told(ready, workflows)), || readiness(admin));
        assert_eq!(get(admin, "/healthz").status, 200, "{name}: alive all the while");
    };
    let two = ("two.hl7Workflow", "disabled");
    wait("one runs, two is not to", 200, "ready", &[("One", "running"), two]);
    home.replace(&workflow_file("one"), &one[..one.len() / 2]);
    let older = ("One", "running an older version");
    wait("the file of one is broken", 503, "not ready", &[older, two]);
    assert_eq!(server.http1().post("/one", "text").status, 200, "the version before goes on");
    home.write(&workflow_file("three"), "{");
    let three = ("three.hl7Workflow", "failed");
    wait("three never ran", 503, "not ready", &[older, three, two]);
    home.replace(&workflow_file("one"), &one);
    wait("one is whole again", 503, "not ready", &[("One", "running"), three, two]);
    std::fs::remove_file(home.path(&workflow_file("three"))).unwrap();
    wait("three is gone", 200, "ready", &[("One", "running"), two]);
    home.workflow("two", &workflow("Two", "two").build());
    wait("two is to run", 200, "ready", &[("One", "running"), ("Two", "running")]);
    server.stop();
}

#[test]
fn ready_tells_what_was_refused() {
    let home = Home::new();
    home.workflow("one", &workflow("One", "in").build());
    let server = home.serve();
    let admin = admin_address(&server);
    let refused = || {
        let told: Value = serde_json::from_slice(&get(admin, "/readyz").body).unwrap();
        told["refused"].clone()
    };
    assert_eq!(refused(), json!({}));
    // Plain HTTP at an HTTPS port.
    let mut plain = Http1::plain(server.socket());
    plain.send(request("POST", "/in", b"text"));
    assert!(plain.try_answer("POST").is_err());
    wait_for("a refused handshake", || {
        let counts = refused();
        counts.as_object().unwrap().values().any(|count| *count == json!(1)).then_some(())
    });
    server.stop();
}

/// A home whose `[admin]` is this.
fn with_admin(lines: &str) -> Home {
    let home = Home::new();
    let config = home.read("tureen.toml").unwrap();
    let changed = config.replace("[admin]\nport = 0\n", &format!("[admin]\n{lines}\n"));
    assert_ne!(changed, config);
    home.write("tureen.toml", changed);
    home.workflow("one", &workflow("One", "in").build());
    home
}

#[test]
fn without_an_admin_address_messages_are_received() {
    let port = free_port();
    let home = with_admin(&format!("enabled = false\nport = {port}"));
    let server = home.serve();
    assert_eq!(server.http1().post("/in", "text").text(), "received");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "nobody listens");
    let log = server.stop();
    assert!(!log.contains("tells its health"), "{log}");
}

#[test]
fn with_a_taken_admin_port_messages_are_received_and_it_is_told_once() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let home = with_admin(&format!("port = {port}"));
    let server = home.serve();
    assert_eq!(server.http1().post("/in", "text").text(), "received");
    let what = format!(
        "no health is told, set [admin] in tureen.toml: cannot listen on 127.0.0.1:{port}: another \
         program uses this port"
    );
    server.wait_for_log(&what);
    home.workflow("two", &workflow("Two", "two").build());
    server.wait_for_log("workflow=\"Two\"");
    assert_eq!(server.http1().post("/two", "text").text(), "received");
    let log = server.stop();
    assert_eq!(log.matches("no health is told").count(), 1, "{log}");
}

#[test]
fn head_at_a_receiver_tells_of_that_workflow_alone() {
    let home = Home::new();
    home.workflow("one", &workflow("One", "one").build());
    home.workflow("other", &workflow("Other", "other").build());
    let stopped = workflow("Stopped", "stopped").with("Disabled", true);
    home.workflow("stopped", &stopped.build());
    // It loads as far as its address, and one of its links leads nowhere.
    let mut faulty = workflow("Faulty", "faulty").build();
    faulty["WorkflowPattern"][0]["Filters"] = json!("00000000-1111-4222-8333-444444444444");
    home.workflow("faulty", &faulty);
    let server = home.serve();
    for (version, connection) in Connection::both(&server) {
        for (path, head, post) in [
            ("/one", 200, 200),
            ("/one/below", 200, 200),
            ("/stopped", 503, 503),
            ("/faulty", 503, 503),
            ("/nobody", 404, 404),
        ] {
            let mut connection = connection.another(&server);
            let answer = connection.request("HEAD", path, "");
            assert_eq!(answer.status, head, "{version}, HEAD {path}: {answer:?}");
            assert_eq!(answer.text(), "", "{version}, HEAD {path}");
            let answer = connection.request("POST", path, "text");
            assert_eq!(answer.status, post, "{version}, POST {path}: {answer:?}");
        }
    }
    // A workflow that is stopped while a connection is open, and started again. The other one
    // keeps the port open.
    let mut http = server.http1();
    for (disabled, expected) in [(true, 503), (false, 200)] {
        let changed = workflow("One", "one").with("Disabled", disabled);
        home.workflow("one", &changed.build());
        let what = format!("HEAD with Disabled {disabled}");
        wait_until_equal(&what, &expected, || http.request("HEAD", "/one", "").status);
    }
    server.stop();
}
