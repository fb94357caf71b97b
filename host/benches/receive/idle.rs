//! What a workflow costs that waits for its first message: memory of the process, for
//! each of many, beyond the code that all of them share.

use std::path::Path;
use std::time::Duration;

use http_body_util::Full;
use hyper::{Request, StatusCode};

use crate::{Client, Instances, Plugin, Running, threads, workflow};

/// Workflows that are added to a running server.
const ADDED: usize = 100;

/// How long they may take to be live.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) fn report(measured: &Plugin) {
    let workflow = workflow::of_steps(4);
    let port = free_port();
    let first = workflow::beside(&workflow, port, 0);
    let server = Running::start("idle", Instances::Reused, &first, measured);
    let client = threads("client");
    client.block_on(live(&server, 0));
    let before = resident_bytes();
    for number in 1..=ADDED {
        add(server.home.path(), number, &workflow::beside(&workflow, port, number));
    }
    for number in 1..=ADDED {
        client.block_on(live(&server, number));
    }
    let each = resident_bytes().saturating_sub(before) / ADDED;
    println!("memory of an idle workflow of 4 steps: {} KiB, of {ADDED}", each >> 10);
    server.stop();
}

/// A file that is whole when it appears.
fn add(home: &Path, number: usize, workflow: &serde_json::Value) {
    let (made, placed) = (home.join("made"), home.join(format!("workflows/{number}.hl7Workflow")));
    std::fs::write(&made, serde_json::to_vec(workflow).unwrap()).unwrap();
    std::fs::rename(made, placed).unwrap();
}

/// Waits until it receives; asks for its health, so that it gets no message.
async fn live(server: &Running, number: usize) {
    let asked = async {
        let mut sender = Client::new(server.home.path()).connect(server.address).await;
        loop {
            let request = Request::head(format!("/idle/{number}")).header("host", "localhost");
            let request = request.body(Full::default()).unwrap();
            match sender.send_request(request).await {
                Ok(response) if response.status() == StatusCode::OK => return,
                Ok(_) => {}
                Err(_) => {
                    sender = Client::new(server.home.path()).connect(server.address).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the workflow is live");
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}
