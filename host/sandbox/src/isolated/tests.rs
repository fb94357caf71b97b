//! Runs that travel, workers that lie, programs that are no workers.

use std::sync::Arc;
use std::time::Instant;

use jiff::Zoned;
use tureen_message::{Format, Message, ParseOptions};
use tureen_template::{Direction, Globals, RunFacts, SettingId, Variables};

use super::WorkerProgram;
use super::answers::{answer_bytes_max, failure_of, take_over};
use super::frames::{Blob, encode};
use super::process::{NotStarted, Worker};
use super::travelling::{TravellingRun, TravellingVariables};
use super::travelling_globals::{globals_for, globals_of};
use super::wire::{Answered, Begin, Called, TravellingFailure, TravellingNotification};
use super::zone::Zone;
use crate::compile::Fingerprint;
use crate::exchange::{CallFacts, Exchange, NoTables, Notifications, Run, Target};
use crate::failure::{Breakdown, Failure};
use crate::grants::Grants;
use crate::isolated::WorkerLimits;
use crate::limits::Limits;
use crate::usage::{CallOutcome, Usage};

const ONE: SettingId = SettingId::from_u128(1);
const OTHER: SettingId = SettingId::from_u128(2);

fn message(format: Format, text: &str) -> Message {
    Message::parse(format, text.as_bytes().to_vec(), &ParseOptions::default()).unwrap()
}

fn run() -> Run {
    let facts = RunFacts { received: Zoned::now(), instance: 7, clock: Zoned::now };
    let mut globals = Globals::new();
    globals.insert("City", "Ghent");
    globals.insert_secret("Lab", "sesame");
    globals.insert_secret("Other", "hush");
    let mut variables = Variables::new(facts, Arc::new(globals));
    variables.set("Patient", "4711").unwrap();
    variables.set_builtin("ClientIP", "10.0.0.1");
    let mut exchange = Exchange::new(ONE, [OTHER].into_iter());
    exchange.put(ONE, Direction::Inbound, message(Format::Hl7, "MSH|^~\\&|A\rPID|1||4711\r"));
    exchange.put(OTHER, Direction::Outbound, message(Format::Json, "{\"a\": [1]}"));
    let (workflow, message_id) = ("W".to_owned(), "m-1".to_owned());
    Run {
        variables,
        exchange,
        tables: Arc::new(NoTables),
        latest: None,
        parse: Arc::default(),
        facts: Arc::new(CallFacts { workflow, message_id, attempt: 1 }),
        log: Vec::new(),
        notifications: Notifications::default(),
        acknowledgements: 3,
    }
}

fn target(writable: bool) -> Target {
    Target { setting: ONE, direction: Direction::Inbound, writable }
}

fn called() -> Called {
    Called {
        outcome: Ok(Answered::Done),
        usage: Usage::without_instance(CallOutcome::Ok).into(),
        variables: None,
        ids: 0,
        changed: None,
        log: Vec::new(),
        notifications: Vec::new(),
        acknowledgements: 4,
    }
}

/// What the run is, as far as a step can tell.
fn seen(run: &Run) -> Vec<String> {
    let texts = run.exchange.slots().flat_map(|(setting, inbound, outbound)| {
        let text = |message: Option<&Message>| message.map(|it| it.whole_text().into_owned());
        [Some(setting.to_string()), text(inbound), text(outbound)]
    });
    let names = ["Patient", "City", "ClientIP", "ReceivedDate", "WorkflowInstanceId", "Lab"];
    let variables = names.map(|name| run.variables.get(name).map(std::borrow::Cow::into_owned));
    let facts = [format!("{:?} {}", run.facts, run.acknowledgements)];
    texts.chain(variables).map(Option::unwrap_or_default).chain(facts).collect()
}

#[test]
fn a_run_is_the_same_on_the_other_side_but_for_secrets_that_are_not_granted() {
    Zone::of_this_process().take_over().unwrap();
    let before = run();
    let grants = Grants { secrets: vec!["LAB".to_owned()], ..Grants::default() };
    let globals = globals_for(before.variables.globals(), &grants);
    let sent = encode(&(TravellingRun::of(&before), globals)).unwrap();
    assert!(!String::from_utf8_lossy(&sent).contains("hush"), "it went along");
    let (travelling, globals): (TravellingRun, _) = postcard::from_bytes(&sent[4..]).unwrap();
    let globals = Arc::new(globals_of(globals));
    let latest = Some(Instant::now());
    let after = travelling.run(globals, Arc::new(NoTables), latest).unwrap();
    assert_eq!(seen(&after), seen(&before));
    assert_eq!(after.variables.secret("lab"), Some(Ok("sesame")));
    assert_eq!(after.variables.secret("other"), Some(Ok("")));
    assert_eq!(after.latest, latest);
    let offset = after.variables.now().offset();
    assert_eq!(offset, before.variables.now().offset(), "its clock is in the same zone");
}

#[test]
fn what_a_call_changed_is_taken_over() {
    let mut run = run();
    let workflow = vec![("Patient".to_owned(), "4712".to_owned())];
    let mut answer = Called {
        variables: Some(TravellingVariables { workflow, workflow_error: Some("true".into()) }),
        changed: Some(Blob(b"MSH|^~\\&|B\r".to_vec())),
        log: vec![(2, "a line".to_owned())],
        ..called()
    };
    take_over(&mut answer, &mut run, target(true), "p", &Limits::default()).unwrap();
    assert_eq!(run.variables.get("Patient").unwrap(), "4712");
    assert!(run.variables.workflow_error());
    let message = run.exchange.message(ONE, Direction::Inbound).unwrap().unwrap();
    assert_eq!(message.bytes(), b"MSH|^~\\&|B\r");
    assert_eq!((run.log[0].plugin.as_str(), run.acknowledgements), ("p", 4));
}

