//! Many clients while the workflow is saved again and again, half of the times
//! broken: every request gets exactly the answer of one whole version.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::harness::Home;
use crate::harness::home::{workflow_file, workflow_text};
use crate::harness::load::{Load, Senders};
use crate::reload::version;

const CLIENTS: usize = 16;

/// After so many saves, the load goes on until the last one is live.
const SAVES_UNTIL_LIVE: usize = 20;

/// How many requests at least, and how often the file is saved meanwhile.
fn size() -> (usize, usize) {
    match std::env::var_os("TUREEN_QUICK") {
        Some(_) => (4_000, 60),
        None => (20_000, 200),
    }
}

#[test]
fn saving_under_load_refuses_nobody_and_never_mixes_versions() {
    let (requests, saves) = size();
    let home = Home::new();
    home.workflow("one", &version(0));
    let server = home.serve();
    let versions = Arc::<Mutex<BTreeSet<usize>>>::default();
    let load = Load::start(&server, &Senders::without_pause(CLIENTS, "/in"), || {
        let versions = Arc::clone(&versions);
        move |answer, _| {
            let (from_template, from_variables) = (answer.msa(3), answer.msa(4));
            let version = from_template.parse::<usize>().ok().filter(|it| it % 2 == 0);
            versions.lock().unwrap().extend(version);
            version.is_some() && from_template == from_variables
        }
    });
    for save in 1..=saves {
        save_version(&home, save);
        // The saves are spread over the whole load.
        let due = save * requests / saves;
        load.wait_until("the load to go on", || {
            let is_live = || versions.lock().unwrap().contains(&save);
            load.answered() >= due && (save % SAVES_UNTIL_LIVE != 0 || is_live())
        });
    }
    load.end();
    let versions = versions.lock().unwrap();
    assert!(versions.len() > saves / SAVES_UNTIL_LIVE, "{versions:?}");
    assert_eq!(versions.last(), Some(&saves), "the last save is live");
    server.stop();
}

/// Even saves are good, odd ones broken; in place and by renaming.
fn save_version(home: &Home, save: usize) {
    let file = workflow_file("one");
    let text = workflow_text(&version(save));
    match save % 4 {
        0 => drop(home.write(&file, text)),
        1 => drop(home.write(&file, &text[..text.len() / 2])),
        2 => home.replace(&file, text),
        _ => {
            let mut broken = version(save);
            broken["WorkflowPattern"][0]["VariableTransformers"] =
                "00000000-1111-4222-8333-444444444444".into();
            home.replace(&file, workflow_text(&broken));
        }
    }
}
