//! Who compiles plugins, where their code is kept, and what runs those that have a
//! process of their own.
//!
//! The server's program does both in child processes of itself. Other programs
//! that start a server (benchmarks, tests of the library) cannot start
//! themselves so: so the program says that it can.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use tureen_sandbox::{
    CacheOptions, CacheUnusable, CodeOptions, CompileLimits, Compiler, CompilerProgram,
    WorkerProgram,
};

use crate::config::PluginsCache;
use crate::diagnostics::{Diagnostic, codes};

/// Names a directory for compiled plugins in place of the home's own; several
/// homes of one user may share it.
const DIRECTORY: &str = "TUREEN_PLUGINS_CACHE";

/// The arguments that make this program a compiler.
const COMPILE: [&str; 2] = ["plugin", "compile"];

/// Those that make it a worker, which serves one plugin.
const WORK: [&str; 2] = ["plugin", "work"];

static THIS_PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// From now on plugins are compiled by this program, started with
/// `plugin compile`. For the program's `main` only.
///
/// # Errors
/// The program's own file cannot be told.
pub fn compile_in_children() -> io::Result<()> {
    // The file that runs, even after another one was put in its place.
    let program = Path::new("/proc/self/exe");
    let program = if program.exists() { program.to_owned() } else { env::current_exe()? };
    let _ = THIS_PROGRAM.set(program);
    Ok(())
}

/// For the plugins of a home; `None`: there is no home to keep anything in.
pub(super) fn code_options(home: Option<&Path>, config: &PluginsCache) -> CodeOptions {
    let directory = match env::var_os(DIRECTORY).filter(|named| !named.is_empty()) {
        Some(named) => Some(PathBuf::from(named)),
        None if config.directory.as_os_str().is_empty() => None,
        None => home.map(|home| home.join(&config.directory)),
    };
    let directory = directory.and_then(|it| std::path::absolute(it).ok());
    CodeOptions {
        compiler: compiler(config),
        cache: directory.map(|directory| CacheOptions { directory, bytes: config.bytes }),
        compilers: config.compilers,
    }
}

/// What plugins with a process of their own run in; `None`: this program cannot start
/// itself so.
pub(super) fn worker_program() -> Option<WorkerProgram> {
    let program = THIS_PROGRAM.get()?.clone();
    Some(WorkerProgram { program, arguments: WORK.map(OsString::from).to_vec() })
}

fn compiler(config: &PluginsCache) -> Compiler {
    let Some(program) = THIS_PROGRAM.get() else { return Compiler::InProcess };
    Compiler::Child(CompilerProgram {
        program: program.clone(),
        arguments: COMPILE.map(OsString::from).to_vec(),
        limits: CompileLimits {
            memory_bytes: config.compile_memory_bytes,
            cpu_time: Duration::from_secs(config.compile_cpu_seconds),
            wall_time: Duration::from_secs(config.compile_seconds),
            niceness: config.compile_niceness,
            ..CompileLimits::default()
        },
    })
}

/// Said once at start: nothing is kept.
pub(super) fn unusable(why: &CacheUnusable) -> Diagnostic {
    Diagnostic::new(codes::PLUGINS_CACHE, format!("compiled plugins are not kept: {why}"))
        .help("let the directory and the one around it belong to the server's user, without rights for others, or name another one in [plugins_cache] directory")
        .state("plugins work; every start compiles them")
}
