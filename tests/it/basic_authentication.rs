//! HTTP Basic (RFC 7617): enforced or refused, never ignored; its secrets.
//! Traps T-01, T-07 and T-08. For host mode see `host_mode`.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::harness::actions::{map_text, set_variable_to};
use crate::harness::basic::basic;
use crate::harness::{Activity, Connection, Findings, Home, Server, Workflow};

const TEXT: i64 = 13;

/// Words that may stand in no log and no finding.
const USER: &str = "laboratory-user";
const PASSWORD: &str = "open-sesame-7f3a: ü";
const WRONG: &str = "close-sesame-9b1c";

fn guarded(name: &str, user: &str, password: &str) -> Workflow {
    Workflow::new(name, name)
        .with("MessageType", TEXT)
        .with("Authentication", true)
        .with("AuthenticationUserName", user)
        .with("AuthenticationPassword", password)
        .responding("let in")
}

fn serving(configuration: &str, workflows: &[(&str, Workflow)]) -> (Home, Server) {
    let home = Home::and(configuration);
    for (name, workflow) in workflows {
        home.workflow(name, &workflow.clone().build());
    }
    let server = home.serve();
    (home, server)
}

/// What becomes of one request with this `Authorization`.
fn status(connection: &mut Connection, path: &str, credentials: Option<&str>) -> u16 {
    let headers: Vec<_> = credentials.iter().map(|it| ("Authorization", *it)).collect();
    connection.request_with("POST", path, &headers, "").status
}

#[test]
fn only_the_right_credentials_are_let_in_over_tls() {
    let (_home, server) = serving(
        "[limits]\nfailed_logins_per_minute = 1000\n",
        &[("one", guarded("one", USER, PASSWORD)), ("two", guarded("two", "other", "another"))],
    );
    let right = basic(USER, PASSWORD);
    let parameter = right.strip_prefix("Basic ").unwrap();
    let cases: Vec<(&str, Option<String>, u16)> = vec![
        ("right", Some(right.clone()), 200),
        ("scheme in another case", Some(format!("bAsIc {parameter}")), 200),
        ("none", None, 401),
        ("wrong password", Some(basic(USER, WRONG)), 401),
        ("password in another case", Some(basic(USER, &PASSWORD.to_uppercase())), 401),
        ("wrong user", Some(basic("somebody", PASSWORD)), 401),
        ("user in another case", Some(basic(&USER.to_uppercase(), PASSWORD)), 401),
        ("of another receiver", Some(basic("other", "another")), 401),
        ("no password", Some(basic(USER, "")), 401),
        ("no user", Some(basic("", PASSWORD)), 401),
        ("part of the password", Some(basic(USER, &PASSWORD[..8])), 401),
        ("more than the password", Some(basic(USER, &format!("{PASSWORD}x"))), 401),
        ("no base64", Some("Basic %%%".to_owned()), 401),
        ("scheme alone", Some("Basic".to_owned()), 401),
        ("empty", Some(String::new()), 401),
        ("bearer", Some(format!("Bearer {parameter}")), 401),
        ("digest", Some(format!("Digest username=\"{USER}\"")), 401),
        ("no scheme", Some(parameter.to_owned()), 401),
    ];
    for (version, mut connection) in Connection::both(&server) {
        for (what, credentials, expected) in &cases {
            let headers: Vec<_> =
                credentials.iter().map(|it| ("Authorization", it.as_str())).collect();
            let answer = connection.request_with("POST", "/one", &headers, "");
            assert_eq!(answer.status, *expected, "{version}, {what}: {answer:?}");
            let asked = answer.header("www-authenticate").unwrap_or_default();
            assert_eq!(asked.starts_with("Basic realm="), *expected == 401, "{version}, {what}");
            assert_eq!(answer.body.is_empty(), *expected == 401, "{version}, {what}");
        }
    }
    server.stop();
}

