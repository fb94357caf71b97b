//! Thousands of reloads of workflow and plugin under load leave nothing behind: no
//! answer is lost or doubled, and memory, handles and threads stay what they were
//! after the first tenth.
//!
//! A usual run makes some hundred reloads; `TUREEN_RELOADS=10000` makes as many.

use crate::harness::actions::{custom, set_variable};
use crate::harness::home::{workflow_file, workflow_text};
use crate::harness::load::{Load, Senders};
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

#[test]
fn thousands_of_reloads_leave_nothing_behind() {
    let reloads = reloads();
    let home = Home::new();
    let mut live = Version { workflow: 0, plugin: 1 };
    home.plugin("marker", &marked(live.plugin));
    home.write(&workflow_file("one"), workflow(live.workflow));
    let server = home.serve();
    let load = Load::start(&server, &Senders::without_pause(CLIENTS, "/in"), || {
        let mut newest = 0;
        move |answer, _| {
            let version = answer.msa(3).parse::<usize>();
            let goes_on = version.as_ref().is_ok_and(|version| *version >= newest);
            newest = version.unwrap_or(newest);
            goes_on
        }
    });

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
    let answered = load.end();
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
