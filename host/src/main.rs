//! The program: reads the command line, runs the command, sets the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tureen::cli::main()
}
