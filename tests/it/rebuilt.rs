//! A component that is saved again and again into a home, while messages flow through
//! it: everybody gets one answer, of one whole version, and half a file changes
//! nothing.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use crate::harness::actions::{custom, set_variable};
use crate::harness::load::{Load, Senders};
use crate::harness::{Home, Server, Workflow};
use crate::reload::marked;

const CLIENTS: usize = 4;

/// How often the component is built anew, so to speak.
const BUILDS: u8 = 9;

/// Where it is installed.
const FILE: &str = "plugins/marker.wasm";

/// What the clients have seen.
#[derive(Default)]
struct Markers {
    all: BTreeSet<String>,
    latest: String,
}

/// A load that notes the markers of its answers.
struct Watched {
    load: Load,
    markers: Arc<Mutex<Markers>>,
}

impl Watched {
    fn start(server: &Server) -> Self {
        let markers = Arc::<Mutex<Markers>>::default();
        let load = Load::start(server, &Senders::without_pause(CLIENTS, "/in"), || {
            let markers = Arc::clone(&markers);
            move |answer, _| {
                let marker = answer.msa(3);
                let is_marker = marker.starts_with("marker-version-");
                let mut markers = markers.lock().unwrap();
                markers.all.insert(marker.clone());
                markers.latest = marker;
                is_marker
            }
        });
        Self { load, markers }
    }

    fn latest(&self) -> String {
        self.markers.lock().unwrap().latest.clone()
    }

    fn wait_for_marker(&self, marker: &str) {
        self.load.wait_until(marker, || self.latest() == marker);
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
    let seen = Watched::start(&server);
    seen.wait_for_marker("marker-version-0");
    for build in 1..=BUILDS {
        save(&home, &server, &seen, build);
        seen.wait_for_marker(&format!("marker-version-{build}"));
        seen.load.answers(50);
    }
    seen.load.end();
    let expected: BTreeSet<String> =
        (0..=BUILDS).map(|build| format!("marker-version-{build}")).collect();
    assert_eq!(seen.markers.lock().unwrap().all, expected, "every build, and nothing else");
    let log = server.stop();
    assert!(log.contains("error[WF084]"), "half files were met and refused: {log}");
}

/// As a careful build does, as a careless one does, and as one that was cut short and
/// done again.
fn save(home: &Home, server: &Server, seen: &Watched, build: u8) {
    let component = marked(build);
    let half = &component[..component.len() / 2];
    match build % 3 {
        1 => home.replace(FILE, &component),
        2 => {
            // In place, in two parts, with messages in between.
            let mut file =
                OpenOptions::new().write(true).truncate(true).open(home.path(FILE)).unwrap();
            file.write_all(half).unwrap();
            seen.load.answers(50);
            file.write_all(&component[half.len()..]).unwrap();
        }
        _ => {
            let before = format!("marker-version-{}", build - 1);
            let refused = server.log().matches("error[WF084]").count();
            home.replace(FILE, half);
            server.wait_for_log_times("error[WF084]", refused + 1);
            seen.load.answers(50);
            assert_eq!(seen.latest(), before, "what runs goes on");
            home.replace(FILE, &component);
        }
    }
}
