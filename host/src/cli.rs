//! The commands. Each says in its help what it does, needs and leaves behind.

mod cert;
mod check;
mod demo;
mod example;
mod init;
mod input;
mod output;
mod patience;
mod plugin;
mod run;
mod send;
mod serve;
mod shell;
mod test;
mod trial;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::{Home, compile_in_children};
use crate::config::Log;
use crate::diagnostics::Diagnostic;
use crate::telemetry;

/// A receiver server for healthcare messages: HL7, JSON, XML and CSV over HTTPS, run
/// through Integration Soup workflows whose logic is sandboxed WebAssembly.
#[derive(Parser)]
#[command(name = "tureen", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Start here: `tureen demo` shows everything in a throw-away home.\n\
    Then: `tureen init my-home`, `tureen serve --home my-home`.")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the main job on real input, in a throw-away home
    Demo(demo::Demo),
    /// Make a home: configuration, certificate, an example workflow
    Init(init::Init),
    /// Run the workflows of a home until SIGINT or SIGTERM
    Serve(serve::Serve),
    /// Load and check workflows, plugins and configuration, without opening a port
    Check(check::Check),
    /// Run one message through one workflow, without sockets
    Run(run::Run),
    /// Run the test cases that are kept beside workflows
    ///
    /// A case is a folder with a message (message.hl7, message.json, …), a workflow
    /// (its own, or the one in a folder above), what is expected (expected/), and, if
    /// need be, case.toml. Activities that write files do so in a temporary folder;
    /// those that would reach a network are shown, not performed. Time stands still.
    /// docs/testing.md tells the rest.
    ///
    /// Ends with 0 when all cases passed, 1 when something differs, 2 when a case
    /// cannot be run or there is none.
    Test(test::Test),
    /// Send messages to a receiver, and show what it answers
    Send(send::Send),
    /// Make, import and show certificates, and say which port shows which
    #[command(subcommand)]
    Cert(cert::Cert),
    /// Show what plugins are installed and what they ask for; make and try one's own
    #[command(subcommand)]
    Plugin(plugin::Plugin),
}

/// Threads of the runtime beyond one for each processor.
const SPARE_THREADS: usize = 2;

/// The exit code of a command that could not do its work.
const CANNOT: u8 = 2;

/// Where the home is.
#[derive(Args, Clone, Debug)]
struct HomeArgument {
    /// The home directory (made by `tureen init`)
    #[arg(long, value_name = "DIR", env = "TUREEN_HOME", default_value = ".")]
    home: PathBuf,
}

impl HomeArgument {
    /// As [`Home::open_or_bare`], for somebody who waits.
    async fn open_or_bare(&self, bare: bool) -> anyhow::Result<(Home, Vec<Diagnostic>)> {
        let what = "still loading the plugins: new ones are compiled, which takes up to minutes where one brings a language's engine";
        patience::telling(what, Home::open_or_bare(&self.home, bare)).await
    }
}

/// What a command ends with.
pub(crate) enum Ended {
    Well,
    /// It did its work, and the answer is no.
    Badly,
}

/// Reads the command line and runs the command.
pub fn main() -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(told) => return tell(&told),
    };
    match command_line.command {
        Command::Plugin(plugin::Plugin::Compile(_)) => return plugin::Compile::run(),
        Command::Plugin(plugin::Plugin::Work(_)) => return plugin::Work::run(),
        _ => {}
    }
    if let Err(error) = compile_in_children() {
        output::error(&format!("plugins are compiled in this process: {error}"));
    }
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(&format!("the asynchronous runtime could not be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(command_line.command.run());
    if let Err(error) = &ended {
        output::error(&format!("{error:#}"));
    }
    match ended {
        // Whoever relies on the exit code has to get the result as well.
        _ if !output::is_complete() => ExitCode::from(CANNOT),
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Badly) => ExitCode::from(1),
        Err(_) => ExitCode::from(CANNOT),
    }
}

/// What clap says instead of a command line: help and version on standard output, what is
/// wrong on standard error.
fn tell(told: &clap::Error) -> ExitCode {
    let wanted = u8::try_from(told.exit_code()).unwrap_or(CANNOT);
    // That standard error does not work can be said nowhere.
    if let Err(failed) = told.print()
        && !told.use_stderr()
    {
        output::lost(&failed);
    }
    ExitCode::from(if output::is_complete() { wanted } else { CANNOT })
}

/// Work that cannot be interrupted (a bulk instruction of a plugin, a long read by one
/// path) holds a thread for tenths of a second at worst: with a few threads more than
/// processors, the system shares these out.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = processors + SPARE_THREADS;
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

impl Command {
    async fn run(self) -> anyhow::Result<Ended> {
        match self {
            Self::Serve(serve) => Box::pin(serve.run()).await,
            Self::Demo(demo) => {
                quiet_log();
                demo.run().await
            }
            Self::Init(init) => {
                quiet_log();
                init.run()
            }
            Self::Check(check) => {
                quiet_log();
                check.run().await
            }
            Self::Run(run) => {
                quiet_log();
                Box::pin(run.run()).await
            }
            Self::Test(test) => {
                quiet_log();
                Box::pin(test.run()).await
            }
            Self::Send(send) => {
                quiet_log();
                send.run().await
            }
            Self::Cert(cert) => {
                quiet_log();
                cert.run()
            }
            Self::Plugin(plugin) => {
                quiet_log();
                plugin.run().await
            }
        }
    }
}

/// For commands that print their own results: only what went wrong.
fn quiet_log() {
    telemetry::start(&Log { level: "error".to_owned(), ..Log::default() });
}
