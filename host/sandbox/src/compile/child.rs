//! The parent's side: starts the compiler, hands it the component, takes the
//! code, and ends it when it takes too long or nobody wants the answer any more.

use std::io::{self, Read as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::frames::{self, Answer, Request};
use super::{CompileError, CompileLimits, Compiled, CompilerProgram, Fingerprint, Product};
use crate::cache::TrustedCode;

/// How often a child that said everything is asked whether it has ended.
const ENDING: Duration = Duration::from_millis(5);

/// Bytes of what the child says on its standard error that are read.
const STDERR_BYTES: u64 = 4096;

pub(super) async fn compile(
    program: &CompilerProgram,
    limits: CompileLimits,
    engine: Fingerprint,
    component: Arc<[u8]>,
    product: Product,
) -> Result<Compiled, CompileError> {
    let (child, pipes) = start(program)
        .map_err(|error| CompileError::Failed(format!("it cannot be started: {error}")))?;
    let request = Request {
        limits: limits.clone(),
        engine,
        product,
        component_bytes: component.len() as u64,
    };
    let talking = child.clone();
    let talk = tokio::task::spawn_blocking(move || {
        let answer = pipes.talk(&request, &component);
        (answer, talking.ended())
    });
    // The child goes with this future.
    let _ends = EndOnDrop(child);
    match tokio::time::timeout(limits.wall_time, talk).await {
        Err(_) => Err(CompileError::Stopped(format!(
            "it took more than {:?} (compile_seconds)",
            limits.wall_time
        ))),
        Ok(Err(_)) => Err(CompileError::Failed("its answer could not be read".to_owned())),
        Ok(Ok((Ok(answer), _))) => answer,
        Ok(Ok((Err(error), status))) => Err(told(&error, status, &limits)),
    }
}

/// The compiler ended without an answer.
fn told(error: &Broken, status: io::Result<ExitStatus>, limits: &CompileLimits) -> CompileError {
    tracing::debug!(said = error.said, "the compiler said before it ended");
    let signal = status.as_ref().ok().and_then(ExitStatusExt::signal);
    if error.said.contains("memory allocation of") {
        return too_much_memory(limits);
    }
    match signal.and_then(rustix::process::Signal::from_named_raw) {
        Some(rustix::process::Signal::XCPU) => CompileError::Stopped(format!(
            "it took more than {:?} of processor time (compile_cpu_seconds)",
            limits.cpu_time
        )),
        Some(rustix::process::Signal::KILL) => {
            CompileError::Stopped("the system ended the compiler, maybe for want of memory".into())
        }
        Some(signal) => {
            let number = signal.as_raw();
            CompileError::Stopped(format!("the compiler crashed on it (signal {number})"))
        }
        None => match status {
            Ok(status) => CompileError::Failed(format!("{}; it ended with {status}", error.error)),
            Err(_) => CompileError::Failed(error.error.to_string()),
        },
    }
}

fn too_much_memory(limits: &CompileLimits) -> CompileError {
    let allowed = limits.memory_bytes;
    let text = format!("it needs more than {allowed} bytes of memory (compile_memory_bytes)");
    CompileError::Stopped(text)
}

/// The system's own words for memory that it does not give, wherever they arose.
fn of_memory(error: CompileError, limits: &CompileLimits) -> CompileError {
    let text = error.to_string();
    if text.contains("Cannot allocate memory") || text.contains("os error 12") {
        return too_much_memory(limits);
    }
    error
}

/// The running child, shared by who talks with it and who may end it.
#[derive(Clone)]
struct Running(Arc<Mutex<Child>>);

impl Running {
    fn end(&self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
    }

    /// Waits for the end without keeping others from ending it.
    fn ended(&self) -> io::Result<ExitStatus> {
        loop {
            let status = self.0.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?;
            if let Some(status) = status {
                return Ok(status);
            }
            thread::sleep(ENDING);
        }
    }
}

struct EndOnDrop(Running);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// No answer, and what stood on the child's standard error.
struct Broken {
    error: io::Error,
    said: String,
}

struct Pipes {
    input: ChildStdin,
    output: ChildStdout,
    error: ChildStderr,
}

/// Started with nothing of ours: no environment, no folder, three pipes.
fn start(program: &CompilerProgram) -> io::Result<(Running, Pipes)> {
    let mut command = Command::new(&program.program);
    command
        .arg0("tureen")
        .args(&program.arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (input, output, error) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let running = Running(Arc::new(Mutex::new(child)));
    match (input, output, error) {
        (Some(input), Some(output), Some(error)) => Ok((running, Pipes { input, output, error })),
        _ => {
            running.end();
            Err(io::Error::other("it has no pipes"))
        }
    }
}

impl Pipes {
    fn talk(
        mut self,
        request: &Request,
        component: &[u8],
    ) -> Result<Result<Compiled, CompileError>, Broken> {
        let answer = self.ask(request, component);
        answer.map_err(|error| {
            let mut said = Vec::new();
            let _ = (&mut self.error).take(STDERR_BYTES).read_to_end(&mut said);
            Broken { error, said: String::from_utf8_lossy(&said).into_owned() }
        })
    }

    /// The child ends itself when its input ends: so this end stays open until the
    /// answer is there, and a parent that dies takes its compilers along.
    fn ask(
        &mut self,
        request: &Request,
        component: &[u8],
    ) -> io::Result<Result<Compiled, CompileError>> {
        frames::write(&mut self.input, request)?;
        self.input.write_all(component)?;
        self.input.flush()?;
        let (configured, length) = match frames::read(&mut self.output)? {
            Answer::Not(error) => return Ok(Err(of_memory(error, &request.limits))),
            Answer::Made { configured, code_bytes } => (configured, code_bytes),
        };
        let allowed = request.limits.code_bytes;
        if length > allowed {
            return Ok(Err(CompileError::Stopped(format!(
                "its code has {length} bytes, at most {allowed} are taken"
            ))));
        }
        let code = TrustedCode::compiled(frames::read_bytes(&mut self.output, length)?);
        Ok(Ok(Compiled { code, configured }))
    }
}
