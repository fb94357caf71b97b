//! `tureen cert` as an operator uses it: the program, a home, real files, and `openssl` beside it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test did not expect ends it"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A home, and a directory for files beside it.
struct Home {
    directory: tempfile::TempDir,
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Home {
    fn new() -> Self {
        let home = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(home.path("home")).unwrap();
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tureen"));
        command.arg("cert").args(arguments.split(' ')).current_dir(self.directory.path());
        command.env("TUREEN_HOME", self.path("home")).env_remove("RUST_LOG");
        command.env_remove("TUREEN_CERTIFICATE_PASSWORD").stdin(Stdio::null());
        command
    }

    fn cert(&self, arguments: &str) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    /// Runs a command that has to do what it is asked.
    fn done(&self, arguments: &str) -> String {
        let ran = self.cert(arguments);
        assert_eq!(ran.code, 0, "cert {arguments}: {}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    /// Runs a command that something is in the way of.
    fn refused(&self, arguments: &str, reason: &str) {
        self.ends_with(1, arguments, reason);
    }

    /// Runs a command that cannot be done.
    fn impossible(&self, arguments: &str, reason: &str) {
        self.ends_with(2, arguments, reason);
    }

    fn ends_with(&self, code: i32, arguments: &str, reason: &str) {
        let ran = self.cert(arguments);
        assert_eq!(ran.code, code, "cert {arguments}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(reason), "{reason}: {}", ran.stderr);
    }

    fn openssl(&self, arguments: &str) -> Ran {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(self.directory.path());
        let output = command
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("this test needs the program openssl: {error}"));
        assert!(output.status.success(), "openssl {arguments}: {output:?}");
        Ran::of(&output)
    }

    /// An archive it.pfx with the password `secret`, of a certificate that is its own issuer.
    fn archive(&self, options: &str) {
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout it.key";
        let names = "-subj /CN=it -addext subjectAltName=DNS:it.example";
        self.openssl(&format!("req -x509 {key} {names} -days 60 -out it.crt"));
        let files = "-in it.crt -inkey it.key -out it.pfx -passout pass:secret";
        self.openssl(&format!("pkcs12 -export {files}{options}"));
    }

    fn list(&self) -> serde_json::Value {
        serde_json::from_str(&self.cert("list --json").stdout).unwrap()
    }
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap();
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_help_of_every_command_says_what_it_is_for() {
    let home = Home::new();
    let help = home.done("--help");
    for word in
        ["create", "import", "export", "list", "show", "remove", "bind", "unbind", "default"]
    {
        assert!(help.contains(&format!("  {word} ")), "{word}: {help}");
        assert!(home.done(&format!("{word} --help")).contains("--home"), "{word}");
    }
    assert!(home.done("import --help").contains("tureen cert import server.pfx"));
    assert_eq!(home.cert("frobnicate").code, 2);
    assert_eq!(home.cert("bind 0 x").code, 2);
    assert_eq!(home.cert("export x --with-key").code, 2, "a key is never printed");
}

#[test]
fn a_home_that_is_not_there_is_not_made() {
    let home = Home::new();
    home.impossible("list --home nowhere", "there is no directory nowhere");
    assert!(!home.path("nowhere").exists());
}

#[test]
fn what_could_not_be_done_ends_with_2_and_changes_nothing() {
    let home = Home::new();
    home.archive("");
    let whole = fs::read(home.path("it.pfx")).unwrap();
    fs::write(home.path("cut.pfx"), &whole[..whole.len() / 2]).unwrap();
    fs::write(home.path("password"), "secret").unwrap();
    let label = "a".repeat(64);
    for (arguments, reason) in [
        ("import nofile", "cannot read nofile"),
        ("import cut.pfx --password-file password", "cut.pfx is damaged"),
        ("show nofile", "no certificate is called \"nofile\""),
        ("export nobody", "no certificate is called \"nobody\""),
        ("default nobody", "no certificate is called \"nobody\""),
        ("create a/b", "\"a/b\" cannot be the name of a certificate"),
        ("create x --host ", "\"\" cannot be in a certificate"),
        ("create x --host 300.1.2.3", "\"300.1.2.3\" cannot be in a certificate"),
        (&format!("create x --host {label}.example"), "cannot be in a certificate"),
        (&format!("create x --request --host {label}.example"), "cannot be in a certificate"),
        ("create assignments.toml --host x.example", "are reserved"),
        ("create Assignments.toml --host x.example", "are reserved"),
        ("create assignments.toml --host x.example --request", "are reserved"),
        ("import it.pfx --password-file password --name assignments.toml", "are reserved"),
    ] {
        home.impossible(arguments, reason);
    }
    assert_eq!(home.list()["certificates"], serde_json::json!([]));
    home.done("create one --host one.example");
    home.done("default one");
}

#[test]
fn the_command_for_a_home_that_is_not_there_can_be_typed() {
    let home = Home::new();
    let mut command = home.command("list --home");
    let ran = Ran::of(&command.arg("no home").output().unwrap());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("`tureen init 'no home'` makes a home"), "{}", ran.stderr);
}

#[test]
fn binding_says_what_it_found_and_what_it_did() {
    let home = Home::new();
    home.done("create one --host one.example");
    home.done("create two --host two.example --days 5");
    home.impossible("bind 8443 three", "no certificate is called \"three\"");
    assert!(home.done("bind 8443 one").starts_with("bound: port 8443 shows \"one\""));
    assert!(home.done("bind 8443 one").contains("already has a certificate: this one"));
    home.refused("bind 8443 two", "port 8443 already has a certificate: \"one\". --replace");
    let ran = home.cert("bind 8443 two --replace");
    assert!(ran.stdout.contains("instead of \"one\""), "{}", ran.stdout);
    assert!(ran.stderr.contains("warning: the certificate \"two\" expires in 4 days"));
    home.refused("remove two", "\"two\" is used: port 8443");
    assert!(home.done("unbind 8443").contains("removed: port 8443 no longer shows \"two\""));
    home.refused("unbind 8443", "no certificate on this port: 8443");
    home.done("remove two");
    home.impossible("remove two", "no certificate is called \"two\"");
    assert_eq!(home.done("default").trim(), "default");
    assert!(home.done("default one").contains("is \"one\" now"));
    assert!(home.done("default one").contains("is the default certificate already"));
    home.refused("remove one", "\"one\" is used: default");
    home.done("bind 9000 one");
    assert!(home.done("remove one --force").contains("port 9000 no longer shows it"));
    assert_eq!(home.done("default").trim(), "default");
}

#[test]
fn a_thumbprint_as_windows_shows_it_names_a_certificate() {
    let home = Home::new();
    home.done("create one --host one.example");
    let sha1 = home.list()["certificates"][0]["sha1"].as_str().unwrap().to_owned();
    let pairs: Vec<&str> =
        sha1.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
    let pasted = format!("\u{200e}{}", pairs.join(" ").to_lowercase());
    let mut command = home.command("bind 8443");
    let ran = Ran::of(&command.arg(&pasted).output().unwrap());
    assert!(ran.stdout.contains("bound: port 8443 shows \"one\""), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(home.list()["certificates"][0]["used"], serde_json::json!(["port 8443"]));
}

#[test]
fn commands_at_once_are_all_done() {
    let home = Home::new();
    home.done("create one --host one.example");
    let ports = 9001..9013;
    let children: Vec<_> = ports
        .map(|port| {
            let mut command = home.command(&format!("bind {port} one"));
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let count = children.len();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let used = home.list()["certificates"][0]["used"].as_array().unwrap().len();
    assert_eq!(used, count);
}

#[test]
fn a_list_shows_what_is_there_and_what_is_wrong_with_it() {
    let home = Home::new();
    home.done("create soon --host soon.example --days 7");
    home.done("create later --host later.example --host 10.0.0.7 --client-auth");
    home.done("create asked --host asked.example --request");
    let ran = home.cert("list");
    assert_eq!(ran.code, 0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("NAME   SUBJECT"), "{lines:#?}");
    assert!(lines[1].starts_with("later  CN=later.example"), "{lines:#?}");
    assert!(lines[1].contains("later.example 10.0.0.7"), "{lines:#?}");
    assert!(lines[2].contains("in 6 days"), "{lines:#?}");
    assert!(lines[3].starts_with("asked: a request"), "{lines:#?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("\"soon\" expires in 6 days"), "{}", ran.stderr);
    let long = home.done("list --long");
    let sha256 = home.list()["certificates"][0]["sha256"].as_str().unwrap().to_owned();
    assert!(long.contains(&sha256) && !ran.stdout.contains(&sha256));
    let shown = home.done("show later");
    assert!(shown.contains(&sha256) && shown.contains("CN=later.example"), "{shown}");
    let file = home.path("home/certificates/later/certificate.pem");
    let shown = home.done(&format!("show {}", file.display()));
    assert!(shown.contains(&sha256) && !shown.contains("used"), "{shown}");
    // One that cannot be used is told, and hides no other.
    fs::set_permissions(
        home.path("home/certificates/soon/key.pem"),
        fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    let ran = home.cert("list");
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("chmod 600 ") && ran.stdout.contains("later.example"));
    assert_eq!(home.list()["problems"].as_array().unwrap().len(), 1);
}

#[test]
fn the_password_of_an_archive_comes_from_a_file_the_environment_or_a_terminal() {
    let home = Home::new();
    home.archive("");
    home.impossible("import it.pfx", "it.pfx is protected by a password");
    fs::write(home.path("password"), "secret\n").unwrap();
    fs::write(home.path("wrong"), "Secret\n").unwrap();
    home.impossible("import it.pfx --password-file wrong", "the password does not open it.pfx");
    home.impossible("import it.pfx --password-file nowhere", "cannot read nowhere");
    assert!(home.done("import it.pfx --password-file password").contains("for      it.example"));
    home.refused("import it.pfx --password-file password", "there is a certificate \"it\" already");
    let replacing = home.done("import it.pfx --password-file password --replace");
    assert!(replacing.contains("the former one is kept at"), "{replacing}");
    let mut command = home.command("import it.pfx --name from-environment");
    command.env("TUREEN_CERTIFICATE_PASSWORD", "secret");
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let said = on_terminal(&home, "import it.pfx --name from-terminal", "Password of it.pfx: ");
    assert!(said.contains("imported \"from-terminal\""), "{said}");
    let names: Vec<String> = home.list()["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["from-environment", "from-terminal", "it"]);
}

/// Runs a command on a terminal of its own and answers its question.
fn on_terminal(home: &Home, arguments: &str, question: &str) -> String {
    let line = format!("{} cert {arguments}", env!("CARGO_BIN_EXE_tureen"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(home.directory.path());
    command.env("TUREEN_HOME", home.path("home")).env_remove("TUREEN_CERTIFICATE_PASSWORD");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs the program script: {error}"));
    let mut output = child.stdout.take().unwrap();
    let mut said = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&said).ends_with(question) {
        assert_eq!(output.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
        said.push(byte[0]);
    }
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"secret\n").unwrap();
    output.read_to_end(&mut said).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&said));
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn an_archive_with_weak_encryption_is_imported_with_a_warning() {
    let home = Home::new();
    home.archive(" -legacy");
    let mut command = home.command("import it.pfx");
    let ran = Ran::of(&command.env("TUREEN_CERTIFICATE_PASSWORD", "secret").output().unwrap());
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("warning: it.pfx is protected by a method"), "{}", ran.stderr);
}

#[test]
fn what_is_exported_can_be_trusted_moved_and_brought_back() {
    let home = Home::new();
    home.done("create one --host one.example");
    let printed = home.done("export one");
    assert!(printed.starts_with("-----BEGIN CERTIFICATE-----") && !printed.contains("PRIVATE"));
    fs::write(home.path("trusted.pem"), printed).unwrap();
    home.done("export one --format pem --out chain.pem");
    home.openssl("verify -CAfile trusted.pem -verify_hostname one.example chain.pem");
    home.refused("export one --out chain.pem", "cannot make chain.pem");
    home.impossible("export one --format pfx --out x.pfx", "add --with-key");
    let moving = "export one --format pfx --with-key --out one.pfx";
    home.impossible(moving, "the file needs a password");
    fs::write(home.path("password"), "secret").unwrap();
    fs::write(home.path("empty"), "").unwrap();
    home.impossible(&format!("{moving} --password-file empty"), "must not be empty");
    home.done(&format!("{moving} --password-file password"));
    home.done("export one --format pem --with-key --out both.pem");
    assert_eq!((mode(&home.path("one.pfx")), mode(&home.path("both.pem"))), (0o600, 0o600));
    home.openssl("pkcs12 -in one.pfx -passin pass:secret -noout");
    home.done("import both.pem --name again");
    home.done("import one.pfx --name archive --password-file password");
    let list = home.list();
    let certificates = list["certificates"].as_array().unwrap();
    assert_eq!(certificates.len(), 3);
    assert!(certificates.iter().all(|one| one["sha256"] == certificates[0]["sha256"]));
    assert_eq!(mode(&home.path("home/certificates/again/key.pem")), 0o600);
}

#[test]
fn a_request_becomes_a_certificate_for_both_sides_of_mutual_tls() {
    let home = Home::new();
    let made = home.done("create partner --host hl7.example --client-auth --request");
    assert!(made.contains("cert import SIGNED-FILE --name partner"), "{made}");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key";
    home.openssl(&format!("req -x509 {key} -subj /CN=CA -out ca.crt"));
    let request = "home/certificates/partner/request.pem";
    let authority = "-CA ca.crt -CAkey ca.key -CAcreateserial -copy_extensions copyall -days 90";
    home.openssl(&format!("x509 -req -in {request} {authority} -out signed.crt"));
    let imported = home.done("import signed.crt ca.crt --name partner");
    assert!(imported.contains("its key is that of \"partner\""), "{imported}");
    home.done("export partner --format pem --out chain.pem");
    for purpose in ["sslserver", "sslclient"] {
        home.openssl(&format!("verify -CAfile ca.crt -purpose {purpose} chain.pem"));
    }
    assert_eq!(home.list()["requests"], serde_json::json!([]));
}

/// A server that is ended, whatever happens.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    /// Serves the example workflow at a port that the system chooses.
    fn start(home: &Home) -> Self {
        let tureen = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tureen"));
            command.env("TUREEN_HOME", home.path("home")).env_remove("RUST_LOG");
            command
        };
        assert!(tureen().arg("init").arg(home.path("home")).output().unwrap().status.success());
        let workflow = home.path("home/workflows/admissions.hl7Workflow");
        let text = fs::read_to_string(&workflow).unwrap();
        fs::write(&workflow, text.replace("\"Port\": 8443", "\"Port\": 0")).unwrap();
        let log = fs::File::create(home.path("log")).unwrap();
        let mut child = tureen().arg("serve").stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.find_map(|line| line.ok().filter(|it| it.contains("receives at")));
        let line = line.expect("the server says where it receives");
        let url = line.split("https://").nth(1).unwrap();
        let address = url.split('/').next().unwrap().to_owned();
        Self { child, address }
    }

    /// The SHA-256 of the certificate that a new connection gets to see.
    fn shown(&self, home: &Home) -> String {
        let connect = format!("s_client -connect {} -servername localhost", self.address);
        let shown = home.openssl(&connect).stdout;
        fs::write(home.path("shown.pem"), shown).unwrap();
        let print = home.openssl("x509 -in shown.pem -noout -fingerprint -sha256").stdout;
        print.trim().split('=').nth(1).unwrap().replace(':', "")
    }

    /// Waits until new connections see this certificate.
    fn shows(&self, home: &Home, name: &str) {
        let list = home.list();
        let all = list["certificates"].as_array().unwrap();
        let wanted =
            all.iter().find(|one| one["name"] == name).unwrap()["sha256"].as_str().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.shown(home) != wanted {
            let log = fs::read_to_string(home.path("log")).unwrap();
            assert!(Instant::now() < deadline, "{name} is not shown: {log}");
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_running_server_shows_what_the_commands_choose() {
    let home = Home::new();
    let server = Serving::start(&home);
    server.shows(&home, "default");
    home.done("create one --host localhost");
    home.done("default one");
    server.shows(&home, "one");
    home.done("create one --host localhost --replace");
    server.shows(&home, "one");
    home.archive("");
    fs::copy(home.path("it.pfx"), home.path("home/certificates/dropped.pfx")).unwrap();
    let password = home.path("home/certificates/dropped.pfx.password");
    fs::write(&password, "secret").unwrap();
    for secret in [password, home.path("home/certificates/dropped.pfx")] {
        fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
    }
    home.done("default dropped");
    server.shows(&home, "dropped");
    home.done("default default");
    server.shows(&home, "default");
}
