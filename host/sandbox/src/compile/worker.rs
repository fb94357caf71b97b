//! The child's side: limits itself, reads one component, answers with its code.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;

use rustix::process::{Resource, Rlimit, nice, setrlimit};

use super::frames::{self, Answer, Request};
use super::{CompileError, CompileLimits, Compiled, Fingerprint, make};
use crate::engine::compiling_engine;

/// Seconds after the limit on processor time when the system ends the child
/// without asking it.
const GRACE_SECONDS: u64 = 5;

/// Compiles the component that the parent hands over on standard input, and
/// writes the code to standard output. For a process of its own: it lowers its
/// own limits, and it ends the process when the parent is gone.
pub fn compile_for_parent() -> ExitCode {
    match serve(io::stdin(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The parent reads it.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(mut input: impl Read + Send + 'static, output: &mut impl Write) -> io::Result<()> {
    let request: Request = frames::read(&mut input)?;
    limit(&request.limits)?;
    let component = frames::read_bytes(&mut input, request.component_bytes)?;
    end_with_parent(input)?;
    let made = compile(&request, &component);
    let (answer, code) = match made {
        Ok(Compiled { code, configured }) => {
            let code_bytes = code.bytes().len() as u64;
            (Answer::Made { configured, code_bytes }, Some(code))
        }
        Err(error) => (Answer::Not(error), None),
    };
    frames::write(output, &answer)?;
    if let Some(code) = code {
        output.write_all(code.bytes())?;
    }
    output.flush()
}

fn compile(request: &Request, component: &[u8]) -> Result<Compiled, CompileError> {
    let engine = compiling_engine().map_err(|error| CompileError::Failed(format!("{error:#}")))?;
    if Fingerprint::of(&engine) != request.engine {
        let text = "it has other settings than this server: was the program replaced while it ran? restart it";
        return Err(CompileError::Failed(text.to_owned()));
    }
    make(&engine, component, &request.product)
}

fn limit(limits: &CompileLimits) -> io::Result<()> {
    let at_most = |limit: u64| Rlimit { current: Some(limit), maximum: Some(limit) };
    let seconds = limits.cpu_time.as_secs().max(1);
    let processor = Rlimit { current: Some(seconds), maximum: Some(seconds + GRACE_SECONDS) };
    setrlimit(Resource::Core, at_most(0))?;
    setrlimit(Resource::As, at_most(limits.memory_bytes))?;
    setrlimit(Resource::Cpu, processor)?;
    // Where it may not give way it competes, and does its work all the same.
    let _ = nice(i32::from(limits.niceness));
    Ok(())
}

/// The parent keeps its end of the pipe until it has the answer.
fn end_with_parent(mut input: impl Read + Send + 'static) -> io::Result<()> {
    let watch = move || {
        let mut rest = [0; 1];
        let _ = input.read(&mut rest);
        std::process::exit(1);
    };
    thread::Builder::new().name("parent".into()).stack_size(64 << 10).spawn(watch).map(drop)
}
