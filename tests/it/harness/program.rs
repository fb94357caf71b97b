//! Finds the program under test and runs its commands.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// Names another program than the one beside the tests.
const OVERRIDE: &str = "TUREEN_PROGRAM";

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    if let Some(named) = std::env::var_os(OVERRIDE) {
        let named = PathBuf::from(named);
        assert!(named.is_file(), "{OVERRIDE} names {}, which is no file", named.display());
        return named;
    }
    let beside = profile_directory().join(format!("tureen{}", std::env::consts::EXE_SUFFIX));
    assert!(
        beside.is_file(),
        "the program under test is missing at {}\n  help: run `cargo build --release -p tureen` (without --release for a plain `cargo test`), or name another in {OVERRIDE}",
        beside.display()
    );
    beside
});

/// `target/<profile>`: the test binary is in its `deps`.
pub(crate) fn profile_directory() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_path_buf()
}

/// The program under test.
pub(crate) fn path() -> &'static Path {
    &PROGRAM
}

/// Names the directory of compiled plugins.
pub(crate) const SHARED_CACHE: &str = "TUREEN_PLUGINS_CACHE";

/// All homes of the tests share one: otherwise each would compile the standard
/// plugins anew.
pub(crate) fn shared_cache() -> PathBuf {
    profile_directory().join("it/compiled")
}

/// A command of the program that inherits no setting of the tester's own.
pub(crate) fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(path());
    command.args(arguments).stdin(Stdio::null());
    for name in ["TUREEN_HOME", "RUST_LOG", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command.env(SHARED_CACHE, shared_cache());
    command
}

/// As [`command`], without the right to listen on ports below 1024, which root has.
pub(crate) fn without_low_ports(arguments: impl IntoIterator<Item = String>) -> Command {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let plain = command(arguments);
    if !is_root {
        return plain;
    }
    let mut wrapped = Command::new("setpriv");
    wrapped.arg("--bounding-set=-net_bind_service").arg(plain.get_program());
    wrapped.args(plain.get_args()).stdin(Stdio::null());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped
}

/// What a command printed and ended with.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// Both streams, for a test that does not mind which.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Runs a command to its end.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    run_command(command(arguments))
}

pub(crate) fn run_command(mut command: Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Ran {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}
