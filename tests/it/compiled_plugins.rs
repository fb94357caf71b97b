//! Compiled plugins: made once in a process of its own, read from then on, never
//! run when somebody touched them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::actions::{custom, only_adt, set_variable};
use crate::harness::admin::{admin_address, samples, sum};
use crate::harness::guests::guest;
use crate::harness::messages::adt;
use crate::harness::program::{self, Ran, SHARED_CACHE};
use crate::harness::wait::wait_for;
use crate::harness::{Home, Server, Workflow};

/// On a machine that other tests keep busy, compiling does not give way to them.
const EAGER: &str = "[plugins_cache]\ncompile_niceness = 0\n";

/// With the home's own cache, as an operator has it.
fn own_cache(home: &Home, arguments: &[&str]) -> Command {
    let mut command = program::command(arguments);
    command.arg("--home").arg(home.root()).env_remove(SHARED_CACHE);
    command
}

fn serve(home: &Home) -> Server {
    Server::run(own_cache(home, &["serve"]), home.root())
}

fn check(home: &Home) -> Ran {
    program::run_command(own_cache(home, &["check"]))
}

/// What the server says of its plugins: compiled, read and refused.
fn loaded(server: &Server) -> (u32, u32, u32) {
    server.wait_for_log("the plugins are loaded");
    let log = server.log();
    let line = log.lines().find(|line| line.contains("the plugins are loaded")).unwrap();
    let number = |name: &str| {
        let (_, rest) = line.split_once(name).unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    (number("compiled="), number("read="), number("refused="))
}

/// The same, and what could not be compiled, as the admin address tells it.
fn counted(server: &Server) -> [String; 4] {
    let seen = samples(admin_address(server));
    ["compiled", "read", "refused", "failed"].map(|event| {
        let event = format!("event=\"{event}\"");
        sum(&seen, "compiled_code_total", &[&event]).to_string()
    })
}

fn entries(home: &Home) -> Vec<PathBuf> {
    let Ok(files) = fs::read_dir(home.path("data/compiled")) else { return Vec::new() };
    let files = files.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|it| it == "code")).collect()
}

#[test]
fn the_second_start_compiles_nothing_and_a_touched_entry_is_made_anew() {
    let home = Home::and(EAGER);
    home.workflow("received", &Workflow::new("received", "in").build());
    let first = serve(&home);
    let (compiled, read, refused) = loaded(&first);
    assert!(compiled >= 4 && read == 0 && refused == 0, "{}", first.log());
    first.stop();
    let files = entries(&home);
    assert_eq!(files.len(), compiled as usize);
    for path in files.iter().chain([&home.path("data/compiled.key")]) {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }

    let second = serve(&home);
    assert_eq!(loaded(&second), (0, compiled, 0));
    second.stop();

    let mut bytes = fs::read(&files[0]).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 0x80;
    fs::write(&files[0], bytes).unwrap();
    let third = serve(&home);
    assert_eq!(loaded(&third), (1, compiled - 1, 1));
    assert_eq!(counted(&third), [1, compiled - 1, 1, 0].map(|count| count.to_string()));
    assert!(third.log().contains("its authentication code does not fit"), "{}", third.log());
    let answer = third.http1().post("/in", adt("touched", "1"));
    assert_eq!(answer.msa(1), "AA", "{answer:?}");
}

#[test]
fn a_directory_that_others_may_use_is_told_and_not_used() {
    let home = Home::and(EAGER);
    home.workflow("received", &Workflow::new("received", "in").build());
    fs::create_dir_all(home.path("data/compiled")).unwrap();
    fs::set_permissions(home.path("data"), Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(home.path("data/compiled"), Permissions::from_mode(0o777)).unwrap();
    let checked = check(&home);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.said().contains("WF126"), "{checked:?}");
    assert!(checked.said().contains("mode 0777"), "{checked:?}");
    let server = serve(&home);
    let answer = server.http1().post("/in", adt("uncached", "1"));
    assert_eq!(answer.msa(1), "AA", "{answer:?}");
    assert_eq!(entries(&home), Vec::<PathBuf>::new());
}

#[test]
fn compiling_that_takes_too_much_is_ended_and_told() {
    let home = Home::and(EAGER);
    // The standard plugins are compiled before the limits are lowered.
    assert_eq!(check(&home).code, Some(0));
    home.plugin("slow", &slow_to_compile());
    for (limits, key) in [
        ("compile_cpu_seconds = 1", "compile_cpu_seconds"),
        ("compile_seconds = 1", "compile_seconds"),
        ("compile_memory_bytes = 100663296", "compile_memory_bytes"),
    ] {
        home.write("tureen.toml", format!("[plugins_cache]\n{limits}\n"));
        let said = check(&home).said();
        assert!(said.contains("WF084"), "{limits}: {said}");
        assert!(said.contains(&format!("({key})")), "{limits}: {said}");
    }
}

#[test]
fn what_cannot_be_compiled_is_counted() {
    let home = Home::and(&format!("{EAGER}compile_cpu_seconds = 1\n"));
    home.workflow("received", &Workflow::new("received", "in").build());
    home.plugin("slow", &slow_to_compile());
    // The standard plugins are there already, with the tests' own cache.
    let server = home.serve();
    let [.., refused, failed] = counted(&server);
    assert_eq!((refused.as_str(), failed.as_str()), ("0", "1"), "{}", server.log());
    server.stop();
}

