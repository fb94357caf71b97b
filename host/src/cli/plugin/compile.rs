//! `tureen plugin compile`: what the program starts itself as. Not for people.

use std::process::ExitCode;

use clap::Args;

/// Compiles one component from standard input to standard output, within limits
/// that it sets itself. The server starts it; it ends with the server.
#[derive(Args)]
pub(in crate::cli) struct Compile {}

impl Compile {
    /// Runs without the threads that every other command has.
    pub(in crate::cli) fn run() -> ExitCode {
        tureen_sandbox::compile_for_parent()
    }
}
