//! The children, and what is asked of them.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use tureen_sandbox::{WorkerLimits, confine};

use super::attempts::{ATTEMPTS, Ground, Outside};

/// The fewest things that have to be tried.
const TRIED_MIN: usize = 30;

/// What a child does, and what it says line by line.
fn child(does: &str, ground: &str) -> String {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["as-a-child", does, ground, &std::process::id().to_string()])
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    ours.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{does}: {said}");
    said
}

/// What stands on each line: a name, and what became of it.
fn told(does: &str) -> BTreeMap<String, String> {
    let ground = tempfile::tempdir().unwrap();
    let said = child(does, ground.path().to_str().unwrap());
    let lines = said.lines().map(|line| line.split_once('=').unwrap());
    lines.map(|(name, came)| (name.to_owned(), came.to_owned())).collect()
}

pub(crate) fn everything_is_refused_inside_and_the_usual_works_outside() {
    assert!(ATTEMPTS.len() >= TRIED_MIN, "only {} things are tried", ATTEMPTS.len());
    let (outside, inside) = (told("try"), told("try-confined"));
    for attempt in ATTEMPTS {
        let came = &outside[attempt.name];
        match attempt.outside {
            Outside::Works => assert_eq!(came, "done", "outside: {}", attempt.name),
            Outside::Depends => {}
        }
        assert_eq!(inside[attempt.name], "refused", "inside: {}", attempt.name);
    }
    println!("{} of {} forbidden actions were refused", inside.len(), ATTEMPTS.len());
}

pub(crate) fn what_a_worker_needs_is_left() {
    let came = told("compute");
    assert_eq!(came["computed"], "done");
}

pub(crate) fn a_system_that_does_not_confine_is_told() {
    let without = told("without-landlock");
    assert!(without["confined"].contains("Landlock"), "{without:?}");
    let without = told("without-seccomp");
    assert!(without["confined"].contains("seccomp"), "{without:?}");
}

/// In the child.
pub(crate) fn run() {
    let arguments: Vec<String> = std::env::args().collect();
    let [does, ground, parent] = [2, 3, 4].map(|number| arguments[number].clone());
    let ground = Ground::make(ground.as_ref(), parent.parse().unwrap());
    match does.as_str() {
        "try" => try_all(&ground),
        "try-confined" => {
            confine(&WorkerLimits::default(), || ()).unwrap();
            try_all(&ground);
        }
        "compute" => {
            // A thread from before goes on, as the engine's clock does.
            let (tell, hear) = std::sync::mpsc::channel();
            let thread = || std::thread::spawn(move || tell.send(hash()));
            confine(&WorkerLimits::default(), thread).unwrap();
            let heard = hear.recv().unwrap();
            assert_eq!(heard, hash());
            say("computed", "done");
        }
        "without-landlock" => {
            without(libc::SYS_landlock_create_ruleset);
            say_whether_confined();
        }
        "without-seccomp" => {
            without(libc::SYS_seccomp);
            say_whether_confined();
        }
        other => panic!("{other}"),
    }
}

fn try_all(ground: &Ground) {
    for attempt in ATTEMPTS {
        let came = match (attempt.act)(ground) {
            Ok(()) => "done".to_owned(),
            Err(error) => match error.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => "refused".to_owned(),
                _ => error.to_string(),
            },
        };
        say(attempt.name, &came);
    }
}

fn say_whether_confined() {
    match confine(&WorkerLimits::default(), || ()) {
        Ok(()) => say("confined", "done"),
        Err(error) => say("confined", &error.to_string()),
    }
}

/// The socket is the only thing that is left to say anything with.
fn say(name: &str, came: &str) {
    let line = format!("{name}={came}\n");
    let written = rustix::io::write(std::io::stdin(), line.as_bytes());
    assert_eq!(written, Ok(line.len()));
    let _ = std::io::stderr().flush();
}

/// Memory, time, random numbers.
fn hash() -> usize {
    let memory = vec![1_u8; 64 << 20];
    std::thread::sleep(std::time::Duration::from_millis(2));
    assert!(std::time::Instant::now().elapsed().as_secs() < 60);
    let different: std::collections::HashMap<u8, u8> = [(1, 2)].into();
    memory.iter().map(|it| usize::from(*it)).sum::<usize>() + different.len()
}

/// As on a system that does not have the call.
fn without(call: libc::c_long) {
    let rules = [(call, Vec::new())].into_iter().collect();
    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let here = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, missing, here).unwrap();
    let filter: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&filter).unwrap();
}