/// Trap T-01.
#[test]
fn over_plain_http_it_is_refused_unless_the_operator_allows_it_by_name() {
    let plain = guarded("plain", USER, PASSWORD).with("UseSsl", false);
    let allowed = |name: &str| format!("[receivers.{name:?}]\nbasic_without_tls = true\n");
    let cases = [
        ("T-01 not allowed", String::new(), vec!["WF050"], false),
        ("T-01 allowed to another", allowed("other"), vec!["WF050"], false),
        ("T-01 allowed", allowed("plain"), vec![], true),
        ("T-01 allowed, in another case", allowed("PLAIN"), vec![], true),
    ];
    for (what, configuration, errors, runs) in cases {
        let (home, server) = serving(&configuration, &[("plain", plain.clone())]);
        let findings = Findings::of(&home);
        assert_eq!(findings.errors(), errors, "{what}");
        let unknown = findings.all("WF095").len();
        assert_eq!(unknown, usize::from(what.ends_with("another")), "{what}");
        assert_eq!(server.addresses().len(), usize::from(runs), "{what}: {}", server.log());
        if runs {
            let mut http = server.http1_to("plain");
            let right = basic(USER, PASSWORD);
            for (credentials, expected) in [(None, 401), (Some(right.as_str()), 200)] {
                let headers: Vec<_> = credentials.iter().map(|it| ("Authorization", *it)).collect();
                let answer = http.request_with("POST", "/plain", &headers, "");
                assert_eq!(answer.status, expected, "{what}: it is enforced all the same");
            }
        } else {
            let help = findings.only("WF050")["help"].as_str().unwrap().to_owned();
            assert!(help.contains("basic_without_tls = true in [receivers.\"plain\"]"), "{help}");
        }
        assert_eq!(server.stop().contains("WF050"), !runs, "{what}");
    }
}

