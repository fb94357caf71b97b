//! A component that is saved again and again into a home, while messages flow through
//! it: everybody gets one answer, of one whole version, and half a file changes
//! nothing.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::harness::actions::{custom, set_variable};
use crate::harness::http2::{KeptAlive, RUNTIME};
use crate::harness::messages::adt;
use crate::harness::wait::wait_for;
use crate::harness::{Home, Server, Workflow};
use crate::reload::marked;

const CLIENTS: usize = 4;

/// How often the component is built anew, so to speak.
const BUILDS: u8 = 9;

/// Where it is installed.
const FILE: &str = "plugins/marker.wasm";

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    answered: AtomicUsize,
    enough: AtomicBool,
    /// The markers of all answers.
    markers: Mutex<BTreeSet<String>>,
    /// The last one.
    latest: Mutex<String>,
    wrong: Mutex<Vec<String>>,
}

impl Seen {
    /// Waits until the load has gone on for a while.
    fn wait_for_load(&self, answers: usize) {
        let until = self.answered.load(Ordering::Relaxed) + answers;
        wait_for("the load to go on", || {
            let is_wrong = !self.wrong.lock().unwrap().is_empty();
            (is_wrong || self.answered.load(Ordering::Relaxed) >= until).then_some(())
        });
    }

    fn wait_for_marker(&self, marker: &str) {
        wait_for(marker, || {
            let is_wrong = !self.wrong.lock().unwrap().is_empty();
            (is_wrong || *self.latest.lock().unwrap() == marker).then_some(())
        });
    }
}

/// Answers with the control id of the message and the marker of the component.
fn serving() -> (Home, Server) {
    let home = Home::new();
    home.plugin("marker", &marked(0));
    let workflow = Workflow::new("Marked", "in")
        .variables(vec![set_variable("Control", "MSH-10"), custom("Test.Marker")])
        .responding("MSH|^~\\&|T\rMSA|AA|${Control}|${Marker}\r");
    home.workflow("one", &workflow.build());
    let server = home.serve();
    (home, server)
}

#[test]
fn a_rebuilt_component_is_live_at_the_next_message_and_half_of_one_changes_nothing() {
    let (home, server) = serving();
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
    seen.wait_for_marker("marker-version-0");
    for build in 1..=BUILDS {
        save(&home, &server, &seen, build);
        seen.wait_for_marker(&format!("marker-version-{build}"));
        seen.wait_for_load(50);
    }
    seen.enough.store(true, Ordering::Relaxed);
    for client in clients {
        RUNTIME.block_on(client).unwrap();
    }
    let wrong = seen.wrong.lock().unwrap();
    assert!(wrong.is_empty(), "{} wrong, such as {:?}", wrong.len(), wrong.first());
    let expected: BTreeSet<String> =
        (0..=BUILDS).map(|build| format!("marker-version-{build}")).collect();
    assert_eq!(*seen.markers.lock().unwrap(), expected, "every build, and nothing else");
    let log = server.stop();
    assert!(log.contains("error[WF084]"), "half files were met and refused: {log}");
}

/// As a careful build does, as a careless one does, and as one that was cut short and
/// done again.
fn save(home: &Home, server: &Server, seen: &Seen, build: u8) {
    let component = marked(build);
    let half = &component[..component.len() / 2];
    match build % 3 {
        1 => home.replace(FILE, &component),
        2 => {
            // In place, in two parts, with messages in between.
            let mut file =
                OpenOptions::new().write(true).truncate(true).open(home.path(FILE)).unwrap();
            file.write_all(half).unwrap();
            seen.wait_for_load(50);
            file.write_all(&component[half.len()..]).unwrap();
        }
        _ => {
            let before = format!("marker-version-{}", build - 1);
            let refused = server.log().matches("error[WF084]").count();
            home.replace(FILE, half);
            server.wait_for_log_times("error[WF084]", refused + 1);
            seen.wait_for_load(50);
            assert_eq!(*seen.latest.lock().unwrap(), before, "what runs goes on");
            home.replace(FILE, &component);
        }
    }
}

async fn ask(mut http: KeptAlive, client: usize, seen: &Seen) {
    for number in 0.. {
        if seen.enough.load(Ordering::Relaxed) {
            return;
        }
        let control_id = format!("{client}-{number}");
        let answer = http.post("/in", Bytes::from(adt(&control_id, "1"))).await;
        match answer {
            Ok(answer)
                if answer.status == 200
                    && answer.msa(1) == "AA"
                    && answer.msa(2) == control_id
                    && answer.msa(3).starts_with("marker-version-") =>
            {
                let marker = answer.msa(3);
                seen.markers.lock().unwrap().insert(marker.clone());
                *seen.latest.lock().unwrap() = marker;
            }
            other => {
                seen.wrong.lock().unwrap().push(format!("{control_id}: {other:?}"));
                return;
            }
        }
        seen.answered.fetch_add(1, Ordering::Relaxed);
    }
}
