//! Open files that are used up, and memory that is not.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::answers::accepts;
use crate::harness::wait::PATIENCE;
use crate::harness::{Connection, Home, Server, Workflow};

/// Plain TCP, and nothing said.
fn silent(server: &Server) -> Option<TcpStream> {
    TcpStream::connect_timeout(&server.socket(), PATIENCE).ok()
}

#[test]
fn far_more_connections_than_files_are_survived() {
    const CONNECTS: usize = 20_000;
    const AT_ONCE: usize = 500;
    let home = Home::and("[limits]\nconnections = 100000\nconnections_per_peer = 100000\n");
    home.workflow("admissions", &Workflow::new("Admissions", "adt/in").archive("kept.hl7").build());
    let mut server = Server::start_with_files(home.root(), 256);
    assert!(server.log().contains("limits.connections is 100000, but only "), "{}", server.log());
    let mut open = VecDeque::new();
    for _ in 0..CONNECTS {
        open.extend(silent(&server));
        if open.len() > AT_ONCE {
            open.pop_front();
        }
    }
    assert!(server.is_running());
    drop(open);
    accepts(&mut Connection::one(&server), "after");
    assert!(!server.log().contains("cannot accept"), "connections leave room for files");
    server.stop();
}

/// Sets the soft limit of open files of a running process.
fn allow_files(server: &Server, soft: &str) {
    let process = server.process_id().to_string();
    let limit = format!("--nofile={soft}:");
    let set = Command::new("prlimit").args(["--pid", &process, &limit]).status();
    assert!(set.unwrap().success());
}

#[test]
fn a_server_that_has_no_file_left_waits_until_it_has() {
    let home = Home::new();
    home.workflow("admissions", &Workflow::new("Admissions", "adt/in").archive("kept.hl7").build());
    let server = home.serve();
    let mut open = Connection::one(&server);
    accepts(&mut open, "before");
    let enough = std::fs::read_to_string(format!("/proc/{}/limits", server.process_id())).unwrap();
    let enough = enough.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let enough = enough.split_whitespace().next().unwrap().to_owned();
    allow_files(&server, "4");
    let waiting: Vec<_> = (0..20).filter_map(|_| silent(&server)).collect();
    server.wait_for_log("cannot accept connections");
    allow_files(&server, &enough);
    drop(waiting);
    accepts(&mut Connection::one(&server), "after");
    accepts(&mut open, "still");
    server.stop();
}

/// Resident memory in KiB.
fn memory(server: &Server, which: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(which)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_gzip_bomb_is_refused_and_takes_no_memory() {
    let home = Home::new();
    home.workflow("admissions", &Workflow::new("Admissions", "adt/in").archive("kept.hl7").build());
    let server = home.serve();
    accepts(&mut Connection::one(&server), "before");
    let before = memory(&server, "VmHWM");
    // A gzip head, and blocks of zeros that stand for 10 GB; they do not get to their end.
    let mut zeros = DeflateEncoder::new(Vec::new(), Compression::best());
    zeros.write_all(&vec![0; 64 << 20]).unwrap();
    zeros.flush().unwrap();
    let mut bomb = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    while bomb.len() < 10_000_000 {
        bomb.extend_from_slice(zeros.get_ref());
    }
    for _ in 0..5 {
        let mut http = server.http1();
        let length = bomb.len();
        http.send(format!(
            "POST /adt/in HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n\
             Content-Length: {length}\r\n\r\n"
        ));
        // The answer may come before all has been sent.
        let _sent = http.try_send(&bomb);
        assert_eq!(http.answer("POST").status, 413);
    }
    let grown = memory(&server, "VmHWM") - before;
    assert!(grown < 64 * 1024, "{grown} KiB more at the highest");
    accepts(&mut Connection::one(&server), "after");
    server.stop();
}
