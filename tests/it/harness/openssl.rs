//! OpenSSL's command, as an opinion that is not ours.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// Runs a command to its end with this as its input.
pub(crate) fn output<S: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = S>,
    input: impl AsRef<[u8]>,
) -> Output {
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command openssl is installed");
    // A command that has its answer already reads no further.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    child.wait_with_output().unwrap()
}

/// What a command that succeeds prints.
pub(crate) fn run_with(arguments: &[&str], input: impl AsRef<[u8]>) -> String {
    let output = output(arguments, input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Lower-case digits of a digest, such as `-sha256`.
pub(crate) fn digest(kind: &str, bytes: impl AsRef<[u8]>) -> String {
    let said = run_with(&["dgst", kind, "-r"], bytes);
    said.split(' ').next().unwrap().to_owned()
}