/// A home whose secrets are there, or are not.
fn with_secrets(workflows: &[(&str, Workflow)]) -> Home {
    let home = Home::and(
        "[secrets]\nLabPassword = { file = \"lab-password\" }\n\
         LabUser = { environment = \"TUREEN_TEST_LAB_USER\" }\n\
         Shared = { file = \"shared-password\" }\n\
         Absent = { environment = \"TUREEN_TEST_NOT_SET\" }\n\
         [globals]\nSite = \"north\"\n",
    );
    for (file, mode) in [("lab-password", 0o600), ("shared-password", 0o644)] {
        let path = home.write(file, format!("{PASSWORD}\n"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    for (name, workflow) in workflows {
        home.workflow(name, &workflow.clone().build());
    }
    home
}

#[test]
fn credentials_come_from_files_and_from_the_environment() {
    let home = with_secrets(&[
        ("secret", guarded("secret", "${LabUser}", "${LabPassword}")),
        ("mixed", guarded("mixed", "${Site}-${labuser}", "x${LABPASSWORD}")),
    ]);
    let server = Server::start_with(home.root(), &[("TUREEN_TEST_LAB_USER", USER)]);
    assert_eq!(server.addresses().len(), 2, "{}", server.log());
    for (version, mut connection) in Connection::both(&server) {
        for (what, path, credentials, expected) in [
            ("both", "/secret", basic(USER, PASSWORD), 200),
            ("the reference itself", "/secret", basic("${LabUser}", "${LabPassword}"), 401),
            ("the line end is no part", "/secret", basic(USER, &format!("{PASSWORD}\n")), 401),
            ("parts", "/mixed", basic(&format!("north-{USER}"), &format!("x{PASSWORD}")), 200),
        ] {
            let found = status(&mut connection, path, Some(&credentials));
            assert_eq!(found, expected, "{version}, {what}");
        }
    }
    // A saved secret holds from then on.
    home.write("lab-password", "another one");
    let mut connection = Connection::one(&server);
    let new = basic(USER, "another one");
    crate::harness::wait::wait_until_equal("the new password", &200, || {
        status(&mut connection, "/secret", Some(&new))
    });
    assert_eq!(status(&mut connection, "/secret", Some(&basic(USER, PASSWORD))), 401);
    server.stop();
}

/// Trap T-61 too: what cannot be read is replaced by nothing.
#[test]
fn unknown_and_unreadable_secrets_keep_a_receiver_from_starting() {
    let home = with_secrets(&[
        ("unknown", guarded("unknown", USER, "${NoSuchSecret}")),
        ("absent", guarded("absent", "${Absent}", PASSWORD)),
        ("shared", guarded("shared", USER, "${Shared}")),
        ("message", guarded("message", USER, "${d0000000-0000-4000-8000-000000000001 inbound}")),
        ("empty", guarded("empty", USER, "")),
        ("good", guarded("good", USER, "${LabPassword}")),
    ]);
    let findings = Findings::of(&home);
    let told = findings.all("WF059");
    for (file, words) in [
        ("unknown", "NoSuchSecret"),
        ("absent", "TUREEN_TEST_NOT_SET"),
        ("shared", "chmod 600"),
        ("message", "message"),
    ] {
        let of_file = |told: &&&serde_json::Value| {
            told["file"].as_str().unwrap().ends_with(&format!("{file}.hl7Workflow"))
        };
        let one = told.iter().find(of_file).unwrap_or_else(|| panic!("{file}: {told:#?}"));
        assert!(one["message"].as_str().unwrap().contains(words), "{file}: {one:#}");
    }
    assert_eq!(told.len(), 4, "{told:#?}");
    assert_eq!(findings.all("WF055").len(), 1, "an empty password is told");
    assert_eq!(findings.all("WF093").len(), 3, "LabUser, Shared and Absent");
    let server = home.serve();
    assert_eq!(server.addresses().keys().collect::<Vec<_>>(), ["good"], "{}", server.log());
    let found = status(&mut Connection::one(&server), "/good", Some(&basic(USER, PASSWORD)));
    assert_eq!(found, 200);
    server.stop();
}

#[test]
fn guessing_is_limited_and_nobody_else_is_locked_out() {
    // Clients have addresses of their own behind a proxy that may speak for them.
    let (_home, server) = serving(
        "[limits]\nfailed_logins_per_minute = 3\n\
         [proxies]\ntrusted = [\"127.0.0.1\"]\nclient_address = \"x-forwarded-for\"\n",
        &[("one", guarded("one", USER, PASSWORD)), ("two", guarded("two", "other", PASSWORD))],
    );
    let (right, wrong) = (basic(USER, PASSWORD), basic(USER, WRONG));
    let from = |address: &str, path: &str, credentials: Option<&str>| {
        let mut headers = vec![("X-Forwarded-For", address)];
        headers.extend(credentials.map(|it| ("Authorization", it)));
        server.http1().request_with("POST", path, &headers, "").status
    };
    assert_eq!(from("192.0.2.7", "/one", Some(&right)), 200);
    for attempt in 1..=3 {
        assert_eq!(from("192.0.2.66", "/one", Some(&wrong)), 401, "attempt {attempt}");
        assert_eq!(from("192.0.2.66", "/one", None), 401, "none at all is no guess");
    }
    for (what, credentials) in [("wrong", &wrong), ("right", &right)] {
        for (version, mut connection) in Connection::both(&server) {
            let headers =
                [("X-Forwarded-For", "192.0.2.66"), ("Authorization", credentials.as_str())];
            let answer = connection.request_with("POST", "/one", &headers, "");
            assert_eq!((answer.status, answer.body.len()), (429, 0), "{version}, {what}");
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{version}, {what}: {wait} s");
        }
    }
    let other = basic("other", PASSWORD);
    for (what, address, path, credentials, expected) in [
        ("another receiver is guarded from it too", "192.0.2.66", "/two", &other, 429),
        ("who knew the password before", "192.0.2.7", "/one", &right, 200),
        ("who comes for the first time", "192.0.2.8", "/one", &right, 200),
        ("another user", "192.0.2.9", "/two", &other, 200),
    ] {
        assert_eq!(from(address, path, Some(credentials)), expected, "{what}");
    }
    let log = server.stop();
    assert!(log.contains("failed_logins_per_minute"), "the operator is told: {log}");
}

/// Traps T-07 and T-08.
#[test]
fn no_log_at_any_level_has_credentials() {
    let home = with_secrets(&[
        ("secret", guarded("secret", "${LabUser}", "${LabPassword}")),
        ("written", guarded("written", USER, PASSWORD)),
        ("plain", guarded("plain", USER, PASSWORD).with("UseSsl", false)),
        ("unknown", guarded("unknown", USER, &format!("{PASSWORD}${{NoSuchSecret}}"))),
    ]);
    let text = home.read("tureen.toml").unwrap();
    home.write("tureen.toml", format!("{text}\n[log]\nlevel = \"trace\"\n"));
    let server = Server::start_with(home.root(), &[("TUREEN_TEST_LAB_USER", USER)]);
    let (right, wrong) = (basic(USER, PASSWORD), basic(USER, WRONG));
    for (version, connection) in Connection::both(&server) {
        for path in ["/secret", "/written"] {
            for (credentials, expected) in [(&right, 200), (&wrong, 401)] {
                let mut connection = connection.another(&server);
                let found = status(&mut connection, path, Some(credentials));
                assert_eq!(found, expected, "{version} {path}");
            }
        }
    }
    let log = server.stop();
    for library in ["TRACE", "h2::"] {
        assert!(log.contains(library), "the log is at its most talkative: {library}\n{log}");
    }
    let parameters = [&right, &wrong].map(|it| it.strip_prefix("Basic ").unwrap());
    for secret in [PASSWORD, "open-sesame", WRONG, parameters[0], parameters[1]] {
        let told: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(told.is_empty(), "T-07 {secret:?} is in {} lines: {told:#?}", told.len());
    }
}

/// Trap T-07.
#[test]
fn no_command_prints_a_password_that_stands_in_a_file() {
    let home = Home::new();
    let faulty = guarded("faulty", USER, PASSWORD)
        .with("UseSsl", false)
        .with("AuthenticationPasword", PASSWORD);
    home.workflow("faulty", &faulty.build());
    home.workflow("wrong-kind", &guarded("kind", USER, PASSWORD).with("Port", "x").build());
    let unused = guarded("unused", USER, PASSWORD).with("Authentication", false);
    home.workflow("unused", &unused.build());
    let broken = crate::harness::home::workflow_text(&guarded("broken", USER, PASSWORD).build());
    home.write("workflows/broken.hl7Workflow", &broken[..broken.len() - 4]);
    for arguments in [vec!["check"], vec!["check", "--json"], vec!["plugin", "list"]] {
        let said = home.run(&arguments).said();
        assert!(!said.is_empty(), "{arguments:?}");
        assert!(!said.contains("open-sesame"), "T-07 {arguments:?} prints it: {said}");
    }
    let server = home.serve();
    assert!(!server.stop().contains("open-sesame"), "T-07 the log has it");
}

/// Trap T-08.
#[test]
fn a_secret_can_be_read_by_no_other_setting() {
    let secret = "${LabPassword}";
    let text = |name: &str| Workflow::new(name, name).with("MessageType", TEXT);
    let file = |path: &str| Activity::file("File", path).with("MessageType", TEXT);
    let home = with_secrets(&[
        ("response", text("response").responding(secret)),
        ("modified", text("modified").responding("${LabPassword:Base64Encode}")),
        ("body", text("body").responding("ok").activity(file("body.txt").template(secret))),
        ("path", text("path").responding("ok").activity(file(secret).template("x"))),
        (
            "variable",
            text("variable")
                .variables(vec![set_variable_to("Copy", secret)])
                .responding("copied ${Copy}"),
        ),
        (
            "mapping",
            Workflow::new("mapping", "mapping").activity(
                Activity::file("File", "mapping.hl7")
                    .template("MSH|^~\\&|A\r")
                    .transformers(vec![map_text(secret, "MSH-8")]),
            ),
        ),
        (
            "overwritten",
            text("overwritten")
                .with("ExtractParameters", true)
                .with("QueryStringParameters", json!({ "p": { "VariableName": "LabPassword" } }))
                .responding(secret),
        ),
    ]);
    // Each is told at its place, and none is started. At run it is refused, too:
    // `texts::a_secret_is_refused_by_texts_at_load_and_at_run`.
    let findings = Findings::of(&home);
    let mut places: Vec<(String, &str)> = findings
        .all("WF102")
        .into_iter()
        .map(|told| {
            assert_eq!(told["severity"], "error", "{told:#}");
            let file = std::path::Path::new(told["file"].as_str().unwrap());
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, told["pointer"].as_str().unwrap().rsplit('/').next().unwrap())
        })
        .collect();
    places.sort();
    let expected = [
        ("body", "MessageTemplate"),
        ("mapping", "FromPath"),
        ("modified", "ResponseMessageTemplate"),
        ("overwritten", "ResponseMessageTemplate"),
        ("path", "FilePathToWrite"),
        ("response", "ResponseMessageTemplate"),
        ("variable", "FromPath"),
    ];
    assert_eq!(places, expected.map(|(name, place)| (name.to_owned(), place)));
    let server = Server::start_with(home.root(), &[("TUREEN_TEST_LAB_USER", USER)]);
    assert!(server.addresses().is_empty(), "T-08 {}", server.log());
    assert!(!server.stop().contains("sesame"), "T-08 the log has it");
}
