//! `tureen plugin work`: what the program starts itself as. Not for people.

use std::process::ExitCode;

use clap::Args;

/// Serves one plugin over standard input, a socket, to the server that started it:
/// without files, network, or any other process. It ends with the server.
#[derive(Args)]
pub(in crate::cli) struct Work {}

impl Work {
    /// Runs without the threads that every other command has.
    pub(in crate::cli) fn run() -> ExitCode {
        tureen_sandbox::serve_isolated_plugin()
    }
}
