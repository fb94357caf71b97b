//! `tureen serve` as a child process.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tempfile::NamedTempFile;

use super::program::{SHARED_CACHE, command, shared_cache};
use super::wait::{PATIENCE, wait_for};
use super::{Http1, Http2};

/// The line that ends the start.
const READY: &str = "ready;";

pub(crate) struct Server {
    child: Child,
    /// Workflow name to address and path.
    addresses: BTreeMap<String, Address>,
    certificate: Option<CertificateDer<'static>>,
    log: LogFile,
    stdout: mpsc::Receiver<String>,
    said: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) socket: SocketAddr,
    pub(crate) path: String,
    pub(crate) tls: bool,
}

impl Server {
    /// Starts a home and waits until the program says that it is ready.
    pub(crate) fn start(home: &Path) -> Self {
        let mut command = command(["serve", "--home"]);
        command.arg(home);
        Self::run(command, home)
    }

    /// Starts a home with no more than so many open files.
    #[cfg(target_os = "linux")]
    pub(crate) fn start_with_files(home: &Path, files: usize) -> Self {
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &files.to_string()]);
        let command = command(["serve", "--home"]);
        limited.arg(command.get_program()).args(command.get_args()).arg(home);
        limited.env_remove("RUST_LOG").env_remove("TUREEN_HOME");
        limited.env(SHARED_CACHE, shared_cache());
        Self::run(limited, home)
    }

    /// As [`Server::start`], with environment variables.
    pub(crate) fn start_with(home: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = command(["serve", "--home"]);
        command.arg(home).envs(environment.iter().copied());
        Self::run(command, home)
    }

    /// As [`Server::start`], with a command of the test's own that serves this home.
    pub(crate) fn run(mut command: Command, home: &Path) -> Self {
        let log = LogFile::new();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.for_writing());
        let mut child = command.spawn().unwrap();
        let stdout = lines_of(child.stdout.take().unwrap());
        let mut server = Self {
            child,
            addresses: BTreeMap::new(),
            certificate: None,
            log,
            stdout,
            said: String::new(),
        };
        server.read_until_ready();
        let pem = home.join("certificates/default/certificate.pem");
        server.certificate = fs::read(pem).ok().map(|pem| {
            CertificateDer::from_pem_slice(&pem).expect("the certificate of the home is PEM")
        });
        server
    }

    fn read_until_ready(&mut self) {
        loop {
            let Ok(line) = self.stdout.recv_timeout(PATIENCE) else {
                panic!(
                    "the server was not ready; it printed {:?}, its log:\n{}",
                    self.said,
                    self.log()
                );
            };
            self.said.push_str(&line);
            self.said.push('\n');
            if line.starts_with(READY) {
                return;
            }
            if let Some((name, address)) = address_line(&line) {
                self.addresses.insert(name, address);
            }
        }
    }

    /// Everything printed up to `ready`.
    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    pub(crate) fn addresses(&self) -> &BTreeMap<String, Address> {
        &self.addresses
    }

    /// The one socket of a home whose workflows share a port.
    pub(crate) fn socket(&self) -> SocketAddr {
        let first = self.addresses.values().next();
        first.unwrap_or_else(|| panic!("no workflow runs; the log:\n{}", self.log())).socket
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone().expect("the home has a certificate")
    }

    /// A new HTTP/1.1 connection over TLS.
    pub(crate) fn http1(&self) -> Http1 {
        Http1::over_tls(self.socket(), self.certificate())
    }

    /// A new HTTP/1.1 connection to the address of a workflow, with TLS where it has it.
    pub(crate) fn http1_to(&self, workflow: &str) -> Http1 {
        let address = self.addresses.get(workflow);
        let address = address.unwrap_or_else(|| panic!("{workflow} does not run: {}", self.log()));
        match address.tls {
            true => Http1::over_tls(address.socket, self.certificate()),
            false => Http1::plain(address.socket),
        }
    }

    /// A new HTTP/2 connection over TLS.
    pub(crate) fn http2(&self) -> Http2 {
        Http2::connect(self.socket(), self.certificate())
    }

    /// What the server has logged so far: all that it logged before it answered.
    pub(crate) fn log(&self) -> String {
        self.log.read()
    }

    /// Waits until the log has a text.
    pub(crate) fn wait_for_log(&self, text: &str) {
        wait_for(&format!("{text:?} in the log"), || self.log().contains(text).then_some(()));
    }

    /// Waits until the log has a text this often.
    pub(crate) fn wait_for_log_times(&self, text: &str, times: usize) {
        let what = format!("{text:?} {times} times in the log");
        wait_for(&what, || (self.log().matches(text).count() >= times).then_some(()));
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Asks for an orderly end.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(sent.success(), "the signal {name} could not be sent");
    }

    /// Waits until the process has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let latest = Instant::now() + PATIENCE;
        wait_for("the server to end", || {
            assert!(Instant::now() < latest, "{}", self.log());
            self.child.try_wait().unwrap()
        })
    }

    /// Ends the server in order; it must say that nothing was cut short. Gives the whole log.
    pub(crate) fn stop(mut self) -> String {
        self.terminate();
        let status = self.wait();
        let said: Vec<String> = self.stdout.iter().collect();
        assert!(status.success(), "{status}: {said:?}\n{}", self.log());
        assert!(said.iter().any(|line| line.contains("everything in flight")), "{said:?}");
        self.log()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the end of the server's log:\n{}", last_lines(&self.log()));
            if let Ok(Some(status)) = self.child.try_wait() {
                eprintln!("the server had ended by itself: {status}");
            }
        }
        // Ended already: nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As much of a log as helps: its end, and before that where the server panicked.
fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let (before, end) = lines.split_at(lines.len().saturating_sub(60));
    let panicked = (0..before.len()).filter(|at| before[*at].contains("panicked"));
    let around = panicked.flat_map(|at| before[at..].iter().take(20)).copied();
    around.chain(end.iter().copied()).collect::<Vec<_>>().join("\n")
}

/// `NAME receives at https://localhost:PORT/path`
fn address_line(line: &str) -> Option<(String, Address)> {
    let (name, url) = line.split_once(" receives at ")?;
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    let (_, port) = authority.rsplit_once(':')?;
    let socket = SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?));
    let address = Address { socket, path: format!("/{path}"), tls: scheme == "https" };
    Some((name.to_owned(), address))
}

fn lines_of(stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The log of a server. A file has what was written to it at once; what a pipe has
/// must be read by somebody who may be late.
struct LogFile(NamedTempFile);

impl LogFile {
    fn new() -> Self {
        Self(NamedTempFile::new().unwrap())
    }

    fn for_writing(&self) -> fs::File {
        fs::OpenOptions::new().append(true).open(self.0.path()).unwrap()
    }

    /// All whole lines.
    fn read(&self) -> String {
        let mut bytes = fs::read(self.0.path()).unwrap();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        bytes.truncate(whole);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
