use std::net::TcpListener;

use super::{assert_one_fault, only_diagnosis, receiver};
use crate::harness::ports::free_port;
use crate::harness::{Home, Server, Workflow, program};

fn at(name: &str, port: u16, service: &str) -> Workflow {
    receiver(name).with("Port", port).with("ServiceName", service)
}

fn hosted(workflow: Workflow) -> Workflow {
    workflow.with("UseIntegrationHostServiceAddress", true).with("UseSsl", false)
}

#[test]
fn two_workflows_that_cannot_be_beside_each_other_are_both_named() {
    let [port, shared] = [free_port(), free_port()];
    let table = format!("[service_address]\nport = {shared}\n");
    let plain = |name| at(name, port, "plain").with("UseSsl", false);
    let tls = |name| at(name, port, "tls");
    for (name, tables, first, second, code, message) in [
        (
            "T-57 plain and TLS",
            "",
            tls("One"),
            plain("Two"),
            "WF070",
            "with different TLS settings",
        ),
        (
            "T-57 TLS and plain",
            "",
            plain("One"),
            tls("Two"),
            "WF070",
            "with different TLS settings",
        ),
        (
            "own and shared address",
            table.as_str(),
            hosted(tls("One")),
            at("Two", shared, "plain").with("UseSsl", false),
            "WF070",
            "with different TLS settings",
        ),
        ("same path", "", tls("One"), tls("Two"), "WF071", "two workflows want port"),
        (
            "same path, other case and slashes",
            "",
            at("One", port, "a/b"),
            at("Two", port, "A/%42"),
            "WF071",
            "two workflows want port",
        ),
        (
            "same name at the shared address",
            &table,
            hosted(at("One", port, "lab")),
            hosted(at("Two", free_port(), "LAB")),
            "WF072",
            "at the shared address",
        ),
    ] {
        let home = Home::and(tables);
        home.workflow("one", &first.build());
        home.workflow("two", &second.build());
        // One by its name, the other as the file in which the fault is.
        let words = [message, "\"One\"", "two.hl7Workflow"];
        assert_one_fault(&home, name, ("error", code), &words, &["One"]);
    }
}

#[test]
fn a_port_that_another_program_has_is_told_by_check_and_at_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let home = Home::new();
    home.workflow("lab", &at("Lab", port, "in").build());
    home.workflow("free", &receiver("Free").build());
    let found = only_diagnosis(&home, "taken");
    // This home's own server may be the other program, so that it is only a warning.
    assert_eq!((&found["code"], &found["severity"]), (&"WF090".into(), &"warning".into()));
    let message = format!("cannot listen on 127.0.0.1:{port}: another program uses this port");
    assert!(found["message"].as_str().unwrap().starts_with(&message), "{found:#}");
    assert_eq!(found["help"], "nothing is wrong if this home's server runs now");
    let server = home.serve();
    server.wait_for_log(&format!("error[WF090]: {message}"));
    let running: Vec<&String> = server.addresses().keys().collect();
    assert_eq!(running, ["Free"], "{}", server.said());
    server.stop();
}

/// Where the system lets everybody have all ports, the same receiver must start.
fn is_privileged(port: u16) -> bool {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    first.is_ok_and(|first| first.trim().parse::<u16>().is_ok_and(|first| port < first))
}

#[test]
fn a_port_below_1024_without_the_right_is_told_by_check_and_at_the_start() {
    let port = (600..1_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    // Without the right to try: nobody listens there by chance.
    let port = port.unwrap_or(913);
    let home = Home::new();
    home.workflow("lab", &at("Lab", port, "in").build());
    home.workflow("free", &receiver("Free").build());
    let arguments = |command: &str| {
        let home = home.root().to_str().unwrap().to_owned();
        [command.to_owned(), "--home".to_owned(), home]
    };
    let checked = program::run_command(program::without_low_ports(arguments("check")));
    let server = Server::run(program::without_low_ports(arguments("serve")), home.root());
    let running: Vec<&String> = server.addresses().keys().collect();
    if !is_privileged(port) {
        assert_eq!(checked.code, Some(0), "{checked:?}");
        assert_eq!(running, ["Free", "Lab"], "{}", server.said());
        return;
    }
    let told = format!(
        "error[WF090]: cannot listen on 127.0.0.1:{port}: permission denied. Ports below 1024 need \
         a privilege: choose a higher port, or grant CAP_NET_BIND_SERVICE"
    );
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.contains(&told), "{checked:?}");
    assert!(checked.stdout.contains("lab.hl7Workflow"), "{checked:?}");
    assert_eq!(running, ["Free"], "{}", server.said());
    server.wait_for_log(&told);
    server.stop();
}