/// The compiler that a server has started, if it runs.
#[cfg(target_os = "linux")]
fn compiler_of(server: u32) -> Option<u32> {
    let mut processes = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes.find(|process| {
        state_of(*process).is_some_and(|(_, parent)| parent == server)
            && fs::read(format!("/proc/{process}/cmdline"))
                .is_ok_and(|line| line.ends_with(b"plugin\0compile\0"))
    })
}

/// The state of a process that there is, and its parent.
#[cfg(target_os = "linux")]
fn state_of(process: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_is_killed_while_it_compiles_leaves_nothing_half_written_and_no_compiler() {
    let home = Home::and(EAGER);
    home.workflow("received", &Workflow::new("received", "in").build());
    for name in ["marker", "stateful", "trap"] {
        home.plugin(name, guest(name));
    }
    for _ in 0..3 {
        let already = entries(&home).len();
        let mut command = own_cache(&home, &["serve"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = command.spawn().unwrap();
        // Each is written down before the next one begins.
        let compiler = wait_for("one more entry, and a compiler at work", || {
            let compiler = compiler_of(server.id())?;
            (entries(&home).len() > already).then_some(compiler)
        });
        server.kill().unwrap();
        server.wait().unwrap();
        wait_for("the compiler to end with its server", || {
            state_of(compiler).is_none_or(|(state, _)| state == 'Z').then_some(())
        });
    }
    let kept = u32::try_from(entries(&home).len()).unwrap();
    assert!(kept >= 3);
    let server = serve(&home);
    let (compiled, read, refused) = loaded(&server);
    assert_eq!((read, refused), (kept, 0), "{}", server.log());
    assert!(compiled > 0, "nothing was left to compile: it was not killed in the middle");
    assert_eq!(server.http1().post("/in", adt("killed", "1")).msa(1), "AA");
    server.stop();

    // The half of an entry in its place, as a machine without power may leave it.
    let torn = &entries(&home)[0];
    let bytes = fs::read(torn).unwrap();
    fs::write(torn, &bytes[..bytes.len() / 2]).unwrap();
    let again = serve(&home);
    assert_eq!(loaded(&again), (1, compiled + kept - 1, 1), "{}", again.log());
    assert_eq!(again.http1().post("/in", adt("torn", "1")).msa(1), "AA");
    again.stop();
}

/// A component with a module of very long functions.
fn slow_to_compile() -> Vec<u8> {
    let mut body = vec![0];
    body.extend([0x41, 1].iter());
    // `i32.const 3; i32.mul; i32.const 5; i32.rotl`, again and again.
    for _ in 0..60_000 {
        body.extend([0x41, 3, 0x6c, 0x41, 5, 0x77]);
    }
    body.extend([0x1a, 0x0b]);
    let functions = 30;
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &[1, 0x60, 0, 0]);
    let mut types = leb(functions);
    types.extend(vec![0; functions]);
    section(&mut module, 3, &types);
    let mut code = leb(functions);
    for _ in 0..functions {
        code.extend(leb(body.len()));
        code.extend(&body);
    }
    section(&mut module, 10, &code);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut component, 1, &module);
    component
}

fn section(to: &mut Vec<u8>, id: u8, content: &[u8]) {
    to.push(id);
    to.extend(leb(content.len()));
    to.extend(content);
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

#[test]
fn the_compiler_refuses_what_its_server_did_not_ask() {
    let ran = program::run(["plugin", "compile"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.stdout, "");
    let help = program::run(["plugin", "--help"]);
    assert!(!help.stdout.contains("compile"), "{help:?}");
}

#[test]
fn a_snapshot_takes_over_while_messages_go_on() {
    let home = Home::with(&format!(
        "{EAGER}[plugins.filter]\nreuse = false\n[plugins.transformer]\nreuse = false\n[log]\nlevel = \"debug\"\n"
    ));
    let workflow = Workflow::new("received", "in")
        .filter(only_adt())
        .variables(vec![set_variable("Patient", "PID-3.1")])
        .responding("MSH|^~\\&|T\rMSA|AA|${Patient}\r");
    home.workflow("received", &workflow.build());
    let server = serve(&home);
    let mut client = server.http1();
    let mut number = 0;
    let mut ask = || {
        number += 1;
        let patient = number.to_string();
        assert_eq!(client.post("/in", adt("snapshot", &patient)).msa(2), patient);
    };
    // Messages are answered before the snapshots are there, while, and after.
    while server.log().matches("start from a snapshot").count() < 2 {
        ask();
    }
    for _ in 0..50 {
        ask();
    }
    server.stop();
    // The next start has them at once.
    let again = serve(&home);
    assert_eq!(loaded(&again).0, 0);
    let mut client = again.http1();
    assert_eq!(client.post("/in", adt("snapshot", "77")).msa(2), "77");
    again.wait_for_log_times("starts from a snapshot that was kept", 2);
}

#[test]
fn nothing_is_left_behind_where_instances_start_from_a_snapshot() {
    let home = Home::with(&format!("{EAGER}[log]\nlevel = \"debug\"\n"));
    home.plugin("stateful", guest("stateful"));
    let workflow = Workflow::new("Stateful", "in")
        .variables(vec![custom("Test.Stateful")])
        .responding("MSH|^~\\&|T\rMSA|AA|${StatefulCount}|${StatefulBefore}\r");
    home.workflow("one", &workflow.build());
    let server = serve(&home);
    server.wait_for_log("start from a snapshot");
    let mut client = server.http1();
    for number in 0..200 {
        let answer = client.post("/in", adt("F", &format!("patient-{number}")));
        assert_eq!((answer.msa(2), answer.msa(3)), ("1".to_owned(), String::new()));
    }
    server.stop();
}
