//! What commands show of senders, and when they perform them.

use super::peers::{HttpServer, acknowledgement, mllp, response};
use super::{HTTP_SENDER, MLLP_SENDER};
use crate::harness::home::workflow_file;
use crate::harness::messages::adt;
use crate::harness::workflow::received;
use crate::harness::{Activity, Home, Workflow};

#[test]
fn a_run_shows_senders_and_performs_them_only_live() {
    let peer = HttpServer::start(None, |_| response(200, &[], "stored"));
    let (port, seen) = mllp(None, |_, message| Some(acknowledgement("AA", message)));
    let address = format!("http://127.0.0.1:{}", peer.port);
    let http = Activity::of_class(HTTP_SENDER, "Web")
        .with("Server", format!("{address}/in"))
        .with("MessageType", 13)
        .template("for the web");
    let lab = Activity::of_class(MLLP_SENDER, "Lab").with("Port", port).template(&received());
    let home = Home::with(&format!(
        "[plugins.http-sender]\nhttp = [\"{address}\"]\n\
         [plugins.mllp-sender]\ntcp = [\"127.0.0.1:{port}\"]\n"
    ));
    home.workflow("both", &Workflow::new("Both", "in").activity(http).activity(lab).build());
    let message = home.write("message.hl7", adt("S1", "1"));
    let workflow = home.path(&workflow_file("both"));
    let run = |more: &[&str]| {
        let arguments = ["run", workflow.to_str().unwrap(), "--message", message.to_str().unwrap()];
        home.run(&[&arguments[..], more].concat())
    };
    let shown = run(&[]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("for the web"), "{shown:?}");
    assert_eq!(shown.stdout.matches("shown, not performed").count(), 2, "{shown:?}");
    assert!(peer.seen().is_empty() && seen.lock().unwrap().is_empty());
    let live = run(&["--live", "--json"]);
    assert_eq!(live.code, Some(0), "{live:?}");
    let activities = live.json()["activities"].clone();
    assert_eq!(activities[0]["response"], "stored");
    assert!(activities[1]["response"].as_str().unwrap().contains("MSA|AA|S1"), "{activities}");
    assert_eq!((peer.seen().len(), seen.lock().unwrap().len()), (1, 1));
}

#[test]
fn without_a_home_senders_are_shown_and_live_is_refused() {
    let http = Activity::of_class(HTTP_SENDER, "Web")
        .with("Server", "https://lab.example.org/in")
        .with("MessageType", 13)
        .template("for the web");
    let home = Home::with("");
    home.workflow("web", &Workflow::new("Web", "in").activity(http).build());
    let message = home.write("message.hl7", adt("S1", "1"));
    let workflow = home.path(&workflow_file("web"));
    let run = |more: &[&str]| {
        let arguments = ["run", workflow.to_str().unwrap(), "--message", message.to_str().unwrap()];
        crate::harness::program::run(arguments.iter().chain(more))
    };
    let shown = run(&[]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("for the web"), "{shown:?}");
    let live = run(&["--live"]);
    assert_eq!(live.code, Some(1), "{live:?}");
    assert!(live.said().contains("WF083"), "{live:?}");
}
