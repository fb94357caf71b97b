//! Many clients while the workflow is saved again and again, half of the times
//! broken: every request gets exactly the answer of one whole version.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::harness::Home;
use crate::harness::home::{workflow_file, workflow_text};
use crate::harness::http2::{KeptAlive, RUNTIME};
use crate::harness::messages::adt;
use crate::harness::wait::wait_for;
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

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    answered: AtomicUsize,
    enough: AtomicBool,
    versions: Mutex<BTreeSet<usize>>,
    wrong: Mutex<Vec<String>>,
}

#[test]
fn saving_under_load_refuses_nobody_and_never_mixes_versions() {
    let (requests, saves) = size();
    let home = Home::new();
    home.workflow("one", &version(0));
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
    for save in 1..=saves {
        save_version(&home, save);
        // The saves are spread over the whole load.
        let due = save * requests / saves;
        wait_for("the load to go on", || {
            let is_live = || seen.versions.lock().unwrap().contains(&save);
            let answered = seen.answered.load(Ordering::Relaxed) >= due;
            let is_due = answered && (save % SAVES_UNTIL_LIVE != 0 || is_live());
            (is_due || clients.iter().any(JoinHandle::is_finished)).then_some(())
        });
    }
    seen.enough.store(true, Ordering::Relaxed);
    for client in clients {
        RUNTIME.block_on(client).unwrap();
    }
    let wrong = seen.wrong.lock().unwrap();
    assert!(wrong.is_empty(), "{} wrong, such as {:?}", wrong.len(), wrong.first());
    let versions = seen.versions.lock().unwrap();
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

async fn ask(mut http: KeptAlive, client: usize, seen: &Seen) {
    for number in 0.. {
        if seen.enough.load(Ordering::Relaxed) {
            return;
        }
        let control_id = format!("{client}-{number}");
        let answer = http.post("/in", Bytes::from(adt(&control_id, "1"))).await;
        let answer = match answer {
            Ok(answer) if answer.status == 200 => answer,
            other => {
                seen.wrong.lock().unwrap().push(format!("{control_id}: {other:?}"));
                return;
            }
        };
        let (from_template, from_variables) = (answer.msa(3), answer.msa(4));
        let version = from_template.parse::<usize>().ok().filter(|it| it % 2 == 0);
        match version {
            Some(version)
                if answer.msa(1) == "AA"
                    && answer.msa(2) == control_id
                    && from_template == from_variables =>
            {
                seen.versions.lock().unwrap().insert(version);
            }
            _ => seen.wrong.lock().unwrap().push(format!("{control_id}: {answer:?}")),
        }
        seen.answered.fetch_add(1, Ordering::Relaxed);
    }
}