#[test]
fn a_worker_that_was_taken_over_gets_no_further_than_a_guest() {
    let limits = Limits {
        output_bytes: 100,
        log_lines: 2,
        log_bytes: 50,
        notifications: 1,
        variables: 3,
        variable_bytes: 1_000,
        ..Limits::default()
    };
    let refused = |what: &str, mut answer: Called, target: Target| {
        let mut run = run();
        let before = seen(&run);
        let taken = take_over(&mut answer, &mut run, target, "p", &limits);
        assert!(taken.is_err(), "{what} was taken over");
        assert_eq!(seen(&run), before, "{what}");
        assert!(run.log.is_empty() && run.notifications.take().is_empty(), "{what}");
    };
    let changed = |bytes: &[u8]| Called { changed: Some(Blob(bytes.to_vec())), ..called() };
    refused("a message that is read-only", changed(b"MSH|^~\\&|B\r"), target(false));
    refused("a message that is none", changed(b"no header"), target(true));
    refused("a giant message", changed(&[b'x'; 101]), target(true));
    let nowhere = Target { setting: OTHER, ..target(true) };
    refused("a message that is not there", changed(b"MSH|^~\\&|B\r"), nowhere);

    let set = |name: &str, value: &str, times: usize| {
        let one = |number| (format!("{name}{number}"), value.to_owned());
        let workflow = (0..times).map(one).collect();
        Called {
            variables: Some(TravellingVariables { workflow, workflow_error: None }),
            ..called()
        }
    };
    refused("many variables", set("a", "1", 4), target(true));
    refused("giant variables", set("a", &"x".repeat(999), 2), target(true));
    let workflow = vec![("ClientIP".to_owned(), "1.2.3.4".to_owned())];
    let variables = Some(TravellingVariables { workflow, workflow_error: None });
    refused("a name of the server", Called { variables, ..called() }, target(true));

    let log =
        |text: &str, lines: usize| Called { log: vec![(9, text.to_owned()); lines], ..called() };
    refused("many lines", log("x", 4), target(true));
    refused("long lines", log(&"x".repeat(2_000), 1), target(true));
    let notification = |text: String| TravellingNotification { text, critical: true, key: None };
    let told = |texts: Vec<String>| Called {
        notifications: texts.into_iter().map(notification).collect(),
        ..called()
    };
    refused("many notifications", told(vec!["x".to_owned(); 2]), target(true));
    refused("a giant notification", told(vec!["x".repeat(5_000)]), target(true));
}

#[test]
fn an_answer_has_a_length_that_follows_from_the_limits() {
    let limits = Limits::default();
    let most = usize::try_from(answer_bytes_max(&limits, &run())).unwrap();
    assert!(most > limits.output_bytes + limits.variable_bytes + limits.log_bytes);
    assert!(most < 2 * (limits.output_bytes + limits.variable_bytes));
}

#[test]
fn what_a_worker_says_of_a_failure_is_cut_like_a_guest_s_words() {
    let outcome = CallOutcome::Memory;
    let stack = vec!["f\n".repeat(1_000); 100];
    let breakdown = Breakdown { outcome, trap: Some("t".repeat(1_000)), stack };
    let text = "one\r\nERROR forged".repeat(1_000);
    let failure = Failure::broken_down("another", &"c".repeat(1_000), text, breakdown);
    let failure = failure_of(TravellingFailure::from(failure), "p");
    assert_eq!(failure.plugin, "p", "no worker speaks for another plugin");
    assert!(
        failure.code.len() <= 66 && failure.text.len() <= 4_100 && !failure.text.contains('\n')
    );
    let breakdown = failure.breakdown.unwrap();
    assert_eq!(breakdown.outcome, CallOutcome::Memory);
    assert_eq!(breakdown.stack.len(), Breakdown::STACK_MAX);
    assert!(breakdown.stack.iter().all(|name| name.len() < 200 && !name.contains('\n')));
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_not_taken_for_one() {
    let engine = wasmtime::Engine::default();
    let begin = |code| {
        Box::new(Begin {
            limits: WorkerLimits::default(),
            engine: Fingerprint::of(&engine),
            stack_bytes: 1,
            zone: Zone::of_this_process(),
            plugin: "p".to_owned(),
            code,
        })
    };
    let start = async |script: &str| {
        let arguments = ["-c", script].map(Into::into).to_vec();
        let program = WorkerProgram { program: "/bin/sh".into(), arguments };
        match Worker::start(&program, begin(Blob(vec![0; 1 << 20]))).await {
            Err(NotStarted::Failed(why)) => why,
            Err(NotStarted::Unconfined(why)) => panic!("{why}"),
            Ok(_) => panic!("{script} was taken for a worker"),
        }
    };
    let read = "head -c 1048576 <&0 >/dev/null";
    assert!(start("exit 3").await.contains("code 3"));
    assert!(start("kill -KILL $$").await.contains("signal 9"));
    let empty = start(&format!("{read}; head -c 4 /dev/zero >&0; sleep 60")).await;
    assert!(empty.contains("what no worker says"), "{empty}");
    let giant =
        start(&format!("exec 3<&0; {read}; head -c 9 /dev/zero | tr '\\0' '\\377' >&3; sleep 60"))
            .await;
    assert!(giant.contains("what no worker says"), "{giant}");
    let program = WorkerProgram { program: "/nonexistent".into(), arguments: Vec::new() };
    let started = Worker::start(&program, begin(Blob::default())).await;
    assert!(matches!(started, Err(NotStarted::Failed(why)) if why.contains("cannot be started")));
}
