//! Thousands of reloads of workflow and plugin under load leave nothing behind: no
//! answer is lost or doubled, and memory, handles and threads stay what they were
//! after the first tenth.
//!
//! A usual run makes some hundred reloads; `TUREEN_RELOADS=10000` makes as many.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;

use crate::harness::actions::{custom, set_variable};
use crate::harness::home::{workflow_file, workflow_text};
use crate::harness::http2::{KeptAlive, RUNTIME};
use crate::harness::messages::adt;
use crate::harness::resources::Resources;
use crate::harness::wait::wait_for;
use crate::harness::{Home, Workflow};
use crate::reload::marked;

const CLIENTS: usize = 4;

/// Every so many reloads it is the plugin's turn.
const PLUGIN_EVERY: usize = 4;

/// What an allocator and a busy machine may do; a leak of 1 KB a reload shows.
const SLACK_KIB: u64 = 16 << 10;

/// Threads that wait for more work for a while, files that are being read.
const SOME: usize = 16;

fn reloads() -> usize {
    match std::env::var("TUREEN_RELOADS") {
        Ok(number) => number.parse().expect("TUREEN_RELOADS is a number"),
        Err(_) => 240,
    }
}

/// Answers with its number and with the plugin's.
fn workflow(number: usize) -> String {
    let workflow = Workflow::new("Endurance", "in")
        .variables(vec![set_variable("Control", "MSH-10"), custom("Test.Marker")])
        .responding(&format!("MSH|^~\\&|T\rMSA|AA|${{Control}}|{number}|${{Marker}}\r"));
    workflow_text(&workflow.build())
}

/// What is live, or will be: the number of the workflow, the digit of the plugin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Version {
    workflow: usize,
    plugin: u8,
}

impl Version {
    /// The version after one more reload.
    fn next(self, reload: usize) -> Self {
        if reload.is_multiple_of(PLUGIN_EVERY) {
            Self { plugin: self.plugin % 9 + 1, ..self }
        } else {
            Self { workflow: reload, ..self }
        }
    }

    fn save(self, before: Self, home: &Home) {
        if self.plugin == before.plugin {
            home.replace(&workflow_file("one"), workflow(self.workflow));
        } else {
            home.replace("plugins/marker.wasm", marked(self.plugin));
        }
    }
}

#[derive(Default)]
struct Seen {
    answered: AtomicUsize,
    enough: AtomicBool,
    wrong: Mutex<Vec<String>>,
}

#[test]
fn thousands_of_reloads_leave_nothing_behind() {
    let reloads = reloads();
    let home = Home::new();
    let mut live = Version { workflow: 0, plugin: 1 };
    home.plugin("marker", &marked(live.plugin));
    home.write(&workflow_file("one"), workflow(live.workflow));
    let server = home.serve();
    let seen = Arc::new(Seen::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (socket, certificate) = (server.socket(), server.certificate());
            let seen = Arc::clone(&seen);
            RUNTIME.spawn(async move {
                match KeptAlive::connect(socket, certificate).await {
                    Ok(http) => ask(http, client, &seen).await,
                    Err(error) => seen.wrong.lock().unwrap().push(error),
                }
            })
        })
        .collect();

    let mut probe = server.http1();
    let mut settled = None;
    for reload in 1..=reloads {
        let next = live.next(reload);
        next.save(live, &home);
        let expected = (next.workflow.to_string(), format!("marker-version-{}", next.plugin));
        wait_for("the reload to be live", || {
            let answer = probe.post("/in", adt("probe", "1"));
            ((answer.msa(3), answer.msa(4)) == expected).then_some(())
        });
        live = next;
        if reload == reloads / 10 {
            settled = Some(Resources::of(server.process_id()));
        }
    }
    let (settled, after) = (settled.unwrap(), Resources::of(server.process_id()));
    seen.enough.store(true, Ordering::Relaxed);
    for client in clients {
        RUNTIME.block_on(client).unwrap();
    }
    let wrong = seen.wrong.lock().unwrap();
    assert!(wrong.is_empty(), "{} wrong, such as {:?}", wrong.len(), wrong.first());
    let answered = seen.answered.load(Ordering::Relaxed);
    assert!(answered > reloads, "only {answered} answers during {reloads} reloads");
    println!(
        "{reloads} reloads, {answered} answers: {settled:?} after a tenth, {after:?} at the end"
    );
    assert!(
        after.resident_kib <= settled.resident_kib + settled.resident_kib / 20 + SLACK_KIB,
        "memory grew: {settled:?}, {after:?}"
    );
    assert!(after.threads <= settled.threads + SOME, "{settled:?}, {after:?}");
    assert!(after.descriptors <= settled.descriptors + SOME, "{settled:?}, {after:?}");
    server.stop();
}

/// One request after the other: an answer that is lost or doubled shows in the next.
async fn ask(mut http: KeptAlive, client: usize, seen: &Seen) {
    let mut newest = 0;
    for number in 0.. {
        if seen.enough.load(Ordering::Relaxed) {
            return;
        }
        let control_id = format!("{client}-{number}");
        let answer = match http.post("/in", Bytes::from(adt(&control_id, "1"))).await {
            Ok(answer) if answer.status == 200 => answer,
            other => {
                seen.wrong.lock().unwrap().push(format!("{control_id}: {other:?}"));
                return;
            }
        };
        let version = answer.msa(3).parse::<usize>().ok().filter(|it| *it >= newest);
        let is_right = answer.msa(1) == "AA" && answer.msa(2) == control_id;
        match version {
            Some(version) if is_right => newest = version,
            _ => seen.wrong.lock().unwrap().push(format!("{control_id}: {answer:?}")),
        }
        seen.answered.fetch_add(1, Ordering::Relaxed);
    }
}
